/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of an HTTP probe.
 *
 * The probe keeps them as they were given. A property cannot fail, so mistakes are reported when the probe is
 * asked: it makes a copy, which mk_http_settings_prepare() parses and checks. An attempt uses only its copy,
 * so the settings may be changed meanwhile, also in another thread.
 */

#include "mk-http-settings-private.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

/* Lower ones are interim answers. */
#define FIRST_STATUS 200
#define LAST_STATUS  599
#define EXAMPLE      "http://127.0.0.1:8000/path"

#define http_settings_fail(error, ...) g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

MkHttpSettings *
mk_http_settings_new (void)
{
  MkHttpSettings *self = g_new0 (MkHttpSettings, 1);

  self->status = g_strdup (MK_HTTP_DEFAULT_STATUS);
  self->method = g_strdup (MK_HTTP_DEFAULT_METHOD);
  return self;
}

/* Only what was given. */
MkHttpSettings *
mk_http_settings_copy (const MkHttpSettings *self)
{
  MkHttpSettings *copy = g_new0 (MkHttpSettings, 1);

  copy->uri = g_strdup (self->uri);
  copy->status = g_strdup (self->status);
  copy->method = g_strdup (self->method);
  copy->headers = g_strdupv (self->headers);
  copy->body = self->body ? g_bytes_ref (self->body) : NULL;
  copy->content_type = g_strdup (self->content_type);
  copy->body_pattern = g_strdup (self->body_pattern);
  copy->ca_file = g_strdup (self->ca_file);
  copy->certificate_file = g_strdup (self->certificate_file);
  copy->socket_path = g_strdup (self->socket_path);
  copy->accept_any_certificate = self->accept_any_certificate;
  copy->follow_redirects = self->follow_redirects;
  return copy;
}

void
mk_http_settings_free (MkHttpSettings *self)
{
  g_free (self->uri);
  g_free (self->status);
  g_free (self->method);
  g_strfreev (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->content_type);
  g_free (self->body_pattern);
  g_free (self->ca_file);
  g_free (self->certificate_file);
  g_free (self->socket_path);
  g_clear_pointer (&self->parsed, g_uri_unref);
  g_clear_pointer (&self->status_regex, g_regex_unref);
  g_clear_pointer (&self->body_regex, g_regex_unref);
  g_free (self);
}

/* ---- the URL ---- */

static gboolean
http_settings_has_control (const char *text, gboolean or_space)
{
  for (; *text != '\0'; text++)
    if (or_space ? g_ascii_isspace (*text) || g_ascii_iscntrl (*text)
                 : g_ascii_iscntrl (*text) && *text != '\t')
      return TRUE;

  return FALSE;
}

/* The part of the URL that is wrong may be in the password, so everything before the last "@" is left out. */
static char *
http_settings_dup_shown_uri (const char *text)
{
  const char *at = strrchr (text, '@');
  const char *scheme_end = strstr (text, "://");
  g_autofree char *without_user = NULL;

  if (at == NULL)
    return mk_message_shown (text);

  without_user = scheme_end != NULL && scheme_end < at
                     ? g_strdup_printf ("%.*s…%s", (int) (scheme_end + 3 - text), text, at)
                     : g_strdup_printf ("…%s", at);
  return mk_message_shown (without_user);
}

/* Returns: (transfer full) (nullable): %NULL with an error if there is no usable URL */
GUri *
mk_http_settings_parse_uri (const MkHttpSettings *self, GError **error)
{
  const char *text = self->uri ? self->uri : "";
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GUri) uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, &local_error);
  g_autofree char *shown = http_settings_dup_shown_uri (text);
  const char *fault;

  if (*text == '\0')
    {
      http_settings_fail (error, _ ("The URL is empty: give one, for example %s"), EXAMPLE);
      return NULL;
    }

  if (!g_utf8_validate (text, -1, NULL) || http_settings_has_control (text, TRUE))
    fault = _ ("write spaces and control characters as %20 and similar");
  else if (uri == NULL)
    fault = strchr (text, '@') ? _ ("it cannot be parsed") : local_error->message;
  else if (!g_str_equal (g_uri_get_scheme (uri), "http") && !g_str_equal (g_uri_get_scheme (uri), "https"))
    fault = _ ("it must begin with http:// or https://");
  else if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0')
    fault = _ ("it has no host");
  else if (g_uri_get_port (uri) == 0)
    fault = _ ("its port is 0, and ports are from 1 to 65535");
  else
    return g_steal_pointer (&uri);

  /* Translators: what was given, what is wrong with it, an example */
  http_settings_fail (error, _ ("“%s” is not a valid URL (%s): give one such as %s"), shown, fault, EXAMPLE);
  return NULL;
}

