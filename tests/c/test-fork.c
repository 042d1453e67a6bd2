/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that forks while its services run, as Python's multiprocessing does: its child has copies of the
 * executors, but the services are not the child's; it may have others of its own.
 */

#include "mk-test-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FORKS         200
#define FORKS_PER_START 10

/* What a forked child has copies of it leaves alone; LeakSanitizer would find that at its exit. */
const char *__lsan_default_options (void);

const char *
__lsan_default_options (void)
{
  return "detect_leaks=0";
}

static void
run_own_service (const char *tag)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) own = mk_test_executor_new_tcp (tag, port, NULL);

  mk_test_assert_starts (own);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (own);
}

static void
lose_supervisor (const char *tag)
{
  g_autoptr (MkSimpleExecutor) own = mk_test_executor_new (tag, NULL);
  g_autoptr (GArray) children = NULL;

  mk_test_assert_starts (own);
  children = mk_test_find_children (getpid (), FALSE);
  g_assert_cmpuint (children->len, ==, 1);
  g_assert_cmpint (kill (g_array_index (children, pid_t, 0), SIGKILL), ==, 0);
  g_assert_true (mk_simple_executor_wait (own, NULL, NULL));
  g_assert_false (mk_simple_executor_get_active (own));
}

static int
await_child (pid_t child)
{
  int status = -1;

  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return status;
}

static void
test_forked_child_drops_its_copy (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  pid_t child;

  mk_test_assert_starts (executor);
  child = fork ();
  if (child == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      /* As if nothing was ever started */
      if (mk_simple_executor_get_state (executor) != MK_EXECUTOR_STATE_STOPPED ||
          !mk_simple_executor_stop (executor, NULL, NULL))
        _exit (1);
      g_clear_object (&executor);
      exit (0);
    }
  g_assert_cmpint (await_child (child), ==, 0);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_forked_child_starts_its_own (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *own_tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  pid_t child;

  mk_test_assert_starts (executor);
  child = fork ();
  if (child == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      run_own_service (own_tag);
      lose_supervisor (own_tag);
      _exit (0);
    }
  g_assert_cmpint (await_child (child), ==, 0);
  g_assert_true (mk_test_wait_untagged (own_tag, MK_TEST_GONE_MS));
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
}

/* Nor while the service starts: a copy is of no use. */
static void
test_forked_child_does_not_start_the_same (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "50", "--ready", "ready", NULL);
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new ((const char *const *) argv, "ready");
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
  g_autoptr (GAsyncResult) result = NULL;
  pid_t child;

  mk_simple_executor_start_async (simple, NULL, mk_test_store_result, &result);
  child = fork ();
  if (child == 0)
    {
      g_autoptr (GError) error = NULL;

      alarm (MK_TEST_LIMIT_MS / 1000);
      if (mk_simple_executor_start (simple, NULL, &error) ||
          !g_error_matches (error, MK_ERROR, MK_ERROR_FAILED) ||
          mk_simple_executor_get_state (simple) != MK_EXECUTOR_STATE_STOPPED ||
          mk_simple_executor_get_pid (simple) != 0 || !mk_simple_executor_kill (simple, NULL, NULL) ||
          !mk_simple_executor_wait (simple, NULL, NULL))
        _exit (1);
      _exit (0);
    }

  g_assert_cmpint (await_child (child), ==, 0);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (simple, result, NULL));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* What waited when the program was forked is cancelled in the child, and returns there. */
static void
test_forked_child_cancels_a_wait (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  pid_t child;

  mk_test_assert_starts (executor);
  mk_simple_executor_wait_async (executor, cancellable, mk_test_store_result, &result);
  child = fork ();
  if (child == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      g_cancellable_cancel (cancellable);
      _exit (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS) ? 0 : 1);
    }

  g_assert_cmpint (await_child (child), ==, 0);
  mk_test_assert_stops (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  mk_test_assert_nothing_left (tag);
}

static gboolean
is_file (int fd, const char *path)
{
  struct stat expected, found;

  return stat (path, &expected) == 0 && fstat (fd, &found) == 0 && found.st_dev == expected.st_dev &&
         found.st_ino == expected.st_ino;
}

static gboolean
is_file_in_child (int fd, const char *path)
{
  pid_t child = fork ();

  if (child == 0)
    _exit (is_file (fd, path) ? 0 : 1);
  return await_child (child) == 0;
}

/* Opens it until it has that number. */
static GArray *
open_as (const char *path, int fd)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  int last;

  do
    {
      last = open (path, O_RDONLY | O_CLOEXEC);
      g_array_append_val (fds, last);
    }
  while (last >= 0 && last < fd);
  g_assert_cmpint (last, ==, fd);
  return fds;
}

