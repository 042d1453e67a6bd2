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
 * and the start winds itself up.
 */

#include "mk-simple-executor-private.h"

#include "mk-error.h"
#include "mk-message.h"
#include "mk-poller.h"
#include "mk-probe-private.h"
#include "mk-resources.h"
#include "mk-step.h"
#include "mk-sync.h"
#include "mk-wake-source.h"
#include "mk-worker.h"
#include "supervisor/mk-supervisor-protocol.h"

/* How long a step that is no longer wanted may take to return its task. */
#define STEP_GRACE_MS 1000
/* A start needs at most this many for a moment. */
#define NEEDED_DESCRIPTORS 16

typedef enum
{
  TIDYING,
  CHECKING,
  PREPARING,
  SPAWNING,
  WAITING,
  COMPLETING,
  ENDING,
  WINDING_UP,
} Stage;

typedef enum
{
  NOT_PREEMPTED,
  CANCELLED, /* there was no process */
  TAKEN,     /* the process is the stop's now */
} Preemption;

typedef struct
{
  Stage stage;
  gboolean in_step;
  MkLaunch *launch;      /* (owned) (nullable) until it is given to the process */
  MkProcess *process;    /* (owned) (nullable) while TIDYING the one before */
  MkProbe *before_probe; /* (owned) (nullable) asked before anything is started */
  MkProbe *probe;        /* (owned) (nullable) asked until the service is ready */
  gboolean attached;

  gint64 begun;
  gint64 deadline;
  GCancellable *cancellable; /* (owned) of the steps */
  GSource *news;             /* (owned) woken by the process, and by who preempts */
  GSource *timer;            /* (owned) (nullable) the deadline where no step watches it */
  GSource *cancel_source;    /* (owned) (nullable) */

  gint preemption; /* (atomic) */
  GError *error;   /* (owned) (nullable) why it fails */
} Start;

static void check (GTask *task);
static void end (GTask *task);
static void complete (GTask *task);

static void
start_free (Start *self)
{
  g_clear_pointer (&self->launch, mk_launch_free);
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->before_probe);
  g_clear_object (&self->probe);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_clear_pointer (&self->news, g_source_unref);
  g_free (self);
}

static gboolean
is_taken (Start *self)
{
  return g_atomic_int_get (&self->preemption) == TAKEN;
}

/* Call with the lock of the executor held. */
void
mk_start_preempt (GTask *start, gboolean takes_process)
{
  Start *self = g_task_get_task_data (start);

  g_atomic_int_set (&self->preemption, takes_process ? TAKEN : CANCELLED);
  mk_wake_source_wake (self->news);
}

/* ---- failing ---- */

/* @error: (transfer full): the first one counts */
static void
fail (GTask *task, GError *error)
{
  Start *self = g_task_get_task_data (task);

  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);

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
  Start *self = g_task_get_task_data (task);
  g_autofree char *name = self->process ? mk_message_service (self->process) : g_strdup ("The service");

  fail (task, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s was stopped before it was ready", name));
}

static char *
dup_goal (Start *self)
{
  return self->probe ? mk_probe_describe (self->probe) : g_strdup ("its start was complete");
}

static void
fail_exited (GTask *task, const MkProcessNews *news)
{
  Start *self = g_task_get_task_data (task);
  g_autofree char *service = mk_message_service (self->process);
  g_autofree char *status = mk_message_status (news->status);
  g_autofree char *goal = dup_goal (self);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - self->begun);

  if (news->lost)
    fail (task,
          g_error_new (MK_ERROR,
                       MK_ERROR_SUPERVISOR,
                       "The supervisor of %s was killed before %s (after %s); the service was killed too",
                       service,
                       goal,
                       duration));
  else
    fail (task,
          g_error_new (
              MK_ERROR, MK_ERROR_EXITED, "%s %s before %s (after %s)", service, status, goal, duration));
}

static void
fail_timed_out (GTask *task, const char *last_seen)
{
  Start *self = g_task_get_task_data (task);
  g_autofree char *service = mk_message_service (self->process);
  g_autofree char *goal = dup_goal (self);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - self->begun);
  g_autofree char *seen = mk_message_seen (last_seen);
  const char *launched = mk_process_get_news (self->process).exited
                             ? "; the process of its command had exited with status 0"
                             : "";

  fail (task,
        g_error_new (MK_ERROR,
                     MK_ERROR_TIMED_OUT,
                     "%s was killed, for the time was up after %s, before %s%s%s. "
                     "If it needs longer, raise the start timeout",
                     service,
                     duration,
                     goal,
                     seen,
                     launched));
}

