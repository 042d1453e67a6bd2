/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A process that does not end although it was killed, as one that a debugger holds: it is said that it lives,
 * and once it is let go, nothing of the service is left. And a program that has closed all of its files.
 */

#include "mk-test-calls.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS    200
#define START_TIMEOUT_MS   300
#define SUBPROCESS_LIMIT_S 60
#define TRACER_LIFETIME_S  60

/* A debugger that is never heard of again. Returns: its process, 0 if it may not do this here */
static pid_t
trace (pid_t pid)
{
  int ready[2];
  char answer = 0;
  pid_t tracer;

  g_assert_cmpint (pipe (ready), ==, 0);
  tracer = fork ();
  if (tracer == 0)
    {
      alarm (TRACER_LIFETIME_S);
      answer = ptrace (PTRACE_SEIZE, pid, NULL, (void *) PTRACE_O_TRACEEXIT) == 0 ? 'y' : 'n';
      (void) !write (ready[1], &answer, 1);
      while (answer == 'y')
        pause ();
      _exit (0);
    }

  close (ready[1]);
  g_assert_cmpint (read (ready[0], &answer, 1), ==, 1);
  close (ready[0]);
  if (answer == 'y')
    return tracer;

  waitpid (tracer, NULL, 0);
  g_test_skip ("no process may be traced here");
  return 0;
}

static void
release (pid_t tracer)
{
  kill (tracer, SIGKILL);
  waitpid (tracer, NULL, 0);
}

static void
assert_is_held (MkSimpleExecutor *executor, pid_t pid, pid_t tracer, GError *error)
{
  g_autofree char *living = g_strdup_printf ("is still running: process %d does not end", (int) pid);
  g_autofree char *reason = g_strdup_printf ("(process %d traces it)", (int) tracer);

  g_assert_nonnull (error);
  mk_test_assert_contains (error->message, living);
  mk_test_assert_contains (error->message, reason);
  g_assert_null (strstr (error->message, "was killed:"));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPING);
  g_assert_true (mk_simple_executor_get_active (executor));
  g_assert_true (mk_test_process_lives (pid));
}

typedef gboolean (*StopFunc) (gpointer executor, GCancellable *cancellable, GError **error);

static const StopFunc stop_funcs[] = { mk_test_stop, mk_test_kill };

/* A second time, too, and it succeeds once nothing holds the process. */
static void
test_stop (gconstpointer data)
{
  const StopFunc *stop = data;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  pid_t tracer;
  pid_t pid;

  if (!mk_test_has_linux_features ("it is seen who traces a process"))
    return;
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  tracer = trace (pid);
  if (tracer == 0)
    return;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) start_error = NULL;

      g_assert_false ((*stop) (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
      assert_is_held (executor, pid, tracer, error);
      g_assert_false (mk_test_start (executor, NULL, &start_error));
      g_assert_error (start_error, G_IO_ERROR, G_IO_ERROR_PENDING);
    }

  release (tracer);
  g_assert_true (mk_test_kill (executor, NULL, NULL));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* Not the first process, which ends. */
static void
test_stop_with_a_held_child (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--children", "1", NULL);
  g_autoptr (GArray) children = NULL;
  g_autoptr (GError) error = NULL;
  pid_t tracer;
  pid_t child;

  if (!mk_test_has_linux_features ("it is seen who traces a process"))
    return;
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_test_assert_starts (executor);
  do
    {
      g_clear_pointer (&children, g_array_unref);
      children = mk_test_find_children (mk_simple_executor_get_pid (executor), FALSE);
    }
  while (children->len == 0);
  child = g_array_index (children, pid_t, 0);
  tracer = trace (child);
  if (tracer == 0)
    return;

  g_assert_false (mk_test_stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  assert_is_held (executor, child, tracer, error);
  g_assert_false (mk_simple_executor_get_running (executor));

  /* The supervisor has gone on trying. */
  release (tracer);
  g_assert_true (mk_test_await_inactive (executor));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
}

static void
test_start_times_out (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  pid_t tracer;
  pid_t pid;

  if (!mk_test_has_linux_features ("it is seen who traces a process"))
    return;
  mk_simple_executor_set_start_timeout (executor, START_TIMEOUT_MS);
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  while ((pid = mk_simple_executor_get_pid (executor)) == 0)
    g_main_context_iteration (NULL, TRUE);
  tracer = trace (pid);
  if (tracer == 0)
    return;

  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "was not ready within");
  assert_is_held (executor, pid, tracer, error);

  release (tracer);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_drop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = mk_test_executor_new (tag, NULL);
  pid_t tracer;
  pid_t pid;

  if (!mk_test_has_linux_features ("it is seen who traces a process"))
    return;
  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  tracer = trace (pid);
  if (tracer == 0)
    return;

  g_object_unref (executor);
  g_assert_true (mk_test_process_lives (pid));
  release (tracer);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_LIMIT_MS));
}

/* ---- all files closed ---- */

static void
test_all_files_are_closed (gconstpointer data)
{
  const StopFunc *stop = data;
  g_autofree char *tag = NULL;

  if (g_test_subprocess ())
    {
      MkSimpleExecutor *executor = mk_test_executor_new (g_getenv ("MK_TEST_TAG"), NULL);

      mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
      mk_test_assert_starts (executor);
      for (int fd = 3; fd < 1024; fd++)
        close (fd);
      (*stop) (executor, NULL, NULL);
      _exit (mk_simple_executor_get_running (executor) ? 1 : 0);
    }

  tag = mk_test_trap_tagged (SUBPROCESS_LIMIT_S);
  g_assert_false (g_test_trap_reached_timeout ());
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_LIMIT_MS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_with_data ("/held/stop", test_stop, &stop_funcs[0]);
  mk_test_add_with_data ("/held/kill", test_stop, &stop_funcs[1]);
  mk_test_add ("/held/child", test_stop_with_a_held_child);
  mk_test_add ("/held/start", test_start_times_out);
  mk_test_add ("/held/drop", test_drop);
  g_test_add_data_func ("/closed-files/stop", &stop_funcs[0], test_all_files_are_closed);
  g_test_add_data_func ("/closed-files/kill", &stop_funcs[1], test_all_files_are_closed);

  return g_test_run ();
}
