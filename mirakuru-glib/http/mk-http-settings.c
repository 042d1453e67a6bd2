/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a HTTP probe is told: kept, understood, and looked over for mistakes.
 *
 * What has to be parsed is parsed when it is set, since a probe is asked often. Mistakes are told when it is
 * asked: a property cannot fail.
 */

#include "mk-http-settings-private.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443
/* Those below are not the last word of a server. */
#define FIRST_STATUS 200
#define LAST_STATUS  599
#define EXAMPLE      "http://127.0.0.1:8000/path"

void
mk_http_settings_init (MkHttpSettings *self)
{
  self->method = g_strdup (MK_HTTP_DEFAULT_METHOD);
  mk_http_settings_set_uri (self, NULL);
  mk_http_settings_set_status (self, NULL);
}

void
mk_http_settings_clear (MkHttpSettings *self)
{
  g_free (self->uri);
  g_free (self->status);
  g_free (self->method);
  g_strfreev (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->content_type);
  g_free (self->body_pattern);
  g_free (self->ca_file);
  g_free (self->socket_path);
  g_clear_pointer (&self->parsed, g_uri_unref);
  g_clear_pointer (&self->status_regex, g_regex_unref);
  g_clear_pointer (&self->body_regex, g_regex_unref);
  g_clear_error (&self->uri_error);
  g_clear_error (&self->status_error);
  g_clear_error (&self->body_error);
}

/* ---- the URL ---- */

static gboolean
has_blank_or_control (const char *text)
{
  for (; *text != '\0'; text++)
    if (g_ascii_isspace (*text) || g_ascii_iscntrl (*text))
      return TRUE;

  return FALSE;
}

static gboolean
has_control (const char *text)
{
  for (; *text != '\0'; text++)
    if (g_ascii_iscntrl (*text) && *text != '\t')
      return TRUE;

  return FALSE;
}

/* A part of the URL that is wrong may be a part of the password, so all before the last "@" is left out. */
static char *
dup_shown_uri (const char *text)
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

/* @why: (nullable): %NULL if @uri can be asked, as far as can be seen */
static const char *
find_fault (GUri *uri)
{
  const char *scheme = g_uri_get_scheme (uri);

  if (!g_str_equal (scheme, "http") && !g_str_equal (scheme, "https"))
    return _ ("only http:// and https:// can be asked");
  if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0')
    return _ ("it names no host");
  if (g_uri_get_port (uri) == 0)
    return _ ("its port is 0, and ports are from 1 to 65535");

  return NULL;
}

static GUri *
parse_uri (const char *text, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GUri) uri = NULL;
  g_autofree char *shown = text ? dup_shown_uri (text) : NULL;
  const char *fault;

  if (text == NULL || *text == '\0')
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   _ ("The URL is empty: give one, for example %s"),
                   EXAMPLE);
      return NULL;
    }

  uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, &local_error);
  if (!g_utf8_validate (text, -1, NULL) || has_blank_or_control (text))
    fault = _ ("blanks and control characters are written as %20 and the like");
  else if (uri == NULL)
    fault = strchr (text, '@') ? _ ("it cannot be taken apart") : local_error->message;
  else
    fault = find_fault (uri);

  if (fault == NULL)
    return g_steal_pointer (&uri);

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               /* Translators: what was given, what is wrong with it, an example */
               _ ("“%s” is not a URL to ask (%s): one looks like %s"),
               shown,
               fault,
               EXAMPLE);
  return NULL;
}

/* @uri: (nullable) */
void
mk_http_settings_set_uri (MkHttpSettings *self, const char *uri)
{
  g_clear_pointer (&self->uri, g_free);
  g_clear_pointer (&self->parsed, g_uri_unref);
  g_clear_error (&self->uri_error);

  self->uri = g_strdup (uri);
  self->parsed = parse_uri (uri, &self->uri_error);
}

/* Returns: (nullable): %NULL if there is no usable URL */
const char *
mk_http_settings_get_host (const MkHttpSettings *self)
{
  return self->parsed ? g_uri_get_host (self->parsed) : NULL;
}

