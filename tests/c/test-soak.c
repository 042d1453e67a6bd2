/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Thousands of services, one after the other, in one process: nothing may add up. MK_TEST_CYCLES makes it
 * shorter, for valgrind and the sanitizers; they have their own eye on memory, and leave no figures here.
 */

#include <mirakuru-glib.h>

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "mk-test-util.h"

#define N_CYCLES 2000

/* In each half. Less than what the smallest thing lost in every tenth cycle would come to. */
#define MAX_HEAP_GROWTH 2048

/* Pages that malloc keeps for itself are in this too. */
#define MAX_RESIDENT_GROWTH_KB 1024

typedef struct
{
  guint fds;
  guint threads;
  guint children;
  gsize heap;
  guint resident_kb;
} Usage;

static guint
n_cycles (void)
{
  const char *text = g_getenv ("MK_TEST_CYCLES");

  return text != NULL ? MAX (atoi (text), 20) : N_CYCLES;
}

static guint
resident_kb (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);
  return atoi (fields[1]) * (sysconf (_SC_PAGESIZE) / 1024);
}

static Usage
measure (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);
  struct mallinfo2 info = mallinfo2 ();

  return (Usage){
    .fds = mk_test_count_entries ("/proc/self/fd"),
    .threads = mk_test_count_entries ("/proc/self/task"),
    .children = children->len,
    .heap = info.uordblks + info.hblkhd,
    .resident_kb = resident_kb (),
  };
}

/* What ends just after stop() has returned, such as the supervisor, may still be on its way. */
static gboolean
is_at_rest (gpointer before)
{
  const Usage *usage = before;
  Usage now = measure ();

  return now.fds <= usage->fds && now.threads <= usage->threads && now.children <= usage->children;
}

static Usage
measure_at_rest (const Usage *before)
{
  mk_test_poll_until (is_at_rest, (gpointer) before, MK_TEST_GONE_MS);
  return measure ();
}

static void
print_usage (const char *when, const Usage *usage)
{
  g_test_message ("%s: fds %u, threads %u, children %u, heap %zu, resident %u KB",
                  when,
                  usage->fds,
                  usage->threads,
                  usage->children,
                  usage->heap,
                  usage->resident_kb);
}

/* A cache that some library makes late grows in one of the halves; what is lost in each cycle, in both. */
static void
check_growth (const Usage *before, const Usage *middle, const Usage *after)
{
  print_usage ("before", before);
  print_usage ("middle", middle);
  print_usage ("after", after);
  g_assert_cmpuint (after->fds, <=, before->fds);
  g_assert_cmpuint (after->threads, <=, before->threads);
  g_assert_cmpuint (after->children, ==, 0);
  if (before->heap == 0)
    return;
  if (middle->heap >= before->heap + MAX_HEAP_GROWTH)
    g_assert_cmpuint (after->heap, <, middle->heap + MAX_HEAP_GROWTH);
  g_assert_cmpuint (after->resident_kb, <, before->resident_kb + MAX_RESIDENT_GROWTH_KB);
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
  Usage before = { 0 };
  Usage middle = { 0 };
  Usage after;

  for (guint i = 0; i < n; i++)
    {
      if (i == n / 10)
        before = measure ();
      if (i == n / 10 + (n - n / 10) / 2)
        middle = measure_at_rest (&before);
      cycle (data);
    }
  after = measure_at_rest (&before);
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

/* What malloc keeps for each thread counts as used, and it keeps more in some runs than in others. */
static void
run_without_caches_of_malloc (char **argv)
{
  if (g_getenv ("GLIBC_TUNABLES") != NULL)
    return;

  g_setenv ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", TRUE);
  execv ("/proc/self/exe", argv);
}

int
main (int argc, char **argv)
{
  run_without_caches_of_malloc (argv);
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/soak/same-executor", test_same_executor);
  g_test_add_func ("/soak/new-executors", test_new_executors);
  g_test_add_func ("/soak/dropped", test_dropped);
  g_test_add_func ("/soak/tcp", test_tcp);

  return g_test_run ();
}
