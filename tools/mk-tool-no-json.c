/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For a system without json-glib. */

#include "mk-tool.h"

char *
mk_tool_json_dup_text (GVariant *value, GError **error)
{
  g_set_error_literal (
      error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, _ ("this mirakuru was built without json-glib"));
  return NULL;
}
