/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The start of a service, as an operation on the context of its caller.
 *
 *   TIDYING ──> CHECKING ──> PREPARING ──> SPAWNING ──> WAITING ──> COMPLETING ──> ready
 *      └───────────┴─────────────┴────────────┴────────────┴────────────┴──> ENDING ──> WINDING_UP ──> failed
 *
 * Each stage is left by a callback: of a step (a probe, a vfunc) or of the source `news`, which the process
 * wakes. While a step is under way (`in_step`) a failure only cancels it; the step's callback then goes on to
 * ENDING, so that nothing of a step is pending when the task returns.
 *
 * A stop may come from another context, and must not have to wait for this one. With the executor's lock held
 * it preempts the start. If there is a process it takes it over: the start then touches neither the process
 * nor the phase any more, and only waits for the process to be gone. If there is none, none will be spawned,
 * and the start winds itself up. The next start has to wait for that only if prepare() may have been called.
 */

#include "mk-start-private.h"

#include "mk-error.h"
#include "mk-executor.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-message-private.h"
#include "process/mk-process-message-private.h"
#include "probe/mk-probe-wait-private.h"
#include "probe/mk-probe-private.h"
#include "base/mk-step-private.h"
#include "base/mk-wake-source-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long a step that is no longer wanted may take to return its task. */
#define STEP_GRACE_MS 1000

static void end (GTask *task);
static gboolean has_failed (GTask *task);

void
mk_start_free (MkStart *self)
{
  g_clear_pointer (&self->launch, mk_launch_free);
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->before_probe);
  g_clear_object (&self->probe);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_clear_pointer (&self->news, mk_wake_source_unref);
  g_free (self);
}

static gboolean
is_taken (MkStart *self)
{
  return g_atomic_int_get (&self->preemption) == TAKEN;
}

/* Whether there is something that a start and its end must do in turn. */
gboolean
mk_start_has_hooks (MkSimpleExecutor *executor)
{
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (executor);

  return klass->prepare != mk_simple_executor_real_step || klass->cleanup != mk_simple_executor_real_step;
}

/* Call with the lock of the executor held. */
void
mk_start_preempt (GTask *start, gboolean takes_process)
{
  MkStart *self = g_task_get_task_data (start);

  g_atomic_int_set (&self->preemption, takes_process ? TAKEN : CANCELLED);
  mk_wake_source_wake (self->news);
}

/* Call without the lock. A stop that took the process does it, for the next start may use the same probe. */
void
mk_start_detach (GTask *start)
{
  MkStart *self = g_task_get_task_data (start);

  if (g_atomic_int_compare_and_exchange (&self->attached, TRUE, FALSE))
    mk_probe_detach (self->probe, g_task_get_source_object (start));
}

/* ---- failing ---- */

static GError *
preempted_error (MkStart *self)
{
  /* Translators: stands in “The service was stopped before it was ready” */
  g_autofree char *name =
      self->process ? mk_process_message_service (self->process) : g_strdup (_ ("The service"));

  return g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("%s was stopped before it was ready"), name);
}

/* @error: (transfer full): the first one counts, but whatever fails after a stop fails because of the stop */
static void
fail (GTask *task, GError *error)
{
  MkStart *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_error_free (error);
  else if (g_atomic_int_get (&self->preemption) != NOT_PREEMPTED)
    {
      g_error_free (error);
      self->error = preempted_error (self);
    }
  else
    self->error = error;

  if (self->stage >= ENDING)
    return;
  if (self->in_step)
    g_cancellable_cancel (self->cancellable);
  else
    end (task);
}

static void
fail_preempted (GTask *task)
{
  fail (task, preempted_error (g_task_get_task_data (task)));
}

static char *
dup_goal (MkStart *self)
{
  /* Translators: a clause that stands after “waiting for” */
  return self->probe ? mk_probe_describe (self->probe) : g_strdup (_ ("its start to be complete"));
}

static void
fail_timed_out (GTask *task, const char *last_seen)
{
  MkStart *self = g_task_get_task_data (task);
  g_autofree char *goal = dup_goal (self);

  fail (task, mk_process_message_timed_out_error (self->process, goal, self->begun, last_seen));
}

