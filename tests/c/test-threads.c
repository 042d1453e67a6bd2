/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One executor used from several threads at once, and many executors at the same time. Also what the
 * ThreadSanitizer build runs to look for races. */

#include <mirakuru-glib.h>

#include <signal.h>

#include "mk-test-util.h"

#define N_THREADS 4
#define N_ROUNDS  8

static const char *const quiet_service[] = { "sleep", "1000", NULL };
static const char *const loud_service[] = { "yes", NULL };

/* ---- one executor a thread ---- */

static gpointer
start_and_stop (gpointer data)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (i % 2 ? loud_service : quiet_service);
      g_autoptr (GBytes) output = NULL;
      g_autoptr (GError) error = NULL;

      mk_simple_executor_set_output_limit (executor, 10000);
      g_assert_true (mk_simple_executor_start (executor, NULL, &error));
      g_assert_no_error (error);
      output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
      g_assert_cmpuint (g_bytes_get_size (output), <=, 10000);

      switch (i % 3)
        {
        case 0:
          g_assert_true (mk_simple_executor_stop (executor, NULL, &error));
          g_assert_no_error (error);
          break;

        case 1:
          g_assert_true (mk_simple_executor_kill (executor, NULL, &error));
          g_assert_no_error (error);
          break;

        default:
          break; /* dropped */
        }
    }

  return NULL;
}

static void
test_one_executor_a_thread (void)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("user", start_and_stop, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* ---- contexts that go as soon as they can ---- */

static void
start_and_kill_in_own_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  {
    g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (quiet_service);
    g_autoptr (GError) error = NULL;

    g_assert_true (mk_simple_executor_start (executor, NULL, &error));
    g_assert_no_error (error);
    g_assert_true (mk_simple_executor_kill (executor, NULL, &error));
    g_assert_no_error (error);
  }
  g_main_context_pop_thread_default (context);
}

static gpointer
use_own_contexts (gpointer data)
{
  for (guint i = 0; i < 8 * N_ROUNDS; i++)
    start_and_kill_in_own_context ();
  return NULL;
}

/* The library's own thread may be about to say something there. */
static void
test_contexts_that_go (void)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("user", use_own_contexts, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* ---- one executor for all threads ---- */

/* Whatever the others do: an error is one of those that say so. */
static void
assert_expected (const GError *error)
{
  if (error != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PENDING) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
      !g_error_matches (error, MK_ERROR, MK_ERROR_FAILED))
    g_error ("unexpected: %s", error->message);
}

static gpointer
use_shared (gpointer data)
{
  MkSimpleExecutor *executor = data;

  for (guint i = 0; i < 4 * N_ROUNDS; i++)
    {
      g_autofree char *description = mk_simple_executor_describe (executor);
      g_autoptr (GError) start_error = NULL;
      g_autoptr (GError) signal_error = NULL;
      g_autoptr (GError) stop_error = NULL;

      g_assert_nonnull (description);
      mk_simple_executor_start (executor, NULL, &start_error);
      assert_expected (start_error);
      mk_simple_executor_get_state (executor);
      mk_simple_executor_send_signal (executor, SIGCONT, &signal_error);
      assert_expected (signal_error);
      if (i % 2)
        mk_simple_executor_stop (executor, NULL, &stop_error);
      else
        mk_simple_executor_kill (executor, NULL, &stop_error);
      assert_expected (stop_error);
    }

  return NULL;
}

static void
test_one_executor_for_all_threads (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (quiet_service);
  g_autoptr (GError) error = NULL;
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("user", use_shared, executor);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);

  g_assert_true (mk_simple_executor_kill (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (mk_simple_executor_get_active (executor));
  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  g_assert_no_error (error);
}

/* ---- a start that waits in one thread is ended by another ---- */

static gpointer
stop_soon (gpointer data)
{
  MkSimpleExecutor *executor = data;
  g_autoptr (GError) error = NULL;

  while (!mk_simple_executor_get_running (executor))
    g_thread_yield ();
  g_assert_true (mk_simple_executor_stop (executor, NULL, &error));
  g_assert_no_error (error);
  return NULL;
}

static void
test_start_stopped_by_another_thread (void)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (MkTcpExecutor) executor =
          mk_tcp_executor_new (quiet_service, "127.0.0.1", mk_test_free_port ());
      GThread *thread = g_thread_new ("user", stop_soon, executor);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (executor), NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_thread_join (thread);
      g_assert_false (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (executor)));
      g_assert_cmpint (
          mk_simple_executor_get_state (MK_SIMPLE_EXECUTOR (executor)), ==, MK_EXECUTOR_STATE_STOPPED);
    }
}

/* ---- output that comes while it is read ---- */

static gpointer
read_all (gpointer data)
{
  g_autoptr (GInputStream) stream = data;
  char buffer[4096];
  gssize n;

  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, NULL, NULL)) > 0)
    g_assert_cmpint (buffer[0] == 'y' || buffer[0] == '\n', ==, TRUE);

  g_assert_cmpint (n, ==, 0);
  return NULL;
}

static void
test_output_read_by_several_threads (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (loud_service);
  g_autoptr (GError) error = NULL;
  GThread *threads[N_THREADS];

  mk_simple_executor_set_output_limit (executor, 65536);
  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] =
        g_thread_new ("reader", read_all, mk_simple_executor_open_output (executor, MK_STREAM_STDOUT));

  g_assert_true (mk_simple_executor_kill (executor, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/threads/one-executor-a-thread", test_one_executor_a_thread);
  g_test_add_func ("/threads/contexts-that-go", test_contexts_that_go);
  g_test_add_func ("/threads/one-executor-for-all-threads", test_one_executor_for_all_threads);
  g_test_add_func ("/threads/start-stopped-by-another-thread", test_start_stopped_by_another_thread);
  g_test_add_func ("/threads/output-read-by-several-threads", test_output_read_by_several_threads);

  return g_test_run ();
}
