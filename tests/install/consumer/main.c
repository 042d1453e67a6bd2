/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program of somebody else: starts a service and stops it. */
#include <mirakuru-glib.h>

int
main (void)
{
  const char *argv[] = { "sleep", "60", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start (executor, NULL, &error))
    g_error ("start: %s", error->message);
  g_assert_cmpint (mk_simple_executor_get_state (executor), ==, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_simple_executor_get_running (executor));
  if (!mk_simple_executor_stop (executor, NULL, &error))
    g_error ("stop: %s", error->message);
  g_assert_false (mk_simple_executor_get_active (executor));
  g_print ("started and stopped\n");

  return 0;
}
