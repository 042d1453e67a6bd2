/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `mirakuru run`, from its command line to its exit status.
 *
 *   STARTING ──all ready──> RUNNING ──COMMAND ended, or a signal──> STOPPING ──> the end
 *       └───────────────a service failed, or a signal──────────────────^
 *
 * The group of the services does the work; here it is shown. The main loop ends when the group is stopped.
 * The status is known when STOPPING begins; only a 0 may still turn into a failure. Everything
 * happens on the main context, in one thread.
 *
 * A signal that ends the run ends mirakuru too, when nothing is left of the services: a shell or
 * a script that waits for mirakuru then stops as well. But while COMMAND runs the signal is for
 * COMMAND: if that handles it and exits, its status counts, as in a shell. */

#include "mk-tool-display.h"
#include "mk-tool-options.h"
#include "mk-tool-signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define FILE_OPTION     "--file"
#define HOME_NAME       "isolated-home"
#define REQUIRES_OPTION "--requires"
/* Of each output of a service, when COMMAND has failed. */
#define LAST_LINES 10
/* How often the live lines say why a service is not ready yet. */
#define TICK_MS 250
/* Two Ctrl-C within this time mean it. */
#define INTERRUPT_INTERVAL (2 * G_USEC_PER_SEC)

typedef enum
{
  PHASE_STARTING,
  PHASE_RUNNING,
  PHASE_STOPPING,
} Phase;

typedef struct
{
  MkToolOptions *options;     /* (owned) */
  MkToolDisplay *display;     /* (owned) */
  GMainLoop *loop;            /* (owned) */
  GCancellable *starts;       /* (owned) */
  GPtrArray *services;        /* (owned) (element-type Service) */
  MkSimpleExecutor *home;     /* (unowned) (nullable): with --isolate */
  MkExecutorGroup *group;     /* (owned) */
  GSubprocess *command;       /* (owned) (nullable) */
  gboolean is_ending_command; /* --stop-when-dead has asked COMMAND to end */
  guint kill_source;          /* when COMMAND is killed, as it does not end; or 0 */
  gboolean has_lost;          /* a service ended by itself */
  Phase phase;
  gboolean is_starting; /* the group */
  int last_signal;      /* 0 before the first one */
  gint64 last_signal_at;
  gint64 begun_at;
  gint64 command_started_at; /* 0 before */
  guint tick;                /* of the live lines, or 0 */
  gint64 command_ended_at;   /* 0 before; a signal that comes with it was meant for COMMAND */
  int fatal_signal;          /* that mirakuru will die of, or 0 */
  int status;
} Run;

/* An executor, and a line of the display that is kept up to date. */
typedef struct
{
  Run *run;                            /* (unowned) */
  const MkToolServiceOptions *options; /* (unowned) (nullable): %NULL for one of a file */
  MkSimpleExecutor *executor;          /* (owned) */
  guint line;
  MkExecutorState state; /* that is shown */
  gboolean has_begun;
  gboolean was_ready;
  gboolean is_reused;
  gboolean has_ended;
  gboolean has_failed;
} Service;

static void run_begin_stopping (Run *self, int status);
static void run_lose_service (Run *self);
static void service_on_state (MkSimpleExecutor *executor, GParamSpec *pspec, gpointer user_data);

/* ---- one service ---- */

/* The group may know it before the executor has told so. */
static void
service_tell_exited (Service *self)
{
  int status = mk_simple_executor_get_exit_status (self->executor);
  g_autofree char *text =
      status < 0 ? g_strdup_printf (_ ("was ended by signal %d (%s)"), -status, g_strsignal (-status))
                 : g_strdup_printf (_ ("exited with status %d"), status);

  if (self->has_ended)
    return;

  self->has_ended = TRUE;
  if (mk_simple_executor_get_completes (self->executor))
    return;

  mk_tool_display_failed (self->run->display, self->line, text, text);
  run_lose_service (self->run);
}

static void
service_on_exited (MkSimpleExecutor *executor, int status, gpointer user_data)
{
  service_tell_exited (user_data);
}

static void
service_on_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer user_data)
{
  Service *self = user_data;

  mk_tool_display_output (self->run->display, self->line, text);
}

