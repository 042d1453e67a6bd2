/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that has no file descriptors left, may have no more processes, or no longer sees /dev/null; or
 * whose supervisor is not what it should be. Services can be stopped all the same, and what cannot be done
 * ends with a clear error; nothing is left, and everything works again once there is enough.
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

typedef enum
{
  DESCRIPTORS,
  PROCESSES, /* root may have as many as it likes, so become somebody else */
  DEV_NULL,
} Scarce;

typedef enum
{
  FRESH,    /* nothing of GLib's threads is there */
  USED_GIO, /* they are */
  STOPPED,  /* a service was started and stopped */
  READY,    /* it runs */
} Before;

typedef void (*Body) (MkSimpleExecutor *executor, Scarce scarce);

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

static gboolean
become_nobody (void)
{
  if (geteuid () == 0 && (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
                          setresuid (NOBODY, NOBODY, NOBODY) < 0))
    return FALSE;
  return g_file_test (mk_test_service_path (), G_FILE_TEST_IS_EXECUTABLE);
}

static void
limit (int resource, rlim_t value)
{
  struct rlimit limits;

  g_assert_cmpint (getrlimit (resource, &limits), ==, 0);
  limits.rlim_cur = MIN (value, limits.rlim_max);
  g_assert_cmpint (setrlimit (resource, &limits), ==, 0);
}

/* ---- there is not enough ---- */

static GArray *taken; /* descriptors */
static int root_fd;

/* Returns whether it could be done. */
static gboolean
make_scarce (Scarce scarce)
{
  int fd;

  switch (scarce)
    {
    case DESCRIPTORS:
      limit (RLIMIT_NOFILE, MAX_DESCRIPTORS);
      taken = g_array_new (FALSE, FALSE, sizeof (int));
      while ((fd = open ("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        g_array_append_val (taken, fd);
      return TRUE;

    case PROCESSES:
      limit (RLIMIT_NPROC, 1);
      return TRUE;

    case DEV_NULL:
    default:
      root_fd = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
      return chroot ("/proc/self/task") == 0 && access ("/dev/null", F_OK) < 0;
    }
}

static void
make_plentiful (Scarce scarce)
{
  if (scarce == PROCESSES)
    limit (RLIMIT_NPROC, RLIM_INFINITY);
  if (scarce == DEV_NULL)
    {
      g_assert_cmpint (fchdir (root_fd), ==, 0);
      g_assert_cmpint (chroot ("."), ==, 0);
    }
  if (scarce != DESCRIPTORS)
    return;

  for (guint i = 0; i < taken->len; i++)
    close (g_array_index (taken, int, i));
  g_array_unref (taken);
}

static void
assert_says_what_is_missing (GError *error, Scarce scarce)
{
  g_assert_nonnull (error);
  mk_test_assert_contains (error->message, scarce == DESCRIPTORS ? g_strerror (EMFILE) : g_strerror (EAGAIN));
  mk_test_assert_contains (error->message, scarce == DESCRIPTORS ? "ulimit -n" : "ulimit -u");
}

static void
start_fails (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  assert_says_what_is_missing (error, scarce);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* Whatever it is that there is no descriptor for */
static void
start_fails_until_there_are_enough (MkSimpleExecutor *executor, Scarce scarce)
{
  for (guint i = taken->len; i > 0; i--)
    {
      g_autoptr (GError) error = NULL;

      if (mk_simple_executor_start (executor, NULL, &error))
        {
          mk_test_assert_stops (executor);
          return;
        }
      assert_says_what_is_missing (error, scarce);
      close (g_array_index (taken, int, i - 1));
      g_array_set_size (taken, i - 1);
    }
  g_assert_not_reached ();
}

static void
start_async_fails (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (executor, result, &error));
  assert_says_what_is_missing (error, scarce);
}

static void
probe_fails (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", 9);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_probe_check (MK_PROBE (probe), NULL, &error));
  assert_says_what_is_missing (error, scarce);
}

static void
stop_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop (executor, NULL, &error);
  g_assert_no_error (error);
}

static void
stop_full_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop_full (executor, SIGTERM, MK_STATUS_NONE, 1000, NULL, &error);
  g_assert_no_error (error);
}

static void
stop_async_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  mk_simple_executor_stop_finish (executor, result, &error);
  g_assert_no_error (error);
}

