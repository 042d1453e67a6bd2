/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-types.h"

G_BEGIN_DECLS

#define MK_TYPE_PORT_LEASE (mk_port_lease_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkPortLease, mk_port_lease, MK, PORT_LEASE, GObject)

MK_AVAILABLE_IN_1_0
MkPortLease *mk_port_lease_new (GError **error);
MK_AVAILABLE_IN_1_0
guint mk_port_lease_get_port (MkPortLease *self);
MK_AVAILABLE_IN_1_0
void mk_port_lease_release (MkPortLease *self);

G_END_DECLS
