/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-output-executor-private.h"

#include <string.h>

#include "mk-enum-types.h"
#include "mk-error.h"
#include "mk-executor-private.h"
#include "mk-simple-executor-private.h"
#include "output/mk-output-probe-private.h"

/**
 * MkOutputExecutor:
 *
 * An executor that waits until the service has printed a banner.
 *
 * The banner is a regular expression that matches a line, or another part of the output. See [Choosing an
 * executor](choosing.html#a-line-of-output) for an example.
 *
 * The expression has the syntax of [struct@GLib.Regex]. `^` and `$` match at the beginning and the end of a
 * line, and `.` matches any character except a line end. The output is matched as UTF-8; each invalid byte
 * counts as one unknown character. Control sequences, for example for colors, are part of the output.
 *
 * The banner is found at once, even in the middle of a line. The amount of output before it and
 * [property@Mk.SimpleExecutor:output-limit] make no difference. A match may have up to 16 KiB.
 *
 * Further output can make a match longer: `port \d+` matches "port 63", but "79" may follow. Such a match
 * counts when output follows that is not part of it, when the stream ends, or after a tenth of a second
 * without output. To get the whole number in all cases, let the expression include the line end, as in `port
 * (\d+)$`.
 *
 * [method@Mk.SimpleExecutor.open_output] begins right after the banner if it opens the stream in which the
 * banner was found. [method@Mk.SimpleExecutor.dup_output] returns all output that is kept.
 *
 * The start fails at once with %MK_ERROR_EXITED if the service has exited, even with status 0, and no more
 * output can come. It fails with %MK_ERROR_FAILED if the output matches
 * [property@Mk.OutputExecutor:failure-pattern], if the service closes its output, or if the expression takes
 * more than about a second to match. If a service prints the banner and then exits with status 0, the start
 * succeeds.
 *
 * If [property@Mk.Executor:probe] is set, the start waits for both: the service is ready when it has printed
 * the banner and the probe is satisfied.
 *
 * Since: 1.0
 */

enum
{
  PROP_BANNER = 1,
  PROP_STREAM,
  PROP_OCCURRENCES,
  PROP_FAILURE_PATTERN,
  N_OUTPUT_EXECUTOR_PROPS
};

static GParamSpec *props[N_OUTPUT_EXECUTOR_PROPS];

typedef struct
{
  MkOutputProbe *output_probe; /* (owned) */
} MkOutputExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MkOutputExecutor, mk_output_executor, MK_TYPE_EXECUTOR)

static MkOutputGoal *
output_executor_get_goal (MkOutputExecutor *self)
{
  MkOutputExecutorPrivate *priv = mk_output_executor_get_instance_private (self);

  return mk_output_probe_get_goal (priv->output_probe);
}

/* ---- the object ---- */

static void
mk_output_executor_finalize (GObject *object)
{
  MkOutputExecutorPrivate *priv = mk_output_executor_get_instance_private (MK_OUTPUT_EXECUTOR (object));

  g_clear_object (&priv->output_probe);

  G_OBJECT_CLASS (mk_output_executor_parent_class)->finalize (object);
}