static void
fail_exited (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  g_autofree char *goal = dup_goal (self);

  if (mk_process_get_news (self->process).expired)
    fail_timed_out (task, NULL);
  else
    fail (task, mk_process_message_exited_error (self->process, goal, self->begun));
}

/* Ends the operation, but for the answer. */
static void
release (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  mk_wake_source_destroy (self->news);
  mk_wake_source_clear (&self->timer);
  mk_wake_source_clear (&self->cancel_source);
  mk_start_detach (task);

  mk_emitter_wake (mk_simple_executor_get_private (executor)->emitter);
}

static void
explain_exit (MkStart *self)
{
  GError *better = NULL;

  if (g_atomic_int_get (&self->attached) && g_error_matches (self->error, MK_ERROR, MK_ERROR_EXITED))
    better = mk_probe_explain_exit (self->probe);
  if (better == NULL)
    return;

  g_error_free (self->error);
  self->error = better;
}

static void
return_failure (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker = mk_simple_executor_lock (executor);

  if (priv->start == task)
    {
      priv->start = NULL;
      priv->phase = MK_EXECUTOR_STATE_STOPPED;
    }
  g_mutex_locker_free (locker);

  /* By now all of the output is there. */
  explain_exit (self);
  if (self->error->domain == MK_ERROR && self->process != NULL &&
      mk_process_get_news (self->process).pid != 0)
    {
      g_autofree char *output = mk_process_message_output (self->process);
      g_autofree char *message = g_strconcat (self->error->message, output, NULL);

      g_free (self->error->message);
      self->error->message = g_steal_pointer (&message);
    }

  release (task);
  g_task_return_error (task, g_steal_pointer (&self->error));
  g_object_unref (task);
}

static void
on_cleaned_up (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  MkStart *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!mk_step_run_finish (result, NULL, &error))
    {
      g_autofree char *message =
          g_strdup_printf (/* Translators: a sentence, why */ _ ("%s (and cleaning up failed: %s)"),
                           self->error->message,
                           error ? error->message : _ ("no reason given"));

      g_free (self->error->message);
      self->error->message = g_steal_pointer (&message);
    }

  return_failure (task);
}

/* Nothing of the service is left. */
static void
wind_up (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = WINDING_UP;
  if (!is_taken (self) && mk_simple_executor_claim_cleanup (executor, task, NULL))
    mk_simple_executor_run_cleanup (executor, on_cleaned_up, task);
  else
    return_failure (task);
}

static void
end (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  gboolean cancelled = g_error_matches (self->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  MkLaunch *launch;

  self->stage = ENDING;
  if (self->process == NULL || mk_process_get_news (self->process).gone)
    {
      wind_up (task);
      return;
    }
  if (is_taken (self))
    return;

  launch = mk_process_get_launch (self->process);
  if (cancelled)
    mk_process_stop (self->process,
                     launch->stop_signal,
                     launch->kill_signal,
                     launch->stop_timeout > 0 ? MIN (launch->stop_timeout, MK_UNWAITED_GRACE_MS)
                                              : MK_UNWAITED_GRACE_MS);
  else
    mk_process_kill (self->process, launch->kill_signal);
}

/* Returns: whether the start goes on after a step */
static gboolean
step_is_over (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);

  self->in_step = FALSE;
  if (self->error == NULL)
    return TRUE;

  end (task);
  return FALSE;
}

/* ---- steps of a subclass ---- */

/* @error: (transfer full) (nullable). Returns: (transfer full): the same, with the service and the step named
 */
static GError *
step_error (GTask *task, GError *error, const char *name, gboolean names_step)
{
  const char *service = mk_simple_executor_get_program (g_task_get_source_object (task));

  if (error == NULL)
    return g_error_new (MK_ERROR,
                        MK_ERROR_FAILED,
                        /* Translators: a program, a function */ _ ("%s: %s failed without saying why"),
                        service,
                        _ (name));

  if (names_step)
    g_prefix_error (&error, "%s: ", service);
  else
    /* Translators: a program, a function; why stands behind this */
    g_prefix_error (&error, _ ("%s: %s failed: "), service, _ (name));
  return error;
}

