/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a command for each attempt, with a supervisor of its own as a service has one: so the end of an
 * attempt is the end of all that the command started.
 *
 *   idle ──> running ──> exited ──> gone ──> idle
 *               └──> killed ─────────┘
 *
 * An attempt that takes too long, or is not wanted any more, is cancelled: its command is killed, and may say
 * until the end of the grace how it ended. If it is not gone by then the worker goes on without the attempt.
 *
 * All of it happens in the context of the operation; the worker wakes it when there are news of the command.
 */

#include "mk-command-probe.h"

#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-waker-private.h"
#include "mk-probe-private.h"
#include "process/mk-process-private.h"
#include "process/mk-worker-private.h"

#define DEFAULT_TIMEOUT_MS 10000
#define GRACE_MS           50
#define OUTPUT_LIMIT       (64 * 1024)
/* How much of its last output is told. */
#define TOLD_LINES 3
#define TOLD_BYTES 400

/**
 * MkCommandProbe:
 *
 * A probe that runs a command, such as `pg_isready` or `redis-cli ping`.
 *
 * It is satisfied if the exit status of the command is 0. See [Choosing an
 * executor](choosing.html#a-command) for an example.
 *
 * Each attempt runs the command once, without input, and then ends all processes that the command has
 * started. A command that takes too long is killed, and the probe is not satisfied. If a wait times out, the
 * error contains the last output of the command. If the command cannot be run, a wait ends with
 * %MK_ERROR_SPAWN_FAILED.
 *
 * Since: 1.0
 */

struct _MkCommandProbe
{
  MkProbe parent_instance;

  char **command;     /* (owned) (nullable) */
  char **launcher;    /* (owned) (nullable) */
  char **environment; /* (owned) (nullable) */
  guint timeout_ms;
};

enum
{
  PROP_COMMAND = 1,
  PROP_ENVIRONMENT,
  PROP_LAUNCHER,
  PROP_TIMEOUT,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkCommandProbe, mk_command_probe, MK_TYPE_PROBE)

/* ---- what a wait keeps: the command that runs ---- */

typedef struct
{
  GTask *task;        /* (owned) (nullable) the attempt; NULL while no command runs, and so the next ones */
  MkProcess *process; /* (owned) (nullable) */
  MkWaker *news;      /* (owned) (nullable) woken by the process */
  gulong cancel_handler;
  gint64 begun;
  gboolean ordered; /* the order to end was given */
} CommandRun;

static gpointer
mk_command_probe_begin (MkProbe *probe)
{
  return g_new0 (CommandRun, 1);
}

/* Returns: (transfer full) (nullable): the attempt that was running */
static GTask *
command_run_reset (CommandRun *self)
{
  if (self->task == NULL)
    return NULL;

  mk_process_remove_listener (self->process, self->news);
  mk_waker_clear (&self->news);
  g_cancellable_disconnect (g_task_get_cancellable (self->task), self->cancel_handler);
  g_clear_pointer (&self->process, mk_process_unref);
  return g_steal_pointer (&self->task);
}

static void
mk_command_probe_end (MkProbe *probe, gpointer state)
{
  g_autoptr (GTask) forgotten G_GNUC_UNUSED = command_run_reset (state);

  g_free (state);
}

/* Remembers why it is not there: "pg_isready exited with status 2: no response". */
static void
command_run_explain (CommandRun *self, const char *what)
{
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (self->process));
  g_autofree char *output = mk_capture_dup_last_lines (
      mk_process_get_capture (self->process, MK_STREAM_STDOUT), TOLD_LINES, TOLD_BYTES);
  g_auto (GStrv) lines = g_strsplit (output ? output : "", "\n", -1);
  g_autofree char *line = g_strjoinv (" / ", lines);
  /* Translators: a command, “exited with status 1” and similar */
  g_autofree char *sentence = g_strdup_printf (_ ("%s %s"), name, what);
  g_autofree char *detail =
      /* Translators: what happened to a command, what it printed */
      *line ? g_strdup_printf (C_ ("output", "%s: %s"), sentence, line) : g_strdup (sentence);

  mk_probe_set_detail (g_task_get_source_object (self->task), detail);
}

static void
command_run_explain_killed (CommandRun *self)
{
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - self->begun);
  /* Translators: the name of a command stands before this; a duration */
  g_autofree char *what = g_strdup_printf (_ ("was killed: it had not ended after %s"), duration);

  command_run_explain (self, what);
}