static void
mk_output_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkOutputExecutor *self = MK_OUTPUT_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_BANNER:
      g_value_set_string (value, mk_output_executor_get_banner (self));
      break;

    case PROP_STREAM:
      g_value_set_flags (value, mk_output_executor_get_stream (self));
      break;

    case PROP_OCCURRENCES:
      g_value_set_uint (value, mk_output_executor_get_occurrences (self));
      break;

    case PROP_FAILURE_PATTERN:
      g_value_set_string (value, mk_output_executor_get_failure_pattern (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_output_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkOutputExecutor *self = MK_OUTPUT_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_BANNER:
      mk_output_executor_set_banner (self, g_value_get_string (value));
      break;

    case PROP_STREAM:
      mk_output_executor_set_stream (self, g_value_get_flags (value));
      break;

    case PROP_OCCURRENCES:
      mk_output_executor_set_occurrences (self, g_value_get_uint (value));
      break;

    case PROP_FAILURE_PATTERN:
      mk_output_executor_set_failure_pattern (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static char *
output_executor_dup_said_value (MkSimpleExecutor *executor, const char *key)
{
  /* Only groups that have a name */
  return mk_values_is_name (key) ? mk_output_executor_dup_match (MK_OUTPUT_EXECUTOR (executor), key) : NULL;
}

static void
mk_output_executor_class_init (MkOutputExecutorClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  mk_simple_executor_class_get_private (klass)->dup_said_value = output_executor_dup_said_value;
  object_class->finalize = mk_output_executor_finalize;
  object_class->get_property = mk_output_executor_get_property;
  object_class->set_property = mk_output_executor_set_property;

  /**
   * MkOutputExecutor:banner:
   *
   * The regular expression that the output of the service matches when it is ready. If it is invalid or
   * empty, the start fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_BANNER] = g_param_spec_string ("banner", NULL, NULL, NULL, flags);

  /**
   * MkOutputExecutor:stream:
   *
   * The streams that are searched for the banner: standard output, standard error, or both. They must be
   * captured.
   *
   * Default: %MK_STREAM_FLAGS_STDOUT.
   *
   * Since: 1.0
   */
  props[PROP_STREAM] =
      g_param_spec_flags ("stream", NULL, NULL, MK_TYPE_STREAM_FLAGS, MK_STREAM_FLAGS_STDOUT, flags);

  /**
   * MkOutputExecutor:occurrences:
   *
   * Which match of the banner means that the service is ready: 1 for the first, 2 for the second. With 0,
   * the start fails. Matches in both streams are counted together.
   *
   * Default: 1. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_OCCURRENCES] = g_param_spec_uint ("occurrences", NULL, NULL, 0, G_MAXUINT, 1, flags);

  /**
   * MkOutputExecutor:failure-pattern:
   *
   * A regular expression for output that reports that the service has failed. If it matches before the
   * banner does, the start fails at once with %MK_ERROR_FAILED. The same streams are searched as for the
   * banner.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_FAILURE_PATTERN] = g_param_spec_string ("failure-pattern", NULL, NULL, NULL, flags);

  g_object_class_install_properties (object_class, N_OUTPUT_EXECUTOR_PROPS, props);
}

static void
mk_output_executor_init (MkOutputExecutor *self)
{
  MkOutputExecutorPrivate *priv = mk_output_executor_get_instance_private (self);

  priv->output_probe = mk_output_probe_new (MK_SIMPLE_EXECUTOR (self), mk_simple_executor_dup_process);
  mk_executor_set_kind_probe (MK_EXECUTOR (self), MK_PROBE (priv->output_probe));
}

/**
 * mk_output_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @banner: a regular expression for the output that means that the service is ready
 *
 * Creates an executor for a command that prints a banner when it is ready.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkOutputExecutor *
mk_output_executor_new (const char *const *argv, const char *banner)
{
  return g_object_new (MK_TYPE_OUTPUT_EXECUTOR, "command", argv, "banner", banner, NULL);
}

static void
output_executor_set_text (MkOutputExecutor *self, char **text, const char *new_text, guint prop_id)
{
  g_autofree char *old_text = NULL;

  if (g_strcmp0 (*text, new_text) == 0)
    return;

  old_text = *text;
  *text = g_strdup (new_text);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

/**
 * mk_output_executor_get_banner: (get-property banner)
 * @self: the executor
 *
 * Gets the regular expression for the output that means that the service is ready.
 *
 * Returns: (transfer none) (nullable): the regular expression
 *
 * Since: 1.0
 */
const char *
mk_output_executor_get_banner (MkOutputExecutor *self)
{
  g_return_val_if_fail (MK_IS_OUTPUT_EXECUTOR (self), NULL);

  return output_executor_get_goal (self)->banner;
}

/**
 * mk_output_executor_set_banner: (set-property banner)
 * @self: the executor
 * @banner: (nullable): a regular expression
 *
 * Sets the regular expression for the output that means that the service is ready. It takes effect at the
 * next start.
 *
 * Since: 1.0
 */
void
mk_output_executor_set_banner (MkOutputExecutor *self, const char *banner)
{
  g_return_if_fail (MK_IS_OUTPUT_EXECUTOR (self));

  output_executor_set_text (self, &output_executor_get_goal (self)->banner, banner, PROP_BANNER);
}

/**
 * mk_output_executor_get_stream: (get-property stream)
 * @self: the executor
 *
 * Gets the streams that are searched for the banner.
 *
 * Returns: one stream, or both
 *
 * Since: 1.0
 */
MkStreamFlags
mk_output_executor_get_stream (MkOutputExecutor *self)
{
  g_return_val_if_fail (MK_IS_OUTPUT_EXECUTOR (self), 0);

  return output_executor_get_goal (self)->stream;
}

/**
 * mk_output_executor_set_stream: (set-property stream)
 * @self: the executor
 * @stream: one stream, or both
 *
 * Sets the streams that are searched for the banner. It takes effect at the next start.
 *
 * Since: 1.0
 */
void
mk_output_executor_set_stream (MkOutputExecutor *self, MkStreamFlags stream)
{
  g_return_if_fail (MK_IS_OUTPUT_EXECUTOR (self));

  if (output_executor_get_goal (self)->stream == stream)
    return;

  output_executor_get_goal (self)->stream = stream;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STREAM]);
}

/**
 * mk_output_executor_get_occurrences: (get-property occurrences)
 * @self: the executor
 *
 * Gets which match of the banner means that the service is ready.
 *
 * Returns: the number of the match, from 1
 *
 * Since: 1.0
 */
guint
mk_output_executor_get_occurrences (MkOutputExecutor *self)
{
  g_return_val_if_fail (MK_IS_OUTPUT_EXECUTOR (self), 0);

  return output_executor_get_goal (self)->occurrences;
}

/**
 * mk_output_executor_set_occurrences: (set-property occurrences)
 * @self: the executor
 * @occurrences: the number of the match, from 1; with 0, the start fails
 *
 * Sets which match of the banner means that the service is ready. It takes effect at the next start.
 *
 * Since: 1.0
 */
void
mk_output_executor_set_occurrences (MkOutputExecutor *self, guint occurrences)
{
  g_return_if_fail (MK_IS_OUTPUT_EXECUTOR (self));

  if (output_executor_get_goal (self)->occurrences == occurrences)
    return;

  output_executor_get_goal (self)->occurrences = occurrences;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_OCCURRENCES]);
}

