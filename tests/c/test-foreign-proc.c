/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where /proc is that of another PID namespace, hides processes, or is missing: services that stay in their
 * process group end as they do elsewhere, and nobody else is mistaken for one of their processes.
 *
 * This program uses the library in forked children only, for they leave its namespaces.
 */

#define _GNU_SOURCE
#include <mirakuru-glib.h>

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/mk-proc-private.h"
#include "mk-test-util.h"

#define CHILD_LIMIT_S   30
#define NOT_PERMITTED   77
#define NOBODY          65534
#define CHAIN_LENGTH    60
#define N_INNOCENT      8
#define STOP_TIMEOUT_MS 300
#define STATUS_ON_TERM  42

typedef int (*Body) (gpointer data);

typedef struct
{
  const char *name;
  Body enter;
  Body body;
  const char *options; /* of the service */
  const char *tag;
  guint port;
} Scene;

/* Places */

/* Returns the status of a child that did it, −1 if it did not end by itself. */
static int
in_child (Body body, gpointer data)
{
  int status = 0;
  pid_t child = fork ();

  if (child == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      alarm (CHILD_LIMIT_S);
      _exit (body (data));
    }
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static int
run_body (gpointer data)
{
  Scene *scene = data;

  return scene->body (scene);
}

static gboolean
unmount_proc (void)
{
  return unshare (CLONE_NEWNS) == 0 && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         umount2 ("/proc", MNT_DETACH) == 0 && access ("/proc/self", F_OK) < 0;
}

static int
enter_without_proc (gpointer scene)
{
  return unmount_proc () ? run_body (scene) : NOT_PERMITTED;
}

static int
enter_foreign_proc (gpointer scene)
{
  return unshare (CLONE_NEWPID) == 0 ? in_child (run_body, scene) : NOT_PERMITTED;
}

/* Each has the next one for its child, so that whatever number is taken for that of a parent seems to have
 * one. */
static void
make_chain (void)
{
  int fds[2];
  char byte;

  g_assert_cmpint (pipe (fds), ==, 0);
  for (int i = 0; i < CHAIN_LENGTH && fork () == 0; i++)
    {
      if (i < CHAIN_LENGTH - 1)
        continue;
      g_assert_cmpint (write (fds[1], "", 1), ==, 1);
    }
  if (getpid () == 1)
    g_assert_cmpint (read (fds[0], &byte, 1), ==, 1);
  else
    while (TRUE)
      pause ();
}

static int
enter_misleading_proc_2 (gpointer scene)
{
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount ("proc", "/proc", "proc", 0, NULL) < 0)
    return NOT_PERMITTED;

  make_chain ();
  return in_child (enter_foreign_proc, scene);
}

/* That /proc has processes with the numbers that are about to be used. */
static int
enter_misleading_proc (gpointer scene)
{
  return unshare (CLONE_NEWPID | CLONE_NEWNS) == 0 ? in_child (enter_misleading_proc_2, scene)
                                                   : NOT_PERMITTED;
}

static int
enter_hidden_proc_2 (gpointer scene)
{
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount ("proc", "/proc", "proc", 0, "hidepid=2") < 0 || setgroups (0, NULL) < 0 ||
      setresgid (NOBODY, NOBODY, NOBODY) < 0 || setresuid (NOBODY, NOBODY, NOBODY) < 0 ||
      access ("/proc/1/stat", F_OK) < 0 || access (mk_test_service_path (), X_OK) < 0 ||
      access (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"), X_OK) < 0)
    return NOT_PERMITTED;

  return run_body (scene);
}

/* A user sees only processes of that user there, and not mk-supervisor, which is not dumpable. */
static int
enter_hidden_proc (gpointer scene)
{
  return unshare (CLONE_NEWPID | CLONE_NEWNS) == 0 ? in_child (enter_hidden_proc_2, scene) : NOT_PERMITTED;
}

/* What is done there */

static MkSimpleExecutor *
start_service (Scene *scene)
{
  g_autofree char *address = mk_test_service_address (scene->port);
  g_autofree char *command = g_strdup_printf ("%s --tag %s --listen %s --lifetime 60 %s",
                                              mk_test_service_path (),
                                              scene->tag,
                                              address,
                                              scene->options);
  g_auto (GStrv) argv = g_strsplit (g_strchomp (command), " ", -1);
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor;

  executor = MK_SIMPLE_EXECUTOR (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", scene->port));
  mk_simple_executor_start (executor, NULL, &error);
  g_assert_no_error (error);
  return executor;
}

static int
stop_gently (gpointer data)
{
  g_autoptr (MkSimpleExecutor) executor = start_service (data);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop_full (executor, SIGTERM, STATUS_ON_TERM, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, STATUS_ON_TERM);
  return 0;
}

static int
stop_hard (gpointer data)
{
  g_autoptr (MkSimpleExecutor) executor = start_service (data);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_simple_executor_stop (executor, NULL, &error);
  g_assert_no_error (error);
  return 0;
}

/* Which is a process that the program does not see */
static int
kill_supervisor (gpointer data)
{
  g_autoptr (MkSimpleExecutor) executor = start_service (data);
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", mk_simple_executor_get_pid (executor));
  g_autofree char *stat = NULL;
  int supervisor;

  g_assert_true (g_file_get_contents (path, &stat, NULL, NULL));
  g_assert_cmpint (sscanf (strrchr (stat, ')'), ") %*c %d", &supervisor), ==, 1);
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);
  g_assert_false (mk_simple_executor_stop (executor, NULL, NULL));
  return 0;
}

static int
notify (gpointer data)
{
  Scene *scene = data;
  const char *argv[] = {
    mk_test_service_path (), "--tag", scene->tag, "--lifetime", "30", "--daemon", "--notify", "READY=1", NULL
  };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  mk_simple_executor_start (MK_SIMPLE_EXECUTOR (executor), NULL, &error);
  g_assert_no_error (error);
  mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (executor), NULL, &error);
  g_assert_no_error (error);
  return 0;
}

