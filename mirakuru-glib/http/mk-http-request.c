/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One request, and what its answer says.
 *
 * Each has a session and a connection of its own: nothing is kept from one request to the next, nothing of
 * the user's desktop (proxies, cookies, caches) has a say, and a session may only be used in the thread that
 * made it. What the server sends is bounded: the header by libsoup (100 KiB), the body by this file, the time
 * by the cancellable of the task.
 *
 * It is a part of what the task of a probe does, on the context of the task. The detail of the probe always
 * says how far the request has come, for whoever does not wait for the end of a cancelled one.
 */

#include "mk-http-request-private.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>

#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "probe/mk-probe-private.h"

#define USER_AGENT "mirakuru-glib"
#define BODY_LIMIT (1024 * 1024)
#define BODY_BLOCK (64 * 1024)
/* This many answers like "100 Continue" may come before the final one. */
#define MAX_INTERIM       20
#define TOO_MANY_REQUESTS 429
#define MAX_RETRY_AFTER_S 3600
/* Where a server that has had too many requests does not say for how long. */
#define DEFAULT_RETRY_AFTER_S 1

typedef struct
{
  GTask *task;              /* (owned) */
  MkHttpSettings *settings; /* (unowned): kept by the task */
  MkHttpRequestFunc func;

  GCancellable *cancellable; /* (owned) follows that of the task; libsoup cancels it as well */
  gulong cancel_handler;

  SoupSession *session;        /* (owned) */
  SoupMessage *message;        /* (owned) */
  GInputStream *stream;        /* (owned) (nullable) */
  GByteArray *body;            /* (owned) */
  GTlsCertificateFlags faults; /* of the server's certificate */
  gboolean lacks_certificate;  /* the server has asked the client for one, in vain */
  guint n_interim;

  /* The outcome */
  gboolean good;
  gboolean needs_get;
  GError *error; /* (owned) (nullable) */
} HttpRequest;

static void http_request_send (HttpRequest *self);

static void
http_request_clear (HttpRequest *self)
{
  g_cancellable_disconnect (g_task_get_cancellable (self->task), self->cancel_handler);
  self->cancel_handler = 0;
  g_clear_object (&self->cancellable);
  g_clear_object (&self->message);
  g_clear_object (&self->session);
}

static void
http_request_free (HttpRequest *self)
{
  http_request_clear (self);
  g_byte_array_unref (self->body);
  g_clear_error (&self->error);
  g_object_unref (self->task);
  g_free (self);
}

static void
http_request_on_cancelled (GCancellable *cancellable, gpointer own)
{
  g_cancellable_cancel (own);
}

static void
http_request_say (HttpRequest *self, const char *detail)
{
  mk_probe_set_detail (g_task_get_source_object (self->task), detail);
}

/* ---- the end ---- */

static gboolean
http_request_on_closed (gpointer user_data)
{
  HttpRequest *self = user_data;

  if (self->needs_get && !g_cancellable_is_cancelled (g_task_get_cancellable (self->task)))
    {
      http_request_clear (self);
      http_request_send (self);
      return G_SOURCE_REMOVE;
    }

  self->func (self->task, self->good, self->error);
  http_request_free (self);
  return G_SOURCE_REMOVE;
}

/*
 * Reports the outcome once libsoup has closed the connection, which it does in the next turns of the context:
 * there may be none of them after the task has returned.
 *
 * @error: (nullable)
 */
static void
http_request_finish (HttpRequest *self, gboolean good, const GError *error)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  self->good = good;
  self->error = error ? g_error_copy (error) : NULL;
  g_signal_handlers_disconnect_by_data (self->message, self);
  soup_session_abort (self->session);
  g_clear_object (&self->stream);

  g_source_set_static_name (source, "MkHttpRequest end");
  /* Not the priority of idle sources: a context may never be idle, such as when a service prints all the
   * time. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, http_request_on_closed, self, NULL);
  g_source_attach (source, g_task_get_context (self->task));
}

/* ---- failures ---- */