/* The input of the service is not for the child, but what the number of its pipe means later is. */
static void
test_forked_child_keeps_its_files (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GArray) fds = NULL;
  g_autoptr (GOutputStream) input = NULL;
  int fd;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_test_assert_starts (executor);
  input = mk_simple_executor_dup_stdin (executor);
  fd = g_unix_output_stream_get_fd (G_UNIX_OUTPUT_STREAM (input));
  g_assert_true (is_file_in_child (fd, "/dev/null"));

  g_assert_true (g_output_stream_close (input, NULL, NULL));
  fds = open_as ("/dev/zero", fd);
  g_assert_true (is_file_in_child (fd, "/dev/zero"));
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  mk_test_assert_stops (executor);
}

/* Returns: whether it is as if nothing was ever started */
static gboolean
looks_unused (MkSimpleExecutor *executor)
{
  g_autofree char *description = mk_simple_executor_describe (executor);

  return mk_simple_executor_get_state (executor) == MK_EXECUTOR_STATE_STOPPED &&
         !mk_simple_executor_get_running (executor) && strstr (description, "(stopped)") != NULL;
}

/* What a forked child may do with a copy. @executor: (transfer full); @own_tag: (nullable): of a service of
 * its own */
G_NORETURN static void
use_copy_and_exit (MkSimpleExecutor *executor, const char *own_tag)
{
  alarm (MK_TEST_LIMIT_MS / 1000);
  if (!looks_unused (executor))
    _exit (1);
  mk_simple_executor_set_stop_timeout (executor, MK_TEST_LIMIT_MS);
  if (!mk_simple_executor_stop (executor, NULL, NULL))
    _exit (2);
  if (mk_simple_executor_start (executor, NULL, NULL))
    _exit (3);
  g_object_unref (executor);
  if (own_tag != NULL)
    run_own_service (own_tag);
  _exit (0);
}

typedef struct
{
  MkSimpleExecutor *executor;
  int ended; /* (atomic) */
} Reading;

static gpointer
read_until_ended (gpointer data)
{
  Reading *reading = data;

  while (!g_atomic_int_get (&reading->ended))
    {
      mk_simple_executor_get_running (reading->executor);
      /* Under valgrind, which runs one thread at a time, the others would hardly ever have their turn. */
      g_thread_yield ();
    }
  return NULL;
}

/* Without them, as under valgrind, GLib watches children under a lock that may be held while it is forked. */
static gboolean
has_pidfds (void)
{
  int fd = pidfd_open (getpid (), 0);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static gboolean
is_asleep (const char *task)
{
  g_autofree char *path = g_build_filename ("/proc/self/task", task, "stat", NULL);
  g_autofree char *stat = NULL;

  return g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, "(gmain) S ") != NULL;
}

/* GLib's own thread, which a start has woken, takes a lock of GLib before it sleeps again. A child that is
 * forked in between can start nothing. */
static void
await_sleep_of_glib (void)
{
  gint64 deadline = g_get_monotonic_time () + MK_TEST_LIMIT_MS * G_TIME_SPAN_MILLISECOND;
  gboolean asleep = FALSE;

  while (!asleep && g_get_monotonic_time () < deadline)
    {
      g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
      const char *task;

      while (!asleep && (task = g_dir_read_name (tasks)) != NULL)
        asleep = is_asleep (task);
    }
  g_assert_true (asleep);
}

/* At the moment of a fork one of the threads, which the child has not, may be using the executor. */
static void
test_fork_while_threads_read (void)
{
  g_autofree char *own_tag = mk_test_new_tag ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  Reading reading = { executor, FALSE };
  gboolean starts = has_pidfds ();
  GThread *threads[2];

#ifdef __SANITIZE_ADDRESS__
  /* Its allocator may be locked by one of the threads at that moment; a start would wait for it for ever. */
  starts = FALSE;
#endif

  mk_test_assert_starts (executor);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("reader", read_until_ended, &reading);
  await_sleep_of_glib ();
  for (guint i = 0; i < N_FORKS; i++)
    {
      pid_t child = fork ();

      if (child == 0)
        use_copy_and_exit (executor, starts && i % FORKS_PER_START == 0 ? own_tag : NULL);
      g_assert_cmpint (await_child (child), ==, 0);
    }

  g_atomic_int_set (&reading.ended, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/fork/child-drops-its-copy", test_forked_child_drops_its_copy);
  mk_test_add_once ("/fork/child-starts-its-own", test_forked_child_starts_its_own);
  mk_test_add_once ("/fork/child-starts-the-same", test_forked_child_does_not_start_the_same);
  mk_test_add_once ("/fork/child-cancels-a-wait", test_forked_child_cancels_a_wait);
  mk_test_add_once ("/fork/child-keeps-its-files", test_forked_child_keeps_its_files);
  mk_test_add_once ("/fork/while-threads-read", test_fork_while_threads_read);

  return g_test_run ();
}
