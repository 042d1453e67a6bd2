/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * @there: (nullable): the address that accepted
 * @detail: (nullable): why none did
 * @error: (nullable): why it cannot be known
 */
typedef void (*MkConnectFunc) (GTask *task, GSocketAddress *there, const char *detail, const GError *error);

void mk_connect_to_host (GTask *task, const char *host, guint port, MkConnectFunc func);
void mk_connect_to_address (GTask *task, GSocketAddress *address, MkConnectFunc func);

GList *mk_connect_known_addresses (const char *host);
gboolean mk_connect_is_local (const char *host);
gboolean mk_tcp_is_connected_to_itself (int fd);
void mk_tcp_reset (int fd);

G_END_DECLS
