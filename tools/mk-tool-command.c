/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COMMAND, the program that a user wants run while the services are up. It gets everything
 * that mirakuru itself was given: terminal, open files, process group and signals. */

#include "mk-tool.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mk-tool-signals.h"

/* Between fork and exec: only what is async-signal-safe. */
static void
command_set_up_child (gpointer user_data)
{
  pid_t mirakuru = GPOINTER_TO_INT (user_data);

  mk_tool_signals_restore ();
  prctl (PR_SET_PDEATHSIG, SIGTERM);

  /* mirakuru may have been killed before the line above. */
  if (getppid () != mirakuru)
    _exit (MK_TOOL_STATUS_SIGNAL + SIGTERM);
}

/* Finds the program in PATH. On failure @status is what a shell would exit with. */
GSubprocess *
mk_tool_command_spawn (const char *const *argv, int *status, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_INHERIT_FDS);
  g_autoptr (GError) local_error = NULL;
  GSubprocess *command;

  g_subprocess_launcher_set_child_setup (launcher, command_set_up_child, GINT_TO_POINTER (getpid ()), NULL);
  command = g_subprocess_launcher_spawnv (launcher, argv, &local_error);
  if (command != NULL)
    return command;

  *status = g_error_matches (local_error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? MK_TOOL_STATUS_NOT_FOUND
                                                                              : MK_TOOL_STATUS_NOT_EXECUTABLE;
  g_propagate_error (error, g_steal_pointer (&local_error));
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

/* Returns only if COMMAND cannot be run. */
int
mk_tool_command_exec (char **argv)
{
  g_autofree char *name = g_filename_display_name (argv[0]);
  int saved_errno;

  mk_tool_signals_restore ();
  execvp (argv[0], argv);
  saved_errno = errno;

  g_printerr (_ ("mirakuru: cannot run '%s': %s\n"), name, g_strerror (saved_errno));
  return saved_errno == ENOENT ? MK_TOOL_STATUS_NOT_FOUND : MK_TOOL_STATUS_NOT_EXECUTABLE;
}
