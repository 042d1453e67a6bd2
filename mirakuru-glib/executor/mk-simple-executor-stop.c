/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end of a service, as an operation on the context of its caller.
 *
 *   REQUESTING ──> ASKED ──> WAITING ──> CLEANING ──> done
 *
 * Any number of stops may be under way, in any contexts: each says what it wants to the supervisor, which
 * takes the stricter order, and waits for the process to be gone. request_stop and cleanup are called by the
 * one that comes first. Escalation is the supervisor's part; here only request_stop needs a deadline.
 *
 * A stop that comes during a start takes the executor away from it (see mk-simple-executor-start.c). If the
 * start has a process already, the stop ends it. Otherwise the start creates none any more, and cleans up
 * after itself.
 */

#include "mk-simple-executor-private.h"

#include "base/mk-deadline-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-step-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-waker-private.h"
#include "mk-error.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"

/* How long the stop signal has to work at least, when a gentler request took all the time. */
#define MIN_SIGNAL_TIME_MS 1000
/* How long after the last order it is waited for news: longer than the process itself takes to say that a
 * service does not end. */
#define NEWS_LIMIT_US (8 * G_USEC_PER_SEC)

typedef enum
{
  REQUESTING, /* a step: request_stop() */
  ASKED,      /* it was taken */
  WAITING,    /* the order was sent */
  CLEANING,   /* a step: cleanup() */
} StopStage;

typedef struct
{
  StopStage stage;
  MkProcess *process; /* (owned) (nullable) */

  gboolean kill;
  gboolean any_status; /* how the service ends does not matter */
  MkStopMode stop_mode;
  int stop_signal;
  int kill_signal;
  int expected_status;
  guint timeout_ms;
  gint64 deadline;
  gint64 news_limit; /* monotonic, of WAITING */

  GCancellable *cancellable; /* (owned) of request_stop */
  MkWaker *news;             /* (owned) (nullable) */
  MkWaker *timer;            /* (owned) (nullable) the deadline of the stage */
  MkWaker *cancel_source;    /* (owned) (nullable) */
} Stop;

/* The stages, in their order. */
static void stop_request (GTask *task);
static void stop_wait (GTask *task);
static void stop_clean (GTask *task);
static void stop_end_cancelled (GTask *task);
static void stop_return (GTask *task, gboolean gone, GError *error);

static gboolean stop_on_news (gpointer task);
static gboolean stop_on_deadline (gpointer task);
static gboolean stop_on_cancelled (GCancellable *cancellable, gpointer task);

static Stop *
stop_new (MkSimpleExecutor *executor)
{
  Stop *self = g_new0 (Stop, 1);

  self->stop_mode = mk_simple_executor_get_stop_mode (executor);
  self->stop_signal = mk_simple_executor_get_stop_signal (executor);
  self->kill_signal = mk_simple_executor_get_kill_signal (executor);
  self->expected_status = mk_simple_executor_get_expected_status (executor);
  self->timeout_ms = mk_simple_executor_get_stop_timeout (executor);
  self->cancellable = g_cancellable_new ();
  return self;
}

static void
stop_free (Stop *self)
{
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->cancellable);
  g_free (self);
}

/* ---- the beginning ---- */

/*
 * @changed: (out): whether the state may be another one now
 * @requests: (out): whether request_stop is to be called
 *
 * Returns: whether there is a process whose end has to be waited for
 */
static gboolean
stop_begin (GTask *task, gboolean *changed, gboolean *requests)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  gboolean starting;
  gboolean gone;
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);

  starting = priv->start != NULL;
  gone = priv->process == NULL || mk_process_get_news (priv->process).gone;
  *requests = FALSE;
  *changed = starting;
  if (starting)
    {
      mk_simple_executor_wake_start (priv->start);
      priv->start = NULL;
    }
  else if (priv->process == NULL || priv->phase == MK_EXECUTOR_STATE_STOPPED)
    {
      /* What was there before it, and was used, is left as it is. */
      *changed = priv->phase == MK_EXECUTOR_STATE_READY;
      if (*changed)
        priv->phase = MK_EXECUTOR_STATE_STOPPED;
      return FALSE;
    }

  *requests = !self->kill && !gone && priv->phase == MK_EXECUTOR_STATE_READY;
  *changed = TRUE;
  priv->phase = MK_EXECUTOR_STATE_STOPPING;
  if (priv->process == NULL)
    {
      if (priv->cleanup == MK_CLEANUP_NONE)
        priv->phase = MK_EXECUTOR_STATE_STOPPED;
      return FALSE;
    }

  /* Why a service ended that was never ready is for the start to say. */
  self->any_status = self->kill || (starting && gone);
  priv->n_stops++;
  self->process = mk_process_ref (priv->process);
  return TRUE;
}

