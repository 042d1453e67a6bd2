/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that uses the library, and comes to an end in the way it is told to.
 *
 *     mk-test-host --way WAY [--port PORT] [--kill-main] -- SERVICE…
 *
 * It starts the service, prints "ready HOST-PID SUPERVISOR-PID", and waits for a line on standard input. Then
 * it ends, or where it survives what the way is about, prints "ended" (with the error, if there was one) and
 * lives on until the end of its standard input, so that what its own end would clean up can be told from what
 * was cleaned up before.
 *
 * The tag of the service comes in MK_TEST_TAG, so that it is not among the arguments of the host itself.
 */

#define _GNU_SOURCE
#include <mirakuru-glib.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-util.h"

#define STOP_TIMEOUT_MS 300
#define COPY_LIFETIME_S 60
#define N_THREADS       6
#define N_STARTS        12

typedef struct
{
  const char *name;
  void (*run) (MkSimpleExecutor **executor);
} Way;

static char *way_name;
static int port;
static gboolean kill_main;
static char **service;
static int n_starts; /* (atomic) by other threads */

static const GOptionEntry entries[] = {
  { "way", 0, 0, G_OPTION_ARG_STRING, &way_name, "How to end", "WAY" },
  { "port", 0, 0, G_OPTION_ARG_INT, &port, "Wait until PORT accepts connections", "PORT" },
  { "kill-main", 0, 0, G_OPTION_ARG_NONE, &kill_main, "Kill the main process of the service first", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &service, NULL, NULL },
  G_OPTION_ENTRY_NULL,
};

static void
report (const char *what, GError *error)
{
  if (error != NULL)
    g_print ("%s: %s\n", what, error->message);
  else
    g_print ("%s\n", what);
}

static pid_t
find_supervisor (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, 1);
  return g_array_index (children, pid_t, 0);
}

static MkSimpleExecutor *
create_executor (void)
{
  const char *tag = g_getenv ("MK_TEST_TAG");
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  MkSimpleExecutor *executor;

  g_strv_builder_addv (builder, (const char **) service);
  if (tag != NULL)
    g_strv_builder_add_many (builder, "--tag", tag, NULL);
  argv = g_strv_builder_end (builder);
  if (port != 0)
    executor = MK_SIMPLE_EXECUTOR (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port));
  else
    executor = mk_simple_executor_new ((const char *const *) argv);
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  return executor;
}

/* Ways that the host survives */

static void
way_stop (MkSimpleExecutor **executor)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop (*executor, NULL, &error);
  report ("ended", error);
}

static void
way_kill (MkSimpleExecutor **executor)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_kill (*executor, NULL, &error);
  report ("ended", error);
}

static void
way_drop (MkSimpleExecutor **executor)
{
  g_assert_finalize_object (g_steal_pointer (executor));
  report ("ended", NULL);
}

static void
way_supervisor_sigkill (MkSimpleExecutor **executor)
{
  kill (find_supervisor (), SIGKILL);
  report ("ended", NULL);
}

static void
await_copy (pid_t copy, MkSimpleExecutor *executor)
{
  int status = -1;

  while (waitpid (copy, &status, 0) < 0 && errno == EINTR)
    continue;
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpint (mk_simple_executor_get_state (executor), ==, MK_EXECUTOR_STATE_READY);
  report ("ended", NULL);
}

/* As a child made by Python's multiprocessing ends: its copy goes, and its exit handlers run. */
static void
way_copy_drops (MkSimpleExecutor **executor)
{
  pid_t copy = fork ();

  if (copy == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      g_object_unref (*executor);
      exit (0);
    }
  await_copy (copy, *executor);
}

/* No handler of the library runs in these copies, unlike after fork(). */
static void
way_raw_copy_exits (MkSimpleExecutor **executor)
{
  pid_t copy = _Fork ();

  if (copy == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      exit (0);
    }
  await_copy (copy, *executor);
}

