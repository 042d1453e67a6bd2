/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What an executor tells about its service, by properties and by signals; and how the service ended.
 */

#include "mk-test-calls.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How it ended */

static void
assert_stop_reports (MkSimpleExecutor *executor, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_contains (error->message, "mk-test-service (pid ");
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

static void
test_ended_by_the_stop_signal (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);

  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, MK_STATUS_NONE);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGTERM);
}

static void
test_exited_with_success (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--on-term", "0", NULL);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
}

static void
test_exited_with_error_on_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--on-term", "7", "--print", "the last words", NULL);

  mk_test_assert_starts (executor);
  assert_stop_reports (executor, "exited with status 7");
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 7);
  mk_test_assert_nothing_left (tag);

  mk_test_assert_starts (executor);
  assert_stop_reports (executor, "the last words");
}

static void
test_statuses (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  static const struct
  {
    const char *on_term;
    int expected;
    gboolean is_fine;
  } cases[] = { { "0", MK_STATUS_NONE, TRUE },
                { "-15", MK_STATUS_NONE, TRUE },
                { "7", MK_STATUS_NONE, FALSE },
                { "-6", MK_STATUS_NONE, FALSE },
                { "143", MK_STATUS_NONE, TRUE },
                { "130", MK_STATUS_NONE, FALSE },
                { "143", 7, FALSE },
                { "143", 143, TRUE },
                { "7", 7, TRUE },
                { "0", 7, TRUE },
                { "8", 7, FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkSimpleExecutor) executor =
          mk_test_executor_new_tcp (tag, mk_test_free_port (), "--on-term", cases[i].on_term, NULL);

      mk_simple_executor_set_expected_status (executor, cases[i].expected);
      mk_test_assert_starts (executor);
      if (cases[i].is_fine)
        mk_test_assert_stops (executor);
      else
        assert_stop_reports (executor, cases[i].on_term[0] == '-' ? "signal 6" : "exited with status");
    }
}

static void
test_stop_full (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--on-term", "7", NULL);
  g_autoptr (GError) error = NULL;

  /* The signal is what is expected where nothing else is. */
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_stop_full (executor, SIGUSR1, MK_STATUS_NONE, 5000, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGUSR1);

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_stop_full (executor, SIGTERM, 7, 5000, &error));
  g_assert_no_error (error);

  mk_test_assert_starts (executor);
  g_assert_false (mk_test_stop_full (executor, SIGUSR1, 7, 5000, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
  mk_test_assert_nothing_left (tag);
}

static void
test_stop_full_timeout (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);
  g_autoptr (GError) error = NULL;
  gint64 begin;

  mk_test_assert_starts (executor);
  begin = g_get_monotonic_time ();
  g_assert_true (mk_test_stop_full (executor, SIGTERM, MK_STATUS_NONE, 100, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 100 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
}

/* To be killed is not the fault of one who was not asked in a way that it understands. */
static void
test_deaf_service_is_killed_without_error (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", "--children", "2", NULL);
  gint64 begin;

  mk_simple_executor_set_stop_timeout (executor, 200);
  mk_test_assert_starts (executor);
  begin = g_get_monotonic_time ();
  mk_test_assert_stops (executor);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 200 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
  mk_test_assert_nothing_left (tag);
}

/* Of a service that put itself into the background */
static void
test_deaf_leftovers_are_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--daemon", "--deaf", "--children", "2", "--setsid-children", NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_simple_executor_set_stop_timeout (executor, 200);
  mk_test_assert_starts (executor);
  g_assert_cmpuint (mk_test_count_tagged (tag), >=, 3);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_stop_signal_reaches_the_children (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "said", NULL);
  const char *script = "trap 'echo $1 >> $0; exit 0' USR1; echo up; while :; do sleep 0.05; done";
  g_autofree char *both = g_strdup_printf ("set -- child; (%s) & set -- parent; %s", script, script);
  const char *argv[] = { "sh", "-c", both, path, NULL };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "up");
  g_autofree char *said = NULL;

  mk_output_executor_set_occurrences (executor, 2);
  mk_simple_executor_set_stop_signal (MK_SIMPLE_EXECUTOR (executor), SIGUSR1);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_true (g_file_get_contents (path, &said, NULL, NULL));
  mk_test_assert_contains (said, "parent\n");
  mk_test_assert_contains (said, "child\n");
}

