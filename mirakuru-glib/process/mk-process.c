/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One service: what is known of it, who wants to know, and its limits of time. How it is run is up to the
 * back end.
 *
 * Threads: the reports of the back end come in the worker; the functions of the header may be called in any
 * thread. The lock is held for moments only, and by nobody who waits. The worker holds a reference until the
 * service is gone; nothing here refers to an executor.
 *
 * Life: new → spawn (queued to the worker) → spawned or failed → exited → gone. "Gone" comes last in any
 * case: nothing of the tree is left, and all output is read.
 *
 * In a forked child all processes of the parent are foreign (see mk-host.c): its copies of the objects are
 * left alone, locks included.
 */

#include "mk-process-private.h"

#include "mk-backend-private.h"
#include "mk-error.h"
#include "mk-host-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-waker-private.h"
#include "mk-proc-private.h"
#include "mk-worker-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* What has not ended this long after the last deadline is looked at: something may hold it. */
#define BACKSTOP_US (500 * G_TIME_SPAN_MILLISECOND)
/* Where nothing is seen to hold it, it may take so much longer: a large process, or a busy machine. */
#define PATIENCE_US (4 * G_USEC_PER_SEC)
/* The near end of a launcher has so much longer than the lease, to connect once more and to end its client.
 */
#define RECONNECT_US (15 * G_USEC_PER_SEC)
/* Who set a limit has so much time to keep it, and to say in its own way what became of it. */
#define LIMIT_GRACE_US (2 * G_USEC_PER_SEC)

struct _MkProcess
{
  gatomicrefcount ref_count;
  guint fork_generation;
  MkLaunch *launch;       /* (owned) */
  MkBackend *backend;     /* (owned) */
  MkCapture *captures[2]; /* (owned) standard output, standard error */
  MkProcessOutputFunc output_func;
  gpointer output_data; /* (owned) by way of output_destroy */
  GDestroyNotify output_destroy;

  GMutex lock;
  GCond changed;
  gboolean ordered;     /* (locked-by lock) to be spawned */
  MkProcessNews news;   /* (locked-by lock) */
  GError *failure;      /* (owned) (nullable) (locked-by lock) */
  char *incomplete;     /* (owned) (nullable) (locked-by lock) which log is, and why: the first one */
  GPtrArray *listeners; /* (owned) (element-type MkWaker) (locked-by lock) */
  gint64 backstop;      /* (locked-by lock) when to look what still lives */
  gint64 patience_end;  /* (locked-by lock) */
  gint64 limit;         /* (locked-by lock) */
  MkWaker *timer;       /* (owned) (nullable) (locked-by lock) while it runs */
};

static const MkBackendReports process_reports;

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
  self->backend = mk_backend_new (launch, &process_reports, self);
  self->output_func = output_func;
  self->output_data = output_data;
  self->output_destroy = output_destroy;
  self->listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_waker_unref);
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

/* Whether a launcher has started it, so that its pid means nothing on this machine. */
gboolean
mk_process_is_elsewhere (MkProcess *self)
{
  return self->launch->launcher != NULL;
}

gboolean
mk_process_is_foreign (MkProcess *self)
{
  return self->fork_generation != mk_host_get_fork_generation ();
}

void
mk_process_unref (MkProcess *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count) || mk_process_is_foreign (self))
    return;

  for (guint i = 0; i < 2; i++)
    mk_capture_unref (self->captures[i]);
  mk_backend_free (self->backend);
  g_clear_error (&self->failure);
  g_free (self->incomplete);
  g_ptr_array_unref (self->listeners);
  mk_launch_free (self->launch);
  self->output_destroy (self->output_data);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* ---- the beginning ---- */

static gboolean process_on_timer (gpointer user_data);

static gboolean
process_spawn_on_worker (gpointer user_data)
{
  MkProcess *self = user_data;

  g_mutex_lock (&self->lock);
  self->timer = mk_waker_attach (mk_worker_get_context (), "MkProcess timer", process_on_timer, self, NULL);
  mk_waker_wake_at (self->timer, self->limit);
  g_mutex_unlock (&self->lock);

  mk_backend_spawn (self->backend);
  return G_SOURCE_REMOVE;
}

/* Returns at once; listeners are told how it went. */
void
mk_process_spawn (MkProcess *self)
{
  g_mutex_lock (&self->lock);
  self->ordered = TRUE;
  g_mutex_unlock (&self->lock);

  mk_worker_add_job (process_spawn_on_worker, mk_process_ref (self));
}

