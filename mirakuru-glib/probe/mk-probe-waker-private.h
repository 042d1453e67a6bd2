/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

typedef struct _MkProbeWaker MkProbeWaker;

MkProbeWaker *mk_probe_waker_new (MkProbe *probe);
void mk_probe_waker_free (MkProbeWaker *self);
void mk_probe_waker_move (MkProbeWaker *self, GMainContext *context);
void mk_probe_waker_wake (MkProbeWaker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkProbeWaker, mk_probe_waker_free)

G_END_DECLS