static void
test_stop_and_kill_signals (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);

  mk_simple_executor_set_stop_signal (executor, SIGUSR2);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGUSR2);

  mk_simple_executor_set_stop_signal (executor, SIGTERM);
  mk_simple_executor_set_kill_signal (executor, SIGQUIT);
  mk_simple_executor_set_stop_timeout (executor, 50);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGQUIT);
  mk_test_assert_nothing_left (tag);
}

static void
test_kill (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--on-term", "7", "--children", "2", NULL);
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
  mk_test_assert_nothing_left (tag);
}

/* A service that ends by itself */

static void
test_crash_is_told_by_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--children", "1", "--setsid-children", NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  kill (mk_simple_executor_get_pid (executor), SIGABRT);
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));
  g_assert_false (mk_simple_executor_get_running (executor));
  g_assert_true (mk_simple_executor_get_active (executor));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGABRT);

  assert_stop_reports (executor, "had ended by itself");
  mk_test_assert_nothing_left (tag);
  /* Once is enough. */
  mk_test_assert_stops (executor);
}

static void
test_good_end_is_no_error_of_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--exit", "0", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
  mk_test_assert_stops (executor);
}

static void
test_send_signal (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_simple_executor_send_signal (executor, SIGTERM, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_clear_error (&error);

  mk_test_assert_starts (executor);
  g_assert_false (mk_simple_executor_send_signal (executor, 4711, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "4711");
  g_clear_error (&error);

  g_assert_true (mk_simple_executor_send_signal (executor, SIGUSR1, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_await_inactive (executor));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_EXITED);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGUSR1);
  mk_test_assert_nothing_left (tag);
}

/* Signals */

typedef struct
{
  GString *heard;
  GThread *thread;
  gboolean in_call; /* nothing may be heard meanwhile */
  int status;
} Listener;

static void
hear (Listener *listener, const char *what)
{
  g_assert_true (listener->thread == g_thread_self ());
  g_assert_false (listener->in_call);
  g_string_append_printf (listener->heard, "%s ", what);
}

static void
on_state (MkSimpleExecutor *executor, GParamSpec *pspec, gpointer data)
{
  static const char *const names[] = { "stopped", "starting", "ready", "stopping", "exited" };

  hear (data, names[mk_simple_executor_get_state (executor)]);
}

static void
on_exited (MkSimpleExecutor *executor, int status, gpointer data)
{
  Listener *listener = data;

  listener->status = status;
  hear (listener, "signal");
}

static Listener *
listen_to (MkSimpleExecutor *executor)
{
  Listener *listener = g_new0 (Listener, 1);

  listener->heard = g_string_new (NULL);
  listener->thread = g_thread_self ();
  g_signal_connect (executor, "notify::state", G_CALLBACK (on_state), listener);
  g_signal_connect (executor, "exited", G_CALLBACK (on_exited), listener);
  return listener;
}

static void
listener_free (Listener *listener)
{
  g_string_free (listener->heard, TRUE);
  g_free (listener);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Listener, listener_free)

static gboolean
is_heard (gpointer listener)
{
  return ((Listener *) listener)->heard->len > 0;
}

static void
iterate_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
test_notify_with_a_main_loop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (Listener) listener = listen_to (executor);
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GAsyncResult) stopped = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &started);
  g_assert_true (mk_test_await_result (NULL, (GAsyncResult *const *) &started, MK_TEST_LIMIT_MS));
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "starting ready ");
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &stopped);
  g_assert_true (mk_test_await_result (NULL, (GAsyncResult *const *) &stopped, MK_TEST_LIMIT_MS));
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "starting ready stopping stopped ");
}

typedef struct
{
  MkExecutorState notified;
  MkExecutorState at_callback;
  gboolean called;
} Order;

static void
on_notify_for_order (MkSimpleExecutor *executor, GParamSpec *pspec, Order *order)
{
  order->notified = mk_simple_executor_get_state (executor);
}

static void
on_called_for_order (GObject *executor, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;

  order->at_callback = order->notified;
  order->called = TRUE;
}

static gboolean
is_called_for_order (gpointer order)
{
  return ((Order *) order)->called;
}

static void
assert_notified_at_callback (Order *order, MkExecutorState state)
{
  g_assert_true (mk_test_iterate_until (NULL, is_called_for_order, order, MK_TEST_LIMIT_MS));
  g_assert_cmpint (order->at_callback, ==, state);
  order->called = FALSE;
}

