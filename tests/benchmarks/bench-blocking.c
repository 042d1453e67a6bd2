/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long start_async() holds its caller, in hosts of growing size: fork() copies page tables, and so takes
 * the longer the more a program has resident. The call is one thing; what the start does later, on the
 * caller's main context, holds a GUI just the same, so it is counted too: all time between the polls.
 */

#include "mk-bench.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-util.h"

#define N  40
#define MB ((gsize) 1024 * 1024)

static gint64 polled_us;

static int
counting_poll (GPollFD *fds, guint n_fds, int timeout_ms)
{
  gint64 start_us = g_get_monotonic_time ();
  int n = g_poll (fds, n_fds, timeout_ms);

  polled_us += g_get_monotonic_time () - start_us;
  return n;
}

static void
measure_start (GArray *call_ms, GArray *caller_ms)
{
  g_autoptr (MkSimpleExecutor) executor = mk_bench_new_sleeper ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start_us = g_get_monotonic_time ();

  polled_us = 0;
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  mk_bench_add (call_ms, mk_bench_ms_since (start_us));
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  mk_bench_add (caller_ms, mk_bench_ms_since (start_us) - polled_us / 1000.0);
  mk_simple_executor_start_finish (executor, result, &error);
  g_assert_no_error (error);
  mk_bench_stop (executor);
}

static void
measure_spawn (GArray *figures)
{
  static const char *const argv[] = { "sleep", "1000", NULL };
  gint64 start_us = g_get_monotonic_time ();
  pid_t pid = mk_bench_spawn (argv);

  mk_bench_add (figures, mk_bench_ms_since (start_us));
  mk_bench_end (pid);
}

static void
measure_fork (GArray *figures)
{
  gint64 start_us = g_get_monotonic_time ();
  pid_t pid = fork ();

  if (pid == 0)
    _exit (0);
  mk_bench_add (figures, mk_bench_ms_since (start_us));
  mk_bench_reap (pid);
}

static void
measure_size (const char *size)
{
  g_autoptr (GArray) call = mk_bench_figures_new ();
  g_autoptr (GArray) caller = mk_bench_figures_new ();
  g_autoptr (GArray) spawn = mk_bench_figures_new ();
  g_autoptr (GArray) forked = mk_bench_figures_new ();
  g_autofree char *call_label = g_strdup_printf ("start_async() call, host of %s", size);
  g_autofree char *caller_label = g_strdup_printf ("all of a start on its thread, host of %s", size);

  for (guint i = 0; i < N; i++)
    {
      measure_start (call, caller);
      measure_spawn (spawn);
      measure_fork (forked);
    }
  mk_bench_print_row (call_label, "ms", call, 0.3, NO_LIMIT, "posix_spawn()", spawn);
  mk_bench_print_row (caller_label, "ms", caller, NO_LIMIT, NO_LIMIT, "fork()", forked);
}

static gsize
available_mb (void)
{
  g_autofree char *text = NULL;
  const char *line;
  gsize kb = 0;

  if (g_file_get_contents ("/proc/meminfo", &text, NULL, NULL) &&
      (line = strstr (text, "MemAvailable:")) != NULL)
    sscanf (line, "MemAvailable: %zu", &kb);
  return kb / 1024;
}

static void
measure_with_ballast (gsize ballast_mb, const char *size)
{
  void *ballast;

  if (available_mb () < ballast_mb * 3 / 2)
    {
      g_print (
          "start_async(), host of %s: not measured, this machine has %zu MB left\n", size, available_mb ());
      return;
    }
  ballast = mmap (NULL, ballast_mb * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert (ballast != MAP_FAILED);
  /* Page tables grow with small pages; huge ones would flatter the figures. */
  madvise (ballast, ballast_mb * MB, MADV_NOHUGEPAGE);
  memset (ballast, 1, ballast_mb * MB);
  measure_size (size);
  munmap (ballast, ballast_mb * MB);
}

void
mk_bench_blocking (void)
{
  g_main_context_set_poll_func (NULL, counting_poll);
  measure_with_ballast (1, "1 MB");
  measure_with_ballast (500, "500 MB");
  measure_with_ballast (2048, "2 GB");
  g_main_context_set_poll_func (NULL, NULL);
}
