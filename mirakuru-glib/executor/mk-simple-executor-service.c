/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What users ask about the service of an executor, and say to it, while it is there.
 */

#include "mk-simple-executor-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "process/mk-output-stream-private.h"

/* How much of a command a description shows, in characters. */
#define COMMAND_LENGTH 60

/**
 * mk_simple_executor_get_state: (get-property state)
 * @self: the executor
 *
 * Gets where the executor is in the life of its service. This is right at any time, whether a main
 * loop runs or not.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MkExecutorState
mk_simple_executor_get_state (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_EXECUTOR_STATE_STOPPED);

  return mk_simple_executor_get_snapshot (self).state;
}

/**
 * mk_simple_executor_get_running: (get-property running)
 * @self: the executor
 *
 * Gets whether the command's own process lives. For a service that put itself into the background it
 * does not; see [method@Mk.SimpleExecutor.get_active].
 *
 * Returns: whether the process lives
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_get_running (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);

  return mk_simple_executor_get_snapshot (self).running;
}

/**
 * mk_simple_executor_get_active: (get-property active)
 * @self: the executor
 *
 * Gets whether any process of the service lives: the command's own one or a descendant of it.
 *
 * Returns: whether anything of the service is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_get_active (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);

  return mk_simple_executor_get_snapshot (self).active;
}

/**
 * mk_simple_executor_get_pid: (get-property pid)
 * @self: the executor
 *
 * Gets the process ID of the command's own process. It stays known after the process has ended, when the
 * system may give the number to another process: do not send signals to it, but use
 * [method@Mk.SimpleExecutor.send_signal].
 *
 * Returns: the process ID, 0 before one was started
 *
 * Since: 1.0
 */
GPid
mk_simple_executor_get_pid (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_snapshot (self).pid;
}

/**
 * mk_simple_executor_get_exit_status: (get-property exit-status)
 * @self: the executor
 *
 * Gets the status the command's own process has ended with.
 *
 * Returns: 0 to 255, or the negative number of the signal that ended the process, or %MK_STATUS_NONE while
 * there is no status
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_exit_status (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_STATUS_NONE);

  return mk_simple_executor_get_snapshot (self).exit_status;
}

/**
 * mk_simple_executor_send_signal:
 * @self: the executor
 * @signal_number: the signal
 * @error: return location for an error
 *
 * Sends a signal to the process group of the service. A service ended this way has "exited"; to end it
 * use [method@Mk.SimpleExecutor.stop] or [method@Mk.SimpleExecutor.kill].
 *
 * Fails with %MK_ERROR_FAILED if nothing of the service runs, and with %MK_ERROR_INVALID_ARGUMENT if there is
 * no such signal.
 *
 * Returns: whether the signal is on its way
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_send_signal (MkSimpleExecutor *self, int signal_number, GError **error)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mk_launch_validate_signal (signal_number, error))
    return FALSE;

  process = mk_simple_executor_dup_process (self);
  if (process != NULL && mk_process_signal (process, signal_number))
    return TRUE;

  g_set_error_literal (error, MK_ERROR, MK_ERROR_FAILED, _ ("No process is running that could get a signal"));
  return FALSE;
}

/**
 * mk_simple_executor_dup_output:
 * @self: the executor
 * @stream: the stream
 *
 * Gets the bytes the service has printed to a captured stream since it was started, the newest
 * [property@Mk.SimpleExecutor:output-limit] of them. They stay known until the next start.
 *
 * Returns: (transfer full): the bytes; none if nothing was started or the stream is not captured
 *
 * Since: 1.0
 */
GBytes *
mk_simple_executor_dup_output (MkSimpleExecutor *self, MkStream stream)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);
  g_return_val_if_fail (stream == MK_STREAM_STDOUT || stream == MK_STREAM_STDERR, NULL);

  process = mk_simple_executor_dup_process (self);
  if (process == NULL)
    return g_bytes_new (NULL, 0);

  return mk_capture_dup_bytes (mk_process_get_capture (process, stream));
}

/**
 * mk_simple_executor_open_output:
 * @self: the executor
 * @stream: the stream
 *
 * Opens the captured output of the service for reading: first what it has printed since it was started, then
 * what it prints, then end of file. A reader that is slower than the service does not slow it down; it misses
 * what no longer fits into [property@Mk.SimpleExecutor:output-limit]. The position of the stream, as
 * g_seekable_tell() gives it, counts that, too. Any number of streams may be open.
 *
 * Of a [class@Mk.OutputExecutor] the stream in which the banner was seen begins right after it.
 *
 * Returns: (transfer full): the stream, at its end if nothing was started or the stream is not captured
 *
 * Since: 1.0
 */
