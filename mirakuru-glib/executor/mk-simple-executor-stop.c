/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end of a service, as an operation on the context of its caller.
 *
 *   REQUESTING ──> WAITING ──> CLEANING ──> done
 *
 * Any number of stops may be under way, in any contexts: each says what it wants to the supervisor, which
 * takes the stricter order, and waits for the process to be gone. request_stop and cleanup are called by the
 * one that comes first. Escalation is the supervisor's part; here only request_stop needs a deadline.
 */

#include "mk-simple-executor-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-message-private.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"
#include "base/mk-step-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-wake-source-private.h"

#define STEP_GRACE_MS 1000
/* How long the stop signal has to work at least, when a gentler request took all the time. */
#define MIN_SIGNAL_TIME_MS 1000

typedef enum
{
  REQUESTING,
  WAITING,
  CLEANING,
} Stage;

typedef struct
{
  Stage stage;
  MkProcess *process; /* (owned) */
  gboolean kill;
  int stop_signal;
  int kill_signal;
  int expected_status;
  guint timeout_ms;
  gint64 deadline;

  GTask *preempted; /* (owned) (nullable) the start that this has ended */

  GCancellable *cancellable;   /* (owned) of request_stop */
  MkWakeSource *news;          /* (owned) (nullable) */
  MkWakeSource *timer;         /* (owned) (nullable) the deadline after request_stop */
  MkWakeSource *cancel_source; /* (owned) (nullable) */
  gboolean cancelled;
  gboolean cleans; /* it is this one that runs cleanup */
} Stop;

static void
stop_free (Stop *self)
{
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->cancellable);
  g_free (self);
}

/* ---- cleaning up, for starts and stops ---- */

/*
 * Only the start that is under way, or else a stop of the process of the last start, may clean up: a stop
 * whose context runs late must not do it to the run after.
 *
 * Returns: whether the caller, either @start or a stop of @process, has to run cleanup now
 */
gboolean
mk_simple_executor_claim_cleanup (MkSimpleExecutor *self, GTask *start, MkProcess *process)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (self);
  gboolean entitled = priv->start == start && (start != NULL || priv->process == process);
  gboolean due = entitled && priv->cleanup_due;

  due = due && MK_SIMPLE_EXECUTOR_GET_CLASS (self)->cleanup != mk_simple_executor_real_step;
  if (entitled)
    priv->cleanup_due = FALSE;
  priv->cleaning = priv->cleaning || (due && start == NULL);
  return due;
}

/* End it with mk_step_run_finish(). It has the stop timeout, and cannot be cancelled. */
void
mk_simple_executor_run_cleanup (MkSimpleExecutor *self, GAsyncReadyCallback callback, gpointer user_data)
{
  guint timeout_ms = mk_simple_executor_get_stop_timeout (self);

  mk_step_run_async (self,
                     (MkStepFunc) MK_SIMPLE_EXECUTOR_GET_CLASS (self)->cleanup,
                     "cleanup()",
                     mk_deadline_after (timeout_ms),
                     STEP_GRACE_MS,
                     NULL,
                     callback,
                     user_data);
}

/* ---- the end of the operation ---- */

/* Call with the lock held. */
static void
leave_phase (MkSimpleExecutorPrivate *priv, MkProcess *process, gboolean gone)
{
  priv->n_stops--;
  if (gone && !priv->cleaning && priv->process == process && priv->phase == MK_EXECUTOR_STATE_STOPPING)
    priv->phase = MK_EXECUTOR_STATE_STOPPED;
}

/* @error: (transfer full) (nullable) */
static void
finish (GTask *task, gboolean gone, GError *error)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker;

  mk_process_remove_listener (self->process, self->news);
  mk_wake_source_clear (&self->news);
  mk_wake_source_clear (&self->timer);
  mk_wake_source_clear (&self->cancel_source);

  locker = mk_simple_executor_lock (executor);
  if (self->cleans)
    priv->cleaning = FALSE;
  leave_phase (priv, self->process, gone);
  g_mutex_locker_free (locker);
  mk_emitter_wake (priv->emitter);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static gboolean
