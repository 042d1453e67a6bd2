/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks a server with one request.
 *
 * Until somebody accepts connections, `check` finds that out, by means of a TCP or a Unix socket probe: that
 * costs much less than a request. From then on each attempt is one request, which takes time, until a
 * connection is refused again.
 *
 * An attempt has a time limit of its own, so that a server that accepts and never answers is asked again: it
 * may have accepted before it was able to work. One that is only slow must not be given up for ever either,
 * so the limit doubles each time it is met.
 */

#include "mk-http-probe-private.h"

#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "mk-http-request-private.h"
#include "mk-http-settings-private.h"
#include "probe/mk-probe-private.h"
#include "probe/mk-tcp-probe-private.h"

#ifdef G_OS_UNIX
#include "mk-unix-socket-probe.h"
#endif

#define LOCAL_ATTEMPT_LIMIT_MS   1000
#define REMOTE_ATTEMPT_LIMIT_MS  5000
#define LONGEST_ATTEMPT_LIMIT_MS 30000
#define GRACE_MS                 50

/**
 * MkHttpProbe:
 *
 * A probe that checks whether a URL responds with the expected status.
 *
 * See [Choosing an executor](choosing.html#a-url) for an example.
 *
 * Each attempt sends one request on a new connection, by default `HEAD`. It succeeds if the status of the
 * response matches [property@Mk.HttpProbe:status], and if the body matches
 * [property@Mk.HttpProbe:body-pattern] where that is set. If the response to `HEAD` is 405 or 501, the probe
 * also sends `GET`.
 *
 * The host of the URL may be a name, an IPv4 address or an IPv6 address in brackets. If
 * [property@Mk.HttpProbe:socket-path] is set, the probe connects to that Unix socket instead. It uses no
 * proxy, keeps no cookies, and uses each connection only once.
 *
 * A check fails with %MK_ERROR_INVALID_ARGUMENT if a setting is invalid. A change during an attempt takes
 * effect at the next attempt.
 *
 * Since: 1.0
 */

struct _MkHttpProbe
{
  MkProbe parent_instance;

  GMutex lock;
  MkHttpSettings *settings; /* (owned) (locked-by lock) */
};

enum
{
  PROP_URI = 1,
  PROP_STATUS,
  PROP_METHOD,
  PROP_HEADERS,
  PROP_BODY,
  PROP_CONTENT_TYPE,
  PROP_BODY_PATTERN,
  PROP_ACCEPT_ANY_CERTIFICATE,
  PROP_CA_FILE,
  PROP_CERTIFICATE_FILE,
  PROP_FOLLOW_REDIRECTS,
  PROP_SOCKET_PATH,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkHttpProbe, mk_http_probe, MK_TYPE_PROBE)

/* Returns: (transfer full) (nullable): a prepared copy, %NULL with an error if it makes no sense */
static MkHttpSettings *
http_probe_dup_settings (MkHttpProbe *self, GError **error)
{
  g_autoptr (MkHttpSettings) settings = NULL;
  MK_AUTO_LOCK (&self->lock);

  settings = mk_http_settings_copy (self->settings);
  return mk_http_settings_prepare (settings, error) ? g_steal_pointer (&settings) : NULL;
}

/* Returns: (transfer full) (nullable) */
GUri *
mk_http_probe_dup_parsed_uri (MkHttpProbe *self)
{
  MK_AUTO_LOCK (&self->lock);

  return mk_http_settings_parse_uri (self->settings, NULL);
}

/* ---- what a wait keeps ---- */

typedef struct
{
  MkHttpSettings *settings; /* (owned) (nullable): prepared */
  GError *error;            /* (owned) (nullable): why there are none */
  MkProbe *door;            /* (owned) (nullable): asks whether somebody accepts connections */
  gpointer door_state;      /* (owned) (nullable) until the end of the wait */
  gboolean is_open;         /* somebody did, so that only requests say more */
  guint limit_ms;           /* of an attempt */
} HttpState;

static void
http_state_clear (gpointer data)
{
  HttpState *state = data;

  g_clear_pointer (&state->settings, mk_http_settings_free);
  g_clear_error (&state->error);
  g_clear_object (&state->door);
}

static void
http_state_unref (gpointer state)
{
  g_rc_box_release_full (state, http_state_clear);
}

