/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A subclass with functions of its own: what is called when, and what becomes of a start or a stop when one
 * of them fails, is slow, or forgets to answer. Whatever it does, cleanup() comes once after each run.
 */

#include "mk-test-calls.h"
#include "mk-test-subclass.h"

#include <signal.h>

#define LONG_MS (60 * 1000)

/* A case */

typedef struct
{
  char *tag;
  TestExecutor *executor;
} Fixture;

static Fixture *
set_up (const char *option)
{
  Fixture *fixture = g_new0 (Fixture, 1);
  g_auto (GStrv) argv = NULL;

  fixture->tag = mk_test_new_tag ();
  argv = mk_test_service_argv (fixture->tag, option, NULL);
  fixture->executor = g_object_new (TEST_TYPE_EXECUTOR,
                                    "command",
                                    argv,
                                    "start-timeout",
                                    MK_TEST_LIMIT_MS,
                                    "stdin-mode",
                                    MK_STDIO_MODE_PIPE,
                                    NULL);
  return fixture;
}

/*
 * The task that was kept comes back when nobody waits for it any more. The context of a synchronous call is
 * not run then: there is nobody whom it could come back to.
 */
static void
give_back_kept (TestExecutor *self)
{
  g_autoptr (GTask) kept = g_steal_pointer (&self->kept);

  if (kept != NULL && mk_test_is_async ())
    g_task_return_boolean (kept, TRUE);
}

static void
tear_down (Fixture *fixture)
{
  give_back_kept (fixture->executor);
  while (g_main_context_iteration (g_main_context_get_thread_default (), FALSE))
    continue;
  g_assert_finalize_object (fixture->executor);
  mk_test_assert_nothing_left (fixture->tag);
  g_free (fixture->tag);
  g_free (fixture);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fixture, tear_down)

static void
assert_calls (Fixture *fixture, const char *expected)
{
  g_assert_cmpstr (fixture->executor->calls->str, ==, expected);
  g_string_truncate (fixture->executor->calls, 0);
  fixture->executor->last_call = NULL;
}

static void
assert_start_fails (Fixture *fixture, GQuark domain, int code, const char *message_part, const char *calls)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (fixture->executor, NULL, &error));
  g_assert_error (error, domain, code);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_state (fixture->executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (fixture->tag);
  assert_calls (fixture, calls);
  /* There is nothing to stop, and nothing more to clean up. */
  mk_test_assert_stops (fixture->executor);
  assert_calls (fixture, "");
}

#define CALLED_BEFORE  "pre_start_check prepare "
#define CALLED_STARTED CALLED_BEFORE "build_command after_start_check started "

/* All goes well */

static void
test_order (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  fixture->executor->n_checks_before_ready = 3;
  for (guint i = 0; i < 3; i++)
    {
      mk_test_assert_starts (fixture->executor);
      assert_calls (fixture, CALLED_STARTED);
      mk_test_assert_stops (fixture->executor);
      assert_calls (fixture, "request_stop cleanup ");
    }
}

static void
test_steps_that_take_time (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  fixture->executor->manners[PREPARE] = RETURNS_LATER;
  fixture->executor->manners[STARTED] = RETURNS_LATER;
  fixture->executor->manners[REQUEST_STOP] = CLOSES_INPUT;
  fixture->executor->manners[CLEANUP] = RETURNS_LATER;
  mk_simple_executor_set_stop_timeout (MK_SIMPLE_EXECUTOR (fixture->executor), 100);
  mk_test_assert_starts (fixture->executor);
  assert_calls (fixture, CALLED_STARTED);
  mk_test_assert_stops (fixture->executor);
  assert_calls (fixture, "request_stop cleanup ");
}

static void
test_kill_requests_nothing (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  mk_test_assert_starts (fixture->executor);
  assert_calls (fixture, CALLED_STARTED);
  g_assert_true (mk_test_kill (fixture->executor, NULL, NULL));
  assert_calls (fixture, "cleanup ");
}

