/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-pid-executor.h"

#include "probe/mk-file-probe-private.h"
#include "process/mk-proc-private.h"
#include "mk-simple-executor-private.h"

/**
 * MkPidExecutor:
 *
 * An executor that waits until a file exists: the pid file that a service writes when it is ready.
 *
 * See [Choosing an executor](choosing.html#a-pid-file) for an example.
 *
 * The command may put its service into the background, and end with status 0. Then
 * [property@Mk.SimpleExecutor:running] is %FALSE, and [property@Mk.SimpleExecutor:active] is %TRUE as long
 * as the service is alive. [property@Mk.PidExecutor:daemon-pid] is the process in the background.
 *
 * The file must not exist before the start. If it exists, the start fails with %MK_ERROR_ALREADY_RUNNING,
 * and the message says whether the process that the file names is alive.
 *
 * Since: 1.0
 */

enum
{
  PROP_FILENAME = 1,
  PROP_DAEMON_PID,
  N_PID_PROPS
};

static GParamSpec *props[N_PID_PROPS];

typedef struct
{
  MkFileProbe *file_probe; /* (owned) */
} MkPidExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MkPidExecutor, mk_pid_executor, MK_TYPE_EXECUTOR)

static void
mk_pid_executor_finalize (GObject *object)
{
  MkPidExecutorPrivate *priv = mk_pid_executor_get_instance_private (MK_PID_EXECUTOR (object));

  g_clear_object (&priv->file_probe);

  G_OBJECT_CLASS (mk_pid_executor_parent_class)->finalize (object);
}

static void
mk_pid_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkPidExecutor *self = MK_PID_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_FILENAME:
      g_value_set_string (value, mk_pid_executor_get_filename (self));
      break;

    case PROP_DAEMON_PID:
      g_value_set_int (value, mk_pid_executor_get_daemon_pid (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_pid_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkPidExecutor *self = MK_PID_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_FILENAME:
      mk_pid_executor_set_filename (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* The process ID in the file may be another one whenever the state of the service is. */
static void
mk_pid_executor_dispatch_properties_changed (GObject *object, guint n_pspecs, GParamSpec **pspecs)
{
  gboolean changed = FALSE;

  G_OBJECT_CLASS (mk_pid_executor_parent_class)->dispatch_properties_changed (object, n_pspecs, pspecs);

  for (guint i = 0; i < n_pspecs; i++)
    changed = changed || g_str_equal (pspecs[i]->name, "state") || g_str_equal (pspecs[i]->name, "active");
  if (changed)
    g_object_notify_by_pspec (object, props[PROP_DAEMON_PID]);
}

static void
mk_pid_executor_class_init (MkPidExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mk_pid_executor_finalize;
  object_class->get_property = mk_pid_executor_get_property;
  object_class->set_property = mk_pid_executor_set_property;
  object_class->dispatch_properties_changed = mk_pid_executor_dispatch_properties_changed;

  /**
   * MkPidExecutor:filename: (type filename)
   *
   * The file that appears when the service is ready. Any regular file counts, whatever it contains. If it is
   * empty, the start waits up to 50 ms for the service to write to it. Before the start, the file must not
   * exist, and its directory need not exist. A relative name is relative to the working directory of the
   * program, not of the service.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_FILENAME] = g_param_spec_string (
      "filename", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkPidExecutor:daemon-pid:
   *
   * The process ID in the file, 0 unless it belongs to a living process of the service. The file is read
   * each time you get this property. `notify` is emitted whenever the state of the service changes, because
   * the process ID may then have changed.
   *
   * Default: 0. Range: 0 to %G_MAXINT.
   *
   * Since: 1.0
   */
  props[PROP_DAEMON_PID] =
      g_param_spec_int ("daemon-pid",
                        NULL,
                        NULL,
                        0,
                        G_MAXINT,
                        0,
                        G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PID_PROPS, props);
}

static void
mk_pid_executor_init (MkPidExecutor *self)
{
  MkPidExecutorPrivate *priv = mk_pid_executor_get_instance_private (self);

  priv->file_probe = mk_file_probe_new (NULL);
  mk_file_probe_set_expects_content (priv->file_probe, TRUE);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (priv->file_probe));
}

/**
 * mk_pid_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @filename: (type filename): the file that appears when the service is ready
 *
 * Creates an executor for a command that writes a pid file.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkPidExecutor *
mk_pid_executor_new (const char *const *argv, const char *filename)
{
  return g_object_new (MK_TYPE_PID_EXECUTOR, "command", argv, "filename", filename, NULL);
}

/**
 * mk_pid_executor_get_filename: (get-property filename)
 * @self: the executor
 *
 * Gets the file that appears when the service is ready.
 *
 * Returns: (type filename) (transfer none) (nullable): the path of the file
 *
 * Since: 1.0
 */
const char *
mk_pid_executor_get_filename (MkPidExecutor *self)
{
  MkPidExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_PID_EXECUTOR (self), NULL);

  priv = mk_pid_executor_get_instance_private (self);
  return mk_file_probe_get_path (priv->file_probe);
}

/**
 * mk_pid_executor_set_filename: (set-property filename)
 * @self: the executor
 * @filename: (type filename) (nullable): the path of the file
 *
 * Sets the file that appears when the service is ready.
 *
 * Since: 1.0
 */
void
mk_pid_executor_set_filename (MkPidExecutor *self, const char *filename)
{
  MkPidExecutorPrivate *priv;

  g_return_if_fail (MK_IS_PID_EXECUTOR (self));

  priv = mk_pid_executor_get_instance_private (self);
  if (g_strcmp0 (mk_file_probe_get_path (priv->file_probe), filename) == 0)
    return;

  mk_file_probe_set_path (priv->file_probe, filename);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FILENAME]);
}

/**
 * mk_pid_executor_get_daemon_pid: (get-property daemon-pid)
 * @self: the executor
 *
 * Gets the process ID that is in the file, if it belongs to a living process of the service: to the first
 * process or a descendant of it. This function reads the file, and may block for a moment.
 *
 * Returns: the process ID; 0 if the file does not contain the ID of a living process of the service
 *
 * Since: 1.0
 */
int
mk_pid_executor_get_daemon_pid (MkPidExecutor *self)
{
  MkPidExecutorPrivate *priv;
  g_autoptr (MkProcess) process = NULL;
  MkProcessNews news;
  gboolean is_first;
  int pid;

  g_return_val_if_fail (MK_IS_PID_EXECUTOR (self), 0);

  priv = mk_pid_executor_get_instance_private (self);
  process = mk_simple_executor_dup_process (MK_SIMPLE_EXECUTOR (self));
  if (process == NULL)
    return 0;

  pid = mk_file_probe_read_pid (priv->file_probe);
  news = mk_process_get_news (process);
  is_first = pid == news.pid && !news.exited;
  return pid > 0 && (is_first || mk_proc_is_descendant (pid, mk_process_get_supervisor (process))) ? pid : 0;
}
