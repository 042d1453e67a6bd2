/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by running a command, with a supervisor of its own as a service has one: so the end of an attempt is
 * the end of all that the command started.
 *
 *   running ──> exited ──> gone ──> answered
 *      └──> killed, for the time was up ──┘
 *
 * An attempt that is cancelled kills its command, too, and waits for its end; but not for longer than the
 * library waits for an attempt. What is left then is ended by the worker.
 *
 * All of it happens on the context of the task; the process wakes the source `news` from the worker.
 */

#include "mk-command-probe.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "mk-message.h"
#include "mk-probe-private.h"
#include "mk-process.h"
#include "mk-resources.h"
#include "mk-wake-source.h"
#include "mk-worker.h"

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_INTERVAL_MS    250
/* How long a command that was killed is waited for: less than what the library grants. */
#define GRACE_MS         50
#define GIVE_UP_AFTER_US (40 * G_TIME_SPAN_MILLISECOND)
#define OUTPUT_LIMIT     (64 * 1024)
#define TOLD_LINES       3
#define TOLD_BYTES       400
#define NAME_LENGTH      80
/* An attempt needs at most this many for a moment. */
#define NEEDED_DESCRIPTORS 16
/* To a shell */
#define SPECIAL " \t\n'\"\\$`*?;&|<>()[]{}#~!"

/**
 * MkCommandProbe:
 *
 * A probe that runs a command, such as `pg_isready` or `redis-cli ping`: exit status 0 says that what is
 * waited for is there, any other that it is not there yet.
 *
 * Each attempt runs the command once, with no input, and ends everything it has started. An attempt that
 * takes too long is killed, and says "not yet". What the command printed last is told when the time is
 * up. That the command cannot be run at all ends a wait with %MK_ERROR_SPAWN_FAILED.
 *
 * Since: 1.0
 */

struct _MkCommandProbe
{
  MkProbe parent_instance;

  char **command;     /* (owned) (nullable) */
  char **environment; /* (owned) (nullable) */
  guint timeout_ms;
};

enum
{
  PROP_COMMAND = 1,
  PROP_ENVIRONMENT,
  PROP_TIMEOUT,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkCommandProbe, mk_command_probe, MK_TYPE_PROBE)

/* ---- one attempt ---- */

typedef struct
{
  MkProcess *process;     /* (owned) */
  GSource *news;          /* (owned) (nullable) woken by the process */
  GSource *timer;         /* (owned) (nullable) */
  GSource *cancel_source; /* (owned) (nullable) */
  gint64 begun;
  gboolean ordered;   /* the order to end was given */
  gboolean too_slow;  /* the time was up */
  gboolean cancelled; /* nobody wants to know any more */
} Attempt;

static void
attempt_free (Attempt *attempt)
{
  mk_process_unref (attempt->process);
  g_free (attempt);
}

/* @error: (transfer full) (nullable) */
static void
return_answer (GTask *task, gboolean there, GError *error)
{
  Attempt *attempt = g_task_get_task_data (task);

  mk_process_remove_listener (attempt->process, attempt->news);
  mk_wake_source_clear (&attempt->news);
  mk_wake_source_clear (&attempt->timer);
  mk_wake_source_clear (&attempt->cancel_source);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

/* Says why it is not there: "pg_isready exited with status 2: no response". */
static void
note_failure (GTask *task, const char *what)
{
  Attempt *attempt = g_task_get_task_data (task);
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (attempt->process));
  g_autofree char *output = mk_capture_dup_last_lines (
      mk_process_get_capture (attempt->process, MK_STREAM_STDOUT), TOLD_LINES, TOLD_BYTES);
  g_auto (GStrv) lines = g_strsplit (output ? output : "", "\n", -1);
  g_autofree char *line = g_strjoinv (" / ", lines);
  g_autofree char *detail = g_strdup_printf ("%s %s%s%s", name, what, *line ? ": " : "", line);

  mk_probe_set_detail (g_task_get_source_object (task), detail);
}

static void
note_killed (GTask *task)
{
  Attempt *attempt = g_task_get_task_data (task);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - attempt->begun);
  g_autofree char *what = g_strdup_printf ("had not ended after %s, and was killed", duration);

  note_failure (task, what);
}