static void
service_free (Service *self)
{
  g_signal_handlers_disconnect_by_data (self->executor, self);
  g_object_unref (self->executor);
  g_free (self);
}

/* @options: (nullable). @shown: what the service is called in what is printed */
static Service *
service_new (Run *run, const MkToolServiceOptions *options, MkSimpleExecutor *executor, const char *shown)
{
  Service *self = g_new0 (Service, 1);

  self->run = run;
  self->options = options;
  self->executor = g_object_ref (executor);
  self->line = mk_tool_display_add (run->display, shown);
  g_signal_connect (executor, "notify::state", G_CALLBACK (service_on_state), self);
  g_signal_connect (executor, "exited", G_CALLBACK (service_on_exited), self);
  if (run->options->verbose)
    {
      mk_simple_executor_set_lossless (executor, TRUE);
      g_signal_connect (executor, "line", G_CALLBACK (service_on_line), self);
    }

  return self;
}

static void
service_write_log (Service *self)
{
  g_autofree char *file_name =
      g_strconcat (mk_executor_group_get_name (self->run->group, self->executor), ".log", NULL);
  g_autofree char *path = g_build_filename (self->run->options->log_dir, file_name, NULL);

  mk_simple_executor_set_stdout_path (self->executor, path);
  mk_simple_executor_set_stderr_path (self->executor, path);
}

/* A disk that is full does not keep the service from working. */
static void
service_tell_incomplete (Service *self)
{
  g_autoptr (GVariant) report = mk_simple_executor_dup_report_dict (self->executor);
  const char *clause;

  if (g_variant_lookup (report, "incomplete", "&s", &clause))
    mk_tool_display_error (
        self->run->display, mk_executor_group_get_name (self->run->group, self->executor), clause);
}

/* Returns: (transfer full) (nullable): "waiting for …", with the values of this start */
static char *
service_describe_goal (Service *self, GVariant *report)
{
  const char *clause;

  if (g_variant_lookup (report, "waits-for", "&s", &clause))
    /* Translators: a clause such as “127.0.0.1:6379 to accept connections” */
    return g_strdup_printf (_ ("waiting for %s"), clause);

  return mk_simple_executor_get_completes (self->executor) ? g_strdup (_ ("waiting for it to complete"))
                                                           : NULL;
}

static void
service_show_start (Service *self)
{
  g_autoptr (GVariant) report = mk_simple_executor_dup_report_dict (self->executor);
  g_autofree char *text = service_describe_goal (self, report);

  mk_tool_display_wait (self->run->display, self->line, text != NULL ? text : _ ("starting"));
}

/* Why it is not ready yet, where there is a line that can say so. */
static void
service_show_reason (Service *self)
{
  g_autoptr (GVariant) report = mk_simple_executor_dup_report_dict (self->executor);
  g_autoptr (GVariant) probes = g_variant_lookup_value (report, "probes", G_VARIANT_TYPE ("aa{sv}"));
  g_autofree char *goal = service_describe_goal (self, report);
  g_autofree char *text = NULL;
  const char *reason = NULL;

  for (gsize i = 0; probes != NULL && reason == NULL && i < g_variant_n_children (probes); i++)
    {
      g_autoptr (GVariant) probe = g_variant_get_child_value (probes, i);

      g_variant_lookup (probe, "last-failure", "&s", &reason);
    }
  if (goal == NULL || reason == NULL)
    return;

  /* A narrow terminal shows the beginning. */
  text = g_strdup_printf ("%s (%s)", reason, goal);
  mk_tool_display_change (self->run->display, self->line, text);
}

static void
service_show_ready (Service *self)
{
  double elapsed = mk_tool_display_get_elapsed (self->run->display, self->line);
  int pid = (int) mk_simple_executor_get_pid (self->executor);
  g_autofree char *text = mk_simple_executor_get_completes (self->executor)
                              ? g_strdup_printf (_ ("done after %.2f s"), elapsed)
                          : pid == 0 ? g_strdup (_ ("already running, and used"))
                                     : g_strdup_printf (_ ("ready after %.2f s (pid %d)"), elapsed, pid);

  self->is_reused = pid == 0;

  mk_tool_display_done (self->run->display, self->line, text);
}

