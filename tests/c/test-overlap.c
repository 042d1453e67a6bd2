/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations that meet: a stop during a start, two stops, a cancellation, an executor that is dropped in the
 * middle. Whatever happens, everybody gets an answer, and nothing is left.
 */

#include "mk-test-calls.h"

#include <signal.h>

#define LONG_MS  (60 * 1000)
#define SHORT_MS 1000
/* How long after its limit a service is killed whose context is not run */
#define LIMIT_GRACE_MS 2000

/* An operation that was begun with mk_test_store_result() */
typedef gboolean (*FinishFunc) (MkSimpleExecutor *executor, GAsyncResult *result, GError **error);

static void
assert_ends (MkSimpleExecutor *executor, GAsyncResult **result, FinishFunc finish)
{
  g_autoptr (GAsyncResult) taken = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_await_result (NULL, result, MK_TEST_LIMIT_MS));
  taken = g_steal_pointer (result);
  g_assert_true (finish (executor, taken, &error));
  g_assert_no_error (error);
}

static void
assert_ends_cancelled (MkSimpleExecutor *executor, GAsyncResult **result, FinishFunc finish)
{
  g_autoptr (GAsyncResult) taken = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_await_result (NULL, result, MK_TEST_LIMIT_MS));
  taken = g_steal_pointer (result);
  g_assert_false (finish (executor, taken, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gboolean
is_spawned (gpointer executor)
{
  return mk_simple_executor_get_running (executor);
}

static void
begin_start (MkSimpleExecutor *executor, GAsyncResult **result)
{
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, result);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STARTING);
}

/* Its process is there, but the context in which the start goes on is not run any more. */
static void
begin_start_and_get_stuck (MkSimpleExecutor *executor, GAsyncResult **result)
{
  begin_start (executor, result);
  g_assert_true (mk_test_iterate_until (NULL, is_spawned, executor, MK_TEST_LIMIT_MS));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STARTING);
}

/* A context that is not run */

static void
test_limit_without_context (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, SHORT_MS);
  begin_start_and_get_stuck (executor, &result);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_LIMIT_MS));

  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "was killed: it was not ready within");
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* The next start has to wait until the one that was stopped has come to its end, in its context. */
static void
assert_starts_again (MkSimpleExecutor *executor, guint port, GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;

  mk_test_assert_stops (executor);
  if (*result == NULL)
    {
      g_assert_false (mk_simple_executor_start (executor, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
    }
  assert_ends_cancelled (executor, result, mk_simple_executor_start_finish);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);

  mk_test_assert_starts (executor);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
}

static void
test_restart_without_context (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  begin_start (executor, &result);
  assert_starts_again (executor, port, &result);

  /* The same, of an executor that was used before */
  begin_start (executor, &result);
  assert_starts_again (executor, port, &result);
  mk_test_assert_nothing_left (tag);
}

static void
test_restart_after_limit_without_context (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  mk_simple_executor_set_start_timeout (executor, SHORT_MS);
  begin_start_and_get_stuck (executor, &result);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_LIMIT_MS));
  g_assert_true (mk_test_await_inactive (executor));
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  assert_starts_again (executor, port, &result);
  mk_test_assert_nothing_left (tag);
}

/* A service that was ready in time has no limit any more, nor has the next one. */
static void
test_no_limit_when_ready (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  gint64 end;

  mk_simple_executor_set_start_timeout (executor, 2 * SHORT_MS);
  mk_test_assert_starts (executor);
  end = g_get_monotonic_time () + (2 * SHORT_MS + LIMIT_GRACE_MS + SHORT_MS) * G_TIME_SPAN_MILLISECOND;
  while (g_get_monotonic_time () < end && mk_simple_executor_get_running (executor))
    g_usleep (10000);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
}

/* A stop during a start */

static void
test_stop_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", NULL);
  g_autoptr (GAsyncResult) result = NULL;

  begin_start_and_get_stuck (executor, &result);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  assert_ends_cancelled (executor, &result, mk_simple_executor_start_finish);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* The start has done nothing yet when the stop comes. */
static void
test_stop_before_spawn (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  begin_start (executor, &result);
  g_assert_true (mk_test_stop (executor, NULL, &error));
  g_assert_no_error (error);
  assert_ends_cancelled (executor, &result, mk_simple_executor_start_finish);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
}

static void
test_kill_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", "--deaf", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  begin_start_and_get_stuck (executor, &result);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_nothing_left (tag);
  assert_ends_cancelled (executor, &result, mk_simple_executor_start_finish);
}

static void
test_restart_after_stop_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GAsyncResult) result = NULL;

  for (guint i = 0; i < 5; i++)
    {
      begin_start_and_get_stuck (executor, &result);
      assert_starts_again (executor, port, &result);
      mk_test_assert_nothing_left (tag);
    }
}

