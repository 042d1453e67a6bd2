/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only. A port of this machine answers at once: on the loopback interface the answer is there when
 * connect() returns, and Linux lets a socket whose connection was refused connect once more. So the sockets
 * live as long as the wait.
 *
 * Self-connections: the kernel picks the port of a connecting socket from the range that services on "free"
 * ports are in too. When it picks the very port it connects to, TCP connects the socket to itself. That is no
 * sign of a service, and must not be in the way of one that is about to bind.
 */

#include "mk-tcp-target-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct _MkTcpTarget
{
  int fd; /* −1 where there is none */
  struct sockaddr_storage native;
  socklen_t native_length;
};

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

/* @address: (transfer none) */
MkTcpTarget *
mk_tcp_target_new (GInetAddress *address, guint port)
{
  g_autoptr (GSocketAddress) socket_address = g_inet_socket_address_new (address, (guint16) port);
  MkTcpTarget *self = g_new0 (MkTcpTarget, 1);

  self->fd = -1;
  self->native_length = (socklen_t) g_socket_address_get_native_size (socket_address);
  g_socket_address_to_native (socket_address, &self->native, sizeof self->native, NULL);
  return self;
}

static void
tcp_target_close (MkTcpTarget *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

void
mk_tcp_target_free (MkTcpTarget *self)
{
  tcp_target_close (self);
  g_free (self);
}

static int
tcp_target_connect (const MkTcpTarget *self)
{
  return connect (self->fd, (const struct sockaddr *) &self->native, self->native_length) == 0 ? 0 : errno;
}

/* Returns: 0 if somebody accepts connections, else an error number: EINPROGRESS if that takes time to say */
int
mk_tcp_target_ask (MkTcpTarget *self)
{
  int number;

  if (self->fd < 0)
    {
      self->fd = socket (self->native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (self->fd < 0)
        return errno;
      mk_tcp_prepare_socket (self->fd);
    }

  number = tcp_target_connect (self);
  if (number == EINPROGRESS)
    number = tcp_target_connect (self);
  if (number == ECONNREFUSED)
    return number;

  if (number == 0 && mk_tcp_is_connected_to_itself (self->fd))
    {
      mk_tcp_free_port_on_close (self->fd);
      number = ECONNREFUSED;
    }

  tcp_target_close (self);
  return number == EALREADY || number == EAGAIN ? EINPROGRESS : number;
}