/* @self: (transfer full) */
static void
stop_run (MkSimpleExecutor *executor,
          Stop *self,
          gpointer source_tag,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
  GTask *task = g_task_new (executor, cancellable, callback, user_data);
  GMainContext *context = g_task_get_context (task);
  gboolean changed;
  gboolean requests;
  gboolean waits;
  GError *error = NULL;

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) stop_free);
  self->deadline = mk_deadline_after (self->timeout_ms);

  if (g_cancellable_set_error_if_cancelled (cancellable, &error) ||
      !mk_launch_validate_signal (self->stop_signal, &error) ||
      !mk_launch_validate_signal (self->kill_signal, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  waits = stop_begin (task, &changed, &requests);
  if (changed)
    g_debug ("%s: %s", mk_simple_executor_get_program (executor), self->kill ? "kill" : "stop");
  if (changed)
    mk_signals_wake (mk_simple_executor_get_private (executor)->signals);
  if (!waits)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  self->news = mk_waker_attach (context, "MkStop news", stop_on_news, task, NULL);
  self->timer = mk_waker_attach (context, "MkStop deadline", stop_on_deadline, task, NULL);
  self->cancel_source = mk_cancel_waker_attach (cancellable, context, stop_on_cancelled, task);
  mk_process_add_listener (self->process, self->news);
  if (requests)
    stop_request (task);
  else
    stop_wait (task);
}

/* ---- request_stop() ---- */

static void
stop_on_requested (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Stop *self = g_task_get_task_data (task);
  gboolean requested = mk_step_run_finish (result, NULL, NULL);

  /* The default has refused at once. */
  if (self->stage != REQUESTING)
    return;

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    stop_end_cancelled (task);
  else if (!requested)
    stop_wait (task);
  else
    {
      self->stage = ASKED;
      mk_waker_wake_at (self->timer, self->deadline);
      mk_waker_wake (self->news);
    }
}

static void
stop_request (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = REQUESTING;
  mk_process_set_asked (self->process);
  mk_process_set_limit (self->process, self->deadline);
  if (mk_simple_executor_run_step (executor,
                                   MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->request_stop,
                                   "request_stop()",
                                   self->deadline,
                                   self->cancellable,
                                   stop_on_requested,
                                   g_object_ref (task)))
    stop_wait (task);
}

/* ---- the signal ---- */

/* Returns: when it should have taken effect */
static gint64
stop_send_order (Stop *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 left = (self->deadline - now) / G_TIME_SPAN_MILLISECOND;
  guint timeout_ms = (guint) CLAMP (left, MIN (MIN_SIGNAL_TIME_MS, self->timeout_ms), G_MAXUINT);

  if (self->kill)
    {
      mk_process_kill (self->process, self->kill_signal);
      return now;
    }

  mk_process_stop (self->process,
                   self->stop_mode,
                   self->stop_signal,
                   self->kill_signal,
                   self->deadline == G_MAXINT64 ? 0 : timeout_ms);
  return self->deadline == G_MAXINT64 ? G_MAXINT64 : now + timeout_ms * G_TIME_SPAN_MILLISECOND;
}

static void
stop_wait (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  gint64 end = stop_send_order (self);

  self->stage = WAITING;
  self->news_limit = end == G_MAXINT64 ? end : end + NEWS_LIMIT_US;
  mk_waker_wake_at (self->timer, g_get_monotonic_time () + MK_LOOK_INTERVAL_US);
  /* It may be gone already, but those who watch the state are told first that it is being stopped. */
  mk_waker_wake (self->news);
}

static gboolean
stop_on_news (gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);
  MkProcessNews news = mk_process_get_news (self->process);

  if (news.gone && self->stage == REQUESTING)
    g_cancellable_cancel (self->cancellable);
  else if (news.gone && (self->stage == ASKED || self->stage == WAITING))
    stop_clean (task);
  else if (news.stuck != 0 && self->stage == WAITING)
    stop_return (task, FALSE, mk_simple_executor_stuck_error (self->process));
  return G_SOURCE_CONTINUE;
}

