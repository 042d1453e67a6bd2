/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without the option linux_features: the tree of a service is its process group, which stands in a walk as
 * one process, by its negative number. It is empty when the service was reaped and nobody of the group is
 * left. A daemon that has left the group is not found, nor is it waited for.
 *
 * Signals are blocked but in pselect(), where their handler writes them to a pipe.
 */

#include "mk-kernel-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 65536

static int signal_pipe = -1;

bool
mk_kernel_prepare (void)
{
  return true;
}

/* Returns -1: it is looked for again and again, and the control socket ends with it. */
int
mk_kernel_watch_host (pid_t host)
{
  return -1;
}

static void
kernel_on_signal (int number)
{
  int error = errno;
  unsigned char byte = (unsigned char) number;

  (void) !write (signal_pipe, &byte, 1);
  errno = error;
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
  struct sigaction action = { .sa_handler = kernel_on_signal };
  int fds[2];

  if (!mk_kernel_open_pipe (fds))
    return -1;
  for (int i = 0; i < 2; i++)
    fcntl (fds[i], F_SETFL, O_NONBLOCK);
  signal_pipe = fds[1];

  sigfillset (&action.sa_mask);
  sigfillset (while_waiting);
  for (int i = 1; i <= SIGRTMAX; i++)
    {
      if (sigismember (wanted, i) != 1)
        continue;
      sigdelset (while_waiting, i);
      sigaction (i, &action, NULL);
    }
  return fds[0];
}

/* Returns the number of the next signal, or 0. */
int
mk_kernel_read_signal (int fd)
{
  unsigned char byte;

  return read (fd, &byte, 1) == 1 ? byte : 0;
}

/* ---- descriptors ---- */

/* Where the limit is in the millions, this would take seconds; the lowest numbers are used first. */
static int
kernel_get_descriptor_limit (void)
{
  long limit = sysconf (_SC_OPEN_MAX);

  return limit < 0 || limit > MAX_DESCRIPTORS ? MAX_DESCRIPTORS : (int) limit;
}

void
mk_kernel_close_from (int first)
{
  int limit = kernel_get_descriptor_limit ();

  for (int fd = first; fd < limit; fd++)
    close (fd);
}

void
mk_kernel_mark_cloexec_from (int first)
{
  int limit = kernel_get_descriptor_limit ();

  for (int fd = first; fd < limit; fd++)
    fcntl (fd, F_SETFD, FD_CLOEXEC);
}

/* No other program inherits it: there is one thread. Returns false with errno. */
bool
mk_kernel_open_pipe (int fds[2])
{
  if (pipe (fds) < 0)
    return false;

  for (int i = 0; i < 2; i++)
    fcntl (fds[i], F_SETFD, FD_CLOEXEC);
  return true;
}

/* ---- in the child ---- */

/* It does not; the host ends its group. */
void
mk_kernel_die_with_parent (void)
{
}

void
mk_kernel_reset_signals (void)
{
  for (int i = 1; i <= SIGRTMAX; i++)
    signal (i, SIG_DFL);
}

/* ---- the tree ---- */

bool
mk_kernel_walk_tree (pid_t service, MkTreeFunc func, void *data)
{
  if (mk_kernel_has_group (service))
    func (-service, getpid (), data);
  return true;
}

/* Returns false if this program has no right to. */
bool
mk_kernel_signal (pid_t pid, pid_t parent, int number)
{
  return kill (pid, number) == 0 || errno != EPERM;
}

bool
mk_kernel_is_in_group (pid_t pid, pid_t service)
{
  return pid == service || pid == -service;
}

/* Nobody else gets the number as long as somebody is in the group. */
bool
mk_kernel_has_group (pid_t service)
{
  return service > 0 && (kill (-service, 0) == 0 || errno == EPERM);
}

/* As waitpid(), without waiting. */
pid_t
mk_kernel_reap (int *status)
{
  return waitpid (-1, status, WNOHANG);
}

/* Whether something of the tree may live that is not a descendant of this program. */
bool
mk_kernel_has_others (pid_t service)
{
  return mk_kernel_has_group (service);
}
