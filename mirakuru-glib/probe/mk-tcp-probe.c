/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by connecting: at a port of this machine in `check`, where the system answers at once (see
 * mk-tcp-target-private.h). What it does not answer at once (the queue of the service is full), and what is
 * elsewhere, is left to GSocketClient in `check_task`.
 */

#include "mk-tcp-probe-private.h"

#include <errno.h>
#include <string.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "mk-tcp-target-private.h"
#include "process/mk-proc-private.h"

#define LOCAL_ATTEMPT_LIMIT_MS  250
#define REMOTE_ATTEMPT_LIMIT_MS 5000
/* Those of "localhost" */
#define MAX_ADDRESSES 2

/**
 * MkTcpProbe:
 *
 * A probe that checks whether a TCP port accepts connections.
 *
 * See [Which readiness can be trusted](readiness.html) for what this proves.
 *
 * The host may be a name, an IPv4 address or an IPv6 address. All addresses of a name are tried; those of
 * `localhost` are `127.0.0.1` and `::1`. No proxy is used. Each attempt makes one connection, and closes it
 * at once. If such connections disturb the service, set [property@Mk.TcpProbe:listening-only].
 *
 * Since: 1.0
 */

struct _MkTcpProbe
{
  MkProbe parent_instance;

  char *host; /* (owned) (nullable) */
  guint port;
  char *port_text; /* (owned) (nullable): a placeholder in its place */
  gboolean listening_only;
};

enum
{
  PROP_HOST = 1,
  PROP_PORT,
  PROP_LISTENING_ONLY,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkTcpProbe, mk_tcp_probe, MK_TYPE_PROBE)

/* ---- addresses ---- */

/*
 * The addresses that are known without asking a resolver. Connecting to an unspecified address leads to this
 * machine, so it stands for its loopback address.
 *
 * @host: (nullable)
 *
 * Returns: the number of addresses, which the caller owns; 0 if the resolver has to be asked
 */
static guint
tcp_find_addresses (const char *host, GInetAddress *addresses[MAX_ADDRESSES])
{
  GInetAddress *address = host ? g_inet_address_new_from_string (host) : NULL;

  if (address != NULL && g_inet_address_get_is_any (address))
    {
      addresses[0] = g_inet_address_new_loopback (g_inet_address_get_family (address));
      g_object_unref (address);
      return 1;
    }
  if (address != NULL)
    {
      addresses[0] = address;
      return 1;
    }
  if (host == NULL || g_ascii_strcasecmp (host, "localhost") != 0)
    return 0;

  addresses[0] = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  addresses[1] = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);
  return 2;
}

/* @host: (nullable). Returns: whether it is known to be this machine, and answers without delay */
gboolean
mk_tcp_host_is_local (const char *host)
{
  GInetAddress *addresses[MAX_ADDRESSES] = { NULL };
  guint n_addresses = tcp_find_addresses (host, addresses);
  gboolean local = n_addresses > 0 && g_inet_address_get_is_loopback (addresses[0]);

  for (guint i = 0; i < n_addresses; i++)
    g_object_unref (addresses[i]);
  return local;
}

static gboolean
tcp_probe_validate (MkTcpProbe *self, GError **error)
{
  if (self->host == NULL || *self->host == '\0')
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("The host is empty: give a name or an address, for example 127.0.0.1"));
  else if (self->port == 0 || self->port > G_MAXUINT16)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("%u is not a TCP port: ports are from 1 to %d"),
                 self->port,
                 G_MAXUINT16);
  else if (self->listening_only && !mk_proc_can_find_listeners ())
    g_set_error (error,
                 G_IO_ERROR,
                 G_IO_ERROR_NOT_SUPPORTED,
                 "%s: %s",
                 g_param_spec_get_name (props[PROP_LISTENING_ONLY]),
                 g_strerror (ENOTSUP));
  else
    return TRUE;

  return FALSE;
}

/* ---- what an operation keeps ---- */

typedef struct
{
  GInetAddress *addresses[MAX_ADDRESSES]; /* (owned) */
  MkTcpTarget *targets[MAX_ADDRESSES];    /* (owned) */
  guint n_targets;                        /* 0 if it takes a resolver to know */
  gboolean local;
} TcpState;

