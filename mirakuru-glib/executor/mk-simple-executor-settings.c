/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of an executor. They may be changed at any time, and take effect at the next start; those
 * about stopping, at the next stop.
 */

#include "mk-simple-executor-private.h"

static void
set_uint (MkSimpleExecutor *self, guint *field, guint value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  gboolean changed;

  changed = *field != value;
  *field = value;
  g_mutex_locker_free (locker);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), mk_simple_executor_props[prop_id]);
}

static void
set_int (MkSimpleExecutor *self, int *field, int value, guint prop_id)
{
  set_uint (self, (guint *) field, (guint) value, prop_id);
}

static void
set_mode (MkSimpleExecutor *self, MkStdioMode *field, MkStdioMode value, guint prop_id)
{
  set_uint (self, (guint *) field, (guint) value, prop_id);
}

static void
set_string (MkSimpleExecutor *self, char **field, const char *value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  g_autofree char *old = NULL;

  if (g_strcmp0 (*field, value) == 0)
    {
      g_mutex_locker_free (locker);
      return;
    }
  old = *field;
  *field = g_strdup (value);
  g_mutex_locker_free (locker);

  g_object_notify_by_pspec (G_OBJECT (self), mk_simple_executor_props[prop_id]);
}

static void
set_strv (MkSimpleExecutor *self, char ***field, const char *const *value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  g_auto (GStrv) old = NULL;

  if ((*field == NULL && value == NULL) ||
      (*field != NULL && value != NULL && g_strv_equal ((const char *const *) *field, value)))
    {
      g_mutex_locker_free (locker);
      return;
    }
  old = *field;
  *field = g_strdupv ((char **) value);
  g_mutex_locker_free (locker);

  g_object_notify_by_pspec (G_OBJECT (self), mk_simple_executor_props[prop_id]);
}

/**
 * mk_simple_executor_get_command: (get-property command)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:command].
 *
 * Returns: (array zero-terminated=1) (transfer none) (nullable): the command: the program and its arguments
 *
 * Since: 1.0
 */
const char *const *
mk_simple_executor_get_command (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  return (const char *const *) mk_simple_executor_get_private (self)->command;
}

/**
 * mk_simple_executor_set_command: (set-property command)
 * @self: the executor
 * @argv: (array zero-terminated=1) (nullable): the command: the program and its arguments
 *
 * Sets [property@Mk.SimpleExecutor:command].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_command (MkSimpleExecutor *self, const char *const *argv)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_strv (self, &mk_simple_executor_get_private (self)->command, argv, PROP_COMMAND);
}

/**
 * mk_simple_executor_get_cwd: (get-property cwd)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:cwd].
 *
 * Returns: (transfer none) (nullable): the folder
 *
 * Since: 1.0
 */
const char *
mk_simple_executor_get_cwd (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  return mk_simple_executor_get_private (self)->cwd;
}

/**
 * mk_simple_executor_set_cwd: (set-property cwd)
 * @self: the executor
 * @cwd: (nullable): the folder
 *
 * Sets [property@Mk.SimpleExecutor:cwd].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_cwd (MkSimpleExecutor *self, const char *cwd)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_string (self, &mk_simple_executor_get_private (self)->cwd, cwd, PROP_CWD);
}

/**
 * mk_simple_executor_get_environment: (get-property environment)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:environment].
 *
 * Returns: (array zero-terminated=1) (transfer none) (nullable): entries "NAME=value"
 *
 * Since: 1.0
 */
const char *const *
mk_simple_executor_get_environment (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  return (const char *const *) mk_simple_executor_get_private (self)->environment;
}

/**
 * mk_simple_executor_set_environment: (set-property environment)
 * @self: the executor
 * @environment: (array zero-terminated=1) (nullable): entries "NAME=value"
 *
 * Sets [property@Mk.SimpleExecutor:environment].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_environment (MkSimpleExecutor *self, const char *const *environment)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_strv (self, &mk_simple_executor_get_private (self)->environment, environment, PROP_ENVIRONMENT);
}

/**
 * mk_simple_executor_get_start_timeout: (get-property start-timeout)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:start-timeout].
 *
 * Returns: milliseconds, 0 for no limit
 *
 * Since: 1.0
 */
guint
mk_simple_executor_get_start_timeout (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->start_timeout;
}

/**
 * mk_simple_executor_set_start_timeout: (set-property start-timeout)
 * @self: the executor
 * @start_timeout: milliseconds, 0 for no limit
 *
 * Sets [property@Mk.SimpleExecutor:start-timeout].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_start_timeout (MkSimpleExecutor *self, guint start_timeout)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_uint (self, &mk_simple_executor_get_private (self)->start_timeout, start_timeout, PROP_START_TIMEOUT);
}

/**
 * mk_simple_executor_get_stop_timeout: (get-property stop-timeout)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stop-timeout].
 *
 * Returns: milliseconds, 0 for no limit
 *
 * Since: 1.0
 */
guint
mk_simple_executor_get_stop_timeout (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->stop_timeout;
}

