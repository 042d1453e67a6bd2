/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The getters and setters of HTTP probes.
 */

#include "mk-http-probe-private.h"

static void
notify (MkHttpProbe *self, guint prop_id)
{
  g_object_notify_by_pspec (G_OBJECT (self), mk_http_probe_props[prop_id]);
}

static void
replace (MkHttpProbe *self, guint prop_id, char **setting, const char *text)
{
  if (g_strcmp0 (*setting, text) == 0)
    return;

  g_free (*setting);
  *setting = g_strdup (text);
  notify (self, prop_id);
}

static gboolean
same_strv (char **a, const char *const *b)
{
  return a != NULL && b != NULL ? g_strv_equal ((const char *const *) a, b) : a == NULL && b == NULL;
}

/**
 * mk_http_probe_get_uri: (get-property uri)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:uri].
 *
 * Returns: (transfer none) (nullable): the URL, http:// or https://
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_uri (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.uri;
}

/**
 * mk_http_probe_set_uri: (set-property uri)
 * @self: the probe
 * @uri: (nullable): the URL, http:// or https://
 *
 * Sets [property@Mk.HttpProbe:uri].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_uri (MkHttpProbe *self, const char *uri)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (g_strcmp0 (self->settings.uri, uri) == 0)
    return;

  mk_http_settings_set_uri (&self->settings, uri);
  mk_http_probe_forget (self);
  notify (self, PROP_URI);
}

/**
 * mk_http_probe_get_status: (get-property status)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:status].
 *
 * Returns: (transfer none) (nullable): a code or a regular expression, %NULL for the default
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_status (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.status;
}

/**
 * mk_http_probe_set_status: (set-property status)
 * @self: the probe
 * @status: (nullable): a code or a regular expression, %NULL for the default
 *
 * Sets [property@Mk.HttpProbe:status].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_status (MkHttpProbe *self, const char *status)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (status == NULL)
    status = MK_HTTP_DEFAULT_STATUS;
  if (g_strcmp0 (self->settings.status, status) == 0)
    return;

  mk_http_settings_set_status (&self->settings, status);
  notify (self, PROP_STATUS);
}

/**
 * mk_http_probe_get_method: (get-property method)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:method].
 *
 * Returns: (transfer none) (nullable): the method, %NULL for the default
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_method (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.method;
}

/**
 * mk_http_probe_set_method: (set-property method)
 * @self: the probe
 * @method: (nullable): the method, %NULL for the default
 *
 * Sets [property@Mk.HttpProbe:method].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_method (MkHttpProbe *self, const char *method)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (method == NULL)
    method = MK_HTTP_DEFAULT_METHOD;
  replace (self, PROP_METHOD, &self->settings.method, method);
}

/**
 * mk_http_probe_get_headers: (get-property headers)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:headers].
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the headers, each as `Name: value`
 *
 * Since: 1.0
 */
const char *const *
mk_http_probe_get_headers (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return (const char *const *) self->settings.headers;
}

/**
 * mk_http_probe_set_headers: (set-property headers)
 * @self: the probe
 * @headers: (nullable) (array zero-terminated=1): the headers, each as `Name: value`
 *
 * Sets [property@Mk.HttpProbe:headers].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_headers (MkHttpProbe *self, const char *const *headers)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (same_strv (self->settings.headers, headers))
    return;

  g_strfreev (self->settings.headers);
  self->settings.headers = g_strdupv ((char **) headers);
  notify (self, PROP_HEADERS);
}

/**
 * mk_http_probe_get_body: (get-property body)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:body].
 *
 * Returns: (transfer none) (nullable): the body
 *
 * Since: 1.0
 */
GBytes *
mk_http_probe_get_body (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.body;
}