static gpointer
mk_tcp_probe_begin (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  TcpState *state = g_new0 (TcpState, 1);

  state->local = mk_tcp_host_is_local (self->host);
  state->n_targets = tcp_find_addresses (self->host, state->addresses);
  for (guint i = 0; i < state->n_targets; i++)
    state->targets[i] = mk_tcp_target_new (state->addresses[i], self->port);

  return state;
}

static void
mk_tcp_probe_end (MkProbe *probe, gpointer data)
{
  TcpState *state = data;

  for (guint i = 0; i < state->n_targets; i++)
    {
      mk_tcp_target_free (state->targets[i]);
      g_object_unref (state->addresses[i]);
    }
  g_free (state);
}

/* ---- an attempt at a port of this machine ---- */

static gboolean
tcp_is_out_of_resources (int number)
{
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static gboolean
tcp_probe_check_by_connecting (MkTcpProbe *self, TcpState *state, GError **error)
{
  int reason = 0;

  for (guint i = 0; i < state->n_targets; i++)
    {
      int number = mk_tcp_target_ask (state->targets[i]);

      if (number == 0)
        return TRUE;
      /* The first one counts, as with a machine without IPv6. */
      if (reason == 0 || number == EINPROGRESS)
        reason = number;
    }

  if (reason == EINPROGRESS)
    mk_probe_would_block (error);
  else if (tcp_is_out_of_resources (reason))
    g_set_error (error,
                 G_IO_ERROR,
                 g_io_error_from_errno (reason),
                 _ ("Cannot create a socket for the check: %s"),
                 g_strerror (reason));
  else
    mk_probe_set_detail (MK_PROBE (self), g_strerror (reason));
  return FALSE;
}

static gboolean
tcp_probe_check_by_looking (MkTcpProbe *self, TcpState *state, GError **error)
{
  for (guint i = 0; i < state->n_targets; i++)
    {
      if (mk_proc_find_listener (state->addresses[i], self->port) != 0)
        return TRUE;
    }

  if (state->n_targets == 0)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_INVALID_ARGUMENT,
        _ ("The listening sockets of this machine cannot be searched for “%s”: give an address of this "
           "machine, for example 127.0.0.1"),
        self->host);
  else
    mk_probe_set_detail (MK_PROBE (self), _ ("nothing listens on this port"));
  return FALSE;
}

static gboolean
mk_tcp_probe_check_with (MkProbe *probe, gpointer data, GError **error)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  TcpState *state = data;

  if (!tcp_probe_validate (self, error))
    return FALSE;
  if (self->listening_only)
    return tcp_probe_check_by_looking (self, state, error);
  if (state->local)
    return tcp_probe_check_by_connecting (self, state, error);

  mk_probe_would_block (error);
  return FALSE;
}

/* ---- an attempt that takes time ---- */

/* @error: (transfer full): why there is no connection */
static void
tcp_probe_return_failure (GTask *task, GError *error)
{
  MkTcpProbe *self = g_task_get_source_object (task);

  if (error->domain == G_RESOLVER_ERROR)
    {
      g_prefix_error (&error, _ ("Cannot find the address of “%s”: "), self->host);
      g_task_return_error (task, error);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
    g_task_return_error (task, error);
  else
    {
      /* For one that was cancelled it is known already. */
      if (!g_cancellable_is_cancelled (g_task_get_cancellable (task)))
        mk_probe_set_detail (MK_PROBE (self), error->message);
      g_error_free (error);
      g_task_return_boolean (task, FALSE);
    }
}

static void
tcp_probe_on_connected (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GSocketConnection) connection =
      g_socket_client_connect_finish (G_SOCKET_CLIENT (object), result, &error);
  int fd;

  if (connection == NULL)
    {
      tcp_probe_return_failure (task, error);
      return;
    }

  fd = g_socket_get_fd (g_socket_connection_get_socket (connection));
  if (mk_tcp_is_connected_to_itself (fd))
    {
      g_autofree char *reason = mk_descriptor_explain (ECONNREFUSED);

      mk_tcp_free_port_on_close (fd);
      mk_probe_set_detail (g_task_get_source_object (task), reason);
      g_task_return_boolean (task, FALSE);
      return;
    }

  mk_probe_set_detail (g_task_get_source_object (task), NULL);
  g_task_return_boolean (task, TRUE);
}