static void
way_raw_copy_drops (MkSimpleExecutor **executor)
{
  pid_t copy = (pid_t) syscall (SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);

  if (copy == 0)
    {
      alarm (MK_TEST_LIMIT_MS / 1000);
      g_object_unref (*executor);
      exit (0);
    }
  await_copy (copy, *executor);
}

/* Ways that it does not survive */

static void
way_exit (MkSimpleExecutor **executor)
{
  exit (0);
}

/* For as long as the program lasts */
static gpointer
start_and_kill (gpointer unused)
{
  for (;;)
    {
      g_autoptr (MkSimpleExecutor) executor = create_executor ();

      if (mk_simple_executor_start (executor, NULL, NULL))
        g_atomic_int_inc (&n_starts);
      mk_simple_executor_kill (executor, NULL, NULL);
    }
  return NULL;
}

static gboolean
have_started (gpointer unused)
{
  return g_atomic_int_get (&n_starts) >= N_STARTS;
}

static void
way_exit_while_starting (MkSimpleExecutor **executor)
{
  port = 0;
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_unref (g_thread_new ("starter", start_and_kill, NULL));
  mk_test_poll_until (have_started, NULL, MK_TEST_LIMIT_MS);
  exit (0);
}

static void
way__exit (MkSimpleExecutor **executor)
{
  _exit (0);
}

static void
way_sigkill (MkSimpleExecutor **executor)
{
  raise (SIGKILL);
}

static void
way_sigsegv (MkSimpleExecutor **executor)
{
  struct rlimit no_core = { 0, 0 };

  setrlimit (RLIMIT_CORE, &no_core);
  signal (SIGSEGV, SIG_DFL);
  raise (SIGSEGV);
}

/* The program that takes the place of this one has its pid, and lives on. */
static void
way_exec (MkSimpleExecutor **executor)
{
  g_print ("ended\n");
  execlp ("cat", "cat", NULL);
  g_error ("cat: %s", g_strerror (errno));
}

/* The copy holds open whatever the host had open: no handler of the library runs in it, unlike after fork().
 */
static void
way_sigkill_with_copy (MkSimpleExecutor **executor)
{
  pid_t copy = _Fork ();

  if (copy == 0)
    {
      alarm (COPY_LIFETIME_S);
      for (;;)
        pause ();
    }
  g_print ("copy %d\n", (int) copy);
  raise (SIGKILL);
}

static const Way ways[] = {
  { "stop", way_stop },
  { "kill", way_kill },
  { "drop", way_drop },
  { "exit", way_exit },
  { "_exit", way__exit },
  { "sigkill", way_sigkill },
  { "sigsegv", way_sigsegv },
  { "exec", way_exec },
  { "sigkill-with-copy", way_sigkill_with_copy },
  { "supervisor-sigkill", way_supervisor_sigkill },
  { "copy-drops", way_copy_drops },
  { "raw-copy-exits", way_raw_copy_exits },
  { "raw-copy-drops", way_raw_copy_drops },
  { "exit-while-starting", way_exit_while_starting },
};

static const Way *
find_way (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    if (g_strcmp0 (ways[i].name, name) == 0)
      return &ways[i];
  g_error ("--way: unknown");
}

static gboolean
main_process_ended (gpointer executor)
{
  return !mk_simple_executor_get_running (executor);
}

static void
start (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start (executor, NULL, &error))
    g_error ("start: %s", error->message);
  if (!kill_main)
    return;
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_poll_until (main_process_ended, executor, MK_TEST_LIMIT_MS));
}

static void
await_line (void)
{
  char line[16];

  if (fgets (line, sizeof line, stdin) == NULL)
    exit (1);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("SERVICE…");
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  const Way *way;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || service == NULL)
    g_error ("%s", error != NULL ? error->message : "no service was given");
  way = find_way (way_name);
  executor = create_executor ();
  start (executor);
  g_print ("ready %d %d\n", (int) getpid (), (int) find_supervisor ());
  await_line ();
  way->run (&executor);
  while (getchar () != EOF)
    continue;
  return 0;
}