/* Where a launcher leads to may come to be there only with the service, as a container does. */
static gboolean
command_run_is_cut_off (CommandRun *self, const GError *failure)
{
  return failure != NULL && g_error_matches (failure, MK_ERROR, MK_ERROR_LAUNCHER) &&
         mk_process_get_launch (self->process)->spawn_errno == 0;
}

/* Nothing of the command is left, or nothing can be done about it. */
static void
command_run_finish (CommandRun *self, const MkProcessNews *news)
{
  GError *failure = mk_process_dup_failure (self->process);
  gboolean is_cut_off = command_run_is_cut_off (self, failure);
  gboolean there = failure == NULL && news->exited && !news->lost && news->status == 0;
  g_autofree char *status = mk_message_status (news->status);
  g_autoptr (GTask) task = NULL;

  /* One that ended well at the last moment was not killed. */
  if (is_cut_off)
    mk_probe_set_detail (g_task_get_source_object (self->task), failure->message);
  else if (there || failure != NULL)
    mk_probe_set_detail (g_task_get_source_object (self->task), NULL);
  else if (news->stuck != 0)
    /* Translators: the name of a command stands before this */
    command_run_explain (self, _ ("does not end, although it was killed"));
  else if (news->lost)
    /* Translators: the name of a command stands before this */
    command_run_explain (self, _ ("was killed together with its supervisor"));
  else if (g_cancellable_is_cancelled (g_task_get_cancellable (self->task)))
    command_run_explain_killed (self);
  else
    command_run_explain (self, status);

  task = command_run_reset (self);
  if (is_cut_off)
    g_clear_error (&failure);
  if (failure != NULL)
    g_task_return_error (task, failure);
  else
    g_task_return_boolean (task, there);
}

static void
command_run_kill (CommandRun *self)
{
  if (!self->ordered)
    mk_process_kill (self->process, SIGKILL);
  self->ordered = TRUE;
}

static gboolean
command_run_on_news (gpointer user_data)
{
  CommandRun *self = user_data;
  MkProcessNews news = mk_process_get_news (self->process);

  if (news.gone || news.stuck != 0)
    command_run_finish (self, &news);
  else if (news.exited)
    command_run_kill (self); /* what it has left */

  return G_SOURCE_CONTINUE;
}

/* In the context of the attempt, where it is cancelled. It may be forgotten before the command is gone. */
static void
command_run_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  CommandRun *self = user_data;

  command_run_explain_killed (self);
  command_run_kill (self);
}

/* The process reports by its news alone. */
static void
command_run_ignore_output (gpointer data)
{
}

/* @launch: (transfer full): captures the standard output */
static void
command_run_start (CommandRun *self, MkLaunch *launch, GTask *task)
{
  g_autoptr (GTask) forgotten G_GNUC_UNUSED = command_run_reset (self);

  self->task = g_object_ref (task);
  self->process = mk_process_new (launch, command_run_ignore_output, NULL, command_run_ignore_output);
  self->begun = g_get_monotonic_time ();
  self->ordered = FALSE;
  self->news =
      mk_waker_attach (g_task_get_context (task), "MkCommandProbe news", command_run_on_news, self, NULL);
  self->cancel_handler = g_cancellable_connect (
      g_task_get_cancellable (task), G_CALLBACK (command_run_on_cancelled), self, NULL);
  mk_process_add_listener (self->process, self->news);
  mk_process_spawn (self->process);
}

/* ---- one attempt ---- */

static MkLaunch *
command_probe_make_launch (MkCommandProbe *self, GError **error)
{
  g_autoptr (MkLaunch) launch = g_new0 (MkLaunch, 1);
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *marker = g_strdup_printf ("%d:%s", (int) getpid (), uuid);

  launch->stop_signal = SIGKILL;
  launch->kill_signal = SIGKILL;
  launch->stdin_mode = MK_STDIO_MODE_NULL;
  launch->stdout_mode = MK_STDIO_MODE_CAPTURE;
  launch->stderr_mode = MK_STDIO_MODE_MERGE;
  launch->output_limit = OUTPUT_LIMIT;

  if (!mk_launch_set_argv (launch, g_strdupv (self->command), error) ||
      !mk_launch_set_launcher (launch, g_strdupv (self->launcher), NULL, error) ||
      !mk_launch_set_environment (launch, (const char *const *) self->environment, marker, error))
    {
      g_prefix_error (error, _ ("The command of a probe: "));
      return NULL;
    }

  return g_steal_pointer (&launch);
}

