/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by connecting, and closes the connection at once.
 *
 * All addresses of the host are tried at the same time: a service on ::1 is found at once although 127.0.0.1
 * does not answer, and the other way round. GSocketClient could do the same; here the sockets are used
 * directly because of self-connections and the price of an attempt (see mk-tcp-quick.c).
 */

#include "mk-tcp-probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mk-error.h"
#include "mk-probe-private.h"
#include "mk-proc.h"
#include "mk-tcp-quick.h"

#define LOCAL_MAX_INTERVAL_MS   50
#define LOCAL_ATTEMPT_LIMIT_MS  250
#define REMOTE_MAX_INTERVAL_MS  1000
#define REMOTE_ATTEMPT_LIMIT_MS 5000

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

/* ---- addresses ---- */

/* Returns: (transfer full) (element-type GInetAddress) (nullable): NULL if the resolver has to be asked */
static GList *
known_addresses (const char *host)
{
  GInetAddress *address = g_inet_address_new_from_string (host);

  if (address != NULL)
    return g_list_prepend (NULL, address);
  if (g_ascii_strcasecmp (host, "localhost") != 0)
    return NULL;

  return g_list_append (g_list_append (NULL, g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4)),
                        g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6));
}

static gboolean
is_local (const char *host)
{
  GList *addresses = host ? known_addresses (host) : NULL;
  gboolean local = addresses != NULL;

  for (GList *l = addresses; l != NULL; l = l->next)
    local = local && (g_inet_address_get_is_loopback (l->data) || g_inet_address_get_is_any (l->data));

  g_list_free_full (addresses, g_object_unref);
  return local;
}

/* ---- one attempt ---- */

typedef struct
{
  GPtrArray *sources; /* (owned) (element-type GSource) of sockets that are connecting */
  char *detail;       /* (owned) (nullable) why the first address failed */
  GError *error;      /* (owned) (nullable) why it cannot be known */
} Attempt;

static void
attempt_free (Attempt *attempt)
{
  g_ptr_array_unref (attempt->sources);
  g_clear_error (&attempt->error);
  g_free (attempt->detail);
  g_free (attempt);
}

static void
source_free (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
note_failure (Attempt *attempt, const GError *error)
{
  if (attempt->detail == NULL)
    attempt->detail = g_strdup (error->message);
  if (attempt->error == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
    attempt->error = g_error_copy (error);
}

static gboolean
check_connected (Attempt *attempt, GSocket *socket)
{
  g_autoptr (GError) error = NULL;

  if (!g_socket_check_connect_result (socket, &error))
    {
      note_failure (attempt, error);
      return FALSE;
    }
  if (mk_tcp_is_connected_to_itself (g_socket_get_fd (socket)))
    {
      mk_tcp_reset (g_socket_get_fd (socket));
      g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "Connection refused");
      note_failure (attempt, error);
      return FALSE;
    }

  return TRUE;
}

static void
return_answer (GTask *task, gboolean there)
{
  Attempt *attempt = g_task_get_task_data (task);

  g_ptr_array_set_size (attempt->sources, 0);
  mk_probe_set_detail (g_task_get_source_object (task), there ? NULL : attempt->detail);

  if (!there && attempt->error != NULL)
    g_task_return_error (task, g_steal_pointer (&attempt->error));
  else
    g_task_return_boolean (task, there);
}

static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Attempt *attempt = g_task_get_task_data (task);
  g_autoptr (GSocket) kept = g_object_ref (socket);

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    {
      return_answer (task, FALSE);
      return G_SOURCE_REMOVE;
    }

  g_ptr_array_remove (attempt->sources, g_main_current_source ());
  if (check_connected (attempt, kept))
    return_answer (task, TRUE);
  else if (attempt->sources->len == 0)
    return_answer (task, FALSE);

  return G_SOURCE_REMOVE;
}

static void
wait_for_socket (GTask *task, GSocket *socket)
{
  Attempt *attempt = g_task_get_task_data (task);
  GSource *source = g_socket_create_source (socket, G_IO_OUT, g_task_get_cancellable (task));

  g_source_set_callback (source, G_SOURCE_FUNC (on_socket_ready), g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
  g_ptr_array_add (attempt->sources, source);
}

/* Returns: whether the connection stands already */
static gboolean
try_address (GTask *task, GInetAddress *address, guint16 port)
{
  Attempt *attempt = g_task_get_task_data (task);
  g_autoptr (GSocketAddress) target = g_inet_socket_address_new (address, port);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;

  socket =
      g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  if (socket == NULL)
    {
      note_failure (attempt, error);
      return FALSE;
    }

  g_socket_set_blocking (socket, FALSE);
  /* Should the socket get the port of the service, this lets the service bind to it nevertheless. */
  g_socket_set_option (socket, SOL_SOCKET, SO_REUSEADDR, TRUE, NULL);

  if (!g_socket_connect (socket, target, NULL, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PENDING))
    {
      note_failure (attempt, error);
      return FALSE;
    }

  /* On the loopback interface the answer is there already. */
  if (g_socket_condition_check (socket, G_IO_OUT | G_IO_ERR | G_IO_HUP) != 0)
    return check_connected (attempt, socket);

  wait_for_socket (task, socket);
  return FALSE;
}

static void
try_addresses (GTask *task, GList *addresses)
{
  MkTcpProbe *self = g_task_get_source_object (task);
  Attempt *attempt = g_task_get_task_data (task);

  mk_probe_set_detail (MK_PROBE (self), NULL);
  for (GList *l = addresses; l != NULL; l = l->next)
    {
      if (try_address (task, l->data, (guint16) self->port))
        {
          return_answer (task, TRUE);
          return;
        }
    }

  if (attempt->sources->len == 0)
    return_answer (task, FALSE);
}

static void
on_resolved (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (object), result, &error);

  if (addresses == NULL)
    {
      MkTcpProbe *self = g_task_get_source_object (task);

      g_prefix_error (&error, "Cannot find the address of “%s”: ", self->host);
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  try_addresses (task, addresses);
  g_resolver_free_addresses (addresses);
}

static gboolean
validate (MkTcpProbe *self, GError **error)
{
  if (self->host == NULL || *self->host == '\0')
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         "The host is empty: give a name or an address, for example 127.0.0.1");
  else if (self->port == 0 || self->port > G_MAXUINT16)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 "%u is not a TCP port: ports are from 1 to %d",
                 self->port,
                 G_MAXUINT16);
  else
    return TRUE;

  return FALSE;
}

