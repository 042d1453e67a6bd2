/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the words of a service to the return of start(), and how fast what comes before them is looked at.
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "mk-test-util.h"

#define PEER_INTERVAL_US (100 * 1000)
#define N_WORDS          40
#define N_WORDS_PEER     30
#define N_FLOODS         5
/* 200 MB at 150 MB/s, and at 50 where the banner has groups */
#define FLOOD_LIMIT  1333.0
#define GROUPS_LIMIT 4000.0

typedef struct
{
  const char *script;
  const char *banner;
} Flood;

#define LOG                                                                                                  \
  "yes '2024-05-01 12:00:00.000 [4711] LOG: request 17 from 127.0.0.1 took 12.3 ms' 2>/dev/null | "          \
  "head -c 200000000; echo; echo now port 17 is ready"

/* One endless line, and lines as they are in logs */
static const Flood zeros = { "head -c 200000000 /dev/zero; echo; echo ready", "^ready$" };
static const Flood lines = { LOG, "now port 17 is ready" };
static const Flood groups = { LOG, "port (?<port>\\d+) is (ready|open)$" };

static MkSimpleExecutor *
new_executor (const char *const *argv, const char *banner)
{
  return MK_SIMPLE_EXECUTOR (mk_output_executor_new (argv, banner));
}

static char **
talker_argv (const char *stamp_file)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *after = g_strdup_printf ("%d", g_random_int_range (50, 251));

  return mk_test_service_argv (
      tag, "--after", after, "--ready", "now I am ready", "--stamp", stamp_file, NULL);
}

static double
lag_of_words (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_auto (GStrv) argv = talker_argv (stamp_file);
  g_autoptr (MkSimpleExecutor) executor = new_executor ((const char *const *) argv, "ready$");
  double lag_ms;
  gint64 ready_us;

  mk_bench_start (executor);
  ready_us = g_get_monotonic_time ();
  lag_ms = (ready_us - mk_bench_wait_for_stamp (stamp_file, "ready")) / 1000.0;
  mk_bench_stop (executor);
  g_unlink (stamp_file);
  return lag_ms;
}

/* Asks at intervals whether it was said; that the stamp tells it, makes no difference. */
static double
lag_of_words_at_interval (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_auto (GStrv) argv = talker_argv (stamp_file);
  pid_t pid = mk_bench_spawn ((const char *const *) argv);
  double lag_ms;

  while (mk_test_read_stamp (stamp_file, "ready") < 0)
    g_usleep (PEER_INTERVAL_US);
  lag_ms = (g_get_monotonic_time () - mk_test_read_stamp (stamp_file, "ready")) / 1000.0;
  mk_bench_end (pid);
  g_unlink (stamp_file);
  return lag_ms;
}

static double
time_of_flood (const Flood *flood)
{
  g_autofree char *script = g_strconcat (flood->script, "; exec sleep 100", NULL);
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr (MkSimpleExecutor) executor = new_executor (argv, flood->banner);
  gint64 start_us = g_get_monotonic_time ();
  double ms;

  mk_bench_start (executor);
  ms = mk_bench_ms_since (start_us);
  mk_bench_stop (executor);
  return ms;
}

/* What the pipe alone takes */
static double
time_of_flood_thrown_away (const Flood *flood)
{
  g_autofree char *script = g_strdup_printf ("{ %s; } | cat >/dev/null", flood->script);
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  gint64 start_us = g_get_monotonic_time ();

  mk_bench_reap (mk_bench_spawn (argv));
  return mk_bench_ms_since (start_us);
}

static double
time_of_zeros (void)
{
  return time_of_flood (&zeros);
}

static double
time_of_zeros_thrown_away (void)
{
  return time_of_flood_thrown_away (&zeros);
}

static double
time_of_lines (void)
{
  return time_of_flood (&lines);
}

static double
time_of_lines_thrown_away (void)
{
  return time_of_flood_thrown_away (&lines);
}

static double
time_of_groups (void)
{
  return time_of_flood (&groups);
}

static void
measure (const char *what,
         double (*ours) (void),
         guint n,
         double limit,
         double p95_limit,
         const char *peer_what,
         double (*peer) (void),
         guint n_peer)
{
  g_autoptr (GArray) figures = mk_bench_figures_new ();
  g_autoptr (GArray) peer_figures = mk_bench_figures_new ();

  for (guint i = 0; i < n; i++)
    mk_bench_add (figures, ours ());
  for (guint i = 0; i < n_peer; i++)
    mk_bench_add (peer_figures, peer ());
  mk_bench_print_row (what, "ms", figures, limit, p95_limit, peer_what, peer_figures);
}

void
mk_bench_output (void)
{
  measure ("a line to start() returning",
           lag_of_words,
           N_WORDS,
           0.7,
           3,
           "polled every 100 ms",
           lag_of_words_at_interval,
           N_WORDS_PEER);
  measure ("200 MB without a line end, then the banner",
           time_of_zeros,
           N_FLOODS,
           FLOOD_LIMIT,
           NO_LIMIT,
           "to cat",
           time_of_zeros_thrown_away,
           N_FLOODS);
  measure ("200 MB of lines, then the banner",
           time_of_lines,
           N_FLOODS,
           FLOOD_LIMIT,
           NO_LIMIT,
           "to cat",
           time_of_lines_thrown_away,
           N_FLOODS);
  measure ("200 MB of lines, then a banner with groups",
           time_of_groups,
           N_FLOODS,
           GROUPS_LIMIT,
           NO_LIMIT,
           "to cat",
           time_of_lines_thrown_away,
           N_FLOODS);
}
