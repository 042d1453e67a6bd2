/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by connecting. A port of this machine answers at once: Linux lets a socket whose connection was
 * refused connect once more, and on the loopback interface the answer is there when connect() returns. So
 * `check` asks there, with a socket that lives as long as the wait. What is neither a refusal nor a
 * connection, and what is elsewhere, is left to `check_task`, see mk-connect.c.
 *
 * Self-connections: the kernel picks the port of a connecting socket from the range that services on "free"
 * ports are in too. When it picks the very port it connects to, TCP connects the socket to itself. That is no
 * sign of a service, and must not be in the way of one that is about to bind.
 */

#include "mk-tcp-probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-connect-private.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "process/mk-proc-private.h"
#include "mk-tcp-diag-private.h"

#define LOCAL_ATTEMPT_LIMIT_MS  250
#define REMOTE_ATTEMPT_LIMIT_MS 5000
#define MAX_TARGETS             2

/**
 * MkTcpProbe:
 *
 * A probe that tells whether a TCP port accepts connections.
 *
 * The host may be a name, an IPv4 or an IPv6 address; all addresses of a name are tried, for `localhost` that
 * is both `127.0.0.1` and `::1`. No proxy is ever used. Each attempt is one connection, which is closed at
 * once.
 *
 * Since: 1.0
 */

struct _MkTcpProbe
{
  MkProbe parent_instance;

  char *host; /* (owned) (nullable) */
  guint port;
};

enum
{
  PROP_HOST = 1,
  PROP_PORT,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkTcpProbe, mk_tcp_probe, MK_TYPE_PROBE)

/* ---- one attempt ---- */

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
  else
    return TRUE;

  return FALSE;
}

/* ---- what a wait keeps ---- */

typedef struct
{
  int fd; /* −1 where there is none */
  struct sockaddr_storage address;
  socklen_t length;
} Target;

typedef struct
{
  Target targets[MAX_TARGETS];
  guint n_targets; /* 0 if it takes a task to ask */
} TcpState;

static gpointer
mk_tcp_probe_begin (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  TcpState *state = g_new0 (TcpState, 1);
  GList *addresses = mk_connect_is_local (self->host) ? mk_connect_known_addresses (self->host) : NULL;

  g_assert (g_list_length (addresses) <= MAX_TARGETS);
  for (GList *l = addresses; l != NULL; l = l->next)
    {
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (l->data, (guint16) self->port);
      Target *target = &state->targets[state->n_targets++];

      target->fd = -1;
      target->length = (socklen_t) g_socket_address_get_native_size (address);
      g_socket_address_to_native (address, &target->address, sizeof target->address, NULL);
    }

  g_list_free_full (addresses, g_object_unref);
  return state;
}

static void
tcp_target_close (Target *target)
{
  if (target->fd >= 0)
    close (target->fd);
  target->fd = -1;
}

static void
mk_tcp_probe_end (MkProbe *probe, gpointer data)
{
  TcpState *state = data;

  for (guint i = 0; i < state->n_targets; i++)
    tcp_target_close (&state->targets[i]);
  g_free (state);
}

/* ---- an attempt at a port of this machine ---- */

