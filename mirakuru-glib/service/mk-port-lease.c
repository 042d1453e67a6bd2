/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-port-lease.h"

#include "base/mk-port-private.h"

/**
 * MkPortLease:
 *
 * A free port of this machine, which nobody else who leases one is given.
 *
 * Most services cannot be told to choose a port themselves: they want its number. A program that looks for a
 * free one and then starts the service has a race with every other that does the same. A lease has none: as
 * long as it is held, no other lease has its port, in any process, of any user. That makes it fit for test
 * suites that run side by side.
 *
 * When it was leased, the port was free for TCP and UDP, with IPv4 and IPv6, on all addresses. It
 * is not one of those that the kernel gives to clients by itself (`net.ipv4.ip_local_port_range`), unless
 * hardly any others are left. A program that does not lease its ports can still take it.
 *
 * The lease ends with [method@Mk.PortLease.release], with the last reference, or with the process that holds
 * it, however that ends. Processes that it has started, or forked, do not hold it: in a forked child the
 * object still tells the port, but has no lease of it. Each network namespace, thus each container with a
 * network of its own, has its own leases, as it has its own ports.
 *
 * Release it when the service has stopped, not before.
 *
 * A lease may be used in any thread.
 *
 * Since: 1.0
 */

struct _MkPortLease
{
  GObject parent_instance;

  MkPort *held; /* (owned) (nullable) (atomic) NULL once released */
  guint port;
};

G_DEFINE_FINAL_TYPE (MkPortLease, mk_port_lease, G_TYPE_OBJECT)

enum
{
  PROP_PORT = 1,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

static void
mk_port_lease_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkPortLease *self = MK_PORT_LEASE (object);

  switch (id)
    {
    case PROP_PORT:
      g_value_set_uint (value, self->port);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mk_port_lease_finalize (GObject *object)
{
  mk_port_lease_release (MK_PORT_LEASE (object));

  G_OBJECT_CLASS (mk_port_lease_parent_class)->finalize (object);
}

static void
mk_port_lease_class_init (MkPortLeaseClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mk_port_lease_get_property;
  object_class->finalize = mk_port_lease_finalize;

  /**
   * MkPortLease:port:
   *
   * The number of the port. It stays the same when the lease has been released.
   *
   * 0 only in an object that was not made by [ctor@Mk.PortLease.new], which has no lease.
   *
   * Default: 0. Range: 0 to 65535.
   *
   * Since: 1.0
   */
  props[PROP_PORT] =
      g_param_spec_uint ("port", NULL, NULL, 0, 65535, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_port_lease_init (MkPortLease *self)
{
}

/**
 * mk_port_lease_new:
 * @error: return location for an error
 *
 * Leases a free port. This takes well below a millisecond, and may be called in any thread.
 *
 * Fails with %MK_ERROR_FAILED if no port is free, and with an error of %G_IO_ERROR if the system refuses to
 * tell, for example with %G_IO_ERROR_TOO_MANY_OPEN_FILES: a lease needs one file descriptor.
 *
 * Returns: (transfer full): the lease
 *
 * Since: 1.0
 */
MkPortLease *
mk_port_lease_new (GError **error)
{
  MkPort *held = mk_port_lease (error);
  MkPortLease *self;

  g_return_val_if_fail (error == NULL || (held == NULL) == (*error != NULL), NULL);

  if (held == NULL)
    return NULL;

  self = g_object_new (MK_TYPE_PORT_LEASE, NULL);
  self->port = mk_port_get_number (held);
  self->held = held;
  return self;
}

/**
 * mk_port_lease_get_port:
 * @self: a lease
 *
 * Gets the number of the port. It stays the same when the lease has been released.
 *
 * Returns: the port, from 1 to 65535
 *
 * Since: 1.0
 */
guint
mk_port_lease_get_port (MkPortLease *self)
{
  g_return_val_if_fail (MK_IS_PORT_LEASE (self), 0);

  return self->port;
}

/**
 * mk_port_lease_release:
 * @self: a lease
 *
 * Ends the lease, so that others may be given the port. Does nothing if it has ended already.
 *
 * Since: 1.0
 */
void
mk_port_lease_release (MkPortLease *self)
{
  MkPort *held;

  g_return_if_fail (MK_IS_PORT_LEASE (self));

  held = g_atomic_pointer_exchange (&self->held, NULL);
  g_clear_pointer (&held, mk_port_release);
}
