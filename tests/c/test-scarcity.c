/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that has no file descriptors left, or may have no more processes, or whose supervisor is not what
 * it should be: clear errors, no hang, nothing left, and everything works again once there is enough.
 *
 * Each case spoils the process it runs in, so it runs in one of its own.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 40
#define MAX_DESCRIPTORS    128
#define NOBODY             65534

static MkSimpleExecutor *
new_service (const char *tag)
{
  return mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
}

static int reserved_fd; /* the lowest that was free at the beginning */

/* Returns whether this is the subprocess, in which the case goes on. */
static gboolean
enter_subprocess (void)
{
  if (g_test_subprocess ())
    return TRUE;

  g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
  return FALSE;
}

/* GLib makes a thread and a context for it with the first task, and ends the program where it cannot. */
static void
have_used_gio (void)
{
  g_type_class_unref (g_type_class_ref (G_TYPE_TASK));
  g_main_context_iteration (NULL, FALSE);
}

/* Descriptors */

static void
limit_descriptors (void)
{
  struct rlimit limit = { MAX_DESCRIPTORS, MAX_DESCRIPTORS };

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

/* Takes all of them but @n_left. */
static GArray *
take_descriptors (guint n_left)
{
  GArray *fds = g_array_new (FALSE, FALSE, sizeof (int));
  int fd;

  while ((fd = open ("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
    g_array_append_val (fds, fd);
  for (; n_left > 0; n_left--)
    {
      close (g_array_index (fds, int, fds->len - 1));
      g_array_set_size (fds, fds->len - 1);
    }
  return fds;
}

static void
give_back (GArray *fds)
{
  for (guint i = 0; i < fds->len; i++)
    close (g_array_index (fds, int, i));
  g_array_unref (fds);
}

static void
assert_too_many_files (GError *error)
{
  g_assert_nonnull (error);
  mk_test_assert_contains (error->message, "Too many open files");
  mk_test_assert_contains (error->message, "ulimit -n");
}

static void
test_start_without_descriptors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  GArray *fds;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  executor = new_service (tag);
  fds = take_descriptors (0);
  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  give_back (fds);
  assert_too_many_files (error);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* The context is there already, but the thread of the library is not. */
static void
test_start_async_without_descriptors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GArray *fds;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  executor = mk_test_executor_new (tag, NULL);
  have_used_gio ();
  fds = take_descriptors (0);
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  give_back (fds);
  g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
  assert_too_many_files (error);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* With a few, as many as a start might need at one moment or another */
static void
test_start_with_few_descriptors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  guint n_started = 0;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  executor = new_service (tag);
  mk_simple_executor_set_start_timeout (executor, 500);
  for (guint n_left = 0; n_left < 40; n_left++)
    {
      GArray *fds = take_descriptors (n_left);
      g_autoptr (GError) error = NULL;
      gboolean started = mk_simple_executor_start (executor, NULL, &error);

      give_back (fds);
      if (started)
        n_started++;
      else
        mk_test_assert_contains (error->message, "Too many open files");
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
    }
  g_assert_cmpuint (n_started, >, 10);
  g_assert_cmpuint (n_started, <, 40);
}

static void
test_probe_without_descriptors (void)
{
  g_autoptr (MkTcpProbe) probe = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GArray *fds;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  probe = mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ());
  have_used_gio ();
  fds = take_descriptors (0);
  g_assert_false (mk_probe_check (MK_PROBE (probe), NULL, &error));
  assert_too_many_files (error);
  g_clear_error (&error);
  mk_probe_check_async (MK_PROBE (probe), NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_probe_check_finish (MK_PROBE (probe), result, &error));
  mk_test_assert_contains (error->message, "Too many open files");
  give_back (fds);
}

/* A synchronous stop says what is missing; the asynchronous one needs nothing. */
static void
test_stop_without_descriptors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GArray *fds;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  executor = new_service (tag);
  mk_test_assert_starts (executor);
  have_used_gio ();
  fds = take_descriptors (0);
  g_assert_false (mk_simple_executor_stop (executor, NULL, &error));
  assert_too_many_files (error);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_clear_error (&error);

  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_stop_finish (executor, result, &error));
  g_assert_no_error (error);
  give_back (fds);
  mk_test_assert_nothing_left (tag);
}

static void
test_drop_without_descriptors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor;
  GArray *fds;

  if (!enter_subprocess ())
    return;
  limit_descriptors ();
  executor = new_service (tag);
  mk_test_assert_starts (executor);
  fds = take_descriptors (0);
  g_assert_finalize_object (executor);
  give_back (fds);
  mk_test_assert_nothing_left (tag);
}

/* There the supervisor has its control socket, and in a program like any other it is free at times. */
static void
test_descriptor_3_is_free (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (reserved_fd != 3)
    {
      g_test_skip ("whoever runs this test has left descriptor 3 open");
      return;
    }
  if (!enter_subprocess ())
    return;

  /* Makes the thread of the library, with descriptors of its own. */
  executor = new_service (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (close (reserved_fd), ==, 0);
  /* A synchronous start would have a context there. */
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (executor, result, &error));
  g_assert_no_error (error);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* Processes: root may have as many as it likes, so become somebody else. */

static gboolean
become_nobody (void)
{
  if (geteuid () == 0 && (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
                          setresuid (NOBODY, NOBODY, NOBODY) < 0))
    return FALSE;
  return g_file_test (mk_test_service_path (), G_FILE_TEST_IS_EXECUTABLE);
}

static void
limit_processes (rlim_t limit)
{
  struct rlimit limits;

  g_assert_cmpint (getrlimit (RLIMIT_NPROC, &limits), ==, 0);
  limits.rlim_cur = MIN (limit, limits.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_NPROC, &limits), ==, 0);
}