/* For messages: without the password. */
char *
mk_http_settings_dup_name (const MkHttpSettings *self)
{
  g_autoptr (GUri) uri = mk_http_settings_parse_uri (self, NULL);

  if (uri != NULL)
    return g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO | G_URI_HIDE_FRAGMENT);

  return self->uri ? http_settings_dup_shown_uri (self->uri) : g_strdup (_ ("(no URL)"));
}

/* ---- regular expressions ---- */

static GRegex *
http_settings_compile (const char *what, const char *pattern, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  GRegex *regex = g_regex_new (pattern, G_REGEX_RAW, 0, &local_error);

  if (regex == NULL)
    {
      g_autofree char *shown = mk_message_shown (pattern);
      g_autofree char *reason = mk_message_shown (local_error->message);

      /* Translators: “The status” or “The body pattern”, its text, why */
      http_settings_fail (error, _ ("%s “%s” is not a valid regular expression: %s"), what, shown, reason);
    }
  return regex;
}

static gboolean
http_settings_compile_status (MkHttpSettings *self, GError **error)
{
  g_autofree char *shown = mk_message_shown (self->status);

  self->status_regex = http_settings_compile (_ ("The status"), self->status, error);
  if (self->status_regex == NULL)
    return FALSE;

  for (guint status = FIRST_STATUS; status <= LAST_STATUS; status++)
    {
      char text[4];

      g_snprintf (text, sizeof text, "%u", status);
      if (g_regex_match (self->status_regex, text, G_REGEX_MATCH_ANCHORED, NULL))
        return TRUE;
    }

  http_settings_fail (
      error,
      _ ("No status matches “%s”: give a code from %d to %d, or a regular expression for one, such as %s"),
      shown,
      FIRST_STATUS,
      LAST_STATUS,
      MK_HTTP_DEFAULT_STATUS);
  return FALSE;
}

static gboolean
http_settings_compile_body_pattern (MkHttpSettings *self, GError **error)
{
  if (self->body_pattern == NULL)
    return TRUE;

  self->body_regex = http_settings_compile (_ ("The body pattern"), self->body_pattern, error);
  return self->body_regex != NULL;
}

/* ---- the other settings ---- */

/* A "token" of RFC 9110 */
static gboolean
http_settings_is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL)
      return FALSE;

  return length > 0;
}

static gboolean
http_settings_check_method (const MkHttpSettings *self, GError **error)
{
  g_autofree char *shown = mk_message_shown (self->method);

  if (http_settings_is_token (self->method, strlen (self->method)) && !g_str_equal (self->method, "CONNECT"))
    return TRUE;

  http_settings_fail (error, _ ("“%s” is not a valid method: use HEAD, GET, POST or similar"), shown);
  return FALSE;
}

static gboolean
http_settings_check_header (const char *header, GError **error)
{
  const char *colon = strchr (header, ':');
  g_autofree char *name = colon ? g_strndup (header, colon - header) : NULL;
  g_autofree char *shown = mk_message_shown (header);
  const char *fault;

  if (colon == NULL)
    fault = _ ("it has no colon");
  else if (!http_settings_is_token (name, strlen (name)))
    fault = _ ("the name before the colon is invalid");
  else if (http_settings_has_control (colon, FALSE))
    fault = _ ("it contains a line break or another control character");
  else if (g_ascii_strcasecmp (name, "Content-Length") == 0 ||
           g_ascii_strcasecmp (name, "Transfer-Encoding") == 0)
    fault = _ ("it is computed from the body");
  else
    return TRUE;

  http_settings_fail (
      error, _ ("“%s” is not a valid header (%s): give one such as “Accept: text/html”"), shown, fault);
  return FALSE;
}

static gboolean
http_settings_check_headers (const MkHttpSettings *self, GError **error)
{
  for (char **header = self->headers; header != NULL && *header != NULL; header++)
    if (!http_settings_check_header (*header, error))
      return FALSE;

  return TRUE;
}

static gboolean
http_settings_check_content_type (const MkHttpSettings *self, GError **error)
{
  g_autofree char *shown = NULL;

  if (self->content_type == NULL ||
      (strchr (self->content_type, '/') != NULL && !http_settings_has_control (self->content_type, FALSE)))
    return TRUE;

  shown = mk_message_shown (self->content_type);
  http_settings_fail (
      error, _ ("“%s” is not a valid content type: give one such as application/json"), shown);
  return FALSE;
}

