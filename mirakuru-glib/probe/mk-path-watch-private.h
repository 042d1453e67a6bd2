/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

typedef struct _MkPathWatch MkPathWatch;

MkPathWatch *mk_path_watch_new (MkProbe *probe);
void mk_path_watch_free (MkPathWatch *self);
void mk_path_watch_follow (MkPathWatch *self, const char *path);
void mk_path_watch_stop (MkPathWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkPathWatch, mk_path_watch_free)

G_END_DECLS