/* In the place of mk_process_spawn(): nothing is left of what will never be, for those who hold it. */
void
mk_process_abandon (MkProcess *self)
{
  MK_AUTO_LOCK (&self->lock);

  self->news.gone = TRUE;
}

/* ---- what the back end reports ---- */

/* Call with the lock held, after a change of the news. */
static void
process_tell_listeners (MkProcess *self)
{
  for (guint i = 0; i < self->listeners->len; i++)
    mk_waker_wake (g_ptr_array_index (self->listeners, i));
  g_cond_broadcast (&self->changed);
}

static void
process_on_event (gpointer data, MkBackendEvent event, int value)
{
  MkProcess *self = data;
  const char *program = self->launch->argv[0];

  MK_AUTO_LOCK (&self->lock);

  switch (event)
    {
    case MK_BACKEND_SPAWNED:
      g_debug ("%s: spawned as process %d", program, value);
      self->news.pid = value;
      self->news.spawned_at = g_get_monotonic_time ();
      break;

    case MK_BACKEND_EXITED:
      g_debug ("%s: its process has ended, %s %d", program, value < 0 ? "signal" : "status", ABS (value));
      self->news.exited = TRUE;
      self->news.exited_at = g_get_monotonic_time ();
      self->news.status = value;
      break;

    case MK_BACKEND_DENIED:
      g_debug ("%s: may not send signals to process %d", program, value);
      self->news.denied = value;
      break;

    case MK_BACKEND_EMPTY:
      g_debug ("%s: no process is left%s", program, value ? ", some had to be killed" : "");
      self->news.killed = value;
      break;

    case MK_BACKEND_LOST:
    default:
      g_debug ("%s: its supervisor was killed", program);
      self->news.lost = TRUE;
      /* Its parent-death signal. */
      if (self->news.pid != 0 && !self->news.exited)
        self->news.status = -SIGKILL;
      self->news.exited = self->news.pid != 0;
      self->news.exited_at = g_get_monotonic_time ();
      break;
    }
  process_tell_listeners (self);
}

static void
process_on_failed (gpointer data, GError *error)
{
  MkProcess *self = data;

  MK_AUTO_LOCK (&self->lock);

  g_debug ("%s: %s", self->launch->argv[0], error->message);
  g_clear_error (&self->failure);
  self->failure = error;
  process_tell_listeners (self);
}

static void
process_on_output (gpointer data, MkStream stream, const guint8 *bytes, gsize length)
{
  MkProcess *self = data;
  MkCapture *capture = mk_process_get_capture (self, stream);

  if (length > 0)
    mk_capture_append (capture, bytes, length);
  else
    mk_capture_close (capture);
  self->output_func (self->output_data);
}

static void
process_on_copy_failed (gpointer data, MkStream stream, const char *reason)
{
  MkProcess *self = data;
  g_autofree char *name = mk_message_filename (stream == MK_STREAM_STDERR ? self->launch->stderr_path
                                                                          : self->launch->stdout_path);

  MK_AUTO_LOCK (&self->lock);

  g_debug ("%s: its output is not copied to %s any more: %s", self->launch->argv[0], name, reason);
  if (self->incomplete == NULL)
    /* Translators: a clause. The path of a log, why */
    self->incomplete = g_strdup_printf (_ ("the log “%s” is incomplete: %s"), name, reason);
}

static gsize
process_get_room (gpointer data, MkStream stream)
{
  return mk_capture_get_room (mk_process_get_capture (data, stream));
}

static gboolean
process_resume_on_worker (gpointer user_data)
{
  g_autoptr (MkProcess) self = user_data;

  mk_backend_resume (self->backend);
  return G_SOURCE_REMOVE;
}

/*
 * @position: up to which all of @stream was read, G_MAXUINT64 if it will not be read any more. Matters where
 * its capture holds what was not read.
 */
void
mk_process_note_read (MkProcess *self, MkStream stream, guint64 position)
{
  if (mk_capture_move_hold (mk_process_get_capture (self, stream), position))
    mk_worker_invoke (process_resume_on_worker, mk_process_ref (self));
}

/* Drops the reference of the worker. */
static void
process_on_gone (gpointer data)
{
  MkProcess *self = data;

  for (guint i = 0; i < 2; i++)
    mk_capture_close (self->captures[i]);

  g_mutex_lock (&self->lock);
  mk_waker_clear (&self->timer);
  g_debug ("%s: gone", self->launch->argv[0]);
  self->news.gone = TRUE;
  self->news.gone_at = g_get_monotonic_time ();
  self->news.stuck = 0;
  if (self->news.lost && !mk_process_is_elsewhere (self) && mk_proc_is_of_another_user (self->news.pid))
    self->news.stuck = self->news.denied = self->news.pid;
  process_tell_listeners (self);
  g_mutex_unlock (&self->lock);

  self->output_func (self->output_data);
  mk_process_unref (self);
}

