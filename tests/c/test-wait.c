/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waiting for a service that runs: until it ends, or until something else can be said of it.
 */

#include "mk-test-calls.h"

#include <signal.h>

#define FIRST_WAIT_MS 1000
#define LIMIT_MS      1500

/* wait() */

static void
test_wait_for_the_end (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--exit-after", "30", "--exit", "3", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 3);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_EXITED);
  g_assert_false (mk_simple_executor_get_active (executor));
  mk_test_assert_nothing_left (tag);
}

static gboolean
check_after_exit (int status, int expected_status, GError **error)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *number = g_strdup_printf ("%d", status);
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--exit-after", "30", "--exit", number, NULL);
  gboolean done;

  mk_simple_executor_set_expected_status (executor, expected_status);
  g_assert_true (mk_test_wait_check (executor, NULL, NULL));
  mk_test_assert_starts (executor);
  done = mk_test_wait_check (executor, NULL, error);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, status);
  mk_test_assert_nothing_left (tag);
  return done;
}

static void
test_wait_check (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (check_after_exit (0, MK_STATUS_NONE, &error));
  g_assert_true (check_after_exit (0, 3, &error));
  g_assert_true (check_after_exit (3, 3, &error));
  g_assert_no_error (error);
  g_assert_false (check_after_exit (3, MK_STATUS_NONE, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
  mk_test_assert_contains (error->message, "exited with status 3");
  g_clear_error (&error);

  /* Being stopped is a good end. */
  mk_test_assert_starts (executor);
  mk_simple_executor_wait_check_async (executor, NULL, mk_test_store_result, &result);
  mk_test_assert_stops (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_wait_check_finish (executor, result, &error));
  g_assert_no_error (error);
  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_send_signal (executor, SIGINT, NULL));
  g_assert_false (mk_test_wait_check (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
}

static void
test_stop_ends_wait (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  mk_test_assert_starts (executor);
  mk_simple_executor_wait_async (executor, NULL, mk_test_store_result, &result);
  mk_test_assert_stops (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_wait_finish (executor, result, NULL));
}

static void
test_cancel_wait (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_wait (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
}

/* wait_for() */

static gboolean
has_printed (gpointer executor, GError **error)
{
  g_autoptr (GBytes) output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  return g_bytes_get_size (output) > 0;
}

static gboolean
never (gpointer unused, GError **error)
{
  return FALSE;
}

static void
test_wait_for (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--after", "50", "--ready", "now", NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (has_printed, executor, NULL);
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_wait_for (executor, probe, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (has_printed (executor, NULL));
  mk_test_assert_stops (executor);
}

static void
test_wait_for_in_vain (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--deaf", "--print", "nearly", NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, 300);
  mk_test_assert_starts (executor);
  g_assert_false (mk_test_wait_for (executor, probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "nearly");
  mk_test_assert_nothing_left (tag);
}

static gboolean
has_come (gpointer time, GError **error)
{
  return g_get_monotonic_time () >= *(const gint64 *) time;
}

/* The time limit begins with the start, also for what is waited for after the start. */
static void
test_wait_for_has_the_limit_of_the_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  gint64 begin = g_get_monotonic_time (), soon = begin + FIRST_WAIT_MS * G_TIME_SPAN_MILLISECOND;
  g_autoptr (MkCallbackProbe) first = mk_callback_probe_new (has_come, &soon, NULL);
  g_autoptr (MkCallbackProbe) second = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gint64 took_ms;

  mk_simple_executor_set_start_timeout (executor, LIMIT_MS);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_wait_for (executor, first, NULL, &error));
  g_assert_false (mk_test_wait_for (executor, second, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  took_ms = (g_get_monotonic_time () - begin) / G_TIME_SPAN_MILLISECOND;
  g_assert_cmpint (took_ms, >=, LIMIT_MS);
  g_assert_cmpint (took_ms, <, FIRST_WAIT_MS + LIMIT_MS);
  mk_test_assert_nothing_left (tag);
}

static void
test_wait_for_one_that_exits (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--exit-after", "50", "--exit", "3", NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_false (mk_test_wait_for (executor, probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "exited with status 3");
}

static void
test_wait_for_without_start (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("nothing", NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_wait_for (executor, probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "start");
}

static void
test_cancel_wait_for (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_wait_for (executor, probe, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* The service is not the probe's. */
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
}

/* A command that completes is ready when it has ended. */

static void
test_completes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--exit-after", "100", NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_completes (executor, TRUE);
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (mk_simple_executor_get_running (executor));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
  mk_test_assert_stops (executor);

  /* It may be run again, and after a stop too. */
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_completes_badly (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--exit-after", "30", "--exit", "3", "--print", "why", NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_completes (executor, TRUE);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "exited with status 3 after");
  mk_test_assert_contains (error->message, "while waiting for its work to be done");
  mk_test_assert_contains (error->message, "why");
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);

  g_clear_error (&error);
  mk_simple_executor_set_expected_status (executor, 3);
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_completes_too_late (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_completes (executor, TRUE);
  mk_simple_executor_set_start_timeout (executor, 100);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mk_simple_executor_set_start_timeout (executor, 0);
  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_nothing_left (tag);
}

static void
test_completes_with_a_probe (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, 1, NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_completes (executor, TRUE);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/wait/end", test_wait_for_the_end);
  mk_test_add_everywhere ("/wait/check", test_wait_check);
  mk_test_add ("/wait/stop-ends-it", test_stop_ends_wait);
  mk_test_add ("/wait/cancelled", test_cancel_wait);

  mk_test_add_everywhere ("/wait/for/ready", test_wait_for);
  mk_test_add ("/wait/for/in-vain", test_wait_for_in_vain);
  mk_test_add ("/wait/for/limit-of-the-start", test_wait_for_has_the_limit_of_the_start);
  mk_test_add ("/wait/for/one-that-exits", test_wait_for_one_that_exits);
  mk_test_add ("/wait/for/without-start", test_wait_for_without_start);
  mk_test_add ("/wait/for/cancelled", test_cancel_wait_for);

  mk_test_add_everywhere ("/wait/completes", test_completes);
  mk_test_add_everywhere ("/wait/completes/badly", test_completes_badly);
  mk_test_add ("/wait/completes/too-late", test_completes_too_late);
  mk_test_add ("/wait/completes/with-a-probe", test_completes_with_a_probe);

  return g_test_run ();
}
