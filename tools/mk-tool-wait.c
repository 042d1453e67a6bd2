/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `mirakuru wait`: waits for all probes side by side, then turns into COMMAND. It starts
 * nothing, but a program of `--exec` may be running, and is stopped before a signal ends it. */

#include "mk-tool-display.h"
#include "mk-tool-options.h"
#include "mk-tool-signals.h"

typedef struct
{
  MkToolOptions *options;    /* (owned) */
  MkToolDisplay *display;    /* (owned) */
  GMainLoop *loop;           /* (owned) */
  GCancellable *cancellable; /* (owned): ends all waits */
  guint n_waiting;
  int fatal_signal; /* that mirakuru will die of, or 0 */
  gint64 fatal_signal_at;
  int status;
} Wait;

/* One of the probes; its number is that of its line. */
typedef struct
{
  Wait *wait; /* (unowned) */
  guint line;
} Step;

static Wait *
wait_new (MkToolOptions *options)
{
  Wait *self = g_new0 (Wait, 1);

  self->options = options;
  self->display = mk_tool_display_new (options->quiet);
  self->loop = g_main_loop_new (NULL, FALSE);
  self->cancellable = g_cancellable_new ();

  return self;
}

static void
wait_free (Wait *self)
{
  g_object_unref (self->cancellable);
  g_main_loop_unref (self->loop);
  mk_tool_display_free (self->display);
  mk_tool_options_free (self->options);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Wait, wait_free)

static void
wait_show_success (Wait *self, guint line)
{
  double elapsed = mk_tool_display_get_elapsed (self->display, line);
  g_autofree char *text =
      g_strdup_printf (self->options->gone ? _ ("gone after %.2f s") : _ ("ready after %.2f s"), elapsed);

  mk_tool_display_done (self->display, line, text);
}

static void
wait_show_failure (Wait *self, guint line, const GError *error)
{
  double elapsed = mk_tool_display_get_elapsed (self->display, line);
  g_autofree char *text = g_strdup_printf (_ ("given up after %.2f s"), elapsed);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    mk_tool_display_done (self->display, line, text);
  else
    mk_tool_display_failed (self->display, line, text, error->message);
}

static gboolean
wait_finish_probe (Wait *self, MkProbe *probe, GAsyncResult *result, GError **error)
{
  if (self->options->gone)
    return mk_probe_wait_gone_finish (probe, result, error);

  return mk_probe_wait_finish (probe, result, error);
}

static void
wait_on_probe_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Step *step = user_data;
  Wait *self = step->wait;
  g_autoptr (GError) error = NULL;

  if (wait_finish_probe (self, MK_PROBE (source), result, &error))
    wait_show_success (self, step->line);
  else
    {
      if (self->status == 0)
        self->status = mk_tool_status_for_error (error);
      g_cancellable_cancel (self->cancellable);
      wait_show_failure (self, step->line, error);
    }

  if (--self->n_waiting == 0)
    g_main_loop_quit (self->loop);
}

static void
wait_begin_probe (Wait *self, MkProbe *probe, const char *name)
{
  const char *text = self->options->gone ? _ ("waiting until it is gone") : _ ("waiting");
  Step *step = g_new0 (Step, 1);

  step->wait = self;
  step->line = mk_tool_display_add (self->display, name);
  mk_tool_display_wait (self->display, step->line, text);

  if (self->options->gone)
    mk_probe_wait_gone_async (probe, self->options->timeout, self->cancellable, wait_on_probe_done, step);
  else
    mk_probe_wait_async (probe, self->options->timeout, self->cancellable, wait_on_probe_done, step);
}

/* Another one ends it at once. */
static void
wait_on_signal (int number, gboolean from_terminal, gpointer user_data)
{
  Wait *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (self->fatal_signal == 0)
    {
      self->fatal_signal = number;
      self->fatal_signal_at = now;
      g_cancellable_cancel (self->cancellable);
    }
  else if (now - self->fatal_signal_at >= MK_TOOL_SAME_SIGNAL_INTERVAL)
    mk_tool_signals_die (number);
}

int
mk_tool_wait_main (char **argv)
{
  g_autoptr (GError) error = NULL;
  MkToolOptions *options = mk_tool_options_new_for_wait (argv, &error);
  g_autoptr (Wait) self = NULL;

  if (options == NULL)
    return mk_tool_report_misuse (error->message);

  self = wait_new (options);
  if (options->version)
    return mk_tool_print_version ();

  self->n_waiting = options->probes->len;
  for (guint i = 0; i < options->probes->len; i++)
    wait_begin_probe (
        self, g_ptr_array_index (options->probes, i), g_ptr_array_index (options->probe_names, i));
  mk_tool_signals_watch (wait_on_signal, self);
  g_main_loop_run (self->loop);

  if (self->fatal_signal != 0)
    return mk_tool_signals_die (self->fatal_signal);
  if (self->status == 0 && options->command != NULL)
    return mk_tool_command_exec (options->command);

  return self->status;
}