/**
 * mk_output_executor_get_failure_pattern: (get-property failure-pattern)
 * @self: the executor
 *
 * Gets the regular expression for output that reports a failure.
 *
 * Returns: (transfer none) (nullable): the regular expression
 *
 * Since: 1.0
 */
const char *
mk_output_executor_get_failure_pattern (MkOutputExecutor *self)
{
  g_return_val_if_fail (MK_IS_OUTPUT_EXECUTOR (self), NULL);

  return output_executor_get_goal (self)->failure_pattern;
}

/**
 * mk_output_executor_set_failure_pattern: (set-property failure-pattern)
 * @self: the executor
 * @failure_pattern: (nullable): a regular expression
 *
 * Sets the regular expression for output that reports a failure. It takes effect at the next start.
 *
 * Since: 1.0
 */
void
mk_output_executor_set_failure_pattern (MkOutputExecutor *self, const char *failure_pattern)
{
  g_return_if_fail (MK_IS_OUTPUT_EXECUTOR (self));

  output_executor_set_text (
      self, &output_executor_get_goal (self)->failure_pattern, failure_pattern, PROP_FAILURE_PATTERN);
}

/**
 * mk_output_executor_dup_match:
 * @self: the executor
 * @name_or_number: the name of a group of the banner, or its number; "0" is the match as a whole
 *
 * Gets the text that a group of the banner matched in the last start, for example the port number of
 * `listening on port (?<port>\d+)$`. May be called in any thread.
 *
 * Returns: (transfer full) (nullable): the text, with invalid UTF-8 replaced; %NULL if there was no match,
 * or if the banner has no such group
 *
 * Since: 1.0
 */
char *
mk_output_executor_dup_match (MkOutputExecutor *self, const char *name_or_number)
{
  MkOutputExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_OUTPUT_EXECUTOR (self), NULL);
  g_return_val_if_fail (name_or_number != NULL, NULL);

  priv = mk_output_executor_get_instance_private (self);
  return mk_output_probe_dup_match (priv->output_probe, name_or_number);
}

/* Returns: (transfer full): the names of the groups in the banner, which GRegex does not list */
char **
mk_output_executor_list_groups (MkOutputExecutor *self)
{
  const char *banner = output_executor_get_goal (self)->banner;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (const char *p = banner; p != NULL && (p = strstr (p, "(?")) != NULL;)
    {
      gsize length;

      p += strlen ("(?");
      if (*p == 'P')
        p++;
      if (*p++ != '<')
        continue;
      length = strspn (p, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");
      if (length > 0 && p[length] == '>')
        {
          g_autofree char *name = g_strndup (p, length);

          g_strv_builder_add (builder, name);
        }
    }

  return g_strv_builder_end (builder);
}
