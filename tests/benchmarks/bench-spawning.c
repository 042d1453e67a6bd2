/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a start costs: all of it, and the part of the supervisor. The supervisor's first moment is told by
 * mk-bench-supervisor, which takes its place, notes the time, and becomes it.
 */

#include "mk-bench.h"

#include <glib/gstdio.h>

#include "mk-test-util.h"

#define N              100
#define TO_MAIN_FACTOR 2.5

static gboolean
has_started (gpointer stamp_file)
{
  return mk_test_read_stamp (stamp_file, "start") > 0;
}

static double
await_main_ms (const char *stamp_file, gint64 since_us)
{
  g_assert_true (mk_test_poll_until (has_started, (gpointer) stamp_file, MK_TEST_LIMIT_MS));
  return (mk_test_read_stamp (stamp_file, "start") - since_us) / 1000.0;
}

static void
measure_supervisor (GArray *figures, const char *const *argv, const char *stamp_file)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  mk_bench_start (executor);
  await_main_ms (stamp_file, 0);
  mk_bench_add (figures, await_main_ms (stamp_file, mk_test_read_stamp (stamp_file, "supervisor")));
  mk_bench_stop (executor);
  g_unlink (stamp_file);
}

static void
measure_bare (GArray *figures, const char *const *argv, const char *stamp_file)
{
  gint64 start_us = g_get_monotonic_time ();
  pid_t pid = mk_bench_spawn (argv);

  mk_bench_add (figures, await_main_ms (stamp_file, start_us));
  mk_bench_end (pid);
  g_unlink (stamp_file);
}

/* To the main() of the service: its loading, which the bare way has too, is taken off. */
static void
measure_to_exec (void)
{
  g_autoptr (GArray) to_main = mk_bench_figures_new ();
  g_autoptr (GArray) to_exec = mk_bench_figures_new ();
  g_autoptr (GArray) bare = mk_bench_figures_new ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--stamp", stamp_file, NULL);
  g_autofree char *supervisor = g_strdup (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"));

  /* No thread looks at the environment now: the worker sleeps. */
  g_setenv ("MK_BENCH_SUPERVISOR", supervisor, TRUE);
  g_setenv ("MK_BENCH_STAMP", stamp_file, TRUE);
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", g_getenv ("MK_BENCH_SUPERVISOR_WRAPPER"), TRUE);
  for (guint i = 0; i < N; i++)
    {
      measure_supervisor (to_main, (const char *const *) argv, stamp_file);
      measure_bare (bare, (const char *const *) argv, stamp_file);
    }
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", supervisor, TRUE);
  for (guint i = 0; i < N; i++)
    mk_bench_add (to_exec, g_array_index (to_main, double, i) - mk_bench_quantile (bare, 0.5));
  mk_bench_print_factor ("start of the supervisor to main() of the service",
                         "ms",
                         to_main,
                         TO_MAIN_FACTOR,
                         "posix_spawn() to main()",
                         bare);
  mk_bench_print_row ("the same, less the bare spawn and load", "ms", to_exec, 1, NO_LIMIT, NULL, NULL);
}

static void
measure_whole (void)
{
  static const char *const argv[] = { "sleep", "1000", NULL };
  g_autoptr (GArray) ours = mk_bench_figures_new ();
  g_autoptr (GArray) bare = mk_bench_figures_new ();

  for (guint i = 0; i < N; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = mk_bench_new_sleeper ();
      gint64 start_us = g_get_monotonic_time ();
      pid_t pid;

      mk_bench_start (executor);
      mk_bench_add (ours, mk_bench_ms_since (start_us));
      mk_bench_stop (executor);
      start_us = g_get_monotonic_time ();
      pid = mk_bench_spawn (argv);
      mk_bench_add (bare, mk_bench_ms_since (start_us));
      mk_bench_end (pid);
    }
  mk_bench_print_row (
      "start() of sleep, nothing waited for", "ms", ours, NO_LIMIT, NO_LIMIT, "posix_spawn()", bare);
}

void
mk_bench_spawning (void)
{
  measure_to_exec ();
  measure_whole ();
}
