/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The beginning of a start, and its public functions. What happens then is in mk-start.c.
 */

#include "mk-start-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "process/mk-process-message-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-wake-source-private.h"
#include "process/mk-worker-private.h"

/* Call with the lock held. Returns: FALSE with an error if there is nothing to do, FALSE without one if all
 * is done */
static gboolean
may_start (MkSimpleExecutor *executor, gboolean checks, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MkSnapshot snapshot = mk_simple_executor_get_snapshot_unlocked (executor);

  switch (snapshot.state)
    {
    case MK_EXECUTOR_STATE_STARTING:
      g_set_error_literal (error,
                           G_IO_ERROR,
                           G_IO_ERROR_PENDING,
                           _ ("A start of this executor is under way; wait for its end"));
      return FALSE;

    case MK_EXECUTOR_STATE_STOPPING:
      g_set_error_literal (error,
                           G_IO_ERROR,
                           G_IO_ERROR_PENDING,
                           priv->start
                               ? _ ("A start of this executor was stopped, but has not come to its end yet: "
                                    "let its main context run")
                               : _ ("A stop of this executor is under way; wait for its end"));
      return FALSE;

    case MK_EXECUTOR_STATE_READY:
      if (checks)
        {
          g_autofree char *service = mk_process_message_service (priv->process);

          g_set_error (error,
                       MK_ERROR,
                       MK_ERROR_ALREADY_RUNNING,
                       _ ("%s is running already: this executor has started it"),
                       service);
        }
      return FALSE;

    case MK_EXECUTOR_STATE_STOPPED:
    case MK_EXECUTOR_STATE_EXITED:
    default:
      return TRUE;
    }
}

/* Finds out all that can be found out before anything happens. */
static gboolean
look_ahead (MkSimpleExecutor *executor, MkStart *self, GError **error)
{
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (executor);

  self->launch = mk_simple_executor_dup_launch (executor, error);
  if (self->launch == NULL)
    return FALSE;
  if (klass->build_command == mk_simple_executor_real_build_command &&
      !mk_launch_set_argv (self->launch, mk_simple_executor_real_build_command (executor, NULL), error))
    return FALSE;

  self->before_probe = klass->dup_probe (executor, TRUE, error);
  if (*error != NULL)
    return FALSE;
  self->probe = klass->dup_probe (executor, FALSE, error);
  return *error == NULL;
}

/* Checks what GLib would end the program for. */
static gboolean
check_resources (MkSimpleExecutor *executor, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (mk_worker_ensure (&local_error))
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_SPAWN_FAILED,
               _ ("Cannot run “%s”: %s"),
               mk_simple_executor_get_program (executor),
               local_error->message);
  return FALSE;
}

static gboolean
begin (GTask *task, GError **error)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker = NULL;

  if (!look_ahead (executor, self, error) || !check_resources (executor, error))
    return FALSE;

  locker = mk_simple_executor_lock (executor);
  if (!may_start (executor, self->before_probe != NULL, error))
    return FALSE;

  priv->phase = MK_EXECUTOR_STATE_STARTING;
  priv->start = task;
  priv->start_owes = priv->cleanup_due && mk_start_has_hooks (executor);
  priv->spawned = FALSE;
  self->begun = g_get_monotonic_time ();
  self->deadline = mk_deadline_after (priv->start_timeout);
  return TRUE;
}

/**
 * mk_simple_executor_start:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Starts the service and waits until it is ready.
 *
 * If this fails, nothing of the service is left. Errors are:
 *
 * - %MK_ERROR_INVALID_ARGUMENT if a setting makes no sense
 * - %MK_ERROR_ALREADY_RUNNING if what would be waited for is there already
 * - %MK_ERROR_SPAWN_FAILED if the program could not be run
 * - %MK_ERROR_EXITED if the process ended with another status than 0 before it was ready; one that ends with
 * 0 may have put its service into the background, so this goes on waiting then
 * - %MK_ERROR_TIMED_OUT if the start timeout passed
 * - %MK_ERROR_SUPERVISOR if the supervisor cannot be run, or was killed
 * - %G_IO_ERROR_CANCELLED if @cancellable was cancelled, or the executor was stopped meanwhile
 * - %G_IO_ERROR_PENDING if a start or a stop is under way already
 * - whatever the virtual functions and the probe report
 *
 * Starting an executor of this very class again while its service is ready changes nothing. One that has
 * a probe fails with %MK_ERROR_ALREADY_RUNNING then.
 *
 * This function blocks, and needs no main loop. The main context of the caller is not run meanwhile.
 *
 * Returns: %TRUE once the service is ready
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_start (MkSimpleExecutor *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!check_resources (self, error))
    return FALSE;
  MK_SYNC (mk_simple_executor_start, self, error, cancellable);
}

/**
 * mk_simple_executor_start_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the service is ready, or nothing of it is left
 * @user_data: data for @callback
 *
 * Starts the service. See [method@Mk.SimpleExecutor.start].
 *
 * The thread-default main context of the caller must be run for the start to go on. If it is not, the
 * service is killed all the same soon after the start timeout. Cancelling stops the service with a grace of
 * at most one second; the result comes once nothing is left.
 *
 * Since: 1.0
 */
void
mk_simple_executor_start_async (MkSimpleExecutor *self,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  GMainContext *context;
  GError *error = NULL;
  MkStart *start;
  GTask *task;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  task = g_task_new (self, cancellable, callback, user_data);
  start = g_new0 (MkStart, 1);
  g_task_set_source_tag (task, mk_simple_executor_start_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, start, (GDestroyNotify) mk_start_free);
  start->cancellable = g_cancellable_new ();
  context = g_task_get_context (task);
  start->news = mk_wake_source_attach (context, "MkStart news", mk_start_on_news, task, NULL);

  if (g_cancellable_set_error_if_cancelled (cancellable, &error) || !begin (task, &error))
    {
      mk_wake_source_destroy (start->news);
      if (error != NULL)
        g_task_return_error (task, error);
      else
        g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  start->timer = mk_wake_source_attach (context, "MkStart deadline", mk_start_on_deadline, task, NULL);
  start->cancel_source = mk_cancel_source_attach (cancellable, context, mk_start_on_cancelled, task);
  mk_emitter_wake (mk_simple_executor_get_private (self)->emitter);
  mk_start_run (task);
}

/**
 * mk_simple_executor_start_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.SimpleExecutor.start_async].
 *
 * Returns: whether the service is ready
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_start_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_simple_executor_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
