/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waiting for a service that was started: until nothing of it is left, or until a probe is satisfied.
 */

#include "mk-simple-executor-private.h"

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-waker-private.h"
#include "mk-error.h"
#include "probe/mk-probe-private.h"
#include "probe/mk-probe-wait-private.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"

typedef struct
{
  MkProcess *process; /* (owned) */
  MkProbe *probe;     /* (owned) (nullable) */
  gint64 begun;

  GCancellable *cancellable; /* (owned) of the probe's wait */
  MkWaker *news;             /* (owned) (nullable) */
  MkWaker *cancel_source;    /* (owned) (nullable) */
  gboolean checks;           /* how the service ended */
  int expected_status;       /* besides 0, where it checks */
  int stop_signal;
  gboolean polling;
  gint64 took;   /* until the deadline, 0 before */
  char *seen;    /* (owned) (nullable) by then */
  GError *error; /* (owned) (nullable) to be reported once the service is gone, or the probe's wait is over */
} ServiceWait;

static void
service_wait_free (ServiceWait *self)
{
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->probe);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_free (self->seen);
  g_free (self);
}

/* @error: (transfer full) (nullable) */
static void
service_wait_return (GTask *task, GError *error)
{
  ServiceWait *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  mk_process_remove_listener (self->process, self->news);
  mk_waker_clear (&self->news);
  mk_waker_clear (&self->cancel_source);
  if (self->probe != NULL)
    mk_probe_detach (self->probe, executor);

  mk_simple_executor_return (executor, task, error);
}

/* Returns: (transfer full): a task that waits on the process of @executor, NULL if it was answered already */
static GTask *
service_wait_new (MkSimpleExecutor *executor,
                  gpointer source_tag,
                  GSourceFunc on_news,
                  GCancellableSourceFunc on_cancelled,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  GTask *task = g_task_new (executor, cancellable, callback, user_data);
  GMainContext *context = g_task_get_context (task);
  ServiceWait *self = g_new0 (ServiceWait, 1);

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) service_wait_free);
  self->begun = g_get_monotonic_time ();
  self->cancellable = g_cancellable_new ();
  self->process = mk_simple_executor_dup_process (executor);

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return NULL;
    }

  if (self->process != NULL)
    {
      self->news = mk_waker_attach (context, "MkWait news", on_news, task, NULL);
      self->cancel_source = mk_cancel_waker_attach (cancellable, context, on_cancelled, task);
      mk_process_add_listener (self->process, self->news);
    }

  return task;
}

/* ---- until nothing is left ---- */

static gboolean
service_wait_on_news (gpointer user_data)
{
  GTask *task = user_data;
  ServiceWait *self = g_task_get_task_data (task);

  if (mk_process_get_news (self->process).gone)
    service_wait_return (task,
                         mk_simple_executor_judge_end (
                             self->process, !self->checks, self->expected_status, self->stop_signal));

  return G_SOURCE_CONTINUE;
}

static gboolean
service_wait_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  service_wait_return (
      user_data,
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Waiting for the end was cancelled")));
  return G_SOURCE_REMOVE;
}

/* @checks: whether it matters how the service ends */
static void
service_wait_run (MkSimpleExecutor *executor,
                  gboolean checks,
                  gpointer source_tag,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  GTask *task = service_wait_new (executor,
                                  source_tag,
                                  service_wait_on_news,
                                  service_wait_on_cancelled,
                                  cancellable,
                                  callback,
                                  user_data);
  ServiceWait *self;

  if (task == NULL)
    return;

  self = g_task_get_task_data (task);
  self->checks = checks;
  self->expected_status = mk_simple_executor_get_expected_status (executor);
  self->stop_signal = mk_simple_executor_get_stop_signal (executor);
  if (self->process != NULL)
    {
      mk_waker_wake (self->news);
      return;
    }
  if (mk_simple_executor_get_state (executor) == MK_EXECUTOR_STATE_STARTING)
    g_task_return_new_error (task,
                             G_IO_ERROR,
                             G_IO_ERROR_PENDING,
                             _ ("The program has not been started yet; wait until the start has finished"));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/**
 * mk_simple_executor_wait:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until nothing of the service is left. It does not ask the service to end. If nothing was started, it
 * returns at once.
 *
 * Fails with %G_IO_ERROR_PENDING if a start has not run its program yet, and with %G_IO_ERROR_CANCELLED if
 * @cancellable was cancelled.
 *
 * [method@Mk.SimpleExecutor.get_exit_status] returns the exit status of the service. This function blocks.
 *
 * Returns: %TRUE when nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait (MkSimpleExecutor *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mk_worker_exists ())
    return TRUE;
  MK_SYNC (mk_simple_executor_wait, self, error, cancellable);
}

/**
 * mk_simple_executor_wait_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the service is left
 * @user_data: data for @callback
 *
 * Waits until nothing of the service is left. See [method@Mk.SimpleExecutor.wait].
 *
 * Since: 1.0
 */
void
mk_simple_executor_wait_async (MkSimpleExecutor *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  service_wait_run (self, FALSE, mk_simple_executor_wait_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_wait_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.wait_async].
 *
 * Returns: whether nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_wait_async, error);
}

/**
 * mk_simple_executor_wait_check:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until nothing of the service is left, and checks its exit status. Use this for a command that does
 * its work and ends. See [method@Mk.SimpleExecutor.wait], which has the same errors.
 *
 * Fails with %MK_ERROR_FINISHED_WITH_ERROR if the status of its first process is neither 0 nor
 * [property@Mk.SimpleExecutor:expected-status]. A service that had to be killed when it was stopped does not
 * cause this error. Fails with %MK_ERROR_SUPERVISOR if the supervisor was killed, because the status is then
 * unknown.
 *
 * This function blocks.
 *
 * Returns: %TRUE if nothing is left and the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_check (MkSimpleExecutor *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_simple_executor_wait_check, self, error, cancellable);
}

/**
 * mk_simple_executor_wait_check_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the service is left
 * @user_data: data for @callback
 *
 * Waits until nothing of the service is left, and checks how it ended. See
 * [method@Mk.SimpleExecutor.wait_check].
 *
 * Since: 1.0
 */
