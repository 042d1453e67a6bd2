/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks a server with one request.
 *
 * An attempt connects first, and asks only if somebody accepts. While it is asked again and again, it is not
 * even tried until somebody does, see mk-http-door.c; and where a request was answered, if not well, the next
 * one goes at once.
 *
 * An attempt has a time limit of its own, so that a server that accepts and never answers is asked again: it
 * may have accepted before it was able to work. One that is only slow must not be given up for ever either,
 * so the limit doubles each time it is met, and is as it was after an answer.
 */

#include "mk-http-probe-private.h"

#include <gio/gunixsocketaddress.h>

#include "probe/mk-connect-private.h"
#include "mk-http-door-private.h"
#include "mk-http-request-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "probe/mk-tcp-diag-private.h"

#define LOCAL_MAX_INTERVAL_MS    50
#define LOCAL_ATTEMPT_LIMIT_MS   1000
#define REMOTE_MAX_INTERVAL_MS   1000
#define REMOTE_ATTEMPT_LIMIT_MS  5000
#define LONGEST_ATTEMPT_LIMIT_MS 30000
#define GRACE_MS                 50

/**
 * MkHttpProbe:
 *
 * A probe that tells whether a URL is answered with the right status.
 *
 * Each attempt is one request, by default `HEAD`, on a connection of its own. It succeeds if the status of
 * the answer is as [property@Mk.HttpProbe:status] wants it, and its body as
 * [property@Mk.HttpProbe:body-pattern] wants it if there is one.
 *
 * Redirects are not followed, and no proxy is ever used. The host of the URL may be a name, an IPv4 or an
 * IPv6 address in brackets; with [property@Mk.HttpProbe:socket-path] a Unix socket is connected to instead.
 *
 * A setting that makes no sense is an error %MK_ERROR_INVALID_ARGUMENT when the probe is asked.
 *
 * Since: 1.0
 */

GParamSpec *mk_http_probe_props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkHttpProbe, mk_http_probe, MK_TYPE_PROBE)

typedef struct
{
  gint64 begun;
  GSocketAddress *there; /* (owned) (nullable): who accepts connections */
} Attempt;

static void
attempt_free (Attempt *attempt)
{
  g_clear_object (&attempt->there);
  g_free (attempt);
}

/* ---- what was learnt ---- */

static gboolean
is_local (MkHttpProbe *self)
{
  return self->settings.socket_path != NULL ||
         mk_connect_is_local (mk_http_settings_get_host (&self->settings));
}

static void
set_attempt_limit (MkHttpProbe *self, guint limit_ms)
{
  g_atomic_int_set (&self->attempt_limit_ms, limit_ms);
  mk_probe_set_limits (
      MK_PROBE (self), is_local (self) ? LOCAL_MAX_INTERVAL_MS : REMOTE_MAX_INTERVAL_MS, limit_ms);
}

static void
reset_attempt_limit (MkHttpProbe *self)
{
  set_attempt_limit (self, is_local (self) ? LOCAL_ATTEMPT_LIMIT_MS : REMOTE_ATTEMPT_LIMIT_MS);
}

/* @answers: (nullable): where a request was answered */
static void
set_answers (MkHttpProbe *self, GSocketAddress *answers)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  g_set_object (&self->answers, answers);
}

static GSocketAddress *
dup_answers (MkHttpProbe *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->answers ? g_object_ref (self->answers) : NULL;
}

void
mk_http_probe_forget (MkHttpProbe *self)
{
  reset_attempt_limit (self);
  set_answers (self, NULL);
}

/* ---- one attempt ---- */

