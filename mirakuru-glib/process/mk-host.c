/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only: what happens when the host, the program that uses the library, forks or ends.
 *
 * A forked child inherits copies of the pipes, and of the sockets that tell the supervisors that the host
 * lives. They are closed at once, else a supervisor would not see that the parent went away; and the "fork
 * generation" changes, by which the child knows what is not its own.
 *
 * At a normal exit all that still runs is killed, and nothing is left when exit() returns. A crash needs
 * nothing here: the supervisors see it.
 */

#include "mk-host-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mk-lock-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long an exit waits at most for the supervisors to end. */
#define EXIT_LIMIT_US (3 * G_USEC_PER_SEC)

static GMutex lock;
static GPtrArray *records;    /* (owned) (element-type MkHostRecord) (locked-by lock) of what was started */
static gboolean is_exiting;   /* (locked-by lock) nothing is started any more */
static guint fork_generation; /* changes only while there is one thread */
static pid_t host_pid;        /* changes only while there is one thread */

static void
host_before_fork (void)
{
  g_mutex_lock (&lock);
}

static void
host_after_fork_in_parent (void)
{
  g_mutex_unlock (&lock);
}

static void
host_close_copy (int fd)
{
  if (fd >= 0)
    close (fd);
}

/* The user may have closed it and have a file of his own under its number. */
static gboolean
host_has_input (const MkHostRecord *record)
{
  struct stat now;

  return record->input_fd >= 0 && fstat (record->input_fd, &now) == 0 && now.st_dev == record->input_device &&
         now.st_ino == record->input_inode;
}

/* For a descriptor that belongs to an object: its number must not come to mean something else. */
static void
host_blind_input (const MkHostRecord *record)
{
  int null_fd = host_has_input (record) ? open ("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

  if (null_fd < 0)
    return;
  dup3 (null_fd, record->input_fd, O_CLOEXEC);
  close (null_fd);
}

static void
host_after_fork_in_child (void)
{
  fork_generation++;
  host_pid = getpid ();

  for (guint i = 0; i < records->len; i++)
    {
      MkHostRecord *record = g_ptr_array_index (records, i);

      host_close_copy (record->control_fd);
      host_blind_input (record);
      host_close_copy (record->output_fds[0]);
      host_close_copy (record->output_fds[1]);
    }

  g_ptr_array_set_size (records, 0);
  g_mutex_unlock (&lock);
}

/* Returns: whether it is a child that was not reaped yet, so that nothing else has its pid */
static gboolean
host_has_child (GPid pid, siginfo_t *info)
{
  info->si_pid = 0;
  return pid > 0 && waitid (P_PID, (id_t) pid, info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* In any thread. GSubprocess would send it from a thread of GLib, which a forked child does not have. */
gboolean
mk_host_signal_child (GPid pid, int signal_number)
{
  siginfo_t info;

  return host_has_child (pid, &info) && kill (pid, signal_number) == 0;
}

/* Returns: FALSE also if it was reaped already */
gboolean
mk_host_was_child_killed (GPid pid)
{
  siginfo_t info;

  return host_has_child (pid, &info) && info.si_pid == pid && info.si_code != CLD_EXITED;
}

/* The socket hangs up just before the supervisor has ended. */
static void
host_wait_for_end (struct pollfd *socket, GPid supervisor, gint64 deadline)
{
  siginfo_t info;

  while (socket->fd >= 0 && socket->revents == 0)
    {
      gint64 left = (deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

      if (left <= 0 || (poll (socket, 1, (int) left) < 0 && errno != EINTR))
        return;
    }
  while (host_has_child (supervisor, &info) && info.si_pid == 0 && g_get_monotonic_time () < deadline)
    g_usleep (100);
}

/*
 * The worker may be anywhere at this moment, so it is not relied upon: each supervisor is told to kill, and
 * watched until it has ended. Children that no fork handler knows of, as those of _Fork(), share the sockets.
 */
static void
host_kill_all_at_exit (void)
{
  const MkMessage message = { MK_MESSAGE_KILL, SIGKILL, 0, 0 };
  gint64 deadline = g_get_monotonic_time () + EXIT_LIMIT_US;
  g_autofree struct pollfd *sockets = NULL;
  g_autofree GPid *supervisors = NULL;
  guint n;

  if (getpid () != host_pid)
    return;

  g_mutex_lock (&lock);
  is_exiting = TRUE;
  n = records->len;
  sockets = g_new0 (struct pollfd, n);
  supervisors = g_new0 (GPid, n);
  for (guint i = 0; i < n; i++)
    {
      MkHostRecord *record = g_ptr_array_index (records, i);

      (void) !send (record->control_fd, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
      supervisors[i] = g_atomic_int_get (&record->supervisor);
      mk_host_signal_child (supervisors[i], SIGCONT);
      /* A copy, for the worker closes it when it sees the end. */
      sockets[i].fd = record->control_fd >= 0 ? fcntl (record->control_fd, F_DUPFD_CLOEXEC, 0) : -1;
    }
  g_mutex_unlock (&lock);

  for (guint i = 0; i < n; i++)
    host_wait_for_end (&sockets[i], supervisors[i], deadline);
}

void
mk_host_ensure (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;

  records = g_ptr_array_new ();
  pthread_atfork (host_before_fork, host_after_fork_in_parent, host_after_fork_in_child);
  host_pid = getpid ();
  atexit (host_kill_all_at_exit);
  g_once_init_leave (&done, 1);
}

guint
mk_host_get_fork_generation (void)
{
  mk_host_ensure ();
  return fork_generation;
}

/* This lock is the one that a forked child surely finds free. */
void
mk_host_lock (void)
{
  g_mutex_lock (&lock);
}

void
mk_host_unlock (void)
{
  g_mutex_unlock (&lock);
}

void
mk_host_record_init (MkHostRecord *record)
{
  *record = (MkHostRecord){ .control_fd = -1, .output_fds = { -1, -1 }, .input_fd = -1 };
}

void
mk_host_record_set_input (MkHostRecord *record, int fd)
{
  struct stat input;

  if (fstat (fd, &input) < 0)
    return;

  record->input_fd = fd;
  record->input_device = input.st_dev;
  record->input_inode = input.st_ino;
}

/* Closes a descriptor of a record, and forgets it. */
void
mk_host_record_close (int *fd)
{
  MK_AUTO_LOCK (&lock);

  host_close_copy (*fd);
  *fd = -1;
}

/* Returns: FALSE if the program is about to end */
gboolean
mk_host_add (MkHostRecord *record)
{
  MK_AUTO_LOCK (&lock);

  if (is_exiting)
    return FALSE;

  g_ptr_array_add (records, record);
  return TRUE;
}

void
mk_host_remove (MkHostRecord *record)
{
  MK_AUTO_LOCK (&lock);

  g_ptr_array_remove_fast (records, record);
}
