/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only. A port of this machine answers at once: on the loopback interface the answer is there when
 * connect() returns, and Linux lets a socket whose connection was refused connect once more. So the sockets
 * live as long as the wait.
 */

#include "mk-tcp-target-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mk-features-private.h"

struct _MkTcpTarget
{
  int fd; /* or −1 */
  struct sockaddr_storage native;
  socklen_t native_length;
};

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
      self->fd = mk_features_open_socket (self->native.ss_family, SOCK_STREAM);
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
