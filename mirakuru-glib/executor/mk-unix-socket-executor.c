/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-unix-socket-executor.h"

#include "mk-unix-socket-probe.h"

/**
 * MkUnixSocketExecutor:
 *
 * An executor that waits until a Unix socket accepts connections.
 *
 * See [Choosing an executor](choosing.html#a-unix-socket) for an example.
 *
 * No process may listen on the socket before the start. If one does, the start fails with
 * %MK_ERROR_ALREADY_RUNNING, and the message names the process if it is known. A socket file without a
 * listening process, which a killed service leaves behind, does not prevent the start. The service itself
 * may refuse it or replace it.
 *
 * Since: 1.0
 */

enum
{
  PROP_PATH = 1,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

typedef struct
{
  MkUnixSocketProbe *socket_probe; /* (owned) */
} MkUnixSocketExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MkUnixSocketExecutor, mk_unix_socket_executor, MK_TYPE_EXECUTOR)

static void
mk_unix_socket_executor_finalize (GObject *object)
{
  MkUnixSocketExecutorPrivate *priv =
      mk_unix_socket_executor_get_instance_private (MK_UNIX_SOCKET_EXECUTOR (object));

  g_clear_object (&priv->socket_probe);

  G_OBJECT_CLASS (mk_unix_socket_executor_parent_class)->finalize (object);
}

static void
mk_unix_socket_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkUnixSocketExecutor *self = MK_UNIX_SOCKET_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, mk_unix_socket_executor_get_path (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_unix_socket_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkUnixSocketExecutor *self = MK_UNIX_SOCKET_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_PATH:
      mk_unix_socket_executor_set_path (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_unix_socket_executor_class_init (MkUnixSocketExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mk_unix_socket_executor_finalize;
  object_class->get_property = mk_unix_socket_executor_get_property;
  object_class->set_property = mk_unix_socket_executor_set_property;

  /**
   * MkUnixSocketExecutor:path: (type filename)
   *
   * The path of the socket that the service listens on, or `@` and the name of an abstract socket. If it has
   * more than 107 bytes, the start fails with %MK_ERROR_INVALID_ARGUMENT. A relative path is relative to the
   * working directory of the program, not of the service.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_PATH] = g_param_spec_string (
      "path", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_unix_socket_executor_init (MkUnixSocketExecutor *self)
{
  MkUnixSocketExecutorPrivate *priv = mk_unix_socket_executor_get_instance_private (self);

  priv->socket_probe = mk_unix_socket_probe_new (NULL);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (priv->socket_probe));
}

/**
 * mk_unix_socket_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @path: (type filename): the path of the socket that the service listens on
 *
 * Creates an executor for a command that serves a Unix socket.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkUnixSocketExecutor *
mk_unix_socket_executor_new (const char *const *argv, const char *path)
{
  return g_object_new (MK_TYPE_UNIX_SOCKET_EXECUTOR, "command", argv, "path", path, NULL);
}

/**
 * mk_unix_socket_executor_get_path: (get-property path)
 * @self: the executor
 *
 * Gets the path of the socket that the service listens on.
 *
 * Returns: (type filename) (transfer none) (nullable): the path, or `@` and the name of an abstract socket
 *
 * Since: 1.0
 */
const char *
mk_unix_socket_executor_get_path (MkUnixSocketExecutor *self)
{
  MkUnixSocketExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_UNIX_SOCKET_EXECUTOR (self), NULL);

  priv = mk_unix_socket_executor_get_instance_private (self);
  return mk_unix_socket_probe_get_path (priv->socket_probe);
}

/**
 * mk_unix_socket_executor_set_path: (set-property path)
 * @self: the executor
 * @path: (type filename) (nullable): the path, or `@` and the name of an abstract socket
 *
 * Sets the path of the socket that the service listens on.
 *
 * Since: 1.0
 */
void
mk_unix_socket_executor_set_path (MkUnixSocketExecutor *self, const char *path)
{
  MkUnixSocketExecutorPrivate *priv;

  g_return_if_fail (MK_IS_UNIX_SOCKET_EXECUTOR (self));

  priv = mk_unix_socket_executor_get_instance_private (self);
  if (g_strcmp0 (mk_unix_socket_probe_get_path (priv->socket_probe), path) == 0)
    return;

  mk_unix_socket_probe_set_path (priv->socket_probe, path);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PATH]);
}
