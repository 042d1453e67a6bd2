/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON, of which nothing else is needed. */

#include "mk-tool.h"

#include <json-glib/json-glib.h>

/* Returns: (transfer full): with a line break at its end */
char *
mk_tool_json_dup_text (GVariant *value, GError **error)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_gvariant_serialize (value);
  g_autofree char *json = NULL;

  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  json = json_generator_to_data (generator, NULL);
  return g_strconcat (json, "\n", NULL);
}