/* Goes on to @next at once where the class does not override the step; else @callback does with end_step().
 */
static void
run_step (GTask *task,
          void (*step) (MkSimpleExecutor *, GTask *),
          const char *name,
          GAsyncReadyCallback callback,
          void (*next) (GTask *))
{
  MkStart *self = g_task_get_task_data (task);

  if (step == mk_simple_executor_real_step)
    {
      next (task);
      return;
    }

  self->in_step = TRUE;
  mk_step_run_async (g_task_get_source_object (task),
                     (MkStepFunc) step,
                     name,
                     self->deadline,
                     STEP_GRACE_MS,
                     self->cancellable,
                     callback,
                     task);
}

static void
end_step (GTask *task, GAsyncResult *result, const char *name, void (*next) (GTask *))
{
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, NULL, &error);

  if (!step_is_over (task))
    return;
  if (done)
    next (task);
  else
    fail (task, step_error (task, g_steal_pointer (&error), name, mk_step_run_is_to_blame (result, name)));
}

/* ---- the last stage ---- */

static void
become_ready (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker;
  gboolean preempted;

  mk_process_set_limit (self->process, G_MAXINT64);
  if (mk_process_get_news (self->process).expired)
    {
      fail_timed_out (task, NULL);
      return;
    }

  locker = mk_simple_executor_lock (executor);
  preempted = g_atomic_int_get (&self->preemption) != NOT_PREEMPTED;
  if (!preempted)
    {
      priv->start = NULL;
      priv->phase = MK_EXECUTOR_STATE_READY;
    }
  g_mutex_locker_free (locker);

  if (preempted)
    {
      fail_preempted (task);
      return;
    }

  release (task);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
become_ready_if_alive (GTask *task)
{
  if (has_failed (task))
    fail_exited (task);
  else
    become_ready (task);
}

static void
on_completed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  end_step (user_data, result, "started()", become_ready_if_alive);
}

static void
complete (GTask *task)
{
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkStart *self = g_task_get_task_data (task);

  self->stage = COMPLETING;
  run_step (task, MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->started, "started()", on_completed, become_ready);
}

/* ---- waiting until the service is ready ---- */

/*
 * A process that ended with status 0 may have put its service into the background, where it still belongs to
 * the tree. With nothing left, only a subclass can know of a service: what answers then is somebody else's.
 * But what the service has said counts.
 */
static gboolean
has_failed (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (g_task_get_source_object (task));
  MkProcessNews news = mk_process_get_news (self->process);

  return news.lost || (news.exited && news.status != 0) ||
         (news.gone && self->probe != NULL && klass->check_alive == mk_simple_executor_real_check_alive &&
          !mk_probe_is_met (self->probe));
}

static gboolean
is_alive (gpointer user_data, GError **error)
{
  GTask *task = user_data;
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *service = NULL;

  if (!mk_process_get_news (self->process).exited ||
      MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->check_alive (executor, &local_error))
    return TRUE;

  service = mk_process_message_service (self->process);
  if (local_error != NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_EXITED,
                 _ ("%s exited with status 0, and its service is not alive: %s"),
                 service,
                 local_error->message);
  else
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_EXITED,
                 _ ("%s exited with status 0, and its service is not alive"),
                 service);
  return FALSE;
}

/* Here, too, only a subclass can know of a service outside of the tree, or of one that may listen beside it.
 */
static char *
dup_rival (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkExecutorClass *base = g_type_class_peek (MK_TYPE_EXECUTOR);

  if (MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->check_alive != mk_simple_executor_real_check_alive ||
      MK_EXECUTOR_GET_CLASS (executor)->pre_start_check != base->pre_start_check)
    return NULL;

  return mk_probe_find_rival (
      self->probe, mk_process_get_news (self->process).pid, mk_process_get_supervisor (self->process));
}