/* Returns: the port, 0 if there is no usable URL */
guint
mk_http_settings_get_port (const MkHttpSettings *self)
{
  int port = self->parsed ? g_uri_get_port (self->parsed) : 0;

  if (port >= 0)
    return port;
  return mk_http_settings_is_https (self) ? HTTPS_PORT : HTTP_PORT;
}

gboolean
mk_http_settings_is_https (const MkHttpSettings *self)
{
  return self->parsed != NULL && g_str_equal (g_uri_get_scheme (self->parsed), "https");
}

/* For messages: without the password. */
char *
mk_http_settings_dup_name (const MkHttpSettings *self)
{
  if (self->parsed != NULL)
    return g_uri_to_string_partial (self->parsed, G_URI_HIDE_USERINFO | G_URI_HIDE_FRAGMENT);

  return self->uri ? dup_shown_uri (self->uri) : g_strdup (_ ("(no URL)"));
}

/* ---- regular expressions ---- */

static gboolean
can_match (GRegex *regex)
{
  for (guint status = FIRST_STATUS; status <= LAST_STATUS; status++)
    {
      char text[4];

      g_snprintf (text, sizeof text, "%u", status);
      if (g_regex_match (regex, text, G_REGEX_MATCH_ANCHORED, NULL))
        return TRUE;
    }

  return FALSE;
}

static GRegex *
compile (const char *what, const char *pattern, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  GRegex *regex = g_regex_new (pattern, G_REGEX_RAW, 0, &local_error);

  if (regex == NULL)
    {
      g_autofree char *shown = mk_message_shown (pattern);
      g_autofree char *reason = mk_message_shown (local_error->message);

      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   /* Translators: “The status” or “The body pattern”, its text, why */
                   _ ("%s “%s” is not a regular expression: %s"),
                   what,
                   shown,
                   reason);
    }
  return regex;
}

/* @status: (nullable): %NULL for the default */
void
mk_http_settings_set_status (MkHttpSettings *self, const char *status)
{
  g_autofree char *shown = NULL;

  g_clear_pointer (&self->status, g_free);
  g_clear_pointer (&self->status_regex, g_regex_unref);
  g_clear_error (&self->status_error);

  self->status = g_strdup (status ? status : MK_HTTP_DEFAULT_STATUS);
  self->status_regex = compile (_ ("The status"), self->status, &self->status_error);
  if (self->status_regex == NULL || can_match (self->status_regex))
    return;

  shown = mk_message_shown (self->status);
  g_set_error (
      &self->status_error,
      MK_ERROR,
      MK_ERROR_INVALID_ARGUMENT,
      _ ("No status matches “%s”: it is a code from %d to %d, or a regular expression for one, as %s"),
      shown,
      FIRST_STATUS,
      LAST_STATUS,
      MK_HTTP_DEFAULT_STATUS);
}

/* @body_pattern: (nullable) */
void
mk_http_settings_set_body_pattern (MkHttpSettings *self, const char *body_pattern)
{
  g_clear_pointer (&self->body_pattern, g_free);
  g_clear_pointer (&self->body_regex, g_regex_unref);
  g_clear_error (&self->body_error);

  self->body_pattern = g_strdup (body_pattern);
  if (body_pattern != NULL)
    self->body_regex = compile (_ ("The body pattern"), body_pattern, &self->body_error);
}

/* ---- looked over ---- */

/* A "token" of RFC 9110 */
static gboolean
is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL)
      return FALSE;

  return length > 0;
}

static gboolean
check_method (const char *method, GError **error)
{
  g_autofree char *shown = NULL;

  if (is_token (method, strlen (method)) && !g_str_equal (method, "CONNECT"))
    return TRUE;

  shown = mk_message_shown (method);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is not a method for a request: use HEAD, GET, POST or the like"),
               shown);
  return FALSE;
}

static gboolean
is_about_body (const char *header, gsize length)
{
  return (length == strlen ("Content-Length") &&
          g_ascii_strncasecmp (header, "Content-Length", length) == 0) ||
         (length == strlen ("Transfer-Encoding") &&
          g_ascii_strncasecmp (header, "Transfer-Encoding", length) == 0);
}

