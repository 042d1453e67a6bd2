/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Thousands of services, one after the other, in one process, and then random operations in several threads:
 * nothing may add up. MK_TEST_CYCLES makes the first part shorter, for valgrind; the sanitizers have their
 * own eye on memory, and leave no figures here. MK_TEST_SOAK_SECONDS and MK_TEST_SOAK_OPERATIONS are the
 * least that the second part does; it does the same again with its MK_TEST_SOAK_SEED.
 */

#include <mirakuru-glib.h>

#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mk-test-util.h"
#include "soak-random.h"
#include "soak-usage.h"

#define N_CYCLES           2000
#define N_SANITIZED_CYCLES 100

/* In each half. Less than what the smallest thing lost in every tenth cycle would come to. */
#define MAX_HEAP_GROWTH 2048

/* Pages that malloc keeps for itself are in this too. */
#define MAX_ANONYMOUS_GROWTH_KB 1024

static guint
n_cycles (void)
{
  const char *text = g_getenv ("MK_TEST_CYCLES");

  return text != NULL ? MAX (atoi (text), 20) : soak_is_sanitized () ? N_SANITIZED_CYCLES : N_CYCLES;
}

/* A cache that some library makes late grows in one of the halves; what is lost in each cycle, in both. */
static void
check_growth (const SoakUsage *before, const SoakUsage *middle, const SoakUsage *after)
{
  soak_usage_print ("before", before);
  soak_usage_print ("middle", middle);
  soak_usage_print ("after", after);
  soak_usage_assert_nothing_added (before, after);
  if (soak_is_sanitized ())
    return;
  if (middle->heap >= before->heap + MAX_HEAP_GROWTH)
    g_assert_cmpuint (after->heap, <, middle->heap + MAX_HEAP_GROWTH);
  g_assert_cmpuint (after->anonymous_kb, <, before->anonymous_kb + MAX_ANONYMOUS_GROWTH_KB);
}

static void
start_and_stop (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start (executor, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (mk_simple_executor_get_active (executor));
  mk_simple_executor_stop (executor, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (mk_simple_executor_get_active (executor));
}

/* The first tenth is for caches to fill: only what comes after it counts. */
static void
run_cycles (void (*cycle) (gpointer), gpointer data, guint n)
{
  SoakUsage before = { 0 };
  SoakUsage middle = { 0 };
  SoakUsage after;

  for (guint i = 0; i < n; i++)
    {
      if (i == n / 10)
        before = soak_usage_measure ();
      if (i == n / 10 + (n - n / 10) / 2)
        middle = soak_usage_measure_at_rest (&before);
      cycle (data);
    }
  after = soak_usage_measure_at_rest (&before);
  check_growth (&before, &middle, &after);
}

static void
cycle_again (gpointer executor)
{
  start_and_stop (executor);
}

static void
test_same_executor (void)
{
  static const char *const argv[] = { "sleep", "1000", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  run_cycles (cycle_again, executor, n_cycles ());
}

static void
cycle_anew (gpointer argv)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  start_and_stop (executor);
  g_assert_finalize_object (g_steal_pointer (&executor));
}

static void
test_new_executors (void)
{
  static const char *const argv[] = { "sleep", "1000", NULL };

  run_cycles (cycle_anew, (gpointer) argv, n_cycles () / 2);
}

static void
cycle_dropped (gpointer argv)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start (executor, NULL, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&executor));
}

static void
test_dropped (void)
{
  static const char *const argv[] = { "sleep", "1000", NULL };

  run_cycles (cycle_dropped, (gpointer) argv, n_cycles () / 4);
}

/* A service with children, waited for over TCP, that has something to say. */
static void
test_tcp (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = mk_test_service_argv (
      tag, "--listen", address, "--children", "1", "--print", "hello", "--ready", "ready", NULL);
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);

  run_cycles (cycle_again, executor, n_cycles () / 4);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
}

static void
test_random (void)
{
  if (!mk_test_has_linux_features ("all kinds of services and templates"))
    return;
  soak_random_run ();
}

/*
 * What malloc keeps for each thread counts as used, and it keeps more in some runs than in others. What
 * services leave in the directory for temporary files is seen if nobody else uses it.
 */
static void
run_in_own_environment (char **argv)
{
  g_autofree char *folder = NULL;

  if (g_getenv ("MK_TEST_SOAK_FOLDER") != NULL)
    return;

  folder = mk_test_new_folder ();
  g_chmod (folder, 0711); /* PostgreSQL does not run as root */
  g_setenv ("MK_TEST_SOAK_FOLDER", folder, TRUE);
  g_setenv ("TMPDIR", folder, TRUE);
  g_setenv ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", TRUE);
  execv ("/proc/self/exe", argv);
}

/* GTest prints them all: megabytes. */
static void
drop_debug_message (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
}

int
main (int argc, char **argv)
{
  static const char *const domains[] = { "mirakuru-glib", "GLib", "GLib-GIO", NULL };
  int status;

  run_in_own_environment (argv);
  /* What its supervisor has left behind becomes a child of this process, and is found among them. */
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; domains[i] != NULL && g_getenv ("G_MESSAGES_DEBUG") == NULL; i++)
    g_log_set_handler (domains[i], G_LOG_LEVEL_DEBUG, drop_debug_message, NULL);

  soak_usage_prepare ();

  g_test_add_func ("/soak/same-executor", test_same_executor);
  g_test_add_func ("/soak/new-executors", test_new_executors);
  g_test_add_func ("/soak/dropped", test_dropped);
  g_test_add_func ("/soak/tcp", test_tcp);
  g_test_add_func ("/soak/random", test_random);

  status = g_test_run ();
  mk_test_remove_folder (g_strdup (g_get_tmp_dir ()));
  return status;
}
