/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How to start one service: the settings of an executor as they were when the start began, and the words for
 * what can be wrong with them.
 */

#include "mk-launch-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* SD_LISTEN_FDS_START */
#define FIRST_SOCKET 3
#define MAX_FORWARDS 32
#define LEASE_MS     15000

static void
launch_descriptor_clear (gpointer data)
{
  MkLaunchDescriptor *self = data;

  if (self->fd >= 0)
    close (self->fd);
}

void
mk_launch_free (MkLaunch *self)
{
  g_clear_pointer (&self->descriptors, g_array_unref);
  g_strfreev (self->argv);
  g_strfreev (self->launcher);
  g_clear_pointer (&self->forwards, g_ptr_array_unref);
  g_strfreev (self->environment);
  g_strfreev (self->overlay);
  g_free (self->notify_socket);
  g_free (self->marker);
  g_free (self->cwd);
  g_free (self->private_directory);
  g_free (self->stdin_path);
  g_free (self->stdout_path);
  g_free (self->stderr_path);
  g_free (self);
}

/* The service as messages name it. */
char *
mk_launch_dup_name (MkLaunch *self)
{
  g_autofree char *name = g_path_get_basename (self->argv[0]);

  return mk_message_filename (name);
}

/* ---- bad settings ---- */

static gboolean launch_invalid (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
launch_invalid (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (MK_ERROR, MK_ERROR_INVALID_ARGUMENT, format, args));
  va_end (args);
  return FALSE;
}

/* With a launcher the overlay is laid over what is found at the far end, and the client gets none of it. */
static void
launch_keep_overlay (MkLaunch *self, const char *const *overlay, const char *marker)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (overlay != NULL)
    g_strv_builder_addv (builder, (const char **) overlay);
  g_strv_builder_add (builder, self->marker);
  g_strfreev (self->overlay);
  self->overlay = g_strv_builder_end (builder);
  g_strfreev (self->environment);
  self->environment = g_environ_unsetenv (g_get_environ (), MK_MARKER_NAME);
}

/*
 * Lays @overlay over the environment of the program: "NAME=value" sets a variable, "NAME" unsets it. The
 * marker comes last, so that nothing can hide it.
 */
gboolean
mk_launch_set_environment (MkLaunch *self, const char *const *overlay, const char *marker, GError **error)
{
  g_auto (GStrv) environment = g_get_environ ();

  for (const char *const *entry = overlay; entry != NULL && *entry != NULL; entry++)
    {
      const char *equals = strchr (*entry, '=');
      g_autofree char *name = NULL;

      if (equals == *entry || **entry == '\0')
        {
          g_autofree char *shown = mk_message_shown (*entry);

          return launch_invalid (error,
                                 _ ("“%s” is not a setting for the environment: write NAME=value, or NAME to "
                                    "unset a variable"),
                                 shown);
        }
      if (equals == NULL)
        {
          environment = g_environ_unsetenv (g_steal_pointer (&environment), *entry);
          continue;
        }
      name = g_strndup (*entry, (gsize) (equals - *entry));
      environment = g_environ_setenv (g_steal_pointer (&environment), name, equals + 1, TRUE);
    }

  environment = g_environ_unsetenv (g_steal_pointer (&environment), MK_MARKER_NAME);
  environment = g_environ_setenv (g_steal_pointer (&environment), MK_MARKER_NAME, marker, TRUE);
  g_strfreev (self->environment);
  self->environment = g_steal_pointer (&environment);
  g_free (self->marker);
  self->marker = g_strconcat (MK_MARKER_NAME "=", marker, NULL);
  if (self->launcher != NULL)
    launch_keep_overlay (self, overlay, marker);
  return TRUE;
}

/* @fd: (transfer full). @target: its number in the service, which may be free in the program */
gboolean
mk_launch_add_descriptor (MkLaunch *self, int fd, int target, GError **error)
{
  MkLaunchDescriptor descriptor = { fd, target };

  if (self->launcher != NULL)
    {
      close (fd);
      return launch_invalid (error,
                             _ ("A service that a launcher starts elsewhere cannot be given sockets or other "
                                "open files of this machine"));
    }
  if (self->descriptors == NULL)
    {
      self->descriptors = g_array_new (FALSE, FALSE, sizeof descriptor);
      g_array_set_clear_func (self->descriptors, launch_descriptor_clear);
    }
  for (guint i = 0; i < self->descriptors->len; i++)
    {
      if (g_array_index (self->descriptors, MkLaunchDescriptor, i).target != target)
        continue;
      close (fd);
      return launch_invalid (error, _ ("Descriptor %d of the service is used twice"), target);
    }

  g_array_append_val (self->descriptors, descriptor);
  return TRUE;
}