/* Nothing of the command is left. */
static void
conclude (GTask *task, const MkProcessNews *news)
{
  Attempt *attempt = g_task_get_task_data (task);
  GError *failure = mk_process_dup_failure (attempt->process);
  g_autofree char *status = NULL;
  gboolean there;

  if (failure != NULL)
    {
      return_answer (task, FALSE, failure);
      return;
    }

  /* One that ended well at the last moment was not killed. */
  there = news->exited && !news->lost && news->status == 0;
  status = mk_message_status (news->status);
  if (there)
    mk_probe_set_detail (g_task_get_source_object (task), NULL);
  else if (news->lost)
    note_failure (task, "was killed together with its supervisor");
  else if (attempt->too_slow || attempt->cancelled)
    note_killed (task);
  else
    note_failure (task, status);

  return_answer (task, there, NULL);
}

static void
order_end (Attempt *attempt)
{
  if (!attempt->ordered)
    mk_process_kill (attempt->process, SIGKILL);
  attempt->ordered = TRUE;
}

static gboolean
on_news (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Attempt *attempt = g_task_get_task_data (task);
  MkProcessNews news = mk_process_get_news (attempt->process);

  if (news.gone)
    conclude (task, &news);
  else if (news.exited)
    order_end (attempt); /* what it has left */

  return G_SOURCE_CONTINUE;
}

static gboolean
on_timer (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Attempt *attempt = g_task_get_task_data (task);

  if (attempt->cancelled)
    {
      note_killed (task);
      return_answer (task, FALSE, NULL);
    }
  else if (!mk_process_get_news (attempt->process).exited)
    {
      attempt->too_slow = TRUE;
      order_end (attempt);
    }

  return G_SOURCE_CONTINUE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Attempt *attempt = g_task_get_task_data (user_data);

  attempt->cancelled = TRUE;
  order_end (attempt);
  mk_wake_source_wake_at (attempt->timer, g_get_monotonic_time () + GIVE_UP_AFTER_US);
  return G_SOURCE_REMOVE;
}

static void
add_sources (GTask *task, guint timeout_ms)
{
  Attempt *attempt = g_task_get_task_data (task);
  GMainContext *context = g_task_get_context (task);

  attempt->news =
      mk_wake_source_attach (context, "MkCommandProbe news", on_news, g_object_ref (task), g_object_unref);
  attempt->timer =
      mk_wake_source_attach (context, "MkCommandProbe timer", on_timer, g_object_ref (task), g_object_unref);
  mk_wake_source_wake_at (attempt->timer, mk_deadline_after (timeout_ms));

  attempt->cancel_source = g_cancellable_source_new (g_task_get_cancellable (task));
  g_source_set_callback (
      attempt->cancel_source, G_SOURCE_FUNC (on_cancelled), g_object_ref (task), g_object_unref);
  g_source_attach (attempt->cancel_source, context);
}

static MkLaunch *
make_launch (MkCommandProbe *self, GError **error)
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
      !mk_launch_set_environment (launch, (const char *const *) self->environment, marker, error))
    {
      g_prefix_error (error, "The command of a probe: ");
      return NULL;
    }

  return g_steal_pointer (&launch);
}

static void
ignore (gpointer data)
{
}

static void
mk_command_probe_check_task (MkProbe *probe, GTask *task)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (probe);
  g_autoptr (MkLaunch) launch = NULL;
  GError *error = NULL;
  Attempt *attempt;

  launch = make_launch (self, &error);
  if (launch == NULL || !mk_worker_ensure (&error) ||
      !mk_resources_check_descriptors (NEEDED_DESCRIPTORS, &error))
    {
      if (launch != NULL)
        g_prefix_error (&error, "Cannot run “%s”: ", launch->argv[0]);
      g_task_return_error (task, error);
      return;
    }

  attempt = g_new0 (Attempt, 1);
  attempt->process = mk_process_new (g_steal_pointer (&launch), ignore, NULL, ignore);
  attempt->begun = g_get_monotonic_time ();
  g_task_set_task_data (task, attempt, (GDestroyNotify) attempt_free);

  add_sources (task, self->timeout_ms);
  mk_process_add_listener (attempt->process, attempt->news);
  mk_process_spawn (attempt->process);
}

