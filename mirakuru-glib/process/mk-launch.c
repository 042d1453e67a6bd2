/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is needed to start one service: the settings of an executor as they were when the start began, the
 * files and pipes behind its standard streams, and the words for what can go wrong with them.
 */

#include "mk-launch-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

void
mk_launch_free (MkLaunch *self)
{
  g_strfreev (self->argv);
  g_strfreev (self->environment);
  g_free (self->marker);
  g_free (self->cwd);
  g_free (self->stdout_path);
  g_free (self->stderr_path);
  g_free (self);
}

/* The service as messages name it. */
char *
mk_launch_dup_name (MkLaunch *self)
{
  return g_path_get_basename (self->argv[0]);
}

/* ---- bad settings ---- */

static gboolean invalid (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
invalid (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (MK_ERROR, MK_ERROR_INVALID_ARGUMENT, format, args));
  va_end (args);
  return FALSE;
}

/*
 * Lays @overlay over the environment of the program; the marker comes last, so that nothing can hide it.
 */
gboolean
mk_launch_set_environment (MkLaunch *self, const char *const *overlay, const char *marker, GError **error)
{
  g_auto (GStrv) environment = g_get_environ ();

  for (const char *const *entry = overlay; entry != NULL && *entry != NULL; entry++)
    {
      const char *equals = strchr (*entry, '=');
      g_autofree char *name = NULL;

      if (equals == NULL || equals == *entry)
        return invalid (error, _ ("“%s” is not a setting for the environment: write NAME=value"), *entry);
      name = g_strndup (*entry, (gsize) (equals - *entry));
      environment = g_environ_setenv (g_steal_pointer (&environment), name, equals + 1, TRUE);
    }

  environment = g_environ_unsetenv (g_steal_pointer (&environment), MK_MARKER_NAME);
  environment = g_environ_setenv (g_steal_pointer (&environment), MK_MARKER_NAME, marker, TRUE);
  g_strfreev (self->environment);
  self->environment = g_steal_pointer (&environment);
  g_free (self->marker);
  self->marker = g_strconcat (MK_MARKER_NAME "=", marker, NULL);
  return TRUE;
}

static gboolean
validate_output (MkStdioMode mode, const char *path, const char *stream, gboolean may_merge, GError **error)
{
  if (mode == MK_STDIO_MODE_PIPE)
    return invalid (error,
                    /* Translators: “Standard output” or “Standard error” */
                    _ ("%s cannot be a PIPE: CAPTURE it and use open_output()"),
                    stream);
  if (mode == MK_STDIO_MODE_MERGE && !may_merge)
    return invalid (error,
                    /* Translators: “Standard output” or “Standard error” */
                    _ ("%s cannot be MERGEd: only standard error can, into standard output"),
                    stream);
  if (mode == MK_STDIO_MODE_FILE && (path == NULL || *path == '\0'))
    return invalid (error,
                    /* Translators: “Standard output” or “Standard error” */
                    _ ("%s goes to a FILE, but no path is set for it"),
                    stream);

  return TRUE;
}

gboolean
mk_launch_validate_signal (int number, GError **error)
{
  if (number <= 0 || number >= NSIG)
    return invalid (error, _ ("%d is not a signal: signals are from 1 to %d"), number, NSIG - 1);

  return TRUE;
}

/* @argv: (transfer full) (nullable) */
gboolean
mk_launch_set_argv (MkLaunch *self, char **argv, GError **error)
{
  g_strfreev (self->argv);
  self->argv = argv;

  if (argv == NULL || argv[0] == NULL || argv[0][0] == '\0')
    return invalid (error, _ ("The command is empty: it needs at least the name of a program"));
  return TRUE;
}

gboolean
mk_launch_validate (MkLaunch *self, GError **error)
{
  if (self->stdin_mode != MK_STDIO_MODE_NULL && self->stdin_mode != MK_STDIO_MODE_PIPE &&
      self->stdin_mode != MK_STDIO_MODE_INHERIT)
    return invalid (error, _ ("Standard input can only be NULL, PIPE or INHERIT"));

  return validate_output (self->stdout_mode, self->stdout_path, _ ("Standard output"), FALSE, error) &&
         validate_output (self->stderr_mode, self->stderr_path, _ ("Standard error"), TRUE, error) &&
         mk_launch_validate_signal (self->stop_signal, error) &&
         mk_launch_validate_signal (self->kill_signal, error);
}

/* ---- the standard streams ---- */

