/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of HTTP are those of an MkHttpProbe: its properties are the executor's too, and its changes
 * are passed on.
 */

#include "mk-http-executor.h"

#include "http/mk-http-probe-private.h"
#include "mk-simple-executor-private.h"
#include "mk-tcp-executor-private.h"

/**
 * MkHttpExecutor:
 *
 * An executor that waits until a URL responds with the expected status.
 *
 * See [Choosing an executor](choosing.html#a-url) for an example, and [class@Mk.HttpProbe] for what counts
 * as a response.
 *
 * The port of the URL must be free before the start. If a process listens there, the start fails with
 * %MK_ERROR_ALREADY_RUNNING, and the message names the process if it is known.
 *
 * [property@Mk.TcpExecutor:host] and [property@Mk.TcpExecutor:port] are taken from the URL and cannot be
 * set.
 *
 * Since: 1.0
 */

typedef struct
{
  MkHttpProbe *http_probe; /* (owned) */
} MkHttpExecutorPrivate;

/* Beside those of the probe */
enum
{
  PROP_HOST = 1000,
  PROP_PORT
};

G_DEFINE_TYPE_WITH_PRIVATE (MkHttpExecutor, mk_http_executor, MK_TYPE_TCP_EXECUTOR)

static MkHttpProbe *
http_executor_get_probe (gpointer self)
{
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  return priv->http_probe;
}

static void
http_executor_on_probe_notify (MkHttpProbe *probe, GParamSpec *pspec, MkHttpExecutor *self)
{
  if (g_str_equal (pspec->name, "uri"))
    {
      g_autoptr (GUri) uri = mk_http_probe_dup_parsed_uri (probe);

      mk_tcp_executor_set_address (
          MK_TCP_EXECUTOR (self), uri ? g_uri_get_host (uri) : NULL, uri ? (guint) g_uri_get_port (uri) : 0);
    }
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (self), pspec->name) != NULL)
    g_object_notify (G_OBJECT (self), pspec->name);
}

static gboolean
http_executor_begin_values (MkSimpleExecutor *executor, MkValues *values)
{
  MkSimpleExecutorClassPrivate *parent = mk_simple_executor_class_get_private (mk_http_executor_parent_class);
  gboolean expands = parent->begin_values (executor, values);
  char *text = g_strdup (mk_http_executor_get_uri (MK_HTTP_EXECUTOR (executor)));

  /* With a placeholder for its port it was no URL yet. */
  if (expands && mk_values_expand (values, &text, NULL) && text != NULL)
    {
      g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_NONE, NULL);

      mk_values_set (values, "host", uri ? g_uri_get_host (uri) : NULL);
    }
  g_free (text);
  return expands;
}

static void
mk_http_executor_finalize (GObject *object)
{
  MkHttpExecutor *self = MK_HTTP_EXECUTOR (object);
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  g_signal_handlers_disconnect_by_func (priv->http_probe, http_executor_on_probe_notify, self);
  g_clear_object (&priv->http_probe);

  G_OBJECT_CLASS (mk_http_executor_parent_class)->finalize (object);
}

static void
mk_http_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_HOST:
      g_value_set_string (value, mk_tcp_executor_get_host (MK_TCP_EXECUTOR (object)));
      break;

    case PROP_PORT:
      g_value_set_uint (value, mk_tcp_executor_get_port (MK_TCP_EXECUTOR (object)));
      break;

    default:
      g_object_get_property (G_OBJECT (http_executor_get_probe (object)), pspec->name, value);
    }
}

static void
mk_http_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  g_object_set_property (G_OBJECT (http_executor_get_probe (object)), pspec->name, value);
}