void
mk_launch_set_variable (MkLaunch *self, const char *name, const char *value)
{
  if (self->launcher == NULL)
    self->environment = g_environ_setenv (g_steal_pointer (&self->environment), name, value, TRUE);
  else if (g_str_equal (name, "NOTIFY_SOCKET"))
    {
      /* The far end has one of its own, and passes the messages on. */
      g_free (self->notify_socket);
      self->notify_socket = g_strdup (value);
    }
  else
    self->overlay = g_environ_setenv (g_steal_pointer (&self->overlay), name, value, TRUE);
}

/* @fd: (transfer none): a socket that is passed as systemd does, see sd_listen_fds(3) */
gboolean
mk_launch_add_socket (MkLaunch *self, int fd, const char *name, GError **error)
{
  g_autofree char *number = NULL;
  g_autofree char *names = NULL;
  int copy;

  for (const char *c = name; *c != '\0'; c++)
    {
      if (*c == ':' || g_ascii_iscntrl (*c))
        return launch_invalid (
            error, _ ("“%s” cannot be the name of a socket: it has a colon or a control character"), name);
    }

  copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    {
      g_autofree char *reason = mk_descriptor_explain (errno);

      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_SPAWN_FAILED,
                   _ ("The socket “%s” cannot be passed to the service: %s"),
                   name,
                   reason);
      return FALSE;
    }

  number = g_strdup_printf ("%u", ++self->n_sockets);
  names = self->n_sockets == 1
              ? g_strdup (name)
              : g_strconcat (g_environ_getenv (self->environment, "LISTEN_FDNAMES"), ":", name, NULL);
  mk_launch_set_variable (self, "LISTEN_FDS", number);
  mk_launch_set_variable (self, "LISTEN_FDNAMES", names);
  mk_launch_set_variable (self, MK_LISTEN_PID, MK_LISTEN_PID_UNKNOWN);
  return mk_launch_add_descriptor (self, copy, FIRST_SOCKET + (int) self->n_sockets - 1, error);
}

static gboolean
launch_validate_output (MkStdioMode mode,
                        const char *path,
                        const char *stream,
                        gboolean may_merge,
                        GError **error)
{
  if (mode == MK_STDIO_MODE_PIPE)
    return launch_invalid (error,
                           /* Translators: “Standard output” or “Standard error” */
                           _ ("%s cannot be a PIPE: CAPTURE it and use open_output()"),
                           stream);
  if (mode == MK_STDIO_MODE_MERGE && !may_merge)
    return launch_invalid (error,
                           /* Translators: “Standard output” or “Standard error” */
                           _ ("%s cannot be MERGEd: only standard error can, into standard output"),
                           stream);
  if (mode == MK_STDIO_MODE_FILE && (path == NULL || *path == '\0'))
    return launch_invalid (error,
                           /* Translators: “Standard output” or “Standard error” */
                           _ ("%s goes to a FILE, but no path is set for it"),
                           stream);

  return TRUE;
}

gboolean
mk_launch_validate_signal (int number, GError **error)
{
  if (number <= 0 || number >= NSIG)
    return launch_invalid (error, _ ("%d is not a signal: signals are from 1 to %d"), number, NSIG - 1);

  return TRUE;
}

/* @argv: (transfer full) (nullable) */
gboolean
mk_launch_set_argv (MkLaunch *self, char **argv, GError **error)
{
  g_strfreev (self->argv);
  self->argv = argv;

  if (argv == NULL || argv[0] == NULL || argv[0][0] == '\0')
    return launch_invalid (error, _ ("The command is empty: it needs at least the name of a program"));
  return TRUE;
}

/*
 * To be called before the environment is set.
 *
 * @launcher: (transfer full) (nullable)
 * @forwards: (nullable)
 */
