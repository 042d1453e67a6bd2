/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a TCP port of this machine answers, where the system says so without delay, and what else is the
 * system's own about connections. There is one implementation for each: mk-linux-tcp-target.c or
 * mk-posix-tcp-target.c with mk-unix-tcp-socket.c, and mk-windows-tcp-target.c.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkTcpTarget MkTcpTarget;

MkTcpTarget *mk_tcp_target_new (GInetAddress *address, guint port);
int mk_tcp_target_ask (MkTcpTarget *self);
void mk_tcp_target_free (MkTcpTarget *self);

void mk_tcp_prepare_socket (int fd);
gboolean mk_tcp_is_connected_to_itself (int fd);
void mk_tcp_free_port_on_close (int fd);

G_END_DECLS
