/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All that there is to know about HTTP is the probe's. Its properties are those of the executor, and its
 * changes are passed on.
 */

#include "mk-http-executor.h"

#include "http/mk-http-probe-private.h"

/**
 * MkHttpExecutor:
 *
 * An executor that waits until a URL is answered with the right status.
 *
 * The port of the URL must be free before the start: if anything answers there, the start fails with
 * %MK_ERROR_ALREADY_RUNNING and says what it is. What counts as an answer, see [class@Mk.HttpProbe].
 *
 * [property@Mk.TcpExecutor:host] and [property@Mk.TcpExecutor:port] follow from the URL.
 *
 * Since: 1.0
 */

typedef struct
{
  MkHttpProbe *http_probe; /* (owned) */
} MkHttpExecutorPrivate;

static GParamSpec *props[N_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MkHttpExecutor, mk_http_executor, MK_TYPE_TCP_EXECUTOR)

static MkHttpProbe *
get_http_probe (MkHttpExecutor *self)
{
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  return priv->http_probe;
}

static void
on_probe_notify (MkHttpProbe *probe, GParamSpec *pspec, MkHttpExecutor *self)
{
  const MkHttpSettings *settings = &probe->settings;

  if (pspec == mk_http_probe_props[PROP_URI])
    {
      mk_tcp_executor_set_host (MK_TCP_EXECUTOR (self), mk_http_settings_get_host (settings));
      mk_tcp_executor_set_port (MK_TCP_EXECUTOR (self), mk_http_settings_get_port (settings));
    }
  g_object_notify (G_OBJECT (self), pspec->name);
}

static void
mk_http_executor_finalize (GObject *object)
{
  MkHttpExecutor *self = MK_HTTP_EXECUTOR (object);
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  g_signal_handlers_disconnect_by_func (priv->http_probe, on_probe_notify, self);
  g_clear_object (&priv->http_probe);

  G_OBJECT_CLASS (mk_http_executor_parent_class)->finalize (object);
}

static void
mk_http_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  g_object_get_property (G_OBJECT (get_http_probe (MK_HTTP_EXECUTOR (object))), pspec->name, value);
}

static void
mk_http_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  g_object_set_property (G_OBJECT (get_http_probe (MK_HTTP_EXECUTOR (object))), pspec->name, value);
}

/**
 * MkHttpExecutor:uri:
 *
 * The URL that is asked, http:// or https://.
 *
 * A user and a password in it are sent as basic authentication. The query is sent, the fragment is not.
 *
 * It also sets [property@Mk.TcpExecutor:host] and [property@Mk.TcpExecutor:port].
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:status:
 *
 * What the status of the answer has to be: a code, or a regular expression that is matched at the start
 * of the three digits. %NULL stands for the default, `^2\d\d$`.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:method:
 *
 * The method of the request, `HEAD` unless it is set.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:headers:
 *
 * Further headers of the request, each as `Name: value`. They win over those that the library sets.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:body:
 *
 * The body of the request.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:content-type:
 *
 * The type of the body, as `application/json`.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:body-pattern:
 *
 * A regular expression that has to match somewhere in the body of the answer, of which at most 1 MiB is
 * read. The method must be one whose answer has a body, as `GET`.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:accept-any-certificate:
 *
 * Whether any certificate of an https server is accepted: one that it has signed itself, one for another
 * name, one that has expired.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:ca-file:
 *
 * A file with the certificates, in PEM format, that the certificate of an https server has to be signed
 * with, instead of those that the system trusts. A certificate that was signed with itself may stand
 * there as well.
 *
 * Since: 1.0
 */

/**
 * MkHttpExecutor:socket-path:
 *
 * The path of a Unix socket to connect to, instead of the host and the port of the URL.
 *
 * Since: 1.0
 */

static void
mk_http_executor_class_init (MkHttpExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mk_http_executor_finalize;
  object_class->get_property = mk_http_executor_get_property;
  object_class->set_property = mk_http_executor_set_property;

  mk_http_install_properties (object_class, props);
}

static void
mk_http_executor_init (MkHttpExecutor *self)
{
  MkHttpExecutorPrivate *priv = mk_http_executor_get_instance_private (self);

  priv->http_probe = mk_http_probe_new (NULL);
  g_signal_connect (priv->http_probe, "notify", G_CALLBACK (on_probe_notify), self);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (priv->http_probe));
}

/**
 * mk_http_executor_new:
 * @argv: (array zero-terminated=1): the command: the program and its arguments
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
 * mk_http_executor_get_uri: (get-property uri)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:uri].
 *
 * Returns: (transfer none) (nullable): the URL, http:// or https://
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_uri (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_uri (get_http_probe (self));
}

/**
 * mk_http_executor_set_uri: (set-property uri)
 * @self: the executor
 * @uri: (nullable): the URL, http:// or https://
 *
 * Sets [property@Mk.HttpExecutor:uri].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_uri (MkHttpExecutor *self, const char *uri)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_uri (get_http_probe (self), uri);
}

/**
 * mk_http_executor_get_status: (get-property status)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:status].
 *
 * Returns: (transfer none) (nullable): a code or a regular expression, %NULL for the default
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_status (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_status (get_http_probe (self));
}

/**
 * mk_http_executor_set_status: (set-property status)
 * @self: the executor
 * @status: (nullable): a code or a regular expression, %NULL for the default
 *
 * Sets [property@Mk.HttpExecutor:status].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_status (MkHttpExecutor *self, const char *status)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_status (get_http_probe (self), status);
}

/**
 * mk_http_executor_get_method: (get-property method)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:method].
 *
 * Returns: (transfer none) (nullable): the method, %NULL for the default
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_method (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_method (get_http_probe (self));
}

/**
 * mk_http_executor_set_method: (set-property method)
 * @self: the executor
 * @method: (nullable): the method, %NULL for the default
 *
 * Sets [property@Mk.HttpExecutor:method].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_method (MkHttpExecutor *self, const char *method)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_method (get_http_probe (self), method);
}

/**
 * mk_http_executor_get_headers: (get-property headers)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:headers].
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the headers, each as `Name: value`
 *
 * Since: 1.0
 */