void
mk_stdio_close_service (MkStdio *self)
{
  for (guint i = 0; i < 3; i++)
    {
      if (self->service[i] >= 0)
        close (self->service[i]);
      self->service[i] = -1;
    }
}

void
mk_stdio_close (MkStdio *self)
{
  mk_stdio_close_service (self);
  for (guint i = 0; i < 3; i++)
    {
      if (self->host[i] >= 0)
        close (self->host[i]);
      self->host[i] = -1;
    }
}

/*
 * In a program that closed its own standard streams, a new descriptor may get their numbers; and where 3 is
 * free, the one of the control socket: GLib would close that after it has put the socket there.
 */
static int
above_reserved (int fd)
{
  int moved;

  if (fd < 0 || fd > MK_CONTROL_FD)
    return fd;

  moved = fcntl (fd, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  close (fd);
  return moved;
}

static gboolean
system_error (GError **error, const char *what)
{
  int number = errno;

  if (number == EMFILE || number == ENFILE)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_SPAWN_FAILED,
                 /* Translators: what cannot be done, as “Cannot make a pipe”, and why */
                 _ ("%s: %s; close some files or raise the limit (ulimit -n)"),
                 what,
                 g_strerror (number));
  else
    g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, "%s: %s", what, g_strerror (number));
  return FALSE;
}

static gboolean
open_pipe (int *read_end, int *write_end, GError **error)
{
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, NULL))
    return system_error (error, _ ("Cannot make a pipe"));

  *read_end = above_reserved (fds[0]);
  *write_end = above_reserved (fds[1]);
  return (*read_end >= 0 && *write_end >= 0) || system_error (error, _ ("Cannot make a pipe"));
}

static gboolean
open_file (const char *path, int flags, int *fd, GError **error)
{
  g_autofree char *what = NULL;

  /* A FIFO that nobody reads must not block the worker. */
  *fd = above_reserved (open (path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666));
  if (*fd >= 0)
    return g_unix_set_fd_nonblocking (*fd, FALSE, error);

  what = g_strdup_printf (_ ("Cannot open “%s”"), path);
  return system_error (error, what);
}

