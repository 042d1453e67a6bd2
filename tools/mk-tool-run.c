/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `mirakuru run`, from its command line to its exit status.
 *
 *   STARTING ──all ready──> RUNNING ──COMMAND ended, or a signal──> STOPPING ──> the end
 *       └──────────────a service failed, or a signal──────────────────^
 *
 * Each service is stopped exactly once, after its start is over, and the main loop ends when
 * all starts and stops are. The status is settled when STOPPING begins; only a 0 may
 * still turn into a failure. Everything happens on the main context, in one thread. */

#include "mk-tool-run.h"

#include <signal.h>

#include <glib-unix.h>

#include "mk-tool-command.h"
#include "mk-tool-help.h"
#include "base/mk-i18n-private.h"
#include "mk-tool-service.h"
#include "mk-tool-terminal.h"

/* Two Ctrl-C within this time mean it. */
#define INTERRUPT_INTERVAL (2 * G_USEC_PER_SEC)
/* A signal that came with the end of COMMAND was meant for COMMAND. */
#define SAME_SIGNAL_INTERVAL (G_USEC_PER_SEC / 4)

typedef enum
{
  PHASE_STARTING,
  PHASE_RUNNING,
  PHASE_STOPPING,
} Phase;

typedef struct
{
  MkToolOptions *options; /* (owned) */
  MkToolDisplay *display; /* (owned) */
  GMainLoop *loop;        /* (owned) */
  GCancellable *starts;   /* (owned) */
  GPtrArray *services;    /* (owned) (element-type MkToolService) */
  GSubprocess *command;   /* (owned) (nullable) */
  Phase phase;
  guint n_starting;
  guint n_unstopped;
  gint64 interrupted_at;
  gint64 command_ended_at; /* 0 before, and once a signal came after it */
  int status;
} Run;

static void
run_free (Run *self)
{
  g_clear_object (&self->command);
  g_ptr_array_unref (self->services);
  g_object_unref (self->starts);
  g_main_loop_unref (self->loop);
  mk_tool_display_free (self->display);
  mk_tool_options_free (self->options);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
quit_if_done (Run *self)
{
  if (self->phase == PHASE_STOPPING && self->n_starting == 0 && self->n_unstopped == 0)
    g_main_loop_quit (self->loop);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;

  if (!mk_tool_service_stop_finish (result, NULL) && self->status == 0)
    self->status = MK_TOOL_STATUS_FAILED;

  self->n_unstopped--;
  quit_if_done (self);
}

static void
begin_stopping (Run *self, int status)
{
  if (self->phase == PHASE_STOPPING)
    return;

  self->phase = PHASE_STOPPING;
  self->status = status;
  self->n_unstopped = self->services->len;
  g_cancellable_cancel (self->starts);

  for (guint i = 0; i < self->services->len; i++)
    mk_tool_service_stop_async (g_ptr_array_index (self->services, i), on_stopped, self);
}

static void
on_command_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;

  g_subprocess_wait_finish (self->command, result, NULL);
  self->command_ended_at = g_get_monotonic_time ();
  begin_stopping (self, mk_tool_command_get_status (self->command));
}

static void
run_command (Run *self)
{
  g_autoptr (GError) error = NULL;
  int status = 0;

  self->command = mk_tool_command_spawn ((const char *const *) self->options->command, &status, &error);
  if (self->command != NULL)
    {
      g_subprocess_wait_async (self->command, NULL, on_command_ended, self);
      return;
    }

  mk_tool_display_error (self->display, NULL, error->message);
  begin_stopping (self, status);
}

static void
on_service_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;
  g_autoptr (GError) error = NULL;

  self->n_starting--;

  if (!mk_tool_service_start_finish (result, &error))
    begin_stopping (self, mk_tool_status_for_error (error));
  else if (self->phase == PHASE_STARTING && self->n_starting == 0)
    {
      self->phase = PHASE_RUNNING;
      if (self->options->command != NULL)
        run_command (self);
    }

  quit_if_done (self);
}

/* COMMAND may well come to its end without the service; before it and without it there is
 * nothing left to do. */
