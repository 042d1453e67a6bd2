/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: what happens when the host, the program that uses the library, forks or ends.
 *
 * A forked child inherits copies of the pipes, and of the sockets that tell the supervisors that the host
 * lives. They are closed at once, else a supervisor would not see that the parent went away; and the "fork
 * generation" changes, by which the child knows what is not its own.
 *
 * At a normal exit all that still runs is killed, and nothing is left when exit() returns. A crash needs
 * nothing here: the supervisors see it.
 */

#include "mk-host-private.h"
#include "mk-unix-host-private.h"

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

#include "base/mk-features-private.h"
#include "base/mk-lock-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long an exit waits at most for the supervisors to end. */
#define EXIT_LIMIT_US (3 * G_USEC_PER_SEC)

static GMutex lock;
static GPtrArray *records;    /* (owned) (element-type MkHostRecord) (locked-by lock) of what was started */
static gboolean is_exiting;   /* (locked-by lock) nothing is started any more */
static guint fork_generation; /* changes only while there is one thread */
static int host_pid;          /* (atomic) changes only while there is one thread */

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

/* No handler runs in a child of _Fork() or clone(), which may even share the memory of its parent. */
static gboolean
host_is_raw_child (void)
{
  return getpid () != g_atomic_int_get (&host_pid);
}

/* Returns: FALSE also if it is closed. What cannot be told apart is taken for ours. */
gboolean
mk_host_fd_is_ours (const MkHostFd *self)
{
  struct stat now;

  if (self->fd < 0)
    return FALSE;
  if (fstat (self->fd, &now) < 0)
    return errno != EBADF;
  return !self->is_known || (now.st_dev == self->device && now.st_ino == self->inode);
}

static void
host_close_copy (const MkHostFd *copy)
{
  if (mk_host_fd_is_ours (copy))
    close (copy->fd);
}