static gboolean
inherit (int number, int *fd, GError **error)
{
  *fd = fcntl (number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;
  /* The program has none itself. */
  return errno == EBADF ? open_file ("/dev/null", O_RDWR, fd, error)
                        : system_error (error, _ ("Cannot pass a standard stream on"));
}

/* As in a shell, /dev/fd/N is the descriptor itself, and not another way to its file: it may be a socket, and
 * what is in a file stays. */
static gboolean
get_descriptor (const char *path, int *number)
{
  const char *prefix = "/dev/fd/";
  guint64 value;

  if (!g_str_has_prefix (path, prefix) ||
      !g_ascii_string_to_unsigned (path + strlen (prefix), 10, 0, G_MAXINT, &value, NULL))
    return FALSE;

  *number = (int) value;
  return TRUE;
}

static gboolean
pass_descriptor (const char *path, int number, int *fd, GError **error)
{
  g_autofree char *what = NULL;

  *fd = fcntl (number, F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
  if (*fd >= 0)
    return TRUE;

  what = g_strdup_printf (_ ("Cannot pass “%s” on"), path);
  return system_error (error, what);
}

/* Appending lets standard output and standard error share a file. */
static gboolean
open_output (MkStdio *stdio, int stream, MkStdioMode mode, const char *path, GError **error)
{
  int number;

  switch (mode)
    {
    case MK_STDIO_MODE_CAPTURE:
      if (!open_pipe (&stdio->host[stream], &stdio->service[stream], error))
        return FALSE;
      return g_unix_set_fd_nonblocking (stdio->host[stream], TRUE, error);

    case MK_STDIO_MODE_INHERIT:
      return inherit (stream, &stdio->service[stream], error);

    case MK_STDIO_MODE_FILE:
      if (get_descriptor (path, &number))
        return pass_descriptor (path, number, &stdio->service[stream], error);
      return open_file (path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, &stdio->service[stream], error);

    case MK_STDIO_MODE_MERGE:
      stdio->service[stream] = fcntl (stdio->service[STDOUT_FILENO], F_DUPFD_CLOEXEC, MK_CONTROL_FD + 1);
      return stdio->service[stream] >= 0 || system_error (error, _ ("Cannot merge the output streams"));

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_PIPE:
    default:
      return open_file ("/dev/null", O_WRONLY, &stdio->service[stream], error);
    }
}

static gboolean
open_input (MkStdio *stdio, MkStdioMode mode, GError **error)
{
  if (mode == MK_STDIO_MODE_PIPE)
    return open_pipe (&stdio->service[STDIN_FILENO], &stdio->host[STDIN_FILENO], error);
  if (mode == MK_STDIO_MODE_INHERIT)
    return inherit (STDIN_FILENO, &stdio->service[STDIN_FILENO], error);

  return open_file ("/dev/null", O_RDONLY, &stdio->service[STDIN_FILENO], error);
}

/* On failure nothing is left open. */
gboolean
mk_launch_open_stdio (MkLaunch *self, MkStdio *stdio, GError **error)
{
  *stdio = (MkStdio){ { -1, -1, -1 }, { -1, -1, -1 } };

  if (open_input (stdio, self->stdin_mode, error) &&
      open_output (stdio, STDOUT_FILENO, self->stdout_mode, self->stdout_path, error) &&
      open_output (stdio, STDERR_FILENO, self->stderr_mode, self->stderr_path, error))
    return TRUE;

  mk_stdio_close (stdio);
  return FALSE;
}

/* ---- what went wrong ---- */

/* Looks as the supervisor did, but only to explain. */
static char *
find_program (MkLaunch *self)
{
  const char *path = g_environ_getenv (self->environment, "PATH");
  g_autofree char *base = g_canonicalize_filename (self->cwd ? self->cwd : ".", NULL);
  g_auto (GStrv) folders = NULL;

  if (strchr (self->argv[0], '/') != NULL)
    return g_canonicalize_filename (self->argv[0], base);

  folders = g_strsplit (path ? path : "/usr/local/bin:/usr/bin:/bin", ":", -1);
  for (char **folder = folders; *folder != NULL; folder++)
    {
      g_autofree char *relative = g_build_filename (**folder ? *folder : ".", self->argv[0], NULL);
      g_autofree char *file = g_canonicalize_filename (relative, base);

      if (g_file_test (file, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&file);
    }

  return NULL;
}

static char *
read_interpreter (const char *file)
{
  char line[256] = { 0 };
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t n = fd >= 0 ? read (fd, line, sizeof line - 1) : -1;

  if (fd >= 0)
    close (fd);
  if (n < 2 || line[0] != '#' || line[1] != '!')
    return NULL;

  line[strcspn (line, "\n")] = '\0';
  return g_strdup (g_strstrip (line + 2));
}

static char *
explain_exec (MkLaunch *self, int error_number)
{
  g_autofree char *file = find_program (self);
  g_autofree char *interpreter = NULL;

  if (error_number == ENOENT && (file == NULL || !g_file_test (file, G_FILE_TEST_EXISTS)))
    return g_strdup (
        strchr (self->argv[0], '/')
            ? _ ("there is no such file")
            : _ ("there is no such program in the folders of PATH; install it, or give its path"));
  if (file != NULL && g_file_test (file, G_FILE_TEST_IS_DIR))
    return g_strdup_printf (_ ("“%s” is a folder, not a program"), file);
  if (error_number == EACCES)
    return g_strdup_printf (_ ("“%s” is not executable (chmod +x makes it so)"), file ? file : self->argv[0]);

  interpreter = file ? read_interpreter (file) : NULL;
  if (interpreter != NULL)
    return g_strdup_printf (_ ("the interpreter “%s” in the first line of “%s” cannot be run: %s"),
                            interpreter,
                            file,
                            g_strerror (error_number));
  if (error_number == ENOEXEC)
    return g_strdup_printf (
        _ ("“%s” is not a program for this machine; a script needs a first line such as #!/bin/sh"), file);

  return g_strdup (g_strerror (error_number));
}

/* @step: an MkSpawnStep, as reported by the supervisor */
GError *
mk_launch_spawn_error (MkLaunch *self, int step, int error_number)
{
  g_autofree char *reason = NULL;

  switch (step)
    {
    case MK_SPAWN_STEP_CHDIR:
      return g_error_new (MK_ERROR,
                          MK_ERROR_SPAWN_FAILED,
                          _ ("Cannot run “%s” in the folder “%s”: %s"),
                          self->argv[0],
                          self->cwd,
                          g_strerror (error_number));

    case MK_SPAWN_STEP_EXEC:
      reason = explain_exec (self, error_number);
      break;

    case MK_SPAWN_STEP_FORK:
    default:
      reason = error_number == EAGAIN
                   /* Translators: follows the words of the system for an error */
                   ? g_strdup_printf (_ ("%s; the limit of processes is reached (ulimit -u)"),
                                      g_strerror (error_number))
                   : g_strdup (g_strerror (error_number));
      break;
    }

  return g_error_new (MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), self->argv[0], reason);
}