static gboolean
http_settings_check_socket_path (const MkHttpSettings *self, GError **error)
{
#ifndef G_OS_UNIX
  if (self->socket_path != NULL)
    {
      http_settings_fail (error,
                          _ ("Unix sockets are not supported on this system: leave socket-path unset"));
      return FALSE;
    }
#endif
  return TRUE;
}

static gboolean
http_settings_check_readable (const char *path, GError **error)
{
  g_autofree char *shown = NULL;
  int number;

  if (path == NULL || access (path, R_OK) == 0)
    return TRUE;

  number = errno;
  shown = mk_message_path (path);
  http_settings_fail (error, _ ("The certificate file “%s” cannot be read: %s"), shown, g_strerror (number));
  return FALSE;
}

static gboolean
http_settings_check_tls (const MkHttpSettings *self, GError **error)
{
  if (g_str_equal (g_uri_get_scheme (self->parsed), "https") &&
      !g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      http_settings_fail (
          error, _ ("https needs the TLS module of GLib, which is not installed: install glib-networking"));
      return FALSE;
    }

  return http_settings_check_readable (self->ca_file, error) &&
         http_settings_check_readable (self->certificate_file, error);
}

/*
 * To be called once, on a copy: parses what has to be parsed, and looks for mistakes. Where a body is wanted,
 * HEAD turns into GET.
 */
gboolean
mk_http_settings_prepare (MkHttpSettings *self, GError **error)
{
  self->parsed = mk_http_settings_parse_uri (self, error);
  if (self->parsed == NULL || !http_settings_compile_status (self, error) ||
      !http_settings_compile_body_pattern (self, error) || !http_settings_check_method (self, error) ||
      !http_settings_check_headers (self, error) || !http_settings_check_content_type (self, error) ||
      !http_settings_check_socket_path (self, error) || !http_settings_check_tls (self, error))
    return FALSE;

  if (self->body_regex != NULL && g_str_equal (self->method, "HEAD"))
    {
      g_free (self->method);
      self->method = g_strdup ("GET");
    }
  return TRUE;
}

/*
 * For https, which http may be redirected to.
 *
 * @self: prepared
 * @authorities: (out) (nullable): those that are trusted, %NULL for those of the system
 * @certificate: (out) (nullable): that of the client
 */
gboolean
mk_http_settings_load_certificates (const MkHttpSettings *self,
                                    GTlsDatabase **authorities,
                                    GTlsCertificate **certificate,
                                    GError **error)
{
  g_autoptr (GError) local_error = NULL;
  const char *path = self->ca_file;
  g_autofree char *shown = NULL;

  *authorities = NULL;
  *certificate = NULL;
  if (!g_str_equal (g_uri_get_scheme (self->parsed), "https") && !self->follow_redirects)
    return TRUE;

  if (self->ca_file != NULL)
    {
      g_autofree char *absolute = g_canonicalize_filename (self->ca_file, NULL);

      *authorities = g_tls_file_database_new (absolute, &local_error);
    }
  if (local_error == NULL && self->certificate_file != NULL)
    {
      path = self->certificate_file;
      *certificate = g_tls_certificate_new_from_file (path, &local_error);
    }
  if (local_error == NULL)
    return TRUE;

  g_clear_object (authorities);
  shown = mk_message_path (path);
  http_settings_fail (
      error, _ ("The file “%s” contains no usable certificate: %s"), shown, local_error->message);
  return FALSE;
}

/* ---- forms ---- */

/* @fields: "name=value"; without "=" the value is empty */
GBytes *
mk_http_encode_form (const char *const *fields)
{
  GString *text = g_string_new (NULL);

  for (; *fields != NULL; fields++)
    {
      const char *equals = strchr (*fields, '=');
      g_autofree char *name = equals ? g_strndup (*fields, equals - *fields) : g_strdup (*fields);

      if (text->len > 0)
        g_string_append_c (text, '&');
      g_string_append_uri_escaped (text, name, " *", FALSE);
      g_string_append_c (text, '=');
      g_string_append_uri_escaped (text, equals ? equals + 1 : "", " *", FALSE);
    }

  /* Where this differs from a URL */
  g_string_replace (text, " ", "+", 0);
  g_string_replace (text, "~", "%7E", 0);
  return g_string_free_to_bytes (text);
}
