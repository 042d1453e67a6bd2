/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linux only: see the headers. */

#include "mk-features-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mk-platform-private.h"

/* Returns: (nullable): a variable of the environment; a setuid program must not obey it, and gets NULL */
const char *
mk_platform_get_variable (const char *name)
{
  return secure_getenv (name);
}

/* Returns: (nullable): such as "INT" */
const char *
mk_platform_get_signal_name (int number)
{
  return sigabbrev_np (number);
}

/* ---- sockets ---- */

/* This asks no file system, which may not answer. */
gboolean
mk_features_is_pipe (int fd)
{
  return fcntl (fd, F_GETPIPE_SZ) >= 0;
}

/* Returns: one that does not block, and that no other program inherits, or −1 with errno */
int
mk_features_open_socket (int family, int type)
{
  return socket (family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* They block, and no other program inherits them. Returns: FALSE with errno */
gboolean
mk_features_open_socket_pair (int type, int fds[2])
{
  return socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0;
}

/* Returns: the process that made the Unix socket a listening one to which @fd is connected, 0 if that is not
 * known */
int
mk_features_get_peer (int fd)
{
  struct ucred peer = { 0 };
  socklen_t length = sizeof peer;

  getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
  return peer.pid;
}

/* From then on, messages come with the credentials of who has sent them. */
gboolean
mk_features_ask_for_senders (GSocket *socket, GError **error)
{
  return g_socket_set_option (socket, SOL_SOCKET, SO_PASSCRED, 1, error);
}

/* ---- terminals ---- */

/* Returns: the host's end, which does not block, or −1 with errno */
int
mk_features_open_terminal (void)
{
  return posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
}

gboolean
mk_features_get_terminal_name (int fd, char *name, gsize size)
{
  return ptsname_r (fd, name, size) == 0;
}

/* ---- ports ---- */

/* The range of those that the kernel gives to clients */
void
mk_features_get_client_ports (guint *first, guint *last)
{
  g_autofree char *text = NULL;

  *first = 32768;
  *last = 60999;
  if (g_file_get_contents ("/proc/sys/net/ipv4/ip_local_port_range", &text, NULL, NULL))
    (void) !sscanf (text, "%u %u", first, last);
}

/*
 * A socket with an abstract name stands for the port. Such a name needs no file and no permission, belongs to
 * one network namespace, as ports do, and vanishes with its process, however that ends.
 *
 * Returns: what the port is released with, in a forked child too; −1 with errno, EADDRINUSE if somebody has
 * it
 */
int
mk_features_claim_port (guint number)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int length = snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "mirakuru-glib-port-%u", number);
  int fd = mk_features_open_socket (AF_UNIX, SOCK_DGRAM);
  int error_number;

  if (fd < 0 || bind (fd,
                      (struct sockaddr *) &address,
                      (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (gsize) length)) == 0)
    return fd;

  error_number = errno;
  close (fd);
  errno = error_number;
  return -1;
}

void
mk_features_release_port (guint number, int claim)
{
  close (claim);
}