static char *
http_request_describe_faults (HttpRequest *self)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *host = g_uri_get_host (soup_message_get_uri (self->message));
  g_autofree char *other_host = g_strdup_printf (_ ("its certificate is not for %s"), host);
  const struct
  {
    GTlsCertificateFlags flag;
    const char *name;
  } names[] = {
    { G_TLS_CERTIFICATE_UNKNOWN_CA, _ ("its certificate is not trusted") },
    { G_TLS_CERTIFICATE_BAD_IDENTITY, other_host },
    { G_TLS_CERTIFICATE_EXPIRED, _ ("its certificate has expired") },
    { G_TLS_CERTIFICATE_NOT_ACTIVATED, _ ("its certificate is not valid yet") },
    { G_TLS_CERTIFICATE_REVOKED, _ ("its certificate was revoked") },
    { G_TLS_CERTIFICATE_INSECURE, _ ("its certificate is not secure") },
    { G_TLS_CERTIFICATE_GENERIC_ERROR, _ ("its certificate could not be checked") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (self->faults & names[i].flag)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", names[i].name);

  return g_strdup (text->str);
}

static char *
http_request_describe_failure (HttpRequest *self, const GError *error)
{
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) && self->faults != 0)
    return http_request_describe_faults (self);
  /* Some servers only say then that the handshake failed, or close the connection. */
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED) || self->lacks_certificate)
    return g_strdup (_ ("the server requires a client certificate"));
  if (error->domain == G_TLS_ERROR)
    return g_strdup_printf (_ ("no TLS connection: %s"), error->message);
  if (g_error_matches (error, SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_TOO_MANY_REDIRECTS))
    return g_strdup (_ ("no HTTP answer: too many redirects"));
  if (self->n_interim > MAX_INTERIM)
    return g_strdup (_ ("no HTTP answer: only interim answers"));

  return g_strdup_printf (_ ("no HTTP answer: %s"), error->message);
}

/* Out of order on this side, or cancelled: that says nothing about the server. */
static gboolean
http_request_is_own_failure (HttpRequest *self, const GError *error)
{
  return g_cancellable_is_cancelled (g_task_get_cancellable (self->task)) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
}

static void
http_request_fail (HttpRequest *self, const GError *error)
{
  g_autoptr (GError) known = NULL;
  g_autofree char *detail = NULL;

  if (error->domain == G_RESOLVER_ERROR)
    {
      known = g_error_copy (error);
      g_prefix_error (
          &known, _ ("Cannot find the address of “%s”: "), g_uri_get_host (self->settings->parsed));
    }
  else if (http_request_is_own_failure (self, error))
    known = g_error_copy (error);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      g_autofree char *reason = mk_descriptor_explain (ECONNREFUSED);

      known = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, reason);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    known = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
  else
    {
      detail = http_request_describe_failure (self, error);
      http_request_say (self, detail);
    }

  http_request_finish (self, FALSE, known);
}

/* ---- the answer ---- */

static char *
http_request_describe_answer (HttpRequest *self)
{
  const char *reason = soup_message_get_reason_phrase (self->message);
  const char *target =
      soup_message_headers_get_one (soup_message_get_response_headers (self->message), "Location");
  guint status = soup_message_get_status (self->message);
  g_autofree char *shown_reason = mk_message_shown (reason ? reason : "");
  g_autofree char *shown_target = mk_message_shown (target ? target : "");
  g_autofree char *answer = g_strdup_printf ("%s: HTTP %u%s%s",
                                             soup_message_get_method (self->message),
                                             status,
                                             *shown_reason ? " " : "",
                                             shown_reason);

  if (self->lacks_certificate && SOUP_STATUS_IS_CLIENT_ERROR (status))
    /* Translators: an answer such as “GET: HTTP 400 Bad Request” */
    return g_strdup_printf (_ ("%s: the server requires a client certificate"), answer);
  if (!SOUP_STATUS_IS_REDIRECTION (status) || target == NULL || self->settings->follow_redirects)
    return g_steal_pointer (&answer);

  /* Translators: an answer such as “HEAD: HTTP 301 Moved Permanently”, a URL */
  return g_strdup_printf (_ ("%s to “%s”, which is not followed"), answer, shown_target);
}