const char *const *
mk_http_executor_get_headers (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_headers (get_http_probe (self));
}

/**
 * mk_http_executor_set_headers: (set-property headers)
 * @self: the executor
 * @headers: (nullable) (array zero-terminated=1): the headers, each as `Name: value`
 *
 * Sets [property@Mk.HttpExecutor:headers].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_headers (MkHttpExecutor *self, const char *const *headers)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_headers (get_http_probe (self), headers);
}

/**
 * mk_http_executor_get_body: (get-property body)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:body].
 *
 * Returns: (transfer none) (nullable): the body
 *
 * Since: 1.0
 */
GBytes *
mk_http_executor_get_body (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_body (get_http_probe (self));
}

/**
 * mk_http_executor_set_body: (set-property body)
 * @self: the executor
 * @body: (nullable): the body
 *
 * Sets [property@Mk.HttpExecutor:body].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_body (MkHttpExecutor *self, GBytes *body)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_body (get_http_probe (self), body);
}

/**
 * mk_http_executor_get_content_type: (get-property content-type)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:content-type].
 *
 * Returns: (transfer none) (nullable): the type of the body
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_content_type (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_content_type (get_http_probe (self));
}

/**
 * mk_http_executor_set_content_type: (set-property content-type)
 * @self: the executor
 * @content_type: (nullable): the type of the body
 *
 * Sets [property@Mk.HttpExecutor:content-type].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_content_type (MkHttpExecutor *self, const char *content_type)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_content_type (get_http_probe (self), content_type);
}

/**
 * mk_http_executor_get_body_pattern: (get-property body-pattern)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:body-pattern].
 *
 * Returns: (transfer none) (nullable): a regular expression
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_body_pattern (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_body_pattern (get_http_probe (self));
}

/**
 * mk_http_executor_set_body_pattern: (set-property body-pattern)
 * @self: the executor
 * @body_pattern: (nullable): a regular expression
 *
 * Sets [property@Mk.HttpExecutor:body-pattern].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_body_pattern (MkHttpExecutor *self, const char *body_pattern)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_body_pattern (get_http_probe (self), body_pattern);
}

/**
 * mk_http_executor_get_accept_any_certificate: (get-property accept-any-certificate)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:accept-any-certificate].
 *
 * Returns: whether any certificate is accepted
 *
 * Since: 1.0
 */
gboolean
mk_http_executor_get_accept_any_certificate (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), FALSE);

  return mk_http_probe_get_accept_any_certificate (get_http_probe (self));
}

/**
 * mk_http_executor_set_accept_any_certificate: (set-property accept-any-certificate)
 * @self: the executor
 * @accept_any_certificate: whether any certificate is accepted
 *
 * Sets [property@Mk.HttpExecutor:accept-any-certificate].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_accept_any_certificate (MkHttpExecutor *self, gboolean accept_any_certificate)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_accept_any_certificate (get_http_probe (self), accept_any_certificate);
}

/**
 * mk_http_executor_get_ca_file: (get-property ca-file)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:ca-file].
 *
 * Returns: (transfer none) (nullable) (type filename): a file of certificates
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_ca_file (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_ca_file (get_http_probe (self));
}

/**
 * mk_http_executor_set_ca_file: (set-property ca-file)
 * @self: the executor
 * @ca_file: (nullable) (type filename): a file of certificates
 *
 * Sets [property@Mk.HttpExecutor:ca-file].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_ca_file (MkHttpExecutor *self, const char *ca_file)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_ca_file (get_http_probe (self), ca_file);
}

/**
 * mk_http_executor_get_socket_path: (get-property socket-path)
 * @self: the executor
 *
 * Gets [property@Mk.HttpExecutor:socket-path].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a Unix socket
 *
 * Since: 1.0
 */
const char *
mk_http_executor_get_socket_path (MkHttpExecutor *self)
{
  g_return_val_if_fail (MK_IS_HTTP_EXECUTOR (self), NULL);

  return mk_http_probe_get_socket_path (get_http_probe (self));
}

/**
 * mk_http_executor_set_socket_path: (set-property socket-path)
 * @self: the executor
 * @socket_path: (nullable) (type filename): the path of a Unix socket
 *
 * Sets [property@Mk.HttpExecutor:socket-path].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_socket_path (MkHttpExecutor *self, const char *socket_path)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_socket_path (get_http_probe (self), socket_path);
}

/**
 * mk_http_executor_set_form:
 * @self: the executor
 * @fields: (array zero-terminated=1): the fields, each as `name=value`
 *
 * Sets the body to that of a form that was filled in. See [method@Mk.HttpProbe.set_form].
 *
 * Since: 1.0
 */
void
mk_http_executor_set_form (MkHttpExecutor *self, const char *const *fields)
{
  g_return_if_fail (MK_IS_HTTP_EXECUTOR (self));

  mk_http_probe_set_form (get_http_probe (self), fields);
}