static void
tcp_probe_on_event (GSocketClient *client,
                    GSocketClientEvent event,
                    GSocketConnectable *connectable,
                    GIOStream *connection,
                    MkProbe *probe)
{
  if (event != G_SOCKET_CLIENT_CONNECTING)
    return;

  mk_tcp_prepare_socket (g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (connection))));
  /* What is known if the time is over now. */
  mk_probe_set_detail (probe, _ ("no answer: the connection was not accepted in time"));
}

static void
mk_tcp_probe_check_task_with (MkProbe *probe, gpointer data, GTask *task)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) address = g_network_address_new (self->host, (guint16) self->port);
  g_autofree char *detail = g_strdup_printf (_ ("the address of “%s” was not found in time"), self->host);

  mk_probe_set_detail (probe, detail);
  g_socket_client_set_enable_proxy (client, FALSE);
  g_signal_connect_object (client, "event", G_CALLBACK (tcp_probe_on_event), probe, 0);
  g_socket_client_connect_async (
      client, address, g_task_get_cancellable (task), tcp_probe_on_connected, g_object_ref (task));
}

/* ---- who listens ---- */

static char *
tcp_probe_dup_address (MkTcpProbe *self)
{
  const char *host = self->host ? self->host : _ ("(no host)");

  if (self->port_text != NULL)
    return g_strdup_printf (strchr (host, ':') ? "[%s]:%s" : "%s:%s", host, self->port_text);
  return g_strdup_printf (strchr (host, ':') ? "[%s]:%u" : "%s:%u", host, self->port);
}

static char *
mk_tcp_probe_describe (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *address = tcp_probe_dup_address (self);

  if (self->listening_only)
    /* Translators: a clause that stands after “waiting for”; an address */
    return g_strdup_printf (_ ("%s to be listened on"), address);

  /* Translators: a clause that stands after “waiting for”; an address */
  return g_strdup_printf (_ ("%s to accept connections"), address);
}

/* Returns: (element-type guint64) (transfer full): the inodes of the sockets that listen there */
static GArray *
tcp_probe_find_listeners (MkTcpProbe *self)
{
  GArray *inodes = g_array_new (FALSE, FALSE, sizeof (guint64));
  GInetAddress *addresses[MAX_ADDRESSES] = { NULL };
  guint n_addresses = tcp_find_addresses (self->host, addresses);

  for (guint i = 0; i < n_addresses; i++)
    {
      guint64 inode = mk_proc_find_listener (addresses[i], self->port);

      if (inode != 0)
        g_array_append_val (inodes, inode);
      g_object_unref (addresses[i]);
    }

  return inodes;
}

static char *
mk_tcp_probe_describe_holder (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *name = tcp_probe_dup_address (self);
  g_autoptr (GArray) inodes = tcp_probe_find_listeners (self);
  g_autofree char *listener =
      inodes->len > 0 ? mk_proc_describe_holder (g_array_index (inodes, guint64, 0)) : NULL;

  return mk_message_taken (name, listener);
}

static int
mk_tcp_probe_find_holder (MkProbe *probe)
{
  g_autoptr (GArray) inodes = tcp_probe_find_listeners (MK_TCP_PROBE (probe));

  return inodes->len > 0 ? mk_proc_find_holder (g_array_index (inodes, guint64, 0)) : 0;
}

/* Two executors may wait for the same port, so that what one of them started answers the other. */
static char *
mk_tcp_probe_find_rival (MkProbe *probe, int service, int supervisor)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *name = tcp_probe_dup_address (self);
  g_autoptr (GArray) inodes = NULL;
  g_autofree char *rival = NULL;

  if (!mk_tcp_host_is_local (self->host))
    return NULL;

  inodes = tcp_probe_find_listeners (self);
  for (guint i = 0; i < inodes->len; i++)
    {
      g_free (rival);
      rival = mk_proc_describe_rival (g_array_index (inodes, guint64, i), service, supervisor);
      if (rival == NULL)
        return NULL;
    }

  return rival ? mk_message_taken (name, rival) : NULL;
}

/* Whoever listens may not serve yet. */
static gboolean
mk_tcp_probe_is_shallow (MkProbe *probe)
{
  return TRUE;
}