static void
finish (GTask *task, gboolean there, const char *detail, const GError *error)
{
  MkHttpProbe *self = g_task_get_source_object (task);
  Attempt *attempt = g_task_get_task_data (task);
  gint limit_ms = g_atomic_int_get (&self->attempt_limit_ms);

  if (there || !g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    reset_attempt_limit (self);
  else if (g_get_monotonic_time () - attempt->begun >= limit_ms * G_TIME_SPAN_MILLISECOND)
    set_attempt_limit (self, MIN (limit_ms * 2, LONGEST_ATTEMPT_LIMIT_MS));

  mk_probe_set_detail (MK_PROBE (self), there ? NULL : detail);
  if (error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else
    g_task_return_boolean (task, there);
}

static void
on_requested (GTask *task, MkHttpOutcome outcome, const char *detail, const GError *error)
{
  Attempt *attempt = g_task_get_task_data (task);

  set_answers (g_task_get_source_object (task), outcome == MK_HTTP_NO_ANSWER ? NULL : attempt->there);
  finish (task, outcome == MK_HTTP_GOOD_ANSWER, detail, error);
}

static void
on_connected (GTask *task, GSocketAddress *there, const char *detail, const GError *error)
{
  MkHttpProbe *self = g_task_get_source_object (task);
  Attempt *attempt = g_task_get_task_data (task);

  g_set_object (&attempt->there, there);
  if (there != NULL)
    mk_http_request (task, &self->settings, there, on_requested);
  else
    finish (task, FALSE, detail, error);
}

static GSocketAddress *
new_socket_address (const char *path)
{
  if (*path == '@')
    return g_unix_socket_address_new_with_type (path + 1, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);

  return g_unix_socket_address_new (path);
}

static void
connect_first (GTask *task, const MkHttpSettings *settings)
{
  g_autoptr (GSocketAddress) address = NULL;

  if (settings->socket_path == NULL)
    {
      mk_connect_to_host (
          task, mk_http_settings_get_host (settings), mk_http_settings_get_port (settings), on_connected);
      return;
    }

  address = new_socket_address (settings->socket_path);
  mk_connect_to_address (task, address, on_connected);
}

static void
mk_http_probe_check_task (MkProbe *probe, GTask *task)
{
  MkHttpProbe *self = MK_HTTP_PROBE (probe);
  const MkHttpSettings *settings = &self->settings;
  Attempt *attempt = g_new0 (Attempt, 1);
  GError *error = NULL;

  attempt->begun = g_get_monotonic_time ();
  attempt->there = dup_answers (self);
  g_task_set_task_data (task, attempt, (GDestroyNotify) attempt_free);
  if (!mk_http_settings_validate (settings, &error))
    g_task_return_error (task, error);
  else if (attempt->there != NULL)
    mk_http_request (task, settings, attempt->there, on_requested);
  else
    connect_first (task, settings);
}

/* Whoever accepts connections there is in the way of the service, whatever the answer would be. */
static MkProbe *
mk_http_probe_dup_before_start (MkProbe *probe, GError **error)
{
  const MkHttpSettings *settings = &MK_HTTP_PROBE (probe)->settings;
  g_autoptr (GTlsDatabase) database = NULL;
  g_autoptr (GError) local_error = NULL;

  if (mk_http_settings_validate (settings, &local_error))
    database = mk_http_settings_load_ca (settings, &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  mk_http_request_prepare_types ();
  return mk_http_door_new_probe (settings);
}

static gpointer
mk_http_probe_quick_begin (MkProbe *probe)
{
  const MkHttpSettings *settings = &MK_HTTP_PROBE (probe)->settings;

  return mk_http_settings_validate (settings, NULL) ? mk_http_door_new (settings) : NULL;
}

static guint
mk_http_probe_quick_ask (MkProbe *probe, gpointer door)
{
  g_autofree char *detail = NULL;

  if (mk_http_door_is_open (door))
    return MK_QUICK_UNKNOWN;

  detail = mk_http_door_dup_detail (door);
  mk_probe_set_detail (probe, detail);
  return MK_QUICK_NOT_YET;
}

static void
mk_http_probe_quick_end (MkProbe *probe, gpointer door)
{
  mk_http_door_free (door);
}

static void
mk_http_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkHttpProbe *self = MK_HTTP_PROBE (probe);
  const MkHttpSettings *settings = &self->settings;

  mk_http_probe_forget (self);
  g_atomic_int_set (&self->was_free,
                    settings->socket_path == NULL &&
                        !mk_tcp_diag_has_listener (mk_http_settings_get_host (settings),
                                                   mk_http_settings_get_port (settings)));
}

/* As with MkTcpProbe. What listened before the start may ask the service in its turn. */
static char *
mk_http_probe_describe_rival (MkProbe *probe, GPid service, GPid supervisor)
{
  MkHttpProbe *self = MK_HTTP_PROBE (probe);
  const MkHttpSettings *settings = &self->settings;
  g_autofree char *rival = NULL;
  g_autofree char *name = NULL;

  if (g_atomic_int_get (&self->was_free))
    rival = mk_tcp_diag_describe_rival (
        mk_http_settings_get_host (settings), mk_http_settings_get_port (settings), service, supervisor);
  if (rival == NULL)
    return NULL;

  name = mk_http_settings_dup_name (settings);
  return mk_message_taken (name, rival);
}

/* ---- words ---- */

static char *
mk_http_probe_describe (MkProbe *probe)
{
  const MkHttpSettings *settings = &MK_HTTP_PROBE (probe)->settings;
  g_autofree char *name = mk_http_settings_dup_name (settings);
  g_autofree char *socket_path = mk_message_shown (settings->socket_path ? settings->socket_path : "");
  g_autofree char *status = mk_message_shown (settings->status);
  g_autofree char *pattern = mk_message_shown (settings->body_pattern ? settings->body_pattern : "");
  gboolean is_default = g_str_equal (settings->status, MK_HTTP_DEFAULT_STATUS);
  g_autofree char *where = settings->socket_path
                               /* Translators: a part of “%s answered%s%s%s” */
                               ? g_strdup_printf (_ (" on the socket %s"), socket_path)
                               : g_strdup ("");
  g_autofree char *with_status = is_default ? g_strdup ("")
                                            /* Translators: a part of “%s answered%s%s%s” */
                                            : g_strdup_printf (_ (" with status %s"), status);
  g_autofree char *with_body = settings->body_pattern
                                   /* Translators: a part of “%s answered%s%s%s” */
                                   ? g_strdup_printf (_ (" with “%s” in the body"), pattern)
                                   : g_strdup ("");

  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”. A URL, then
   * “ on the socket …”, “ with status …” and “ with … in the body”, each of which may be empty */
  return g_strdup_printf (_ ("%s answered%s%s%s"), name, where, with_status, with_body);
}

/* ---- the object ---- */

static void
mk_http_probe_finalize (GObject *object)
{
  MkHttpProbe *self = MK_HTTP_PROBE (object);

  mk_http_settings_clear (&self->settings);
  g_clear_object (&self->answers);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mk_http_probe_parent_class)->finalize (object);
}

static void
mk_http_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkHttpProbe *self = MK_HTTP_PROBE (object);

  switch (prop_id)
    {
    case PROP_URI:
      g_value_set_string (value, mk_http_probe_get_uri (self));
      break;

    case PROP_STATUS:
      g_value_set_string (value, mk_http_probe_get_status (self));
      break;

    case PROP_METHOD:
      g_value_set_string (value, mk_http_probe_get_method (self));
      break;

    case PROP_HEADERS:
      g_value_set_boxed (value, mk_http_probe_get_headers (self));
      break;

    case PROP_BODY:
      g_value_set_boxed (value, mk_http_probe_get_body (self));
      break;

    case PROP_CONTENT_TYPE:
      g_value_set_string (value, mk_http_probe_get_content_type (self));
      break;

    case PROP_BODY_PATTERN:
      g_value_set_string (value, mk_http_probe_get_body_pattern (self));
      break;

    case PROP_ACCEPT_ANY_CERTIFICATE:
      g_value_set_boolean (value, mk_http_probe_get_accept_any_certificate (self));
      break;

    case PROP_CA_FILE:
      g_value_set_string (value, mk_http_probe_get_ca_file (self));
      break;

    case PROP_SOCKET_PATH:
      g_value_set_string (value, mk_http_probe_get_socket_path (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_http_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkHttpProbe *self = MK_HTTP_PROBE (object);

  switch (prop_id)
    {
    case PROP_URI:
      mk_http_probe_set_uri (self, g_value_get_string (value));
      break;

    case PROP_STATUS:
      mk_http_probe_set_status (self, g_value_get_string (value));
      break;

    case PROP_METHOD:
      mk_http_probe_set_method (self, g_value_get_string (value));
      break;

    case PROP_HEADERS:
      mk_http_probe_set_headers (self, g_value_get_boxed (value));
      break;

    case PROP_BODY:
      mk_http_probe_set_body (self, g_value_get_boxed (value));
      break;

    case PROP_CONTENT_TYPE:
      mk_http_probe_set_content_type (self, g_value_get_string (value));
      break;

    case PROP_BODY_PATTERN:
      mk_http_probe_set_body_pattern (self, g_value_get_string (value));
      break;

    case PROP_ACCEPT_ANY_CERTIFICATE:
      mk_http_probe_set_accept_any_certificate (self, g_value_get_boolean (value));
      break;

    case PROP_CA_FILE:
      mk_http_probe_set_ca_file (self, g_value_get_string (value));
      break;

    case PROP_SOCKET_PATH:
      mk_http_probe_set_socket_path (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_http_probe_class_init (MkHttpProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  object_class->finalize = mk_http_probe_finalize;
  object_class->get_property = mk_http_probe_get_property;
  object_class->set_property = mk_http_probe_set_property;

  probe_class->attach = mk_http_probe_attach;
  probe_class->check_task = mk_http_probe_check_task;
  probe_class->describe = mk_http_probe_describe;
  probe_class->describe_rival = mk_http_probe_describe_rival;
  probe_class->dup_before_start = mk_http_probe_dup_before_start;
  probe_class->quick_begin = mk_http_probe_quick_begin;
  probe_class->quick_ask = mk_http_probe_quick_ask;
  probe_class->quick_end = mk_http_probe_quick_end;

  mk_http_install_properties (object_class, mk_http_probe_props);
}

static void
mk_http_probe_init (MkHttpProbe *self)
{
  g_mutex_init (&self->lock);
  mk_http_settings_init (&self->settings);
  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
  mk_probe_set_eager (MK_PROBE (self), TRUE);
  reset_attempt_limit (self);
}

/**
 * mk_http_probe_new:
 * @uri: the URL, http:// or https://
 *
 * Creates a probe for a URL.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkHttpProbe *
mk_http_probe_new (const char *uri)
{
  return g_object_new (MK_TYPE_HTTP_PROBE, "uri", uri, NULL);
}
