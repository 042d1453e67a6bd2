/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mirakuru as the first process of a container, which gets all orphans. The work is done by a
 * child, and the first process reaps what it is given and passes signals on. */

#include "mk-tool.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reaps all that has ended, and exits as @child did. */
static void
init_reap (pid_t child)
{
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    if (pid == child)
      _exit (WIFEXITED (status) ? WEXITSTATUS (status) : MK_TOOL_STATUS_SIGNAL + WTERMSIG (status));
}

/* Returns in the process that is to go on. Must be called before there is any thread. */
void
mk_tool_init_fork (void)
{
  sigset_t all;
  sigset_t before;
  pid_t child;

  if (getpid () != 1)
    return;

  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, &before);
  child = fork ();
  if (child <= 0)
    {
      sigprocmask (SIG_SETMASK, &before, NULL);
      return;
    }

  for (;;)
    {
      siginfo_t info;
      int number = sigwaitinfo (&all, &info);

      /* The child is in the same process group: what a terminal sends reaches it as well. */
      if (number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL)
        kill (child, number);
      init_reap (child);
    }
}
