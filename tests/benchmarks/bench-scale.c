/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Many services in one program, all started at once and all stopped at once, beside a loop that spawns and
 * one that kills as many programs. And how late the last hundredth of them is noticed to be ready.
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <signal.h>

#include "mk-test-util.h"

static const guint sizes[] = { 1, 10, 100, 500, 1000 };
#define FACTOR_SIZE 100
/* A service has a supervisor: two processes begin and end, and the supervisor waits until no descendant is
 * left. */
#define START_FACTOR 2.2
#define STOP_FACTOR  7
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
  if (size == FACTOR_SIZE)
    {
      mk_bench_print_factor (start, "ms", ours.start, START_FACTOR, "posix_spawn() loop", bare.start);
      mk_bench_print_factor (stop, "ms", ours.stop, STOP_FACTOR, "kill() loop", bare.stop);
    }
  else
    {
      mk_bench_print_row (start, "ms", ours.start, NO_LIMIT, NO_LIMIT, "posix_spawn() loop", bare.start);
      mk_bench_print_row (stop, "ms", ours.stop, NO_LIMIT, NO_LIMIT, "kill() loop", bare.stop);
    }
  g_array_unref (ours.start);
  g_array_unref (ours.stop);
  g_array_unref (bare.start);
  g_array_unref (bare.stop);
}

/* ---- readiness ---- */

typedef struct
{
  Batch *batch;
  MkPortLease *lease; /* (owned) */
  char *stamp_file;   /* (owned) */
  MkSimpleExecutor *executor;
  gint64 ready_us;
} Listener;

static void
listener_init (Listener *listener, Batch *batch)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *address = NULL;
  g_auto (GStrv) argv = NULL;
  guint port;

  listener->batch = batch;
  listener->lease = mk_port_lease_new (NULL);
  port = mk_port_lease_get_port (listener->lease);
  address = mk_test_service_address (port);
  listener->stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  argv = mk_test_service_argv (tag, "--listen", address, "--stamp", listener->stamp_file, NULL);
  listener->executor =
      MK_SIMPLE_EXECUTOR (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port));
}

static void
listener_clear (Listener *listener)
{
  g_unlink (listener->stamp_file);
  g_free (listener->stamp_file);
  g_object_unref (listener->executor);
  g_object_unref (listener->lease);
}

static void
on_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Listener *listener = user_data;

  listener->ready_us = g_get_monotonic_time ();
  on_started (source, result, listener->batch);
}

static void
measure_lag (guint size)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GArray) lag_ms = mk_bench_figures_new ();
  g_autoptr (GArray) late = mk_bench_figures_new ();
  g_autofree char *what = g_strdup_printf ("listen() to ready of %u services at once", size);
  g_autofree char *late_what = g_strdup_printf ("%s, 99th percentile", what);
  g_autofree Listener *listeners = g_new0 (Listener, size);
  Batch batch = { loop, size };

  for (guint i = 0; i < size; i++)
    listener_init (&listeners[i], &batch);
  for (guint i = 0; i < size; i++)
    mk_simple_executor_start_async (listeners[i].executor, NULL, on_ready, &listeners[i]);
  g_main_loop_run (loop);
  for (guint i = 0; i < size; i++)
    mk_bench_add (lag_ms,
                  (listeners[i].ready_us - mk_bench_wait_for_stamp (listeners[i].stamp_file, "listen")) /
                      1000.0);
  mk_bench_add (late, mk_bench_quantile (lag_ms, 0.99));
  mk_bench_print_row (what, "ms", lag_ms, NO_LIMIT, NO_LIMIT, NULL, NULL);
  mk_bench_print_row (late_what, "ms", late, NO_LIMIT, NO_LIMIT, NULL, NULL);

  batch.n_left = size;
  for (guint i = 0; i < size; i++)
    mk_simple_executor_stop_async (listeners[i].executor, NULL, on_stopped, &batch);
  g_main_loop_run (loop);
  for (guint i = 0; i < size; i++)
    listener_clear (&listeners[i]);
}

void
mk_bench_scale (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes) && (sizes[i] <= FACTOR_SIZE || !mk_bench_is_quick ()); i++)
    {
      measure_size (sizes[i]);
      measure_lag (sizes[i]);
    }
}