/* Only where that takes no time. */
static gboolean
mk_tcp_probe_look_again (MkProbe *probe)
{
  g_autoptr (GError) error = NULL;
  gpointer state;
  gboolean there;

  if (!mk_tcp_host_is_local (MK_TCP_PROBE (probe)->host))
    return TRUE;

  /* Not as an attempt of the wait: those are counted from its beginning. */
  state = mk_tcp_probe_begin (probe);
  there = mk_tcp_probe_check_with (probe, state, &error);
  mk_tcp_probe_end (probe, state);
  return there || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

static gboolean
mk_tcp_probe_wants_values (MkProbe *probe)
{
  return mk_tcp_probe_get_port (MK_TCP_PROBE (probe)) == 0;
}

/* ---- the object ---- */

static void
mk_tcp_probe_finalize (GObject *object)
{
  MkTcpProbe *self = MK_TCP_PROBE (object);

  g_free (self->host);
  g_free (self->port_text);

  G_OBJECT_CLASS (mk_tcp_probe_parent_class)->finalize (object);
}

static void
mk_tcp_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkTcpProbe *self = MK_TCP_PROBE (object);

  switch (prop_id)
    {
    case PROP_HOST:
      g_value_set_string (value, mk_tcp_probe_get_host (self));
      break;

    case PROP_PORT:
      g_value_set_uint (value, mk_tcp_probe_get_port (self));
      break;

    case PROP_LISTENING_ONLY:
      g_value_set_boolean (value, mk_tcp_probe_get_listening_only (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_tcp_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkTcpProbe *self = MK_TCP_PROBE (object);

  switch (prop_id)
    {
    case PROP_HOST:
      mk_tcp_probe_set_host (self, g_value_get_string (value));
      break;

    case PROP_PORT:
      mk_tcp_probe_set_port (self, g_value_get_uint (value));
      break;

    case PROP_LISTENING_ONLY:
      mk_tcp_probe_set_listening_only (self, g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* A placeholder for another port than {port} needs a probe of its own. */
static MkProbe *
mk_tcp_probe_dup_expanded (MkProbe *probe, MkValues *values, GError **error)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *text = g_strdup (self->port_text);
  g_autofree char *host = g_strdup (self->host);
  guint64 port = 0;

  if (text == NULL)
    return mk_probe_dup_with_expanded_properties (probe, values, error);
  if (!mk_values_expand (values, &text, error) || !mk_values_expand (values, &host, error))
    return NULL;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &port, NULL))
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   /* Translators: a placeholder such as {web.port}, what it stands for */
                   _ ("“%s” is not a TCP port: its value is “%s”"),
                   self->port_text,
                   text);
      return NULL;
    }
  return g_object_new (MK_TYPE_TCP_PROBE,
                       "host",
                       host,
                       "port",
                       (guint) port,
                       "listening-only",
                       self->listening_only,
                       "interval",
                       mk_probe_get_interval (probe),
                       "attempt-timeout",
                       mk_probe_get_attempt_timeout (probe),
                       "stable-for",
                       mk_probe_get_stable_for (probe),
                       NULL);
}

static void
mk_tcp_probe_class_init (MkTcpProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_tcp_probe_finalize;
  object_class->get_property = mk_tcp_probe_get_property;
  object_class->set_property = mk_tcp_probe_set_property;

  probe_class->describe = mk_tcp_probe_describe;

  class_private->begin = mk_tcp_probe_begin;
  class_private->end = mk_tcp_probe_end;
  class_private->wants_values = mk_tcp_probe_wants_values;
  class_private->dup_expanded = mk_tcp_probe_dup_expanded;
  class_private->check_with = mk_tcp_probe_check_with;
  class_private->check_task_with = mk_tcp_probe_check_task_with;
  class_private->describe_holder = mk_tcp_probe_describe_holder;
  class_private->find_holder = mk_tcp_probe_find_holder;
  class_private->find_rival = mk_tcp_probe_find_rival;
  class_private->is_shallow = mk_tcp_probe_is_shallow;
  class_private->look_again = mk_tcp_probe_look_again;

  /**
   * MkTcpProbe:host:
   *
   * The name or the address of the host. With %NULL, each check fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_HOST] = g_param_spec_string (
      "host", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkTcpProbe:port:
   *
   * The port, 1 to 65535. With another number, each check fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: 0. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_PORT] = g_param_spec_uint ("port",
                                        NULL,
                                        NULL,
                                        0,
                                        G_MAXUINT,
                                        0,
                                        G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkTcpProbe:listening-only:
   *
   * Whether to look for a listening socket on this machine instead of connecting. Some services log a
   * connection that is closed at once; with this setting, they see none. The host must be an address of this
   * machine or `localhost`, and the service must run in the network namespace of the program.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  props[PROP_LISTENING_ONLY] =
      g_param_spec_boolean ("listening-only",
                            NULL,
                            NULL,
                            FALSE,
                            G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_tcp_probe_init (MkTcpProbe *self)
{
}

/**
 * mk_tcp_probe_new:
 * @host: the name or the address of the host
 * @port: the port, 1 to 65535
 *
 * Creates a probe for a TCP port.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkTcpProbe *
mk_tcp_probe_new (const char *host, guint port)
{
  return g_object_new (MK_TYPE_TCP_PROBE, "host", host, "port", port, NULL);
}

/**
 * mk_tcp_probe_get_host: (get-property host)
 * @self: the probe
 *
 * Gets the host.
 *
 * Returns: (transfer none) (nullable): the name or the address of the host
 *
 * Since: 1.0
 */
const char *
mk_tcp_probe_get_host (MkTcpProbe *self)
{
  g_return_val_if_fail (MK_IS_TCP_PROBE (self), NULL);

  return self->host;
}

/**
 * mk_tcp_probe_set_host: (set-property host)
 * @self: the probe
 * @host: (nullable): the name or the address of the host
 *
 * Sets the host.
 *
 * Since: 1.0
 */
void
mk_tcp_probe_set_host (MkTcpProbe *self, const char *host)
{
  gboolean local;

  g_return_if_fail (MK_IS_TCP_PROBE (self));

  if (g_strcmp0 (self->host, host) == 0)
    return;

  g_free (self->host);
  self->host = g_strdup (host);
  local = mk_tcp_host_is_local (host);
  mk_probe_set_pace (MK_PROBE (self), local ? MK_PROBE_PACE_LOCAL : MK_PROBE_PACE_REMOTE);
  mk_probe_set_attempt_limit (MK_PROBE (self), local ? LOCAL_ATTEMPT_LIMIT_MS : REMOTE_ATTEMPT_LIMIT_MS);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_HOST]);
}