static void
mk_command_probe_check_task_with (MkProbe *probe, gpointer state, GTask *task)
{
  GError *error = NULL;
  g_autoptr (MkLaunch) launch = command_probe_make_launch (MK_COMMAND_PROBE (probe), &error);
  g_autofree char *program = NULL;

  if (launch != NULL && mk_worker_ensure (&error))
    {
      command_run_start (state, g_steal_pointer (&launch), task);
      return;
    }

  program = launch ? mk_message_filename (launch->argv[0]) : NULL;
  if (program != NULL)
    g_prefix_error (&error, _ ("Cannot run “%s”: "), program);
  g_task_return_error (task, error);
}

/* ---- words ---- */

static char *
mk_command_probe_describe (MkProbe *probe)
{
  g_autofree char *line = mk_message_command ((const char *const *) MK_COMMAND_PROBE (probe)->command);

  /* Translators: a clause that stands after “waiting for”; a command */
  return g_strdup_printf (_ ("“%s” to succeed"), line);
}

static char *
mk_command_probe_describe_holder (MkProbe *probe)
{
  g_autofree char *line = mk_message_command ((const char *const *) MK_COMMAND_PROBE (probe)->command);

  return g_strdup_printf (
      _ ("“%s” succeeded before the service was started. Stop what it finds, or use another command"), line);
}

/* ---- the object ---- */

static void
mk_command_probe_finalize (GObject *object)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (object);

  g_strfreev (self->command);
  g_strfreev (self->environment);
  g_strfreev (self->launcher);

  G_OBJECT_CLASS (mk_command_probe_parent_class)->finalize (object);
}