/* Two of a kind */

static void
test_start_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  begin_start_and_get_stuck (executor, &result);
  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  assert_ends (executor, &result, mk_simple_executor_start_finish);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
}

static MkSimpleExecutor *
start_deaf (const char *tag, guint stop_timeout_ms)
{
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);

  mk_simple_executor_set_stop_timeout (executor, stop_timeout_ms);
  mk_test_assert_starts (executor);
  return executor;
}

static void
test_start_during_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_deaf (tag, LONG_MS);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPING);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  mk_test_assert_contains (error->message, "stop");
  g_clear_error (&error);

  g_assert_true (mk_test_kill (executor, NULL, &error));
  assert_ends (executor, &result, mk_simple_executor_stop_finish);
}

static void
test_kill_during_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_deaf (tag, LONG_MS);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_nothing_left (tag);
  assert_ends (executor, &result, mk_simple_executor_stop_finish);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
}

static void
test_two_stops (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--term-delay", "50", NULL);
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;

  mk_test_assert_starts (executor);
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &first);
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &second);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  assert_ends (executor, &first, mk_simple_executor_stop_finish);
  assert_ends (executor, &second, mk_simple_executor_stop_finish);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* Each thread stops it synchronously. */
static gpointer
stop_in_thread (gpointer executor)
{
  return GINT_TO_POINTER (mk_simple_executor_stop (executor, NULL, NULL));
}

static void
test_stops_in_threads (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--term-delay", "20", NULL);
  GThread *threads[4];

  mk_test_assert_starts (executor);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("stopper", stop_in_thread, executor);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (GPOINTER_TO_INT (g_thread_join (threads[i])));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
}

/* Cancelling a start */

static void
test_cancel_before_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* The stop timeout would be ten seconds; a start that nobody wants any more gives it one. */
static void
test_cancel_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--after", "60000", "--deaf", "--children", "2", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  mk_test_cancel_later (cancellable, 100);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
}

/* At every moment of a start, so that none is lost: either it is ready, or nothing is left. */
static void
test_cancel_at_any_moment (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);

  for (guint i = 0; i < 30; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;

      mk_test_cancel_later (cancellable, i % 6);
      if (mk_test_start (executor, cancellable, &error))
        {
          mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
          g_assert_true (mk_test_answers (port));
          mk_test_assert_stops (executor);
        }
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      mk_test_assert_nothing_left (tag);
    }
}

static void
test_cancel_after_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, cancellable, &error));
  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
}

/* Cancelling a stop */

static void
test_cancel_before_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_cancellable_cancel (cancellable);
  g_assert_false (mk_test_stop (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
}

/* Only the waiting ends: the supervisor goes on. */
static void
test_cancel_during_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_deaf (tag, 600);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_stop (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_STOPPED));
  g_assert_true (mk_test_await_inactive (executor));
  mk_test_assert_nothing_left (tag);
  mk_test_assert_stops (executor);
}

/* To many services, a second signal means to end without finishing their work. */
static void
test_cancelled_stop_signals_once (void)
{
  static const char *const argv[] = {
    "sh", "-c", "trap 'echo TERM' TERM; echo up; while :; do sleep 0.02; done", NULL
  };
  g_autoptr (MkOutputExecutor) output = mk_output_executor_new (argv, "up");
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (output);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) bytes = NULL;

  if (!mk_test_has_linux_features ("the first process can be left out of its group"))
    return;
  mk_simple_executor_set_stop_timeout (executor, 500);
  mk_test_assert_starts (executor);
  mk_test_cancel_later (cancellable, 100);
  g_assert_false (mk_test_stop (executor, cancellable, NULL));
  mk_test_assert_stops (executor);
  bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpmem (
      g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "up\nTERM\n", strlen ("up\nTERM\n"));
}

static void
test_cancel_after_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_stop (executor, cancellable, &error));
  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* The last reference is dropped */

static void
test_drop_running (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = start_deaf (tag, LONG_MS);

  g_assert_finalize_object (executor);
  mk_test_assert_nothing_left (tag);
}

