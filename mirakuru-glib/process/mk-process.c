/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One service and its supervisor, as seen from the host.
 *
 * Threads: everything but the functions of the header happens on the worker. The lock is held for moments
 * only, and by nobody who waits. The worker holds a reference while the supervisor lives; nothing here refers
 * to an executor.
 *
 * Life: new → spawn (queued to the worker) → spawned or failed → exited → gone. "Gone" comes last in any
 * case: the supervisor has been reaped, the tree is empty, all output is read. If the supervisor ended
 * without having said that the tree is empty, it was killed; then what carries the marker is swept away
 * first.
 *
 * In a forked child all processes of the parent are foreign (see mk-host.c): its copies of the objects are
 * left alone, locks included.
 */

#include "mk-process-private.h"

#include <errno.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-error.h"
#include "mk-host-private.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "mk-proc-private.h"
#include "mk-stdio-private.h"
#include "base/mk-wake-source-private.h"
#include "mk-worker-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

#define CHUNK_SIZE          65536
#define CHUNKS_PER_DISPATCH 16
/* One service whose output takes long to look at must not keep the others waiting. */
#define DISPATCH_LIMIT_US (20 * G_TIME_SPAN_MILLISECOND)
/* More than a pipe holds; somebody else may go on writing to it. */
#define LAST_CHUNKS 32
/* A supervisor that has not emptied the tree this long after the last deadline is given up. */
#define BACKSTOP_US (5 * G_USEC_PER_SEC)
/* Who set a limit has so much time to keep it, and to say in its own way what became of it. */
#define LIMIT_GRACE_US (2 * G_USEC_PER_SEC)
/* The sweep ends after this many rounds in a row that found nothing, or after the limit. */
#define SWEEP_CLEAN_ROUNDS 5
#define SWEEP_INTERVAL_US  5000
#define SWEEP_LIMIT_US     (3 * G_USEC_PER_SEC)

struct _MkProcess
{
  gatomicrefcount ref_count;
  guint fork_generation;
  MkLaunch *launch;       /* (owned) */
  MkHostRecord record;    /* written by the worker, control_fd with the lock held */
  MkCapture *captures[2]; /* (owned) standard output, standard error */
  MkProcessOutputFunc output_func;
  gpointer output_data; /* (owned) by way of output_destroy */
  GDestroyNotify output_destroy;

  GMutex lock;
  GCond changed;
  gboolean ordered;     /* (locked-by lock) to be spawned */
  MkProcessNews news;   /* (locked-by lock) */
  GError *failure;      /* (owned) (nullable) (locked-by lock) */
  GPtrArray *listeners; /* (owned) (element-type MkWakeSource) (locked-by lock) */
  GOutputStream *input; /* (owned) (nullable) (locked-by lock) */
  gint64 backstop;      /* (locked-by lock) */
  gint64 limit;         /* (locked-by lock) */
  MkWakeSource *timer;  /* (owned) (nullable) (locked-by lock) */

  /* Of the worker. */
  GSource *exit_source;       /* (owned) (nullable) of the supervisor */
  GSource *control_source;    /* (owned) (nullable) */
  GSource *output_sources[2]; /* (owned) (nullable) */
  gboolean tree_empty;
  gboolean reaped;
  guint clean_rounds;
  gint64 sweep_deadline;
};

gboolean
mk_process_is_foreign (MkProcess *self)
{
  return self->fork_generation != mk_host_get_fork_generation ();
}

