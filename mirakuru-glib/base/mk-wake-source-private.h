/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkWakeSource MkWakeSource;

MkWakeSource *mk_wake_source_attach (GMainContext *context,
                                     const char *name,
                                     GSourceFunc func,
                                     gpointer data,
                                     GDestroyNotify destroy);
MkWakeSource *mk_cancel_source_attach (GCancellable *cancellable,
                                       GMainContext *context,
                                       GCancellableSourceFunc func,
                                       gpointer data);
MkWakeSource *mk_wake_source_ref (MkWakeSource *self);
void mk_wake_source_unref (MkWakeSource *self);
void mk_wake_source_wake (MkWakeSource *self);
void mk_wake_source_wake_at (MkWakeSource *self, gint64 time_us);
void mk_wake_source_destroy (MkWakeSource *self);
void mk_wake_source_clear (MkWakeSource **self);

G_END_DECLS
