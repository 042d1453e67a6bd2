/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The benchmarks: prints the table of what this library costs.
 *
 * Each row has a median, a 95th percentile, the limits that the project has set itself, and beside it what
 * the same costs in another way: the bare system calls, which are the floor, or the fixed interval of
 * 100 ms that the Python mirakuru polls with. Nothing here fails on time: a busy machine is no defect.
 */

#define _GNU_SOURCE
#include "mk-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-util.h"

GArray *
mk_bench_figures_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (double));
}

void
mk_bench_add (GArray *figures, double figure)
{
  g_array_append_val (figures, figure);
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

double
mk_bench_quantile (const GArray *figures, double q)
{
  g_autoptr (GArray) sorted = g_array_copy ((GArray *) figures);

  g_assert (sorted->len > 0);
  g_array_sort (sorted, compare_doubles);
  return g_array_index (sorted, double, (guint) (q * (sorted->len - 1) + 0.5));
}

/* The table */

void
mk_bench_print_head (void)
{
  g_print ("%-62s %4s %9s %9s  %-11s %-4s  %s\n", "", "n", "median", "p95", "limit", "", "to compare with");
}

static char *
format_limit (double median_limit, double p95_limit)
{
  if (median_limit == NO_LIMIT)
    return g_strdup ("-");
  if (p95_limit == NO_LIMIT)
    return g_strdup_printf ("%g", median_limit);
  return g_strdup_printf ("%g, p95 %g", median_limit, p95_limit);
}

static const char *
judge (const GArray *figures, double median_limit, double p95_limit)
{
  if (median_limit == NO_LIMIT)
    return "";
  if (mk_bench_quantile (figures, 0.5) > median_limit)
    return "MISS";
  return p95_limit != NO_LIMIT && mk_bench_quantile (figures, 0.95) > p95_limit ? "MISS" : "ok";
}

static char *
format_peer (const GArray *figures, const char *peer, const GArray *peer_figures)
{
  double median;

  if (peer == NULL)
    return g_strdup ("");
  median = mk_bench_quantile (peer_figures, 0.5);
  if (median < 0.0005)
    return g_strdup_printf ("%s: %.3f", peer, median);
  return g_strdup_printf ("%s: %.3f (x %.2f)", peer, median, mk_bench_quantile (figures, 0.5) / median);
}

/* The factor is our median over that of @peer: below 1, ours is the better. */
void
mk_bench_print_row (const char *what,
                    const char *unit,
                    const GArray *figures,
                    double median_limit,
                    double p95_limit,
                    const char *peer,
                    const GArray *peer_figures)
{
  g_autofree char *label = g_strdup_printf ("%s, %s", what, unit);
  g_autofree char *limit = format_limit (median_limit, p95_limit);
  g_autofree char *other = format_peer (figures, peer, peer_figures);

  g_print ("%-62s %4u %9.3f %9.3f  %-11s %-4s  %s\n",
           label,
           figures->len,
           mk_bench_quantile (figures, 0.5),
           mk_bench_quantile (figures, 0.95),
           limit,
           judge (figures, median_limit, p95_limit),
           other);
}

/* Shared steps */

double
mk_bench_ms_since (gint64 start_us)
{
  return (g_get_monotonic_time () - start_us) / 1000.0;
}

/* What this program has had of the processor */
double
mk_bench_cpu_ms (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000.0 +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000.0;
}

void
mk_bench_start (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start (executor, NULL, &error))
    g_error ("start: %s", error->message);
}

void
mk_bench_stop (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_stop (executor, NULL, &error))
    g_error ("stop: %s", error->message);
}

MkSimpleExecutor *
mk_bench_new_sleeper (void)
{
  static const char *const argv[] = { "sleep", "1000", NULL };

  return mk_simple_executor_new (argv);
}

/* As a careful program would, with output thrown away. */
pid_t
mk_bench_spawn (const char *const *argv)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  pid_t pid;
  int status;

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSID);
  status = posix_spawnp (&pid, argv[0], &actions, &attributes, (char **) argv, environ);
  if (status != 0)
    g_error ("posix_spawnp: %s", g_strerror (status));
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  return pid;
}

void
mk_bench_reap (pid_t pid)
{
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

void
mk_bench_end (pid_t pid)
{
  kill (pid, SIGTERM);
  mk_bench_reap (pid);
}

typedef struct
{
  const char *name;
  void (*print_rows) (void);
} Bench;

static const Bench benches[] = {
  { "readiness", mk_bench_readiness }, { "groups", mk_bench_groups },     { "waiting", mk_bench_waiting },
  { "http", mk_bench_http },           { "output", mk_bench_output },     { "paths", mk_bench_paths },
  { "dbus", mk_bench_dbus },           { "notify", mk_bench_notify },     { "stopping", mk_bench_stopping },
  { "spawning", mk_bench_spawning },   { "blocking", mk_bench_blocking }, { "footprint", mk_bench_footprint },
  { "scale", mk_bench_scale },         { "launcher", mk_bench_launcher },
};

/* The arguments: names of what is measured; without any, all is. */
int
main (int argc, char **argv)
{
  gint64 start_us = g_get_monotonic_time ();

  (void) argc;
  mk_bench_print_head ();
  for (guint i = 0; i < G_N_ELEMENTS (benches); i++)
    {
      if (argv[1] == NULL || g_strv_contains ((const char *const *) argv + 1, benches[i].name))
        benches[i].print_rows ();
    }
  g_print ("%.0f s in all\n", mk_bench_ms_since (start_us) / 1000);
  return 0;
}
