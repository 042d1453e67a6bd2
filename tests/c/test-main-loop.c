/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever else a main loop has to do is done while a service starts.
 */

#include "mk-test-calls.h"

static gboolean
tick (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

static void
test_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "200", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  guint n_ticks = 0, source = g_timeout_add (5, tick, &n_ticks);

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (executor, result, NULL));
  g_source_remove (source);
  g_assert_cmpuint (n_ticks, >, 5);
  mk_test_assert_stops (executor);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/main-loop/start", test_start);

  return g_test_run ();
}
