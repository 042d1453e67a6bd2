/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One request, and what its answer says.
 *
 * The request goes to an address that is known to accept connections, on a connection and a session of its
 * own: nothing is kept from one request to the next, nothing of the user's desktop (proxies, cookies, caches)
 * has a say, and a session may only be used in the thread that made it. What the server sends is bounded: the
 * header by libsoup (100 KiB), the body by this file, the time by the cancellable of the task.
 *
 * It is a part of what a task does, on the context of the task. A request that is cancelled is over at the
 * next turns of that context.
 */

#include "mk-http-request-private.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

#define USER_AGENT "mirakuru-glib"
#define BODY_LIMIT (1024 * 1024)
#define BODY_BLOCK (64 * 1024)
/* So many answers as "100 Continue" may come before the true one. */
#define MAX_INTERIM 20

/* ---- the name of a host, with an address that is known already ---- */

#define MK_TYPE_PINNED_ADDRESS (mk_pinned_address_get_type ())
G_DECLARE_FINAL_TYPE (MkPinnedAddress, mk_pinned_address, MK, PINNED_ADDRESS, GNetworkAddress)

struct _MkPinnedAddress
{
  GNetworkAddress parent_instance;

  GSocketAddress *address; /* (owned) */
};

static void mk_pinned_address_connectable_init (GSocketConnectableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkPinnedAddress,
                               mk_pinned_address,
                               G_TYPE_NETWORK_ADDRESS,
                               G_IMPLEMENT_INTERFACE (G_TYPE_SOCKET_CONNECTABLE,
                                                      mk_pinned_address_connectable_init))

static GSocketAddressEnumerator *
mk_pinned_address_enumerate (GSocketConnectable *connectable)
{
  return g_socket_connectable_enumerate (G_SOCKET_CONNECTABLE (MK_PINNED_ADDRESS (connectable)->address));
}

static void
mk_pinned_address_connectable_init (GSocketConnectableIface *iface)
{
  iface->enumerate = mk_pinned_address_enumerate;
  iface->proxy_enumerate = mk_pinned_address_enumerate;
}

static void
mk_pinned_address_finalize (GObject *object)
{
  g_clear_object (&MK_PINNED_ADDRESS (object)->address);

  G_OBJECT_CLASS (mk_pinned_address_parent_class)->finalize (object);
}

static void
mk_pinned_address_class_init (MkPinnedAddressClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mk_pinned_address_finalize;
}

static void
mk_pinned_address_init (MkPinnedAddress *self)
{
}

/* The name is what a certificate is checked against. */
static GSocketConnectable *
pin (const MkHttpSettings *settings, GSocketAddress *address)
{
  MkPinnedAddress *self = g_object_new (MK_TYPE_PINNED_ADDRESS,
                                        "hostname",
                                        mk_http_settings_get_host (settings),
                                        "port",
                                        mk_http_settings_get_port (settings),
                                        NULL);

  self->address = g_object_ref (address);
  return G_SOCKET_CONNECTABLE (self);
}

/* ---- the request ---- */

typedef struct
{
  GTask *task; /* (owned) */
  MkHttpRequestFunc func;
  SoupSession *session; /* (owned) */
  SoupMessage *message; /* (owned) */
  GRegex *status_regex; /* (owned) */
  GRegex *body_regex;   /* (owned) (nullable) */
  GInputStream *stream; /* (owned) (nullable) */
  GByteArray *body;     /* (owned) */
  guint n_interim;

  /* The outcome */
  MkHttpOutcome outcome;
  char *detail;  /* (owned) (nullable) */
  GError *error; /* (owned) (nullable) */
} Request;

static void
request_free (Request *self)
{
  g_object_unref (self->message);
  g_object_unref (self->session);
  g_regex_unref (self->status_regex);
  g_clear_pointer (&self->body_regex, g_regex_unref);
  g_byte_array_unref (self->body);
  g_clear_error (&self->error);
  g_free (self->detail);
  g_object_unref (self->task);
  g_free (self);
}

static gboolean
on_closed (gpointer user_data)
{
  Request *self = user_data;

  self->func (self->task, self->outcome, self->detail, self->error);
  request_free (self);
  return G_SOURCE_REMOVE;
}

/*
 * Tells the outcome once libsoup has closed the connection, which it does in the next turns of the context:
 * there may be none of them after the task has returned.
 */