static gboolean
tcp_target_open (Target *target)
{
  const int yes = 1;

  if (target->fd >= 0)
    return TRUE;

  target->fd = socket (target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (target->fd < 0)
    return FALSE;

  /* Should the socket get the port of the service, this lets the service bind to it nevertheless. */
  setsockopt (target->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return TRUE;
}

static int
tcp_target_connect (const Target *target)
{
  return connect (target->fd, (const struct sockaddr *) &target->address, target->length) == 0 ? 0 : errno;
}

/* Returns: 0 if somebody accepts connections, else an error number: EINPROGRESS if that takes time to say */
static int
tcp_target_ask (Target *target)
{
  int number;

  if (!tcp_target_open (target))
    return errno == EAFNOSUPPORT ? EADDRNOTAVAIL : errno;

  number = tcp_target_connect (target);
  if (number == EINPROGRESS)
    number = tcp_target_connect (target);
  if (number == ECONNREFUSED)
    return number;

  if (number == 0 && mk_tcp_is_connected_to_itself (target->fd))
    {
      mk_tcp_reset (target->fd);
      number = ECONNREFUSED;
    }
  else if (number == EALREADY || number == EAGAIN)
    number = EINPROGRESS;

  tcp_target_close (target);
  return number;
}

static gboolean
mk_tcp_probe_check_with (MkProbe *probe, gpointer data, GError **error)
{
  TcpState *state = data;
  int worst = 0;

  if (!tcp_probe_validate (MK_TCP_PROBE (probe), error))
    return FALSE;

  for (guint i = 0; i < state->n_targets; i++)
    {
      int number = tcp_target_ask (&state->targets[i]);

      if (number == 0)
        {
          mk_probe_set_detail (probe, NULL);
          return TRUE;
        }
      if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM)
        {
          g_set_error (error,
                       G_IO_ERROR,
                       g_io_error_from_errno (number),
                       _ ("Cannot make a socket to ask with: %s"),
                       g_strerror (number));
          return FALSE;
        }
      if (worst == 0 || number == EINPROGRESS)
        worst = number;
    }

  if (state->n_targets == 0 || worst == EINPROGRESS)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "connecting takes time");
      return FALSE;
    }

  mk_probe_set_detail (probe, g_strerror (worst));
  return FALSE;
}

/* ---- an attempt that takes time ---- */

static void
tcp_probe_on_connected (GTask *task, GSocketAddress *there, const char *detail, const GError *error)
{
  mk_probe_set_detail (g_task_get_source_object (task), detail);

  if (error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else
    g_task_return_boolean (task, there != NULL);
}

static void
mk_tcp_probe_check_task (MkProbe *probe, GTask *task)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  GError *error = NULL;

  mk_probe_set_detail (probe, NULL);
  if (tcp_probe_validate (self, &error))
    mk_connect_to_host (task, self->host, self->port, tcp_probe_on_connected);
  else
    g_task_return_error (task, error);
}

/* ---- words ---- */

static char *
dup_address (MkTcpProbe *self)
{
  const char *host = self->host ? self->host : _ ("(no host)");

  return g_strdup_printf (strchr (host, ':') ? "[%s]:%u" : "%s:%u", host, self->port);
}

static char *
mk_tcp_probe_describe (MkProbe *probe)
{
  g_autofree char *address = dup_address (MK_TCP_PROBE (probe));

  /* Translators: a clause that stands after “waiting for”; an address */
  return g_strdup_printf (_ ("%s to accept connections"), address);
}

static char *
mk_tcp_probe_describe_holder (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *name = dup_address (self);
  GList *addresses = mk_connect_known_addresses (self->host);
  g_autofree char *listener = NULL;

  for (GList *l = addresses; l != NULL && listener == NULL; l = l->next)
    listener = mk_proc_describe_listener (l->data, self->port);
  g_list_free_full (addresses, g_object_unref);

  return mk_message_taken (name, listener);
}

/* Two executors may wait for the same port, so that what one of them started answers the other. */
static char *
mk_tcp_probe_find_rival (MkProbe *probe, GPid service, GPid supervisor)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *name = dup_address (self);
  g_autofree char *rival = mk_tcp_diag_describe_rival (self->host, self->port, service, supervisor);

  return rival != NULL ? mk_message_taken (name, rival) : NULL;
}

/* ---- the object ---- */

static void
mk_tcp_probe_finalize (GObject *object)
{
  MkTcpProbe *self = MK_TCP_PROBE (object);

  g_free (self->host);

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

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
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

  probe_class->check_task = mk_tcp_probe_check_task;
  probe_class->describe = mk_tcp_probe_describe;

  class_private->begin = mk_tcp_probe_begin;
  class_private->end = mk_tcp_probe_end;
  class_private->check_with = mk_tcp_probe_check_with;
  class_private->describe_holder = mk_tcp_probe_describe_holder;
  class_private->find_rival = mk_tcp_probe_find_rival;

  /**
   * MkTcpProbe:host:
   *
   * The name or the address of the host.
   *
   * Since: 1.0
   */
  props[PROP_HOST] = g_param_spec_string (
      "host", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkTcpProbe:port:
   *
   * The port, 1 to 65535. Another number is an error when the probe is asked.
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
  local = mk_connect_is_local (host);
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