static const MkBackendReports process_reports = {
  process_on_event,  process_on_failed,      process_get_room,
  process_on_output, process_on_copy_failed, process_on_gone,
};

/* ---- orders ---- */

/* Call with the lock held. */
static void
process_set_asked (MkProcess *self)
{
  self->limit = G_MAXINT64;
  self->news.stuck = self->news.gone ? self->news.stuck : 0;
  self->news.asked = self->news.asked || !self->news.exited;
  if (self->news.asked && self->news.asked_at == 0)
    self->news.asked_at = g_get_monotonic_time ();
}

/* Call with the lock held. @timeout_ms: until the kill signal is sent */
static void
process_set_backstop (MkProcess *self, int kill_signal, guint timeout_ms)
{
  guint grace_ms = kill_signal == SIGKILL ? 0 : MK_UNWAITED_GRACE_MS;
  gint64 backstop = g_get_monotonic_time () + (timeout_ms + grace_ms) * G_TIME_SPAN_MILLISECOND + BACKSTOP_US;

  if (backstop < self->backstop)
    {
      self->backstop = backstop;
      self->patience_end = backstop + PATIENCE_US;
      if (mk_process_is_elsewhere (self))
        self->patience_end += mk_launch_get_lease () * G_TIME_SPAN_MILLISECOND + RECONNECT_US;
    }
  if (self->timer != NULL)
    mk_waker_wake (self->timer);
}

/* Sends @stop_signal, and @kill_signal to what is left of the tree @timeout_ms later (0: never). */
void
mk_process_stop (MkProcess *self, MkStopMode mode, int stop_signal, int kill_signal, guint timeout_ms)
{
  MK_AUTO_LOCK (&self->lock);

  g_debug ("%s: stopping with signal %d, signal %d after %u ms",
           self->launch->argv[0],
           stop_signal,
           kill_signal,
           timeout_ms);
  process_set_asked (self);
  self->news.stop_signal = stop_signal;
  self->news.stop_time = timeout_ms;
  if (!mk_backend_stop (self->backend, mode, stop_signal, kill_signal, timeout_ms))
    process_set_backstop (self, kill_signal, 0);
  else if (timeout_ms > 0)
    process_set_backstop (self, kill_signal, timeout_ms);
}

/* Call with the lock held. */
static void
process_kill (MkProcess *self, int kill_signal)
{
  g_debug ("%s: killing with signal %d", self->launch->argv[0], kill_signal);
  process_set_asked (self);
  mk_backend_kill (self->backend, kill_signal);
  process_set_backstop (self, kill_signal, 0);
}

void
mk_process_kill (MkProcess *self, int kill_signal)
{
  MK_AUTO_LOCK (&self->lock);

  self->news.stop_signal = 0;
  process_kill (self, kill_signal);
}

/* The service was asked to end in another way than by a signal. */
void
mk_process_set_asked (MkProcess *self)
{
  MK_AUTO_LOCK (&self->lock);

  self->news.asked = self->news.asked || !self->news.exited;
  if (self->news.asked && self->news.asked_at == 0)
    self->news.asked_at = g_get_monotonic_time ();
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
  MK_AUTO_LOCK (&self->lock);

  self->limit = deadline == G_MAXINT64 ? G_MAXINT64 : deadline + LIMIT_GRACE_US;
  if (self->timer != NULL)
    mk_waker_wake (self->timer);
}

/* As the service itself asks for more time. Does nothing without a limit, or with a later one. */
void
mk_process_extend_limit (MkProcess *self, gint64 deadline)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->limit == G_MAXINT64 || deadline <= self->news.extended)
    return;

  self->news.extended = deadline;
  self->limit = MAX (self->limit, deadline + LIMIT_GRACE_US);
}

/* Call with the lock held. */
static void
process_set_stuck (MkProcess *self, int living)
{
  g_debug ("%s: process %d does not end", self->launch->argv[0], (int) living);
  self->backstop = G_MAXINT64;
  self->news.stuck = living;
  process_tell_listeners (self);
}