static void
service_show_given_up (Service *self)
{
  double elapsed = mk_tool_display_get_elapsed (self->run->display, self->line);
  g_autofree char *text = g_strdup_printf (_ ("given up after %.2f s"), elapsed);

  mk_tool_display_done (self->run->display, self->line, text);
}

static void
service_show_start_failure (Service *self, const GError *error)
{
  double elapsed = mk_tool_display_get_elapsed (self->run->display, self->line);
  g_autofree char *text = NULL;

  text = g_strdup_printf (_ ("failed after %.2f s"), elapsed);
  mk_tool_display_failed (self->run->display, self->line, text, error->message);

  /* The message of the library speaks of properties. */
  if (g_error_matches (error, MK_ERROR, MK_ERROR_TIMED_OUT))
    mk_tool_display_message (self->run->display, _ ("the option --timeout sets the start timeout"));
  if (strstr (error->message, "stdout-mode=PTY") != NULL)
    mk_tool_display_message (self->run->display, _ ("the option --pty sets stdout-mode=PTY"));
  if (strstr (error->message, "stdin-mode=PIPE") != NULL)
    mk_tool_display_message (self->run->display, _ ("the option --stdin sets stdin-mode=PIPE"));
}

static void
service_show_stopped (Service *self)
{
  double elapsed = mk_tool_display_get_elapsed (self->run->display, self->line);
  g_autofree char *text = g_strdup_printf (_ ("stopped after %.2f s"), elapsed);
  g_autofree char *killed = mk_simple_executor_dup_kill_reason (self->executor);

  if (killed != NULL)
    mk_tool_display_failed (self->run->display, self->line, text, killed);
  else if (self->was_ready && !self->has_ended && !self->has_failed && !self->is_reused)
    mk_tool_display_done (self->run->display, self->line, text);
}

static void
service_show_stop_failure (Service *self, const GError *error)
{
  double elapsed = mk_tool_display_get_elapsed (self->run->display, self->line);
  g_autofree char *text = g_strdup_printf (_ ("stopped after %.2f s"), elapsed);

  mk_tool_display_failed (self->run->display, self->line, text, error->message);
}

/* What the group does with it. */
static void
service_on_state (MkSimpleExecutor *executor, GParamSpec *pspec, gpointer user_data)
{
  Service *self = user_data;
  MkExecutorState before = self->state;

  self->state = mk_simple_executor_get_state (executor);
  if (self->state == MK_EXECUTOR_STATE_STARTING)
    {
      self->has_begun = TRUE;
      service_show_start (self);
    }
  else if (before == MK_EXECUTOR_STATE_STARTING &&
           (self->state == MK_EXECUTOR_STATE_READY || self->state == MK_EXECUTOR_STATE_EXITED))
    {
      self->was_ready = TRUE;
      service_show_ready (self);
    }
  else if (self->state == MK_EXECUTOR_STATE_STOPPING && self->was_ready && !self->has_ended)
    mk_tool_display_wait (self->run->display, self->line, _ ("stopping"));
  else if (self->state == MK_EXECUTOR_STATE_STOPPED && self->was_ready)
    service_show_stopped (self);
}

/* ---- the run ---- */

static void
run_free (Run *self)
{
  g_clear_handle_id (&self->kill_source, g_source_remove);
  g_clear_object (&self->command);
  g_ptr_array_unref (self->services);
  g_object_unref (self->group);
  g_object_unref (self->starts);
  g_main_loop_unref (self->loop);
  mk_tool_display_free (self->display);
  mk_tool_options_free (self->options);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
run_on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;

  if (!mk_executor_group_stop_finish (self->group, result, NULL) && self->status == 0)
    self->status = MK_TOOL_STATUS_FAILED;
  g_main_loop_quit (self->loop);
}

static void
run_begin_stopping (Run *self, int status)
{
  if (self->phase == PHASE_STOPPING)
    return;

  self->phase = PHASE_STOPPING;
  self->status = status == 0 && self->has_lost ? MK_TOOL_STATUS_FAILED : status;
  g_cancellable_cancel (self->starts);
  /* What is under way comes to its end first. */
  if (!self->is_starting)
    mk_executor_group_stop_async (self->group, NULL, run_on_stopped, self);
}