static void
http_request_judge_body (HttpRequest *self)
{
  /* There is no data at all if the body is empty. */
  const char *text = self->body->len > 0 ? (const char *) self->body->data : "";
  gboolean good = g_regex_match_full (self->settings->body_regex, text, self->body->len, 0, 0, NULL, NULL);
  g_autofree char *answer = http_request_describe_answer (self);
  g_autofree char *pattern = mk_message_shown (self->settings->body_pattern);
  g_autofree char *detail = g_strdup_printf (
      /* Translators: an answer such as “GET: HTTP 200 OK”, a regular expression */
      _ ("%s with a body that does not match “%s”"),
      answer,
      pattern);

  http_request_say (self, detail);
  http_request_finish (self, good, NULL);
}

static void http_request_read (HttpRequest *self);

static void
http_request_on_read (GObject *object, GAsyncResult *result, gpointer user_data)
{
  HttpRequest *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (self->stream, result, &error);

  if (bytes == NULL)
    {
      http_request_fail (self, error);
      return;
    }

  g_byte_array_append (self->body, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (g_bytes_get_size (bytes) > 0 && self->body->len < BODY_LIMIT)
    http_request_read (self);
  else
    http_request_judge_body (self);
}

static void
http_request_read (HttpRequest *self)
{
  g_input_stream_read_bytes_async (self->stream,
                                   MIN (BODY_BLOCK, BODY_LIMIT - self->body->len),
                                   G_PRIORITY_DEFAULT,
                                   self->cancellable,
                                   http_request_on_read,
                                   self);
}

/* Some servers implement only GET. */
static gboolean
http_request_refuses_head (HttpRequest *self)
{
  guint status = soup_message_get_status (self->message);

  return g_str_equal (self->settings->method, "HEAD") &&
         (status == SOUP_STATUS_METHOD_NOT_ALLOWED || status == SOUP_STATUS_NOT_IMPLEMENTED);
}

/* What a server that is busy asks for: seconds, or a date. */
static void
http_request_take_retry_after (HttpRequest *self)
{
  const char *text =
      soup_message_headers_get_one (soup_message_get_response_headers (self->message), "Retry-After");
  guint status = soup_message_get_status (self->message);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) date = NULL;
  guint64 seconds = 0;

  if (status != TOO_MANY_REQUESTS && (status != SOUP_STATUS_SERVICE_UNAVAILABLE || text == NULL))
    return;

  if (text == NULL)
    seconds = DEFAULT_RETRY_AFTER_S;
  else if (!g_ascii_string_to_unsigned (text, 10, 0, MAX_RETRY_AFTER_S, &seconds, NULL))
    date = soup_date_time_new_from_http_string (text);
  if (date != NULL)
    seconds = CLAMP (g_date_time_difference (date, now) / G_TIME_SPAN_SECOND, 0, MAX_RETRY_AFTER_S);
  mk_probe_set_retry_after (g_task_get_source_object (self->task), (guint) seconds * 1000);
}

static void
http_request_on_answered (GObject *object, GAsyncResult *result, gpointer user_data)
{
  HttpRequest *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *status = NULL;

  self->stream = soup_session_send_finish (self->session, result, &error);
  if (self->stream == NULL)
    {
      http_request_fail (self, error);
      return;
    }

  answer = http_request_describe_answer (self);
  status = g_strdup_printf ("%u", soup_message_get_status (self->message));
  http_request_say (self, answer);
  if (!g_regex_match (self->settings->status_regex, status, G_REGEX_MATCH_ANCHORED, NULL))
    {
      self->needs_get = http_request_refuses_head (self);
      http_request_take_retry_after (self);
      http_request_finish (self, FALSE, NULL);
    }
  else if (self->settings->body_regex != NULL)
    {
      http_request_say (self, _ ("the request was answered, but the body did not end in time"));
      http_request_read (self);
    }
  else
    http_request_finish (self, TRUE, NULL);
}

/* ---- on the way ---- */

