/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only. Whether the program may have another file descriptor. To be asked before GLib opens one: if it
 * cannot, it ends the program, as for a main context, or does not notice.
 */

#include "mk-descriptor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-features-private.h"
#include "mk-i18n-private.h"

/* Returns: (transfer full): the words of the system, with what to do where no descriptor is left */
char *
mk_descriptor_explain (int error_number)
{
  if (error_number != EMFILE && error_number != ENFILE)
    return g_strdup (g_strerror (error_number));

  /* Translators: follows the words of the system for an error */
  return g_strdup_printf (_ ("%s; close some files or raise the limit (ulimit -n)"),
                          g_strerror (error_number));
}

gboolean
mk_descriptor_check (GError **error)
{
  int fd = mk_features_open_socket (AF_UNIX, SOCK_DGRAM);
  int number = errno;
  g_autofree char *reason = NULL;

  if (fd >= 0)
    {
      close (fd);
      return TRUE;
    }
  /* A sandbox may forbid sockets, and nothing else. */
  if (number != EMFILE && number != ENFILE && number != ENOMEM && number != ENOBUFS)
    return TRUE;

  reason = mk_descriptor_explain (number);
  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (number), reason);
  return FALSE;
}

/* Returns: a copy that no other program inherits, −1 with errno */
int
mk_descriptor_dup (int fd)
{
  return fcntl (fd, F_DUPFD_CLOEXEC, 0);
}

void
mk_descriptor_set_blocking (int fd)
{
  fcntl (fd, F_SETFL, 0);
}

/* Nothing that is read blocks. Returns: −1 if it cannot be opened */
int
mk_descriptor_open_for_reading (const char *path)
{
  return open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}
