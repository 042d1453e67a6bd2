/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the message of a service that it is ready to the return of start(). The peer finds a file that the
 * service writes then, and is polled every 100 ms.
 */

#include "mk-bench.h"

#include <unistd.h>

#include "mk-test-util.h"

#define PEER_INTERVAL_US (100 * 1000)

static void
add_lag (GArray *lag_ms, const char *stamps)
{
  gint64 now_us = g_get_monotonic_time ();

  mk_bench_add (lag_ms, (now_us - mk_test_read_stamp (stamps, "ready")) / 1000.0);
}

static void
measure (GArray *ours, GArray *peer)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autofree char *after = g_strdup_printf ("%d", g_random_int_range (50, 251));
  const char *const argv[] = {
    mk_test_service_path (), "--after", after, "--stamp", stamps, "--notify", "READY=1", NULL
  };
  const char *const peer_argv[] = {
    mk_test_service_path (), "--after", after, "--stamp", stamps, "--ready", "up", NULL
  };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkSimpleExecutor) executor = MK_SIMPLE_EXECUTOR (mk_executor_new (argv, MK_PROBE (probe)));
  pid_t pid;

  mk_bench_start (executor);
  add_lag (ours, stamps);
  mk_bench_stop (executor);

  unlink (stamps);
  pid = mk_bench_spawn (peer_argv);
  while (mk_test_count_stamps (stamps, "ready") == 0)
    g_usleep (PEER_INTERVAL_US);
  add_lag (peer, stamps);
  mk_bench_end (pid);
}

void
mk_bench_notify (void)
{
  g_autoptr (GArray) ours = mk_bench_figures_new ();
  g_autoptr (GArray) peer = mk_bench_figures_new ();

  for (guint i = 0; i < 40; i++)
    measure (ours, peer);
  mk_bench_print_row ("READY=1 to NOTIFY_SOCKET to start() returning",
                      "ms",
                      ours,
                      0.7,
                      NO_LIMIT,
                      "polled every 100 ms",
                      peer);
}
