/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-tcp-executor-private.h"

#include "mk-simple-executor-private.h"
#include "mk-tcp-probe.h"

/**
 * MkTcpExecutor:
 *
 * An executor that waits until a TCP port accepts connections.
 *
 * See [Choosing an executor](choosing.html#a-port) for an example.
 *
 * The port must be free before the start. If a process accepts connections there, the start fails with
 * %MK_ERROR_ALREADY_RUNNING, and the message names the process if it is known.
 *
 * If the port is 0, each start leases a free port. The placeholder `{port}` stands for it in the command,
 * the environment and the paths. [method@Mk.SimpleExecutor.dup_value] returns its number, and describes the
 * other placeholders. For a literal `{port}`, double the braces.
 *
 * Since: 1.0
 */

enum
{
  PROP_HOST = 1,
  PROP_PORT,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

typedef struct
{
  MkTcpProbe *tcp_probe; /* (owned) */
} MkTcpExecutorPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MkTcpExecutor, mk_tcp_executor, MK_TYPE_EXECUTOR)

static void
tcp_executor_change_host (MkTcpExecutor *self, const char *host)
{
  MkTcpExecutorPrivate *priv = mk_tcp_executor_get_instance_private (self);

  if (g_strcmp0 (mk_tcp_probe_get_host (priv->tcp_probe), host) == 0)
    return;

  mk_tcp_probe_set_host (priv->tcp_probe, host);
  g_object_notify (G_OBJECT (self), "host");
}

static void
tcp_executor_change_port (MkTcpExecutor *self, guint port)
{
  MkTcpExecutorPrivate *priv = mk_tcp_executor_get_instance_private (self);

  if (mk_tcp_probe_get_port (priv->tcp_probe) == port)
    return;

  mk_tcp_probe_set_port (priv->tcp_probe, port);
  g_object_notify (G_OBJECT (self), "port");
}

/* For subclasses whose address follows from something else, so that their properties cannot be written. */
void
mk_tcp_executor_set_address (MkTcpExecutor *self, const char *host, guint port)
{
  g_object_freeze_notify (G_OBJECT (self));
  tcp_executor_change_host (self, host);
  tcp_executor_change_port (self, port);
  g_object_thaw_notify (G_OBJECT (self));
}