static void
http_request_on_network_event (SoupMessage *message,
                               GSocketClientEvent event,
                               GIOStream *connection,
                               gpointer user_data)
{
  HttpRequest *self = user_data;
  g_autofree char *unknown = NULL;

  switch (event)
    {
    case G_SOCKET_CLIENT_RESOLVING:
      unknown = g_strdup_printf (_ ("the address of “%s” was not found in time"),
                                 g_uri_get_host (soup_message_get_uri (message)));
      http_request_say (self, unknown);
      break;

    case G_SOCKET_CLIENT_CONNECTING:
      http_request_say (self, _ ("the connection was not accepted in time"));
      break;

    case G_SOCKET_CLIENT_TLS_HANDSHAKING:
      http_request_say (self, _ ("the connection was accepted, but TLS was not agreed on in time"));
      break;

    case G_SOCKET_CLIENT_COMPLETE:
      http_request_say (self, _ ("the connection was accepted, but the request was not answered in time"));
      break;

    default:
      break;
    }
}

/* libsoup would read on as long as they come, without returning to the main loop. */
static void
http_request_on_got_informational (SoupMessage *message, gpointer user_data)
{
  HttpRequest *self = user_data;

  if (++self->n_interim > MAX_INTERIM)
    soup_session_abort (self->session);
}

/* Emitted only where no certificate was set. Returns: FALSE: not handled */
static gboolean
http_request_note_lack (SoupMessage *message, GTlsClientConnection *connection, gpointer user_data)
{
  HttpRequest *self = user_data;

  self->lacks_certificate = TRUE;
  return FALSE;
}

static gboolean
http_request_accept_certificate (SoupMessage *message,
                                 GTlsCertificate *certificate,
                                 GTlsCertificateFlags faults,
                                 gpointer user_data)
{
  HttpRequest *self = user_data;
  GUri *uri = soup_message_get_uri (message);

  self->faults = faults;
  /* libsoup takes the Unix socket for the host. */
  if (self->settings->socket_path != NULL)
    {
      g_autoptr (GSocketConnectable) host =
          g_network_address_new (g_uri_get_host (uri), (guint16) g_uri_get_port (uri));

      self->faults &= ~G_TLS_CERTIFICATE_BAD_IDENTITY;
      self->faults |= g_tls_certificate_verify (certificate, host, NULL) & G_TLS_CERTIFICATE_BAD_IDENTITY;
    }
  return self->faults == 0 || self->settings->accept_any_certificate;
}

/* Before version 3.4 libsoup gives the password to every host that it is redirected to. */
static void
http_request_on_restarted (SoupMessage *message, gpointer user_data)
{
  HttpRequest *self = user_data;
  GUri *from = self->settings->parsed, *to = soup_message_get_uri (message);

  if (!g_str_equal (g_uri_get_scheme (from), g_uri_get_scheme (to)) ||
      !g_str_equal (g_uri_get_host (from), g_uri_get_host (to)) ||
      g_uri_get_port (from) != g_uri_get_port (to))
    soup_message_headers_remove (soup_message_get_request_headers (message), "Authorization");
}

/* ---- what it is made of ---- */

/* The user and the password of the URL */
static void
http_request_add_authorization (SoupMessageHeaders *headers, GUri *uri)
{
  const char *user = g_uri_get_user (uri), *password = g_uri_get_password (uri);
  g_autofree char *plain = NULL, *encoded = NULL, *value = NULL;

  if (user == NULL && password == NULL)
    return;

  plain = g_strconcat (user ? user : "", ":", password ? password : "", NULL);
  encoded = g_base64_encode ((const guchar *) plain, strlen (plain));
  value = g_strconcat ("Basic ", encoded, NULL);
  soup_message_headers_replace (headers, "Authorization", value);
}

/* They win over those of the library; one may be there several times. */
static void
http_request_add_headers (SoupMessageHeaders *headers, char **lines)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; lines != NULL && *lines != NULL; lines++)
    {
      const char *colon = strchr (*lines, ':');
      g_autofree char *name = g_strndup (*lines, colon - *lines);
      g_autofree char *value = g_strstrip (g_strdup (colon + 1));

      if (g_hash_table_add (seen, g_ascii_strdown (name, -1)))
        soup_message_headers_remove (headers, name);
      soup_message_headers_append (headers, name, value);
    }
}