/**
 * mk_simple_executor_set_stop_timeout: (set-property stop-timeout)
 * @self: the executor
 * @stop_timeout: milliseconds, 0 for no limit
 *
 * Sets [property@Mk.SimpleExecutor:stop-timeout].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stop_timeout (MkSimpleExecutor *self, guint stop_timeout)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_uint (self, &mk_simple_executor_get_private (self)->stop_timeout, stop_timeout, PROP_STOP_TIMEOUT);
}

/**
 * mk_simple_executor_get_stop_signal: (get-property stop-signal)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stop-signal].
 *
 * Returns: the number of a signal
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_stop_signal (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->stop_signal;
}

/**
 * mk_simple_executor_set_stop_signal: (set-property stop-signal)
 * @self: the executor
 * @stop_signal: the number of a signal
 *
 * Sets [property@Mk.SimpleExecutor:stop-signal].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stop_signal (MkSimpleExecutor *self, int stop_signal)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_int (self, &mk_simple_executor_get_private (self)->stop_signal, stop_signal, PROP_STOP_SIGNAL);
}

/**
 * mk_simple_executor_get_kill_signal: (get-property kill-signal)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:kill-signal].
 *
 * Returns: the number of a signal
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_kill_signal (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->kill_signal;
}

/**
 * mk_simple_executor_set_kill_signal: (set-property kill-signal)
 * @self: the executor
 * @kill_signal: the number of a signal
 *
 * Sets [property@Mk.SimpleExecutor:kill-signal].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_kill_signal (MkSimpleExecutor *self, int kill_signal)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_int (self, &mk_simple_executor_get_private (self)->kill_signal, kill_signal, PROP_KILL_SIGNAL);
}

/**
 * mk_simple_executor_get_expected_status: (get-property expected-status)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:expected-status].
 *
 * Returns: a status, or %MK_STATUS_NONE
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_expected_status (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->expected_status;
}

/**
 * mk_simple_executor_set_expected_status: (set-property expected-status)
 * @self: the executor
 * @expected_status: a status, or %MK_STATUS_NONE
 *
 * Sets [property@Mk.SimpleExecutor:expected-status].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_expected_status (MkSimpleExecutor *self, int expected_status)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_int (
      self, &mk_simple_executor_get_private (self)->expected_status, expected_status, PROP_EXPECTED_STATUS);
}

/**
 * mk_simple_executor_get_stdin_mode: (get-property stdin-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdin-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */
MkStdioMode
mk_simple_executor_get_stdin_mode (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_STDIO_MODE_NULL);

  return mk_simple_executor_get_private (self)->stdin_mode;
}

/**
 * mk_simple_executor_set_stdin_mode: (set-property stdin-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stdin-mode].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stdin_mode (MkSimpleExecutor *self, MkStdioMode mode)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_mode (self, &mk_simple_executor_get_private (self)->stdin_mode, mode, PROP_STDIN_MODE);
}

/**
 * mk_simple_executor_get_stdout_mode: (get-property stdout-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdout-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */
MkStdioMode
mk_simple_executor_get_stdout_mode (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_STDIO_MODE_NULL);

  return mk_simple_executor_get_private (self)->stdout_mode;
}

/**
 * mk_simple_executor_set_stdout_mode: (set-property stdout-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stdout-mode].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stdout_mode (MkSimpleExecutor *self, MkStdioMode mode)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_mode (self, &mk_simple_executor_get_private (self)->stdout_mode, mode, PROP_STDOUT_MODE);
}

/**
 * mk_simple_executor_get_stderr_mode: (get-property stderr-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stderr-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */
MkStdioMode
mk_simple_executor_get_stderr_mode (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_STDIO_MODE_NULL);

  return mk_simple_executor_get_private (self)->stderr_mode;
}

/**
 * mk_simple_executor_set_stderr_mode: (set-property stderr-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stderr-mode].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stderr_mode (MkSimpleExecutor *self, MkStdioMode mode)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_mode (self, &mk_simple_executor_get_private (self)->stderr_mode, mode, PROP_STDERR_MODE);
}

/**
 * mk_simple_executor_get_stdout_path: (get-property stdout-path)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdout-path].
 *
 * Returns: (transfer none) (nullable): the path
 *
 * Since: 1.0
 */
const char *
mk_simple_executor_get_stdout_path (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  return mk_simple_executor_get_private (self)->stdout_path;
}

/**
 * mk_simple_executor_set_stdout_path: (set-property stdout-path)
 * @self: the executor
 * @stdout_path: (nullable): the path
 *
 * Sets [property@Mk.SimpleExecutor:stdout-path].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stdout_path (MkSimpleExecutor *self, const char *stdout_path)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_string (self, &mk_simple_executor_get_private (self)->stdout_path, stdout_path, PROP_STDOUT_PATH);
}

/**
 * mk_simple_executor_get_stderr_path: (get-property stderr-path)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stderr-path].
 *
 * Returns: (transfer none) (nullable): the path
 *
 * Since: 1.0
 */
const char *
mk_simple_executor_get_stderr_path (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  return mk_simple_executor_get_private (self)->stderr_path;
}

/**
 * mk_simple_executor_set_stderr_path: (set-property stderr-path)
 * @self: the executor
 * @stderr_path: (nullable): the path
 *
 * Sets [property@Mk.SimpleExecutor:stderr-path].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_stderr_path (MkSimpleExecutor *self, const char *stderr_path)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  set_string (self, &mk_simple_executor_get_private (self)->stderr_path, stderr_path, PROP_STDERR_PATH);
}

/**
 * mk_simple_executor_get_output_limit: (get-property output-limit)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:output-limit].
 *
 * Returns: bytes, 0 for all
 *
 * Since: 1.0
 */
gsize
mk_simple_executor_get_output_limit (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_private (self)->output_limit;
}

/**
 * mk_simple_executor_set_output_limit: (set-property output-limit)
 * @self: the executor
 * @output_limit: bytes, 0 for all
 *
 * Sets [property@Mk.SimpleExecutor:output-limit].
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_output_limit (MkSimpleExecutor *self, gsize output_limit)
{
  MkSimpleExecutorPrivate *priv;
  GMutexLocker *locker;
  gboolean changed;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  priv = mk_simple_executor_get_private (self);
  locker = mk_simple_executor_lock (self);
  changed = priv->output_limit != output_limit;
  priv->output_limit = output_limit;
  g_mutex_locker_free (locker);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), mk_simple_executor_props[PROP_OUTPUT_LIMIT]);
}
