/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean mk_descriptor_check (GError **error);
char *mk_descriptor_explain (int error_number);

G_END_DECLS
