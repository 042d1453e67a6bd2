/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prints a clause, an error and an error with a plural of the library, a line each.
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
  g_autoptr (MkUnixSocketProbe) socket = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *clause = NULL;
  g_autofree char *long_path = NULL;

  setlocale (LC_ALL, "");
  if (argc > 1)
    textdomain (argv[1]);

  probe = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", 80));
  clause = mk_probe_describe (probe);
  g_print ("%s\n", clause);

  executor = mk_simple_executor_new (command);
  g_assert_false (mk_simple_executor_wait_for (executor, probe, NULL, &error));
  g_print ("%s\n", error->message);

  g_clear_error (&error);
  /* An abstract name, which is shown as it is */
  long_path = g_strnfill (200, 'x');
  long_path[0] = '@';
  socket = mk_unix_socket_probe_new (long_path);
  g_assert_false (mk_probe_check (MK_PROBE (socket), NULL, &error));
  g_print ("%s\n", error->message);

  return 0;
}