ended_well (Stop *self, const MkProcessNews *news)
{
  int expected = self->expected_status != MK_STATUS_NONE ? self->expected_status : -self->stop_signal;

  /* A status that the kill signal caused says nothing. */
  return !news->exited || (news->killed && news->asked) || news->status == 0 || news->status == expected;
}

static GError *
denied_error (Stop *self, GPid pid)
{
  g_autofree char *service = mk_process_message_service (self->process);

  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      /* Translators: a service, the number of a process */
                      _ ("%s is still running: its process %d belongs to another user, and cannot be killed"),
                      service,
                      (int) pid);
}

/* As one that waits for a broken disk, or that a debugger holds */
static GError *
stuck_error (Stop *self, GPid pid)
{
  g_autofree char *service = mk_process_message_service (self->process);

  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      /* Translators: a service, the number of a process */
                      _ ("%s is still running: process %d does not end, although it was killed"),
                      service,
                      (int) pid);
}

/* Returns: (transfer full) (nullable): what is wrong with the way the service ended */
static GError *
judge (Stop *self)
{
  MkProcessNews news = mk_process_get_news (self->process);
  g_autofree char *service = NULL;
  g_autofree char *status = NULL;
  g_autofree char *output = NULL;

  if (news.lost && news.denied != 0)
    return denied_error (self, news.denied);
  if (news.stuck)
    return stuck_error (self, news.pid);
  if (self->kill || (!news.lost && ended_well (self, &news)))
    return NULL;

  service = mk_process_message_service (self->process);
  if (news.lost)
    return g_error_new (
        MK_ERROR,
        MK_ERROR_SUPERVISOR,
        _ ("The supervisor of %s was killed, and the service with it; how the service ended is unknown"),
        service);

  status = mk_message_status (news.status);
  output = mk_process_message_output (self->process);
  return g_error_new (MK_ERROR,
                      MK_ERROR_FINISHED_WITH_ERROR,
                      /* Translators: a service, “exited with status 1” or “was ended by signal 9 (Killed)”,
                       * its last output or nothing */
                      news.asked ? _ ("%s %s when it was stopped%s")
                                 /* Translators: a service, “exited with status 1” or “was ended by signal 9
                                  * (Killed)”, its last output or nothing */
                                 : _ ("%s had ended by itself: it %s%s"),
                      service,
                      status,
                      output);
}

static void
on_cleaned_up (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GError *verdict = judge (self);

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

  finish (task, TRUE, verdict);
}

static void
process_is_gone (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = CLEANING;
  mk_wake_source_clear (&self->cancel_source);

  self->cleans = mk_simple_executor_claim_cleanup (executor, NULL, self->process);
  if (self->cleans)
    mk_simple_executor_run_cleanup (executor, on_cleaned_up, task);
  else
    finish (task, TRUE, judge (self));
}

/* ---- asking ---- */

static void
check_gone (GTask *task)
{
  Stop *self = g_task_get_task_data (task);

  if (!mk_process_get_news (self->process).gone)
    return;

  if (self->stage == WAITING)
    process_is_gone (task);
  else if (self->stage == REQUESTING)
    g_cancellable_cancel (self->cancellable);
}

static guint
time_left_ms (Stop *self)
{
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

  if (self->deadline == G_MAXINT64)
    return 0;
  return (guint) CLAMP (left, MIN (MIN_SIGNAL_TIME_MS, self->timeout_ms), G_MAXUINT);
}

static void
send_order (Stop *self)
{
  if (self->kill)
    mk_process_kill (self->process, self->kill_signal);
  else
    mk_process_stop (self->process, self->stop_signal, self->kill_signal, time_left_ms (self));
}

static void
return_cancelled (GTask *task)
{
  finish (task,
          FALSE,
          g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Waiting for the end was cancelled")));
}

static void
on_requested (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);
  gboolean requested = mk_step_run_finish (result, NULL, NULL);

  self->stage = WAITING;
  if (self->cancelled)
    {
      send_order (self);
      return_cancelled (task);
      return;
    }

  if (!requested)
    send_order (self);
  else
    mk_wake_source_wake_at (self->timer, self->deadline);
  check_gone (task);
}