static gboolean
check_header (const char *header, GError **error)
{
  const char *colon = strchr (header, ':');
  g_autofree char *shown = mk_message_shown (header);
  const char *problem;

  if (colon == NULL)
    problem = _ ("it has no colon");
  else if (!is_token (header, colon - header))
    problem = _ ("what stands before the colon is not the name of a header");
  else if (has_control (colon))
    problem = _ ("it has a line break or another control character");
  else if (is_about_body (header, colon - header))
    problem = _ ("that follows from the body");
  else
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” cannot be a header, for %s: one looks like “Accept: text/html”"),
               shown,
               problem);
  return FALSE;
}

static gboolean
check_content_type (const char *content_type, GError **error)
{
  g_autofree char *shown = NULL;

  if (content_type == NULL || (strchr (content_type, '/') != NULL && !has_control (content_type)))
    return TRUE;

  shown = mk_message_shown (content_type);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is not a content type: one looks like application/json"),
               shown);
  return FALSE;
}

static gboolean
check_tls (const MkHttpSettings *self, GError **error)
{
  if (mk_http_settings_is_https (self) && !g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    g_set_error_literal (
        error,
        MK_ERROR,
        MK_ERROR_INVALID_ARGUMENT,
        _ ("https needs the TLS module of GLib, which is not installed: see glib-networking"));
  else if (self->ca_file != NULL && access (self->ca_file, R_OK) != 0)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("The certificate file “%s” cannot be read: %s"),
                 self->ca_file,
                 g_strerror (errno));
  else
    return TRUE;

  return FALSE;
}

static gboolean
check_socket_path (const char *path, GError **error)
{
  gsize longest = sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1;

  g_autofree char *shown = NULL;

  if (path == NULL || (*path != '\0' && !g_str_equal (path, "@") && strlen (path) <= longest))
    return TRUE;

  shown = mk_message_shown (path);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               mk_ngettext ("“%s” cannot be the path of a socket: it has from 1 to %u byte",
                            "“%s” cannot be the path of a socket: it has from 1 to %u bytes",
                            longest),
               shown,
               (guint) longest);
  return FALSE;
}

static gboolean
check_parsed (const GError *problem, GError **error)
{
  if (problem != NULL && error != NULL)
    *error = g_error_copy (problem);

  return problem == NULL;
}

gboolean
mk_http_settings_validate (const MkHttpSettings *self, GError **error)
{
  if (!check_parsed (self->uri_error, error) || !check_parsed (self->status_error, error) ||
      !check_parsed (self->body_error, error) || !check_method (self->method, error))
    return FALSE;

  for (char **header = self->headers; header != NULL && *header != NULL; header++)
    if (!check_header (*header, error))
      return FALSE;

  return check_content_type (self->content_type, error) && check_socket_path (self->socket_path, error) &&
         check_tls (self, error);
}

/* Returns: (transfer full) (nullable): %NULL without an error if there is no file of certificates */
GTlsDatabase *
mk_http_settings_load_ca (const MkHttpSettings *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *path = NULL;
  GTlsDatabase *database;

  if (self->ca_file == NULL || !mk_http_settings_is_https (self))
    return NULL;

  path = g_canonicalize_filename (self->ca_file, NULL);
  database = g_tls_file_database_new (path, &local_error);
  if (database == NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("The file “%s” holds no usable certificate: %s"),
                 self->ca_file,
                 local_error->message);
  return database;
}

/* ---- forms ---- */

static void
append_form_text (GString *text, const char *part, gsize length)
{
  static const char kept[] = "*-._";

  for (gsize i = 0; i < length; i++)
    {
      if (g_ascii_isalnum (part[i]) || strchr (kept, part[i]) != NULL)
        g_string_append_c (text, part[i]);
      else if (part[i] == ' ')
        g_string_append_c (text, '+');
      else
        g_string_append_printf (text, "%%%02X", (guchar) part[i]);
    }
}

/* @fields: "name=value"; without "=" the value is empty */
GBytes *
mk_http_encode_form (const char *const *fields)
{
  GString *text = g_string_new (NULL);

  for (; *fields != NULL; fields++)
    {
      gsize length = strcspn (*fields, "=");

      if (text->len > 0)
        g_string_append_c (text, '&');
      append_form_text (text, *fields, length);
      g_string_append_c (text, '=');
      if ((*fields)[length] == '=')
        append_form_text (text, *fields + length + 1, strlen (*fields) - length - 1);
    }

  return g_string_free_to_bytes (text);
}
