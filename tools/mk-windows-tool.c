/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows only: COMMAND, the console and its events, and what mirakuru cannot do there. */

#include <errno.h>
#include <stdlib.h>
#include <windows.h>

#include "mk-tool-signals.h"
#include "mk-tool-terminal.h"
#include "mk-tool.h"

typedef struct
{
  MkToolSignalFunc func;
  gpointer user_data; /* (unowned) */
} Watch;

static Watch watch;

/* ---- signals ---- */

void
mk_tool_signals_remember (void)
{
}

void
mk_tool_signals_restore (void)
{
}

static gboolean
signals_on_caught (gpointer number)
{
  watch.func (GPOINTER_TO_INT (number), TRUE, watch.user_data);
  return G_SOURCE_REMOVE;
}

/* In a thread of its own. Windows ends the program when it returns from the last three. */
static BOOL WINAPI
signals_handle (DWORD type)
{
  switch (type)
    {
    case CTRL_C_EVENT:
      g_idle_add (signals_on_caught, GINT_TO_POINTER (SIGINT));
      return TRUE;

    case CTRL_BREAK_EVENT:
      g_idle_add (signals_on_caught, GINT_TO_POINTER (SIGTERM));
      return TRUE;

    case CTRL_CLOSE_EVENT:
    case CTRL_LOGOFF_EVENT:
    case CTRL_SHUTDOWN_EVENT:
      g_idle_add (signals_on_caught, GINT_TO_POINTER (SIGTERM));
      Sleep (INFINITE);
      return TRUE;

    default:
      return FALSE;
    }
}

void
mk_tool_signals_watch (MkToolSignalFunc func, gpointer user_data)
{
  watch = (Watch){ func, user_data };
  SetConsoleCtrlHandler (signals_handle, TRUE);
}

int
mk_tool_signals_die (int number)
{
  return MK_TOOL_STATUS_SIGNAL + number;
}

/* There is no first process that has to reap others. */
void
mk_tool_init_fork (void)
{
}

/* ---- COMMAND ---- */

/* Returns: why GLib would start it in another way, NULL if it would not */
static const char *
command_find_fault (const char *const *argv, const char *program)
{
  g_autofree char *lower = program != NULL ? g_ascii_strdown (program, -1) : NULL;

  if (lower != NULL && (g_str_has_suffix (lower, ".bat") || g_str_has_suffix (lower, ".cmd")))
    return _ ("it is a batch file; run it as cmd.exe /c FILE");
  for (const char *const *arg = argv; *arg != NULL; arg++)
    if (**arg == '\0')
      return _ ("an argument of the command is empty, and GLib drops empty arguments on Windows");

  return NULL;
}

/* Finds the program in PATH. On failure @status is what a shell would exit with. */
GSubprocess *
mk_tool_command_spawn (const char *const *argv, char **environment, int *status, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_INHERIT_FDS);
  /* The C library gives up where PATH has an empty directory. */
  g_autofree char *program = g_find_program_in_path (argv[0]);
  g_autofree const char **words = g_memdup2 (argv, (g_strv_length ((char **) argv) + 1) * sizeof *argv);
  const char *fault = command_find_fault (argv, program);

  if (fault != NULL)
    {
      *status = MK_TOOL_STATUS_NOT_EXECUTABLE;
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "%s: %s", argv[0], fault);
      return NULL;
    }
  if (program == NULL)
    {
      *status = MK_TOOL_STATUS_NOT_FOUND;
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "%s: %s", argv[0], g_strerror (ENOENT));
      return NULL;
    }

  words[0] = program;
  *status = MK_TOOL_STATUS_NOT_EXECUTABLE;
  g_subprocess_launcher_set_environ (launcher, environment);
  return g_subprocess_launcher_spawnv (launcher, words, error);
}

int
mk_tool_command_get_status (GSubprocess *command)
{
  return g_subprocess_get_exit_status (command);
}

/* It has the console of mirakuru. */
gboolean
mk_tool_command_has_terminal (GSubprocess *command)
{
  return TRUE;
}

void
mk_tool_command_signal (GSubprocess *command, int number)
{
  g_subprocess_force_exit (command);
}

/* Windows cannot replace a program by another one. */
int
mk_tool_command_exec (char **argv)
{
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) command = NULL;
  int status = MK_TOOL_STATUS_FAILED;

  command = mk_tool_command_spawn ((const char *const *) argv, environment, &status, &error);
  if (command == NULL)
    {
      g_printerr ("mirakuru: %s\n", error->message);
      return status;
    }

  g_subprocess_wait (command, NULL, NULL);
  return mk_tool_command_get_status (command);
}

/* ---- the terminal ---- */

/* Lines are printed when they are final, and not drawn over. */
gboolean
mk_tool_terminal_is_there (void)
{
  return FALSE;
}

void
mk_tool_terminal_get_size (guint *rows, guint *columns)
{
  *rows = 24;
  *columns = 80;
}

/* There is nowhere to report an error to. */
void
mk_tool_terminal_write (const GString *text)
{
  DWORD written;

  WriteFile (GetStdHandle (STD_ERROR_HANDLE), text->str, (DWORD) text->len, &written, NULL);
}