/* Returns: (nullable): %NULL for the home */
static Service *
run_find_service (Run *self, MkSimpleExecutor *executor)
{
  for (guint i = 0; i < self->services->len; i++)
    {
      Service *service = g_ptr_array_index (self->services, i);

      if (service->executor == executor)
        return service;
    }

  return NULL;
}

static void
run_on_failed (MkExecutorGroup *group, const char *name, const GError *error, gpointer user_data)
{
  Run *self = user_data;
  Service *service = run_find_service (self, mk_executor_group_lookup (group, name));

  if (service == NULL)
    {
      /* The start itself says why it has failed. */
      if (!self->is_starting)
        mk_tool_display_error (self->display, NULL, error->message);
      return;
    }
  if (service->was_ready && g_error_matches (error, MK_ERROR, MK_ERROR_EXITED))
    {
      service_tell_exited (service);
      return;
    }

  service->has_failed = TRUE;
  if (service->was_ready)
    service_show_stop_failure (service, error);
  else
    service_show_start_failure (service, error);
}

/* What COMMAND died of ends mirakuru too, if it was sent to both. Who types Ctrl-C in an
 * interactive program with a process group of its own does not send it to mirakuru. */
static void
run_note_command_signal (Run *self)
{
  int number = g_subprocess_get_if_signaled (self->command) ? g_subprocess_get_term_sig (self->command) : 0;

  if (number == SIGINT || number == SIGQUIT || (number != 0 && number == self->last_signal))
    self->fatal_signal = number;
}

/* They may tell why COMMAND has failed. */
static void
service_show_last_lines (Service *self)
{
  static const MkStream streams[] = { MK_STREAM_STDOUT, MK_STREAM_STDERR };

  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      g_autoptr (GBytes) output = mk_simple_executor_dup_output (self->executor, streams[i]);
      gsize size = 0;
      const char *data = g_bytes_get_data (output, &size);
      g_autofree char *text = g_strndup (data != NULL ? data : "", size);
      g_auto (GStrv) lines = g_strsplit (g_strchomp (text), "\n", -1);
      guint n_lines = g_strv_length (lines);

      for (guint j = n_lines > LAST_LINES ? n_lines - LAST_LINES : 0; j < n_lines; j++)
        mk_tool_display_output (self->run->display, self->line, g_strchomp (lines[j]));
    }
}

static void
run_show_last_lines (Run *self)
{
  for (guint i = 0; i < self->services->len; i++)
    service_show_last_lines (g_ptr_array_index (self->services, i));
}

static void
run_on_command_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;

  g_subprocess_wait_finish (self->command, result, NULL);
  self->command_ended_at = g_get_monotonic_time ();
  run_note_command_signal (self);
  if (self->fatal_signal == 0 && !self->options->verbose && !g_subprocess_get_successful (self->command))
    run_show_last_lines (self);
  run_begin_stopping (
      self, self->is_ending_command ? MK_TOOL_STATUS_FAILED : mk_tool_command_get_status (self->command));
}

static gboolean
run_on_kill_time (gpointer user_data)
{
  Run *self = user_data;

  self->kill_source = 0;
  g_subprocess_force_exit (self->command);
  return G_SOURCE_REMOVE;
}

/* COMMAND gets the time that a service gets to end. */
static void
run_end_command (Run *self)
{
  if (self->is_ending_command)
    return;

  self->is_ending_command = TRUE;
  mk_tool_display_message (self->display, _ ("ending the command, because a service has ended"));
  mk_tool_command_signal (self->command, SIGTERM);
  if (self->options->stop_timeout > 0)
    self->kill_source = g_timeout_add (self->options->stop_timeout, run_on_kill_time, self);
}

/* Before COMMAND or without one there is nothing left to do. COMMAND may be able to go on. */
static void
run_lose_service (Run *self)
{
  self->has_lost = TRUE;
  if (self->command == NULL)
    run_begin_stopping (self, MK_TOOL_STATUS_FAILED);
  else if (self->options->stop_when_dead && self->phase == PHASE_RUNNING)
    run_end_command (self);
}