/* For a descriptor that belongs to an object: its number must not come to mean something else. */
static void
host_blind_input (const MkHostRecord *record)
{
  int null_fd = mk_host_fd_is_ours (&record->input) ? open ("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

  if (null_fd < 0)
    return;
  if (dup2 (null_fd, record->input.fd) >= 0)
    fcntl (record->input.fd, F_SETFD, FD_CLOEXEC);
  close (null_fd);
}

static void
host_after_fork_in_child (void)
{
  fork_generation++;
  g_atomic_int_set (&host_pid, getpid ());

  for (guint i = 0; i < records->len; i++)
    {
      MkHostRecord *record = g_ptr_array_index (records, i);

      host_close_copy (&record->control);
      host_blind_input (record);
      host_close_copy (&record->outputs[0]);
      host_close_copy (&record->outputs[1]);
    }

  g_ptr_array_set_size (records, 0);
  g_mutex_unlock (&lock);
}

/* Returns: whether it is a child that was not reaped yet, so that nothing else has its pid */
static gboolean
host_has_child (int pid, siginfo_t *info)
{
  info->si_pid = 0;
  return pid > 0 && waitid (P_PID, (id_t) pid, info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* In any thread. GSubprocess would send it from a thread of GLib, which a forked child does not have. */
gboolean
mk_host_signal_child (int pid, int signal_number)
{
  siginfo_t info;

  return host_has_child (pid, &info) && kill (pid, signal_number) == 0;
}

gboolean
mk_host_does_child_run (int pid)
{
  siginfo_t info;

  return host_has_child (pid, &info) && info.si_pid == 0;
}

/* Returns: FALSE also if it was reaped already */
gboolean
mk_host_was_child_killed (int pid)
{
  siginfo_t info;

  return host_has_child (pid, &info) && info.si_pid == pid && info.si_code != CLD_EXITED;
}

/* ---- orders ---- */

/* Whether an order that could not be sent with this error may get there later */
gboolean
mk_host_may_send_again (int error_number)
{
  return error_number == EINTR || error_number == EAGAIN || error_number == ENOBUFS || error_number == ENOMEM;
}

/*
 * Sends an order to the supervisor, without waiting. It is made to run, for one that somebody has stopped
 * would not obey; and where the program has closed the socket, a signal tells it to end the service.
 *
 * Returns: 0, also if the supervisor does not listen any more; else an errno
 */
int
mk_host_send (const MkHostRecord *record, const MkMessage *message)
{
  int supervisor = g_atomic_int_get (&record->supervisor);
  int error_number = 0;

  if (!mk_host_fd_is_ours (&record->control))
    error_number = EBADF;
  else if (send (record->control.fd, message, sizeof *message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    error_number = errno;
  if (error_number == EPIPE || error_number == ECONNRESET)
    error_number = 0;

  if (error_number != 0 && !mk_host_may_send_again (error_number) && message->type != MK_MESSAGE_SIGNAL &&
      message->type != MK_MESSAGE_SIGNAL_GROUP)
    mk_host_signal_child (supervisor, SIGTERM);
  mk_host_signal_child (supervisor, SIGCONT);
  return error_number;
}

/* ---- the exit ---- */

/* What an exit of the program waits for */
typedef struct
{
  MkHostRecord *record; /* not to be used before it is found among the records */
  struct pollfd socket; /* a copy, for the worker closes it when it sees the end */
  gboolean sent;
} Ending;

static void
ending_send (Ending *self)
{
  const MkMessage message = { MK_MESSAGE_KILL, SIGKILL, 0, 0 };

  if (!self->sent)
    self->sent = !mk_host_may_send_again (mk_host_send (self->record, &message));
}

static void
ending_begin (Ending *self, MkHostRecord *record)
{
  *self = (Ending){
    record,
    { mk_host_fd_is_ours (&record->control) ? fcntl (record->control.fd, F_DUPFD_CLOEXEC, 0) : -1, 0, 0 },
    FALSE
  };
  ending_send (self);
}

/* Whether its supervisor has ended, and whether it was reaped does not matter */
static gboolean
ending_is_over (Ending *self)
{
  int supervisor;

  MK_AUTO_LOCK (&lock);

  if (!g_ptr_array_find (records, self->record, NULL))
    return TRUE;
  ending_send (self);
  supervisor = g_atomic_int_get (&self->record->supervisor);
  return supervisor > 0 && !mk_host_does_child_run (supervisor);
}

/* The socket hangs up just before the supervisor has ended. The worker may be about to learn what its pid is.
 */
static void
ending_wait (Ending *self, gint64 deadline)
{
  gint64 left;

  while (!ending_is_over (self) && (left = deadline - g_get_monotonic_time ()) > 0)
    {
      int limit = self->sent ? (int) (left / G_TIME_SPAN_MILLISECOND) : MK_HOST_RESEND_INTERVAL_MS;

      if (self->socket.fd < 0 || self->socket.revents != 0)
        g_usleep (100);
      else if (poll (&self->socket, 1, limit) < 0 && errno != EINTR)
        self->socket.fd = -1;
    }
}

/*
 * The worker may be anywhere at this moment, so it is not relied upon: each supervisor is told to kill, and
 * watched until it has ended. The worker starts none any more, and one that it is about to start finds the
 * order in its socket. Children that no fork handler knows of, as those of _Fork(), share the sockets.
 */
static void
host_kill_all_at_exit (void)
{
  gint64 deadline = g_get_monotonic_time () + EXIT_LIMIT_US;
  g_autofree Ending *endings = NULL;
  guint n;

  if (host_is_raw_child ())
    return;

  g_mutex_lock (&lock);
  is_exiting = TRUE;
  n = records->len;
  endings = g_new0 (Ending, n);
  for (guint i = 0; i < n; i++)
    ending_begin (&endings[i], g_ptr_array_index (records, i));
  g_mutex_unlock (&lock);

  for (guint i = 0; i < n; i++)
    ending_wait (&endings[i], deadline);
}

void
mk_host_ensure (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;

  records = g_ptr_array_new ();
  pthread_atfork (host_before_fork, host_after_fork_in_parent, host_after_fork_in_child);
  g_atomic_int_set (&host_pid, getpid ());
  atexit (host_kill_all_at_exit);
  g_once_init_leave (&done, 1);
}

guint
mk_host_get_fork_generation (void)
{
  mk_host_ensure ();
  return fork_generation + (host_is_raw_child () ? 1 : 0);
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
  *record = (MkHostRecord){ { .fd = -1 }, { { .fd = -1 }, { .fd = -1 } }, { .fd = -1 }, 0 };
}

/* @fd: −1 for none */
void
mk_host_fd_set (MkHostFd *self, int fd)
{
  struct stat file = { 0 };

  if (fd < 0)
    return;

  *self = (MkHostFd){ .fd = fd };
  self->is_known = fstat (fd, &file) == 0;
  self->device = file.st_dev;
  self->inode = file.st_ino;
}

/*
 * Whether the program has closed all of its files, as daemons do, since this was called before: GLib cannot
 * wake a thread then that has waited meanwhile. One thread at a time.
 */
gboolean
mk_host_has_closed_files (void)
{
  static MkHostFd witness = { .fd = -1 };
  gboolean had_one = witness.fd >= 0;

  if (mk_host_fd_is_ours (&witness))
    return FALSE;

  witness.fd = -1;
  mk_host_fd_set (&witness, mk_features_open_socket (AF_UNIX, SOCK_DGRAM));
  return had_one;
}

/* Closes a descriptor of a record, and forgets it. */
void
mk_host_fd_close (MkHostFd *self)
{
  MK_AUTO_LOCK (&lock);

  host_close_copy (self);
  self->fd = -1;
}

/*
 * @control_fd: (transfer full): taken unless FALSE is returned
 *
 * Returns: FALSE if the program is about to end
 */
gboolean
mk_host_add (MkHostRecord *record, int control_fd)
{
  MK_AUTO_LOCK (&lock);

  if (is_exiting)
    return FALSE;

  mk_host_fd_set (&record->control, control_fd);
  g_ptr_array_add (records, record);
  return TRUE;
}

void
mk_host_remove (MkHostRecord *record)
{
  MK_AUTO_LOCK (&lock);

  g_ptr_array_remove_fast (records, record);
}
