/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

/* Unix only: a descriptor that the worker watches for input and for its end. There is an implementation for
 * Linux, and one for where the option linux_features is disabled. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MkWatch MkWatch;

typedef void (*MkWatchFunc) (gpointer data);

MkWatch *mk_watch_new (int fd, MkWatchFunc func, gpointer data);
void mk_watch_free (MkWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkWatch, mk_watch_free)

G_END_DECLS