gboolean
mk_launch_set_launcher (MkLaunch *self, char **launcher, char **forwards, GError **error)
{
  self->launcher = launcher != NULL && launcher[0] != NULL ? launcher : NULL;
  if (self->launcher == NULL)
    g_strfreev (launcher);
  else if (*launcher[0] == '\0')
    return launch_invalid (error, _ ("The launcher is empty: it needs at least the name of a program"));

  self->forwards = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_forward_free);
  for (char **text = forwards; text != NULL && *text != NULL; text++)
    {
      MkForward *forward = mk_forward_parse (*text, error);

      if (forward == NULL)
        return FALSE;
      g_ptr_array_add (self->forwards, forward);
      if (self->launcher == NULL && !forward->is_same)
        return launch_invalid (
            error, _ ("The forward “%s” leads to another address, which needs a launcher"), *text);
    }
  /* Two for each, see mk_forward_open() */
  if (self->forwards->len > MAX_FORWARDS)
    return launch_invalid (error, _ ("There can be at most %d forwards"), MAX_FORWARDS);

  return TRUE;
}

gboolean
mk_launch_validate (MkLaunch *self, GError **error)
{
  if (self->launcher != NULL &&
      (self->stdout_mode == MK_STDIO_MODE_PTY || self->stderr_mode == MK_STDIO_MODE_PTY))
    return launch_invalid (error,
                           _ ("A service that a launcher starts elsewhere cannot be given a terminal (PTY)"));
  if (mk_launch_captures (self->stdin_mode) || self->stdin_mode == MK_STDIO_MODE_MERGE)
    return launch_invalid (error, _ ("Standard input can only be NULL, PIPE, INHERIT or FILE"));
  if (self->stdin_mode == MK_STDIO_MODE_FILE && (self->stdin_path == NULL || *self->stdin_path == '\0'))
    return launch_invalid (error, _ ("Standard input comes from a FILE, but no path is set for it"));

  return launch_validate_output (self->stdout_mode, self->stdout_path, _ ("Standard output"), FALSE, error) &&
         launch_validate_output (self->stderr_mode, self->stderr_path, _ ("Standard error"), TRUE, error) &&
         mk_launch_validate_signal (self->stop_signal, error) &&
         mk_launch_validate_signal (self->kill_signal, error);
}

/* ---- what went wrong ---- */