static void
test_cleanup_before_the_next_run (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  mk_test_assert_starts (fixture->executor);
  kill (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (fixture->executor)), SIGKILL);
  g_assert_true (mk_test_await_state (MK_SIMPLE_EXECUTOR (fixture->executor), MK_EXECUTOR_STATE_EXITED));
  assert_calls (fixture, CALLED_STARTED);
  mk_test_assert_starts (fixture->executor);
  assert_calls (fixture, "cleanup " CALLED_STARTED);
  mk_test_assert_stops (fixture->executor);
}

/* Dropping only ends the processes. */
static void
test_drop_cleans_nothing_up (void)
{
  Fixture *fixture = set_up (NULL);

  mk_test_assert_starts (fixture->executor);
  assert_calls (fixture, CALLED_STARTED);
  tear_down (fixture);
}

/* Steps of a start that fail */

static void
assert_step_fails (Step step, const char *calls)
{
  static const struct
  {
    Manner manner;
    gboolean is_mk_error;
    int code;
    const char *message;
  } failures[] = {
    { FAILS, FALSE, G_IO_ERROR_NO_SPACE, "the disk is full" },
    { RETURNS_FALSE, TRUE, MK_ERROR_FAILED, "without saying why" },
    { DROPS_ITS_TASK, TRUE, MK_ERROR_FAILED, "without returning it" },
    { NEVER_RETURNS, TRUE, MK_ERROR_TIMED_OUT, "in time" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (failures); i++)
    {
      g_autoptr (Fixture) fixture = set_up (NULL);

      fixture->executor->manners[step] = failures[i].manner;
      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (fixture->executor),
                                            failures[i].manner == NEVER_RETURNS ? 200 : LONG_MS);
      assert_start_fails (fixture,
                          failures[i].is_mk_error ? MK_ERROR : G_IO_ERROR,
                          failures[i].code,
                          failures[i].message,
                          calls);
    }
}

static void
test_prepare_fails (void)
{
  assert_step_fails (PREPARE, CALLED_BEFORE "cleanup ");
}

static void
test_started_fails (void)
{
  assert_step_fails (STARTED, CALLED_STARTED "cleanup ");
}

static void
test_message_names_the_step (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  fixture->executor->manners[PREPARE] = FAILS;
  assert_start_fails (fixture,
                      G_IO_ERROR,
                      G_IO_ERROR_NO_SPACE,
                      "prepare() failed: the disk is full",
                      CALLED_BEFORE "cleanup ");
}

static void
test_exit_during_started (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  const char *argv[] = { mk_test_service_path (), "--exit-after", "50", "--exit", "3", NULL };

  mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (fixture->executor), argv);
  fixture->executor->manners[STARTED] = NEVER_RETURNS;
  assert_start_fails (fixture, MK_ERROR, MK_ERROR_EXITED, "exited with status 3", CALLED_STARTED "cleanup ");
}

