/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that starts a service and ends it, while mk-test-fault has its system calls fail, or those of the
 * supervisor.
 *
 *     mk-test-fault-host [--warm] [--output] [--launcher COMMAND] --end WAY -- SERVICE…
 *
 * What fails is printed to standard error, with the exit status 1. Whether it fails or not, the same executor
 * has to work once more when nothing is made to fail any more, and the program may not have more open files
 * than before: else the status is 2. It is 3 if that took two seconds longer than the time limits allow.
 */

#define _GNU_SOURCE
#include "mk-test-fault.h"

#include <mirakuru-glib.h>

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mk-test-util.h"

#define START_TIMEOUT_MS 1000
#define STOP_TIMEOUT_MS  300
#define LATE_US          (2 * G_USEC_PER_SEC)
#define BANNER           "ready"

static gboolean is_warm;
static gboolean is_output;
static char *launcher;
static char *way;
static char **service;

static const GOptionEntry entries[] = {
  { "warm", 0, 0, G_OPTION_ARG_NONE, &is_warm, "Use the library before anything fails", NULL },
  { "output", 0, 0, G_OPTION_ARG_NONE, &is_output, "Wait for a line of output, not for a port", NULL },
  { "launcher", 0, 0, G_OPTION_ARG_STRING, &launcher, "Start it by COMMAND", "COMMAND" },
  { "end", 0, 0, G_OPTION_ARG_STRING, &way, "How to end: stop, kill, drop, exit", "WAY" },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &service, NULL, NULL },
  G_OPTION_ENTRY_NULL,
};

static MkSimpleExecutor *
create_executor (void)
{
  const char *const *argv = (const char *const *) service;
  g_auto (GStrv) words = launcher != NULL ? g_strsplit (launcher, " ", -1) : NULL;
  MkSimpleExecutor *executor = is_output ? MK_SIMPLE_EXECUTOR (mk_output_executor_new (argv, BANNER))
                                         : MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "127.0.0.1", 0));

  mk_simple_executor_set_start_timeout (executor, START_TIMEOUT_MS);
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_simple_executor_set_launcher (executor, (const char *const *) words);
  return executor;
}

/* Returns: @done */
static gboolean
check (const char *what, gboolean done, GError **error)
{
  if (done)
    return TRUE;
  if (*error == NULL || *(*error)->message == '\0')
    g_error ("%s failed without a reason", what);
  g_printerr ("%s: %s\n", what, (*error)->message);
  return FALSE;
}

static gboolean
start (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  return check ("start", mk_simple_executor_start (executor, NULL, &error), &error);
}

static gboolean
end (MkSimpleExecutor **executor)
{
  g_autoptr (GError) error = NULL;

  if (g_str_equal (way, "exit"))
    exit (EXIT_SUCCESS);
  if (g_str_equal (way, "drop"))
    {
      g_clear_object (executor);
      return TRUE;
    }
  if (g_str_equal (way, "kill"))
    return check ("kill", mk_simple_executor_kill (*executor, NULL, &error), &error);
  return check ("stop", mk_simple_executor_stop (*executor, NULL, &error), &error);
}

/* Nothing is made to fail here. */
static void
use_well (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  if (!mk_simple_executor_start (executor, NULL, &error) || !mk_simple_executor_stop (executor, NULL, &error))
    {
      g_printerr ("without a fault: %s\n", error->message);
      exit (2);
    }
  mk_simple_executor_set_start_timeout (executor, START_TIMEOUT_MS);
}

static guint n_files;

static gboolean
has_no_more_files (gpointer unused)
{
  return mk_test_count_entries ("/proc/self/fd") <= n_files;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("SERVICE…");
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (MkSimpleExecutor) other = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done;
  gint64 begin, late;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || service == NULL || way == NULL)
    g_error ("%s", error != NULL ? error->message : "no service, or no way to end");
  executor = create_executor ();
  other = create_executor ();
  if (is_warm)
    use_well (executor);
  n_files = mk_test_count_entries ("/proc/self/fd");

  prctl (MK_TEST_FAULT_BEGIN, 0, 0, 0, 0);
  begin = g_get_monotonic_time ();
  done = start (executor);
  done = end (&executor) && done;
  late = g_get_monotonic_time () - begin - (START_TIMEOUT_MS + STOP_TIMEOUT_MS) * G_TIME_SPAN_MILLISECOND;
  prctl (MK_TEST_FAULT_END, 0, 0, 0, 0);

  /* Who was given up may still be about to end. */
  use_well (executor != NULL ? executor : other);
  if (is_warm && !mk_test_poll_until (has_no_more_files, NULL, MK_TEST_LIMIT_MS))
    {
      g_printerr ("%u files are open, and %u were\n", mk_test_count_entries ("/proc/self/fd"), n_files);
      exit (2);
    }
  if (late > LATE_US)
    {
      g_printerr ("late by %.1f s\n", late / (double) G_USEC_PER_SEC);
      exit (3);
    }
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
