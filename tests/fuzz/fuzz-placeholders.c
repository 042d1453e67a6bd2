/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Placeholders: what a text becomes is the same each time, and a text without any stays as it is.
 */

#include "mk-fuzz.h"

#include "base/mk-values-private.h"
#include "mk-error.h"

/* There is a service "db" beside this one, which has a name and a port. */
static gboolean
find_value (gpointer scope, const char *service, const char *key, char **value, GError **error)
{
  if (!g_str_equal (service, "db"))
    return FALSE;

  if (g_str_equal (key, "port"))
    *value = g_strdup ("5432");
  else if (g_str_equal (key, "name"))
    *value = g_strdup ("{port}");
  else
    g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "db has no %s", key);
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (MkValues) values = mk_values_new ("web", find_value, NULL);
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *expanded = g_strdup (text);
  g_autofree char *again = g_strdup (text);
  g_autoptr (GError) error = NULL;

  mk_values_set (values, "host", "127.0.0.1");
  if (!mk_values_expand (values, &expanded, &error))
    {
      mk_fuzz_assert_error (error);
      return 0;
    }

  if (!mk_values_has_placeholders (text))
    g_assert_cmpstr (expanded, ==, text);
  g_assert_true (mk_values_expand (values, &again, &error));
  g_assert_cmpstr (expanded, ==, again);
  return 0;
}
