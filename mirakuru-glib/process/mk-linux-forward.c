/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only: the near ends of forwards. The near address is taken at the start, but nobody is let in: who
 * connects is refused, as by a service that does not listen yet.
 */

#include "mk-forward-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "mk-proc-private.h"

static void
forward_explain (MkForward *self, GInetAddress *address, GError **error, GError *cause)
{
  g_autofree char *listener = NULL;
  g_autofree char *where = self->near_path ? mk_message_filename (self->near_path)
                                           : g_strdup_printf ("127.0.0.1:%u", self->near_port);
  gboolean is_taken = g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);

  if (is_taken && address != NULL)
    {
      guint64 inode = mk_proc_find_listener (address, self->near_port);

      listener = inode != 0 ? mk_proc_describe_holder (inode) : NULL;
    }
  if (listener != NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_ALREADY_RUNNING,
                 /* Translators: an address, a program with its pid */
                 _ ("%s cannot be forwarded: %s is already listening there"),
                 where,
                 listener);
  else
    g_set_error (error,
                 MK_ERROR,
                 is_taken ? MK_ERROR_ALREADY_RUNNING : MK_ERROR_SPAWN_FAILED,
                 /* Translators: an address or a path; why */
                 _ ("%s cannot be forwarded: %s"),
                 where,
                 cause->message);
}

static gboolean
forward_bind (GSocketFamily family, GSocketAddress *address, GArray *fds, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new (family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  int fd;

  if (socket == NULL)
    return FALSE;
  /* Without it an address of IPv6 stands for both. */
  if (family == G_SOCKET_FAMILY_IPV6)
    g_socket_set_option (socket, IPPROTO_IPV6, IPV6_V6ONLY, TRUE, NULL);
  if (!g_socket_bind (socket, address, TRUE, error))
    return FALSE;

  fd = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    {
      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (errno), g_strerror (errno));
      return FALSE;
    }
  g_array_append_val (fds, fd);
  return TRUE;
}

/* The file of a socket that nobody listens on any more is in the way of the next one. */
static void
forward_remove_dead_file (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GError) error = NULL;

  if (socket == NULL)
    return;
  g_socket_set_blocking (socket, FALSE);
  if (!g_socket_connect (socket, address, NULL, &error) &&
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    g_unlink (path);
}

/*
 * Takes the near address.
 *
 * @fds: (element-type int): where the sockets go; 127.0.0.1 and ::1 are two
 * @targets: (element-type utf8): the far address goes there, for each of them
 */
gboolean
mk_forward_open (MkForward *self, GArray *fds, GPtrArray *targets, GError **error)
{
  const GSocketFamily families[] = { G_SOCKET_FAMILY_IPV4, G_SOCKET_FAMILY_IPV6 };
  GError *cause = NULL;

  if (self->near_path != NULL)
    {
      g_autoptr (GSocketAddress) address = g_unix_socket_address_new (self->near_path);

      forward_remove_dead_file (self->near_path);
      if (!forward_bind (G_SOCKET_FAMILY_UNIX, address, fds, &cause))
        {
          forward_explain (self, NULL, error, cause);
          g_error_free (cause);
          return FALSE;
        }
      g_ptr_array_add (targets, g_strdup (self->target));
      return TRUE;
    }

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    {
      g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (families[i]);
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, (guint16) self->near_port);

      if (forward_bind (families[i], address, fds, &cause))
        g_ptr_array_add (targets, g_strdup (self->target));
      /* Machines without IPv6 are usual. */
      else if (families[i] == G_SOCKET_FAMILY_IPV4 ||
               g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        {
          forward_explain (self, loopback, error, cause);
          g_error_free (cause);
          return FALSE;
        }
      g_clear_error (&cause);
    }

  return TRUE;
}

/* For a near end that was killed: otherwise it does that. */
void
mk_forward_remove_file (MkForward *self)
{
  if (self->near_path != NULL)
    forward_remove_dead_file (self->near_path);
}
