/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that becomes another user's cannot be killed: who stops it is told so, and not that it is gone.
 * And a program that has the rights of another user does not run what the environment names as mk-supervisor.
 *
 * The service, and that program, are a copy of this program that belongs to root and has the setuid bit; it
 * is run by a child that has become nobody, which in the first case uses the library.
 */

#define _GNU_SOURCE
#include <mirakuru-glib.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-util.h"

#define NOBODY             65534
#define SERVICE_LIFETIME_S 40
#define CHILD_LIMIT_S      30
#define NOT_POSSIBLE       77
#define STOP_TIMEOUT_MS    100
#define START              "--start"
#define USELESS            "/bin/false"

typedef gboolean (*StopFunc) (MkSimpleExecutor *executor, GCancellable *cancellable, GError **error);

static const StopFunc stop_funcs[] = { mk_simple_executor_stop, mk_simple_executor_kill };

static int
serve (void)
{
  alarm (SERVICE_LIFETIME_S);
  if (setresuid (0, 0, 0) < 0)
    return 1;
  (void) !write (STDOUT_FILENO, "root\n", 5);
  while (TRUE)
    pause ();
}

static char *
copy_program (const char *folder)
{
  char *copy = g_build_filename (folder, "service", NULL);
  g_autoptr (GFile) source = g_file_new_for_path ("/proc/self/exe");
  g_autoptr (GFile) target = g_file_new_for_path (copy);
  g_autoptr (GError) error = NULL;

  g_file_copy (source, target, G_FILE_COPY_NONE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_cmpint (g_chmod (copy, 04755), ==, 0);
  return copy;
}

static gboolean
become_nobody (const char *service)
{
  return setgroups (0, NULL) == 0 && setresgid (NOBODY, NOBODY, NOBODY) == 0 &&
         setresuid (NOBODY, NOBODY, NOBODY) == 0 && access (service, X_OK) == 0 &&
         access (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"), X_OK) == 0;
}

static int
stop_as_nobody (const char *service, StopFunc stop)
{
  const char *argv[] = { service, NULL };
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *number = NULL;

  if (!become_nobody (service))
    return NOT_POSSIBLE;

  executor = MK_SIMPLE_EXECUTOR (mk_output_executor_new (argv, "root"));
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  /* Where files are mounted without the setuid bit, it has ended with status 1. */
  if (!mk_simple_executor_start (executor, NULL, &error))
    return g_error_matches (error, MK_ERROR, MK_ERROR_EXITED) ? NOT_POSSIBLE : 1;

  number = g_strdup_printf ("process %d ", (int) mk_simple_executor_get_pid (executor));
  g_assert_false (stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, number));
  return 0;
}

static int
in_child (const char *service, StopFunc stop)
{
  int status = 0;
  pid_t child = fork ();

  if (child == 0)
    {
      alarm (CHILD_LIMIT_S);
      _exit (stop_as_nobody (service, stop));
    }
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

/* The supervisor goes on trying. It comes to this program, which may end the service. */
static guint
end_services (void)
{
  guint n_services = 0;
  g_autoptr (GArray) supervisors = mk_test_find_children (getpid (), FALSE);

  for (guint i = 0; i < supervisors->len; i++)
    {
      pid_t supervisor = g_array_index (supervisors, pid_t, i);
      g_autoptr (GArray) services = mk_test_find_children (supervisor, FALSE);

      n_services += services->len;
      for (guint j = 0; j < services->len; j++)
        kill (g_array_index (services, pid_t, j), SIGKILL);
      /* Nothing holds it any more. */
      waitpid (supervisor, NULL, 0);
    }
  return n_services;
}

static void
test_stop (gconstpointer data)
{
  const StopFunc *stop = data;
  g_autoptr (MkTestFolder) folder = NULL;
  g_autofree char *service = NULL;
  guint n_left;
  int status;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can do this");
      return;
    }
  folder = mk_test_new_folder ();
  service = copy_program (folder);
  status = in_child (service, *stop);
  n_left = end_services ();
  if (status == NOT_POSSIBLE)
    {
      g_test_skip ("programs cannot become root here");
      return;
    }
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpuint (n_left, ==, 1);
}

/* ---- the environment ---- */

/* The one that is installed may be missing. Returns: whether the one of the environment was run */
static int
start_something (void)
{
  const char *const argv[] = { "true", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autoptr (GError) error = NULL;

  if (geteuid () != 0)
    return NOT_POSSIBLE;
  return !mk_simple_executor_start (executor, NULL, &error) && strstr (error->message, USELESS) != NULL;
}

/* Runs that with a useless program in the place of mk-supervisor. */
static int
start_with_useless_supervisor (const char *program, gboolean as_nobody)
{
  int status = 0;
  pid_t child = fork ();

  if (child == 0)
    {
      alarm (CHILD_LIMIT_S);
      if (as_nobody && !become_nobody (program))
        _exit (NOT_POSSIBLE);
      g_setenv ("MIRAKURU_GLIB_SUPERVISOR", USELESS, TRUE);
      execl (program, program, START, NULL);
      _exit (2);
    }
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static void
test_supervisor_of_the_environment (void)
{
  g_autoptr (MkTestFolder) folder = NULL;
  g_autofree char *program = NULL;
  int status;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can do this");
      return;
    }
  folder = mk_test_new_folder ();
  program = copy_program (folder);
  g_assert_cmpint (start_with_useless_supervisor (program, FALSE), ==, 1);
  status = start_with_useless_supervisor (program, TRUE);
  if (status == NOT_POSSIBLE)
    g_test_skip ("programs cannot become root here");
  else
    g_assert_cmpint (status, ==, 0);
}

int
main (int argc, char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], START))
    return start_something ();
  if (getuid () != 0 && geteuid () == 0)
    return serve ();

  prctl (PR_SET_CHILD_SUBREAPER, 1);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/foreign-user/stop", &stop_funcs[0], test_stop);
  g_test_add_data_func ("/foreign-user/kill", &stop_funcs[1], test_stop);
  g_test_add_func ("/foreign-user/supervisor-of-the-environment", test_supervisor_of_the_environment);
  return g_test_run ();
}