static void
test_cancel_during_step (void)
{
  for (Step step = PREPARE; step <= STARTED; step++)
    {
      g_autoptr (Fixture) fixture = set_up (NULL);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;

      fixture->executor->manners[step] = NEVER_RETURNS;
      mk_test_cancel_later (cancellable, 300);
      g_assert_false (mk_test_start (fixture->executor, cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_true (g_cancellable_is_cancelled (g_task_get_cancellable (fixture->executor->kept)));
      mk_test_assert_nothing_left (fixture->tag);
      g_assert_true (g_str_has_suffix (fixture->executor->calls->str, "cleanup "));
    }
}

static gboolean
is_kept (gpointer executor)
{
  return TEST_EXECUTOR (executor)->kept != NULL;
}

static void
test_stop_during_step (void)
{
  for (Step step = PREPARE; step <= STARTED; step++)
    {
      g_autoptr (Fixture) fixture = set_up (NULL);
      MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;

      fixture->executor->manners[step] = NEVER_RETURNS;
      mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
      g_assert_true (mk_test_iterate_until (NULL, is_kept, executor, MK_TEST_LIMIT_MS));
      g_assert_true (mk_test_stop (executor, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
      g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      assert_calls (fixture, step == PREPARE ? CALLED_BEFORE "cleanup " : CALLED_STARTED "cleanup ");
      mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
    }
}

/* Checks */

static void
test_there_before (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);

  fixture->executor->is_there_before = TRUE;
  assert_start_fails (fixture,
                      MK_ERROR,
                      MK_ERROR_ALREADY_RUNNING,
                      "succeeded before the service was started",
                      "pre_start_check ");
}

static void
test_build_command_fails (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  GError **error = &fixture->executor->check_error;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no data folder");
  assert_start_fails (
      fixture, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no data folder", CALLED_BEFORE "build_command cleanup ");
  g_clear_error (error);
  fixture->executor->has_no_command = TRUE;
  assert_start_fails (fixture,
                      MK_ERROR,
                      MK_ERROR_INVALID_ARGUMENT,
                      "command is empty",
                      CALLED_BEFORE "build_command cleanup ");
}

/* One of this library's own says that it is of no use to wait; any other is told when the time is up. */
static void
test_after_start_check_fails (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  TestExecutor *executor = fixture->executor;

  executor->waits_with_error = TRUE;
  executor->check_error = g_error_new (MK_ERROR, MK_ERROR_FAILED, "wrong version");
  assert_start_fails (fixture,
                      MK_ERROR,
                      MK_ERROR_FAILED,
                      "wrong version",
                      CALLED_BEFORE "build_command after_start_check cleanup ");
  g_clear_error (&executor->check_error);
  executor->check_error = g_error_new (G_IO_ERROR, G_IO_ERROR_BUSY, "still loading");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 150);
  assert_start_fails (fixture,
                      MK_ERROR,
                      MK_ERROR_TIMED_OUT,
                      "still loading",
                      CALLED_BEFORE "build_command after_start_check cleanup ");
}

/* As a read that does not block says: without a probe there is nobody else to ask. */
static void
test_after_start_check_would_block (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  TestExecutor *executor = fixture->executor;

  executor->waits_with_error = TRUE;
  executor->check_error = g_error_new (G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "no answer yet");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 150);
  assert_start_fails (fixture,
                      MK_ERROR,
                      MK_ERROR_TIMED_OUT,
                      "no answer yet",
                      CALLED_BEFORE "build_command after_start_check cleanup ");
}

static void
test_chain_up_to_the_probe (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", port);

  /* What build_command() gives wins over the property. */
  fixture->executor->command =
      mk_test_service_argv (fixture->tag, "--after", "30", "--listen", address, NULL);
  mk_executor_set_probe (MK_EXECUTOR (fixture->executor), MK_PROBE (probe));
  mk_test_assert_starts (fixture->executor);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (fixture->executor);
}

static void
test_launcher_whose_service_died (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  g_autoptr (GError) error = NULL;
  const char *calls;

  fixture->executor->command = mk_test_service_argv (fixture->tag, "--exit", "0", NULL);
  fixture->executor->n_checks_before_ready = G_MAXUINT;
  fixture->executor->is_dead = TRUE;
  g_assert_false (mk_test_start (fixture->executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "not alive");
  /* A check may come between the question whether it is alive and the end of the wait. */
  calls = fixture->executor->calls->str;
  g_assert_true (g_str_has_prefix (calls, CALLED_BEFORE "build_command after_start_check alive_check "));
  g_assert_true (g_str_has_suffix (calls, "alive_check cleanup "));
}

/* Stopping */

static void
test_gentle_stop (void)
{
  g_autoptr (Fixture) fixture = set_up ("--echo");

  fixture->executor->manners[REQUEST_STOP] = CLOSES_INPUT;
  mk_test_assert_starts (fixture->executor);
  mk_test_assert_stops (fixture->executor);
  /* And not by the signal */
  g_assert_cmpint (mk_simple_executor_get_exit_status (MK_SIMPLE_EXECUTOR (fixture->executor)), ==, 0);
}

/* The class it is derived from knows no gentler way than the signal. */
static void
test_request_chains_up (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);

  fixture->executor->manners[REQUEST_STOP] = CHAINS_UP;
  mk_simple_executor_set_stop_timeout (executor, 2000);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGTERM);
}

static void
test_request_fails (void)
{
  static const Manner manners[] = { FAILS, RETURNS_FALSE, DROPS_ITS_TASK };

  for (guint i = 0; i < G_N_ELEMENTS (manners); i++)
    {
      g_autoptr (Fixture) fixture = set_up (NULL);

      fixture->executor->manners[REQUEST_STOP] = manners[i];
      mk_test_assert_starts (fixture->executor);
      mk_test_assert_stops (fixture->executor);
      g_assert_cmpint (
          mk_simple_executor_get_exit_status (MK_SIMPLE_EXECUTOR (fixture->executor)), ==, -SIGTERM);
    }
}

/* The one was granted and changed nothing; the other was never answered. */
static void
test_request_in_vain (void)
{
  static const Manner manners[] = { RETURNS_LATER, NEVER_RETURNS };
  static const int statuses[] = { -SIGKILL, -SIGTERM };

  for (guint i = 0; i < G_N_ELEMENTS (manners); i++)
    {
      g_autoptr (Fixture) fixture = set_up (NULL);
      MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);

      fixture->executor->manners[REQUEST_STOP] = manners[i];
      mk_simple_executor_set_stop_timeout (executor, 300);
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
      g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, statuses[i]);
    }
}