/* Returns: (transfer full) (nullable): COMMAND with the values of the services */
static char **
run_expand_command (Run *self, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (char **arg = self->options->command; *arg != NULL; arg++)
    {
      g_autofree char *expanded = mk_executor_group_expand (self->group, *arg, error);

      if (expanded == NULL)
        return NULL;
      g_strv_builder_add (builder, expanded);
    }

  return g_strv_builder_end (builder);
}

static void
run_start_command (Run *self)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = mk_executor_group_dup_environment (self->group, NULL);
  g_auto (GStrv) argv = run_expand_command (self, &error);
  int status = MK_TOOL_STATUS_FAILED;

  if (argv != NULL)
    self->command = mk_tool_command_spawn ((const char *const *) argv, environment, &status, &error);
  if (self->command != NULL)
    {
      self->command_started_at = g_get_monotonic_time ();
      g_subprocess_wait_async (self->command, NULL, run_on_command_ended, self);
      return;
    }

  g_assert (error != NULL);
  mk_tool_display_error (self->display, NULL, error->message);
  run_begin_stopping (self, status);
}

/* Whether all services have done their work. */
static gboolean
run_is_complete (Run *self)
{
  for (guint i = 0; i < self->services->len; i++)
    if (!mk_simple_executor_get_completes (((Service *) g_ptr_array_index (self->services, i))->executor))
      return FALSE;

  return TRUE;
}

/* What was being started when another service failed, or a signal came. */
static void
run_show_given_up (Run *self)
{
  for (guint i = 0; i < self->services->len; i++)
    {
      Service *service = g_ptr_array_index (self->services, i);

      if (service->has_begun && !service->was_ready && !service->has_failed)
        service_show_given_up (service);
    }
}

static gboolean
run_has_begun (Run *self)
{
  for (guint i = 0; i < self->services->len; i++)
    if (((Service *) g_ptr_array_index (self->services, i))->has_begun ||
        ((Service *) g_ptr_array_index (self->services, i))->has_failed)
      return TRUE;

  return FALSE;
}

static void
run_on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;
  g_autoptr (GError) error = NULL;

  self->is_starting = FALSE;
  g_clear_handle_id (&self->tick, g_source_remove);
  if (!mk_executor_group_start_finish (self->group, result, &error))
    run_show_given_up (self);
  /* No service has failed: the group itself cannot be started. */
  if (error != NULL && !run_has_begun (self))
    mk_tool_display_error (self->display, NULL, error->message);

  if (self->phase == PHASE_STOPPING)
    mk_executor_group_stop_async (self->group, NULL, run_on_stopped, self);
  else if (error != NULL)
    run_begin_stopping (self, mk_tool_status_for_error (error));
  else
    {
      self->phase = PHASE_RUNNING;
      if (self->options->command != NULL)
        run_start_command (self);
      else if (run_is_complete (self))
        run_begin_stopping (self, 0);
    }
}

static gboolean
run_on_tick (gpointer user_data)
{
  Run *self = user_data;

  for (guint i = 0; i < self->services->len; i++)
    if (((Service *) g_ptr_array_index (self->services, i))->state == MK_EXECUTOR_STATE_STARTING)
      service_show_reason (g_ptr_array_index (self->services, i));

  return G_SOURCE_CONTINUE;
}

/* What was typed on the terminal went to COMMAND as well, and COMMAND decides what it means.
 * Anything else was meant for mirakuru alone, and is passed on, also to a stopped COMMAND. */
static void
run_signal_command (Run *self, int number, gboolean from_terminal, gint64 since_last)
{
  gboolean is_repeated = since_last >= MK_TOOL_SAME_SIGNAL_INTERVAL && since_last < INTERRUPT_INTERVAL;

  if (g_subprocess_get_identifier (self->command) == NULL)
    return;

  if (is_repeated && (number == SIGINT || number == SIGQUIT))
    {
      self->fatal_signal = number;
      g_subprocess_force_exit (self->command);
    }
  else if (!from_terminal || !mk_tool_command_has_terminal (self->command))
    mk_tool_command_signal (self->command, number);
}