static void
mk_tcp_probe_check_task (MkProbe *probe, GTask *task)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  Attempt *attempt;
  GError *error = NULL;
  GList *addresses;

  if (!validate (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  mk_probe_set_detail (probe, NULL);
  attempt = g_new0 (Attempt, 1);
  attempt->sources = g_ptr_array_new_with_free_func (source_free);
  g_task_set_task_data (task, attempt, (GDestroyNotify) attempt_free);

  addresses = known_addresses (self->host);
  if (addresses != NULL)
    {
      try_addresses (task, addresses);
      g_list_free_full (addresses, g_object_unref);
    }
  else
    {
      g_autoptr (GResolver) resolver = g_resolver_get_default ();
      g_autofree char *detail = g_strdup_printf ("the address of “%s” was not found in time", self->host);

      mk_probe_set_detail (probe, detail);
      g_resolver_lookup_by_name_async (
          resolver, self->host, g_task_get_cancellable (task), on_resolved, g_object_ref (task));
    }
}

/* ---- many attempts at a port of this machine ---- */

static gpointer
mk_tcp_probe_quick_begin (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  MkTcpQuick *quick = NULL;
  GList *addresses;

  if (!validate (self, NULL) || !is_local (self->host))
    return NULL;

  addresses = known_addresses (self->host);
  quick = mk_tcp_quick_new (addresses, (guint16) self->port);
  g_list_free_full (addresses, g_object_unref);
  return quick;
}

static guint
mk_tcp_probe_quick_ask (MkProbe *probe, gpointer quick)
{
  MkQuickAnswer answer = mk_tcp_quick_ask (quick);

  if (answer == MK_QUICK_NOT_YET)
    mk_probe_set_detail (probe, g_strerror (ECONNREFUSED));
  return answer;
}

static void
mk_tcp_probe_quick_end (MkProbe *probe, gpointer quick)
{
  mk_tcp_quick_free (quick);
}

/* ---- words ---- */

static char *
dup_address (MkTcpProbe *self)
{
  const char *host = self->host ? self->host : "(no host)";

  return g_strdup_printf (strchr (host, ':') ? "[%s]:%u" : "%s:%u", host, self->port);
}

static char *
mk_tcp_probe_describe (MkProbe *probe)
{
  g_autofree char *address = dup_address (MK_TCP_PROBE (probe));

  return g_strdup_printf ("%s accepted connections", address);
}

static char *
mk_tcp_probe_describe_holder (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  g_autofree char *name = dup_address (self);
  GList *addresses = known_addresses (self->host);
  g_autofree char *listener = NULL;

  for (GList *l = addresses; l != NULL && listener == NULL; l = l->next)
    listener = mk_proc_describe_listener (l->data, self->port);
  g_list_free_full (addresses, g_object_unref);

  if (listener != NULL)
    return g_strdup_printf (
        "%s already answers: %s is listening there. Stop it, or use another port", name, listener);
  return g_strdup_printf ("%s already answers. Stop what is listening there, or use another port", name);
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

  object_class->finalize = mk_tcp_probe_finalize;
  object_class->get_property = mk_tcp_probe_get_property;
  object_class->set_property = mk_tcp_probe_set_property;

  probe_class->check_task = mk_tcp_probe_check_task;
  probe_class->describe = mk_tcp_probe_describe;
  probe_class->describe_holder = mk_tcp_probe_describe_holder;
  probe_class->quick_begin = mk_tcp_probe_quick_begin;
  probe_class->quick_ask = mk_tcp_probe_quick_ask;
  probe_class->quick_end = mk_tcp_probe_quick_end;

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
  g_return_if_fail (MK_IS_TCP_PROBE (self));

  if (g_strcmp0 (self->host, host) == 0)
    return;

  g_free (self->host);
  self->host = g_strdup (host);
  if (is_local (host))
    mk_probe_set_limits (MK_PROBE (self), LOCAL_MAX_INTERVAL_MS, LOCAL_ATTEMPT_LIMIT_MS);
  else
    mk_probe_set_limits (MK_PROBE (self), REMOTE_MAX_INTERVAL_MS, REMOTE_ATTEMPT_LIMIT_MS);
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