/* @certificate: (nullable): that of the client */
static SoupMessage *
http_request_new_message (HttpRequest *self, GTlsCertificate *certificate)
{
  const MkHttpSettings *settings = self->settings;
  SoupMessage *message = soup_message_new_from_uri (settings->method, settings->parsed);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  soup_message_set_flags (message,
                          SOUP_MESSAGE_NEW_CONNECTION | SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE |
                              (settings->follow_redirects ? 0 : SOUP_MESSAGE_NO_REDIRECT));
  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_replace (headers, "User-Agent", USER_AGENT);
  http_request_add_authorization (headers, settings->parsed);
  if (settings->body != NULL)
    soup_message_set_request_body_from_bytes (message, settings->content_type, settings->body);
  http_request_add_headers (headers, settings->headers);
  if (certificate != NULL)
    soup_message_set_tls_client_certificate (message, certificate);

  g_signal_connect (message, "accept-certificate", G_CALLBACK (http_request_accept_certificate), self);
  g_signal_connect (message, "request-certificate", G_CALLBACK (http_request_note_lack), self);
  g_signal_connect (message, "got-informational", G_CALLBACK (http_request_on_got_informational), self);
  g_signal_connect (message, "network-event", G_CALLBACK (http_request_on_network_event), self);
  g_signal_connect (message, "restarted", G_CALLBACK (http_request_on_restarted), self);
  return message;
}

/* @authorities: (nullable) */
static SoupSession *
http_request_new_session (HttpRequest *self, GTlsDatabase *authorities)
{
  const char *path = self->settings->socket_path;
  g_autoptr (GSocketAddress) address = NULL;
  SoupSession *session;

  if (path != NULL)
    address = *path == '@'
                  ? g_unix_socket_address_new_with_type (path + 1, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT)
                  : g_unix_socket_address_new (path);

  session = g_object_new (
      SOUP_TYPE_SESSION, "remote-connectable", address, "proxy-resolver", NULL, "max-conns", 1, NULL);
  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  if (authorities != NULL)
    soup_session_set_tls_database (session, authorities);
  return session;
}

static void
http_request_send (HttpRequest *self)
{
  g_autoptr (GTlsDatabase) authorities = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;

  if (self->needs_get)
    {
      g_free (self->settings->method);
      self->settings->method = g_strdup ("GET");
      self->needs_get = FALSE;
    }

  if (!mk_http_settings_load_certificates (self->settings, &authorities, &certificate, &error))
    {
      self->func (self->task, FALSE, error);
      http_request_free (self);
      return;
    }

  self->cancellable = g_cancellable_new ();
  self->cancel_handler = g_cancellable_connect (g_task_get_cancellable (self->task),
                                                G_CALLBACK (http_request_on_cancelled),
                                                g_object_ref (self->cancellable),
                                                g_object_unref);
  self->session = http_request_new_session (self, authorities);
  self->message = http_request_new_message (self, certificate);
  soup_session_send_async (
      self->session, self->message, G_PRIORITY_DEFAULT, self->cancellable, http_request_on_answered, self);
}

/* Does in advance what libsoup takes its time for at the first use in a process. */
void
mk_http_request_prepare_types (void)
{
  g_object_unref (soup_session_new ());
}

/*
 * Where HEAD is answered 405 or 501, GET follows at once, and is the method of @settings from then on.
 *
 * @task: of a probe
 * @settings: prepared; kept by @task
 * @func: called once the outcome is known
 */
void
mk_http_request (GTask *task, MkHttpSettings *settings, MkHttpRequestFunc func)
{
  HttpRequest *self = g_new0 (HttpRequest, 1);

  self->task = g_object_ref (task);
  self->settings = settings;
  self->func = func;
  self->body = g_byte_array_new ();
  http_request_send (self);
}