static void
fork_innocent (pid_t *pids)
{
  for (guint i = 0; i < N_INNOCENT; i++)
    {
      pids[i] = fork ();
      while (pids[i] == 0)
        pause ();
      g_assert_cmpint (pids[i], >, 1);
      g_assert_cmpint (pids[i], <, CHAIN_LENGTH);
    }
}

static int
stop_among_others (gpointer data)
{
  g_autoptr (MkSimpleExecutor) executor = start_service (data);
  g_autoptr (GError) error = NULL;
  pid_t innocent[N_INNOCENT];

  fork_innocent (innocent);
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_simple_executor_stop (executor, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < N_INNOCENT; i++)
    g_assert_cmpint (waitpid (innocent[i], NULL, WNOHANG), ==, 0);
  return 0;
}

/* All processes in that /proc have the environment of this program. */
static int
ask_about_others (gpointer data)
{
  g_autofree char *marker = g_strdup_printf ("PATH=%s", g_getenv ("PATH"));
  g_autofree char *expected = NULL;
  g_autofree char *living = NULL;
  pid_t innocent[N_INNOCENT];

  fork_innocent (innocent);
  g_assert_cmpuint (mk_proc_kill_left (marker, 0, G_MAXINT64), ==, 0);
  for (guint i = 0; i < N_INNOCENT; i++)
    g_assert_cmpint (waitpid (innocent[i], NULL, WNOHANG), ==, 0);

  g_assert_false (mk_proc_is_descendant (innocent[0], innocent[0] - 1));
  expected = g_strdup_printf ("process %d", (int) innocent[0]);
  living = mk_proc_describe_living (innocent[0]);
  g_assert_cmpstr (living, ==, expected);
  g_assert_null (mk_proc_describe_living (CHAIN_LENGTH - 1));
  return 0;
}

static void
test_scene (gconstpointer data)
{
  Scene scene = *(const Scene *) data;
  g_autofree char *tag = mk_test_new_tag ();
  int status;

  scene.tag = tag;
  scene.port = mk_test_free_port ();
  status = in_child (scene.enter, &scene);
  if (status == NOT_PERMITTED)
    {
      g_test_skip ("namespaces of its own are not permitted here");
      return;
    }
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
}

static const Scene scenes[] = {
  { "foreign/gentle", enter_foreign_proc, stop_gently, "--on-term 42" },
  { "foreign/children", enter_foreign_proc, stop_gently, "--on-term 42 --children 2" },
  { "foreign/deaf", enter_foreign_proc, stop_hard, "--deaf --children 2" },
  { "foreign/fork-forever", enter_foreign_proc, stop_hard, "--deaf --fork-forever" },
  { "none/gentle", enter_without_proc, stop_gently, "--on-term 42" },
  { "none/children", enter_without_proc, stop_gently, "--on-term 42 --children 2" },
  { "none/deaf", enter_without_proc, stop_hard, "--deaf --children 2" },
  { "none/fork-forever", enter_without_proc, stop_hard, "--deaf --fork-forever" },
  { "hidden/gentle", enter_hidden_proc, stop_gently, "--on-term 42 --children 2 --setsid-children" },
  { "hidden/deaf", enter_hidden_proc, stop_hard, "--deaf --children 2 --setsid-children" },
  { "hidden/daemon", enter_hidden_proc, stop_hard, "--deaf --daemon --scrub-env" },
  { "hidden/fork-forever", enter_hidden_proc, stop_hard, "--deaf --fork-forever --setsid-children" },
  { "hidden/killed-supervisor", enter_hidden_proc, kill_supervisor, "--deaf --children 2 --setsid-children" },
  { "hidden/notify", enter_hidden_proc, notify, "" },
  { "misleading/stop", enter_misleading_proc, stop_among_others, "--deaf --children 2" },
  { "misleading/ask", enter_misleading_proc, ask_about_others, "" },
};

int
main (int argc, char **argv)
{
  mk_test_need_linux_features ("processes are looked for in /proc");
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (scenes); i++)
    {
      g_autofree char *path = g_strdup_printf ("/foreign-proc/%s", scenes[i].name);

      g_test_add_data_func (path, &scenes[i], test_scene);
    }

  return g_test_run ();
}
