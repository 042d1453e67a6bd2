/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks Linux whether a socket of this machine listens on an address, see sock_diag(7). That costs a fifth of
 * a connection that is refused. It is a hint only: connections may be led elsewhere (address translation,
 * sandboxes), so that a service answers where nothing listens.
 */

#include "mk-tcp-diag-private.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "mk-connect-private.h"
#include "process/mk-proc-private.h"

typedef struct
{
  struct nlmsghdr header;
  struct inet_diag_req_v2 body;
} Request;

static void
fill_address (struct inet_diag_sockid *id, const struct sockaddr_storage *address)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;

  if (address->ss_family == AF_INET)
    {
      id->idiag_sport = v4->sin_port;
      memcpy (id->idiag_src, &v4->sin_addr, sizeof v4->sin_addr);
    }
  else
    {
      id->idiag_sport = v6->sin6_port;
      memcpy (id->idiag_src, &v6->sin6_addr, sizeof v6->sin6_addr);
    }

  id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* Returns: the inode of the socket that listens, 0 also if it cannot be found out */
guint32
mk_tcp_diag_find_listener (int fd, const struct sockaddr_storage *address)
{
  Request request = {
    .header = { .nlmsg_len = sizeof request,
                .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                .nlmsg_flags = NLM_F_REQUEST },
    .body = { .sdiag_family = (guint8) address->ss_family, .sdiag_protocol = IPPROTO_TCP },
  };
  union
  {
    struct
    {
      struct nlmsghdr header;
      struct inet_diag_msg body;
    };
    char space[1024];
  } answer;
  ssize_t n;

  fill_address (&request.body.id, address);
  if (send (fd, &request, sizeof request, MSG_NOSIGNAL) != (ssize_t) sizeof request)
    return 0;

  n = recv (fd, &answer, sizeof answer, MSG_DONTWAIT);
  if (n < (ssize_t) (sizeof answer.header + sizeof answer.body) ||
      answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return 0;

  return answer.body.idiag_inode;
}

/* Whether a socket that listens is found: "no" may also mean that the kernel lacks the module. */
static gboolean
works (int fd)
{
  struct sockaddr_storage address = { 0 };
  struct sockaddr_in *v4 = (struct sockaddr_in *) &address;
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean found;

  v4->sin_family = AF_INET;
  v4->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  found = listener >= 0 && bind (listener, (struct sockaddr *) v4, sizeof *v4) == 0 &&
          listen (listener, 1) == 0 && getsockname (listener, (struct sockaddr *) &address, &length) == 0 &&
          mk_tcp_diag_find_listener (fd, &address) != 0;

  if (listener >= 0)
    close (listener);
  return found;
}

/* Returns: a descriptor to ask with, −1 where that is not possible */
int
mk_tcp_diag_open (void)
{
  static gint known_to_work; /* (atomic) */
  int fd = socket (AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

  if (fd >= 0 && (g_atomic_int_get (&known_to_work) || works (fd)))
    {
      g_atomic_int_set (&known_to_work, TRUE);
      return fd;
    }

  if (fd >= 0)
    close (fd);
  return -1;
}

/* @host: (nullable). Returns: (transfer full): the inodes of the sockets that listen on a port of this
 * machine */
static GArray *
find_listeners (const char *host, guint port)
{
  GArray *inodes = g_array_new (FALSE, FALSE, sizeof (guint32));
  GList *addresses = mk_connect_is_local (host) ? mk_connect_known_addresses (host) : NULL;
  int fd = addresses != NULL ? mk_tcp_diag_open () : -1;

  for (GList *l = addresses; fd >= 0 && l != NULL; l = l->next)
    {
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (l->data, (guint16) port);
      struct sockaddr_storage native = { 0 };
      guint32 inode;

      g_socket_address_to_native (address, &native, sizeof native, NULL);
      inode = mk_tcp_diag_find_listener (fd, &native);
      if (inode != 0)
        g_array_append_val (inodes, inode);
    }

  g_list_free_full (addresses, g_object_unref);
  if (fd >= 0)
    close (fd);
  return inodes;
}

/* @host: (nullable). FALSE also if it cannot be found out, or if @host is elsewhere */
gboolean
mk_tcp_diag_has_listener (const char *host, guint port)
{
  g_autoptr (GArray) inodes = find_listeners (host, port);

  return inodes->len > 0;
}

/*
 * @host: (nullable)
 *
 * Returns: (transfer full) (nullable): who listens, if that is certainly not the service
 */
char *
mk_tcp_diag_describe_rival (const char *host, guint port, GPid service, GPid supervisor)
{
  g_autoptr (GArray) inodes = find_listeners (host, port);
  char *rival = NULL;

  for (guint i = 0; i < inodes->len; i++)
    {
      g_free (rival);
      rival = mk_proc_describe_rival (g_array_index (inodes, guint32, i), service, supervisor);
      if (rival == NULL)
        return NULL;
    }

  return rival;
}
