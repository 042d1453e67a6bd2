/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

int mk_tcp_diag_open (void);
guint32 mk_tcp_diag_find_listener (int fd, const struct sockaddr_storage *address);

gboolean mk_tcp_diag_has_listener (const char *host, guint port);
char *mk_tcp_diag_describe_rival (const char *host, guint port, GPid service, GPid supervisor);

G_END_DECLS
