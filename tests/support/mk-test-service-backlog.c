/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A listening socket whose queue is full from the first moment: nobody else may have come in before.
 */

#define _GNU_SOURCE
#include "mk-test-service-backlog.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FILLER_ADDRESS "127.0.0.2"

/* Whatever does not come from the filler is lost, as with a full queue. */
static int
keep_others_out (int listener)
{
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + 12), /* the source address */
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, ntohl (inet_addr (FILLER_ADDRESS)), 0, 1),
    BPF_STMT (BPF_RET | BPF_K, 0xffff),
    BPF_STMT (BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = { sizeof code / sizeof code[0], code };

  return setsockopt (listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int
fill_inet (int listener)
{
  struct sockaddr_in address, own = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr (FILLER_ADDRESS) };
  socklen_t length = sizeof address;
  int client = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), zero = 0;

  return keep_others_out (listener) == 0 && listen (listener, 0) == 0 &&
         getsockname (listener, (struct sockaddr *) &address, &length) == 0 &&
         bind (client, (struct sockaddr *) &own, sizeof own) == 0 &&
         connect (client, (struct sockaddr *) &address, length) == 0 &&
         setsockopt (listener, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof zero) == 0;
}

static int
fill_unix (int listener, const char *path)
{
  struct sockaddr_un hidden = { .sun_family = AF_UNIX };
  int client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  snprintf (hidden.sun_path, sizeof hidden.sun_path, "%.*s~", (int) sizeof hidden.sun_path - 2, path);
  return rename (path, hidden.sun_path) == 0 && listen (listener, 0) == 0 &&
         connect (client, (struct sockaddr *) &hidden, sizeof hidden) == 0 &&
         rename (hidden.sun_path, path) == 0;
}

/* @path: of a Unix socket, or HOST:PORT. The client stays, so the queue does too. Returns whether it worked.
 */
int
listen_with_full_backlog (int listener, const char *path)
{
  return strchr (path, '/') != NULL ? fill_unix (listener, path) : fill_inet (listener);
}