static void
kill_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_kill (executor, NULL, &error);
  g_assert_no_error (error);
}

static void
wait_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_wait (executor, NULL, &error);
  g_assert_no_error (error);
}

static void
drop_works (MkSimpleExecutor *executor, Scarce scarce)
{
  g_object_run_dispose (G_OBJECT (executor));
}

typedef struct
{
  const char *name;
  Scarce scarce;
  Before before;
  Body body;
} Case;

static const Case cases[] = {
  { "descriptors/first-start", DESCRIPTORS, FRESH, start_fails },
  { "descriptors/first-start-async", DESCRIPTORS, USED_GIO, start_async_fails },
  { "descriptors/later-start", DESCRIPTORS, STOPPED, start_fails },
  { "descriptors/later-start-with-some", DESCRIPTORS, STOPPED, start_fails_until_there_are_enough },
  { "descriptors/later-start-async", DESCRIPTORS, STOPPED, start_async_fails },
  { "descriptors/probe", DESCRIPTORS, USED_GIO, probe_fails },
  { "descriptors/stop", DESCRIPTORS, READY, stop_works },
  { "descriptors/stop-async", DESCRIPTORS, READY, stop_async_works },
  { "descriptors/kill", DESCRIPTORS, READY, kill_works },
  { "descriptors/drop", DESCRIPTORS, READY, drop_works },
  { "descriptors/stop-nothing", DESCRIPTORS, FRESH, stop_works },

  { "processes/first-start", PROCESSES, FRESH, start_fails },
  { "processes/first-start-with-gio", PROCESSES, USED_GIO, start_fails },
  { "processes/first-start-async", PROCESSES, USED_GIO, start_async_fails },
  { "processes/later-start", PROCESSES, STOPPED, start_fails },
  { "processes/stop", PROCESSES, READY, stop_works },
  { "processes/kill", PROCESSES, READY, kill_works },
  { "processes/stop-nothing", PROCESSES, FRESH, stop_works },
  { "processes/stop-full-nothing", PROCESSES, FRESH, stop_full_works },
  { "processes/kill-nothing", PROCESSES, FRESH, kill_works },
  { "processes/wait-for-nothing", PROCESSES, FRESH, wait_works },

  { "dev-null/stop", DEV_NULL, READY, stop_works },
  { "dev-null/kill", DEV_NULL, READY, kill_works },
};

static void
prepare (MkSimpleExecutor *executor, Before before)
{
  if (before >= STOPPED)
    mk_test_assert_starts (executor);
  if (before == STOPPED)
    mk_test_assert_stops (executor);
  if (before == FRESH)
    return;

  /* GLib makes a thread and a context for it with the first task, and ends the program where it cannot. */
  g_type_class_unref (g_type_class_ref (G_TYPE_TASK));
  g_main_context_iteration (NULL, FALSE);
}

static void
test_case (gconstpointer data)
{
  const Case *self = data;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!enter_subprocess () || (self->scarce == PROCESSES && !become_nobody ()))
    return;

  executor = mk_test_executor_new (tag, NULL);
  prepare (executor, self->before);
  if (!make_scarce (self->scarce))
    return;
  self->body (executor, self->scarce);
  make_plentiful (self->scarce);

  mk_test_assert_nothing_left (tag);
  if (self->body == drop_works)
    return;
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
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
  executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
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

/* The supervisor */

static void
assert_start_blames_supervisor (const char *path)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *good_path = g_strdup (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"));
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
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

/* What cannot be run, and programs that end without having said anything, or with something said to standard
 * error */
static void
test_supervisor_is_something_else (void)
{
  static const char *const paths[] = {
    "/nowhere/mk-supervisor", "/etc/passwd", "/tmp", "/bin/true", "/bin/false", "/bin/cat"
  };

  if (!enter_subprocess ())
    return;
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    assert_start_blames_supervisor (paths[i]);
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
  executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
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

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/scarcity/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  mk_test_add_once ("/scarcity/descriptors/3-is-free", test_descriptor_3_is_free);
  mk_test_add_once ("/scarcity/supervisor/is-something-else", test_supervisor_is_something_else);
  mk_test_add_once ("/scarcity/supervisor/never-answers", test_supervisor_never_answers);
  mk_test_add_once ("/scarcity/supervisor/without-arguments", test_supervisor_without_arguments);

  return g_test_run ();
}