/* Returns: FALSE if the supervisor does not listen; that it has ended is noticed elsewhere */
static gboolean
send_message (MkProcess *self, MkMessageType type, int a, int b, int c)
{
  MkMessage message = { (int32_t) type, a, b, c };

  return self->record.control_fd < 0 ||
         send (self->record.control_fd, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
         errno != EAGAIN;
}

/* ---- life ---- */

/* @launch: (transfer full) */
MkProcess *
mk_process_new (MkLaunch *launch,
                MkProcessOutputFunc output_func,
                gpointer output_data,
                GDestroyNotify output_destroy)
{
  MkProcess *self = g_new0 (MkProcess, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->fork_generation = mk_host_get_fork_generation ();
  self->launch = launch;
  self->output_func = output_func;
  self->output_data = output_data;
  self->output_destroy = output_destroy;
  self->listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_wake_source_unref);
  mk_host_record_init (&self->record);
  self->backstop = G_MAXINT64;
  self->limit = G_MAXINT64;
  for (guint i = 0; i < 2; i++)
    self->captures[i] = mk_capture_new (launch->output_limit);

  return self;
}

MkProcess *
mk_process_ref (MkProcess *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_process_unref (MkProcess *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count) || mk_process_is_foreign (self))
    return;

  for (guint i = 0; i < 2; i++)
    mk_capture_unref (self->captures[i]);
  g_clear_object (&self->input);
  g_clear_error (&self->failure);
  g_ptr_array_unref (self->listeners);
  mk_launch_free (self->launch);
  self->output_destroy (self->output_data);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Call with the lock held, after a change of the news. */
static void
tell_listeners (MkProcess *self)
{
  for (guint i = 0; i < self->listeners->len; i++)
    mk_wake_source_wake (g_ptr_array_index (self->listeners, i));
  g_cond_broadcast (&self->changed);
}

/* ---- output ---- */

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
close_output (MkProcess *self, guint i)
{
  clear_source (&self->output_sources[i]);
  mk_host_record_close (&self->record.output_fds[i]);
  mk_capture_close (self->captures[i]);
}

/* Returns: FALSE when there is nothing more to read for now or ever */
static gboolean
pump_once (MkProcess *self, guint i)
{
  static guint8 chunk[CHUNK_SIZE]; /* of the worker */
  ssize_t n;

  do
    n = read (self->record.output_fds[i], chunk, sizeof chunk);
  while (n < 0 && errno == EINTR);

  if (n > 0)
    mk_capture_append (self->captures[i], chunk, (gsize) n);
  else if (n == 0 || errno != EAGAIN)
    close_output (self, i);

  return n > 0;
}

static gboolean
pump (MkProcess *self, guint i)
{
  gint64 end = g_get_monotonic_time () + DISPATCH_LIMIT_US;

  for (guint n = 0; n < CHUNKS_PER_DISPATCH; n++)
    {
      if (!pump_once (self, i) || g_get_monotonic_time () >= end)
        break;
    }

  self->output_func (self->output_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_stdout (int fd, GIOCondition condition, gpointer user_data)
{
  return pump (user_data, 0);
}

static gboolean
on_stderr (int fd, GIOCondition condition, gpointer user_data)
{
  return pump (user_data, 1);
}

static GSource *
watch_fd (int fd, GUnixFDSourceFunc func, gpointer data)
{
  GSource *source = g_unix_fd_source_new (fd, G_IO_IN | G_IO_HUP | G_IO_ERR);

  g_source_set_callback (source, G_SOURCE_FUNC (func), data, NULL);
  g_source_attach (source, mk_worker_get_context ());
  return source;
}

/* ---- news of the supervisor ---- */

static void
obey_message (MkProcess *self, const MkMessage *message)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  switch (message->type)
    {
    case MK_MESSAGE_SPAWNED:
      self->news.pid = message->a;
      break;

    case MK_MESSAGE_FAILED:
      self->failure = mk_launch_spawn_error (self->launch, message->a, message->b);
      break;

    case MK_MESSAGE_EXITED:
      self->news.exited = TRUE;
      self->news.status = message->a;
      break;

    case MK_MESSAGE_EMPTY:
      self->tree_empty = TRUE;
      self->news.killed = message->a != 0;
      break;

    case MK_MESSAGE_DENIED:
      self->news.denied = message->a;
      break;

    default:
      return;
    }

  tell_listeners (self);
}

static void
read_control (MkProcess *self)
{
  MkMessage message;
  ssize_t n;

  /* If the supervisor ended with an order unread, ECONNRESET comes once, before the news that are still
   * there. */
  do
    {
      n = recv (self->record.control_fd, &message, sizeof message, MSG_DONTWAIT);
      if (n == (ssize_t) sizeof message)
        obey_message (self, &message);
    }
  while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));

  /* The end itself is told by the supervisor's exit: somebody else may hold a copy of its socket. */
  if (n == 0 || errno != EAGAIN)
    clear_source (&self->control_source);
}

