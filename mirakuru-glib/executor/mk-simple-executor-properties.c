/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The properties of an executor, by way of their getters and setters.
 */

#include "mk-simple-executor-private.h"

#include <signal.h>

#include "mk-enum-types.h"

GParamSpec *mk_simple_executor_props[N_PROPS];

static void
mk_simple_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      g_value_set_boxed (value, mk_simple_executor_get_command (self));
      break;

    case PROP_CWD:
      g_value_set_string (value, mk_simple_executor_get_cwd (self));
      break;

    case PROP_ENVIRONMENT:
      g_value_set_boxed (value, mk_simple_executor_get_environment (self));
      break;

    case PROP_START_TIMEOUT:
      g_value_set_uint (value, mk_simple_executor_get_start_timeout (self));
      break;

    case PROP_STOP_TIMEOUT:
      g_value_set_uint (value, mk_simple_executor_get_stop_timeout (self));
      break;

    case PROP_STOP_SIGNAL:
      g_value_set_int (value, mk_simple_executor_get_stop_signal (self));
      break;

    case PROP_KILL_SIGNAL:
      g_value_set_int (value, mk_simple_executor_get_kill_signal (self));
      break;

    case PROP_EXPECTED_STATUS:
      g_value_set_int (value, mk_simple_executor_get_expected_status (self));
      break;

    case PROP_STDIN_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stdin_mode (self));
      break;

    case PROP_STDOUT_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stdout_mode (self));
      break;

    case PROP_STDERR_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stderr_mode (self));
      break;

    case PROP_STDOUT_PATH:
      g_value_set_string (value, mk_simple_executor_get_stdout_path (self));
      break;

    case PROP_STDERR_PATH:
      g_value_set_string (value, mk_simple_executor_get_stderr_path (self));
      break;

    case PROP_OUTPUT_LIMIT:
      g_value_set_uint64 (value, mk_simple_executor_get_output_limit (self));
      break;

    case PROP_STATE:
      g_value_set_enum (value, mk_simple_executor_get_state (self));
      break;

    case PROP_RUNNING:
      g_value_set_boolean (value, mk_simple_executor_get_running (self));
      break;

    case PROP_ACTIVE:
      g_value_set_boolean (value, mk_simple_executor_get_active (self));
      break;

    case PROP_PID:
      g_value_set_int (value, mk_simple_executor_get_pid (self));
      break;

    case PROP_EXIT_STATUS:
      g_value_set_int (value, mk_simple_executor_get_exit_status (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_simple_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      mk_simple_executor_set_command (self, g_value_get_boxed (value));
      break;

    case PROP_CWD:
      mk_simple_executor_set_cwd (self, g_value_get_string (value));
      break;

    case PROP_ENVIRONMENT:
      mk_simple_executor_set_environment (self, g_value_get_boxed (value));
      break;

    case PROP_START_TIMEOUT:
      mk_simple_executor_set_start_timeout (self, g_value_get_uint (value));
      break;

    case PROP_STOP_TIMEOUT:
      mk_simple_executor_set_stop_timeout (self, g_value_get_uint (value));
      break;

    case PROP_STOP_SIGNAL:
      mk_simple_executor_set_stop_signal (self, g_value_get_int (value));
      break;

    case PROP_KILL_SIGNAL:
      mk_simple_executor_set_kill_signal (self, g_value_get_int (value));
      break;

    case PROP_EXPECTED_STATUS:
      mk_simple_executor_set_expected_status (self, g_value_get_int (value));
      break;

    case PROP_STDIN_MODE:
      mk_simple_executor_set_stdin_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDOUT_MODE:
      mk_simple_executor_set_stdout_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDERR_MODE:
      mk_simple_executor_set_stderr_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDOUT_PATH:
      mk_simple_executor_set_stdout_path (self, g_value_get_string (value));
      break;

    case PROP_STDERR_PATH:
      mk_simple_executor_set_stderr_path (self, g_value_get_string (value));
      break;

    case PROP_OUTPUT_LIMIT:
      mk_simple_executor_set_output_limit (self, (gsize) g_value_get_uint64 (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}
void
mk_simple_executor_install_properties (GObjectClass *object_class)
{
  object_class->get_property = mk_simple_executor_get_property;
  object_class->set_property = mk_simple_executor_set_property;

  /**
   * MkSimpleExecutor:command:
   *
   * The command: the program and its arguments. A program without a slash is looked for in the folders of the
   * service's PATH.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_COMMAND] =
      g_param_spec_boxed ("command",
                          NULL,
                          NULL,
                          G_TYPE_STRV,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:cwd:
   *
   * The folder the service runs in, or %NULL for that of the program.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_CWD] = g_param_spec_string (
      "cwd", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:environment:
   *
   * Settings "NAME=value" to lay over the environment of the program.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_ENVIRONMENT] =
      g_param_spec_boxed ("environment",
                          NULL,
                          NULL,
                          G_TYPE_STRV,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:start-timeout:
   *
   * How long a start may take, in milliseconds, 0 for no limit. The time runs from the moment the program is
   * run; the steps before that have the same time once more. When it is up, the service is killed.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_START_TIMEOUT] =
      g_param_spec_uint ("start-timeout",
                         NULL,
                         NULL,
                         0,
                         G_MAXUINT,
                         DEFAULT_START_TIMEOUT_MS,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stop-timeout:
   *
   * How long the service has to end when it is stopped, in milliseconds, 0 for no limit. Then what is left is
   * killed.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STOP_TIMEOUT] =
      g_param_spec_uint ("stop-timeout",
                         NULL,
                         NULL,
                         0,
                         G_MAXUINT,
                         DEFAULT_STOP_TIMEOUT_MS,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stop-signal:
   *
   * The signal that asks the service to end. All of its processes get it.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STOP_SIGNAL] =
      g_param_spec_int ("stop-signal",
                        NULL,
                        NULL,
                        G_MININT,
                        G_MAXINT,
                        SIGTERM,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:kill-signal:
   *
   * The signal for what did not end in time. Should it be another one than SIGKILL and not help, SIGKILL
   * follows a second later.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_KILL_SIGNAL] =
      g_param_spec_int ("kill-signal",
                        NULL,
                        NULL,
                        G_MININT,
                        G_MAXINT,
                        SIGKILL,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:expected-status:
   *
   * The status the service is expected to end with when it is stopped, besides 0: 1 to 255, or the negative
   * number of a signal. %MK_STATUS_NONE stands for the stop signal.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_EXPECTED_STATUS] =
      g_param_spec_int ("expected-status",
                        NULL,
                        NULL,
                        G_MININT,
                        G_MAXINT,
                        MK_STATUS_NONE,
                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stdin-mode:
   *
   * What standard input is connected to: NULL, PIPE or INHERIT.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STDIN_MODE] =
      g_param_spec_enum ("stdin-mode",
                         NULL,
                         NULL,
                         MK_TYPE_STDIO_MODE,
                         MK_STDIO_MODE_NULL,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stdout-mode:
   *
   * Where standard output goes: NULL, CAPTURE, INHERIT, or FILE with
   * [property@Mk.SimpleExecutor:stdout-path].
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STDOUT_MODE] =
      g_param_spec_enum ("stdout-mode",
                         NULL,
                         NULL,
                         MK_TYPE_STDIO_MODE,
                         MK_STDIO_MODE_CAPTURE,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stderr-mode:
   *
   * Where standard error goes: NULL, CAPTURE, INHERIT, MERGE (into standard output), or FILE with
   * [property@Mk.SimpleExecutor:stderr-path].
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STDERR_MODE] =
      g_param_spec_enum ("stderr-mode",
                         NULL,
                         NULL,
                         MK_TYPE_STDIO_MODE,
                         MK_STDIO_MODE_CAPTURE,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stdout-path:
   *
   * The file for standard output. It is emptied at each start. A relative path starts at the folder of the
   * program. `/dev/fd/N` is the open descriptor N of the program itself: a file is not emptied then, and a
   * socket or a pipe will do as well.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STDOUT_PATH] = g_param_spec_string (
      "stdout-path", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:stderr-path:
   *
   * The file for standard error. It may be the same as for standard output.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STDERR_PATH] = g_param_spec_string (
      "stderr-path", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:output-limit:
   *
   * How many bytes of each captured stream are kept, 0 for all. What is kept are the newest ones.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_OUTPUT_LIMIT] =
      g_param_spec_uint64 ("output-limit",
                           NULL,
                           NULL,
                           0,
                           G_MAXSIZE,
                           DEFAULT_OUTPUT_LIMIT,
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:state:
   *
   * Where the executor is in the life of its service.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_STATE] =
      g_param_spec_enum ("state",
                         NULL,
                         NULL,
                         MK_TYPE_EXECUTOR_STATE,
                         MK_EXECUTOR_STATE_STOPPED,
                         G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:running:
   *
   * Whether the command's own process lives.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_RUNNING] = g_param_spec_boolean (
      "running", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:active:
   *
   * Whether any process of the service lives.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_ACTIVE] = g_param_spec_boolean (
      "active", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:pid:
   *
   * The process ID of the command's own process, 0 before one was started.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_PID] = g_param_spec_int (
      "pid", NULL, NULL, 0, G_MAXINT, 0, G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkSimpleExecutor:exit-status:
   *
   * The status the command's own process has ended with: 0 to 255, the negative number of a signal, or
   * %MK_STATUS_NONE while there is none.
   *
   * Since: 1.0
   */
  mk_simple_executor_props[PROP_EXIT_STATUS] =
      g_param_spec_int ("exit-status",
                        NULL,
                        NULL,
                        G_MININT,
                        255,
                        MK_STATUS_NONE,
                        G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, mk_simple_executor_props);
}
