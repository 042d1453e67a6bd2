/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks a port on this machine again and again, at the price of two system calls. Mostly they ask the kernel
 * whether anything listens there; only a connection proves it. Linux lets a socket whose connection was
 * refused connect once more, and on the loopback interface the answer is there when connect() returns. What
 * is neither a refusal nor a connection is left to an attempt that can wait.
 *
 * Self-connections: the kernel picks the port of a connecting socket from the range that services on "free"
 * ports are in too. When it picks the very port it connects to, TCP connects the socket to itself. That is no
 * sign of a service, and must not be in the way of one that is about to bind.
 */

#include "mk-tcp-quick-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-tcp-diag-private.h"

#define MAX_TARGETS 2
/* How often to connect although nothing listens on this machine: perhaps somebody else answers. */
#define CONNECT_INTERVAL_US 50000

typedef struct
{
  int fd; /* −1 where there is none */
  struct sockaddr_storage address;
  socklen_t length;
} Target;

struct _MkTcpQuick
{
  Target targets[MAX_TARGETS];
  guint n_targets;
  int diag_fd; /* −1 where there is none */
  gint64 connect_at;
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

/* Makes that closing @fd frees its port now, and not after TIME_WAIT. */
void
mk_tcp_reset (int fd)
{
  const struct linger linger = { 1, 0 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* @addresses: (element-type GInetAddress): of this machine; with more than two, NULL is returned */
MkTcpQuick *
mk_tcp_quick_new (GList *addresses, guint16 port)
{
  MkTcpQuick *self;

  if (g_list_length (addresses) > MAX_TARGETS)
    return NULL;

  self = g_new0 (MkTcpQuick, 1);
  self->diag_fd = mk_tcp_diag_open ();
  for (GList *l = addresses; l != NULL; l = l->next)
    {
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (l->data, port);
      Target *target = &self->targets[self->n_targets++];

      target->fd = -1;
      target->length = (socklen_t) g_socket_address_get_native_size (address);
      g_socket_address_to_native (address, &target->address, sizeof target->address, NULL);
    }

  return self;
}

static void
target_close (Target *target)
{
  if (target->fd >= 0)
    close (target->fd);
  target->fd = -1;
}

void
mk_tcp_quick_free (MkTcpQuick *self)
{
  for (guint i = 0; i < self->n_targets; i++)
    target_close (&self->targets[i]);
  if (self->diag_fd >= 0)
    close (self->diag_fd);
  g_free (self);
}

static gboolean
target_open (Target *target)
{
  const int yes = 1;

  if (target->fd >= 0)
    return TRUE;

  target->fd = socket (target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (target->fd < 0)
    return FALSE;

  /* Should the socket get the port of the service, this lets the service bind to it nevertheless. */
  setsockopt (target->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return TRUE;
}

static int
try_connect (const Target *target)
{
  return connect (target->fd, (const struct sockaddr *) &target->address, target->length) == 0 ? 0 : errno;
}

static MkQuickAnswer
target_ask (Target *target)
{
  MkQuickAnswer answer = MK_QUICK_UNKNOWN;
  int error;

  if (!target_open (target))
    return MK_QUICK_UNKNOWN;

  error = try_connect (target);
  if (error == EINPROGRESS)
    error = try_connect (target);
  if (error == ECONNREFUSED)
    return MK_QUICK_NOT_YET;

  if (error == 0 && mk_tcp_is_connected_to_itself (target->fd))
    {
      mk_tcp_reset (target->fd);
      answer = MK_QUICK_NOT_YET;
    }
  else if (error == 0)
    answer = MK_QUICK_READY;
  /* A machine without IPv6. */
  else if (error == EADDRNOTAVAIL || error == ENETUNREACH)
    answer = MK_QUICK_NOT_YET;

  target_close (target);
  return answer;
}

static gboolean
is_worth_connecting (MkTcpQuick *self)
{
  if (self->diag_fd < 0 || g_get_monotonic_time () >= self->connect_at)
    return TRUE;

  for (guint i = 0; i < self->n_targets; i++)
    {
      if (mk_tcp_diag_find_listener (self->diag_fd, &self->targets[i].address) != 0)
        return TRUE;
    }

  return FALSE;
}

MkQuickAnswer
mk_tcp_quick_ask (MkTcpQuick *self)
{
  MkQuickAnswer answer = MK_QUICK_NOT_YET;

  if (!is_worth_connecting (self))
    return MK_QUICK_NOT_YET;

  self->connect_at = g_get_monotonic_time () + CONNECT_INTERVAL_US;
  for (guint i = 0; i < self->n_targets; i++)
    {
      MkQuickAnswer one = target_ask (&self->targets[i]);

      if (one == MK_QUICK_READY)
        return MK_QUICK_READY;
      if (one == MK_QUICK_UNKNOWN)
        answer = MK_QUICK_UNKNOWN;
    }

  return answer;
}
