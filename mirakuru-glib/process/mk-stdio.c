/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files, pipes and terminals behind the standard streams of a service. On the worker.
 */

#include "mk-stdio-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-features-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
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
  for (guint i = 0; i < 2; i++)
    stdio_close_fd (&self->copies[i]);
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
stdio_set_error (MkLaunch *launch, GError **error, const char *what)
{
  int number = errno;
  g_autofree char *reason = mk_descriptor_explain (number);

  launch->spawn_errno = number;
  g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, "%s: %s", what, reason);
  return FALSE;
}

static gboolean
stdio_open_pipe (MkLaunch *launch, int *read_end, int *write_end, GError **error)
{
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, NULL))
    return stdio_set_error (launch, error, _ ("Cannot make a pipe"));

  *read_end = stdio_move_fd (fds[0]);
  *write_end = stdio_move_fd (fds[1]);
  return (*read_end >= 0 && *write_end >= 0) || stdio_set_error (launch, error, _ ("Cannot make a pipe"));
}

static gboolean
stdio_open_file (MkLaunch *launch, const char *path, int flags, int *fd, GError **error)
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

  name = mk_message_filename (path);
  what = g_strdup_printf (_ ("Cannot open “%s”"), name);
  return stdio_set_error (launch, error, what);
}

static gboolean
stdio_inherit (MkLaunch *launch, int number, int *fd, GError **error)
{
  *fd = fcntl (number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;
  /* The program has none itself. */
  return errno == EBADF ? stdio_open_file (launch, "/dev/null", O_RDWR, fd, error)
                        : stdio_set_error (launch, error, _ ("Cannot pass a standard stream on"));
}

/* As in a shell, /dev/fd/N is the descriptor itself, and not another way to its file: it may be a socket, and
 * what is in a file stays. */
static gboolean
stdio_open_path (MkLaunch *launch, const char *path, int flags, int *fd, GError **error)
{
  const char *prefix = "/dev/fd/";
  g_autofree char *name = NULL;
  g_autofree char *what = NULL;
  guint64 number;

  if (!g_str_has_prefix (path, prefix) ||
      !g_ascii_string_to_unsigned (path + strlen (prefix), 10, 0, G_MAXINT, &number, NULL))
    return stdio_open_file (launch, path, flags, fd, error);

  *fd = fcntl ((int) number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;

  name = mk_message_filename (path);
  what = g_strdup_printf (_ ("Cannot pass “%s” on"), name);
  return stdio_set_error (launch, error, what);
}

/* ---- terminals ---- */

/* What most programs assume where nothing tells them. */
#define DEFAULT_COLUMNS 80
#define DEFAULT_LINES   24

/* @name: a variable in which a shell keeps the size of its terminal */
static gushort
stdio_choose_size (MkLaunch *launch, const char *name, gushort usual)
{
  const char *value = g_environ_getenv (launch->environment, name);
  guint64 number;

  return value != NULL && g_ascii_string_to_unsigned (value, 10, 1, G_MAXUSHORT, &number, NULL)
             ? (gushort) number
             : usual;
}

/* Lines end as the service ends them, and nothing is printed but what it prints. */
static gboolean
stdio_set_up_terminal (int fd, MkLaunch *launch)
{
  struct winsize size = { .ws_row = stdio_choose_size (launch, "LINES", DEFAULT_LINES),
                          .ws_col = stdio_choose_size (launch, "COLUMNS", DEFAULT_COLUMNS) };
  struct termios settings;

  if (tcgetattr (fd, &settings) < 0)
    return FALSE;

  settings.c_oflag &= ~(tcflag_t) OPOST;
  settings.c_lflag &= ~(tcflag_t) ECHO;
  return tcsetattr (fd, TCSANOW, &settings) == 0 && ioctl (fd, TIOCSWINSZ, &size) == 0;
}

/*
 * Reading from the host's end fails with EIO once nobody has the service's end any more. It is not the
 * controlling terminal of the service: when a first process that has put its service into the background
 * ended, the kernel would hang the terminal up.
 */
static gboolean
stdio_open_terminal (MkStdio *stdio, int stream, MkLaunch *launch, GError **error)
{
  int host = stdio_move_fd (mk_features_open_terminal ());
  char name[64];

  stdio->host[stream] = host;
  if (host >= 0 && grantpt (host) == 0 && unlockpt (host) == 0 &&
      mk_features_get_terminal_name (host, name, sizeof name))
    stdio->service[stream] = stdio_move_fd (open (name, O_RDWR | O_NOCTTY | O_CLOEXEC));

  return (stdio->service[stream] >= 0 && stdio_set_up_terminal (stdio->service[stream], launch)) ||
         stdio_set_error (launch, error, _ ("Cannot open a terminal"));
}

/* ---- the streams ---- */

/*
 * For a copy of what is captured. Whoever reads from a pipe or a socket could keep the worker waiting.
 *
 * @path: (nullable)
 */
static gboolean
stdio_open_copy (MkStdio *stdio, int stream, MkLaunch *launch, const char *path, GError **error)
{
  int *copy = &stdio->copies[stream - 1];
  g_autofree char *name = NULL;
  struct stat info;

  if (path == NULL || *path == '\0')
    return TRUE;
  if (!stdio_open_path (launch, path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, copy, error))
    return FALSE;
  if (fstat (*copy, &info) == 0 && S_ISREG (info.st_mode))
    return TRUE;

  name = mk_message_filename (path);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is not a regular file: a copy of captured output can only go to one"),
               name);
  return FALSE;
}

/* Appending lets standard output and standard error share a file. */
static gboolean
stdio_open_output (MkStdio *stdio, int stream, MkLaunch *launch, GError **error)
{
  gboolean is_errors = stream == STDERR_FILENO;
  MkStdioMode mode = is_errors ? launch->stderr_mode : launch->stdout_mode;
  const char *path = is_errors ? launch->stderr_path : launch->stdout_path;

  switch (mode)
    {
    case MK_STDIO_MODE_CAPTURE:
      return stdio_open_pipe (launch, &stdio->host[stream], &stdio->service[stream], error) &&
             g_unix_set_fd_nonblocking (stdio->host[stream], TRUE, error) &&
             stdio_open_copy (stdio, stream, launch, path, error);

    case MK_STDIO_MODE_PTY:
      return stdio_open_terminal (stdio, stream, launch, error) &&
             stdio_open_copy (stdio, stream, launch, path, error);

    case MK_STDIO_MODE_INHERIT:
      return stdio_inherit (launch, stream, &stdio->service[stream], error);

    case MK_STDIO_MODE_FILE:
      return stdio_open_path (
          launch, path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, &stdio->service[stream], error);

    case MK_STDIO_MODE_MERGE:
      stdio->service[stream] = fcntl (stdio->service[STDOUT_FILENO], F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
      return stdio->service[stream] >= 0 ||
             stdio_set_error (launch, error, _ ("Cannot merge the output streams"));

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_PIPE:
    default:
      return stdio_open_file (launch, "/dev/null", O_WRONLY, &stdio->service[stream], error);
    }
}

static gboolean
stdio_open_input (MkStdio *stdio, MkLaunch *launch, GError **error)
{
  switch (launch->stdin_mode)
    {
    case MK_STDIO_MODE_PIPE:
      return stdio_open_pipe (launch, &stdio->service[STDIN_FILENO], &stdio->host[STDIN_FILENO], error);

    case MK_STDIO_MODE_INHERIT:
      return stdio_inherit (launch, STDIN_FILENO, &stdio->service[STDIN_FILENO], error);

    case MK_STDIO_MODE_FILE:
      return stdio_open_path (launch, launch->stdin_path, O_RDONLY, &stdio->service[STDIN_FILENO], error);

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_CAPTURE:
    case MK_STDIO_MODE_MERGE:
    case MK_STDIO_MODE_PTY:
    default:
      return stdio_open_file (launch, "/dev/null", O_RDONLY, &stdio->service[STDIN_FILENO], error);
    }
}

/* @self: (out caller-allocates): on failure nothing is left open */
gboolean
mk_stdio_open (MkStdio *self, MkLaunch *launch, GError **error)
{
  *self = (MkStdio){ { -1, -1, -1 }, { -1, -1, -1 }, { -1, -1 } };

  if (stdio_open_input (self, launch, error) && stdio_open_output (self, STDOUT_FILENO, launch, error) &&
      stdio_open_output (self, STDERR_FILENO, launch, error))
    return TRUE;

  mk_stdio_close (self);
  return FALSE;
}
