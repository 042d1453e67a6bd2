/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-port-lease.h"

#include "base/mk-port-private.h"

/**
 * MkPortLease:
 *
 * A free port of this machine that is reserved while the lease exists.
 *
 * Other leases never get the same port. See [Services by name](services.html#leases).
 *
 * Most services need a port number, and cannot choose a free port themselves. A program that searches for a
 * free port and then starts the service races with other programs that do the same. A lease avoids this
 * race. As long as it is held, no other lease has its port, in any process of any user. Test suites that
 * lease their ports can therefore run in parallel.
 *
 * When a port is leased, it is free for TCP and UDP, with IPv4 and IPv6, on all addresses. It is outside of
 * the range from which the kernel takes ports for clients (`net.ipv4.ip_local_port_range`), unless hardly
 * any other ports are left. A program that does not lease its ports can still take it.
 *
 * The lease ends with [method@Mk.PortLease.release], with the last reference, or with the end of the process
 * that holds it. Processes that it has started or forked do not hold the lease. In a forked child, the
 * object still returns the number of the port, but holds no lease. Each network namespace, for example of a
 * container, has its own ports and its own leases.
 *
 * Do not release the lease before the service has stopped.
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
   * The number of the port. It does not change when the lease is released.
   *
   * It is 0 only if the object was not created with [ctor@Mk.PortLease.new]. Such an object holds no lease.
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
 * Leases a free port. This takes less than a millisecond, and may be called in any thread.
 *
 * Fails with %MK_ERROR_FAILED if no port is free, and with an error of %G_IO_ERROR if the system reports
 * one. A lease needs one file descriptor, so this may be %G_IO_ERROR_TOO_MANY_OPEN_FILES.
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
 * Gets the number of the port. It does not change when the lease is released.
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
 * Ends the lease, so that the port can be leased again. Does nothing if the lease has ended already.
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