/* Looks as the supervisor did, but only to explain. */
static char *
launch_find_program (MkLaunch *self)
{
  const char *path = g_environ_getenv (self->environment, "PATH");
  g_autofree char *base = g_canonicalize_filename (self->cwd ? self->cwd : ".", NULL);
  g_auto (GStrv) directories = NULL;

  if (strchr (self->argv[0], '/') != NULL)
    return g_canonicalize_filename (self->argv[0], base);

  directories = g_strsplit (path ? path : "/usr/local/bin:/usr/bin:/bin", ":", -1);
  for (char **directory = directories; *directory != NULL; directory++)
    {
      g_autofree char *relative = g_build_filename (**directory ? *directory : ".", self->argv[0], NULL);
      g_autofree char *file = g_canonicalize_filename (relative, base);

      if (g_file_test (file, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&file);
    }

  return NULL;
}

static char *
launch_read_interpreter (const char *file)
{
  char line[256] = { 0 };
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t n = fd >= 0 ? read (fd, line, sizeof line - 1) : -1;

  if (fd >= 0)
    close (fd);
  if (n < 2 || line[0] != '#' || line[1] != '!')
    return NULL;

  line[strcspn (line, "\n")] = '\0';
  return g_strdup (line + 2 + strspn (line + 2, " \t"));
}

static char *
launch_explain_exec (MkLaunch *self, int error_number)
{
  g_autofree char *file = self->launcher == NULL ? launch_find_program (self) : NULL;
  g_autofree char *name = mk_message_filename (file ? file : self->argv[0]);
  g_autofree char *interpreter = NULL;
  g_autofree char *interpreter_name = NULL;

  if (error_number == ENOENT && self->launcher != NULL)
    return g_strdup (_ ("there is no such program where the launcher leads to"));
  if (error_number == ENOENT && (file == NULL || !g_file_test (file, G_FILE_TEST_EXISTS)))
    return g_strdup (
        strchr (self->argv[0], '/')
            ? _ ("there is no such file")
            : _ ("there is no such program in the directories of PATH; install it, or give its path"));
  if (file != NULL && g_file_test (file, G_FILE_TEST_IS_DIR))
    return g_strdup_printf (_ ("“%s” is a directory, not a program"), name);
  if (error_number == EACCES && file != NULL && g_file_test (file, G_FILE_TEST_EXISTS) &&
      !g_file_test (file, G_FILE_TEST_IS_EXECUTABLE))
    return g_strdup_printf (_ ("“%s” is not executable (chmod +x makes it so)"), name);

  interpreter = file ? launch_read_interpreter (file) : NULL;
  if (interpreter != NULL && g_str_has_suffix (interpreter, "\r"))
    return g_strdup_printf (
        _ ("the first line of “%s” ends as lines do on Windows, with a carriage return (dos2unix removes it)"),
        name);
  interpreter_name = interpreter ? mk_message_filename (g_strchomp (interpreter)) : NULL;
  if (interpreter_name != NULL)
    return g_strdup_printf (_ ("the interpreter “%s” in the first line of “%s” cannot be run: %s"),
                            interpreter_name,
                            name,
                            g_strerror (error_number));
  if (error_number == ENOEXEC)
    return g_strdup_printf (
        _ ("“%s” is not a program for this machine; a script needs a first line such as #!/bin/sh"), name);
  if (error_number == ENOENT)
    return g_strdup_printf (_ ("the dynamic loader that “%s” needs is missing; it may be for another system"),
                            name);

  return g_strdup (g_strerror (error_number));
}

/* @step: an MkSpawnStep, as reported by the supervisor */
GError *
mk_launch_spawn_error (MkLaunch *self, int step, int error_number)
{
  g_autofree char *program = mk_message_filename (self->argv[0]);
  g_autofree char *directory = mk_message_filename (self->cwd ? self->cwd : "");
  g_autofree char *reason = NULL;

  self->spawn_errno = error_number;
  switch (step)
    {
    case MK_SPAWN_STEP_CHDIR:
      return g_error_new (MK_ERROR,
                          MK_ERROR_SPAWN_FAILED,
                          _ ("Cannot run “%s” in the directory “%s”: %s"),
                          program,
                          directory,
                          g_strerror (error_number));

    case MK_SPAWN_STEP_DESCRIPTORS:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("it cannot be given its open files (%s)"), g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_FOLDER:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("a directory cannot be made for it (%s)"), g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_EXEC:
      reason = launch_explain_exec (self, error_number);
      break;

    case MK_SPAWN_STEP_SUPERVISE:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("the system does not let mk-supervisor watch over its processes (%s)"),
                                g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_FORK:
    default:
      reason = error_number == EAGAIN
                   /* Translators: follows the words of the system for an error */
                   ? g_strdup_printf (_ ("%s; the limit of processes is reached (ulimit -u)"),
                                      g_strerror (error_number))
                   : mk_descriptor_explain (error_number);
      break;
    }

  return g_error_new (MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), program, reason);
}

/* ---- the launcher ---- */

/*
 * How long nothing may be heard of the other end, which is then taken for gone: in milliseconds. The variable
 * is for tests.
 */
guint
mk_launch_get_lease (void)
{
  const char *text = g_getenv ("MIRAKURU_GLIB_LEASE_MS");
  guint64 lease;

  return text != NULL && g_ascii_string_to_unsigned (text, 10, 100, G_MAXINT, &lease, NULL) ? (guint) lease
                                                                                            : LEASE_MS;
}

/* Returns: (transfer full): ": " and the last lines of what the client has said, or nothing */
static char *
launch_quote_client (const char *text)
{
  g_autofree char *clean = mk_message_clean (text);

  g_strstrip (clean);
  return *clean != '\0' ? g_strdup_printf (": %s", clean) : g_strdup ("");
}