static gboolean
tcp_executor_check_writable (MkTcpExecutor *self, const char *property)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (self), property);

  if (pspec->flags & G_PARAM_WRITABLE)
    return TRUE;

  g_message ("The %s of an %s cannot be set: it follows its URL", property, G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

static gboolean
tcp_executor_begin_values (MkSimpleExecutor *executor, MkValues *values)
{
  MkTcpExecutor *self = MK_TCP_EXECUTOR (executor);
  guint port = mk_tcp_executor_get_port (self);
  g_autofree char *number = port != 0 ? g_strdup_printf ("%u", port) : NULL;

  mk_values_set (values, "host", mk_tcp_executor_get_host (self));
  mk_values_set (values, "port", number);
  return mk_simple_executor_class_get_private (mk_tcp_executor_parent_class)->begin_values (executor, values);
}

static void
mk_tcp_executor_finalize (GObject *object)
{
  MkTcpExecutorPrivate *priv = mk_tcp_executor_get_instance_private (MK_TCP_EXECUTOR (object));

  g_clear_object (&priv->tcp_probe);

  G_OBJECT_CLASS (mk_tcp_executor_parent_class)->finalize (object);
}

static void
mk_tcp_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkTcpExecutor *self = MK_TCP_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_HOST:
      g_value_set_string (value, mk_tcp_executor_get_host (self));
      break;

    case PROP_PORT:
      g_value_set_uint (value, mk_tcp_executor_get_port (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_tcp_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkTcpExecutor *self = MK_TCP_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_HOST:
      mk_tcp_executor_set_host (self, g_value_get_string (value));
      break;

    case PROP_PORT:
      mk_tcp_executor_set_port (self, g_value_get_uint (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_tcp_executor_class_init (MkTcpExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  mk_simple_executor_class_get_private (klass)->begin_values = tcp_executor_begin_values;
  object_class->finalize = mk_tcp_executor_finalize;
  object_class->get_property = mk_tcp_executor_get_property;
  object_class->set_property = mk_tcp_executor_set_property;

  /**
   * MkTcpExecutor:host:
   *
   * The name or the address the service listens on. For `localhost` both `127.0.0.1` and `::1` are tried.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_HOST] = g_param_spec_string (
      "host", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkTcpExecutor:port:
   *
   * The port the service listens on, 1 to 65535. If it is 0, each start leases a free port.
   *
   * Default: 0. Range: 0 to 65535.
   *
   * Since: 1.0
   */
  props[PROP_PORT] = g_param_spec_uint ("port",
                                        NULL,
                                        NULL,
                                        0,
                                        G_MAXUINT16,
                                        0,
                                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_tcp_executor_init (MkTcpExecutor *self)
{
  MkTcpExecutorPrivate *priv = mk_tcp_executor_get_instance_private (self);

  priv->tcp_probe = mk_tcp_probe_new (NULL, 0);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (priv->tcp_probe));
}

/**
 * mk_tcp_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @host: the name or the address the service listens on
 * @port: the port the service listens on, 1 to 65535, or 0 for a free one
 *
 * Creates an executor for a command that serves a TCP port.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkTcpExecutor *
mk_tcp_executor_new (const char *const *argv, const char *host, guint port)
{
  MkTcpExecutor *self = g_object_new (MK_TYPE_TCP_EXECUTOR, "command", argv, "host", host, NULL);

  mk_tcp_executor_set_port (self, port);
  return self;
}

/**
 * mk_tcp_executor_get_host: (get-property host)
 * @self: the executor
 *
 * Gets the host the service listens on.
 *
 * Returns: (transfer none) (nullable): the name or the address
 *
 * Since: 1.0
 */
const char *
mk_tcp_executor_get_host (MkTcpExecutor *self)
{
  MkTcpExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_TCP_EXECUTOR (self), NULL);

  priv = mk_tcp_executor_get_instance_private (self);
  return mk_tcp_probe_get_host (priv->tcp_probe);
}

/**
 * mk_tcp_executor_set_host: (set-property host)
 * @self: the executor
 * @host: (nullable): the name or the address the service listens on
 *
 * Sets the host the service listens on. In a class that takes it from another property, such as
 * [class@Mk.HttpExecutor], this does nothing but print a message.
 *
 * Since: 1.0
 */
void
mk_tcp_executor_set_host (MkTcpExecutor *self, const char *host)
{
  g_return_if_fail (MK_IS_TCP_EXECUTOR (self));

  if (tcp_executor_check_writable (self, "host"))
    tcp_executor_change_host (self, host);
}

/**
 * mk_tcp_executor_get_port: (get-property port)
 * @self: the executor
 *
 * Gets the port the service listens on. If it is 0, [method@Mk.SimpleExecutor.dup_value] returns the port
 * that was leased.
 *
 * Returns: the port, or 0
 *
 * Since: 1.0
 */
guint
mk_tcp_executor_get_port (MkTcpExecutor *self)
{
  MkTcpExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_TCP_EXECUTOR (self), 0);

  priv = mk_tcp_executor_get_instance_private (self);
  return mk_tcp_probe_get_port (priv->tcp_probe);
}

/**
 * mk_tcp_executor_set_port: (set-property port)
 * @self: the executor
 * @port: the port the service listens on, 1 to 65535, or 0 for a free one
 *
 * Sets the port the service listens on. In a class that takes it from another property, such as
 * [class@Mk.HttpExecutor], this does nothing but print a message.
 *
 * Since: 1.0
 */
void
mk_tcp_executor_set_port (MkTcpExecutor *self, guint port)
{
  g_return_if_fail (MK_IS_TCP_EXECUTOR (self));

  if (tcp_executor_check_writable (self, "port"))
    tcp_executor_change_port (self, port);
}