/* In the callback of an operation all handlers know already what it has changed. */
static void
test_notify_before_the_callback (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, "--print", "one\ntwo", NULL);
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new_tcp (tag, port, NULL);
  Order order = { MK_EXECUTOR_STATE_STOPPED, MK_EXECUTOR_STATE_STOPPED, FALSE };

  g_signal_connect (executor, "notify::state", G_CALLBACK (on_notify_for_order), &order);
  mk_simple_executor_start_async (executor, NULL, on_called_for_order, &order);
  assert_notified_at_callback (&order, MK_EXECUTOR_STATE_READY);
  mk_simple_executor_stop_async (executor, NULL, on_called_for_order, &order);
  assert_notified_at_callback (&order, MK_EXECUTOR_STATE_STOPPED);

  mk_simple_executor_start_async (executor, NULL, on_called_for_order, &order);
  assert_notified_at_callback (&order, MK_EXECUTOR_STATE_READY);
  mk_simple_executor_send_signal (executor, SIGKILL, NULL);
  mk_simple_executor_wait_async (executor, NULL, on_called_for_order, &order);
  assert_notified_at_callback (&order, MK_EXECUTOR_STATE_EXITED);

  /* A start that fails */
  mk_test_assert_starts (other);
  mk_simple_executor_start_async (executor, NULL, on_called_for_order, &order);
  assert_notified_at_callback (&order, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_stops (other);
}

static void
on_exited_for_order (MkSimpleExecutor *executor, int status, Order *order)
{
  g_assert_cmpint (status, ==, 0);
  g_assert_true (order->called);
  order->notified = MK_EXECUTOR_STATE_STOPPED;
}

static gboolean
has_exited_for_order (gpointer order)
{
  return ((Order *) order)->notified == MK_EXECUTOR_STATE_STOPPED;
}

/* It was ready when it ended, and that is what its user hears first. */
static void
test_start_before_exited (void)
{
  const char *argv[] = { "echo", "ready", NULL };

  for (guint i = 0; i < 30; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = MK_SIMPLE_EXECUTOR (mk_output_executor_new (argv, "ready"));
      Order order = { MK_EXECUTOR_STATE_READY, MK_EXECUTOR_STATE_READY, FALSE };

      g_signal_connect (executor, "exited", G_CALLBACK (on_exited_for_order), &order);
      mk_simple_executor_start_async (executor, NULL, on_called_for_order, &order);
      g_assert_true (mk_test_iterate_until (NULL, has_exited_for_order, &order, MK_TEST_LIMIT_MS));
    }
}

/* Nothing of the caller's is run inside, and what was in between is not told afterwards. */
static void
test_notify_after_a_synchronous_call (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (Listener) listener = listen_to (executor);

  listener->in_call = TRUE;
  mk_test_assert_starts (executor);
  listener->in_call = FALSE;
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "ready ");
  listener->in_call = TRUE;
  mk_test_assert_stops (executor);
  listener->in_call = FALSE;
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "ready stopped ");
}

static void
test_exited_signal (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (Listener) listener = listen_to (executor);

  mk_test_assert_starts (executor);
  iterate_all ();
  g_string_truncate (listener->heard, 0);
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_iterate_until (NULL, is_heard, listener, MK_TEST_LIMIT_MS));
  g_assert_true (mk_test_await_inactive (executor));
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "exited signal ");
  g_assert_cmpint (listener->status, ==, -SIGKILL);
}

static gpointer
start_in_thread (gpointer executor)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  mk_test_assert_starts (executor);
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_await_inactive (executor));
  iterate_all ();
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* Where it was made, and not where it was started */
static void
test_signals_come_where_it_was_made (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (Listener) listener = listen_to (executor);
  GThread *thread;

  listener->in_call = TRUE;
  /* It iterates the default context, which is not its own: nobody else may meanwhile. */
  g_assert_true (g_main_context_acquire (NULL));
  thread = g_thread_new ("starter", start_in_thread, executor);
  g_thread_join (thread);
  g_main_context_release (NULL);
  listener->in_call = FALSE;
  iterate_all ();
  g_assert_cmpstr (listener->heard->str, ==, "exited signal ");
}

static void
drop (MkSimpleExecutor *executor, int status, gpointer reference)
{
  g_clear_object ((MkSimpleExecutor **) reference);
}