static MkProbe *
http_probe_new_door (const MkHttpSettings *settings)
{
#ifdef G_OS_UNIX
  if (settings->socket_path != NULL)
    return MK_PROBE (mk_unix_socket_probe_new (settings->socket_path));
#endif

  return MK_PROBE (mk_tcp_probe_new (g_uri_get_host (settings->parsed), g_uri_get_port (settings->parsed)));
}

static gpointer
mk_http_probe_begin (MkProbe *probe)
{
  HttpState *state = g_rc_box_new0 (HttpState);
  gboolean is_local;

  state->settings = http_probe_dup_settings (MK_HTTP_PROBE (probe), &state->error);
  if (state->settings == NULL)
    return state;

  is_local =
      state->settings->socket_path != NULL || mk_tcp_host_is_local (g_uri_get_host (state->settings->parsed));
  state->door = http_probe_new_door (state->settings);
  state->door_state = mk_probe_begin (state->door);
  state->limit_ms = is_local ? LOCAL_ATTEMPT_LIMIT_MS : REMOTE_ATTEMPT_LIMIT_MS;
  mk_probe_set_attempt_limit (probe, state->limit_ms);
  mk_probe_set_pace (probe, is_local ? MK_PROBE_PACE_LOCAL : MK_PROBE_PACE_REMOTE);
  return state;
}

static void
mk_http_probe_end (MkProbe *probe, gpointer data)
{
  HttpState *state = data;

  if (state->door != NULL)
    mk_probe_end (state->door, state->door_state);
  http_state_unref (state);
}

/* ---- one attempt ---- */

static gboolean
mk_http_probe_check_with (MkProbe *probe, gpointer data, GError **error)
{
  HttpState *state = data;
  g_autoptr (GError) local_error = state->error ? g_error_copy (state->error) : NULL;
  g_autofree char *detail = NULL;

  if (local_error == NULL && !state->is_open)
    state->is_open = mk_probe_ask (state->door, state->door_state, &local_error);

  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) || state->is_open)
    mk_probe_would_block (error);
  else if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  else
    {
      detail = mk_probe_dup_detail (state->door);
      mk_probe_set_detail (probe, detail);
    }
  return FALSE;
}

