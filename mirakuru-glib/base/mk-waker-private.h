/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkWaker MkWaker;

MkWaker *mk_waker_attach (GMainContext *context,
                          const char *name,
                          GSourceFunc func,
                          gpointer data,
                          GDestroyNotify destroy);
MkWaker *mk_cancel_waker_attach (GCancellable *cancellable,
                                 GMainContext *context,
                                 GCancellableSourceFunc func,
                                 gpointer data);
MkWaker *mk_waker_ref (MkWaker *self);
void mk_waker_unref (MkWaker *self);
void mk_waker_allow_recursion (MkWaker *self);
void mk_waker_wake (MkWaker *self);
void mk_waker_wake_at (MkWaker *self, gint64 time_us);
void mk_waker_destroy (MkWaker *self);
void mk_waker_clear (MkWaker **self);

G_END_DECLS