static gboolean
on_control (int fd, GIOCondition condition, gpointer user_data)
{
  read_control (user_data);
  return G_SOURCE_CONTINUE;
}

/* ---- the end ---- */

/* The variable is for programs that run from a build folder; a setuid program must not obey it. */
static const char *
supervisor_path (void)
{
  const char *path = secure_getenv ("MIRAKURU_GLIB_SUPERVISOR");

  return path != NULL && *path != '\0' ? path : MK_SUPERVISOR_PATH;
}

/* Drops the reference of the worker. */
static void
finish (MkProcess *self)
{
  mk_host_remove (&self->record);

  for (guint i = 0; i < 2; i++)
    {
      for (guint n = 0; n < LAST_CHUNKS && self->record.output_fds[i] >= 0 && pump_once (self, i); n++)
        ;
      close_output (self, i);
    }
  clear_source (&self->control_source);
  clear_source (&self->exit_source);

  g_mutex_lock (&self->lock);
  mk_wake_source_clear (&self->timer);
  mk_host_record_close (&self->record.control_fd);
  self->news.gone = TRUE;
  if (self->failure == NULL && self->news.pid == 0 && !self->news.asked)
    self->failure =
        g_error_new (MK_ERROR,
                     MK_ERROR_SUPERVISOR,
                     _ ("The helper program “%s” ended before it had started “%s”. Is it mk-supervisor, of "
                        "the version of this library?"),
                     supervisor_path (),
                     self->launch->argv[0]);
  tell_listeners (self);
  g_mutex_unlock (&self->lock);

  self->output_func (self->output_data);
  mk_process_unref (self);
}

static void
sweep (MkProcess *self)
{
  if (mk_proc_kill_marked (self->launch->marker) == 0)
    self->clean_rounds++;
  else
    self->clean_rounds = 0;

  if (self->clean_rounds < SWEEP_CLEAN_ROUNDS && g_get_monotonic_time () < self->sweep_deadline)
    {
      /* What was found may have forked: look for the child before that forks, too. */
      gint64 pause = self->clean_rounds > 0 ? SWEEP_INTERVAL_US : 0;

      mk_wake_source_wake_at (self->timer, g_get_monotonic_time () + pause);
    }
  else
    finish (self);
}

static void
supervisor_was_killed (MkProcess *self)
{
  g_mutex_lock (&self->lock);
  self->news.lost = TRUE;
  if (self->news.pid != 0 && !self->news.exited)
    {
      /* Its parent-death signal. */
      self->news.exited = TRUE;
      self->news.status = -SIGKILL;
    }
  tell_listeners (self);
  g_mutex_unlock (&self->lock);

  self->sweep_deadline = g_get_monotonic_time () + SWEEP_LIMIT_US;
  sweep (self);
}

/* As long as the supervisor lives, the pid of its child cannot come to mean another process. Call with the
 * lock held. */
static void
give_up (MkProcess *self)
{
  if (self->news.denied != 0 && (kill (self->news.denied, 0) == 0 || errno != EPERM))
    self->news.denied = 0;
  kill (self->record.supervisor, SIGKILL);
}

static void order_kill (MkProcess *self, int kill_signal);