static void
on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autofree char *last_seen = NULL;
  g_autofree char *rival = NULL;
  g_autoptr (GError) error = NULL;
  gboolean timed_out;
  gboolean ready = mk_poller_run_finish (result, &timed_out, &last_seen, &error);

  if (!step_is_over (task))
    return;

  /* Perhaps somebody else answered. */
  if (has_failed (task))
    fail_exited (task);
  else if (ready && (rival = dup_rival (task)) != NULL)
    fail (task, g_error_new_literal (MK_ERROR, MK_ERROR_ALREADY_RUNNING, rival));
  else if (ready)
    complete (task);
  else if (timed_out)
    fail_timed_out (task, last_seen);
  else
    fail (task, g_steal_pointer (&error));
}

static void
wait_until_ready (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (g_task_get_source_object (task));
  gboolean asks = klass->check_alive != mk_simple_executor_real_check_alive;

  mk_wake_source_wake_at (self->timer, G_MAXINT64);
  self->stage = WAITING;
  if (self->probe == NULL)
    {
      complete (task);
      return;
    }

  self->in_step = TRUE;
  mk_poller_run_async (
      self->probe, TRUE, self->deadline, asks ? is_alive : NULL, task, self->cancellable, on_polled, task);

  /* The news of its end may have come together with those of its beginning. */
  if (has_failed (task))
    fail_exited (task);
}

/* ---- spawning ---- */

static void
on_spawn_news (GTask *task, const MkProcessNews *news)
{
  MkStart *self = g_task_get_task_data (task);

  if (news->pid != 0)
    wait_until_ready (task);
  else if (news->expired)
    mk_start_on_deadline (task);
  else if (news->gone)
    {
      GError *error = mk_process_dup_failure (self->process);

      fail (task,
            error ? error
                  : g_error_new_literal (MK_ERROR, MK_ERROR_FAILED, _ ("The service was not started")));
    }
}

/* Returns: FALSE if a stop came first; then nothing may be spawned any more */
static gboolean
publish_process (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (executor);

  if (g_atomic_int_get (&self->preemption) != NOT_PREEMPTED)
    return FALSE;

  self->process = mk_process_new (g_steal_pointer (&self->launch),
                                  mk_emitter_on_output,
                                  mk_emitter_ref (priv->emitter),
                                  (GDestroyNotify) mk_emitter_unref);
  mk_process_add_listener (self->process, self->news);
  mk_process_add_listener (self->process, mk_emitter_get_waker (priv->emitter));

  g_clear_pointer (&priv->process, mk_process_unref);
  priv->process = mk_process_ref (self->process);
  priv->spawned = TRUE;
  priv->request_made = FALSE;
  self->begun = g_get_monotonic_time ();
  self->deadline = mk_deadline_after (priv->start_timeout);
  mk_process_set_limit (self->process, self->deadline);
  priv->start_deadline = self->deadline;
  return TRUE;
}

static void
spawn (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  GError *error = NULL;
  char **argv = MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->build_command (executor, &error);

  if (error != NULL || !mk_launch_set_argv (self->launch, g_steal_pointer (&argv), &error))
    {
      g_strfreev (argv);
      fail (task, error);
      return;
    }
  if (!publish_process (task))
    {
      fail_preempted (task);
      return;
    }

  self->stage = SPAWNING;
  mk_wake_source_wake_at (self->timer, self->deadline);
  if (self->probe != NULL)
    {
      mk_probe_attach (self->probe, executor);
      g_atomic_int_set (&self->attached, TRUE);
    }
  mk_process_spawn (self->process);
}

/* ---- before it ---- */

static void
on_prepared (GObject *object, GAsyncResult *result, gpointer user_data)
{
  end_step (user_data, result, "prepare()", spawn);
}

static void
prepare (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker;
  gboolean preempted;

  self->stage = PREPARING;
  locker = mk_simple_executor_lock (executor);
  preempted = g_atomic_int_get (&self->preemption) != NOT_PREEMPTED;
  if (!preempted)
    {
      priv->cleanup_due = TRUE;
      priv->start_owes = mk_start_has_hooks (executor);
    }
  g_mutex_locker_free (locker);

  if (preempted)
    {
      fail_preempted (task);
      return;
    }

  run_step (task, MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->prepare, "prepare()", on_prepared, spawn);
}

