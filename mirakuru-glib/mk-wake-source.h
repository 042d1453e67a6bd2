/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GSource *mk_wake_source_new (const char *name, GSourceFunc func, gpointer data, GDestroyNotify destroy);
GSource *mk_wake_source_attach (GMainContext *context,
                                const char *name,
                                GSourceFunc func,
                                gpointer data,
                                GDestroyNotify destroy);
GSource *mk_cancel_source_attach (GCancellable *cancellable,
                                  GMainContext *context,
                                  GCancellableSourceFunc func,
                                  gpointer data);
void mk_wake_source_wake (GSource *source);
void mk_wake_source_wake_at (GSource *source, gint64 time_us);
void mk_wake_source_clear (GSource **source);

G_END_DECLS
