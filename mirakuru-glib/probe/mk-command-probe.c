/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-command-probe.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mk-command-attempt-private.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"
#include "process/mk-worker-private.h"

#define DEFAULT_TIMEOUT_MS 10000
#define OUTPUT_LIMIT       (64 * 1024)
#define NAME_LENGTH        80
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
      g_prefix_error (error, _ ("The command of a probe: "));
      return NULL;
    }

  return g_steal_pointer (&launch);
}

static void
mk_command_probe_check_task (MkProbe *probe, GTask *task)
{
  MkCommandProbe *self = MK_COMMAND_PROBE (probe);
  g_autoptr (MkLaunch) launch = NULL;
  GError *error = NULL;

  launch = make_launch (self, &error);
  if (launch != NULL && mk_worker_ensure (&error))
    {
      mk_command_attempt_run (g_steal_pointer (&launch), self->timeout_ms, task);
      return;
    }

  if (launch != NULL)
    g_prefix_error (&error, _ ("Cannot run “%s”: "), launch->argv[0]);
  g_task_return_error (task, error);
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

  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”; a command */
  return g_strdup_printf (_ ("“%s” succeeded"), line);
}

static char *
mk_command_probe_describe_holder (MkProbe *probe)
{
  g_autofree char *line = dup_command_line (MK_COMMAND_PROBE (probe));

  return g_strdup_printf (
      _ ("“%s” succeeds before anything was started: stop what it has found, or let it ask for something else"),
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
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mk_command_probe_finalize;
  object_class->get_property = mk_command_probe_get_property;
  object_class->set_property = mk_command_probe_set_property;

  probe_class->check_task = mk_command_probe_check_task;
  probe_class->describe = mk_command_probe_describe;
  class_private->describe_holder = mk_command_probe_describe_holder;

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
  mk_probe_set_grace (MK_PROBE (self), MK_COMMAND_GRACE_MS);
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