/**
 * mk_http_probe_set_body: (set-property body)
 * @self: the probe
 * @body: (nullable): the body
 *
 * Sets [property@Mk.HttpProbe:body].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_body (MkHttpProbe *self, GBytes *body)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (self->settings.body == body ||
      (self->settings.body && body && g_bytes_equal (self->settings.body, body)))
    return;

  g_clear_pointer (&self->settings.body, g_bytes_unref);
  self->settings.body = body ? g_bytes_ref (body) : NULL;
  notify (self, PROP_BODY);
}

/**
 * mk_http_probe_get_content_type: (get-property content-type)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:content-type].
 *
 * Returns: (transfer none) (nullable): the type of the body
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_content_type (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.content_type;
}

/**
 * mk_http_probe_set_content_type: (set-property content-type)
 * @self: the probe
 * @content_type: (nullable): the type of the body
 *
 * Sets [property@Mk.HttpProbe:content-type].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_content_type (MkHttpProbe *self, const char *content_type)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  replace (self, PROP_CONTENT_TYPE, &self->settings.content_type, content_type);
}

/**
 * mk_http_probe_get_body_pattern: (get-property body-pattern)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:body-pattern].
 *
 * Returns: (transfer none) (nullable): a regular expression
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_body_pattern (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.body_pattern;
}

/**
 * mk_http_probe_set_body_pattern: (set-property body-pattern)
 * @self: the probe
 * @body_pattern: (nullable): a regular expression
 *
 * Sets [property@Mk.HttpProbe:body-pattern].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_body_pattern (MkHttpProbe *self, const char *body_pattern)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  if (g_strcmp0 (self->settings.body_pattern, body_pattern) == 0)
    return;

  mk_http_settings_set_body_pattern (&self->settings, body_pattern);
  notify (self, PROP_BODY_PATTERN);
}

/**
 * mk_http_probe_get_accept_any_certificate: (get-property accept-any-certificate)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Returns: whether any certificate is accepted
 *
 * Since: 1.0
 */
gboolean
mk_http_probe_get_accept_any_certificate (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), FALSE);

  return self->settings.accept_any_certificate;
}

/**
 * mk_http_probe_set_accept_any_certificate: (set-property accept-any-certificate)
 * @self: the probe
 * @accept_any_certificate: whether any certificate is accepted
 *
 * Sets [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_accept_any_certificate (MkHttpProbe *self, gboolean accept_any_certificate)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  accept_any_certificate = !!accept_any_certificate;
  if (self->settings.accept_any_certificate == accept_any_certificate)
    return;

  self->settings.accept_any_certificate = accept_any_certificate;
  notify (self, PROP_ACCEPT_ANY_CERTIFICATE);
}

/**
 * mk_http_probe_get_ca_file: (get-property ca-file)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:ca-file].
 *
 * Returns: (transfer none) (nullable) (type filename): a file of certificates
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_ca_file (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.ca_file;
}

/**
 * mk_http_probe_set_ca_file: (set-property ca-file)
 * @self: the probe
 * @ca_file: (nullable) (type filename): a file of certificates
 *
 * Sets [property@Mk.HttpProbe:ca-file].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_ca_file (MkHttpProbe *self, const char *ca_file)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  replace (self, PROP_CA_FILE, &self->settings.ca_file, ca_file);
}

/**
 * mk_http_probe_get_socket_path: (get-property socket-path)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:socket-path].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a Unix socket
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_socket_path (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings.socket_path;
}

/**
 * mk_http_probe_set_socket_path: (set-property socket-path)
 * @self: the probe
 * @socket_path: (nullable) (type filename): the path of a Unix socket
 *
 * Sets [property@Mk.HttpProbe:socket-path].
 *
 * Since: 1.0
 */
void
mk_http_probe_set_socket_path (MkHttpProbe *self, const char *socket_path)
{
  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  replace (self, PROP_SOCKET_PATH, &self->settings.socket_path, socket_path);
  mk_http_probe_forget (self);
}

/**
 * mk_http_probe_set_form:
 * @self: the probe
 * @fields: (array zero-terminated=1): the fields, each as `name=value`
 *
 * Sets the body to that of a form that was filled in, and its content type to
 * `application/x-www-form-urlencoded`. The method is left as it is; forms are mostly sent with `POST`.
 *
 * Since: 1.0
 */
void
mk_http_probe_set_form (MkHttpProbe *self, const char *const *fields)
{
  g_autoptr (GBytes) body = NULL;

  g_return_if_fail (MK_IS_HTTP_PROBE (self));
  g_return_if_fail (fields != NULL);

  body = mk_http_encode_form (fields);
  mk_http_probe_set_body (self, body);
  mk_http_probe_set_content_type (self, "application/x-www-form-urlencoded");
}