static gboolean
on_timer (gpointer user_data)
{
  MkProcess *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (self->reaped)
    {
      sweep (self);
      return G_SOURCE_CONTINUE;
    }

  g_mutex_lock (&self->lock);
  if (self->limit <= now)
    {
      self->news.expired = !self->news.exited || self->news.status == 0;
      order_kill (self, self->launch->kill_signal);
    }
  if (self->backstop <= now)
    give_up (self);
  else
    mk_wake_source_wake_at (self->timer, MIN (self->backstop, self->limit));
  g_mutex_unlock (&self->lock);

  return G_SOURCE_CONTINUE;
}

static void
on_reaped (GPid pid, int wait_status, gpointer user_data)
{
  MkProcess *self = user_data;

  mk_host_set_supervisor (&self->record, 0);
  self->reaped = TRUE;
  read_control (self);

  if (self->tree_empty)
    finish (self);
  else
    supervisor_was_killed (self);
}

/* ---- spawning ---- */

static GPtrArray *
supervisor_argv (MkProcess *self)
{
  MkLaunch *launch = self->launch;
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup (supervisor_path ()));
  g_ptr_array_add (argv, g_strdup (MK_SUPERVISOR_PROTOCOL));
  g_ptr_array_add (argv, g_strdup_printf ("%d", (int) getpid ()));
  g_ptr_array_add (argv, g_strdup_printf ("%d", launch->stop_signal));
  g_ptr_array_add (argv, g_strdup_printf ("%d", launch->kill_signal));
  g_ptr_array_add (argv, g_strdup_printf ("%u", launch->stop_timeout));
  g_ptr_array_add (argv, g_strdup (launch->cwd ? launch->cwd : ""));
  for (char **arg = launch->argv; *arg != NULL; arg++)
    g_ptr_array_add (argv, g_strdup (*arg));
  g_ptr_array_add (argv, NULL);

  return argv;
}

static void
set_spawn_error (MkProcess *self, const GError *cause, GError **error)
{
  const char *path = supervisor_path ();
  const char *reason = cause->message;

  /* GLib does not tell by its code what it is. */
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && access (path, X_OK) == 0)
    {
      if (strstr (reason, g_strerror (EAGAIN)) != NULL)
        {
          g_propagate_error (error, mk_launch_spawn_error (self->launch, MK_SPAWN_STEP_FORK, EAGAIN));
          return;
        }
      if (strstr (reason, g_strerror (E2BIG)) != NULL)
        reason = _ ("its command or its environment is too long for the system");
      g_set_error (
          error, MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), self->launch->argv[0], reason);
      return;
    }

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    reason = _ ("there is no such file");
  else if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    reason = _ ("it is not a file");
  else
    reason = _ ("it is not executable");

  g_set_error (
      error,
      MK_ERROR,
      MK_ERROR_SUPERVISOR,
      _ ("Cannot run the helper program “%s” that “%s” needs: %s. Install mirakuru-glib again, or set "
         "MIRAKURU_GLIB_SUPERVISOR to where mk-supervisor is"),
      path,
      self->launch->argv[0],
      reason);
}

/*
 * These flags and no child setup make GLib use posix_spawn(), whose time does not depend on the size of the
 * host. The supervisor does what is lost by that: it closes the other descriptors and resets the signals.
 *
 * Not GSubprocess: it watches its children in a thread of GLib's, which a forked child of the host has not.
 */
static gboolean
spawn_supervisor (MkProcess *self, const MkStdio *stdio, int supervisor_fd, GPid *pid, GError **error)
{
  g_autoptr (GPtrArray) argv = supervisor_argv (self);
  g_autoptr (GError) local_error = NULL;
  const int target_fd = MK_CONTROL_FD;

  /* GLib duplicates the control socket, and takes it for a success where it cannot. */
  if (mk_descriptor_check (&local_error) &&
      g_spawn_async_with_pipes_and_fds (NULL,
                                        (const char *const *) argv->pdata,
                                        (const char *const *) self->launch->environment,
                                        G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_DO_NOT_REAP_CHILD,
                                        NULL,
                                        NULL,
                                        stdio->service[0],
                                        stdio->service[1],
                                        stdio->service[2],
                                        &supervisor_fd,
                                        &target_fd,
                                        1,
                                        pid,
                                        NULL,
                                        NULL,
                                        NULL,
                                        &local_error))
    return TRUE;

  set_spawn_error (self, local_error, error);
  return FALSE;
}

