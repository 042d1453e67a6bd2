/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the moment when a web server answers well to the return of start().
 */

#include "mk-bench.h"

#include <glib/gstdio.h>

#include "mk-test-util.h"

#define N_OURS           60
#define N_PEER           30
#define PEER_INTERVAL_US (100 * 1000)

typedef struct
{
  gboolean busy; /* it listens from the beginning, and answers 503 for a while */
  gboolean ours;
} How;

static void
measure (GArray *lag_ms, How how)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  int wait_ms = g_random_int_range (50, 251), busy_ms = how.busy ? wait_ms : 0;
  g_autofree char *after = g_strdup_printf ("%d", wait_ms - busy_ms);
  g_autofree char *busy = g_strdup_printf ("%d", busy_ms);
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

  if (how.ours)
    mk_bench_start (MK_SIMPLE_EXECUTOR (executor));
  else
    while (!mk_probe_check (MK_PROBE (probe), NULL, NULL))
      g_usleep (PEER_INTERVAL_US);
  mk_bench_add (lag_ms,
                (g_get_monotonic_time () - mk_test_read_stamp (stamp_file, "listen")) / 1000.0 - busy_ms);

  if (how.ours)
    mk_bench_stop (MK_SIMPLE_EXECUTOR (executor));
  else
    mk_bench_end (pid);
  g_unlink (stamp_file);
}

static void
compare (const char *what, gboolean busy)
{
  g_autoptr (GArray) ours = mk_bench_figures_new ();
  g_autoptr (GArray) peer = mk_bench_figures_new ();

  for (guint i = 0; i < N_OURS; i++)
    {
      measure (ours, (How){ busy, TRUE });
      if (i < N_PEER)
        measure (peer, (How){ busy, FALSE });
    }
  mk_bench_print_row (what, "ms", ours, 2, 5, "asked every 100 ms", peer);
}

void
mk_bench_http (void)
{
  compare ("listen() to start() returning, HTTP, after 50-250 ms", FALSE);
  compare ("first good answer to start() returning, 503 for 50-250 ms", TRUE);
}
