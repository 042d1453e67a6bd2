/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "process/mk-process-private.h"

G_BEGIN_DECLS

typedef struct _MkEmitter MkEmitter;

MkEmitter *mk_emitter_new (MkSimpleExecutor *executor);
MkEmitter *mk_emitter_ref (MkEmitter *self);
void mk_emitter_unref (MkEmitter *self);
void mk_emitter_renew_locks (MkEmitter *self);
void mk_emitter_detach (MkEmitter *self);

MkWakeSource *mk_emitter_get_waker (MkEmitter *self);
void mk_emitter_wake (MkEmitter *self);
void mk_emitter_on_output (gpointer self);

G_END_DECLS
