/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

void mk_tool_readiness_add_options (GOptionGroup *group, GOptionArgFunc func);
gboolean
mk_tool_readiness_parse (const char *option_name, const char *value, GPtrArray *probes, GError **error);
char *mk_tool_readiness_dup_name (const char *option_name, const char *value);

G_END_DECLS