static void
run_hurry (Run *self)
{
  mk_tool_display_message (self->display, _ ("killing the remaining processes"));
  for (guint i = 0; i < self->services->len; i++)
    mk_simple_executor_kill_async (
        ((Service *) g_ptr_array_index (self->services, i))->executor, NULL, NULL, NULL);
}

static void
run_end_by_signal (Run *self, int number)
{
  if (self->fatal_signal == 0)
    self->fatal_signal = number;

  if (self->phase == PHASE_STOPPING)
    run_hurry (self);
  else
    run_begin_stopping (self, 0);
}

static void
run_on_signal (int number, gboolean from_terminal, gpointer user_data)
{
  Run *self = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 since_last = number == self->last_signal ? now - self->last_signal_at : G_MAXINT64;

  if (since_last >= MK_TOOL_SAME_SIGNAL_INTERVAL)
    self->last_signal_at = now;
  self->last_signal = number;

  if (self->phase == PHASE_RUNNING && self->command != NULL)
    run_signal_command (self, number, from_terminal, since_last);
  else if (self->command_ended_at != 0 && now - self->command_ended_at < MK_TOOL_SAME_SIGNAL_INTERVAL)
    run_note_command_signal (self);
  else if (since_last >= MK_TOOL_SAME_SIGNAL_INTERVAL)
    run_end_by_signal (self, number);
}

static Run *
run_new (MkToolOptions *options)
{
  Run *self = g_new0 (Run, 1);

  self->options = options;
  self->display = mk_tool_display_new (options->quiet);
  self->loop = g_main_loop_new (NULL, FALSE);
  self->starts = g_cancellable_new ();
  self->services = g_ptr_array_new_with_free_func ((GDestroyNotify) service_free);
  self->group = mk_executor_group_new ();
  g_signal_connect (self->group, "failed", G_CALLBACK (run_on_failed), self);

  return self;
}

/* That of a setting gets the name of its option. */
static gboolean
run_fail (const GError *setting_error, GError **error)
{
  g_autofree char *message = mk_tool_options_rename_key (setting_error->message);

  return mk_tool_options_fail (error, "%s", message);
}

/* What holds for all services, unless they say otherwise, and what --set says. */
static gboolean
run_prepare_group (Run *self, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) defaults = NULL;

  for (guint i = 0; i < self->options->defaults->len; i++)
    g_strv_builder_add (builder, g_ptr_array_index (self->options->defaults, i));
  defaults = g_strv_builder_end (builder);
  if (!mk_executor_group_set_defaults (self->group, (const char *const *) defaults, error))
    return FALSE;

  for (guint i = 0; i < self->options->overrides->len; i++)
    {
      g_auto (GStrv) words = g_strsplit (g_ptr_array_index (self->options->overrides, i), ".", 2);

      if (!mk_executor_group_add_override (self->group, words[0], words[1], error))
        return FALSE;
    }

  return TRUE;
}

/* Returns: (transfer full): what the service is called if its options do not say it */
static char *
run_choose_name (const MkToolServiceOptions *options)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autofree char *program = NULL;

  if (options->name != NULL)
    return g_strdup (options->name);

  if (options->kind == MK_TOOL_SOURCE_COMMAND)
    executor = mk_simple_executor_new_for_command_line (options->source, NULL);
  if (executor != NULL)
    program = g_path_get_basename (mk_simple_executor_get_command (executor)[0]);
  else if (options->kind == MK_TOOL_SOURCE_TEMPLATE)
    {
      program = g_path_get_basename (options->source);
      if (g_str_has_suffix (program, ".ini"))
        program[strlen (program) - strlen (".ini")] = '\0';
    }
  return program != NULL ? g_utf8_make_valid (program, -1) : g_strdup ("service");
}

/* In placeholders such as {redis.port} a name is a letter, then letters, digits, - and _. */
static char *
run_make_group_name (Run *self, const char *name)
{
  g_autofree char *plain = g_strdup (name);
  char *unique;

  for (char *c = plain; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && *c != '_')
      *c = '-';

  unique = g_strdup_printf ("%s%s", g_ascii_isalpha (*plain) ? "" : "service-", plain);
  for (guint i = 2; mk_executor_group_lookup (self->group, unique) != NULL; i++)
    {
      g_free (unique);
      unique = g_strdup_printf ("%s-%u", plain, i);
    }
  return unique;
}