static int
steal (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

/* Returns: FALSE if the end was asked for before there was a beginning */
static gboolean
take_host_ends (MkProcess *self, MkStdio *stdio, int control_fd)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->news.asked)
    return FALSE;

  self->timer = mk_wake_source_attach (mk_worker_get_context (), "MkProcess timer", on_timer, self, NULL);
  mk_wake_source_wake_at (self->timer, self->limit);
  self->record.control_fd = control_fd;
  self->record.output_fds[0] = steal (&stdio->host[1]);
  self->record.output_fds[1] = steal (&stdio->host[2]);
  if (stdio->host[0] >= 0)
    {
      /* For its class to ignore SIGPIPE, which a write to a service that ended would raise. */
      g_type_class_unref (g_type_class_ref (G_TYPE_SOCKET));
      mk_host_record_set_input (&self->record, stdio->host[0]);
      self->input = g_unix_output_stream_new (steal (&stdio->host[0]), TRUE);
    }

  return TRUE;
}

static void
watch_supervisor (MkProcess *self, GPid pid)
{
  mk_host_set_supervisor (&self->record, pid);
  self->exit_source = g_child_watch_source_new (pid);
  g_source_set_callback (self->exit_source, G_SOURCE_FUNC (on_reaped), self, NULL);
  g_source_attach (self->exit_source, mk_worker_get_context ());

  self->control_source = watch_fd (self->record.control_fd, on_control, self);
  if (self->record.output_fds[0] >= 0)
    self->output_sources[0] = watch_fd (self->record.output_fds[0], on_stdout, self);
  if (self->record.output_fds[1] >= 0)
    self->output_sources[1] = watch_fd (self->record.output_fds[1], on_stderr, self);
}

static gboolean
spawn (MkProcess *self, GError **error)
{
  MkStdio stdio;
  int sockets[2];
  GPid pid = 0;

  if (!mk_stdio_open (&stdio, self->launch, error))
    return FALSE;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_SPAWN_FAILED,
                 _ ("Cannot run “%s”: cannot make a socket: %s"),
                 self->launch->argv[0],
                 g_strerror (errno));
  else
    {
      if (!take_host_ends (self, &stdio, sockets[0]))
        close (sockets[0]);
      else
        {
          mk_host_add (&self->record);
          if (spawn_supervisor (self, &stdio, sockets[1], &pid, error))
            watch_supervisor (self, pid);
        }
      close (sockets[1]);
    }

  mk_stdio_close (&stdio);
  return pid != 0;
}

static gboolean
spawn_on_worker (gpointer user_data)
{
  MkProcess *self = user_data;
  GError *error = NULL;

  if (spawn (self, &error))
    return G_SOURCE_REMOVE;

  g_mutex_lock (&self->lock);
  self->failure = error;
  g_mutex_unlock (&self->lock);
  finish (self);
  return G_SOURCE_REMOVE;
}

/* Returns at once; listeners are told how it went. */
void
mk_process_spawn (MkProcess *self)
{
  g_mutex_lock (&self->lock);
  self->ordered = TRUE;
  g_mutex_unlock (&self->lock);

  mk_worker_invoke (spawn_on_worker, mk_process_ref (self));
}

/* ---- orders ---- */

/* Call with the lock held. */
static void
set_backstop (MkProcess *self, guint timeout_ms)
{
  self->backstop =
      MIN (self->backstop, g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND + BACKSTOP_US);
  if (self->timer != NULL)
    mk_wake_source_wake (self->timer);
}

/* Sends @stop_signal to the whole tree, and @kill_signal to what is left of it @timeout_ms later (0: never).
 */
