/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints a clause, an error and a plural of the library, a line each.
 * Usage: mk-test-words [DOMAIN], the domain of the program itself
 */

#include <libintl.h>
#include <locale.h>
#include <mirakuru-glib.h>

int
main (int argc, char **argv)
{
  const char *command[] = { "sleep", "60", NULL };
  g_autoptr (MkProbe) probe = NULL;
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (MkOutputExecutor) output = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *clause = NULL;
  g_autofree char *plural = NULL;

  setlocale (LC_ALL, "");
  if (argc > 1)
    textdomain (argv[1]);

  probe = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", 80));
  clause = mk_probe_describe (probe);
  g_print ("%s\n", clause);

  executor = mk_simple_executor_new (command);
  g_assert_false (mk_simple_executor_wait_for (executor, probe, NULL, &error));
  g_print ("%s\n", error->message);

  output = mk_output_executor_new (command, "up");
  mk_output_executor_set_occurrences (output, 3);
  plural = mk_probe_describe (mk_executor_get_probe (MK_EXECUTOR (output)));
  g_print ("%s\n", plural);

  return 0;
}
