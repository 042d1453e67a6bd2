/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files and pipes behind the standard streams of a service. On the worker.
 */

#include "mk-stdio-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

static void
stdio_close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

void
mk_stdio_close (MkStdio *self)
{
  for (guint i = 0; i < 3; i++)
    {
      stdio_close_fd (&self->service[i]);
      stdio_close_fd (&self->host[i]);
    }
}

/*
 * In a program that closed its own standard streams, a new descriptor may get their numbers; and where 3 is
 * free, the one of the control socket: GLib would close that after it has put the socket there.
 */
static int
stdio_move_fd (int fd)
{
  int moved;

  if (fd < 0 || fd > MK_CONTROL_FD)
    return fd;

  moved = fcntl (fd, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  close (fd);
  return moved;
}

static gboolean
stdio_set_error (GError **error, const char *what)
{
  g_autofree char *reason = mk_descriptor_explain (errno);

  g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, "%s: %s", what, reason);
  return FALSE;
}

static gboolean
stdio_open_pipe (int *read_end, int *write_end, GError **error)
{
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, NULL))
    return stdio_set_error (error, _ ("Cannot make a pipe"));

  *read_end = stdio_move_fd (fds[0]);
  *write_end = stdio_move_fd (fds[1]);
  return (*read_end >= 0 && *write_end >= 0) || stdio_set_error (error, _ ("Cannot make a pipe"));
}

static gboolean
stdio_open_file (const char *path, int flags, int *fd, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *what = NULL;
  struct stat info;

  /* A FIFO that nobody reads must not block the worker. */
  *fd = stdio_move_fd (open (path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666));
  if (*fd >= 0 && fstat (*fd, &info) == 0 && S_ISDIR (info.st_mode))
    {
      stdio_close_fd (fd);
      errno = EISDIR;
    }
  if (*fd >= 0)
    return g_unix_set_fd_nonblocking (*fd, FALSE, error);

  name = g_filename_display_name (path);
  what = g_strdup_printf (_ ("Cannot open “%s”"), name);
  return stdio_set_error (error, what);
}

static gboolean
stdio_inherit (int number, int *fd, GError **error)
{
  *fd = fcntl (number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;
  /* The program has none itself. */
  return errno == EBADF ? stdio_open_file ("/dev/null", O_RDWR, fd, error)
                        : stdio_set_error (error, _ ("Cannot pass a standard stream on"));
}

/* As in a shell, /dev/fd/N is the descriptor itself, and not another way to its file: it may be a socket, and
 * what is in a file stays. */
static gboolean
stdio_open_path (const char *path, int flags, int *fd, GError **error)
{
  const char *prefix = "/dev/fd/";
  g_autofree char *name = NULL;
  g_autofree char *what = NULL;
  guint64 number;

  if (!g_str_has_prefix (path, prefix) ||
      !g_ascii_string_to_unsigned (path + strlen (prefix), 10, 0, G_MAXINT, &number, NULL))
    return stdio_open_file (path, flags, fd, error);

  *fd = fcntl ((int) number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;

  name = g_filename_display_name (path);
  what = g_strdup_printf (_ ("Cannot pass “%s” on"), name);
  return stdio_set_error (error, what);
}

/* Appending lets standard output and standard error share a file. */
static gboolean
stdio_open_output (MkStdio *stdio, int stream, MkStdioMode mode, const char *path, GError **error)
{
  switch (mode)
    {
    case MK_STDIO_MODE_CAPTURE:
      if (!stdio_open_pipe (&stdio->host[stream], &stdio->service[stream], error))
        return FALSE;
      return g_unix_set_fd_nonblocking (stdio->host[stream], TRUE, error);

    case MK_STDIO_MODE_INHERIT:
      return stdio_inherit (stream, &stdio->service[stream], error);

    case MK_STDIO_MODE_FILE:
      return stdio_open_path (path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, &stdio->service[stream], error);

    case MK_STDIO_MODE_MERGE:
      stdio->service[stream] = fcntl (stdio->service[STDOUT_FILENO], F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
      return stdio->service[stream] >= 0 || stdio_set_error (error, _ ("Cannot merge the output streams"));

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_PIPE:
    default:
      return stdio_open_file ("/dev/null", O_WRONLY, &stdio->service[stream], error);
    }
}

static gboolean
stdio_open_input (MkStdio *stdio, MkStdioMode mode, const char *path, GError **error)
{
  switch (mode)
    {
    case MK_STDIO_MODE_PIPE:
      return stdio_open_pipe (&stdio->service[STDIN_FILENO], &stdio->host[STDIN_FILENO], error);

    case MK_STDIO_MODE_INHERIT:
      return stdio_inherit (STDIN_FILENO, &stdio->service[STDIN_FILENO], error);

    case MK_STDIO_MODE_FILE:
      return stdio_open_path (path, O_RDONLY, &stdio->service[STDIN_FILENO], error);

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_CAPTURE:
    case MK_STDIO_MODE_MERGE:
    default:
      return stdio_open_file ("/dev/null", O_RDONLY, &stdio->service[STDIN_FILENO], error);
    }
}

/* @self: (out caller-allocates): on failure nothing is left open */
gboolean
mk_stdio_open (MkStdio *self, MkLaunch *launch, GError **error)
{
  *self = (MkStdio){ { -1, -1, -1 }, { -1, -1, -1 } };

  if (stdio_open_input (self, launch->stdin_mode, launch->stdin_path, error) &&
      stdio_open_output (self, STDOUT_FILENO, launch->stdout_mode, launch->stdout_path, error) &&
      stdio_open_output (self, STDERR_FILENO, launch->stderr_mode, launch->stderr_path, error))
    return TRUE;

  mk_stdio_close (self);
  return FALSE;
}
