/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs an asynchronous operation synchronously, on a context of its own that is the thread's default while it
 * lasts. Nothing of the caller's context is run meanwhile.
 */

#include "mk-sync.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* GLib ends the program when it cannot make a context, so see first whether it can. */
static gboolean
check_descriptors (GError **error)
{
  int fds[2] = { -1, -1 };
  gboolean enough;
  int number;

  fds[0] = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  fds[1] = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  number = errno;
  enough = fds[0] >= 0 && fds[1] >= 0;
  for (guint i = 0; i < 2; i++)
    {
      if (fds[i] >= 0)
        close (fds[i]);
    }

  if (!enough)
    g_set_error (error,
                 G_IO_ERROR,
                 g_io_error_from_errno (number),
                 "No file descriptor is left for a synchronous call: %s; close some files or raise the limit "
                 "(ulimit -n)",
                 g_strerror (number));
  return enough;
}

gboolean
mk_sync_begin (MkSync *self, GError **error)
{
  if (!check_descriptors (error))
    return FALSE;

  self->result = NULL;
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  return TRUE;
}

void
mk_sync_callback (GObject *object, GAsyncResult *result, gpointer user_data)
{
  MkSync *self = user_data;

  self->result = g_object_ref (result);
}

/* Returns: (transfer none) */
GAsyncResult *
mk_sync_wait (MkSync *self)
{
  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);

  return self->result;
}

void
mk_sync_end (MkSync *self)
{
  g_clear_object (&self->result);
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
}