static void
finish (Request *self, MkHttpOutcome outcome, const char *detail, const GError *error)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  self->outcome = outcome;
  self->detail = g_strdup (detail);
  self->error = error ? g_error_copy (error) : NULL;
  g_signal_handlers_disconnect_by_data (self->message, self);
  soup_session_abort (self->session);
  g_clear_object (&self->stream);

  g_source_set_static_name (source, "MkHttpRequest end");
  /* Not that of idleness: a context may never be idle, as when a service prints without end. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_closed, self, NULL);
  g_source_attach (source, g_task_get_context (self->task));
}

static char *
describe_answer (Request *self)
{
  const char *reason = soup_message_get_reason_phrase (self->message);
  const char *target =
      soup_message_headers_get_one (soup_message_get_response_headers (self->message), "Location");
  guint status = soup_message_get_status (self->message);
  g_autofree char *shown_reason = mk_message_shown (reason ? reason : "");
  g_autofree char *shown_target = mk_message_shown (target ? target : "");
  g_autofree char *answer = g_strdup_printf ("HTTP %u%s%s", status, *shown_reason ? " " : "", shown_reason);

  if (!SOUP_STATUS_IS_REDIRECTION (status) || target == NULL)
    return g_steal_pointer (&answer);

  /* Translators: an answer as “HTTP 301 Moved Permanently”, a URL */
  return g_strdup_printf (_ ("%s to “%s”, which is not followed"), answer, shown_target);
}

static char *
describe_failure (Request *self, const GError *error)
{
  GTlsCertificateFlags flags = soup_message_get_tls_peer_certificate_errors (self->message);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_strdup (self->stream
                         ? _ ("the request was answered, and the body did not come to its end in time")
                         : _ ("the connection was accepted, and the request was not answered in time"));
  if (error->domain != G_TLS_ERROR || flags == 0)
    return g_strdup_printf (_ ("no HTTP answer: %s"), error->message);
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return g_strdup (_ ("the certificate is not signed by an authority that is trusted"));
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return g_strdup_printf (_ ("the certificate is not for %s"),
                            g_uri_get_host (soup_message_get_uri (self->message)));
  if (flags & (G_TLS_CERTIFICATE_EXPIRED | G_TLS_CERTIFICATE_NOT_ACTIVATED))
    return g_strdup (_ ("the certificate is not valid at this time"));

  return g_strdup_printf (_ ("the certificate was refused: %s"), error->message);
}

/* libsoup would read on for as long as they come, and not turn to the main loop meanwhile. */
static void
on_got_informational (SoupMessage *message, Request *self)
{
  if (++self->n_interim > MAX_INTERIM)
    soup_session_abort (self->session);
}

/*
 * libsoup believes a length below zero, of which GObject then warns, and a warning ends a test program. With
 * what is no number at all instead, libsoup refuses the answer. The status is set when the header is there,
 * and before it is looked at.
 */
static void
on_status (SoupMessage *message, GParamSpec *pspec, gpointer unused)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);

  if (soup_message_headers_get_content_length (headers) < 0)
    soup_message_headers_replace (headers, "Content-Length", "?");
}

static void
finish_failed (Request *self, const GError *error)
{
  g_autofree char *detail = describe_failure (self, error);

  if (self->n_interim > MAX_INTERIM)
    {
      finish (self, MK_HTTP_NO_ANSWER, _ ("no HTTP answer: nothing but interim ones"), NULL);
      return;
    }

  finish (self,
          MK_HTTP_NO_ANSWER,
          detail,
          g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
                  g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES)
              ? error
              : NULL);
}

static gboolean
status_matches (Request *self)
{
  g_autofree char *status = g_strdup_printf ("%u", soup_message_get_status (self->message));

  return g_regex_match (self->status_regex, status, G_REGEX_MATCH_ANCHORED, NULL);
}

static void
finish_read (Request *self)
{
  g_autofree char *answer = describe_answer (self);
  g_autofree char *pattern = mk_message_shown (g_regex_get_pattern (self->body_regex));
  g_autofree char *detail = g_strdup_printf (
      /* Translators: an answer as “HTTP 200 OK” */ _ ("%s with a body that does not match “%s”"),
      answer,
      pattern);
  /* There is no data at all where the body is empty. */
  const char *text = self->body->len > 0 ? (const char *) self->body->data : "";
  gboolean matches = g_regex_match_full (self->body_regex, text, self->body->len, 0, 0, NULL, NULL);

  finish (self, matches ? MK_HTTP_GOOD_ANSWER : MK_HTTP_OTHER_ANSWER, detail, NULL);
}

static void read_on (Request *self);