static char *
launch_explain_launcher (MkLaunch *self, int failure, int b, const char *text)
{
  g_autofree char *said = launch_quote_client (text);
  g_autofree char *status = NULL;

  switch (failure)
    {
    case MK_LAUNCHER_NOT_RUN:
      if (b == ENOENT)
        return g_strdup (
            _ ("there is no such program in the directories of PATH; install it, or give its path"));
      return g_strdup (g_strerror (b));

    case MK_LAUNCHER_SILENT:
      return g_strdup (_ ("it ended without a word. It has to pass its standard input on (podman, docker and "
                          "kubectl do with -i)"));

    case MK_LAUNCHER_TERMINAL:
      return g_strdup (_ ("it opens a terminal, which changes what passes through: leave out its option -t"));

    case MK_LAUNCHER_MACHINE:
      return g_strdup_printf (_ ("it leads to a machine of the architecture “%s”; for that there is no "
                                 "mk-supervisor-%s beside mk-supervisor"),
                              text,
                              text);

    case MK_LAUNCHER_NO_FOLDER:
      return g_strdup (
          _ ("where it leads to, no directory allows a program to be written and run: neither "
             "$XDG_RUNTIME_DIR nor /tmp, /var/tmp, $HOME, /dev/shm. Make mk-supervisor available "
             "there, and add its path to the launcher"));

    case MK_LAUNCHER_FOREIGN:
      /* Translators: what the launcher has said, after a colon, or nothing */
      return g_strdup_printf (_ ("what it leads to is not mk-supervisor of this version%s"), said);

    case MK_LAUNCHER_ENDED:
    default:
      status = mk_message_status (b);
      /* Translators: “exited with status 1” or “was ended by signal 9 (Killed)”; what the launcher has said,
       * after a colon, or nothing */
      return g_strdup_printf (_ ("it %s before there was a connection%s"), status, said);
    }
}

/* Returns: (transfer full): a sentence about what has become of the processes of the service */
static char *
launch_describe_left (int n_left, int n_killed)
{
  g_autofree char *lease = NULL;

  if (n_left > 0)
    return g_strdup_printf (
        mk_ngettext ("%d process of it is left there", "%d processes of it are left there", (gulong) n_left),
        n_left);
  if (n_left == 0 && n_killed > 0)
    return g_strdup_printf (mk_ngettext ("%d process was left there, and was killed",
                                         "%d processes were left there, and were killed",
                                         (gulong) n_killed),
                            n_killed);
  if (n_left == 0)
    return g_strdup (_ ("Nothing of it is left there"));

  lease = mk_message_duration (mk_launch_get_lease () * G_TIME_SPAN_MILLISECOND);
  /* Translators: a duration */
  return g_strdup_printf (_ ("What is left there ends by itself within %s"), lease);
}

/*
 * @failure: an MkLauncherFailure, as reported by the near end; @b and @c belong to it
 * @text: what the launcher has said
 */
GError *
mk_launch_launcher_error (MkLaunch *self, int failure, int b, int c, const char *text)
{
  g_autofree char *program = mk_message_filename (self->argv[0]);
  g_autofree char *launcher = mk_message_command ((const char *const *) self->launcher);
  g_autofree char *said = launch_quote_client (text);
  g_autofree char *lease = mk_message_duration (mk_launch_get_lease () * G_TIME_SPAN_MILLISECOND);
  g_autofree char *reason = NULL;
  g_autofree char *left = NULL;

  self->spawn_errno = failure == MK_LAUNCHER_NOT_RUN ? b : 0;
  if (failure != MK_LAUNCHER_LOST_END && failure != MK_LAUNCHER_LOST_SILENT)
    {
      reason = launch_explain_launcher (self, failure, b, text);
      return g_error_new (MK_ERROR,
                          MK_ERROR_LAUNCHER,
                          /* Translators: a program, a command that leads elsewhere, why not */
                          _ ("Cannot run “%s” by the launcher “%s”: %s"),
                          program,
                          launcher,
                          reason);
    }

  left = launch_describe_left (b, c);
  reason = failure == MK_LAUNCHER_LOST_END
               /* Translators: stands in “The connection to … was lost: it ended” */
               ? g_strdup (_ ("it ended"))
               /* Translators: stands in “The connection to … was lost: nothing came for 15 s” */
               : g_strdup_printf (_ ("nothing came for %s"), lease);
  return g_error_new (MK_ERROR,
                      MK_ERROR_LAUNCHER,
                      /* Translators: a program, a command that leads elsewhere, “it ended” or “nothing came
                       * for 15 s”, what the launcher has said after a colon, or nothing; a sentence */
                      _ ("The connection to “%s” by the launcher “%s” was lost: %s%s. %s"),
                      program,
                      launcher,
                      reason,
                      said,
                      left);
}