/* Ends the operation, but for the answer. */
static void
release (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  g_source_destroy (self->news);
  mk_wake_source_clear (&self->timer);
  mk_wake_source_clear (&self->cancel_source);
  if (self->attached)
    mk_probe_detach (self->probe, executor);
  self->attached = FALSE;

  mk_emitter_wake (mk_simple_executor_get_private (executor)->emitter);
}

static void
explain_exit (Start *self)
{
  GError *better = NULL;

  if (self->attached && g_error_matches (self->error, MK_ERROR, MK_ERROR_EXITED))
    better = mk_probe_explain_exit (self->probe);
  if (better == NULL)
    return;

  g_error_free (self->error);
  self->error = better;
}

static void
return_failure (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (g_task_get_source_object (task));

  g_mutex_lock (&priv->lock);
  if (priv->start == task)
    {
      priv->start = NULL;
      priv->phase = MK_EXECUTOR_STATE_STOPPED;
    }
  g_mutex_unlock (&priv->lock);

  /* By now all of the output is there. */
  explain_exit (self);
  if (self->error->domain == MK_ERROR && self->process != NULL &&
      mk_process_get_news (self->process).pid != 0)
    {
      g_autofree char *output = mk_message_output (self->process);
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
  Start *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!mk_step_run_finish (result, &error))
    {
      g_autofree char *message = g_strdup_printf ("%s (and cleaning up failed: %s)",
                                                  self->error->message,
                                                  error ? error->message : "no reason given");

      g_free (self->error->message);
      self->error->message = g_steal_pointer (&message);
    }

  return_failure (task);
}

/* Nothing of the service is left. */
static void
wind_up (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = WINDING_UP;
  if (!is_taken (self) && mk_simple_executor_claim_cleanup (executor))
    mk_simple_executor_run_cleanup (executor, on_cleaned_up, task);
  else
    return_failure (task);
}

static void
end (GTask *task)
{
  Start *self = g_task_get_task_data (task);
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
                     CLAMP (launch->stop_timeout, 1, MK_UNWAITED_GRACE_MS));
  else
    mk_process_kill (self->process, launch->kill_signal);
}

/* Returns: whether the start goes on after a step */
static gboolean
step_is_over (GTask *task)
{
  Start *self = g_task_get_task_data (task);

  self->in_step = FALSE;
  if (self->error == NULL)
    return TRUE;

  end (task);
  return FALSE;
}

/* ---- the last stage ---- */

static void
become_ready (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (g_task_get_source_object (task));
  gboolean preempted;

  g_mutex_lock (&priv->lock);
  preempted = g_atomic_int_get (&self->preemption) != NOT_PREEMPTED;
  if (!preempted)
    {
      priv->start = NULL;
      priv->phase = MK_EXECUTOR_STATE_READY;
    }
  g_mutex_unlock (&priv->lock);

  if (preempted)
    {
      fail_preempted (task);
      return;
    }

  release (task);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* @error: (transfer full) (nullable) */
static GError *
step_error (GError *error, const char *name)
{
  if (error == NULL)
    return g_error_new (MK_ERROR, MK_ERROR_FAILED, "%s failed without saying why", name);

  g_prefix_error (&error, "%s failed: ", name);
  return error;
}

static void
on_completed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, &error);

  if (!step_is_over (task))
    return;
  if (done)
    become_ready (task);
  else
    fail (task, step_error (g_steal_pointer (&error), "started()"));
}

static void
complete (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (executor);

  self->stage = COMPLETING;
  if (klass->started == mk_simple_executor_real_step)
    {
      become_ready (task);
      return;
    }

  self->in_step = TRUE;
  mk_step_run_async (executor,
                     (MkStepFunc) klass->started,
                     "started()",
                     self->deadline,
                     STEP_GRACE_MS,
                     self->cancellable,
                     on_completed,
                     task);
}

/* ---- waiting until the service is ready ---- */