static void
on_service_ended (gpointer user_data)
{
  Run *self = user_data;

  if (self->command == NULL)
    begin_stopping (self, MK_TOOL_STATUS_FAILED);
}

/* Ctrl-C went to COMMAND as well, and COMMAND decides what it means. Without a terminal it
 * was meant for mirakuru alone, and is passed on. */
static void
interrupt_command (Run *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->interrupted_at != 0 && now - self->interrupted_at < INTERRUPT_INTERVAL)
    g_subprocess_force_exit (self->command);
  else if (!mk_tool_terminal_owns_interrupt ())
    g_subprocess_send_signal (self->command, SIGINT);

  self->interrupted_at = now;
}

static void
hurry (Run *self)
{
  gboolean is_same_signal =
      self->command_ended_at != 0 && g_get_monotonic_time () - self->command_ended_at < SAME_SIGNAL_INTERVAL;

  self->command_ended_at = 0;
  if (is_same_signal)
    return;

  mk_tool_display_message (self->display, _ ("killing what is left"));
  for (guint i = 0; i < self->services->len; i++)
    mk_tool_service_kill (g_ptr_array_index (self->services, i));
}

static gboolean
handle_signal (Run *self, int signal_number)
{
  if (self->phase == PHASE_STARTING)
    begin_stopping (self, MK_TOOL_STATUS_SIGNAL + signal_number);
  else if (self->phase == PHASE_STOPPING)
    hurry (self);
  else if (self->command == NULL)
    begin_stopping (self, 0);
  else if (signal_number == SIGINT)
    interrupt_command (self);
  else
    g_subprocess_send_signal (self->command, signal_number);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt (gpointer user_data)
{
  return handle_signal (user_data, SIGINT);
}

static gboolean
on_terminate (gpointer user_data)
{
  return handle_signal (user_data, SIGTERM);
}

static gboolean
on_hangup (gpointer user_data)
{
  return handle_signal (user_data, SIGHUP);
}

static void
watch_signals (Run *self)
{
  g_unix_signal_add (SIGINT, on_interrupt, self);
  g_unix_signal_add (SIGTERM, on_terminate, self);
  /* As nohup wants it. A shell ignores SIGINT for what it runs in the background, but there
   * somebody who sends it means it. */
  if (!mk_tool_command_is_signal_ignored (SIGHUP))
    g_unix_signal_add (SIGHUP, on_hangup, self);
}

static Run *
run_new (MkToolOptions *options)
{
  Run *self = g_new0 (Run, 1);

  self->options = options;
  self->display = mk_tool_display_new (options->quiet);
  self->loop = g_main_loop_new (NULL, FALSE);
  self->starts = g_cancellable_new ();
  self->services = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_tool_service_free);

  return self;
}

static gboolean
add_services (Run *self, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < self->options->services->len; i++)
    {
      MkToolService *service = mk_tool_service_new (
          g_ptr_array_index (self->options->services, i), self->options, self->display, names, error);

      if (service == NULL)
        return FALSE;

      mk_tool_service_set_ended_func (service, on_service_ended, self);
      g_ptr_array_add (self->services, service);
    }

  return TRUE;
}

static int
run (Run *self)
{
  self->n_starting = self->services->len;
  for (guint i = 0; i < self->services->len; i++)
    mk_tool_service_start_async (
        g_ptr_array_index (self->services, i), self->starts, on_service_started, self);

  g_main_loop_run (self->loop);

  /* The last words of the services. */
  while (g_main_context_iteration (NULL, FALSE))
    ;

  return self->status;
}

int
mk_tool_run_main (char **argv)
{
  g_autoptr (GError) error = NULL;
  MkToolOptions *options = mk_tool_options_new_for_run (argv, &error);
  g_autoptr (Run) self = NULL;

  if (options == NULL)
    return mk_tool_help_report_misuse ("mirakuru run", error->message);

  self = run_new (options);
  if (options->version)
    return mk_tool_help_print_version ();

  if (!add_services (self, &error))
    return mk_tool_help_report_misuse ("mirakuru run", error->message);

  watch_signals (self);
  return run (self);
}
