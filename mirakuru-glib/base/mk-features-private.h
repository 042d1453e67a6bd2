/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: small things that Linux does better than POSIX has them. There is one implementation for each:
 * mk-linux-features.c and, without the option linux_features, mk-posix-features.c. They also have two
 * functions of mk-platform-private.h.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

int mk_features_open_socket (int family, int type);
gboolean mk_features_open_socket_pair (int type, int fds[2]);
int mk_features_get_peer (int fd);
gboolean mk_features_is_pipe (int fd);
gboolean mk_features_ask_for_senders (GSocket *socket, GError **error);

int mk_features_open_terminal (void);
gboolean mk_features_get_terminal_name (int fd, char *name, gsize size);

void mk_features_get_client_ports (guint *first, guint *last);
int mk_features_claim_port (guint number);
void mk_features_release_port (guint number, int claim);

G_END_DECLS