static void
assert_start_finds_no_process (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  limit_processes (1);
  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  limit_processes (RLIM_INFINITY);
  g_assert_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED);
  mk_test_assert_contains (error->message, "mk-test-service");
  mk_test_assert_contains (error->message, "Resource temporarily unavailable");
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* Not even the thread of the library can be made. */
static void
test_first_start_without_processes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!enter_subprocess () || !become_nobody ())
    return;
  have_used_gio ();
  executor = new_service (tag);
  assert_start_finds_no_process (executor);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* Nor the one of GLib */
static void
test_very_first_start_without_processes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!enter_subprocess () || !become_nobody ())
    return;
  executor = new_service (tag);
  assert_start_finds_no_process (executor);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_later_start_without_processes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!enter_subprocess () || !become_nobody ())
    return;
  executor = new_service (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  assert_start_finds_no_process (executor);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_stop_without_processes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!enter_subprocess () || !become_nobody ())
    return;
  executor = new_service (tag);
  mk_test_assert_starts (executor);
  limit_processes (1);
  mk_test_assert_stops (executor);
  limit_processes (RLIM_INFINITY);
  mk_test_assert_nothing_left (tag);
}

/* The supervisor */

static void
assert_start_blames_supervisor (const char *path)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *good_path = g_strdup (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"));
  g_autoptr (MkSimpleExecutor) executor = new_service (tag);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", path, TRUE);
  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", good_path, TRUE);
  g_assert_error (error, MK_ERROR, MK_ERROR_SUPERVISOR);
  mk_test_assert_contains (error->message, "upervisor");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, MK_TEST_LIMIT_MS * G_TIME_SPAN_MILLISECOND);

  mk_test_assert_nothing_left (tag);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_supervisor_cannot_be_run (void)
{
  if (!enter_subprocess ())
    return;
  assert_start_blames_supervisor ("/nowhere/mk-supervisor");
  assert_start_blames_supervisor ("/etc/passwd");
  assert_start_blames_supervisor ("/tmp");
}

/* Programs that end without having said anything, or with something said to standard error */
static void
test_supervisor_is_another_program (void)
{
  if (!enter_subprocess ())
    return;
  assert_start_blames_supervisor ("/bin/true");
  assert_start_blames_supervisor ("/bin/false");
  assert_start_blames_supervisor ("/bin/cat");
}

static void
test_supervisor_never_answers (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = NULL;
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;

  if (!enter_subprocess ())
    return;
  path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_assert_true (g_file_set_contents (path, "#!/bin/sh\nexec sleep 60\n", -1, NULL));
  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", path, TRUE);
  executor = new_service (tag);
  mk_simple_executor_set_start_timeout (executor, 200);
  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  g_unlink (path);
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "did not begin to run");
  mk_test_assert_nothing_left (tag);
}

static void
test_supervisor_without_arguments (void)
{
  const char *argv[] = { g_getenv ("MIRAKURU_GLIB_SUPERVISOR"), NULL };
  g_autofree char *text = NULL;
  int status = 0;

  g_assert_true (
      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &text, &status, NULL));
  g_assert_false (g_spawn_check_wait_status (status, NULL));
  mk_test_assert_contains (text, "not by hand");
}

int
main (int argc, char **argv)
{
  reserved_fd = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/scarcity/descriptors/start", test_start_without_descriptors);
  mk_test_add_once ("/scarcity/descriptors/start-async", test_start_async_without_descriptors);
  mk_test_add_once ("/scarcity/descriptors/start-with-few", test_start_with_few_descriptors);
  mk_test_add_once ("/scarcity/descriptors/probe", test_probe_without_descriptors);
  mk_test_add_once ("/scarcity/descriptors/stop", test_stop_without_descriptors);
  mk_test_add_once ("/scarcity/descriptors/drop", test_drop_without_descriptors);

  mk_test_add_once ("/scarcity/descriptors/3-is-free", test_descriptor_3_is_free);

  mk_test_add_once ("/scarcity/processes/stop", test_stop_without_processes);
  mk_test_add_once ("/scarcity/processes/later-start", test_later_start_without_processes);
  mk_test_add_once ("/scarcity/processes/first-start", test_first_start_without_processes);
  mk_test_add_once ("/scarcity/processes/very-first-start", test_very_first_start_without_processes);

  mk_test_add_once ("/scarcity/supervisor/cannot-be-run", test_supervisor_cannot_be_run);
  mk_test_add_once ("/scarcity/supervisor/is-another-program", test_supervisor_is_another_program);
  mk_test_add_once ("/scarcity/supervisor/never-answers", test_supervisor_never_answers);
  mk_test_add_once ("/scarcity/supervisor/without-arguments", test_supervisor_without_arguments);

  return g_test_run ();
}
