/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COMMAND, the program that a user wants run while the services are up. It gets everything
 * that mirakuru itself was given: terminal, open files, process group and signals. */

#include "mk-tool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "mk-tool-signals.h"

/* Between fork and exec: only what is async-signal-safe. */
static void
command_set_up_child (gpointer user_data)
{
  pid_t mirakuru = GPOINTER_TO_INT (user_data);

  mk_tool_signals_restore ();
  mk_tool_command_end_with_parent ();

  /* mirakuru may have been killed before the line above. */
  if (getppid () != mirakuru)
    _exit (MK_TOOL_STATUS_SIGNAL + SIGTERM);
}

/* Finds the program in PATH. On failure @status is what a shell would exit with. */
GSubprocess *
mk_tool_command_spawn (const char *const *argv, char **environment, int *status, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_INHERIT_FDS);
  g_autoptr (GError) local_error = NULL;
  GSubprocess *command;
  const char *hint;

  g_subprocess_launcher_set_environ (launcher, environment);
  g_subprocess_launcher_set_child_setup (launcher, command_set_up_child, GINT_TO_POINTER (getpid ()), NULL);
  command = g_subprocess_launcher_spawnv (launcher, argv, &local_error);
  if (command != NULL)
    return command;

  *status = g_error_matches (local_error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? MK_TOOL_STATUS_NOT_FOUND
                                                                              : MK_TOOL_STATUS_NOT_EXECUTABLE;
  hint = *status == MK_TOOL_STATUS_NOT_FOUND ? mk_tool_shell_get_hint (argv[0]) : NULL;
  g_set_error (error,
               local_error->domain,
               local_error->code,
               "%s%s%s",
               local_error->message,
               hint != NULL ? ". " : "",
               hint != NULL ? hint : "");
  return NULL;
}

/* As in `$?` of a shell. */
int
mk_tool_command_get_status (GSubprocess *command)
{
  if (g_subprocess_get_if_signaled (command))
    return MK_TOOL_STATUS_SIGNAL + g_subprocess_get_term_sig (command);

  return g_subprocess_get_exit_status (command);
}

/* Whether it is in the process group of mirakuru, so that it gets what is typed on the terminal. */
gboolean
mk_tool_command_has_terminal (GSubprocess *command)
{
  const char *pid = g_subprocess_get_identifier (command);

  return pid != NULL && getpgid (atoi (pid)) == getpgrp ();
}

/* A stopped one gets it, too. */
void
mk_tool_command_signal (GSubprocess *command, int number)
{
  g_subprocess_send_signal (command, number);
  g_subprocess_send_signal (command, SIGCONT);
}

/* Returns only if COMMAND cannot be run. */
int
mk_tool_command_exec (char **argv)
{
  g_autofree char *name = mk_tool_dup_clean (argv[0], FALSE);
  g_autofree char *hint = NULL;
  int saved_errno;

  mk_tool_signals_restore ();
  execvp (argv[0], argv);
  saved_errno = errno;

  g_printerr (_ ("mirakuru: cannot run '%s': %s\n"), name, g_strerror (saved_errno));
  if (saved_errno == ENOENT && mk_tool_shell_get_hint (argv[0]) != NULL)
    {
      hint = mk_tool_dup_plain (mk_tool_shell_get_hint (argv[0]));
      g_printerr ("mirakuru: %s\n", hint);
    }
  return saved_errno == ENOENT ? MK_TOOL_STATUS_NOT_FOUND : MK_TOOL_STATUS_NOT_EXECUTABLE;
}