/* The operation keeps the executor until its result is given up. */
static void
test_drop_during_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "30", NULL);
  MkSimpleExecutor *kept = executor;
  g_autoptr (GAsyncResult) result = NULL;

  begin_start (executor, &result);
  g_object_add_weak_pointer (G_OBJECT (executor), (gpointer *) &kept);
  g_object_unref (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_nonnull (kept);
  g_assert_true (mk_simple_executor_start_finish (kept, result, NULL));
  g_clear_object (&result);
  /* The finished operation itself goes when its context has run. */
  while (kept != NULL && g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_null (kept);
  mk_test_assert_nothing_left (tag);
}

static void
test_drop_during_start_without_callback (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  gboolean gone = FALSE;

  mk_simple_executor_start_async (executor, NULL, NULL, NULL);
  g_object_weak_ref (G_OBJECT (executor), (GWeakNotify) (void *) g_atomic_int_inc, &gone);
  g_object_unref (executor);
  g_assert_true (mk_test_iterate_until_set (NULL, &gone, MK_TEST_LIMIT_MS));
  mk_test_assert_nothing_left (tag);
}

static void
test_drop_during_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = start_deaf (tag, 100);
  gboolean gone = FALSE;

  mk_simple_executor_stop_async (executor, NULL, NULL, NULL);
  g_object_weak_ref (G_OBJECT (executor), (GWeakNotify) (void *) g_atomic_int_inc, &gone);
  g_object_unref (executor);
  g_assert_true (mk_test_iterate_until_set (NULL, &gone, MK_TEST_LIMIT_MS));
  mk_test_assert_nothing_left (tag);
}

static gpointer
drop_in_thread (gpointer executor)
{
  g_object_unref (executor);
  return NULL;
}

static void
test_drop_in_another_thread (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = start_deaf (tag, LONG_MS);

  g_thread_join (g_thread_new ("dropper", drop_in_thread, executor));
  mk_test_assert_nothing_left (tag);
}

/* While its context runs, and has much to tell. The last reference may then be the one of a signal. */
static void
test_drop_in_another_thread_while_busy (void)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *tag = mk_test_new_tag ();
      MkSimpleExecutor *executor = mk_test_executor_new (tag, "--flood", "200000", NULL);
      gboolean gone = FALSE;
      guint n_lines = 0;
      GThread *thread;

      g_signal_connect_swapped (executor, "line", G_CALLBACK (g_atomic_int_inc), &n_lines);
      g_object_weak_ref (G_OBJECT (executor), (GWeakNotify) (void *) g_atomic_int_inc, &gone);
      mk_test_assert_starts (executor);
      thread = g_thread_new ("dropper", drop_in_thread, executor);
      while (!g_atomic_int_get (&gone))
        g_main_context_iteration (NULL, FALSE);
      g_thread_join (thread);
      mk_test_assert_nothing_left (tag);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/overlap/limit-without-context", test_limit_without_context);
  mk_test_add_once ("/overlap/restart-without-context", test_restart_without_context);
  mk_test_add_once ("/overlap/restart-after-limit-without-context", test_restart_after_limit_without_context);
  mk_test_add_once ("/overlap/no-limit-when-ready", test_no_limit_when_ready);
  mk_test_add ("/overlap/stop-during-start", test_stop_during_start);
  mk_test_add ("/overlap/stop-before-spawn", test_stop_before_spawn);
  mk_test_add ("/overlap/kill-during-start", test_kill_during_start);
  mk_test_add ("/overlap/restart-after-stop-during-start", test_restart_after_stop_during_start);
  mk_test_add_once ("/overlap/start-during-start", test_start_during_start);
  mk_test_add ("/overlap/start-during-stop", test_start_during_stop);
  mk_test_add ("/overlap/kill-during-stop", test_kill_during_stop);
  mk_test_add ("/overlap/two-stops", test_two_stops);
  mk_test_add_once ("/overlap/stops-in-threads", test_stops_in_threads);

  mk_test_add_everywhere ("/overlap/cancel/before-start", test_cancel_before_start);
  mk_test_add_everywhere ("/overlap/cancel/during-start", test_cancel_during_start);
  mk_test_add ("/overlap/cancel/at-any-moment", test_cancel_at_any_moment);
  mk_test_add ("/overlap/cancel/after-start", test_cancel_after_start);
  mk_test_add ("/overlap/cancel/before-stop", test_cancel_before_stop);
  mk_test_add ("/overlap/cancel/during-stop", test_cancel_during_stop);
  mk_test_add ("/overlap/cancel/stop-signals-once", test_cancelled_stop_signals_once);
  mk_test_add ("/overlap/cancel/after-stop", test_cancel_after_stop);

  mk_test_add ("/overlap/drop/running", test_drop_running);
  mk_test_add_once ("/overlap/drop/during-start", test_drop_during_start);
  mk_test_add_once ("/overlap/drop/during-start-without-callback", test_drop_during_start_without_callback);
  mk_test_add_once ("/overlap/drop/during-stop", test_drop_during_stop);
  mk_test_add_once ("/overlap/drop/in-another-thread", test_drop_in_another_thread);
  mk_test_add_once ("/overlap/drop/in-another-thread-while-busy", test_drop_in_another_thread_while_busy);

  return g_test_run ();
}
