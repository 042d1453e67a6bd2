/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the listen() of a service to the return of start(), and the processor time of the host meanwhile.
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "mk-test-util.h"

#define PEER_INTERVAL_US (100 * 1000)

/* A service that says when it listened, and where. */
typedef struct
{
  guint port;
  char *stamp_file;
  char **argv;
} Listener;

typedef struct
{
  GArray *lag_ms;
  GArray *cpu_percent;
} Figures;

static void
listener_init (Listener *listener, guint after_ms)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *after = g_strdup_printf ("%u", after_ms);
  g_autofree char *address = NULL;

  listener->port = mk_test_free_port ();
  listener->stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  address = mk_test_service_address (listener->port);
  listener->argv = mk_test_service_argv (
      tag, "--listen", address, "--after", after, "--stamp", listener->stamp_file, NULL);
}

static void
listener_clear (Listener *listener)
{
  g_unlink (listener->stamp_file);
  g_free (listener->stamp_file);
  g_strfreev (listener->argv);
}

/* Notes what @wait, which returns when the service is ready, took of the time and of the processor. */
static void
measure (Figures *figures, const Listener *listener, void (*wait) (const Listener *, gpointer), gpointer data)
{
  gint64 start_us = g_get_monotonic_time (), ready_us;
  double start_cpu = mk_bench_cpu_ms ();

  wait (listener, data);
  ready_us = g_get_monotonic_time ();
  mk_bench_add (figures->cpu_percent, (mk_bench_cpu_ms () - start_cpu) * 100000.0 / (ready_us - start_us));
  mk_bench_add (figures->lag_ms, (ready_us - mk_test_read_stamp (listener->stamp_file, "listen")) / 1000.0);
}

static void
wait_with_executor (const Listener *listener, gpointer executor)
{
  mk_bench_start (executor);
}

static void
measure_ours (Figures *figures, guint after_ms)
{
  Listener listener;
  g_autoptr (MkSimpleExecutor) executor = NULL;

  listener_init (&listener, after_ms);
  executor = MK_SIMPLE_EXECUTOR (
      mk_tcp_executor_new ((const char *const *) listener.argv, "127.0.0.1", listener.port));
  measure (figures, &listener, wait_with_executor, executor);
  mk_bench_stop (executor);
  listener_clear (&listener);
}

static void
wait_at_interval (const Listener *listener, gpointer pid_out)
{
  *(pid_t *) pid_out = mk_bench_spawn ((const char *const *) listener->argv);
  while (!mk_test_port_accepts (listener->port))
    g_usleep (PEER_INTERVAL_US);
}

static void
measure_peer (Figures *figures, guint after_ms)
{
  Listener listener;
  pid_t pid;

  listener_init (&listener, after_ms);
  measure (figures, &listener, wait_at_interval, &pid);
  mk_bench_end (pid);
  listener_clear (&listener);
}

static void
figures_init (Figures *figures)
{
  figures->lag_ms = mk_bench_figures_new ();
  figures->cpu_percent = mk_bench_figures_new ();
}

static void
figures_clear (Figures *figures)
{
  g_array_unref (figures->lag_ms);
  g_array_unref (figures->cpu_percent);
}

static void
measure_starts (guint min_ms, guint max_ms, guint n, guint n_peer, const char *what, const char *cpu_what)
{
  Figures ours, peer;

  figures_init (&ours);
  figures_init (&peer);
  for (guint i = 0; i < n; i++)
    measure_ours (&ours, g_random_int_range (min_ms, max_ms + 1));
  for (guint i = 0; i < n_peer; i++)
    measure_peer (&peer, g_random_int_range (min_ms, max_ms + 1));
  mk_bench_print_row (what, "ms", ours.lag_ms, 1.5, 4, "polled every 100 ms", peer.lag_ms);
  mk_bench_print_row (
      cpu_what, "% of a core", ours.cpu_percent, 5, NO_LIMIT, "polled every 100 ms", peer.cpu_percent);
  figures_clear (&ours);
  figures_clear (&peer);
}

void
mk_bench_readiness (void)
{
  measure_starts (
      50, 250, 40, 30, "listen() to start() returning, after 50-250 ms", "host meanwhile, start included");
  measure_starts (1950, 2050, 10, 4, "listen() to start() returning, after 2 s", "host meanwhile");
}
