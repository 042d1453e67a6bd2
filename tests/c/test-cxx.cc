/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The headers are C++, too: all that is inline in them is compiled here. */

#include "mirakuru-glib-test.h"

static void
test_start_stop (void)
{
  const char *const argv[] = { g_getenv ("MK_TEST_SERVICE"), "--lifetime", "60", "--print", "up", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  g_assert_true (mk_gtest_start (executor));
  mk_gtest_show_output (executor);
  g_assert_true (mk_gtest_stop (executor));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cxx/start-stop", test_start_stop);
  return g_test_run ();
}
