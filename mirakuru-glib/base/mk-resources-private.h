/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean mk_resources_check_descriptors (guint n, GError **error);
gboolean mk_resources_check_thread (GError **error);

G_END_DECLS
