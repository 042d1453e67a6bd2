/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COMMAND, the program that a user wants run while the services are up. It gets everything
 * that mirakuru itself was given: terminal, open files, process group and signals. */

#include "mk-tool.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* GLib ignores SIGPIPE and mirakuru handles the others. COMMAND must get them as the caller
 * of mirakuru left them (nohup, for example). */
static const int own_signals[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP };
static gboolean was_ignored[G_N_ELEMENTS (own_signals)];
static pid_t own_pid;

/* Must be called before any function of GLib. */
void
mk_tool_command_remember_signals (void)
{
  own_pid = getpid ();

  for (gsize i = 0; i < G_N_ELEMENTS (own_signals); i++)
    {
      struct sigaction action;

      if (sigaction (own_signals[i], NULL, &action) == 0)
        was_ignored[i] = action.sa_handler == SIG_IGN;
    }
}

gboolean
mk_tool_command_is_signal_ignored (int signal_number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (own_signals); i++)
    if (own_signals[i] == signal_number)
      return was_ignored[i];

  return FALSE;
}

static void
restore_signals (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (own_signals); i++)
    signal (own_signals[i], was_ignored[i] ? SIG_IGN : SIG_DFL);
}

/* Between fork and exec: only what is async-signal-safe. */
static void
set_up_child (gpointer user_data)
{
  restore_signals ();
  prctl (PR_SET_PDEATHSIG, SIGTERM);

  /* mirakuru may have been killed before the line above. */
  if (getppid () != own_pid)
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

  g_subprocess_launcher_set_child_setup (launcher, set_up_child, NULL, NULL);
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

  restore_signals ();
  execvp (argv[0], argv);
  saved_errno = errno;

  g_printerr (_ ("mirakuru: cannot run '%s': %s\n"), name, g_strerror (saved_errno));
  return saved_errno == ENOENT ? MK_TOOL_STATUS_NOT_FOUND : MK_TOOL_STATUS_NOT_EXECUTABLE;
}