/**
 * MkHttpExecutor:uri:
 *
 * See [property@Mk.HttpProbe:uri].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:status:
 *
 * See [property@Mk.HttpProbe:status].
 *
 * Default: `^2\d\d$`.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:method:
 *
 * See [property@Mk.HttpProbe:method].
 *
 * Default: `HEAD`.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:headers:
 *
 * See [property@Mk.HttpProbe:headers].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:body:
 *
 * See [property@Mk.HttpProbe:body].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:content-type:
 *
 * See [property@Mk.HttpProbe:content-type].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:body-pattern:
 *
 * See [property@Mk.HttpProbe:body-pattern].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:accept-any-certificate:
 *
 * See [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Default: %FALSE.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:ca-file: (type filename)
 *
 * See [property@Mk.HttpProbe:ca-file].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:certificate-file: (type filename)
 *
 * See [property@Mk.HttpProbe:certificate-file].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:follow-redirects:
 *
 * See [property@Mk.HttpProbe:follow-redirects].
 *
 * Default: %FALSE.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:socket-path: (type filename)
 *
 * See [property@Mk.HttpProbe:socket-path].
 *
 * Default: %NULL.
 *
 * Since: 1.0
 */

static void
mk_http_executor_class_init (MkHttpExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  mk_simple_executor_class_get_private (klass)->begin_values = http_executor_begin_values;
  object_class->finalize = mk_http_executor_finalize;
  object_class->get_property = mk_http_executor_get_property;
  object_class->set_property = mk_http_executor_set_property;

  mk_http_probe_install_properties (object_class);

  /**
   * MkHttpExecutor:host:
   *
   * The host of the URL, %NULL if there is no valid one.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  g_object_class_install_property (
      object_class, PROP_HOST, g_param_spec_string ("host", NULL, NULL, NULL, flags));

  /**
   * MkHttpExecutor:port:
   *
   * The port of the URL; 0 if there is no valid URL. Without a port in the URL, it is 80 for http and 443
   * for https.
   *
   * Default: 0. Range: 0 to 65535.
   *
   * Since: 1.0
   */
  g_object_class_install_property (
      object_class, PROP_PORT, g_param_spec_uint ("port", NULL, NULL, 0, G_MAXUINT16, 0, flags));
}

static void
mk_http_executor_init (MkHttpExecutor *self)
{
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  priv->http_probe = mk_http_probe_new (NULL);
  g_signal_connect (priv->http_probe, "notify", G_CALLBACK (http_executor_on_probe_notify), self);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (priv->http_probe));
}

/**
 * mk_http_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @uri: the URL, http:// or https://
 *
 * Creates an executor for a command that serves HTTP.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkHttpExecutor *
mk_http_executor_new (const char *const *argv, const char *uri)
{
  return g_object_new (MK_TYPE_HTTP_EXECUTOR, "command", argv, "uri", uri, NULL);
}

/**
 * mk_http_executor_set_form:
 * @self: the executor
 * @fields: (array zero-terminated=1): the fields, each as `name=value`
 *
 * Sets the body to the encoded fields of a form. See [method@Mk.HttpProbe.set_form].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_form (MkHttpExecutor *self, const char *const *fields)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_form (http_executor_get_probe (self), fields);
}

/* ---- the probe's getters and setters ---- */

#define FORWARD(Type, name)                                                                                  \
  Type mk_http_executor_get_##name (MkHttpExecutor *self)                                                    \
  {                                                                                                          \
    g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), 0);                                                    \
                                                                                                             \
    return mk_http_probe_get_##name (http_executor_get_probe (self));                                        \
  }                                                                                                          \
                                                                                                             \
  void mk_http_executor_set_##name (MkHttpExecutor *self, Type name)                                         \
  {                                                                                                          \
    g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));                                                           \
                                                                                                             \
    mk_http_probe_set_##name (http_executor_get_probe (self), name);                                         \
  }

/**
 * mk_http_executor_get_uri: (get-property uri)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:uri].
 *
 * Returns: (transfer none) (nullable): the URL, %NULL if it is not set
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_uri: (set-property uri)
 * @self: the executor
 * @uri: (nullable): the URL
 *
 * Sets [property@Mk.HttpProbe:uri].
 *
 * Since: 1.0
 */
FORWARD (const char *, uri)

/**
 * mk_http_executor_get_status: (get-property status)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:status].
 *
 * Returns: (transfer none): a code or a regular expression, never %NULL
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_status: (set-property status)
 * @self: the executor
 * @status: (nullable): a code or a regular expression, %NULL for the default
 *
 * Sets [property@Mk.HttpProbe:status].
 *
 * Since: 1.0
 */
