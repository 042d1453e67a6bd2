/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What it takes to wait for something that does not come: the processor in the first second and after five,
 * and how often a program wakes up that only waits to be told.
 */

#include "mk-bench.h"

#include <sys/resource.h>

#include "mk-test-util.h"

#define N_WAITS    3
#define FIRST_MS   1000
#define LATE_MS    5000
#define LATER_MS   7000
#define N_SILENT   3
#define SETTLED_MS 300
#define SILENT_MS  2300

static double
now_ms (void)
{
  return g_get_monotonic_time () / 1000.0;
}

static double
get_n_wakeups (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

/* Something that grows, looked at from two times after the beginning on */
typedef struct
{
  double (*get) (void);
  double from, to;
  double from_ms, to_ms;
} Span;

static gboolean
begin_span (gpointer data)
{
  Span *span = data;

  span->from_ms = now_ms ();
  span->from = span->get ();
  return G_SOURCE_REMOVE;
}

static gboolean
end_span (gpointer data)
{
  Span *span = data;

  span->to = span->get ();
  span->to_ms = now_ms ();
  return G_SOURCE_REMOVE;
}

static void
schedule (Span *span, guint from_ms, guint to_ms)
{
  g_timeout_add (from_ms, begin_span, span);
  g_timeout_add (to_ms, end_span, span);
}

static double
percent_of_a_core (const Span *span)
{
  return 100 * (span->to - span->from) / (span->to_ms - span->from_ms);
}

/* Ends a little after LATER_MS. */
static void
wait_for_port (GArray *first_percent, GArray *late_percent)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ());
  g_autoptr (GAsyncResult) result = NULL;
  Span first = { .get = mk_bench_cpu_ms }, late = { .get = mk_bench_cpu_ms };

  begin_span (&first);
  g_timeout_add (FIRST_MS, end_span, &first);
  schedule (&late, LATE_MS, LATER_MS);
  mk_probe_wait_async (MK_PROBE (probe), LATER_MS + 100, NULL, mk_test_store_result, &result);
  mk_test_await_result (NULL, &result, LATER_MS * 2);
  mk_probe_wait_finish (MK_PROBE (probe), result, NULL);
  mk_bench_add (first_percent, percent_of_a_core (&first));
  mk_bench_add (late_percent, percent_of_a_core (&late));
}

/* As a program does that looks each 100 ms whether the port is there */
static void
look_for_port (GArray *percent)
{
  guint port = mk_test_free_port ();
  Span span = { .get = mk_bench_cpu_ms };

  begin_span (&span);
  while (now_ms () < span.from_ms + FIRST_MS && !mk_test_port_accepts (port))
    g_usleep (100 * 1000);
  end_span (&span);
  mk_bench_add (percent, percent_of_a_core (&span));
}

static void
measure_ports (void)
{
  g_autoptr (GArray) first = mk_bench_figures_new ();
  g_autoptr (GArray) late = mk_bench_figures_new ();
  g_autoptr (GArray) peer = mk_bench_figures_new ();

  for (guint i = 0; i < N_WAITS; i++)
    {
      wait_for_port (first, late);
      look_for_port (peer);
    }
  mk_bench_print_row ("processor, first second of a wait for a port",
                      "% of a core",
                      first,
                      5,
                      NO_LIMIT,
                      "polled every 100 ms",
                      peer);
  mk_bench_print_row ("processor, the same wait after five seconds",
                      "% of a core",
                      late,
                      2,
                      NO_LIMIT,
                      "polled every 100 ms",
                      peer);
}

/* A service that says nothing */
static void
wait_for_words (GArray *n_wakeups, GArray *cpu_percent)
{
  static const char *const argv[] = { "sleep", "1000", NULL };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "ready");
  g_autoptr (GAsyncResult) result = NULL;
  Span wakeups = { .get = get_n_wakeups }, cpu = { .get = mk_bench_cpu_ms };

  schedule (&wakeups, SETTLED_MS, SILENT_MS);
  schedule (&cpu, SETTLED_MS, SILENT_MS);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SILENT_MS + 100);
  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (executor), NULL, mk_test_store_result, &result);
  mk_test_await_result (NULL, &result, SILENT_MS * 2);
  mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (executor), result, NULL);
  mk_bench_add (n_wakeups, wakeups.to - wakeups.from);
  mk_bench_add (cpu_percent, percent_of_a_core (&cpu));
}

static void
measure_silence (void)
{
  g_autoptr (GArray) n_wakeups = mk_bench_figures_new ();
  g_autoptr (GArray) cpu = mk_bench_figures_new ();

  for (guint i = 0; i < N_SILENT; i++)
    wait_for_words (n_wakeups, cpu);
  mk_bench_print_row (
      "host wakes up in 2 s of a silent wait for output", "times", n_wakeups, 10, NO_LIMIT, NULL, NULL);
  mk_bench_print_row ("host meanwhile", "% of a core", cpu, 0.1, NO_LIMIT, NULL, NULL);
}

void
mk_bench_waiting (void)
{
  measure_ports ();
  measure_silence ();
}
