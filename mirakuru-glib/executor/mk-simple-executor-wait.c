/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waiting for a service that was started: until nothing of it is left, or until a probe is satisfied.
 */

#include "mk-simple-executor-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"
#include "probe/mk-probe-wait-private.h"
#include "probe/mk-probe-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-wake-source-private.h"

typedef struct
{
  MkProcess *process; /* (owned) */
  MkProbe *probe;     /* (owned) (nullable) */
  gint64 begun;

  GCancellable *cancellable;   /* (owned) of the poller */
  MkWakeSource *news;          /* (owned) (nullable) */
  MkWakeSource *cancel_source; /* (owned) (nullable) */
  gboolean polling;
  GError *error; /* (owned) (nullable) to be reported once the service is gone, or the poller is done */
} Wait;

static void
wait_free (Wait *self)
{
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->probe);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_free (self);
}

/* @error: (transfer full) (nullable) */
static void
finish (GTask *task, GError *error)
{
  Wait *self = g_task_get_task_data (task);

  mk_process_remove_listener (self->process, self->news);
  mk_wake_source_clear (&self->news);
  mk_wake_source_clear (&self->cancel_source);
  if (self->probe != NULL)
    mk_probe_detach (self->probe, g_task_get_source_object (task));

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* Returns: (transfer full) (nullable): not that of the run before the start that is under way */
static MkProcess *
dup_current_process (MkSimpleExecutor *executor)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker = mk_simple_executor_lock (executor);
  gboolean is_old;

  is_old = priv->start != NULL && !priv->spawned;
  g_mutex_locker_free (locker);

  return is_old ? NULL : mk_simple_executor_dup_process (executor);
}

/* Returns: (transfer full): a task that waits on the process of @executor, NULL if it was answered already */
static GTask *
wait_new (MkSimpleExecutor *executor,
          gpointer source_tag,
          GSourceFunc on_news,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
  GTask *task = g_task_new (executor, cancellable, callback, user_data);
  Wait *self = g_new0 (Wait, 1);

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) wait_free);
  self->begun = g_get_monotonic_time ();
  self->cancellable = g_cancellable_new ();
  self->process = dup_current_process (executor);

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return NULL;
    }

  if (self->process != NULL)
    {
      self->news = mk_wake_source_attach (g_task_get_context (task), "MkWait news", on_news, task, NULL);
      mk_process_add_listener (self->process, self->news);
    }

  return task;
}

static void
watch_cancellable (GTask *task, GCancellableSourceFunc func)
{
  Wait *self = g_task_get_task_data (task);

  self->cancel_source =
      mk_cancel_source_attach (g_task_get_cancellable (task), g_task_get_context (task), func, task);
}

/* ---- until nothing is left ---- */

static gboolean
on_wait_news (gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);

  if (mk_process_get_news (self->process).gone)
    finish (task, NULL);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_wait_cancelled (GCancellable *cancellable, gpointer user_data)
{
  finish (user_data,
          g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Waiting for the end was cancelled")));
  return G_SOURCE_REMOVE;
}

/**
 * mk_simple_executor_wait:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until nothing of the service is left, without asking it to end. If nothing was started, there is
 * nothing to wait for; while a start has not run its program yet, this fails with %G_IO_ERROR_PENDING.
 *
 * What the service ended with is told by [method@Mk.SimpleExecutor.get_exit_status]. This function blocks.
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
  GTask *task;
  Wait *wait;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  task = wait_new (self, mk_simple_executor_wait_async, on_wait_news, cancellable, callback, user_data);
  if (task == NULL)
    return;

  wait = g_task_get_task_data (task);
  if (wait->process != NULL)
    {
      watch_cancellable (task, on_wait_cancelled);
      on_wait_news (task);
      return;
    }

  if (mk_simple_executor_get_state (self) == MK_EXECUTOR_STATE_STARTING)
    g_task_return_new_error (
        task, G_IO_ERROR, G_IO_ERROR_PENDING, _ ("The start has not run its program yet; wait for its end"));
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/**
 * mk_simple_executor_wait_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.wait_async].
 *
 * Returns: whether nothing is left
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_simple_executor_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- until a probe is satisfied ---- */

static void
finish_with_output (GTask *task)
{
  Wait *self = g_task_get_task_data (task);
  g_autofree char *output = mk_process_message_output (self->process);

  finish (task, g_error_new (self->error->domain, self->error->code, "%s%s", self->error->message, output));
}

static void
set_timed_out (Wait *self, const char *last_seen)
{
  g_autofree char *goal = mk_probe_describe (self->probe);

  self->error = mk_process_message_timed_out_error (self->process, goal, self->begun, last_seen);
}

static gboolean
on_wait_for_news (gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);
  MkProcessNews news = mk_process_get_news (self->process);

  if (self->polling && self->error == NULL && news.exited && (news.status != 0 || news.lost || news.gone))
    {
      g_autofree char *goal = mk_probe_describe (self->probe);

      self->error = mk_process_message_exited_error (self->process, goal, self->begun);
      g_cancellable_cancel (self->cancellable);
    }
  else if (!self->polling && news.gone)
    finish_with_output (task);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_wait_for_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Wait *self = g_task_get_task_data (user_data);

  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);
  g_autofree char *last_seen = NULL;
  GError *error = NULL;
  gboolean timed_out;
  gboolean there = mk_poller_run_finish (result, &timed_out, &last_seen, &error);

  self->polling = FALSE;
  if (self->error != NULL)
    {
      g_clear_error (&error);
      finish_with_output (task);
    }
  else if (there)
    finish (task, NULL);
  else if (timed_out)
    {
      g_clear_error (&error);
      set_timed_out (self, last_seen);
      mk_process_kill (self->process, mk_process_get_launch (self->process)->kill_signal);
      on_wait_for_news (task);
    }
  else
    finish (task, error);
}

/**
 * mk_simple_executor_wait_for:
 * @self: the executor
 * @probe: what to wait for
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until @probe is satisfied, within what is left of the start timeout. This is for further conditions
 * right after a start; to wait at other times, use [method@Mk.Probe.wait].
 *
 * Fails with %MK_ERROR_TIMED_OUT when the start timeout has passed: then the service is killed, and nothing
 * of it is left. Fails with %MK_ERROR_EXITED if the process of the service ends with another status than 0
 * meanwhile, and with %MK_ERROR_FAILED if nothing was started. This function blocks.
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
  Wait *wait;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));
  g_return_if_fail (MK_IS_PROBE (probe));

  task =
      wait_new (self, mk_simple_executor_wait_for_async, on_wait_for_news, cancellable, callback, user_data);
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

  watch_cancellable (task, on_wait_for_cancelled);
  wait->probe = g_object_ref (probe);
  wait->polling = TRUE;
  mk_probe_attach (probe, self);
  mk_poller_run_async (probe, TRUE, deadline, NULL, NULL, wait->cancellable, on_polled, task);
  on_wait_for_news (task);
}

/**
 * mk_simple_executor_wait_for_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.wait_for_async].
 *
 * Returns: whether the probe is satisfied
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_wait_for_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_simple_executor_wait_for_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