static gboolean
stop_on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);

  /* The gentler request was taken, but the service is still there. */
  if (self->stage == ASKED)
    {
      self->kill = TRUE;
      stop_wait (task);
    }
  else if (self->stage == WAITING && g_get_monotonic_time () < self->news_limit)
    {
      mk_waker_wake_at (self->timer, g_get_monotonic_time () + MK_LOOK_INTERVAL_US);
      mk_waker_wake (self->news);
    }
  /* As where the program has closed all of its files. */
  else if (self->stage == WAITING)
    {
      g_autofree char *service = mk_process_message_service (self->process);

      stop_return (task,
                   FALSE,
                   g_error_new (MK_ERROR,
                                MK_ERROR_SUPERVISOR,
                                /* Translators: a service */
                                _ ("It is unknown whether %s has ended: no message was received"),
                                service));
    }
  return G_SOURCE_CONTINUE;
}

/* ---- cleanup() ---- */

/* Returns: (transfer full) (nullable): what is wrong with the way in which the service has ended */
static GError *
stop_judge (GTask *task)
{
  Stop *self = g_task_get_task_data (task);

  return mk_simple_executor_judge_end (
      self->process, self->any_status, self->expected_status, self->stop_signal);
}

static void
stop_on_cleaned (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  GError *verdict = stop_judge (task);

  mk_simple_executor_end_cleanup (MK_SIMPLE_EXECUTOR (object));
  if (!mk_step_run_finish (result, NULL, &error) && verdict == NULL)
    {
      g_prefix_error (&error, _ ("The service was stopped, but cleanup() failed: "));
      verdict =
          error
              ? g_steal_pointer (&error)
              : g_error_new_literal (MK_ERROR,
                                     MK_ERROR_FAILED,
                                     _ ("The service was stopped, but cleanup() failed without saying why"));
    }

  stop_return (task, TRUE, verdict);
}

static void
stop_clean (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = CLEANING;
  mk_waker_clear (&self->cancel_source);

  if (mk_simple_executor_claim_cleanup (executor, NULL, self->process))
    mk_simple_executor_run_cleanup (executor, stop_on_cleaned, task);
  else
    stop_return (task, TRUE, stop_judge (task));
}

/* ---- the end ---- */

/* The service goes on being stopped, and nobody watches the deadline of a gentler request any more. */
static void
stop_end_cancelled (GTask *task)
{
  stop_send_order (g_task_get_task_data (task));
  stop_return (
      task,
      FALSE,
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Waiting for the end was cancelled")));
}

static gboolean
stop_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);

  if (self->stage == REQUESTING)
    g_cancellable_cancel (self->cancellable);
  else
    stop_end_cancelled (task);
  return G_SOURCE_REMOVE;
}

/*
 * @gone: whether nothing of the service is left
 * @error: (transfer full) (nullable)
 */
static void
stop_return (GTask *task, gboolean gone, GError *error)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker;

  mk_process_remove_listener (self->process, self->news);
  mk_waker_clear (&self->news);
  mk_waker_clear (&self->timer);
  mk_waker_clear (&self->cancel_source);

  locker = mk_simple_executor_lock (executor);
  /* Else it is late, and the next run has begun. */
  if (priv->process == self->process)
    {
      priv->n_stops--;
      /* Another stop may be cleaning up. */
      if (gone && priv->cleanup == MK_CLEANUP_NONE && priv->phase == MK_EXECUTOR_STATE_STOPPING)
        priv->phase = MK_EXECUTOR_STATE_STOPPED;
    }
  g_mutex_locker_free (locker);

  g_debug ("%s: %s", mk_simple_executor_get_program (executor), error ? error->message : "stopped");
  mk_simple_executor_return (executor, task, error);
}

/* ---- the public functions ---- */