/**
 * mk_tcp_probe_get_port: (get-property port)
 * @self: the probe
 *
 * Gets the port.
 *
 * Returns: the port
 *
 * Since: 1.0
 */
guint
mk_tcp_probe_get_port (MkTcpProbe *self)
{
  g_return_val_if_fail (MK_IS_TCP_PROBE (self), 0);

  return self->port;
}

/**
 * mk_tcp_probe_set_port: (set-property port)
 * @self: the probe
 * @port: the port, 1 to 65535
 *
 * Sets the port.
 *
 * Since: 1.0
 */
void
mk_tcp_probe_set_port (MkTcpProbe *self, guint port)
{
  g_return_if_fail (MK_IS_TCP_PROBE (self));

  if (self->port == port)
    return;

  self->port = port;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PORT]);
}

/**
 * mk_tcp_probe_get_listening_only: (get-property listening-only)
 * @self: the probe
 *
 * Gets whether the probe looks for a listening socket instead of connecting.
 *
 * Returns: %TRUE if it does not connect
 *
 * Since: 1.0
 */
gboolean
mk_tcp_probe_get_listening_only (MkTcpProbe *self)
{
  g_return_val_if_fail (MK_IS_TCP_PROBE (self), FALSE);

  return self->listening_only;
}

/**
 * mk_tcp_probe_set_listening_only: (set-property listening-only)
 * @self: the probe
 * @listening_only: %TRUE to look for a listening socket, %FALSE to connect
 *
 * Sets whether the probe looks for a listening socket instead of connecting. See
 * [property@Mk.TcpProbe:listening-only].
 *
 * Since: 1.0
 */
void
mk_tcp_probe_set_listening_only (MkTcpProbe *self, gboolean listening_only)
{
  g_return_if_fail (MK_IS_TCP_PROBE (self));

  listening_only = !!listening_only;
  if (self->listening_only == listening_only)
    return;

  self->listening_only = listening_only;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_LISTENING_ONLY]);
}

/* @port_text: a placeholder such as {port:admin}; not {port}, which is 0 */
void
mk_tcp_probe_set_port_text (MkTcpProbe *self, const char *port_text)
{
  g_free (self->port_text);
  self->port_text = g_strdup (port_text);
}