/* @names: (inout): those that are shown; gets one more that is in no use */
static const char *
run_make_shown_name (GHashTable *names, const char *base)
{
  char *name = g_strdup (base);

  for (guint i = 2; g_hash_table_contains (names, name); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s-%u", base, i);
    }
  g_hash_table_add (names, name);
  return name;
}

static gboolean
run_add_service (Run *self, const MkToolServiceOptions *options, GHashTable *names, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *name = run_choose_name (options);
  g_autofree char *group_name = run_make_group_name (self, name);
  g_auto (GStrv) settings = NULL;
  MkSimpleExecutor *executor;

  for (guint i = 0; i < options->settings->len; i++)
    g_strv_builder_add (builder, g_ptr_array_index (options->settings, i));
  settings = g_strv_builder_end (builder);
  executor = mk_executor_group_add_service (self->group, group_name, (const char *const *) settings, error);
  if (executor == NULL)
    return FALSE;

  g_ptr_array_add (self->services, service_new (self, options, executor, run_make_shown_name (names, name)));
  return TRUE;
}

static gboolean
run_add_file (Run *self, const MkToolServiceOptions *options, GHashTable *names, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_commandline_arg (options->source);
  guint n_before = g_list_model_get_n_items (G_LIST_MODEL (self->group));

  if (!mk_executor_group_add_from_file (self->group, file, error))
    {
      if ((*error)->domain == G_IO_ERROR)
        g_prefix_error (error, "%s: ", FILE_OPTION);
      return FALSE;
    }

  for (guint i = n_before; i < g_list_model_get_n_items (G_LIST_MODEL (self->group)); i++)
    {
      g_autoptr (MkSimpleExecutor) executor = g_list_model_get_item (G_LIST_MODEL (self->group), i);
      const char *name = mk_executor_group_get_name (self->group, executor);

      g_ptr_array_add (self->services, service_new (self, NULL, executor, run_make_shown_name (names, name)));
    }
  return TRUE;
}

/* The services of --requires and --set may stand anywhere on the command line. */
static gboolean
run_add_requirements (Run *self, GError **error)
{
  for (guint i = 0; i < self->options->overrides->len; i++)
    {
      const char *override = g_ptr_array_index (self->options->overrides, i);
      g_autofree char *name = g_strndup (override, strcspn (override, "."));

      if (mk_executor_group_lookup (self->group, name) == NULL)
        return mk_tool_options_fail (error, _ ("--set %s: there is no service '%s'"), override, name);
    }

  for (guint i = 0; i < self->services->len; i++)
    {
      Service *service = g_ptr_array_index (self->services, i);
      const char *name = mk_executor_group_get_name (self->group, service->executor);
      GPtrArray *requires = service->options != NULL ? service->options->requires : NULL;

      for (guint j = 0; requires != NULL && j < requires->len; j++)
        if (!mk_executor_group_add_dependency (self->group, name, g_ptr_array_index (requires, j), error))
          {
            g_prefix_error (error, "%s: ", REQUIRES_OPTION);
            return FALSE;
          }
    }

  return TRUE;
}

static gboolean
run_make_directory (const char *option, const char *path, GError **error)
{
  int number;

  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;

  number = errno;
  return mk_tool_options_fail (
      error, _ ("%s: cannot make the directory '%s': %s"), option, path, g_strerror (number));
}

/* @path: (nullable): a file that is written at the end, when it is too late for an error */
static gboolean
run_make_parent (const char *option, const char *path, GError **error)
{
  g_autofree char *parent = path != NULL ? g_path_get_dirname (path) : NULL;

  return parent == NULL || run_make_directory (option, parent, error);
}

static gboolean
run_make_directories (const MkToolOptions *options, GError **error)
{
  return (options->log_dir == NULL || run_make_directory ("--log-dir", options->log_dir, error)) &&
         run_make_parent ("--report", options->report, error) &&
         run_make_parent ("--timeline", options->timeline, error);
}

