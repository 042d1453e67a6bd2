/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

char **mk_service_template_list (void);
GFile *mk_service_template_find (const char *name, GError **error);
GPtrArray *mk_service_template_unfold (GPtrArray *settings, GError **error);

G_END_DECLS