void
mk_simple_executor_wait_check_async (MkSimpleExecutor *self,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data)
{
  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  service_wait_run (self, TRUE, mk_simple_executor_wait_check_async, cancellable, callback, user_data);
}

/**
 * mk_simple_executor_wait_check_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.wait_check_async].
 *
 * Returns: whether nothing is left and the service ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_check_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_wait_check_async, error);
}

/* ---- until a probe is satisfied ---- */

static void
service_wait_return_with_output (GTask *task)
{
  ServiceWait *self = g_task_get_task_data (task);
  g_autofree char *output = mk_process_message_output (self->process);

  if (self->took > 0)
    {
      g_autofree char *goal = mk_probe_describe (self->probe);

      g_clear_error (&self->error);
      self->error = mk_process_message_timed_out_error (self->process, goal, self->took, self->seen);
    }

  service_wait_return (
      task, g_error_new (self->error->domain, self->error->code, "%s%s", self->error->message, output));
}

static gboolean
service_wait_on_goal_news (gpointer user_data)
{
  GTask *task = user_data;
  ServiceWait *self = g_task_get_task_data (task);
  MkProcessNews news = mk_process_get_news (self->process);

  if (self->polling && self->error == NULL && news.exited && (news.status != 0 || news.lost || news.gone))
    {
      g_autofree char *goal = mk_probe_describe (self->probe);

      self->error = mk_process_message_exited_error (self->process, goal, self->begun);
      g_cancellable_cancel (self->cancellable);
    }
  else if (!self->polling && (news.gone || news.stuck != 0))
    service_wait_return_with_output (task);

  return G_SOURCE_CONTINUE;
}

static gboolean
service_wait_on_goal_cancelled (GCancellable *cancellable, gpointer user_data)
{
  ServiceWait *self = g_task_get_task_data (user_data);

  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
service_wait_on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  ServiceWait *self = g_task_get_task_data (task);
  g_autofree char *last_seen = NULL;
  GError *error = NULL;
  gboolean timed_out;
  gboolean there = mk_probe_wait_run_finish (result, &timed_out, &last_seen, &error);

  self->polling = FALSE;
  if (self->error != NULL)
    {
      g_clear_error (&error);
      service_wait_return_with_output (task);
    }
  else if (there)
    service_wait_return (task, NULL);
  else if (timed_out)
    {
      self->took = g_get_monotonic_time () - self->begun;
      self->seen = g_steal_pointer (&last_seen);
      self->error = error;
      mk_process_kill (self->process, mk_process_get_launch (self->process)->kill_signal);
      service_wait_on_goal_news (task);
    }
  else
    service_wait_return (task, error);
}

/**
 * mk_simple_executor_wait_for:
 * @self: the executor
 * @probe: what to wait for
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until @probe is satisfied, within the rest of the start timeout. Use this for further conditions
 * right after a start. At other times, use [method@Mk.Probe.wait].
 *
 * Fails with %MK_ERROR_TIMED_OUT if the start timeout passes: the service is then killed, and nothing of it
 * is left. Fails with %MK_ERROR_EXITED if the first process of the service ends with a status other than 0,
 * and with %MK_ERROR_FAILED if nothing was started. This function blocks.
 *
 * Returns: %TRUE once the probe is satisfied
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_for (MkSimpleExecutor *self,
                             MkProbe *probe,
                             GCancellable *cancellable,
                             GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (MK_IS_PROBE (probe), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_simple_executor_wait_for, self, error, probe, cancellable);
}

/**
 * mk_simple_executor_wait_for_async:
 * @self: the executor
 * @probe: what to wait for
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until @probe is satisfied. See [method@Mk.SimpleExecutor.wait_for].
 *
 * Since: 1.0
 */
void
mk_simple_executor_wait_for_async (MkSimpleExecutor *self,
                                   MkProbe *probe,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data)
{
  MkSimpleExecutorPrivate *priv;
  GMutexLocker *locker;
  gint64 deadline;
  GTask *task;
  ServiceWait *wait;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));
  g_return_if_fail (MK_IS_PROBE (probe));

  task = service_wait_new (self,
                           mk_simple_executor_wait_for_async,
                           service_wait_on_goal_news,
                           service_wait_on_goal_cancelled,
                           cancellable,
                           callback,
                           user_data);
  if (task == NULL)
    return;

  wait = g_task_get_task_data (task);
  if (wait->process == NULL)
    {
      g_task_return_new_error (
          task, MK_ERROR, MK_ERROR_FAILED, _ ("Nothing was started yet; call start() first"));
      g_object_unref (task);
      return;
    }

  priv = mk_simple_executor_get_private (self);
  locker = mk_simple_executor_lock (self);
  deadline = priv->start_deadline;
  g_mutex_locker_free (locker);

  wait->probe = g_object_ref (probe);
  wait->polling = TRUE;
  mk_probe_attach (probe, self);
  mk_probe_wait_run_async (
      probe, TRUE, deadline, NULL, NULL, wait->cancellable, service_wait_on_polled, task);
  service_wait_on_goal_news (task);
}

/**
 * mk_simple_executor_wait_for_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.wait_for_async].
 *
 * Returns: whether the probe is satisfied
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_for_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_wait_for_async, error);
}
