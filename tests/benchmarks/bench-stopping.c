/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the last words of a service that was told to stop to the return of stop().
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <signal.h>

#include "mk-test-util.h"

#define N 100

typedef struct
{
  GArray *whole_ms;
  GArray *after_exit_ms;
} Figures;

static gboolean
is_listening (gpointer stamp_file)
{
  return mk_test_read_stamp (stamp_file, "listen") > 0;
}

static void
note (Figures *figures, gint64 asked_us, const char *stamp_file)
{
  gint64 returned_us = g_get_monotonic_time ();

  mk_bench_add (figures->whole_ms, (returned_us - asked_us) / 1000.0);
  mk_bench_add (figures->after_exit_ms, (returned_us - mk_test_read_stamp (stamp_file, "exit")) / 1000.0);
}

static void
measure_ours (Figures *figures, const char *const *argv, const char *stamp_file)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  gint64 asked_us;

  mk_bench_start (executor);
  g_assert_true (mk_test_poll_until (is_listening, (gpointer) stamp_file, MK_TEST_LIMIT_MS));
  asked_us = g_get_monotonic_time ();
  mk_bench_stop (executor);
  note (figures, asked_us, stamp_file);
}

static void
measure_bare (Figures *figures, const char *const *argv, const char *stamp_file)
{
  pid_t pid = mk_bench_spawn (argv);
  gint64 asked_us;

  g_assert_true (mk_test_poll_until (is_listening, (gpointer) stamp_file, MK_TEST_LIMIT_MS));
  asked_us = g_get_monotonic_time ();
  mk_bench_end (pid);
  note (figures, asked_us, stamp_file);
}

void
mk_bench_stopping (void)
{
  Figures ours = { mk_bench_figures_new (), mk_bench_figures_new () };
  Figures bare = { mk_bench_figures_new (), mk_bench_figures_new () };
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_autofree char *address = mk_test_service_address (mk_test_free_port ());
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--stamp", stamp_file, "--listen", address, NULL);

  for (guint i = 0; i < N; i++)
    {
      measure_ours (&ours, (const char *const *) argv, stamp_file);
      g_unlink (stamp_file);
      measure_bare (&bare, (const char *const *) argv, stamp_file);
      g_unlink (stamp_file);
    }
  mk_bench_print_row ("exit of the service to stop() returning",
                      "ms",
                      ours.after_exit_ms,
                      1,
                      NO_LIMIT,
                      "waitpid()",
                      bare.after_exit_ms);
  mk_bench_print_row (
      "stop(), whole", "ms", ours.whole_ms, NO_LIMIT, NO_LIMIT, "kill() and waitpid()", bare.whole_ms);
  g_array_unref (ours.whole_ms);
  g_array_unref (ours.after_exit_ms);
  g_array_unref (bare.whole_ms);
  g_array_unref (bare.after_exit_ms);
}