static gboolean
on_news (gpointer user_data)
{
  check_gone (user_data);
  return G_SOURCE_CONTINUE;
}

/* The gentler request was taken, but the service is still there. */
static gboolean
on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);

  mk_process_kill (self->process, self->kill_signal);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Stop *self = g_task_get_task_data (task);

  self->cancelled = TRUE;
  if (self->stage == REQUESTING)
    g_cancellable_cancel (self->cancellable);
  else
    {
      /* Nobody watches the deadline of a gentler request from here on. */
      send_order (self);
      return_cancelled (task);
    }

  return G_SOURCE_REMOVE;
}

/* ---- the beginning ---- */

/*
 * A start with no process winds itself up. But its context may not be run any more: with nothing to be done
 * at its end, it is forgotten.
 *
 * Call with the lock held.
 */
static void
leave_start (Stop *self, MkSimpleExecutorPrivate *priv)
{
  mk_start_preempt (priv->start, FALSE);
  priv->phase = MK_EXECUTOR_STATE_STOPPING;
  if (priv->start_owes)
    return;

  self->preempted = g_object_ref (g_steal_pointer (&priv->start));
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
  priv->cleanup_due = FALSE;
}

/* Returns: whether there is a process whose end has to be waited for */
static gboolean
begin (GTask *task, gboolean *requests)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (executor);
  gboolean starting = priv->start != NULL;

  if (priv->process == NULL || (starting && mk_process_get_news (priv->process).gone))
    {
      if (starting)
        leave_start (self, priv);
      return FALSE;
    }
  if (priv->phase == MK_EXECUTOR_STATE_STOPPED && !priv->cleanup_due)
    return FALSE;

  if (starting)
    {
      mk_start_preempt (priv->start, TRUE);
      self->preempted = g_object_ref (g_steal_pointer (&priv->start));
    }
  *requests = !self->kill && !starting && !priv->request_made && priv->phase == MK_EXECUTOR_STATE_READY &&
              !mk_process_get_news (priv->process).gone &&
              MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->request_stop != mk_simple_executor_real_request_stop;
  priv->request_made = TRUE;
  priv->phase = MK_EXECUTOR_STATE_STOPPING;
  priv->n_stops++;
  self->process = mk_process_ref (priv->process);
  return TRUE;
}

static void
request (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = REQUESTING;
  mk_process_set_asked (self->process);
  mk_process_set_limit (self->process, self->deadline);
  mk_step_run_async (executor,
                     (MkStepFunc) MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->request_stop,
                     "request_stop()",
                     self->deadline,
                     STEP_GRACE_MS,
                     self->cancellable,
                     on_requested,
                     task);
}

