/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether the program may have another file descriptor. To be asked where GLib would end the program without
 * one, as for a main context, or overlooks that there is none.
 */

#include "mk-descriptor-private.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mk-i18n-private.h"

gboolean
mk_descriptor_check (GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC);
  int number = errno;

  if (fd >= 0)
    {
      close (fd);
      return TRUE;
    }

  g_set_error (error,
               G_IO_ERROR,
               g_io_error_from_errno (number),
               /* Translators: follows the words of the system for an error */
               _ ("%s; close some files or raise the limit (ulimit -n)"),
               g_strerror (number));
  return FALSE;
}
