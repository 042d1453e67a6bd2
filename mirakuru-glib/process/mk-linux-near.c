/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linux only: what the near end of a launcher is started with, see supervisor/mk-near.c. */

#include "mk-near-private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mk-forward-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* Of forwards whose near end cannot do that any more */
void
mk_near_remove_socket_files (MkLaunch *launch)
{
  for (guint i = 0; launch->forwards != NULL && i < launch->forwards->len; i++)
    mk_forward_remove_file (g_ptr_array_index (launch->forwards, i));
}

/* @targets: where the forwards lead to */
static GPtrArray *
near_new_argv (MkLaunch *launch, const char *supervisor, GPtrArray *targets)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup (supervisor));
  g_ptr_array_add (argv, g_strdup ("near"));
  g_ptr_array_add (argv, g_strdup (MK_SUPERVISOR_PROTOCOL));
  g_ptr_array_add (argv, g_strdup_printf ("%d", (int) getpid ()));
  g_ptr_array_add (argv, g_strdup_printf ("%u", mk_launch_get_lease ()));
  g_ptr_array_add (argv, g_strdup (launch->marker));
  g_ptr_array_add (argv, g_strdup (launch->notify_socket ? launch->notify_socket : ""));
  g_ptr_array_add (argv, g_strdup_printf ("%u", targets->len));
  g_ptr_array_extend (argv, targets, (GCopyFunc) (GCallback) g_strdup, NULL);
  for (char **word = launch->launcher; *word != NULL; word++)
    g_ptr_array_add (argv, g_strdup (*word));
  g_ptr_array_add (argv, NULL);
  return argv;
}

static void
near_append_integer (GByteArray *order, int value)
{
  guint32 bytes = GUINT32_TO_LE ((guint32) value);

  g_byte_array_append (order, (const guint8 *) &bytes, sizeof bytes);
}

static void
near_append_string (GByteArray *order, const char *text)
{
  g_byte_array_append (order, (const guint8 *) text, (guint) strlen (text) + 1);
}

/* The frame START, see mk-far.c. Returns: a file that holds it, −1 with errno */
static int
near_write_order (MkLaunch *launch)
{
  g_autoptr (GByteArray) order = g_byte_array_new ();
  int flags = (launch->stderr_mode == MK_STDIO_MODE_MERGE ? MK_START_MERGE : 0) |
              (launch->stop_mode == MK_STOP_MODE_TREE ? MK_START_STOP_TREE : 0) |
              (launch->notify_socket != NULL ? MK_START_NOTIFY : 0) |
              (launch->keeps_directory ? MK_START_KEEP : 0);
  int fd = memfd_create ("mirakuru-order", MFD_CLOEXEC);

  if (fd < 0)
    return -1;

  near_append_integer (order, launch->stop_signal);
  near_append_integer (order, launch->kill_signal);
  near_append_integer (order, (int) launch->stop_timeout);
  near_append_integer (order, flags);
  near_append_integer (order, (int) mk_launch_get_lease ());
  near_append_integer (order, (int) g_strv_length (launch->argv));
  near_append_integer (order, (int) g_strv_length (launch->overlay));
  near_append_string (order, launch->private_directory ? launch->private_directory : "");
  near_append_string (order, launch->cwd ? launch->cwd : "");
  for (char **arg = launch->argv; *arg != NULL; arg++)
    near_append_string (order, *arg);
  for (char **variable = launch->overlay; *variable != NULL; variable++)
    near_append_string (order, *variable);

  for (gsize written = 0; written < order->len;)
    {
      ssize_t n = write (fd, order->data + written, order->len - written);

      if (n < 0)
        {
          int error_number = errno;

          close (fd);
          errno = error_number;
          return -1;
        }
      written += (gsize) n;
    }
  return fd;
}

/*
 * Gives @launcher what the near end needs.
 *
 * @supervisor: the path of mk-supervisor
 *
 * Returns: (transfer full) (nullable): the arguments of the near end
 */
GPtrArray *
mk_near_prepare (MkLaunch *launch, const char *supervisor, GSubprocessLauncher *launcher, GError **error)
{
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  gboolean is_open = TRUE;
  int order;

  for (guint i = 0; i < launch->forwards->len && is_open; i++)
    is_open = mk_forward_open (g_ptr_array_index (launch->forwards, i), fds, targets, error);
  for (guint i = 0; i < fds->len; i++)
    {
      if (is_open)
        g_subprocess_launcher_take_fd (launcher, g_array_index (fds, int, i), MK_CONTROL_FD + 2 + (int) i);
      else
        close (g_array_index (fds, int, i));
    }
  if (!is_open)
    {
      mk_near_remove_socket_files (launch);
      return NULL;
    }

  order = near_write_order (launch);
  if (order < 0)
    {
      g_propagate_error (error, mk_launch_spawn_error (launch, MK_SPAWN_STEP_FORK, errno));
      return NULL;
    }
  g_subprocess_launcher_take_fd (launcher, order, MK_CONTROL_FD + 1);
  return near_new_argv (launch, supervisor, targets);
}
