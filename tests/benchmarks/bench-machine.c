/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How noisy the machine is: what a sleep of a millisecond takes beyond that. All other figures contain it.
 */

#include "mk-bench.h"

#define N        500
#define SLEEP_US 1000

void
mk_bench_machine (void)
{
  g_autoptr (GArray) late = mk_bench_figures_new ();

  for (guint i = 0; i < N; i++)
    {
      gint64 start_us = g_get_monotonic_time ();

      g_usleep (SLEEP_US);
      mk_bench_add (late, mk_bench_ms_since (start_us) - SLEEP_US / 1000.0);
    }
  mk_bench_print_row (
      "the machine: a sleep of 1 ms ends late by", "ms", late, NO_LIMIT, NO_LIMIT, NULL, NULL);
}
