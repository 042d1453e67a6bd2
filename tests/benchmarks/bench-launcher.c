/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a launcher costs: the start, the lag of readiness through a forward, captured output and the stop. It
 * leads to another network of this machine where one can be made, else to the same.
 *
 * MK_BENCH_LAUNCHER takes the place of it, such as "ssh -o BatchMode=yes far". The program mk-test-service
 * has to be at the same path there, and its stamps are read here.
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <string.h>

#include "mk-test-util.h"

#define N_STARTS     20
#define AFTER_MS     200
#define OUTPUT_BYTES (100 * 1000 * 1000)
#define OUTPUT_TEXT  G_STRINGIFY (100000000)
#define N_OUTPUTS    3

static char **
choose_launcher (void)
{
  const char *chosen = g_getenv ("MK_BENCH_LAUNCHER");
  char **launcher = NULL;
  int status;

  if (chosen != NULL && g_shell_parse_argv (chosen, NULL, &launcher, NULL))
    return launcher;
  if (g_spawn_command_line_sync ("unshare --net ip link set lo up", NULL, NULL, &status, NULL) && status == 0)
    return g_strsplit ("unshare|--net|--|sh|-c|ip link set lo up; exec \"$@\"|sh", "|", -1);
  return g_strsplit ("env", "|", -1);
}

static void
set_forward (gpointer executor, guint near_port, guint far_port)
{
  g_autofree char *forward = g_strdup_printf ("%u:%u", near_port, far_port);
  const char *forwards[] = { forward, NULL };

  mk_simple_executor_set_forwards (executor, forwards);
}

/* ---- start, readiness and stop ---- */

typedef struct
{
  GArray *start;
  GArray *lag;
  GArray *stop;
} Figures;

static Figures
figures_new (void)
{
  return (Figures){ mk_bench_figures_new (), mk_bench_figures_new (), mk_bench_figures_new () };
}

static void
figures_free (Figures *self)
{
  g_array_unref (self->start);
  g_array_unref (self->lag);
  g_array_unref (self->stop);
}

/* @launcher: (nullable): none for a service of this machine */
static void
measure_service (Figures *figures, char **launcher)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamps = g_build_filename (g_get_tmp_dir (), tag, NULL);
  guint near_port = mk_test_free_port ();
  guint far_port = launcher != NULL ? mk_test_free_port () : near_port;
  g_autofree char *address = mk_test_service_address (far_port);
  g_auto (GStrv) argv = mk_test_service_argv (
      tag, "--listen", address, "--after", G_STRINGIFY (AFTER_MS), "--stamp", stamps, NULL);
  g_autoptr (MkSimpleExecutor) executor =
      MK_SIMPLE_EXECUTOR (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", near_port));
  gint64 begun = g_get_monotonic_time ();
  gint64 ready;

  mk_simple_executor_set_launcher (executor, (const char *const *) launcher);
  if (launcher != NULL)
    set_forward (executor, near_port, far_port);
  mk_bench_start (executor);
  ready = g_get_monotonic_time ();
  mk_bench_add (figures->start, (mk_test_read_stamp (stamps, "start") - begun) / 1000.0);
  mk_bench_add (figures->lag, (ready - mk_test_read_stamp (stamps, "listen")) / 1000.0);
  begun = g_get_monotonic_time ();
  mk_bench_stop (executor);
  mk_bench_add (figures->stop, mk_bench_ms_since (begun));
  g_unlink (stamps);
}

static void
measure_services (char **launcher)
{
  Figures far = figures_new ();
  Figures home = figures_new ();

  for (guint i = 0; i < N_STARTS; i++)
    {
      measure_service (&far, launcher);
      measure_service (&home, NULL);
    }
  mk_bench_print_row ("launcher: from start() to the program's main()",
                      "ms",
                      far.start,
                      NO_LIMIT,
                      NO_LIMIT,
                      "without",
                      home.start);
  mk_bench_print_row (
      "launcher: lag of readiness through a forward", "ms", far.lag, 5, NO_LIMIT, "without", home.lag);
  mk_bench_print_row ("launcher: stop", "ms", far.stop, NO_LIMIT, NO_LIMIT, "without", home.stop);
  figures_free (&far);
  figures_free (&home);
}

/* ---- output ---- */

static double
measure_output (char **launcher)
{
  static const char *const argv[] = { "head", "-c", OUTPUT_TEXT, "/dev/zero", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  gint64 begun = g_get_monotonic_time ();

  mk_simple_executor_set_launcher (executor, (const char *const *) launcher);
  mk_simple_executor_set_completes (executor, TRUE);
  mk_bench_start (executor);
  return OUTPUT_BYTES / 1000.0 / mk_bench_ms_since (begun);
}

/* The client alone, read by "cat" */
static double
measure_client (char **launcher)
{
  g_autofree char *script = g_strdup ("\"$@\" head -c " OUTPUT_TEXT " /dev/zero | cat > /dev/null");
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  gint64 begun;

  g_ptr_array_add (argv, (gpointer) "sh");
  g_ptr_array_add (argv, (gpointer) "-c");
  g_ptr_array_add (argv, script);
  g_ptr_array_add (argv, (gpointer) "sh");
  for (char **word = launcher; *word != NULL; word++)
    g_ptr_array_add (argv, *word);
  g_ptr_array_add (argv, NULL);
  begun = g_get_monotonic_time ();
  g_spawn_sync (NULL, (char **) argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  return OUTPUT_BYTES / 1000.0 / mk_bench_ms_since (begun);
}

static void
measure_outputs (char **launcher)
{
  GArray *ours = mk_bench_figures_new ();
  GArray *client = mk_bench_figures_new ();

  for (guint i = 0; i < N_OUTPUTS; i++)
    {
      mk_bench_add (ours, measure_output (launcher));
      mk_bench_add (client, measure_client (launcher));
    }
  mk_bench_print_row (
      "launcher: captured output", "MB/s", ours, NO_LIMIT, NO_LIMIT, "the client, into cat", client);
  g_array_unref (ours);
  g_array_unref (client);
}

void
mk_bench_launcher (void)
{
  g_auto (GStrv) launcher = choose_launcher ();

  measure_services (launcher);
  measure_outputs (launcher);
}