void
mk_process_stop (MkProcess *self, int stop_signal, int kill_signal, guint timeout_ms)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->limit = G_MAXINT64;
  self->news.asked = self->news.asked || !self->news.exited;
  if (!send_message (self, MK_MESSAGE_STOP, stop_signal, kill_signal, (int) timeout_ms))
    set_backstop (self, 0);
  else if (timeout_ms > 0)
    set_backstop (self, timeout_ms);
}

/* Call with the lock held. */
static void
order_kill (MkProcess *self, int kill_signal)
{
  self->limit = G_MAXINT64;
  self->news.asked = self->news.asked || !self->news.exited;
  send_message (self, MK_MESSAGE_KILL, kill_signal, 0, 0);
  set_backstop (self, MK_UNWAITED_GRACE_MS);
}

void
mk_process_kill (MkProcess *self, int kill_signal)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  order_kill (self, kill_signal);
}

/*
 * Has the service killed soon after @deadline, unless it is told to end before, or this is called again. For
 * those who would do it themselves, but live on a context of which nobody knows whether it is still run.
 *
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 */
void
mk_process_set_limit (MkProcess *self, gint64 deadline)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->limit = deadline == G_MAXINT64 ? G_MAXINT64 : deadline + LIMIT_GRACE_US;
  if (self->timer != NULL)
    mk_wake_source_wake (self->timer);
}

/* The service was asked to end in another way than by a signal. */
void
mk_process_set_asked (MkProcess *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->news.asked = self->news.asked || !self->news.exited;
}

/* Sends a signal to the process group of the service. Returns: FALSE if nobody can get it */
gboolean
mk_process_signal (MkProcess *self, int signal_number)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->news.gone || self->news.pid == 0 || self->record.control_fd < 0)
    return FALSE;

  return send_message (self, MK_MESSAGE_SIGNAL, signal_number, 0, 0);
}

/* ---- what is known ---- */

MkProcessNews
mk_process_get_news (MkProcess *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->news;
}

/* Returns: (transfer full) (nullable): why the service was not started */
GError *
mk_process_dup_failure (MkProcess *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->failure ? g_error_copy (self->failure) : NULL;
}

/* @waker: a wake source; woken at each change from now on */
void
mk_process_add_listener (MkProcess *self, MkWakeSource *waker)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  g_ptr_array_add (self->listeners, mk_wake_source_ref (waker));
}

void
mk_process_remove_listener (MkProcess *self, MkWakeSource *waker)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  g_ptr_array_remove_fast (self->listeners, waker);
}

/* Blocks. Returns: FALSE if something may be left after @timeout_ms */
gboolean
mk_process_wait_gone (MkProcess *self, guint timeout_ms)
{
  gint64 deadline = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  while (!self->news.gone && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;

  return self->news.gone;
}

MkLaunch *
mk_process_get_launch (MkProcess *self)
{
  return self->launch;
}

/*
 * Has @func called in the worker for all that comes out of @stream. There is one place for this.
 *
 * Returns: FALSE if the place is taken, or something may have come already
 */
gboolean
mk_process_watch_output (MkProcess *self,
                         MkStream stream,
                         MkCaptureFunc func,
                         gpointer data,
                         GDestroyNotify destroy)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return !self->ordered &&
         mk_capture_set_watcher (mk_process_get_capture (self, stream), func, data, destroy);
}

MkCapture *
mk_process_get_capture (MkProcess *self, MkStream stream)
{
  return self->captures[stream == MK_STREAM_STDERR ? 1 : 0];
}

/* Returns: (transfer none) (nullable): valid as long as @self */
GOutputStream *
mk_process_get_stdin (MkProcess *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->input;
}

/* Returns: the parent of the tree, 0 if there is none (any more) */
GPid
mk_process_get_supervisor (MkProcess *self)
{
  return mk_process_is_foreign (self) ? 0 : mk_host_get_supervisor (&self->record);
}
