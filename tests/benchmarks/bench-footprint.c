/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a running service costs: memory and file descriptors of the host, and its supervisor. A GSubprocess
 * with its output in pipes, which nobody drains, is what it is compared with.
 */

#include "mk-bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mk-test-util.h"

#define N 20

typedef struct
{
  GArray *resident_kb;
  GArray *fds;
} Figures;

typedef struct
{
  double resident_kb;
  double fds;
} Usage;

static Usage
measure_self (void)
{
  return (Usage){
    .resident_kb = mk_test_read_proc_number (getpid (), "smaps_rollup", "\nRss:"),
    .fds = mk_test_count_entries ("/proc/self/fd"),
  };
}

static void
note_service (Figures *figures, const Usage *before)
{
  Usage after = measure_self ();

  mk_bench_add (figures->resident_kb, (after.resident_kb - before->resident_kb) / N);
  mk_bench_add (figures->fds, (after.fds - before->fds) / N);
}

/* Only root may look at them. */
static void
measure_supervisors (GArray *alone, GArray *together, guint n_running)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, n_running);
  if (geteuid () != 0)
    return;
  for (guint i = 0; i < children->len; i++)
    mk_bench_add (n_running == 1 ? alone : together,
                  mk_test_read_proc_number (g_array_index (children, pid_t, i), "smaps_rollup", "\nPss:"));
}

static void
measure_ours (Figures *figures, GArray *alone, GArray *together)
{
  g_autoptr (GPtrArray) executors = g_ptr_array_new_with_free_func (g_object_unref);
  Usage before = measure_self ();

  for (guint i = 0; i < N; i++)
    {
      MkSimpleExecutor *executor = mk_bench_new_sleeper ();

      g_ptr_array_add (executors, executor);
      mk_bench_start (executor);
      if (i == 0)
        measure_supervisors (alone, together, 1);
    }
  note_service (figures, &before);
  measure_supervisors (alone, together, N);
  for (guint i = 0; i < N; i++)
    mk_bench_stop (executors->pdata[i]);
}

static void
measure_subprocesses (Figures *figures)
{
  g_autoptr (GPtrArray) subprocesses = g_ptr_array_new_with_free_func (g_object_unref);
  Usage before = measure_self ();

  for (guint i = 0; i < N; i++)
    {
      GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE;

      g_ptr_array_add (subprocesses, g_subprocess_new (flags, NULL, "sleep", "1000", NULL));
      g_assert_nonnull (subprocesses->pdata[i]);
    }
  note_service (figures, &before);
  for (guint i = 0; i < N; i++)
    {
      g_subprocess_send_signal (subprocesses->pdata[i], SIGTERM);
      g_subprocess_wait (subprocesses->pdata[i], NULL, NULL);
    }
}

/* The first service brings the worker thread and what is allocated once. */
static void
warm_up (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_bench_new_sleeper ();
  g_autoptr (GSubprocess) subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, NULL, "true", NULL);

  mk_bench_start (executor);
  mk_bench_stop (executor);
  g_subprocess_wait (subprocess, NULL, NULL);
}

void
mk_bench_footprint (void)
{
  Figures ours = { mk_bench_figures_new (), mk_bench_figures_new () };
  Figures peer = { mk_bench_figures_new (), mk_bench_figures_new () };
  g_autoptr (GArray) alone = mk_bench_figures_new ();
  g_autoptr (GArray) together = mk_bench_figures_new ();

  warm_up ();
  measure_ours (&ours, alone, together);
  measure_subprocesses (&peer);
  mk_bench_print_row ("memory of the host for a service",
                      "KB",
                      ours.resident_kb,
                      100,
                      NO_LIMIT,
                      "GSubprocess",
                      peer.resident_kb);
  mk_bench_print_row (
      "file descriptors of the host for a service", "number", ours.fds, 4, NO_LIMIT, "GSubprocess", peer.fds);
  /* Nearly all of it is the program file, of which the kernel maps more than is used. A static program of the
   * C library that does nothing has 690 KB. */
  if (alone->len > 0)
    {
      mk_bench_print_row ("supervisor, proportional set size, alone", "KB", alone, 900, NO_LIMIT, NULL, NULL);
      mk_bench_print_row (
          "supervisor, proportional set size, of 20", "KB", together, 150, NO_LIMIT, NULL, NULL);
    }
  g_array_unref (ours.resident_kb);
  g_array_unref (ours.fds);
  g_array_unref (peer.resident_kb);
  g_array_unref (peer.fds);
}
