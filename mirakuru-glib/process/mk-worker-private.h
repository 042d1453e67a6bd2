/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean mk_worker_ensure (GError **error);
gboolean mk_worker_exists (void);
GMainContext *mk_worker_get_context (void);
void mk_worker_invoke (GSourceFunc func, gpointer data);
void mk_worker_add_job (GSourceFunc func, gpointer data);

G_END_DECLS