/* @error: (transfer full). Returns: (transfer full): if it is no verdict of the library, with what was asked
 */
static GError *
unknown_error (MkProbe *probe, GError *error)
{
  g_autofree char *description = mk_probe_describe (probe);

  if (error->domain != MK_ERROR && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_prefix_error (&error,
                    /* Translators: a clause in the past tense; why stands behind this */
                    _ ("Before the start it could not be told whether %s: "),
                    description);
  return error;
}

static void
on_checked (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  MkStart *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean there = mk_probe_attempt_finish_known (self->before_probe, result, &error);

  if (!step_is_over (task))
    return;

  if (there)
    {
      g_autofree char *holder = mk_probe_describe_holder (self->before_probe);

      fail (task, g_error_new_literal (MK_ERROR, MK_ERROR_ALREADY_RUNNING, holder));
    }
  else if (error != NULL && error->domain == G_RESOLVER_ERROR)
    fail (task, g_error_new_literal (MK_ERROR, MK_ERROR_INVALID_ARGUMENT, error->message));
  else if (error != NULL)
    fail (task, unknown_error (self->before_probe, g_steal_pointer (&error)));
  else
    prepare (task);
}

static void
check (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);

  self->stage = CHECKING;
  if (self->before_probe == NULL)
    {
      prepare (task);
      return;
    }

  self->in_step = TRUE;
  mk_probe_attempt_async (self->before_probe, self->deadline, self->cancellable, on_checked, task);
}

/* ---- leftovers of the run before ---- */

static void
on_old_cleaned_up (GObject *object, GAsyncResult *result, gpointer user_data)
{
  end_step (user_data, result, N_ ("cleanup() after the run before"), check);
}

static void
on_tidied (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  g_clear_pointer (&self->process, mk_process_unref);

  if (mk_simple_executor_claim_cleanup (executor, task, NULL))
    {
      self->in_step = TRUE;
      mk_simple_executor_run_cleanup (executor, on_old_cleaned_up, task);
    }
  else
    check (task);
}

/* A service that has ended by itself may have left processes, and what prepare() made. */
void
mk_start_run (GTask *task)
{
  MkStart *self = g_task_get_task_data (task);

  self->stage = TIDYING;
  self->process = mk_simple_executor_dup_process (g_task_get_source_object (task));
  if (self->process == NULL || mk_process_get_news (self->process).gone)
    {
      on_tidied (task);
      return;
    }

  mk_process_add_listener (self->process, self->news);
  mk_process_kill (self->process, self->launch->kill_signal);
}

/* ---- the sources ---- */

gboolean
mk_start_on_news (gpointer user_data)
{
  GTask *task = user_data;
  MkStart *self = g_task_get_task_data (task);
  MkProcessNews news = { 0 };

  if (g_atomic_int_get (&self->preemption) != NOT_PREEMPTED && self->error == NULL)
    {
      fail_preempted (task);
      return G_SOURCE_CONTINUE;
    }
  if (self->process == NULL)
    return G_SOURCE_CONTINUE;

  news = mk_process_get_news (self->process);
  if (self->stage == TIDYING && news.gone)
    on_tidied (task);
  else if (self->stage == SPAWNING)
    on_spawn_news (task, &news);
  else if ((self->stage == WAITING || self->stage == COMPLETING) && self->error == NULL && has_failed (task))
    fail_exited (task);
  else if (self->stage == ENDING && news.gone)
    wind_up (task);

  return G_SOURCE_CONTINUE;
}

/* Steps watch the deadline themselves. */
gboolean
mk_start_on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  MkStart *self = g_task_get_task_data (task);

  if (self->stage == SPAWNING)
    /* Translators: in parentheses, after what was waited for */
    fail_timed_out (task, _ ("its program did not begin to run"));
  return G_SOURCE_CONTINUE;
}

gboolean
mk_start_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  fail (user_data, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("The start was cancelled")));
  return G_SOURCE_REMOVE;
}
