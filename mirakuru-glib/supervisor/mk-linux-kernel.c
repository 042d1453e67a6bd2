/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only: as a child subreaper the program inherits every process of the service that loses its parent,
 * whatever session or environment that has, so "no child left" (ECHILD) means that the tree is empty.
 *
 * Descendants are found in /proc. Without /proc, or with that of another PID namespace, only the process
 * group of the service can be sent signals: what has left the group lives on, and the tree does not get
 * empty.
 */

#include "mk-kernel-private.h"
#include "mk-calls-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int children_fd = -1; /* the list of this program's children */

/* A /proc of another PID namespace shows other processes under the same numbers. */
static bool
kernel_has_own_proc (void)
{
  char target[16] = "";

  return readlink ("/proc/self", target, sizeof target - 1) > 0 && atoi (target) == getpid ();
}

/* Returns false where nothing could be promised. */
bool
mk_kernel_prepare (void)
{
  prctl (PR_SET_DUMPABLE, 0);
  if (kernel_has_own_proc ())
    {
      children_fd = open ("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
      /* What has left the group could not be found. Old kernels have no such file, but the rest of /proc. */
      if (children_fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return false;
    }
  return prctl (PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* Returns what gets readable when the host ends; -1 on old kernels and in sandboxes without pidfds. */
int
mk_kernel_watch_host (pid_t host)
{
  return mk_pidfd_open (host);
}

/*
 * All signals have to be blocked.
 *
 * @while_waiting: the signals that are to be blocked in pselect()
 *
 * Returns what gets readable when one of @wanted comes, or -1.
 */
int
mk_kernel_open_signals (const sigset_t *wanted, sigset_t *while_waiting)
{
  sigfillset (while_waiting);
  return signalfd (-1, wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns the number of the next signal, or 0. */
int
mk_kernel_read_signal (int fd)
{
  struct signalfd_siginfo info;

  return read (fd, &info, sizeof info) == (ssize_t) sizeof info ? (int) info.ssi_signo : 0;
}

/* ---- descriptors ---- */

/* Where a sandbox does not know close_range(). */
static void
kernel_for_each_descriptor_from (int first, int (*func) (int fd))
{
  for (int fd = first; fd < (int) sysconf (_SC_OPEN_MAX); fd++)
    func (fd);
}

static int
kernel_mark_cloexec (int fd)
{
  return fcntl (fd, F_SETFD, FD_CLOEXEC);
}

void
mk_kernel_close_from (int first)
{
  if (mk_close_range ((unsigned) first, ~0U, 0) < 0)
    kernel_for_each_descriptor_from (first, close);
}

void
mk_kernel_mark_cloexec_from (int first)
{
  if (mk_close_range ((unsigned) first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
    kernel_for_each_descriptor_from (first, kernel_mark_cloexec);
}

/* No other program inherits it. Returns false with errno. */
bool
mk_kernel_open_pipe (int fds[2])
{
  return pipe2 (fds, O_CLOEXEC) == 0;
}

/* ---- in the child ---- */

void
mk_kernel_die_with_parent (void)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

/* Directly, for libc keeps two signals to itself, which posix_spawn() leaves ignored. */
void
mk_kernel_reset_signals (void)
{
  static const long default_action[4]; /* the kernel's struct sigaction: SIG_DFL is 0 */

  for (int i = 1; i < NSIG; i++)
    syscall (SYS_rt_sigaction, i, default_action, NULL, (NSIG - 1) / 8);
}

/* ---- the tree ---- */

/* Returns false if nothing can be found. Where no file can be opened, there is the list of the children, and
 * those of a child that was killed come onto it. */
bool
mk_kernel_walk_tree (pid_t service, MkTreeFunc func, void *data)
{
  return (kernel_has_own_proc () && mk_tree_walk ("/proc", getpid (), func, data)) ||
         mk_tree_list_children (children_fd, getpid (), func, data);
}

/* Only this process can reap its own children, so their pids are safe, once the kernel has said that they
 * are. Deeper down, a pid may be another process by now.
 *
 * Returns false if this program has no right to. */
bool
mk_kernel_signal (pid_t pid, pid_t parent, int number)
{
  pid_t seen_parent;
  bool allowed = true;
  int fd;

  if (parent == getpid ())
    return !mk_tree_is_child (pid) || kill (pid, number) == 0 || errno != EPERM;

  /* Old kernels and sandboxes have no pidfds. */
  fd = mk_pidfd_open (pid);
  if (fd < 0 && errno == ESRCH)
    return true;
  /* The parent changes to us when it dies in the meantime. */
  seen_parent = mk_tree_read_parent ("/proc", pid);
  if (seen_parent == parent || seen_parent == getpid ())
    allowed = (fd >= 0 ? mk_pidfd_send_signal (fd, number) : kill (pid, number)) == 0 || errno != EPERM;
  if (fd >= 0)
    close (fd);
  return allowed;
}

bool
mk_kernel_is_in_group (pid_t pid, pid_t service)
{
  return getpgid (pid) == service;
}

/* Once no child of ours is in the group any more, the number may come to mean another one. */
bool
mk_kernel_has_group (pid_t service)
{
  siginfo_t info;

  return waitid (P_PGID, (id_t) service, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* As waitpid(), without waiting. */
pid_t
mk_kernel_reap (int *status)
{
  return waitpid (-1, status, WNOHANG | __WALL);
}

/* Whether something of the tree may live that is not a descendant of this program. */
bool
mk_kernel_has_others (pid_t service)
{
  return false;
}
