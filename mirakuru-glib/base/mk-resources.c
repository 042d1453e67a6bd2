/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GLib ends the program where it cannot get a file descriptor for a context, or a thread. So what is about to
 * be needed is tried first, where an error can still be reported.
 */

#include "mk-resources-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mk-i18n-private.h"

#define MAX_DESCRIPTORS 16

/* @n: how many file descriptors are needed at the same time, at most 16 */
gboolean
mk_resources_check_descriptors (guint n, GError **error)
{
  int fds[MAX_DESCRIPTORS];
  int number;
  guint n_open;

  g_assert (n <= MAX_DESCRIPTORS);

  for (n_open = 0; n_open < n; n_open++)
    {
      fds[n_open] =
          n_open == 0 ? open ("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl (fds[0], F_DUPFD_CLOEXEC, 0);
      if (fds[n_open] < 0)
        break;
    }

  number = errno;
  for (guint i = 0; i < n_open; i++)
    close (fds[i]);
  if (n_open == n)
    return TRUE;

  g_set_error (error,
               G_IO_ERROR,
               g_io_error_from_errno (number),
               /* Translators: follows the words of the system for an error */
               _ ("%s; close some files or raise the limit (ulimit -n)"),
               g_strerror (number));
  return FALSE;
}

static gpointer
wait_for_lock (gpointer data)
{
  g_mutex_lock (data);
  g_mutex_unlock (data);
  return NULL;
}

/* Tries whether two threads can be made: one of this library, and the first one of GLib. */
gboolean
mk_resources_check_thread (GError **error)
{
  GThread *threads[2];
  GMutex lock;
  guint n;

  g_mutex_init (&lock);
  g_mutex_lock (&lock);
  for (n = 0; n < G_N_ELEMENTS (threads); n++)
    {
      threads[n] = g_thread_try_new ("mk-trial", wait_for_lock, &lock, error);
      if (threads[n] == NULL)
        {
          g_prefix_error (error, _ ("the limit of processes is reached (ulimit -u): "));
          break;
        }
    }
  g_mutex_unlock (&lock);

  for (guint i = 0; i < n; i++)
    g_thread_join (threads[i]);
  g_mutex_clear (&lock);
  return n == G_N_ELEMENTS (threads);
}
