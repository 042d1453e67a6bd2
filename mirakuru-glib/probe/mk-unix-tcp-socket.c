/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: sockets that connect to a service.
 *
 * Self-connections: the kernel picks the port of a connecting socket from the range that services on "free"
 * ports are in too. When it picks the very port it connects to, TCP connects the socket to itself. That is no
 * sign of a service, and must not be in the way of one that is about to bind.
 */

#include "mk-tcp-target-private.h"

#include <string.h>
#include <sys/socket.h>

gboolean
mk_tcp_is_connected_to_itself (int fd)
{
  struct sockaddr_storage local = { 0 };
  struct sockaddr_storage remote = { 0 };
  socklen_t local_length = sizeof local;
  socklen_t remote_length = sizeof remote;

  return getsockname (fd, (struct sockaddr *) &local, &local_length) == 0 &&
         getpeername (fd, (struct sockaddr *) &remote, &remote_length) == 0 &&
         local_length == remote_length && memcmp (&local, &remote, local_length) == 0;
}

/* For one that is to connect. Should it get the port of the service, this lets the service bind to it
 * nevertheless. */
void
mk_tcp_prepare_socket (int fd)
{
  const int yes = 1;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

/* Makes that closing @fd frees its port now, and not after TIME_WAIT. */
void
mk_tcp_free_port_on_close (int fd)
{
  const struct linger linger = { 1, 0 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