/**
 * mk_simple_executor_stop:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops the service and waits until nothing of it is left.
 *
 * The first process gets the stop signal. When it has ended, the processes that are left get the signal,
 * too; see [property@Mk.SimpleExecutor:stop-mode]. Processes that are left after the stop timeout are
 * killed. If nothing was started, this does nothing. See [Stopping and process trees](stopping.html).
 *
 * A start that is under way is ended, and fails with %G_IO_ERROR_CANCELLED. The stop does not wait for the
 * callback of the start, which is called in the context of the start. Until then, the next start fails with
 * %G_IO_ERROR_PENDING. If another stop is under way, this one does not wait for the `cleanup` of that stop.
 *
 * Errors are:
 *
 * - %MK_ERROR_FINISHED_WITH_ERROR if the service ended, now or earlier, with a status that is neither 0 nor
 *   [property@Mk.SimpleExecutor:expected-status]. Nothing of the service is left. A service that had to be
 *   killed does not cause this error; see [method@Mk.SimpleExecutor.dup_kill_reason].
 * - %MK_ERROR_FAILED if a process could not be killed, because it changed its user, a debugger holds it, or
 *   it waits in the kernel. The supervisor continues to kill it. The state is %MK_EXECUTOR_STATE_STOPPING
 *   until the process has ended. Another stop waits again.
 * - %G_IO_ERROR_CANCELLED if @cancellable was cancelled. This ends only the waiting; the service is still
 *   being stopped.
 * - the error of `cleanup`, if there is no other one
 *
 * This function blocks, and needs no main loop. It does not run the main context of the caller.
 *
 * Returns: %TRUE if the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop (MkSimpleExecutor *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mk_worker_exists ())
    return TRUE;
  MK_SYNC (mk_simple_executor_stop, self, error, cancellable);
}

/**
 * mk_simple_executor_stop_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the service is left
 * @user_data: data for @callback
 *
 * Stops the service. See [method@Mk.SimpleExecutor.stop].
 *
 * Since: 1.0
 */
void
mk_simple_executor_stop_async (MkSimpleExecutor *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  stop_run (self, stop_new (self), mk_simple_executor_stop_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_stop_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.stop_async].
 *
 * Returns: whether the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_stop_async, error);
}

/**
 * mk_simple_executor_stop_full:
 * @self: the executor
 * @stop_signal: the signal that asks the service to end
 * @expected_status: the status that counts as success in addition to 0, or %MK_STATUS_NONE for −@stop_signal
 *   and 128 + @stop_signal
 * @timeout_ms: how long the service may take to end, in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops the service as [method@Mk.SimpleExecutor.stop] does, with other settings than those of the executor.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if there is no such signal, and with the errors of
 * [method@Mk.SimpleExecutor.stop].
 *
 * Returns: %TRUE if the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop_full (MkSimpleExecutor *self,
                              int stop_signal,
                              int expected_status,
                              guint timeout_ms,
                              GCancellable *cancellable,
                              GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mk_worker_exists ())
    return TRUE;
  MK_SYNC (mk_simple_executor_stop_full, self, error, stop_signal, expected_status, timeout_ms, cancellable);
}

/**
 * mk_simple_executor_stop_full_async:
 * @self: the executor
 * @stop_signal: the signal that asks the service to end
 * @expected_status: the status that counts as success in addition to 0, or %MK_STATUS_NONE for −@stop_signal
 *   and 128 + @stop_signal
 * @timeout_ms: how long the service may take to end, in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the service is left
 * @user_data: data for @callback
 *
 * Stops the service. See [method@Mk.SimpleExecutor.stop_full].
 *
 * Since: 1.0
 */
void
mk_simple_executor_stop_full_async (MkSimpleExecutor *self,
                                    int stop_signal,
                                    int expected_status,
                                    guint timeout_ms,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data)
{
  Stop *options;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  options = stop_new (self);
  options->stop_signal = stop_signal;
  options->expected_status = expected_status;
  options->timeout_ms = timeout_ms;
  stop_run (self, options, mk_simple_executor_stop_full_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_stop_full_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.stop_full_async].
 *
 * Returns: whether the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop_full_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_stop_full_async, error);
}

/**
 * mk_simple_executor_kill:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Kills the service and waits until nothing of it is left. Its exit status does not matter. A stop that is
 * under way ends early. This function blocks.
 *
 * Fails with %MK_ERROR_FAILED if a process cannot be killed, for example because it changed its user, and
 * with %G_IO_ERROR_CANCELLED if @cancellable was cancelled. Cancelling ends only the waiting.
 *
 * Returns: %TRUE when nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_kill (MkSimpleExecutor *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mk_worker_exists ())
    return TRUE;
  MK_SYNC (mk_simple_executor_kill, self, error, cancellable);
}

/**
 * mk_simple_executor_kill_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the service is left
 * @user_data: data for @callback
 *
 * Kills the service. See [method@Mk.SimpleExecutor.kill].
 *
 * Since: 1.0
 */
void
mk_simple_executor_kill_async (MkSimpleExecutor *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  Stop *options;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  options = stop_new (self);
  options->kill = TRUE;
  stop_run (self, options, mk_simple_executor_kill_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_kill_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.kill_async].
 *
 * Returns: whether nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_kill_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_kill_async, error);
}