static gboolean
has_failed (const MkProcessNews *news)
{
  /* A status of 0 may mean that it has put itself into the background. */
  return news->lost || (news->exited && news->status != 0);
}

static gboolean
is_alive (gpointer user_data, GError **error)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *service = NULL;

  if (!mk_process_get_news (self->process).exited ||
      MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->check_alive (executor, &local_error))
    return TRUE;

  service = mk_message_service (self->process);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_EXITED,
               "%s exited with status 0, and its service is not alive%s%s",
               service,
               local_error ? ": " : "",
               local_error ? local_error->message : "");
  return FALSE;
}

static void
on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  g_autofree char *last_seen = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ready = mk_poller_run_finish (result, &last_seen, &error);
  MkProcessNews news = mk_process_get_news (self->process);

  if (!step_is_over (task))
    return;

  /* Perhaps somebody else answered. */
  if (has_failed (&news))
    fail_exited (task, &news);
  else if (ready)
    complete (task);
  else if (g_error_matches (error, MK_ERROR, MK_ERROR_TIMED_OUT))
    fail_timed_out (task, last_seen);
  else
    fail (task, g_steal_pointer (&error));
}

static void
wait_until_ready (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (g_task_get_source_object (task));
  gboolean asks = klass->check_alive != mk_simple_executor_real_check_alive;
  MkProcessNews news;

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
  news = mk_process_get_news (self->process);
  if (has_failed (&news))
    fail_exited (task, &news);
}

/* ---- spawning ---- */

static void
on_spawn_news (GTask *task, const MkProcessNews *news)
{
  Start *self = g_task_get_task_data (task);

  if (news->pid != 0)
    wait_until_ready (task);
  else if (news->gone)
    {
      GError *error = mk_process_dup_failure (self->process);

      fail (task,
            error ? error : g_error_new_literal (MK_ERROR, MK_ERROR_FAILED, "The service was not started"));
    }
}

/* Returns: FALSE if a stop came first; then nothing may be spawned any more */
static gboolean
publish_process (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (g_task_get_source_object (task));
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

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
  priv->request_made = FALSE;
  self->begun = g_get_monotonic_time ();
  self->deadline = mk_deadline_after (priv->start_timeout);
  priv->start_deadline = self->deadline;
  return TRUE;
}

static void
spawn (GTask *task)
{
  Start *self = g_task_get_task_data (task);
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
      self->attached = TRUE;
    }
  mk_process_spawn (self->process);
}

/* ---- before it ---- */

static void
on_prepared (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, &error);

  if (!step_is_over (task))
    return;
  if (done)
    spawn (task);
  else
    fail (task, step_error (g_steal_pointer (&error), "prepare()"));
}

static void
prepare (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MkSimpleExecutorClass *klass = MK_SIMPLE_EXECUTOR_GET_CLASS (executor);

  self->stage = PREPARING;
  g_mutex_lock (&priv->lock);
  priv->cleanup_due = TRUE;
  g_mutex_unlock (&priv->lock);

  if (klass->prepare == mk_simple_executor_real_step)
    {
      spawn (task);
      return;
    }

  self->in_step = TRUE;
  mk_step_run_async (executor,
                     (MkStepFunc) klass->prepare,
                     "prepare()",
                     self->deadline,
                     STEP_GRACE_MS,
                     self->cancellable,
                     on_prepared,
                     task);
}

static void
on_checked (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean there = mk_probe_attempt_finish (self->before_probe, result, &error);

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
    fail (task, g_steal_pointer (&error));
  else
    prepare (task);
}

static void
check (GTask *task)
{
  Start *self = g_task_get_task_data (task);

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
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, &error);

  if (!step_is_over (task))
    return;
  if (done)
    check (task);
  else
    fail (task, step_error (g_steal_pointer (&error), "cleanup() after the run before"));
}

static void
on_tidied (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  g_clear_pointer (&self->process, mk_process_unref);

  if (mk_simple_executor_claim_cleanup (executor))
    {
      self->in_step = TRUE;
      mk_simple_executor_run_cleanup (executor, on_old_cleaned_up, task);
    }
  else
    check (task);
}