GInputStream *
mk_simple_executor_open_output (MkSimpleExecutor *self, MkStream stream)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);
  g_return_val_if_fail (stream == MK_STREAM_STDOUT || stream == MK_STREAM_STDERR, NULL);

  process = mk_simple_executor_dup_process (self);
  if (process == NULL)
    return g_memory_input_stream_new ();

  return mk_output_stream_new (mk_process_get_capture (process, stream));
}

/**
 * mk_simple_executor_get_stdin:
 * @self: the executor
 *
 * Gets the stream that is connected to the standard input of the service, if
 * [property@Mk.SimpleExecutor:stdin-mode] was %MK_STDIO_MODE_PIPE when it was started. Closing it
 * gives the service the end of its input. It is valid until the next start.
 *
 * Returns: (transfer none) (nullable): the stream
 *
 * Since: 1.0
 */
GOutputStream *
mk_simple_executor_get_stdin (MkSimpleExecutor *self)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  process = mk_simple_executor_dup_process (self);
  return process ? mk_process_get_stdin (process) : NULL;
}

/**
 * mk_simple_executor_dup_environment:
 * @self: the executor
 *
 * Gets the environment the service gets when it is started: that of the program, with
 * [property@Mk.SimpleExecutor:environment] laid over it, and a variable `mirakuru_uuid` that marks the
 * processes of the service.
 *
 * Returns: (transfer full) (array zero-terminated=1): the entries, "NAME=value"
 *
 * Since: 1.0
 */
char **
mk_simple_executor_dup_environment (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv;
  g_autofree char *marker = NULL;
  g_autoptr (MkLaunch) launch = NULL;
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  priv = mk_simple_executor_get_private (self);
  marker = mk_simple_executor_dup_marker (self);
  launch = g_new0 (MkLaunch, 1);
  locker = mk_simple_executor_lock (self);

  /* Entries that make no sense are the start's to complain about. */
  if (!mk_launch_set_environment (launch, (const char *const *) priv->environment, marker, NULL))
    mk_launch_set_environment (launch, NULL, marker, NULL);

  return g_steal_pointer (&launch->environment);
}

static const char *
name_state (MkExecutorState state)
{
  /* Translators: states of a service, in parentheses behind its command */
  static const char *const names[] = {
    N_ ("stopped"), N_ ("starting"), N_ ("ready"), N_ ("stopping"), N_ ("exited")
  };

  return _ (names[state]);
}

static char *
shorten (const char *command)
{
  g_autofree char *valid = g_utf8_make_valid (command, -1);
  g_autofree char *begin = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), COMMAND_LENGTH - 1));

  return g_utf8_strlen (valid, -1) > COMMAND_LENGTH ? g_strconcat (begin, "…", NULL)
                                                    : g_steal_pointer (&valid);
}

/* Call with the lock held. Returns: (transfer full): what runs, or else what is to run */
static char *
join_command (MkSimpleExecutor *self, gboolean active)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  if (active && priv->process != NULL)
    return g_strjoinv (" ", mk_process_get_launch (priv->process)->argv);
  if (priv->command != NULL)
    return g_strjoinv (" ", priv->command);
  if (MK_SIMPLE_EXECUTOR_GET_CLASS (self)->build_command != mk_simple_executor_real_build_command)
    return g_strdup (G_OBJECT_TYPE_NAME (self));

  return g_strdup (_ ("no command"));
}

/**
 * mk_simple_executor_describe:
 * @self: the executor
 *
 * Describes the executor for a message or a log: its command, its process and its state.
 *
 * Returns: (transfer full): one line of text
 *
 * Since: 1.0
 */
char *
mk_simple_executor_describe (MkSimpleExecutor *self)
{
  g_autofree char *command = NULL;
  g_autofree char *shortened = NULL;
  g_autoptr (GMutexLocker) locker = NULL;
  MkSnapshot snapshot;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  locker = mk_simple_executor_lock (self);
  snapshot = mk_simple_executor_get_snapshot_unlocked (self);
  command = join_command (self, snapshot.active);
  g_clear_pointer (&locker, g_mutex_locker_free);

  shortened = shorten (command);
  if (snapshot.active)
    return g_strdup_printf (
        /* Translators: a command, the number of its process, a state as “ready” */ _ ("%s (pid %d, %s)"),
        shortened,
        (int) snapshot.pid,
        name_state (snapshot.state));
  return g_strdup_printf ("%s (%s)", shortened, name_state (snapshot.state));
}
