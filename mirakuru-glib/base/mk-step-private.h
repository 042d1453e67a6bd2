/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef void (*MkStepFunc) (gpointer instance, GTask *task);

GTask *mk_step_begin_async (gpointer instance,
                            const char *name,
                            gint64 deadline,
                            guint grace_ms,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
void mk_step_run_async (gpointer instance,
                        MkStepFunc func,
                        const char *name,
                        gint64 deadline,
                        guint grace_ms,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
gboolean mk_step_run_finish (GAsyncResult *result, gboolean *timed_out, GError **error);
gboolean mk_step_run_is_to_blame (GAsyncResult *result, const char *name);

G_END_DECLS
