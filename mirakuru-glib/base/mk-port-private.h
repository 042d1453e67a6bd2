/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkPort MkPort;

MkPort *mk_port_lease (GError **error);
guint mk_port_get_number (const MkPort *self);
void mk_port_release (MkPort *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkPort, mk_port_release)

G_END_DECLS
