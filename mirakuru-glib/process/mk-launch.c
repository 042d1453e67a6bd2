/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How to start one service: the settings of an executor as they were when the start began, and the words for
 * what can be wrong with them.
 */

#include "mk-launch-private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
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

  copy = mk_descriptor_dup (fd);
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