/*
 * The supervisor goes on killing what it finds, but some processes do not end: a debugger holds them, or the
 * kernel. Who waits for the end is told then. Where nothing lives, or the supervisor is stopped whenever it
 * is made to run, as a service can do, it is the supervisor that does not answer.
 */
static void
process_look_for_living (MkProcess *self)
{
  int supervisor = mk_backend_get_supervisor (self->backend);
  gboolean is_elsewhere = mk_process_is_elsewhere (self);
  int living = is_elsewhere ? 0 : mk_proc_find_living (supervisor, mk_process_get_news (self).pid);
  g_autofree char *hold = living != 0 ? mk_proc_describe_hold (living) : NULL;
  gboolean is_stopped = supervisor != 0 && mk_proc_get_state (supervisor) == 'T';
  gint64 now = g_get_monotonic_time ();
  gboolean is_over;

  MK_AUTO_LOCK (&self->lock);

  is_over = now >= self->patience_end;
  self->backstop = now + BACKSTOP_US;
  if (!is_elsewhere && !mk_proc_is_of_another_user (self->news.denied))
    self->news.denied = 0;
  if ((living != 0 || is_elsewhere) && self->news.denied != 0)
    process_set_stuck (self, self->news.denied);
  else if (living != 0 && (hold != NULL || (is_over && !is_stopped)))
    process_set_stuck (self, living);
  else if (is_over)
    mk_backend_give_up (self->backend);
  mk_waker_wake_at (self->timer, MIN (self->backstop, self->limit));
}

static gboolean
process_on_timer (gpointer user_data)
{
  MkProcess *self = user_data;
  gint64 now = g_get_monotonic_time ();
  gboolean is_late;

  g_mutex_lock (&self->lock);
  if (self->limit <= now)
    {
      self->news.expired = !self->news.exited || self->news.status == 0;
      process_kill (self, self->launch->kill_signal);
    }
  is_late = self->backstop <= now;
  if (!is_late)
    mk_waker_wake_at (self->timer, MIN (self->backstop, self->limit));
  g_mutex_unlock (&self->lock);

  if (is_late)
    process_look_for_living (self);
  return G_SOURCE_CONTINUE;
}

/* Returns: (nullable) (transfer full): a clause, if a copy of the output could not be written to the end */
char *
mk_process_dup_incomplete (MkProcess *self)
{
  MK_AUTO_LOCK (&self->lock);

  return g_strdup (self->incomplete);
}

/*
 * @group: whether the process group of the service gets it, not only its first process
 *
 * Returns: FALSE if nobody can get it
 */
gboolean
mk_process_signal (MkProcess *self, int signal_number, gboolean group)
{
  MK_AUTO_LOCK (&self->lock);

  g_debug ("%s: sending signal %d", self->launch->argv[0], signal_number);
  return !self->news.gone && self->news.pid != 0 && (group || !self->news.exited) &&
         mk_backend_signal (self->backend, signal_number, group);
}

/* ---- who wants to know ---- */

/* @waker: a waker; woken at each change from now on */
void
mk_process_add_listener (MkProcess *self, MkWaker *waker)
{
  MK_AUTO_LOCK (&self->lock);

  g_ptr_array_add (self->listeners, mk_waker_ref (waker));
}

void
mk_process_remove_listener (MkProcess *self, MkWaker *waker)
{
  MK_AUTO_LOCK (&self->lock);

  g_ptr_array_remove_fast (self->listeners, waker);
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
  MK_AUTO_LOCK (&self->lock);

  return !self->ordered &&
         mk_capture_set_watcher (mk_process_get_capture (self, stream), func, data, destroy);
}

/* Blocks. Returns: FALSE if something may be left after @timeout_ms, or does not end */
gboolean
mk_process_wait_gone (MkProcess *self, guint timeout_ms)
{
  gint64 deadline = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;

  MK_AUTO_LOCK (&self->lock);

  while (!self->news.gone && self->news.stuck == 0 &&
         g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;

  return self->news.gone;
}

/* ---- what is known ---- */

MkProcessNews
mk_process_get_news (MkProcess *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->news;
}

/* Returns: (transfer full) (nullable): why the service was not started */
GError *
mk_process_dup_failure (MkProcess *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->failure ? g_error_copy (self->failure) : NULL;
}

MkLaunch *
mk_process_get_launch (MkProcess *self)
{
  return self->launch;
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
  return mk_backend_get_input (self->backend);
}

/* Returns: the parent of the tree, or 0 */
int
mk_process_get_supervisor (MkProcess *self)
{
  return mk_process_is_foreign (self) ? 0 : mk_backend_get_supervisor (self->backend);
}
