/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The signals that end mirakuru, or are for COMMAND.
 *
 * A handler writes each of them into a pipe, from which the main loop reads. It does more than
 * g_unix_signal_add(): it knows SIGQUIT, loses no signal, and can tell those that a terminal sent
 * to the whole process group. A signal that was ignored when mirakuru was started stays ignored,
 * as nohup wants it. */

#include "mk-tool-signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib-unix.h>

#include "mk-tool.h"

/* COMMAND must get these as the caller of mirakuru left them. The first ones are watched. GLib
 * ignores SIGPIPE, and waits for its children, which needs SIGCHLD. */
static const int own_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD };
#define N_WATCHED 6

static gboolean was_ignored[G_N_ELEMENTS (own_signals)];
static pid_t own_pid;
static int signal_pipe[2] = { -1, -1 };

typedef struct
{
  int number;
  gboolean from_terminal;
} Signal;

typedef struct
{
  MkToolSignalFunc func;
  gpointer user_data; /* (unowned) */
} Watch;

/* Must be called before any function of GLib. */
void
mk_tool_signals_remember (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (own_signals); i++)
    {
      struct sigaction action;

      if (sigaction (own_signals[i], NULL, &action) == 0)
        was_ignored[i] = action.sa_handler == SIG_IGN;
    }

  signal (SIGCHLD, SIG_DFL);
}

/* Is async-signal-safe. */
void
mk_tool_signals_restore (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (own_signals); i++)
    signal (own_signals[i], was_ignored[i] ? SIG_IGN : SIG_DFL);
}

static void
signals_handle (int number, siginfo_t *info, void *context)
{
  int saved_errno = errno;
  /* The kernel itself sends what is typed on a terminal, and SIGHUP when that goes. */
  Signal caught = { .number = number, .from_terminal = info->si_code == SI_KERNEL };

  /* A child that has not become COMMAND yet must not speak for mirakuru. */
  if (getpid () != own_pid)
    {
      signal (number, SIG_DFL);
      raise (number);
    }
  /* When the pipe is full there are hundreds of signals in it. */
  else
    (void) !write (signal_pipe[1], &caught, sizeof caught);
  errno = saved_errno;
}

static gboolean
signals_on_caught (int fd, GIOCondition condition, gpointer user_data)
{
  const Watch *watch = user_data;
  Signal caught;

  if (read (fd, &caught, sizeof caught) == sizeof caught)
    watch->func (caught.number, caught.from_terminal, watch->user_data);

  return G_SOURCE_CONTINUE;
}

/* Calls @func on the default main context for each signal that should end mirakuru, or that
 * COMMAND should get. To be called once. */
void
mk_tool_signals_watch (MkToolSignalFunc func, gpointer user_data)
{
  struct sigaction action = { .sa_sigaction = signals_handle, .sa_flags = SA_SIGINFO | SA_RESTART };
  Watch *watch = g_new0 (Watch, 1);
  g_autoptr (GError) error = NULL;

  /* GLib ends a program in which its own thread finds no descriptor, so let it begin now. */
  g_source_unref (g_unix_signal_source_new (SIGWINCH));
  own_pid = getpid ();
  watch->func = func;
  watch->user_data = user_data;

  /* Without a pipe the signals keep their default effect, and mk-supervisor ends the services. */
  if (!g_unix_open_pipe (signal_pipe, FD_CLOEXEC, &error) ||
      !g_unix_set_fd_nonblocking (signal_pipe[0], TRUE, &error) ||
      !g_unix_set_fd_nonblocking (signal_pipe[1], TRUE, &error))
    {
      g_debug ("signals are not watched: %s", error->message);
      g_free (watch);
      return;
    }

  g_unix_fd_add_full (G_PRIORITY_DEFAULT, signal_pipe[0], G_IO_IN, signals_on_caught, watch, g_free);

  for (gsize i = 0; i < N_WATCHED; i++)
    if (!was_ignored[i])
      sigaction (own_signals[i], &action, NULL);
}

/* Returns: what poll() says is readable while a signal waits to be handled, −1 if there is nothing */
int
mk_tool_signals_get_fd (void)
{
  return signal_pipe[0];
}

/* Ends mirakuru as @number would have ended it, so that a shell or a script that waits for it
 * knows. Returns the exit status for the first process of a PID namespace, which is immune to
 * its own signals. */
int
mk_tool_signals_die (int number)
{
  const struct rlimit no_core = { 0, 0 };
  sigset_t set;

  setrlimit (RLIMIT_CORE, &no_core);
  signal (number, SIG_DFL);
  sigemptyset (&set);
  sigaddset (&set, number);
  raise (number);
  sigprocmask (SIG_UNBLOCK, &set, NULL);

  return MK_TOOL_STATUS_SIGNAL + number;
}
