/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The benchmarks: prints the table of what this library costs.
 *
 * Each row has a median, a 95th percentile, the limits that the project has set itself, and beside it what
 * the same costs in another way: the bare system calls, which are the floor, or the fixed interval of
 * 100 ms that the Python mirakuru polls with. Nothing here fails on time: a busy machine is no defect. What
 * fails is a factor to the floor that is beyond its limit; the floor is measured on the same machine in the
 * same run.
 */

#define _GNU_SOURCE
#include "mk-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-util.h"

#define STAMP_LIMIT_US (10 * G_USEC_PER_SEC)

static gboolean is_quick;
static const char *json_path;
static JsonBuilder *json; /* (owned) (nullable) the rows */
static guint n_factors_missed;

/* Whether fewer repetitions are asked for, as for a check of factors. */
gboolean
mk_bench_is_quick (void)
{
  return is_quick;
}

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
  g_print ("%-62s %4s %9s %9s %9s  %-11s %-4s  %s\n",
           "",
           "n",
           "median",
           "p95",
           "max",
           "limit",
           "",
           "to compare with");
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

static void
add_number (const char *name, double number)
{
  json_builder_set_member_name (json, name);
  json_builder_add_double_value (json, number);
}

static void
add_text (const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, text);
}

static void
add_json_row (const char *what,
              const char *unit,
              const GArray *figures,
              const char *peer,
              const GArray *peer_figures)
{
  json_builder_begin_object (json);
  add_text ("what", what);
  add_text ("unit", unit);
  add_number ("n", figures->len);
  add_number ("median", mk_bench_quantile (figures, 0.5));
  add_number ("p95", mk_bench_quantile (figures, 0.95));
  add_number ("max", mk_bench_quantile (figures, 1));
  if (peer != NULL)
    {
      add_text ("peer", peer);
      add_number ("peer_median", mk_bench_quantile (peer_figures, 0.5));
    }
  json_builder_end_object (json);
}

static void
print_row (const char *what,
           const char *unit,
           const GArray *figures,
           const char *limit,
           const char *verdict,
           const char *peer,
           const GArray *peer_figures)
{
  g_autofree char *label = g_strdup_printf ("%s, %s", what, unit);
  g_autofree char *other = format_peer (figures, peer, peer_figures);

  g_print ("%-62s %4u %9.3f %9.3f %9.3f  %-11s %-4s  %s\n",
           label,
           figures->len,
           mk_bench_quantile (figures, 0.5),
           mk_bench_quantile (figures, 0.95),
           mk_bench_quantile (figures, 1),
           limit,
           verdict,
           other);
  if (json != NULL)
    add_json_row (what, unit, figures, peer, peer_figures);
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
  g_autofree char *limit = format_limit (median_limit, p95_limit);

  print_row (what, unit, figures, limit, judge (figures, median_limit, p95_limit), peer, peer_figures);
}

/* @peer: the floor, of which ours must not be more than @factor_limit times as large. The least of either
 * counts: it is what other programs on the machine have disturbed least. */
void
mk_bench_print_factor (const char *what,
                       const char *unit,
                       const GArray *figures,
                       double factor_limit,
                       const char *peer,
                       const GArray *peer_figures)
{
  double factor = mk_bench_quantile (figures, 0) / mk_bench_quantile (peer_figures, 0);
  g_autofree char *limit = g_strdup_printf ("x %g", factor_limit);

  if (factor > factor_limit)
    n_factors_missed++;
  print_row (what, unit, figures, limit, factor > factor_limit ? "MISS" : "ok", peer, peer_figures);
}

static void
write_json (void)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GError) error = NULL;

  json_builder_end_array (json);
  root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  if (!json_generator_to_file (generator, json_path, &error))
    g_error ("%s", error->message);
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

/* A service may be seen to be ready before it has written down when it was.
 *
 * Returns: monotonic time in microseconds */
gint64
mk_bench_wait_for_stamp (const char *filename, const char *what)
{
  gint64 deadline = g_get_monotonic_time () + STAMP_LIMIT_US;
  gint64 stamp_us;

  while ((stamp_us = mk_test_read_stamp (filename, what)) < 0)
    {
      if (g_get_monotonic_time () >= deadline)
        g_error ("%s has no line \"%s\"", filename, what);
      g_usleep (100);
    }
  return stamp_us;
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
  { "machine", mk_bench_machine },     { "readiness", mk_bench_readiness }, { "groups", mk_bench_groups },
  { "waiting", mk_bench_waiting },     { "http", mk_bench_http },           { "output", mk_bench_output },
  { "paths", mk_bench_paths },         { "dbus", mk_bench_dbus },           { "notify", mk_bench_notify },
  { "stopping", mk_bench_stopping },   { "spawning", mk_bench_spawning },   { "blocking", mk_bench_blocking },
  { "footprint", mk_bench_footprint }, { "scale", mk_bench_scale },         { "launcher", mk_bench_launcher },
};

static const GOptionEntry options[] = {
  { "quick", 0, 0, G_OPTION_ARG_NONE, &is_quick, "Measure less often, and up to 100 services", NULL },
  { "json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "Write the rows to FILE, too", "FILE" },
  { NULL },
};

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("[PART…]");
  g_autoptr (GError) error = NULL;
  gint64 start_us = g_get_monotonic_time ();

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  if (json_path != NULL)
    json = json_builder_begin_array (json_builder_new ());

  mk_bench_print_head ();
  for (guint i = 0; i < G_N_ELEMENTS (benches); i++)
    {
      if (argc == 1 || g_strv_contains ((const char *const *) argv + 1, benches[i].name))
        benches[i].print_rows ();
    }
  g_print ("%.0f s in all\n", mk_bench_ms_since (start_us) / 1000);
  if (json != NULL)
    write_json ();
  return n_factors_missed > 0 ? 1 : 0;
}
