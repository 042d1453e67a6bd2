/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Many services in one program, all started at once and all stopped at once, beside a loop that spawns and
 * one that kills as many programs.
 */

#include "mk-bench.h"

#include <signal.h>

static const guint sizes[] = { 1, 10, 100, 500, 1000 };
/* The smaller, the more often, for medians that mean something */
#define ROUNDS(size) ((size) >= 500 ? 3 : 10)

typedef struct
{
  GMainLoop *loop;
  guint n_left;
} Batch;

typedef struct
{
  GArray *start;
  GArray *stop;
} Figures;

static void
note_end (Batch *batch, gboolean succeeded, GError *error)
{
  if (!succeeded)
    g_error ("scale: %s", error->message);
  if (--batch->n_left == 0)
    g_main_loop_quit (batch->loop);
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean started = mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (source), result, &error);

  note_end (user_data, started, error);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean stopped = mk_simple_executor_stop_finish (MK_SIMPLE_EXECUTOR (source), result, &error);

  note_end (user_data, stopped, error);
}

static void
measure_ours (Figures *figures, guint size)
{
  g_autoptr (GPtrArray) executors = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Batch batch = { loop, size };
  gint64 start_us;

  for (guint i = 0; i < size; i++)
    g_ptr_array_add (executors, mk_bench_new_sleeper ());

  start_us = g_get_monotonic_time ();
  for (guint i = 0; i < size; i++)
    mk_simple_executor_start_async (executors->pdata[i], NULL, on_started, &batch);
  g_main_loop_run (loop);
  mk_bench_add (figures->start, mk_bench_ms_since (start_us));

  batch.n_left = size;
  start_us = g_get_monotonic_time ();
  for (guint i = 0; i < size; i++)
    mk_simple_executor_stop_async (executors->pdata[i], NULL, on_stopped, &batch);
  g_main_loop_run (loop);
  mk_bench_add (figures->stop, mk_bench_ms_since (start_us));
}

static void
measure_bare (Figures *figures, guint size)
{
  static const char *const argv[] = { "sleep", "1000", NULL };
  g_autofree pid_t *pids = g_new (pid_t, size);
  gint64 start_us = g_get_monotonic_time ();

  for (guint i = 0; i < size; i++)
    pids[i] = mk_bench_spawn (argv);
  mk_bench_add (figures->start, mk_bench_ms_since (start_us));

  start_us = g_get_monotonic_time ();
  for (guint i = 0; i < size; i++)
    kill (pids[i], SIGTERM);
  for (guint i = 0; i < size; i++)
    mk_bench_reap (pids[i]);
  mk_bench_add (figures->stop, mk_bench_ms_since (start_us));
}

static void
measure_size (guint size)
{
  Figures ours = { mk_bench_figures_new (), mk_bench_figures_new () };
  Figures bare = { mk_bench_figures_new (), mk_bench_figures_new () };
  g_autofree char *start = g_strdup_printf ("start of %u services at once", size);
  g_autofree char *stop = g_strdup_printf ("stop of %u services at once", size);

  for (guint i = 0; i < ROUNDS (size); i++)
    {
      measure_ours (&ours, size);
      measure_bare (&bare, size);
    }
  mk_bench_print_row (start, "ms", ours.start, NO_LIMIT, NO_LIMIT, "posix_spawn() loop", bare.start);
  mk_bench_print_row (stop, "ms", ours.stop, NO_LIMIT, NO_LIMIT, "kill() loop", bare.stop);
  g_array_unref (ours.start);
  g_array_unref (ours.stop);
  g_array_unref (bare.start);
  g_array_unref (bare.stop);
}

void
mk_bench_scale (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    measure_size (sizes[i]);
}