static void
http_probe_on_answered (GTask *task, gboolean good, const GError *error)
{
  HttpState *state = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    state->is_open = FALSE;

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    {
      state->limit_ms = MIN (state->limit_ms * 2, LONGEST_ATTEMPT_LIMIT_MS);
      mk_probe_set_attempt_limit (g_task_get_source_object (task), state->limit_ms);
    }

  if (error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else
    g_task_return_boolean (task, good);
}

static void
mk_http_probe_check_task_with (MkProbe *probe, gpointer data, GTask *task)
{
  HttpState *state = g_rc_box_acquire (data);

  g_task_set_task_data (task, state, http_state_unref);
  mk_http_request (task, state->settings, http_probe_on_answered);
}

/* ---- for executors ---- */

static gboolean
mk_http_probe_wants_values (MkProbe *probe)
{
  const char *uri = mk_http_probe_get_uri (MK_HTTP_PROBE (probe));

  return uri != NULL && strstr (uri, "{port") != NULL && mk_values_has_placeholders (uri);
}

/* Whoever accepts connections there is in the way of the service, whatever the answer would be. */
static MkProbe *
mk_http_probe_dup_before_start (MkProbe *probe, GError **error)
{
  g_autoptr (MkHttpSettings) settings = http_probe_dup_settings (MK_HTTP_PROBE (probe), error);
  g_autoptr (GTlsDatabase) authorities = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;

  if (settings == NULL || !mk_http_settings_load_certificates (settings, &authorities, &certificate, error))
    return NULL;

  mk_http_request_prepare_types ();
  return http_probe_new_door (settings);
}

static char *
mk_http_probe_find_rival (MkProbe *probe, int service, int supervisor)
{
  g_autoptr (MkHttpSettings) settings = http_probe_dup_settings (MK_HTTP_PROBE (probe), NULL);
  g_autoptr (MkProbe) door = settings ? http_probe_new_door (settings) : NULL;

  return door ? mk_probe_find_rival (door, service, supervisor) : NULL;
}

static char *
mk_http_probe_describe (MkProbe *probe)
{
  MkHttpProbe *self = MK_HTTP_PROBE (probe);
  MK_AUTO_LOCK (&self->lock);
  const MkHttpSettings *settings = self->settings;
  g_autofree char *name = mk_http_settings_dup_name (settings);
  g_autoptr (GString) rest = g_string_new (NULL);

  if (settings->socket_path != NULL)
    {
      g_autofree char *shown = mk_message_shown (settings->socket_path);

      /* Translators: a part of “%s to answer%s” */
      g_string_append_printf (rest, _ (" on the socket %s"), shown);
    }
  if (!g_str_equal (settings->status, MK_HTTP_DEFAULT_STATUS))
    {
      g_autofree char *shown = mk_message_shown (settings->status);

      /* Translators: a part of “%s to answer%s” */
      g_string_append_printf (rest, _ (" with status %s"), shown);
    }
  if (settings->body_pattern != NULL)
    {
      g_autofree char *shown = mk_message_shown (settings->body_pattern);

      /* Translators: a part of “%s to answer%s” */
      g_string_append_printf (rest, _ (" with “%s” in the body"), shown);
    }

  /* Translators: a clause that stands after “waiting for”; a URL, then “ on the socket …”, “ with status …”
   * and “ with … in the body”, or some of them, or nothing */
  return g_strdup_printf (_ ("%s to answer%s"), name, rest->str);
}

/* ---- properties ---- */

/* Where the setting of a property of type string is kept. */
static char **
http_probe_locate (MkHttpProbe *self, guint prop_id)
{
  MkHttpSettings *settings = self->settings;

  switch (prop_id)
    {
    case PROP_URI:
      return &settings->uri;
    case PROP_STATUS:
      return &settings->status;
    case PROP_METHOD:
      return &settings->method;
    case PROP_CONTENT_TYPE:
      return &settings->content_type;
    case PROP_BODY_PATTERN:
      return &settings->body_pattern;
    case PROP_CA_FILE:
      return &settings->ca_file;
    case PROP_CERTIFICATE_FILE:
      return &settings->certificate_file;
    case PROP_SOCKET_PATH:
      return &settings->socket_path;
    default:
      g_assert_not_reached ();
    }
}

static void
http_probe_set_string (MkHttpProbe *self, guint prop_id, char **setting, const char *text)
{
  if (g_strcmp0 (*setting, text) == 0)
    return;

  g_mutex_lock (&self->lock);
  g_free (*setting);
  *setting = g_strdup (text);
  g_mutex_unlock (&self->lock);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

static void
http_probe_set_boolean (MkHttpProbe *self, guint prop_id, gboolean *setting, gboolean value)
{
  if (*setting == !!value)
    return;

  g_mutex_lock (&self->lock);
  *setting = !!value;
  g_mutex_unlock (&self->lock);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

static void
mk_http_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkHttpProbe *self = MK_HTTP_PROBE (object);

  switch (prop_id)
    {
    case PROP_URI:
    case PROP_STATUS:
    case PROP_METHOD:
    case PROP_CONTENT_TYPE:
    case PROP_BODY_PATTERN:
    case PROP_CA_FILE:
    case PROP_CERTIFICATE_FILE:
    case PROP_SOCKET_PATH:
      g_value_set_string (value, *http_probe_locate (self, prop_id));
      break;

    case PROP_HEADERS:
      g_value_set_boxed (value, mk_http_probe_get_headers (self));
      break;

    case PROP_BODY:
      g_value_set_boxed (value, mk_http_probe_get_body (self));
      break;

    case PROP_ACCEPT_ANY_CERTIFICATE:
      g_value_set_boolean (value, mk_http_probe_get_accept_any_certificate (self));
      break;

    case PROP_FOLLOW_REDIRECTS:
      g_value_set_boolean (value, mk_http_probe_get_follow_redirects (self));
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
    case PROP_STATUS:
      mk_http_probe_set_status (self, g_value_get_string (value));
      break;

    case PROP_METHOD:
      mk_http_probe_set_method (self, g_value_get_string (value));
      break;

    case PROP_URI:
    case PROP_CONTENT_TYPE:
    case PROP_BODY_PATTERN:
    case PROP_CA_FILE:
    case PROP_CERTIFICATE_FILE:
    case PROP_SOCKET_PATH:
      http_probe_set_string (self, prop_id, http_probe_locate (self, prop_id), g_value_get_string (value));
      break;

    case PROP_HEADERS:
      mk_http_probe_set_headers (self, g_value_get_boxed (value));
      break;

    case PROP_BODY:
      mk_http_probe_set_body (self, g_value_get_boxed (value));
      break;

    case PROP_ACCEPT_ANY_CERTIFICATE:
      mk_http_probe_set_accept_any_certificate (self, g_value_get_boolean (value));
      break;

    case PROP_FOLLOW_REDIRECTS:
      mk_http_probe_set_follow_redirects (self, g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* @pspecs: of N_PROPS */
static void
http_probe_create_properties (GParamSpec **pspecs)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  /**
   * MkHttpProbe:uri:
   *
   * The URL of the request, http:// or https://.
   *
   * A user and a password in it are sent as basic authentication. The query is sent, the fragment is not.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_URI] = g_param_spec_string ("uri", NULL, NULL, NULL, flags);

  /**
   * MkHttpProbe:status:
   *
   * The expected status of the response: a code, or a regular expression that must match from the first of
   * the three digits. %NULL sets the default; the getter never returns %NULL.
   *
   * Default: `^2\d\d$`.
   *
   * Since: 1.0
   */
  pspecs[PROP_STATUS] = g_param_spec_string ("status", NULL, NULL, MK_HTTP_DEFAULT_STATUS, flags);

  /**
   * MkHttpProbe:method:
   *
   * The method of the request. %NULL sets the default; the getter never returns %NULL.
   *
   * `GET` is sent instead of `HEAD` if [property@Mk.HttpProbe:body-pattern] is set, and after a response
   * with the status 405 or 501.
   *
   * Default: `HEAD`.
   *
   * Since: 1.0
   */
  pspecs[PROP_METHOD] = g_param_spec_string ("method", NULL, NULL, MK_HTTP_DEFAULT_METHOD, flags);

  /**
   * MkHttpProbe:headers:
   *
   * Further headers of the request, each as `Name: value`. They replace headers of the same name that the
   * library sets.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_HEADERS] = g_param_spec_boxed ("headers", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkHttpProbe:body:
   *
   * The body of the request.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_BODY] = g_param_spec_boxed ("body", NULL, NULL, G_TYPE_BYTES, flags);

  /**
   * MkHttpProbe:content-type:
   *
   * The type of the body, such as `application/json`.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_CONTENT_TYPE] = g_param_spec_string ("content-type", NULL, NULL, NULL, flags);

  /**
   * MkHttpProbe:body-pattern:
   *
   * A regular expression that must match somewhere in the body of the response. At most 1 MiB of the body is
   * read. A compressed body is decompressed first.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_BODY_PATTERN] = g_param_spec_string ("body-pattern", NULL, NULL, NULL, flags);

  /**
   * MkHttpProbe:accept-any-certificate:
   *
   * Whether any certificate of an https server is accepted, for example a self-signed one, one for another
   * name, or an expired one.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  pspecs[PROP_ACCEPT_ANY_CERTIFICATE] =
      g_param_spec_boolean ("accept-any-certificate", NULL, NULL, FALSE, flags);

  /**
   * MkHttpProbe:ca-file: (type filename)
   *
   * A file with certificates in PEM format. One of them must have signed the certificate of an https server.
   * The file may also contain the certificate of the server itself. %NULL stands for the certificates that
   * the system trusts.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_CA_FILE] = g_param_spec_string ("ca-file", NULL, NULL, NULL, flags);

  /**
   * MkHttpProbe:certificate-file: (type filename)
   *
   * A file with a client certificate and its key in PEM format. They are used if an https server requests a
   * client certificate.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_CERTIFICATE_FILE] = g_param_spec_string ("certificate-file", NULL, NULL, NULL, flags);

  /**
   * MkHttpProbe:follow-redirects:
   *
   * Whether redirects are followed, at most 20. If they are followed, the status of the last response
   * counts. Otherwise the status of the redirect counts, such as 302.
   *
   * The user and the password of the URL are not sent to another host.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  pspecs[PROP_FOLLOW_REDIRECTS] = g_param_spec_boolean ("follow-redirects", NULL, NULL, FALSE, flags);

  /**
   * MkHttpProbe:socket-path: (type filename)
   *
   * The path of a Unix socket to connect to, instead of the host and the port of the URL. A path that begins
   * with `@` is followed by the name of an abstract socket.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  pspecs[PROP_SOCKET_PATH] = g_param_spec_string ("socket-path", NULL, NULL, NULL, flags);
}

/* For MkHttpExecutor, which has the same. */
void
mk_http_probe_install_properties (GObjectClass *object_class)
{
  GParamSpec *pspecs[N_PROPS] = { NULL };

  http_probe_create_properties (pspecs);
  g_object_class_install_properties (object_class, N_PROPS, pspecs);
}

/* ---- the object ---- */

static void
mk_http_probe_finalize (GObject *object)
{
  MkHttpProbe *self = MK_HTTP_PROBE (object);

  mk_http_settings_free (self->settings);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mk_http_probe_parent_class)->finalize (object);
}

static void
mk_http_probe_class_init (MkHttpProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_http_probe_finalize;
  object_class->get_property = mk_http_probe_get_property;
  object_class->set_property = mk_http_probe_set_property;

  probe_class->describe = mk_http_probe_describe;

  class_private->begin = mk_http_probe_begin;
  class_private->end = mk_http_probe_end;
  class_private->check_with = mk_http_probe_check_with;
  class_private->check_task_with = mk_http_probe_check_task_with;
  class_private->dup_before_start = mk_http_probe_dup_before_start;
  class_private->wants_values = mk_http_probe_wants_values;
  class_private->dup_expanded = mk_probe_dup_with_expanded_properties;
  class_private->find_rival = mk_http_probe_find_rival;

  http_probe_create_properties (props);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_http_probe_init (MkHttpProbe *self)
{
  g_mutex_init (&self->lock);
  self->settings = mk_http_settings_new ();
  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
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

/* The getter and the setter of a setting. @replace compares, stores and notifies. */
#define SETTING(Type, name, NAME, replace)                                                                   \
  Type mk_http_probe_get_##name (MkHttpProbe *self)                                                          \
  {                                                                                                          \
    g_return_val_if_fail (MK_IS_HTTP_PROBE (self), 0);                                                       \
                                                                                                             \
    return self->settings->name;                                                                             \
  }                                                                                                          \
                                                                                                             \
  void mk_http_probe_set_##name (MkHttpProbe *self, Type name)                                               \
  {                                                                                                          \
    g_return_if_fail (MK_IS_HTTP_PROBE (self));                                                              \
                                                                                                             \
    replace (self, PROP_##NAME, &self->settings->name, name);                                                \
  }

/**
 * mk_http_probe_get_uri: (get-property uri)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:uri].
 *
 * Returns: (transfer none) (nullable): the URL, %NULL if it is not set
 *
 * Since: 1.0
 */

/**
 * mk_http_probe_set_uri: (set-property uri)
 * @self: the probe
 * @uri: (nullable): the URL
 *
 * Sets [property@Mk.HttpProbe:uri].
 *
 * Since: 1.0
 */
SETTING (const char *, uri, URI, http_probe_set_string)

/**
 * mk_http_probe_get_status: (get-property status)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:status].
 *
 * Returns: (transfer none): a code or a regular expression, never %NULL
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_status (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings->status;
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

  http_probe_set_string (
      self, PROP_STATUS, &self->settings->status, status ? status : MK_HTTP_DEFAULT_STATUS);
}

/**
 * mk_http_probe_get_method: (get-property method)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:method].
 *
 * Returns: (transfer none): the method, never %NULL
 *
 * Since: 1.0
 */
const char *
mk_http_probe_get_method (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return self->settings->method;
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

  http_probe_set_string (
      self, PROP_METHOD, &self->settings->method, method ? method : MK_HTTP_DEFAULT_METHOD);
}

/**
 * mk_http_probe_get_headers: (get-property headers)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:headers].
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the headers
 *
 * Since: 1.0
 */
const char *const *
mk_http_probe_get_headers (MkHttpProbe *self)
{
  g_return_val_if_fail (MK_IS_HTTP_PROBE (self), NULL);

  return (const char *const *) self->settings->headers;
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
  char **old;

  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  old = self->settings->headers;
  if (old != NULL && headers != NULL ? g_strv_equal ((const char *const *) old, headers)
                                     : old == NULL && headers == NULL)
    return;

  g_mutex_lock (&self->lock);
  self->settings->headers = g_strdupv ((char **) headers);
  g_mutex_unlock (&self->lock);
  g_strfreev (old);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HEADERS]);
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

  return self->settings->body;
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
  GBytes *old;

  g_return_if_fail (MK_IS_HTTP_PROBE (self));

  old = self->settings->body;
  if (old == body || (old != NULL && body != NULL && g_bytes_equal (old, body)))
    return;

  g_mutex_lock (&self->lock);
  self->settings->body = body ? g_bytes_ref (body) : NULL;
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&old, g_bytes_unref);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BODY]);
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

/**
 * mk_http_probe_set_content_type: (set-property content-type)
 * @self: the probe
 * @content_type: (nullable): the type of the body
 *
 * Sets [property@Mk.HttpProbe:content-type].
 *
 * Since: 1.0
 */
SETTING (const char *, content_type, CONTENT_TYPE, http_probe_set_string)

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

/**
 * mk_http_probe_set_body_pattern: (set-property body-pattern)
 * @self: the probe
 * @body_pattern: (nullable): a regular expression
 *
 * Sets [property@Mk.HttpProbe:body-pattern].
 *
 * Since: 1.0
 */
SETTING (const char *, body_pattern, BODY_PATTERN, http_probe_set_string)

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

/**
 * mk_http_probe_set_accept_any_certificate: (set-property accept-any-certificate)
 * @self: the probe
 * @accept_any_certificate: whether any certificate is accepted
 *
 * Sets [property@Mk.HttpProbe:accept-any-certificate].
 *
 * Since: 1.0
 */
SETTING (gboolean, accept_any_certificate, ACCEPT_ANY_CERTIFICATE, http_probe_set_boolean)

/**
 * mk_http_probe_get_ca_file: (get-property ca-file)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:ca-file].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a file
 *
 * Since: 1.0
 */

/**
 * mk_http_probe_set_ca_file: (set-property ca-file)
 * @self: the probe
 * @ca_file: (nullable) (type filename): the path of a file
 *
 * Sets [property@Mk.HttpProbe:ca-file].
 *
 * Since: 1.0
 */
SETTING (const char *, ca_file, CA_FILE, http_probe_set_string)

/**
 * mk_http_probe_get_certificate_file: (get-property certificate-file)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:certificate-file].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a file
 *
 * Since: 1.0
 */

/**
 * mk_http_probe_set_certificate_file: (set-property certificate-file)
 * @self: the probe
 * @certificate_file: (nullable) (type filename): the path of a file
 *
 * Sets [property@Mk.HttpProbe:certificate-file].
 *
 * Since: 1.0
 */
SETTING (const char *, certificate_file, CERTIFICATE_FILE, http_probe_set_string)

/**
 * mk_http_probe_get_follow_redirects: (get-property follow-redirects)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:follow-redirects].
 *
 * Returns: whether redirects are followed
 *
 * Since: 1.0
 */

/**
 * mk_http_probe_set_follow_redirects: (set-property follow-redirects)
 * @self: the probe
 * @follow_redirects: whether redirects are followed
 *
 * Sets [property@Mk.HttpProbe:follow-redirects].
 *
 * Since: 1.0
 */
SETTING (gboolean, follow_redirects, FOLLOW_REDIRECTS, http_probe_set_boolean)

/**
 * mk_http_probe_get_socket_path: (get-property socket-path)
 * @self: the probe
 *
 * Gets [property@Mk.HttpProbe:socket-path].
 *
 * Returns: (transfer none) (nullable) (type filename): the path of a socket
 *
 * Since: 1.0
 */

/**
 * mk_http_probe_set_socket_path: (set-property socket-path)
 * @self: the probe
 * @socket_path: (nullable) (type filename): the path of a socket
 *
 * Sets [property@Mk.HttpProbe:socket-path].
 *
 * Since: 1.0
 */
SETTING (const char *, socket_path, SOCKET_PATH, http_probe_set_string)

/**
 * mk_http_probe_set_form:
 * @self: the probe
 * @fields: (array zero-terminated=1): the fields, each as `name=value`
 *
 * Sets the body to the encoded fields of a form, and the content type to
 * `application/x-www-form-urlencoded`. The method does not change. Most forms are sent with `POST`, so set
 * [property@Mk.HttpProbe:method], too.
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
