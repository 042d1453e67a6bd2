/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only. What a port answers always takes time there: where nobody listens, Windows sends what asks
 * for a connection twice more before it gives up, which takes up to 2 s, on the loopback interface too. So
 * GSocketClient asks, with sockets that were told not to ask again.
 */

#include "mk-tcp-target-private.h"

#include <errno.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>

/* Newer than the headers of some compilers; see the documentation of SIO_TCP_INITIAL_RTO */
#define TCP_SET_INITIAL_RTO    _WSAIOW (IOC_VENDOR, 17)
#define TCP_RTT_UNSPECIFIED    0xffff
#define TCP_NO_RETRANSMISSIONS 0xfe

/* Returns: NULL: there is nothing to keep */
MkTcpTarget *
mk_tcp_target_new (GInetAddress *address, guint port)
{
  return NULL;
}

int
mk_tcp_target_ask (MkTcpTarget *self)
{
  return EINPROGRESS;
}

void
mk_tcp_target_free (MkTcpTarget *self)
{
}

/* For one that is to connect: a refusal is then told at once. Where Windows does not know that, it takes
 * longer. */
void
mk_tcp_prepare_socket (int fd)
{
  struct
  {
    guint16 round_trip_time;
    guint8 max_syn_retransmissions;
  } parameters = { TCP_RTT_UNSPECIFIED, TCP_NO_RETRANSMISSIONS };
  DWORD length;

  WSAIoctl ((SOCKET) fd, TCP_SET_INITIAL_RTO, &parameters, sizeof parameters, NULL, 0, &length, NULL, NULL);
}

gboolean
mk_tcp_is_connected_to_itself (int fd)
{
  struct sockaddr_storage local = { 0 };
  struct sockaddr_storage remote = { 0 };
  int local_length = sizeof local;
  int remote_length = sizeof remote;

  return getsockname ((SOCKET) fd, (struct sockaddr *) &local, &local_length) == 0 &&
         getpeername ((SOCKET) fd, (struct sockaddr *) &remote, &remote_length) == 0 &&
         local_length == remote_length && memcmp (&local, &remote, (size_t) local_length) == 0;
}

/* Makes that closing @fd frees its port now, and not after TIME_WAIT. */
void
mk_tcp_free_port_on_close (int fd)
{
  const struct linger linger = { 1, 0 };

  setsockopt ((SOCKET) fd, SOL_SOCKET, SO_LINGER, (const char *) &linger, sizeof linger);
}