static void
test_kill_during_request (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
  g_autoptr (GAsyncResult) result = NULL;

  fixture->executor->manners[REQUEST_STOP] = NEVER_RETURNS;
  mk_test_assert_starts (executor);
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_iterate_until (NULL, is_kept, executor, MK_TEST_LIMIT_MS));
  g_assert_true (mk_test_kill (executor, NULL, NULL));
  mk_test_assert_nothing_left (fixture->tag);
  g_task_return_boolean (fixture->executor->kept, TRUE);
  g_clear_object (&fixture->executor->kept);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_stop_finish (executor, result, NULL));
}

/* A start that has called nothing yet has nothing to clean up. */
static void
test_stop_before_prepare (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  mk_test_assert_stops (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  assert_calls (fixture, "pre_start_check ");
  mk_test_assert_starts (executor);
  assert_calls (fixture, CALLED_STARTED);
  mk_test_assert_stops (executor);
  assert_calls (fixture, "request_stop cleanup ");
}

/* Who asked is not there any more to see that nothing came of it. */
static void
test_request_stop_without_context (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
  g_autoptr (GAsyncResult) result = NULL;

  fixture->executor->manners[REQUEST_STOP] = NEVER_RETURNS;
  mk_simple_executor_set_stop_timeout (executor, 100);
  mk_test_assert_starts (executor);
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_wait_untagged (fixture->tag, MK_TEST_LIMIT_MS));

  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_stop_finish (executor, result, NULL));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* The next run must not begin while the one before is cleaned up. */
static void
test_stop_during_cleanup (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  fixture->executor->manners[CLEANUP] = NEVER_RETURNS;
  mk_test_assert_starts (executor);
  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_iterate_until (NULL, is_kept, executor, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_stop (executor, NULL, NULL));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPING);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);

  g_task_return_boolean (fixture->executor->kept, TRUE);
  g_clear_object (&fixture->executor->kept);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_stop_finish (executor, result, NULL));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  fixture->executor->manners[CLEANUP] = CHAINS_UP;
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* What ran before is not what is being started. */
static gboolean
ask_whether_kept (gpointer executor, GError **error)
{
  return is_kept (executor);
}

static void
test_wait_during_second_start (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (fixture->executor);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (ask_whether_kept, executor, NULL);

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) wait_error = NULL;
      g_autoptr (GError) wait_for_error = NULL;

      fixture->executor->manners[PREPARE] = NEVER_RETURNS;
      mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
      g_assert_true (mk_test_iterate_until (NULL, is_kept, executor, MK_TEST_LIMIT_MS));
      g_assert_false (mk_simple_executor_wait (executor, NULL, &wait_error));
      g_assert_error (wait_error, G_IO_ERROR, G_IO_ERROR_PENDING);
      g_assert_false (mk_simple_executor_wait_for (executor, MK_PROBE (probe), NULL, &wait_for_error));
      g_assert_error (wait_for_error, MK_ERROR, MK_ERROR_FAILED);

      g_task_return_boolean (fixture->executor->kept, TRUE);
      g_clear_object (&fixture->executor->kept);
      g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
      g_assert_true (mk_simple_executor_start_finish (executor, result, NULL));
      mk_test_assert_stops (executor);
    }
}

