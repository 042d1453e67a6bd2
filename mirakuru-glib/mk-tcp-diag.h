/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

int mk_tcp_diag_open (void);
guint32 mk_tcp_diag_find_listener (int fd, const struct sockaddr_storage *address);

G_END_DECLS