static void
mk_command_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      g_value_set_boxed (value, mk_command_probe_get_command (self));
      break;

    case PROP_ENVIRONMENT:
      g_value_set_boxed (value, mk_command_probe_get_environment (self));
      break;

    case PROP_LAUNCHER:
      g_value_set_boxed (value, mk_command_probe_get_launcher (self));
      break;

    case PROP_TIMEOUT:
      g_value_set_uint (value, mk_command_probe_get_timeout (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_command_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      mk_command_probe_set_command (self, g_value_get_boxed (value));
      break;

    case PROP_ENVIRONMENT:
      mk_command_probe_set_environment (self, g_value_get_boxed (value));
      break;

    case PROP_LAUNCHER:
      mk_command_probe_set_launcher (self, g_value_get_boxed (value));
      break;

    case PROP_TIMEOUT:
      mk_command_probe_set_timeout (self, g_value_get_uint (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_command_probe_class_init (MkCommandProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mk_command_probe_finalize;
  object_class->get_property = mk_command_probe_get_property;
  object_class->set_property = mk_command_probe_set_property;

  probe_class->describe = mk_command_probe_describe;
  class_private->begin = mk_command_probe_begin;
  class_private->end = mk_command_probe_end;
  class_private->dup_expanded = mk_probe_dup_with_expanded_properties;
  class_private->check_task_with = mk_command_probe_check_task_with;
  class_private->describe_holder = mk_command_probe_describe_holder;

  /**
   * MkCommandProbe:command:
   *
   * The command: the program and its arguments. Without a command, each check fails with
   * %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_COMMAND] = g_param_spec_boxed ("command", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkCommandProbe:environment:
   *
   * Changes to the environment that the command inherits from the program: `NAME=value` sets a variable,
   * `NAME` unsets one. With an invalid name, each check fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_ENVIRONMENT] = g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkCommandProbe:launcher:
   *
   * A command that runs the command of the probe somewhere else, see [property@Mk.SimpleExecutor:launcher].
   * Use it for tools that are installed only where the service runs. Each attempt makes a new connection. If
   * the connection fails, the probe is not satisfied. If the launcher itself cannot be run, the check fails
   * with %MK_ERROR_LAUNCHER. %NULL runs the command on this machine.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_LAUNCHER] = g_param_spec_boxed ("launcher", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkCommandProbe:timeout:
   *
   * How long one attempt may take, in milliseconds, 0 for no limit. After that time, the command is killed.
   * If [property@Mk.Probe:attempt-timeout] is set, it is used instead.
   *
   * Default: 10000 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_TIMEOUT] = g_param_spec_uint ("timeout", NULL, NULL, 0, G_MAXUINT, DEFAULT_TIMEOUT_MS, flags);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_command_probe_init (MkCommandProbe *self)
{
  self->timeout_ms = DEFAULT_TIMEOUT_MS;
  mk_probe_set_attempt_limit (MK_PROBE (self), DEFAULT_TIMEOUT_MS);
  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
}

/**
 * mk_command_probe_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 *
 * Creates a probe that runs a command.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkCommandProbe *
mk_command_probe_new (const char *const *argv)
{
  return g_object_new (MK_TYPE_COMMAND_PROBE, "command", argv, NULL);
}

/**
 * mk_command_probe_get_command: (get-property command)
 * @self: the probe
 *
 * Gets [property@Mk.CommandProbe:command].
 *
 * Returns: (transfer none) (array zero-terminated=1) (element-type filename) (nullable): the command
 *
 * Since: 1.0
 */
const char *const *
mk_command_probe_get_command (MkCommandProbe *self)
{
  g_return_val_if_fail (MK_IS_COMMAND_PROBE (self), NULL);

  return (const char *const *) self->command;
}

static gboolean
command_probe_set_strv (char ***field, const char *const *strv)
{
  char **copy;

  if (*field == (char **) strv ||
      (*field != NULL && strv != NULL && g_strv_equal ((const char *const *) *field, strv)))
    return FALSE;

  copy = g_strdupv ((char **) strv);
  g_strfreev (*field);
  *field = copy;
  return TRUE;
}

/**
 * mk_command_probe_set_command: (set-property command)
 * @self: the probe
 * @argv: (array zero-terminated=1) (element-type filename) (nullable): the command: the program and its
 *   arguments
 *
 * Sets [property@Mk.CommandProbe:command]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_command (MkCommandProbe *self, const char *const *argv)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (command_probe_set_strv (&self->command, argv))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_COMMAND]);
}

/**
 * mk_command_probe_get_environment: (get-property environment)
 * @self: the probe
 *
 * Gets [property@Mk.CommandProbe:environment].
 *
 * Returns: (transfer none) (array zero-terminated=1) (element-type filename) (nullable): `NAME=value` for
 *   variables that are set, `NAME` for those that are unset
 *
 * Since: 1.0
 */
const char *const *
mk_command_probe_get_environment (MkCommandProbe *self)
{
  g_return_val_if_fail (MK_IS_COMMAND_PROBE (self), NULL);

  return (const char *const *) self->environment;
}

/**
 * mk_command_probe_set_environment: (set-property environment)
 * @self: the probe
 * @environment: (array zero-terminated=1) (element-type filename) (nullable): `NAME=value` to set a
 *   variable, `NAME` to unset one
 *
 * Sets [property@Mk.CommandProbe:environment]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_environment (MkCommandProbe *self, const char *const *environment)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (command_probe_set_strv (&self->environment, environment))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ENVIRONMENT]);
}

/**
 * mk_command_probe_get_launcher: (get-property launcher)
 * @self: the probe
 *
 * Gets [property@Mk.CommandProbe:launcher].
 *
 * Returns: (transfer none) (array zero-terminated=1) (element-type filename) (nullable): a command and its
 *   arguments
 *
 * Since: 1.0
 */
const char *const *
mk_command_probe_get_launcher (MkCommandProbe *self)
{
  g_return_val_if_fail (MK_IS_COMMAND_PROBE (self), NULL);

  return (const char *const *) self->launcher;
}

/**
 * mk_command_probe_set_launcher: (set-property launcher)
 * @self: the probe
 * @launcher: (array zero-terminated=1) (element-type filename) (nullable): a command and its arguments
 *
 * Sets [property@Mk.CommandProbe:launcher]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_launcher (MkCommandProbe *self, const char *const *launcher)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (command_probe_set_strv (&self->launcher, launcher))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LAUNCHER]);
}

/**
 * mk_command_probe_get_timeout: (get-property timeout)
 * @self: the probe
 *
 * Gets [property@Mk.CommandProbe:timeout].
 *
 * Returns: milliseconds, 0 for no limit
 *
 * Since: 1.0
 */
guint
mk_command_probe_get_timeout (MkCommandProbe *self)
{
  g_return_val_if_fail (MK_IS_COMMAND_PROBE (self), 0);

  return self->timeout_ms;
}

/**
 * mk_command_probe_set_timeout: (set-property timeout)
 * @self: the probe
 * @timeout_ms: milliseconds, 0 for no limit
 *
 * Sets [property@Mk.CommandProbe:timeout]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_timeout (MkCommandProbe *self, guint timeout_ms)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (self->timeout_ms == timeout_ms)
    return;

  self->timeout_ms = timeout_ms;
  mk_probe_set_attempt_limit (MK_PROBE (self), timeout_ms);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT]);
}