static void
test_cleanup_fails (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  g_autoptr (GError) error = NULL;

  fixture->executor->manners[CLEANUP] = FAILS;
  mk_test_assert_starts (fixture->executor);
  g_assert_false (mk_test_stop (fixture->executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  mk_test_assert_contains (error->message, "cleanup() failed");
  mk_test_assert_state (fixture->executor, MK_EXECUTOR_STATE_STOPPED);
  assert_calls (fixture, CALLED_STARTED "request_stop cleanup ");

  /* Why a start failed is more important, but this is told too. */
  fixture->executor->manners[PREPARE] = RETURNS_FALSE;
  assert_start_fails (fixture, MK_ERROR, MK_ERROR_FAILED, "the disk is full", CALLED_BEFORE "cleanup ");
}

static void
test_cleanup_never_returns (void)
{
  g_autoptr (Fixture) fixture = set_up (NULL);
  g_autoptr (GError) error = NULL;

  fixture->executor->manners[CLEANUP] = NEVER_RETURNS;
  mk_simple_executor_set_stop_timeout (MK_SIMPLE_EXECUTOR (fixture->executor), 200);
  mk_test_assert_starts (fixture->executor);
  g_assert_false (mk_test_stop (fixture->executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_state (fixture->executor, MK_EXECUTOR_STATE_STOPPED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/vfuncs/order", test_order);
  mk_test_add_everywhere ("/vfuncs/steps-that-take-time", test_steps_that_take_time);
  mk_test_add ("/vfuncs/kill-requests-nothing", test_kill_requests_nothing);
  mk_test_add ("/vfuncs/cleanup-before-the-next-run", test_cleanup_before_the_next_run);
  mk_test_add ("/vfuncs/drop-cleans-nothing-up", test_drop_cleans_nothing_up);

  mk_test_add ("/vfuncs/start/prepare-fails", test_prepare_fails);
  mk_test_add ("/vfuncs/start/started-fails", test_started_fails);
  mk_test_add ("/vfuncs/start/message-names-the-step", test_message_names_the_step);
  mk_test_add ("/vfuncs/start/exit-during-started", test_exit_during_started);
  mk_test_add ("/vfuncs/start/cancel-during-step", test_cancel_during_step);
  mk_test_add ("/vfuncs/start/stop-during-step", test_stop_during_step);

  mk_test_add ("/vfuncs/check/there-before", test_there_before);
  mk_test_add ("/vfuncs/check/after-start-check-fails", test_after_start_check_fails);
  mk_test_add ("/vfuncs/check/after-start-check-would-block", test_after_start_check_would_block);
  mk_test_add ("/vfuncs/check/build-command-fails", test_build_command_fails);
  mk_test_add ("/vfuncs/check/chain-up-to-the-probe", test_chain_up_to_the_probe);
  mk_test_add ("/vfuncs/check/launcher-whose-service-died", test_launcher_whose_service_died);

  mk_test_add ("/vfuncs/stop/gentle", test_gentle_stop);
  mk_test_add ("/vfuncs/stop/request-fails", test_request_fails);
  mk_test_add ("/vfuncs/stop/request-in-vain", test_request_in_vain);
  mk_test_add ("/vfuncs/stop/kill-during-request", test_kill_during_request);
  mk_test_add_once ("/vfuncs/stop/stop-before-prepare", test_stop_before_prepare);
  mk_test_add_once ("/vfuncs/stop/request-stop-without-context", test_request_stop_without_context);
  mk_test_add_once ("/vfuncs/stop/stop-during-cleanup", test_stop_during_cleanup);
  mk_test_add_once ("/vfuncs/start/wait-during-second-start", test_wait_during_second_start);
  mk_test_add ("/vfuncs/stop/cleanup-fails", test_cleanup_fails);
  mk_test_add ("/vfuncs/stop/cleanup-never-returns", test_cleanup_never_returns);
  mk_test_add ("/vfuncs/stop/request-chains-up", test_request_chains_up);

  return g_test_run ();
}
