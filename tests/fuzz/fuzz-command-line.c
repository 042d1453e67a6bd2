/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words of a command line. What was split can be quoted, and is split into the same again.
 */

#include "mk-fuzz.h"

#include "mk-simple-executor.h"

static char *
quote (const char *const *argv)
{
  GString *line = g_string_new (NULL);

  for (const char *const *word = argv; *word != NULL; word++)
    {
      g_autofree char *quoted = g_shell_quote (*word);

      g_string_append_printf (line, "%s ", quoted);
    }
  return g_string_free (line, FALSE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *line = g_strndup ((const char *) data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_command_line (line, &error);
  g_autoptr (MkSimpleExecutor) again = NULL;
  g_autofree char *quoted = NULL;

  if (executor == NULL)
    {
      mk_fuzz_assert_error (error);
      return 0;
    }

  quoted = quote (mk_simple_executor_get_command (executor));
  again = mk_simple_executor_new_for_command_line (quoted, &error);
  g_assert_no_error (error);
  g_assert_true (
      g_strv_equal (mk_simple_executor_get_command (executor), mk_simple_executor_get_command (again)));
  return 0;
}