/* A service that has ended by itself may have left processes, and what prepare() made. */
static void
tidy (GTask *task)
{
  Start *self = g_task_get_task_data (task);

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

static gboolean
on_news (gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
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
  else if ((self->stage == WAITING || self->stage == COMPLETING) && has_failed (&news) && self->error == NULL)
    fail_exited (task, &news);
  else if (self->stage == ENDING && news.gone)
    wind_up (task);

  return G_SOURCE_CONTINUE;
}

/* Steps watch the deadline themselves. */
static gboolean
on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);

  if (self->stage == SPAWNING)
    fail_timed_out (task, "its program did not begin to run");
  return G_SOURCE_CONTINUE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  fail (user_data, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The start was cancelled"));
  return G_SOURCE_REMOVE;
}

/* ---- the beginning ---- */

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
    case MK_EXECUTOR_STATE_STOPPING:
      g_set_error (error,
                   G_IO_ERROR,
                   G_IO_ERROR_PENDING,
                   "A %s of this executor is under way; wait for its end",
                   snapshot.state == MK_EXECUTOR_STATE_STARTING ? "start" : "stop");
      return FALSE;

    case MK_EXECUTOR_STATE_READY:
      if (checks)
        {
          g_autofree char *service = mk_message_service (priv->process);

          g_set_error (error,
                       MK_ERROR,
                       MK_ERROR_ALREADY_RUNNING,
                       "%s is running already: this executor has started it",
                       service);
        }
      return FALSE;

    case MK_EXECUTOR_STATE_STOPPED:
    case MK_EXECUTOR_STATE_EXITED:
    default:
      return TRUE;
    }
}

/* What a forked child inherited is not its own. */
static void
forget_foreign_process (MkSimpleExecutor *executor)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  if (priv->process == NULL || !mk_process_is_foreign (priv->process))
    return;

  g_clear_pointer (&priv->process, mk_process_unref);
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
  priv->start = NULL;
  priv->n_stops = 0;
  priv->cleanup_due = FALSE;
}

/* Finds out all that can be found out before anything happens. */
static gboolean
look_ahead (MkSimpleExecutor *executor, Start *self, GError **error)
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
  const char *const *command = mk_simple_executor_get_command (executor);
  g_autoptr (GError) local_error = NULL;

  if (mk_worker_ensure (&local_error) && mk_resources_check_descriptors (NEEDED_DESCRIPTORS, &local_error))
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_SPAWN_FAILED,
               "Cannot run “%s”: %s",
               command && command[0] ? command[0] : G_OBJECT_TYPE_NAME (executor),
               local_error->message);
  return FALSE;
}

static gboolean
begin (GTask *task, GError **error)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker = NULL;

  forget_foreign_process (executor);
  if (!look_ahead (executor, self, error) || !check_resources (executor, error))
    return FALSE;

  locker = g_mutex_locker_new (&priv->lock);
  if (!may_start (executor, self->before_probe != NULL, error))
    return FALSE;

  priv->phase = MK_EXECUTOR_STATE_STARTING;
  priv->start = task;
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
 * The thread-default main context of the caller must be run for the start to go on. Cancelling stops the
 * service with a grace of at most one second; the result comes once nothing is left.
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
  Start *start;
  GTask *task;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));

  task = g_task_new (self, cancellable, callback, user_data);
  start = g_new0 (Start, 1);
  g_task_set_source_tag (task, mk_simple_executor_start_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, start, (GDestroyNotify) start_free);
  start->cancellable = g_cancellable_new ();
  context = g_task_get_context (task);
  start->news = mk_wake_source_attach (context, "MkStart news", on_news, task, NULL);

  if (g_cancellable_set_error_if_cancelled (cancellable, &error) || !begin (task, &error))
    {
      g_source_destroy (start->news);
      if (error != NULL)
        g_task_return_error (task, error);
      else
        g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  start->timer = mk_wake_source_attach (context, "MkStart deadline", on_deadline, task, NULL);
  if (cancellable != NULL)
    {
      start->cancel_source = g_cancellable_source_new (cancellable);
      g_source_set_callback (start->cancel_source, G_SOURCE_FUNC (on_cancelled), task, NULL);
      g_source_attach (start->cancel_source, context);
    }
  mk_emitter_wake (mk_simple_executor_get_private (self)->emitter);
  tidy (task);
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