static void
add_sources (GTask *task)
{
  Stop *self = g_task_get_task_data (task);
  GMainContext *context = g_task_get_context (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  self->news = mk_wake_source_attach (context, "MkStop news", on_news, task, NULL);
  self->timer = mk_wake_source_attach (context, "MkStop deadline", on_deadline, task, NULL);
  self->cancel_source = mk_cancel_source_attach (cancellable, context, on_cancelled, task);
  mk_process_add_listener (self->process, self->news);
}

/* @self: (transfer full) */
static void
stop (MkSimpleExecutor *executor,
      Stop *self,
      gpointer source_tag,
      GCancellable *cancellable,
      GAsyncReadyCallback callback,
      gpointer user_data)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GTask *task = g_task_new (executor, cancellable, callback, user_data);
  gboolean requests = FALSE;
  gboolean waits;
  GError *error = NULL;

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) stop_free);
  self->kill_signal = mk_simple_executor_get_kill_signal (executor);
  self->cancellable = g_cancellable_new ();
  self->deadline = mk_deadline_after (self->timeout_ms);

  if (g_cancellable_set_error_if_cancelled (cancellable, &error) ||
      !mk_launch_validate_signal (self->stop_signal, &error) ||
      !mk_launch_validate_signal (self->kill_signal, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  waits = begin (task, &requests);
  if (self->preempted != NULL)
    mk_start_detach (self->preempted);
  if (waits || self->preempted != NULL)
    mk_emitter_wake (priv->emitter);
  g_clear_object (&self->preempted);
  if (!waits)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  add_sources (task);
  if (requests)
    {
      request (task);
      return;
    }

  self->stage = WAITING;
  send_order (self);
  /* It may be gone already, but those who watch the state are told first that it is being stopped. */
  mk_wake_source_wake (self->news);
}

static Stop *
new_stop (MkSimpleExecutor *executor)
{
  Stop *self = g_new0 (Stop, 1);

  self->stop_signal = mk_simple_executor_get_stop_signal (executor);
  self->expected_status = mk_simple_executor_get_expected_status (executor);
  self->timeout_ms = mk_simple_executor_get_stop_timeout (executor);
  return self;
}

static gboolean
finish_operation (MkSimpleExecutor *self, GAsyncResult *result, gpointer source_tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, source_tag), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_simple_executor_stop:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops the service and waits until nothing of it is left.
 *
 * All of its processes get the stop signal; what is left when the stop timeout has passed is killed. If
 * nothing was started, there is nothing to do. A start that is under way is ended, and fails with
 * %G_IO_ERROR_CANCELLED. One that has not run its program yet, but is in prepare() for example, is not waited
 * for: its own result tells when it has come to its end. Nor is the cleanup() of another stop of the same
 * service; the next start is possible when that is done.
 *
 * Fails with %MK_ERROR_FINISHED_WITH_ERROR if the service ended, now or earlier, with a status that is
 * neither 0 nor the expected one, unless it had to be killed; all the same nothing is left then. Fails with
 * %MK_ERROR_FAILED if a process of it has become another user's, and cannot be killed. Cancelling
 * only ends the waiting, with %G_IO_ERROR_CANCELLED: the service goes on being stopped.
 *
 * This function blocks, and needs no main loop. The main context of the caller is not run meanwhile.
 *
 * Returns: %TRUE if the service ended well
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

  stop (self, new_stop (self), mk_simple_executor_stop_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_stop_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.stop_async].
 *
 * Returns: whether the service ended well
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return finish_operation (self, result, mk_simple_executor_stop_async, error);
}

/**
 * mk_simple_executor_stop_full:
 * @self: the executor
 * @stop_signal: the signal that asks the service to end
 * @expected_status: the status that is fine besides 0, or %MK_STATUS_NONE for −@stop_signal
 * @timeout_ms: how long the service has to end, in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops the service as [method@Mk.SimpleExecutor.stop] does, with other settings than those of the executor.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if there is no such signal.
 *
 * Returns: %TRUE if the service ended well
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
 * @expected_status: the status that is fine besides 0, or %MK_STATUS_NONE for −@stop_signal
 * @timeout_ms: how long the service has to end, in milliseconds, 0 for no limit
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

  options = new_stop (self);
  options->stop_signal = stop_signal;
  options->expected_status = expected_status;
  options->timeout_ms = timeout_ms;
  stop (self, options, mk_simple_executor_stop_full_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_stop_full_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.stop_full_async].
 *
 * Returns: whether the service ended well
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_stop_full_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return finish_operation (self, result, mk_simple_executor_stop_full_async, error);
}

/**
 * mk_simple_executor_kill:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Kills the service and waits until nothing of it is left. The status it ended with does not matter. A stop
 * that is under way is cut short. Fails with %MK_ERROR_FAILED if a process of it has become another user's,
 * and cannot be killed.
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

  options = new_stop (self);
  options->kill = TRUE;
  stop (self, options, mk_simple_executor_kill_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_kill_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.kill_async].
 *
 * Returns: whether nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_kill_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return finish_operation (self, result, mk_simple_executor_kill_async, error);
}