static void
test_drop_in_exited_handler (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), "--orphan", NULL);
  gboolean gone = FALSE;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  g_signal_connect (executor, "exited", G_CALLBACK (drop), &executor);
  g_object_weak_ref (G_OBJECT (executor), (GWeakNotify) (void *) g_atomic_int_inc, &gone);
  mk_test_assert_starts (executor);
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_iterate_until_set (NULL, &gone, MK_TEST_LIMIT_MS));
  g_assert_null (executor);
  mk_test_assert_nothing_left (tag);
}

/* A property that is set to what it is does not notify; the read-only ones can be read by name. */
static void
test_properties (void)
{
  g_autoptr (MkSimpleExecutor) fresh = mk_simple_executor_new (NULL);
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("properties", NULL);
  guint n_notified = 0, start_timeout = 0;
  int exit_status = 0, pid = -1;
  gboolean running = TRUE, active = TRUE;

  g_assert_cmpuint (mk_simple_executor_get_start_timeout (fresh), ==, 60 * 1000);
  g_assert_cmpuint (mk_simple_executor_get_stop_timeout (fresh), ==, 10 * 1000);
  g_signal_connect_swapped (executor, "notify::start-timeout", G_CALLBACK (g_atomic_int_inc), &n_notified);
  g_object_set (executor, "start-timeout", 1234, NULL);
  g_object_set (executor, "start-timeout", 1234, NULL);
  g_assert_cmpuint (n_notified, ==, 1);
  g_object_get (executor,
                "start-timeout",
                &start_timeout,
                "exit-status",
                &exit_status,
                "pid",
                &pid,
                "running",
                &running,
                "active",
                &active,
                NULL);
  g_assert_cmpuint (start_timeout, ==, 1234);
  g_assert_cmpint (exit_status, ==, G_MININT);
  g_assert_cmpint (pid, ==, 0);
  g_assert_false (running);
  g_assert_false (active);
}

static void
test_describe (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("exec sleep 60");
  g_autofree char *before = mk_simple_executor_describe (executor);
  g_autofree char *pid = NULL;
  g_autofree char *during = NULL;

  g_assert_cmpstr (before, ==, "/bin/sh -c 'exec sleep 60' (stopped)");
  mk_test_assert_starts (executor);
  pid = g_strdup_printf ("/bin/sh -c 'exec sleep 60' (pid %d, ready)", mk_simple_executor_get_pid (executor));
  during = mk_simple_executor_describe (executor);
  g_assert_cmpstr (during, ==, pid);
  mk_test_assert_stops (executor);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/state/end/by-the-stop-signal", test_ended_by_the_stop_signal);
  mk_test_add ("/state/end/with-success", test_exited_with_success);
  mk_test_add ("/state/end/with-error", test_exited_with_error_on_stop);
  mk_test_add ("/state/end/statuses", test_statuses);
  mk_test_add ("/state/end/stop-full", test_stop_full);
  mk_test_add ("/state/end/stop-full-timeout", test_stop_full_timeout);
  mk_test_add ("/state/end/deaf-service-is-killed-without-error", test_deaf_service_is_killed_without_error);
  mk_test_add ("/state/end/deaf-leftovers-are-killed", test_deaf_leftovers_are_killed);
  mk_test_add ("/state/end/stop-signal-reaches-the-children", test_stop_signal_reaches_the_children);
  mk_test_add ("/state/end/stop-and-kill-signals", test_stop_and_kill_signals);
  mk_test_add ("/state/end/kill", test_kill);

  mk_test_add ("/state/by-itself/crash-is-told-by-stop", test_crash_is_told_by_stop);
  mk_test_add ("/state/by-itself/good-end-is-no-error-of-stop", test_good_end_is_no_error_of_stop);
  mk_test_add_once ("/state/by-itself/send-signal", test_send_signal);

  mk_test_add_once ("/state/signals/notify-with-a-main-loop", test_notify_with_a_main_loop);
  mk_test_add_once ("/state/notify-before-the-callback", test_notify_before_the_callback);
  mk_test_add_once ("/state/start-before-exited", test_start_before_exited);
  mk_test_add_once ("/state/signals/notify-after-a-synchronous-call", test_notify_after_a_synchronous_call);
  mk_test_add_once ("/state/signals/exited", test_exited_signal);
  mk_test_add_once ("/state/signals/come-where-it-was-made", test_signals_come_where_it_was_made);
  mk_test_add_once ("/state/signals/drop-in-exited-handler", test_drop_in_exited_handler);
  mk_test_add_once ("/state/properties", test_properties);
  mk_test_add_once ("/state/describe", test_describe);

  return g_test_run ();
}