FORWARD (const char *, status)

/**
 * mk_http_executor_get_method: (get-property method)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:method].
 *
 * Returns: (transfer none): the method, never %NULL
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_method: (set-property method)
 * @self: the executor
 * @method: (nullable): the method, %NULL for the default
 *
 * Sets [property@Mk.HttpProbe:method].
 *
 * Since: 1.0
 */
FORWARD (const char *, method)

/**
 * mk_http_executor_get_headers: (get-property headers)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:headers].
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the headers
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_headers: (set-property headers)
 * @self: the executor
 * @headers: (nullable) (array zero-terminated=1): the headers, each as `Name: value`
 *
 * Sets [property@Mk.HttpProbe:headers].
 *
 * Since: 1.0
 */
FORWARD (const char *const *, headers)

/**
 * mk_http_executor_get_body: (get-property body)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:body].
 *
 * Returns: (transfer none) (nullable): the body
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_body: (set-property body)
 * @self: the executor
 * @body: (nullable): the body
 *
 * Sets [property@Mk.HttpProbe:body].
 *
 * Since: 1.0
 */
FORWARD (GBytes *, body)

/**
 * mk_http_executor_get_content_type: (get-property content-type)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:content-type].
 *
 * Returns: (transfer none) (nullable): the type of the body
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_content_type: (set-property content-type)
 * @self: the executor
 * @content_type: (nullable): the type of the body
 *
 * Sets [property@Mk.HttpProbe:content-type].
 *
 * Since: 1.0
 */
FORWARD (const char *, content_type)

/**
 * mk_http_executor_get_body_pattern: (get-property body-pattern)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:body-pattern].
 *
 * Returns: (transfer none) (nullable): a regular expression
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_body_pattern: (set-property body-pattern)
 * @self: the executor
 * @body_pattern: (nullable): a regular expression
 *
 * Sets [property@Mk.HttpProbe:body-pattern].
 *
 * Since: 1.0
 */
FORWARD (const char *, body_pattern)

/**
 * mk_http_executor_get_accept_any_certificate: (get-property accept-any-certificate)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Returns: whether any certificate is accepted
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_accept_any_certificate: (set-property accept-any-certificate)
 * @self: the executor
 * @accept_any_certificate: whether any certificate is accepted
 *
 * Sets [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Since: 1.0
 */
FORWARD (gboolean, accept_any_certificate)

/**
 * mk_http_executor_get_ca_file: (get-property ca-file)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:ca-file].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a file
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_ca_file: (set-property ca-file)
 * @self: the executor
 * @ca_file: (nullable) (type filename): the path of a file
 *
 * Sets [property@Mk.HttpProbe:ca-file].
 *
 * Since: 1.0
 */
FORWARD (const char *, ca_file)

/**
 * mk_http_executor_get_certificate_file: (get-property certificate-file)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:certificate-file].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a file
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_certificate_file: (set-property certificate-file)
 * @self: the executor
 * @certificate_file: (nullable) (type filename): the path of a file
 *
 * Sets [property@Mk.HttpProbe:certificate-file].
 *
 * Since: 1.0
 */
FORWARD (const char *, certificate_file)

/**
 * mk_http_executor_get_follow_redirects: (get-property follow-redirects)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:follow-redirects].
 *
 * Returns: whether redirects are followed
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_follow_redirects: (set-property follow-redirects)
 * @self: the executor
 * @follow_redirects: whether redirects are followed
 *
 * Sets [property@Mk.HttpProbe:follow-redirects].
 *
 * Since: 1.0
 */
FORWARD (gboolean, follow_redirects)

/**
 * mk_http_executor_get_socket_path: (get-property socket-path)
 * @self: the executor
 *
 * Gets [property@Mk.HttpProbe:socket-path].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a socket
 *
 * Since: 1.0
 */

/**
 * mk_http_executor_set_socket_path: (set-property socket-path)
 * @self: the executor
 * @socket_path: (nullable) (type filename): the path of a socket
 *
 * Sets [property@Mk.HttpProbe:socket-path].
 *
 * Since: 1.0
 */
FORWARD (const char *, socket_path)