/* ---- words ---- */

/* The command as one would type it, shortened. */
static char *
dup_command_line (MkCommandProbe *self)
{
  GString *line = g_string_new (NULL);
  g_autofree char *valid = NULL;
  g_autofree char *begin = NULL;

  for (char **word = self->command; word != NULL && *word != NULL; word++)
    {
      g_autofree char *quoted =
          **word == '\0' || strpbrk (*word, SPECIAL) != NULL ? g_shell_quote (*word) : g_strdup (*word);

      g_string_append_printf (line, "%s%s", line->len ? " " : "", quoted);
    }

  valid = g_utf8_make_valid (line->str, (gssize) line->len);
  g_string_free (line, TRUE);
  if (g_utf8_strlen (valid, -1) <= NAME_LENGTH)
    return g_steal_pointer (&valid);

  begin = g_utf8_substring (valid, 0, NAME_LENGTH - 1);
  return g_strconcat (begin, "…", NULL);
}

static char *
mk_command_probe_describe (MkProbe *probe)
{
  g_autofree char *line = dup_command_line (MK_COMMAND_PROBE (probe));

  return g_strdup_printf ("“%s” succeeded", line);
}

static char *
mk_command_probe_describe_holder (MkProbe *probe)
{
  g_autofree char *line = dup_command_line (MK_COMMAND_PROBE (probe));

  return g_strdup_printf (
      "“%s” succeeds before anything was started: stop what it has found, or let it ask for something else",
      line);
}

/* ---- the object ---- */

static void
mk_command_probe_finalize (GObject *object)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (object);

  g_strfreev (self->command);
  g_strfreev (self->environment);

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
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mk_command_probe_finalize;
  object_class->get_property = mk_command_probe_get_property;
  object_class->set_property = mk_command_probe_set_property;

  probe_class->check_task = mk_command_probe_check_task;
  probe_class->describe = mk_command_probe_describe;
  probe_class->describe_holder = mk_command_probe_describe_holder;

  /**
   * MkCommandProbe:command:
   *
   * The command: the program and its arguments. Where there is none, asking fails with
   * %MK_ERROR_INVALID_ARGUMENT.
   *
   * Since: 1.0
   */
  props[PROP_COMMAND] = g_param_spec_boxed ("command", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkCommandProbe:environment:
   *
   * Settings `NAME=value`, laid over the environment of the program. Something else than that is
   * %MK_ERROR_INVALID_ARGUMENT when the probe is asked.
   *
   * Since: 1.0
   */
  props[PROP_ENVIRONMENT] = g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkCommandProbe:timeout:
   *
   * How long one attempt may take, in milliseconds, 0 for no limit. Then the command is killed.
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
  mk_probe_set_limits (MK_PROBE (self), MAX_INTERVAL_MS, 0);
  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
}

/**
 * mk_command_probe_new:
 * @argv: (array zero-terminated=1): the command: the program and its arguments
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
 * Returns: (transfer none) (array zero-terminated=1) (nullable): the command
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
set_strv (char ***field, const char *const *strv)
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
 * @argv: (array zero-terminated=1) (nullable): the command: the program and its arguments
 *
 * Sets [property@Mk.CommandProbe:command]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_command (MkCommandProbe *self, const char *const *argv)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (set_strv (&self->command, argv))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_COMMAND]);
}

/**
 * mk_command_probe_get_environment: (get-property environment)
 * @self: the probe
 *
 * Gets [property@Mk.CommandProbe:environment].
 *
 * Returns: (transfer none) (array zero-terminated=1) (nullable): settings `NAME=value`
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
 * @environment: (array zero-terminated=1) (nullable): settings `NAME=value`
 *
 * Sets [property@Mk.CommandProbe:environment]. It takes effect at the next attempt.
 *
 * Since: 1.0
 */
void
mk_command_probe_set_environment (MkCommandProbe *self, const char *const *environment)
{
  g_return_if_fail (MK_IS_COMMAND_PROBE (self));

  if (set_strv (&self->environment, environment))
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ENVIRONMENT]);
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
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TIMEOUT]);
}
