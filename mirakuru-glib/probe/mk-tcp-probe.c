/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by connecting, see mk-connect.c, and many times in a cheaper way, see mk-tcp-quick.c.
 */

#include "mk-tcp-probe.h"

#include <errno.h>
#include <string.h>

#include "mk-connect-private.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "process/mk-proc-private.h"
#include "mk-tcp-diag-private.h"
#include "mk-tcp-quick-private.h"

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

/* ---- one attempt ---- */

static gboolean
validate (MkTcpProbe *self, GError **error)
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

static void
on_connected (GTask *task, GSocketAddress *there, const char *detail, const GError *error)
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
  if (validate (self, &error))
    mk_connect_to_host (task, self->host, self->port, on_connected);
  else
    g_task_return_error (task, error);
}

/* ---- many attempts at a port of this machine ---- */

static gpointer
mk_tcp_probe_quick_begin (MkProbe *probe)
{
  MkTcpProbe *self = MK_TCP_PROBE (probe);
  MkTcpQuick *quick = NULL;
  GList *addresses;

  if (!validate (self, NULL) || !mk_connect_is_local (self->host))
    return NULL;

  addresses = mk_connect_known_addresses (self->host);
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
  const char *host = self->host ? self->host : _ ("(no host)");

  return g_strdup_printf (strchr (host, ':') ? "[%s]:%u" : "%s:%u", host, self->port);
}

static char *
mk_tcp_probe_describe (MkProbe *probe)
{
  g_autofree char *address = dup_address (MK_TCP_PROBE (probe));

  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”; an address */
  return g_strdup_printf (_ ("%s accepted connections"), address);
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
mk_tcp_probe_describe_rival (MkProbe *probe, GPid service, GPid supervisor)
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

  object_class->finalize = mk_tcp_probe_finalize;
  object_class->get_property = mk_tcp_probe_get_property;
  object_class->set_property = mk_tcp_probe_set_property;

  probe_class->check_task = mk_tcp_probe_check_task;
  probe_class->describe = mk_tcp_probe_describe;
  probe_class->describe_holder = mk_tcp_probe_describe_holder;
  probe_class->describe_rival = mk_tcp_probe_describe_rival;
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
  if (mk_connect_is_local (host))
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
