/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the moment when a web server answers well to the return of start().
 */

#include "mk-bench.h"

#include <glib/gstdio.h>

#include "mk-test-util.h"

#define N_OURS           40
#define N_PEER           20
#define N_LONG_OURS      4
#define N_LONG_PEER      2
#define LONG_MS          2000
#define PEER_INTERVAL_US (100 * 1000)

typedef struct
{
  gboolean busy; /* it listens from the beginning, and answers 503 for a while */
  gboolean ours;
  guint wait_ms;
} How;

typedef struct
{
  GArray *lag_ms;
  GArray *n_connections;
  GArray *n_requests;
} Figures;

static void
figures_init (Figures *figures)
{
  figures->lag_ms = mk_bench_figures_new ();
  figures->n_connections = mk_bench_figures_new ();
  figures->n_requests = mk_bench_figures_new ();
}

static void
figures_clear (Figures *figures)
{
  g_array_unref (figures->lag_ms);
  g_array_unref (figures->n_connections);
  g_array_unref (figures->n_requests);
}

static void
measure (Figures *figures, How how)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  guint busy_ms = how.busy ? how.wait_ms : 0;
  g_autofree char *after = g_strdup_printf ("%u", how.wait_ms - busy_ms);
  g_autofree char *busy = g_strdup_printf ("%u", busy_ms);
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag,
                                              "--listen",
                                              address,
                                              "--http",
                                              "ok",
                                              "--after",
                                              after,
                                              "--busy",
                                              busy,
                                              "--stamp",
                                              stamp_file,
                                              NULL);
  const char *const *command = (const char *const *) argv;
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (command, uri);
  g_autoptr (MkHttpProbe) probe = mk_http_probe_new (uri);
  pid_t pid = how.ours ? 0 : mk_bench_spawn (command);
  gint64 ready_us;

  if (how.ours)
    mk_bench_start (MK_SIMPLE_EXECUTOR (executor));
  else
    while (!mk_probe_check (MK_PROBE (probe), NULL, NULL))
      g_usleep (PEER_INTERVAL_US);
  ready_us = g_get_monotonic_time ();
  mk_bench_add (figures->lag_ms,
                (ready_us - mk_bench_wait_for_stamp (stamp_file, "listen")) / 1000.0 - busy_ms);
  mk_bench_add (figures->n_connections, mk_test_count_stamps (stamp_file, "connection"));
  mk_bench_add (figures->n_requests, mk_test_count_stamps (stamp_file, "request"));

  if (how.ours)
    mk_bench_stop (MK_SIMPLE_EXECUTOR (executor));
  else
    mk_bench_end (pid);
  g_unlink (stamp_file);
}

static guint
a_short_while_ms (void)
{
  return g_random_int_range (50, 251);
}

static void
compare_short (const char *what, gboolean busy)
{
  Figures ours, peer;

  figures_init (&ours);
  figures_init (&peer);
  for (guint i = 0; i < N_OURS; i++)
    {
      measure (&ours, (How){ busy, TRUE, a_short_while_ms () });
      if (i < N_PEER)
        measure (&peer, (How){ busy, FALSE, a_short_while_ms () });
    }
  mk_bench_print_row (what, "ms", ours.lag_ms, 2, 4, "polled every 100 ms", peer.lag_ms);
  if (!busy)
    mk_bench_print_row ("connections that such a server sees",
                        "number",
                        ours.n_connections,
                        2,
                        2,
                        "polled every 100 ms",
                        peer.n_connections);
  figures_clear (&ours);
  figures_clear (&peer);
}

static void
compare_long (void)
{
  Figures ours, peer;

  figures_init (&ours);
  figures_init (&peer);
  for (guint i = 0; i < N_LONG_OURS; i++)
    measure (&ours, (How){ TRUE, TRUE, LONG_MS });
  for (guint i = 0; i < N_LONG_PEER; i++)
    measure (&peer, (How){ TRUE, FALSE, LONG_MS });
  mk_bench_print_row ("first good answer to start() returning, 503 for 2 s",
                      "ms",
                      ours.lag_ms,
                      40,
                      NO_LIMIT,
                      "polled every 100 ms",
                      peer.lag_ms);
  mk_bench_print_row (
      "requests meanwhile", "number", ours.n_requests, 399, 399, "polled every 100 ms", peer.n_requests);
  figures_clear (&ours);
  figures_clear (&peer);
}

void
mk_bench_http (void)
{
  compare_short ("listen() to start() returning, HTTP, after 50-250 ms", FALSE);
  compare_short ("first good answer to start() returning, 503 for 50-250 ms", TRUE);
  compare_long ();
}