static void
on_read (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Request *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (self->stream, result, &error);

  if (bytes == NULL)
    {
      finish_failed (self, error);
      return;
    }

  g_byte_array_append (self->body, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (g_bytes_get_size (bytes) > 0 && self->body->len < BODY_LIMIT)
    read_on (self);
  else
    finish_read (self);
}

static void
read_on (Request *self)
{
  g_input_stream_read_bytes_async (self->stream,
                                   MIN (BODY_BLOCK, BODY_LIMIT - self->body->len),
                                   G_PRIORITY_DEFAULT,
                                   g_task_get_cancellable (self->task),
                                   on_read,
                                   self);
}

static void
on_answered (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Request *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;

  self->stream = soup_session_send_finish (self->session, result, &error);
  if (self->stream == NULL)
    {
      finish_failed (self, error);
      return;
    }

  answer = describe_answer (self);
  if (!status_matches (self))
    finish (self, MK_HTTP_OTHER_ANSWER, answer, NULL);
  else if (self->body_regex != NULL)
    read_on (self);
  else
    finish (self, MK_HTTP_GOOD_ANSWER, answer, NULL);
}

static gboolean
accept_certificate (SoupMessage *message,
                    GTlsCertificate *certificate,
                    GTlsCertificateFlags errors,
                    gpointer unused)
{
  return TRUE;
}

/* ---- what it is made of ---- */

/* The user and the password of the URL */
static void
add_authorization (SoupMessageHeaders *headers, GUri *uri)
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

/* @header: "Name: value". They win over those of the library; one may be there several times. */
static void
add_header (SoupMessageHeaders *headers, const char *header, GHashTable *seen)
{
  const char *colon = strchr (header, ':');
  g_autofree char *name = g_strndup (header, colon - header);
  g_autofree char *value = g_strstrip (g_strdup (colon + 1));

  if (g_hash_table_add (seen, g_ascii_strdown (name, -1)))
    soup_message_headers_remove (headers, name);

  soup_message_headers_append (headers, name, value);
}

static void
add_headers (SoupMessageHeaders *headers, char **lines)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; lines != NULL && *lines != NULL; lines++)
    add_header (headers, *lines, seen);
}

static SoupMessage *
new_message (const MkHttpSettings *settings)
{
  SoupMessage *message = soup_message_new_from_uri (settings->method, settings->parsed);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  soup_message_set_flags (
      message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_NEW_CONNECTION | SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_replace (headers, "User-Agent", USER_AGENT);
  add_authorization (headers, settings->parsed);
  if (settings->body != NULL)
    soup_message_set_request_body_from_bytes (message, settings->content_type, settings->body);
  add_headers (headers, settings->headers);
  if (settings->accept_any_certificate)
    g_signal_connect (message, "accept-certificate", G_CALLBACK (accept_certificate), NULL);

  return message;
}

static SoupSession *
new_session (const MkHttpSettings *settings, GSocketAddress *address, GTlsDatabase *database)
{
  g_autoptr (GSocketConnectable) connectable = pin (settings, address);
  SoupSession *session = g_object_new (
      SOUP_TYPE_SESSION, "remote-connectable", connectable, "proxy-resolver", NULL, "max-conns", 1, NULL);

  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  if (database != NULL)
    soup_session_set_tls_database (session, database);

  return session;
}

/* Does in advance what libsoup takes its time for at the first use in a process. */
void
mk_http_request_prepare_types (void)
{
  g_object_unref (soup_session_new ());
}

/*
 * @settings: looked over already; not needed any more when this returns
 * @address: where the request goes, whatever the URL resolves to
 * @func: called once the outcome is known
 */
void
mk_http_request (GTask *task, const MkHttpSettings *settings, GSocketAddress *address, MkHttpRequestFunc func)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) database = mk_http_settings_load_ca (settings, &error);
  Request *self;

  if (error != NULL)
    {
      func (task, MK_HTTP_NO_ANSWER, NULL, error);
      return;
    }

  self = g_new0 (Request, 1);
  self->task = g_object_ref (task);
  self->func = func;
  self->session = new_session (settings, address, database);
  self->message = new_message (settings);
  self->status_regex = g_regex_ref (settings->status_regex);
  self->body_regex = settings->body_regex ? g_regex_ref (settings->body_regex) : NULL;
  self->body = g_byte_array_new ();
  g_signal_connect (self->message, "got-informational", G_CALLBACK (on_got_informational), self);
  g_signal_connect (self->message, "notify::status-code", G_CALLBACK (on_status), NULL);
  soup_session_send_async (
      self->session, self->message, G_PRIORITY_DEFAULT, g_task_get_cancellable (task), on_answered, self);
}