/* All the others live in it. */
static gboolean
run_add_home (Run *self, GError **error)
{
  self->home = mk_executor_group_add_template (self->group, HOME_NAME, "home", error);
  return self->home != NULL;
}

static gboolean
run_add_homes (Run *self, GError **error)
{
  for (guint i = 0; self->home != NULL && i < self->services->len; i++)
    {
      MkSimpleExecutor *executor = ((Service *) g_ptr_array_index (self->services, i))->executor;

      if (!mk_executor_group_add_dependency (
              self->group, mk_executor_group_get_name (self->group, executor), HOME_NAME, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
run_add_services (Run *self, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GError) local_error = NULL;
  gboolean is_added;

  is_added = run_prepare_group (self, &local_error) &&
             (!self->options->isolate || run_add_home (self, &local_error));
  for (guint i = 0; is_added && i < self->options->services->len; i++)
    {
      const MkToolServiceOptions *options = g_ptr_array_index (self->options->services, i);

      is_added = options->kind == MK_TOOL_SOURCE_FILE ? run_add_file (self, options, names, &local_error)
                                                      : run_add_service (self, options, names, &local_error);
    }
  if (!is_added || !run_add_requirements (self, &local_error) || !run_add_homes (self, &local_error))
    return run_fail (local_error, error);

  if (!run_make_directories (self->options, error))
    return FALSE;
  for (guint i = 0; self->options->log_dir != NULL && i < self->services->len; i++)
    service_write_log (g_ptr_array_index (self->services, i));
  return TRUE;
}

static double
run_count_seconds (Run *self, gint64 when)
{
  return when != 0 ? (double) (when - self->begun_at) / G_USEC_PER_SEC : -1;
}

static void
run_write_reports (Run *self)
{
  gint64 now = g_get_monotonic_time ();
  const MkToolRunTimes times = {
    .begun = g_get_real_time () - (now - self->begun_at),
    .command = self->options->command,
    .command_started = run_count_seconds (self, self->command_started_at),
    .command_ended = run_count_seconds (self, self->command_ended_at),
    .ended = run_count_seconds (self, now),
    .status = self->status,
  };
  const char *report = self->options->report;
  const char *timeline = self->options->timeline;
  g_autoptr (GError) error = NULL;

  if ((report != NULL && !mk_tool_report_write (report, self->group, &times, &error)) ||
      (timeline != NULL && !mk_tool_report_draw (timeline, self->group, &times, &error)))
    {
      mk_tool_display_error (self->display, NULL, error->message);
      self->status = self->status == 0 ? MK_TOOL_STATUS_FAILED : self->status;
    }
}

static int
run_to_the_end (Run *self)
{
  self->is_starting = TRUE;
  self->begun_at = g_get_monotonic_time ();
  if (mk_tool_display_is_live (self->display))
    self->tick = g_timeout_add (TICK_MS, run_on_tick, self);
  mk_executor_group_start_async (self->group, self->starts, run_on_started, self);
  g_main_loop_run (self->loop);

  /* What the services printed last. */
  while (g_main_context_iteration (NULL, FALSE))
    ;

  for (guint i = 0; i < self->services->len; i++)
    service_tell_incomplete (g_ptr_array_index (self->services, i));
  run_write_reports (self);
  return self->status;
}

int
mk_tool_run_main (char **argv)
{
  g_autoptr (GError) error = NULL;
  MkToolOptions *options = mk_tool_options_new_for_run (argv, &error);
  g_autoptr (Run) self = NULL;
  int fatal_signal;
  int status;

  if (options == NULL)
    return mk_tool_report_misuse (error->message);

  self = run_new (options);
  if (options->version)
    return mk_tool_print_version ();

  if (!run_add_services (self, &error))
    return mk_tool_report_misuse (error->message);

  mk_tool_signals_watch (run_on_signal, self);
  status = run_to_the_end (self);
  fatal_signal = self->fatal_signal;
  g_clear_pointer (&self, run_free);

  return fatal_signal != 0 ? mk_tool_signals_die (fatal_signal) : status;
}
