/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The start of a service, as an operation on the context of its caller.
 *
 * A command that completes is ready when it has ended: FINISHING stands in the place of WAITING and
 * CONFIRMING.
 *
 *   TIDYING ─> CLEANING ─> CHECKING ─> PREPARING ─> SPAWNING ─> WAITING ─> CONFIRMING ─> COMPLETING ─> ready
 *      └──────────┴───────────┴───────────┴────────────┴───────────┴────────────┴────────────┴─> ENDING
 *   ENDING ─> WINDING_UP ─> failed
 *
 * A stage is left by the callback of a step (a virtual function, or a probe), or by the source `news`, which
 * the process wakes. While a step is under way a failure only cancels it; the callback of the step then goes
 * on to ENDING, so that nothing of a step is pending when the task returns.
 *
 * A start owns the executor while `priv->start == task`. A stop may come from another context, and does not
 * wait for this one: with the executor's lock held it clears `priv->start`, and then ends the process, if
 * there is one. The start notices that in start_on_news(). It spawns nothing any more, does not touch the
 * phase any more, and fails with G_IO_ERROR_CANCELLED once nothing is left. Until then `priv->pending_start`
 * keeps the next start away.
 */

#include "mk-simple-executor-private.h"

#include "base/mk-deadline-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-step-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-waker-private.h"
#include "mk-error.h"
#include "probe/mk-probe-wait-private.h"
#include "probe/mk-probe-private.h"
#include "process/mk-proc-private.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long a service may be at work after its probe was satisfied until it counts as ready all the same: of
 * time on a processor, and where many processes want one, of time */
#define SETTLE_WORK_US  (10 * G_TIME_SPAN_MILLISECOND)
#define SETTLE_LIMIT_US (200 * G_TIME_SPAN_MILLISECOND)
#define SETTLE_PAUSE_US 20
#define SETTLE_PAUSES   4
/* How long the news of an exit may take. */
#define EXIT_NEWS_LIMIT_US (500 * G_TIME_SPAN_MILLISECOND)

typedef enum
{
  TIDYING,    /* kills what the run before has left */
  CLEANING,   /* a step: cleanup() of the run before */
  CHECKING,   /* a step: is something in the way? */
  PREPARING,  /* a step: prepare() */
  SPAWNING,   /* until the program runs */
  WAITING,    /* a step: until the probe is satisfied */
  CONFIRMING, /* until the service has settled */
  FINISHING,  /* until the command has ended */
  COMPLETING, /* a step: started() */
  ENDING,     /* it has failed, until nothing is left */
  WINDING_UP, /* cleanup() */
} StartStage;

typedef struct
{
  StartStage stage;
  MkValues *values;      /* (owned) what the placeholders in the settings stand for */
  MkValues *old_values;  /* (owned) (nullable) those of the run before, until nothing is left of it */
  gboolean expands;      /* whether the settings have placeholders */
  MkLaunch *launch;      /* (owned) (nullable) until it is given to the process */
  MkProcess *process;    /* (owned) (nullable) while TIDYING the one before */
  MkProbe *before_probe; /* (owned) (nullable) asked before anything is started */
  MkProbe *probe;        /* (owned) (nullable) asked until the service is ready */
  gboolean attached;     /* the probe */
  gboolean completes;    /* ready when it has ended */
  gboolean completed;    /* started() has nothing to do */

  gint64 begun;        /* monotonic */
  gint64 took;         /* until the deadline */
  char *last_seen;     /* (owned) (nullable) by then */
  gint64 answered;     /* monotonic: when the probe was satisfied */
  gint64 worked;       /* microseconds on a processor until then, −1 if it cannot be known */
  gboolean has_paused; /* since then, for the service to go to sleep */
  gint64 deadline;     /* monotonic */

  GCancellable *cancellable; /* (owned) of the steps */
  MkWaker *news;             /* (owned) woken by the process, and by a stop */
  MkWaker *timer;            /* (owned) (nullable) when to look; steps watch their deadlines themselves */
  MkWaker *cancel_source;    /* (owned) (nullable) */

  GError *error;     /* (owned) (nullable) why it fails */
  gboolean by_vfunc; /* that is what a virtual function has said */
} Start;

/* The stages, in their order. */
static void start_tidy (GTask *task);
static void start_clean (GTask *task);
static void start_check (GTask *task);
static void start_prepare (GTask *task);
static void start_spawn (GTask *task);
static void start_wait (GTask *task);
static void start_confirm (GTask *task);
static void start_finish (GTask *task);
static void start_complete (GTask *task);
static void start_become_ready (GTask *task);
static void start_fail (GTask *task, GError *error);
static void start_end (GTask *task, GError *error);
static void start_return (GTask *task, GError *error);
static void start_wind_up (GTask *task);
static void start_return_failure (GTask *task);

static gboolean start_on_news (gpointer task);
static gboolean start_on_deadline (gpointer task);
static gboolean start_on_cancelled (GCancellable *cancellable, gpointer task);

static void
start_free (Start *self)
{
  g_clear_pointer (&self->values, mk_values_unref);
  g_clear_pointer (&self->old_values, mk_values_unref);
  g_clear_pointer (&self->launch, mk_launch_free);
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_object (&self->before_probe);
  g_clear_object (&self->probe);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_clear_pointer (&self->news, mk_waker_unref);
  g_free (self->last_seen);
  g_free (self);
}

/* ---- the beginning ---- */

static gboolean
start_ensure_worker (MkSimpleExecutor *executor, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *program = NULL;

  if (mk_worker_ensure (&local_error))
    return TRUE;

  program = mk_message_filename (mk_simple_executor_get_program (executor));
  g_set_error (
      error, MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), program, local_error->message);
  return FALSE;
}

/* Call with the lock held. Returns: FALSE with an error if it may not, FALSE without one if the service is
 * ready */
static gboolean
start_may_begin (MkSimpleExecutor *executor, gboolean checks, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MkExecutorState state = mk_simple_executor_get_snapshot_unlocked (executor).state;
  const char *pending = NULL;

  if (state == MK_EXECUTOR_STATE_STARTING)
    pending = _ ("This executor is being started; wait until that has finished");
  else if (priv->pending_start != NULL)
    pending =
        _ ("The start of this executor was stopped, but has not finished yet: let its main context run");
  else if (state == MK_EXECUTOR_STATE_STOPPING)
    pending = _ ("This executor is being stopped; wait until that has finished");

  if (pending != NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, pending);
  else if (priv->signals == NULL)
    g_set_error_literal (
        error,
        MK_ERROR,
        MK_ERROR_FAILED,
        _ ("This process was forked from the one to which the executor belongs; create a new executor"));
  else if (state != MK_EXECUTOR_STATE_READY)
    return TRUE;
  else if (checks)
    {
      g_autofree char *service = mk_process_message_service (priv->process);

      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_ALREADY_RUNNING,
                   _ ("%s is running already: this executor has started it"),
                   service);
    }
  return FALSE;
}

static gboolean
start_refuse_probe (GError **error)
{
  g_set_error_literal (error,
                       MK_ERROR,
                       MK_ERROR_INVALID_ARGUMENT,
                       _ ("A command that completes is ready when it has ended: it cannot have a probe"));
  return FALSE;
}

/* (locked-by lock) From now on the executor has the values of this start. */
static void
start_take_over_values (Start *self, MkSimpleExecutorPrivate *priv)
{
  self->old_values = g_steal_pointer (&priv->values);
  priv->values = mk_values_ref (self->values);
}

/* Finds out all that can be found out before anything happens. Returns: as start_may_begin() */
static gboolean
start_begin (GTask *task, GError **error)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MkSimpleExecutorClassPrivate *klass =
      mk_simple_executor_class_get_private (MK_SIMPLE_EXECUTOR_GET_CLASS (executor));
  MkValues *values;

  if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), error))
    return FALSE;
  self->values = mk_simple_executor_new_values (executor, &self->expands);
  values = self->expands ? self->values : NULL;
  if (!klass->dup_probes (executor, values, &self->before_probe, &self->probe, error))
    return FALSE;
  mk_values_begin_settings (self->values);
  self->launch = mk_simple_executor_dup_launch (executor, values, error);
  if (self->launch == NULL || !start_ensure_worker (executor, error))
    return FALSE;

  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);
  if (!start_may_begin (executor, self->before_probe != NULL, error))
    return FALSE;

  self->completes = priv->completes;
  if (self->completes && self->probe != NULL)
    return start_refuse_probe (error);

  priv->phase = MK_EXECUTOR_STATE_STARTING;
  priv->ready_time = 0;
  priv->ready_at = 0;
  priv->begun_at = g_get_monotonic_time ();
  g_set_object (&priv->asked_probe, self->probe);
  priv->start = task;
  priv->pending_start = task;
  /* cleanup() after the run before needs those of that run. */
  if (priv->cleanup != MK_CLEANUP_DUE)
    start_take_over_values (self, priv);
  self->begun = g_get_monotonic_time ();
  self->deadline = mk_deadline_after (priv->start_timeout);
  return TRUE;
}

/* Whether no stop has come. */
static gboolean
start_owns_executor (GTask *task)
{
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);

  return priv->start == task;
}

/*
 * @error: why the step failed; %NULL with @done %FALSE if it did not say
 * @name: of a virtual function, %NULL where @error says enough
 *
 * Returns: whether the start goes on after a step
 */
static gboolean
start_end_step (GTask *task, GAsyncResult *result, gboolean done, const GError *error, const char *name)
{
  Start *self = g_task_get_task_data (task);
  g_autofree char *program =
      mk_message_filename (mk_simple_executor_get_program (g_task_get_source_object (task)));
  GError *failure = error ? g_error_copy (error) : NULL;

  if (self->error == NULL && done)
    return TRUE;

  self->by_vfunc = self->error == NULL;
  if (self->error != NULL)
    g_clear_error (&failure);
  else if (failure == NULL)
    failure = g_error_new (MK_ERROR,
                           MK_ERROR_FAILED,
                           /* Translators: a program, a function */ _ ("%s: %s failed without saying why"),
                           program,
                           _ (name));
  else if (mk_step_run_is_to_blame (result, name))
    g_prefix_error (&failure, "%s: ", program);
  else
    /* Translators: a program, a function; why stands behind this */
    g_prefix_error (&failure, _ ("%s: %s failed: "), program, _ (name));

  start_end (task, failure);
  return FALSE;
}

/* ---- what the run before has left ---- */

/* A service that has ended by itself may have left processes, and what prepare() made. */
static void
start_tidy (GTask *task)
{
  Start *self = g_task_get_task_data (task);

  self->stage = TIDYING;
  self->process = mk_simple_executor_dup_process (g_task_get_source_object (task));
  if (self->process == NULL || mk_process_get_news (self->process).gone)
    {
      start_clean (task);
      return;
    }

  mk_process_add_listener (self->process, self->news);
  mk_process_kill (self->process, self->launch->kill_signal);
}

static void
start_on_cleaned (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, NULL, &error);

  mk_simple_executor_end_cleanup (MK_SIMPLE_EXECUTOR (object));
  if (start_end_step (task, result, done, error, N_ ("cleanup() after the previous run")))
    start_check (task);
}

static void
start_clean (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = CLEANING;
  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  g_clear_pointer (&self->process, mk_process_unref);

  if (mk_simple_executor_claim_cleanup (executor, task, NULL))
    mk_simple_executor_run_cleanup (executor, start_on_cleaned, task);
  else
    start_check (task);
}

/* ---- is something in the way? ---- */

/* What is there is used in the place of a service. Returns: FALSE with an error if it is something else */
static gboolean
start_reuse (GTask *task, GError **error)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  int holder = mk_probe_find_holder (self->before_probe);
  GMutexLocker *locker;

  if (holder != 0 && *priv->reused_programs != NULL &&
      !mk_proc_is_of_program (holder, (const char *const *) priv->reused_programs))
    {
      g_autofree char *description = mk_probe_describe_holder (self->before_probe);

      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_ALREADY_RUNNING,
                   /* Translators: a sentence that says what is there; a program */
                   _ ("%s. This program is not %s, so it is not reused"),
                   description,
                   priv->reused_programs[0]);
      return FALSE;
    }

  locker = mk_simple_executor_lock (executor);
  if (priv->start == task)
    {
      priv->start = NULL;
      priv->pending_start = NULL;
      priv->phase = MK_EXECUTOR_STATE_READY;
      priv->ready_at = g_get_monotonic_time ();
      g_mutex_locker_free (locker);
      g_debug ("%s: is there already", mk_simple_executor_get_program (executor));
      start_return (task, NULL);
      return TRUE;
    }
  g_mutex_locker_free (locker);

  start_end (task, NULL);
  return TRUE;
}

static void
start_on_checked (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  Start *self = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean there = mk_probe_attempt_finish (self->before_probe, result, &error);

  if (self->error != NULL)
    g_clear_error (&error);
  else if (there && mk_simple_executor_get_private (executor)->reused_programs != NULL)
    {
      if (start_reuse (task, &error))
        return;
    }
  else if (there)
    {
      g_autofree char *holder = mk_probe_describe_holder (self->before_probe);

      error = g_error_new_literal (MK_ERROR, MK_ERROR_ALREADY_RUNNING, holder);
    }
  else if (error == NULL)
    {
      start_prepare (task);
      return;
    }
  else if (error->domain == G_RESOLVER_ERROR)
    {
      error->domain = MK_ERROR;
      error->code = MK_ERROR_INVALID_ARGUMENT;
    }
  else if (error->domain != MK_ERROR && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_autofree char *goal = mk_probe_describe (self->before_probe);

      g_prefix_error (&error,
                      /* Translators: a clause that stands after “waiting for”, such as “127.0.0.1:6379 to
                       * accept connections”; the reason stands behind this */
                      _ ("Waiting for %s failed before the service was started: "),
                      goal);
    }

  start_end (task, error);
}

static void
start_check (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (MkProcess) old = NULL;
  GMutexLocker *locker;

  self->stage = CHECKING;
  locker = mk_simple_executor_lock (executor);
  if (priv->start == task)
    {
      if (priv->values != self->values)
        start_take_over_values (self, priv);
      old = g_steal_pointer (&priv->process);
      priv->n_stops = 0;
    }
  g_mutex_locker_free (locker);
  g_clear_pointer (&self->old_values, mk_values_unref);

  if (self->before_probe == NULL || mk_simple_executor_has_sockets (executor))
    start_prepare (task);
  else
    mk_probe_attempt_async (self->before_probe, self->deadline, self->cancellable, start_on_checked, task);
}

/* ---- prepare() ---- */

static void
start_on_prepared (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gboolean done = mk_step_run_finish (result, NULL, &error);

  if (start_end_step (user_data, result, done, error, "prepare()"))
    start_spawn (user_data);
}

static void
start_prepare (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker = mk_simple_executor_lock (executor);
  gboolean stopped = priv->start != task;

  if (!stopped)
    priv->cleanup = MK_CLEANUP_DUE;
  g_mutex_locker_free (locker);

  if (stopped)
    {
      start_end (task, NULL);
      return;
    }
  self->stage = PREPARING;
  mk_simple_executor_run_step (executor,
                               MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->prepare,
                               "prepare()",
                               self->deadline,
                               self->cancellable,
                               start_on_prepared,
                               task);
}

/* ---- spawning ---- */

/* Returns: FALSE with an error if the service would not know the port that is waited for */
static gboolean
start_check_port (GTask *task, GError **error)
{
  Start *self = g_task_get_task_data (task);

  /* It may be that of a socket that is passed. */
  if (!mk_values_is_port_unused (self->values) ||
      mk_simple_executor_has_sockets (g_task_get_source_object (task)))
    return TRUE;

  g_set_error_literal (
      error,
      MK_ERROR,
      MK_ERROR_INVALID_ARGUMENT,
      _ ("The port is 0, so a free port is used, but the service does not receive its number: write {port} "
         "in its command or environment, or set the port"));
  return FALSE;
}

/* Returns: (transfer full) (nullable) */
static MkProcess *
start_new_process (GTask *task, GError **error)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (MkProcess) process = mk_process_new (g_steal_pointer (&self->launch),
                                                  mk_signals_on_output,
                                                  mk_signals_ref (priv->signals),
                                                  (GDestroyNotify) mk_signals_unref);

  if (self->probe != NULL && !mk_probe_prepare (self->probe, process, error))
    return NULL;

  mk_signals_hold_output (priv->signals, executor, process);
  return g_steal_pointer (&process);
}

/* @process: (transfer full). Returns: FALSE if a stop came first; then nothing may be spawned any more */
static gboolean
start_publish_process (GTask *task, MkProcess *process)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);

  if (priv->start != task)
    {
      mk_process_abandon (process);
      mk_process_unref (process);
      return FALSE;
    }

  self->process = process;
  mk_process_add_listener (self->process, self->news);
  mk_process_add_listener (self->process, mk_signals_get_waker (priv->signals));
  priv->process = mk_process_ref (self->process);

  self->begun = g_get_monotonic_time ();
  self->deadline = mk_deadline_after (priv->start_timeout);
  priv->start_deadline = self->deadline;
  mk_process_set_limit (self->process, self->deadline);
  return TRUE;
}

static void
start_spawn (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_auto (GStrv) argv = NULL;
  MkProcess *process;
  GError *error = NULL;

  self->stage = SPAWNING;
  argv = MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->build_command (executor, &error);
  if (error == NULL && self->expands)
    mk_values_expand_strv (self->values, argv, &error);
  self->launch->private_directory = mk_values_dup (self->values, "dir");
  self->launch->keeps_directory = mk_simple_executor_keeps_directory (executor);
  if (self->launch->private_directory == NULL)
    self->launch->private_directory = g_strdup (priv->guarded_directory);
  if (error != NULL || !start_check_port (task, &error) ||
      !mk_launch_set_argv (self->launch, g_steal_pointer (&argv), &error) ||
      (process = start_new_process (task, &error)) == NULL || !start_publish_process (task, process))
    {
      start_end (task, error);
      return;
    }

  mk_waker_wake_at (self->timer, self->deadline);
  if (self->probe != NULL)
    {
      self->attached = TRUE;
      mk_probe_attach (self->probe, executor);
    }
  mk_process_spawn (self->process);
}

static void
start_on_spawn_news (GTask *task, const MkProcessNews *news)
{
  Start *self = g_task_get_task_data (task);

  if (news->pid != 0)
    start_wait (task);
  else if (news->expired)
    start_on_deadline (task);
  else if (news->gone)
    start_end (task, mk_process_dup_failure (self->process));
}

/* ---- waiting until the service is ready ---- */

/* Returns: (transfer full): a clause that stands after “waiting for” */
static char *
start_dup_goal (Start *self)
{
  if (self->completes)
    /* Translators: a clause that stands after “waiting for” */
    return g_strdup (_ ("its work to be done"));

  /* Translators: a clause that stands after “waiting for” */
  return self->probe ? mk_probe_describe (self->probe) : g_strdup (_ ("its start to be complete"));
}

/* What has become of the service is known, and said, at the end. @last_seen: (nullable) */
static GError *
start_timed_out_error (Start *self, const char *last_seen)
{
  self->took = g_get_monotonic_time () - self->begun;
  g_free (self->last_seen);
  self->last_seen = g_strdup (last_seen);
  return g_error_new_literal (MK_ERROR, MK_ERROR_TIMED_OUT, _ ("The start timeout has passed"));
}

/*
 * A process that ended with status 0 may have put its service into the background. The default of check_alive
 * says whether anything of the tree is left; only a subclass can know of a service outside of the tree. With
 * nothing left, what answers is somebody else's. But what the service itself has said counts.
 *
 * Returns: (transfer full) (nullable): why the service cannot be or become ready any more
 */
static GError *
start_find_failure (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkProcessNews news = mk_process_get_news (self->process);
  g_autofree char *goal = NULL;
  g_autofree char *service = NULL;
  g_autoptr (GError) error = NULL;
  gboolean knows_better = FALSE;

  if (!news.lost && (!news.exited || self->completes))
    return NULL;
  if (!news.lost && news.status == 0 &&
      (self->probe == NULL || mk_probe_is_met (self->probe) ||
       mk_simple_executor_check_alive (executor, &knows_better, &error)))
    return NULL;

  if (news.expired)
    return start_timed_out_error (self, NULL);
  if (news.lost || news.status != 0 || !knows_better)
    {
      goal = start_dup_goal (self);
      return mk_process_message_exited_error (self->process, goal, self->begun);
    }

  service = mk_process_message_service (self->process);
  if (error == NULL)
    return g_error_new (
        MK_ERROR, MK_ERROR_EXITED, _ ("%s exited with status 0, and its service is not alive"), service);
  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      _ ("%s exited with status 0, and its service is not alive: %s"),
                      service,
                      error->message);
}

/* The service may have asked for more time. */
static void
start_update_deadline (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  gint64 extended = mk_process_get_news (self->process).extended;

  if (extended <= self->deadline)
    return;

  self->deadline = extended;
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);
  if (priv->start == task)
    priv->start_deadline = extended;
}

/* Asked after each attempt. */
static gboolean
start_is_alive (gpointer user_data, gint64 *deadline, GError **error)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  GError *failure = start_find_failure (task);

  start_update_deadline (task);
  *deadline = self->deadline;
  if (failure == NULL)
    return TRUE;

  g_propagate_error (error, failure);
  return FALSE;
}

/*
 * Asked when the probe says that the service is ready.
 *
 * Returns: (transfer full) (nullable): a sentence, if it is certain that somebody else has answered
 */
static char *
start_find_rival (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkProcessNews news = mk_process_get_news (self->process);
  int supervisor = mk_process_get_supervisor (self->process);
  g_autofree char *rival = NULL;
  gboolean knows_better;

  /* What answers here is the near end of a forward, or another machine. */
  if (mk_process_is_elsewhere (self->process))
    return NULL;
  rival = mk_probe_find_rival (self->probe, news.pid, supervisor);

  if (rival == NULL)
    return NULL;

  mk_simple_executor_check_alive (executor, &knows_better, NULL);
  return knows_better ? NULL : g_steal_pointer (&rival);
}

/* It runs, or waits for a disk. */
static gboolean
start_is_at_work (char state)
{
  return state == 'R' || state == 'D';
}

/*
 * A service that listens, but is still at work, may be about to fail: a server that cannot load a module
 * exits some milliseconds later. One that has exited is a zombie until its supervisor has reported it.
 */
static gboolean
start_has_settled (Start *self)
{
  int pid = mk_process_get_news (self->process).pid;
  gint64 elapsed = g_get_monotonic_time () - self->answered;
  char state = mk_process_is_elsewhere (self->process) ? 'S' : mk_proc_get_state (pid);

  if (state == 'Z' || state == 'X')
    return elapsed >= EXIT_NEWS_LIMIT_US || mk_process_get_news (self->process).exited;

  if (!start_is_at_work (state) || !mk_probe_is_shallow (self->probe))
    return TRUE;

  /* The probe itself may have woken it. A main context cannot sleep for so short a time. */
  for (guint i = 0; i < SETTLE_PAUSES && start_is_at_work (state) && !self->has_paused; i++)
    {
      g_usleep (SETTLE_PAUSE_US);
      state = mk_proc_get_state (pid);
    }
  self->has_paused = TRUE;
  if (!start_is_at_work (state) || elapsed >= SETTLE_LIMIT_US)
    return TRUE;
  return (self->worked < 0 ? elapsed : mk_proc_get_work_time (pid) - self->worked) >= SETTLE_WORK_US;
}

/* The probe is satisfied: is it the service that has satisfied it, and does it go on? */
static void
start_confirm (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  g_autofree char *rival = NULL;
  GError *failure = start_find_failure (task);

  if (failure == NULL && self->stage == WAITING && (rival = start_find_rival (task)) != NULL)
    failure = g_error_new_literal (MK_ERROR, MK_ERROR_ALREADY_RUNNING, rival);

  self->stage = CONFIRMING;
  if (failure != NULL)
    start_end (task, failure);
  else if (!start_has_settled (self))
    mk_waker_wake_at (self->timer, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND);
  else if (!mk_probe_look_again (self->probe))
    start_wait (task);
  else
    start_complete (task);
}

static void
start_on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  g_autofree char *last_seen = NULL;
  g_autoptr (GError) error = NULL;
  gboolean timed_out;
  gboolean ready = mk_probe_wait_run_finish (result, &timed_out, &last_seen, &error);

  if (self->error != NULL)
    start_end (task, NULL);
  else if (timed_out)
    start_end (task, start_timed_out_error (self, last_seen));
  else if (!ready)
    start_end (task, g_steal_pointer (&error));
  else
    {
      self->answered = g_get_monotonic_time ();
      self->worked = mk_proc_get_work_time (mk_process_get_news (self->process).pid);
      self->has_paused = FALSE;
      start_confirm (task);
    }
}

static void
start_wait (GTask *task)
{
  Start *self = g_task_get_task_data (task);

  mk_waker_wake_at (self->timer, G_MAXINT64);
  if (self->completes)
    {
      start_finish (task);
      return;
    }
  if (self->probe == NULL)
    {
      start_complete (task);
      return;
    }

  self->stage = WAITING;
  mk_probe_wait_run_async (
      self->probe, TRUE, self->deadline, start_is_alive, task, self->cancellable, start_on_polled, task);
  /* The news of its end may have come together with those of its beginning. */
  mk_waker_wake (self->news);
}

/* ---- a command that completes ---- */

static void
start_finish (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkProcessNews news = mk_process_get_news (self->process);

  self->stage = FINISHING;
  if (news.exited && (news.status == 0 || news.status == mk_simple_executor_get_expected_status (executor)))
    start_complete (task);
  else if (news.expired)
    start_end (task, start_timed_out_error (self, NULL));
  else if (news.exited || news.lost)
    {
      g_autofree char *goal = start_dup_goal (self);

      start_end (task, mk_process_message_exited_error (self->process, goal, self->begun));
    }
  else
    mk_waker_wake_at (self->timer, self->deadline);
}

/* ---- started() ---- */

static void
start_on_completed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GError *failure = NULL;
  gboolean done = mk_step_run_finish (result, NULL, &error);

  if (!start_end_step (task, result, done, error, "started()"))
    return;

  if ((self->probe != NULL || !self->completed) && (failure = start_find_failure (task)) != NULL)
    start_end (task, failure);
  else
    start_become_ready (task);
}

static void
start_complete (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = COMPLETING;
  self->completed = mk_simple_executor_run_step (executor,
                                                 MK_SIMPLE_EXECUTOR_GET_CLASS (executor)->started,
                                                 "started()",
                                                 self->deadline,
                                                 self->cancellable,
                                                 start_on_completed,
                                                 task);
}

/* ---- the end ---- */

/* @error: (transfer full) (nullable): %NULL if the service is ready */
static void
start_return (GTask *task, GError *error)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  if (self->process != NULL)
    mk_process_remove_listener (self->process, self->news);
  mk_waker_destroy (self->news);
  mk_waker_clear (&self->timer);
  mk_waker_clear (&self->cancel_source);
  if (self->attached)
    mk_probe_detach (self->probe, executor);

  mk_simple_executor_return (executor, task, error);
}

static void
start_become_ready (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker;
  gboolean stopped;

  mk_process_set_limit (self->process, G_MAXINT64);
  if (mk_process_get_news (self->process).expired)
    {
      start_end (task, start_timed_out_error (self, NULL));
      return;
    }

  locker = mk_simple_executor_lock (executor);
  stopped = priv->start != task;
  if (!stopped)
    {
      priv->start = NULL;
      priv->pending_start = NULL;
      priv->phase = MK_EXECUTOR_STATE_READY;
      priv->ready_time = (guint64) (g_get_monotonic_time () - self->begun);
      priv->ready_at = g_get_monotonic_time ();
    }
  g_mutex_locker_free (locker);

  if (stopped)
    {
      start_end (task, NULL);
      return;
    }
  g_debug ("%s: ready, pid %d, after %" G_GINT64_FORMAT " us",
           mk_simple_executor_get_program (executor),
           (int) mk_process_get_news (self->process).pid,
           g_get_monotonic_time () - self->begun);
  start_return (task, NULL);
}

/*
 * The first error counts, but whatever fails after a stop fails because of the stop.
 *
 * @error: (transfer full) (nullable): %NULL if there is one already, or a stop has come
 */
static void
start_take_error (GTask *task, GError *error)
{
  Start *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_clear_error (&error);
  else if (!start_owns_executor (task))
    {
      g_autofree char *name = self->process ? mk_process_message_service (self->process)
                                            /* Translators: stands in “%s was stopped before it was ready” */
                                            : g_strdup (_ ("The service"));

      g_clear_error (&error);
      self->error =
          g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("%s was stopped before it was ready"), name);
    }
  else
    self->error =
        error ? error : g_error_new_literal (MK_ERROR, MK_ERROR_FAILED, _ ("The service was not started"));
}

/* Fails while something is under way. @error: as that of start_take_error() */
static void
start_fail (GTask *task, GError *error)
{
  Start *self = g_task_get_task_data (task);

  start_take_error (task, error);
  switch (self->stage)
    {
    case TIDYING:
    case SPAWNING:
    case CONFIRMING:
    case FINISHING:
      start_end (task, NULL);
      break;

    case CLEANING:
    case CHECKING:
    case PREPARING:
    case WAITING:
    case COMPLETING:
      g_cancellable_cancel (self->cancellable);
      break;

    case ENDING:
    case WINDING_UP:
    default:
      break;
    }
}

/* Fails while nothing is under way. @error: as that of start_take_error() */
static void
start_end (GTask *task, GError *error)
{
  Start *self = g_task_get_task_data (task);
  MkLaunch *launch;

  start_take_error (task, error);
  g_debug ("%s: the start fails: %s",
           mk_simple_executor_get_program (g_task_get_source_object (task)),
           self->error->message);
  self->stage = ENDING;
  if (self->process == NULL || mk_process_get_news (self->process).gone)
    {
      start_wind_up (task);
      return;
    }
  if (mk_process_get_news (self->process).stuck != 0)
    {
      start_return_failure (task);
      return;
    }
  mk_waker_wake_at (self->timer, g_get_monotonic_time () + MK_LOOK_INTERVAL_US);
  /* The stop that came sees to its end, in its own way. */
  if (!start_owns_executor (task))
    return;

  launch = mk_process_get_launch (self->process);
  if (g_error_matches (self->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    mk_process_stop (self->process,
                     launch->stop_mode,
                     launch->stop_signal,
                     launch->kill_signal,
                     launch->stop_timeout > 0 ? MIN (launch->stop_timeout, MK_UNWAITED_GRACE_MS)
                                              : MK_UNWAITED_GRACE_MS);
  else
    mk_process_kill (self->process, launch->kill_signal);
}

/* Adds to the error what can only be known at the end. */
static void
start_complete_error (Start *self)
{
  g_autoptr (GError) stuck = self->process != NULL ? mk_simple_executor_stuck_error (self->process) : NULL;
  g_autofree char *goal = NULL;
  GError *better = NULL;
  char *message;

  /* By now all of the output is there. */
  if (self->attached && !self->by_vfunc && g_error_matches (self->error, MK_ERROR, MK_ERROR_EXITED))
    better = mk_probe_explain_exit (self->probe);
  else if (self->took > 0)
    {
      goal = start_dup_goal (self);
      better = mk_process_message_timed_out_error (self->process, goal, self->took, self->last_seen);
    }
  if (better != NULL)
    {
      g_error_free (self->error);
      self->error = better;
    }

  if (stuck != NULL && !g_error_matches (self->error, stuck->domain, stuck->code))
    {
      /* Translators: two sentences, without their full stops */
      message = g_strdup_printf (_ ("%s. %s"), self->error->message, stuck->message);
      g_free (self->error->message);
      self->error->message = message;
    }
  if (self->error->domain == MK_ERROR && self->process != NULL &&
      mk_process_get_news (self->process).pid != 0)
    {
      g_autofree char *output = mk_process_message_output (self->process);

      message = g_strconcat (self->error->message, output, NULL);
      g_free (self->error->message);
      self->error->message = message;
    }
}

static void
start_return_failure (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  GMutexLocker *locker = mk_simple_executor_lock (executor);
  gboolean is_gone = self->process == NULL || mk_process_get_news (self->process).gone;

  if (priv->start == task || priv->n_stops == 0)
    priv->phase = is_gone ? MK_EXECUTOR_STATE_STOPPED : MK_EXECUTOR_STATE_STOPPING;
  /* One that was stopped is pending until its callback is called. */
  if (priv->start == task)
    {
      priv->start = NULL;
      priv->pending_start = NULL;
    }
  g_mutex_locker_free (locker);

  start_complete_error (self);
  start_return (task, g_steal_pointer (&self->error));
}

static void
start_on_wound_up (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_end_cleanup (MK_SIMPLE_EXECUTOR (object));
  if (!mk_step_run_finish (result, NULL, &error))
    {
      char *message =
          g_strdup_printf (/* Translators: a sentence, why */ _ ("%s (and cleaning up failed: %s)"),
                           self->error->message,
                           error ? error->message : _ ("no reason given"));

      g_free (self->error->message);
      self->error->message = message;
    }

  start_return_failure (task);
}

/* Nothing of the service is left. */
static void
start_wind_up (GTask *task)
{
  Start *self = g_task_get_task_data (task);
  MkSimpleExecutor *executor = g_task_get_source_object (task);

  self->stage = WINDING_UP;
  if (mk_simple_executor_claim_cleanup (executor, task, NULL))
    mk_simple_executor_run_cleanup (executor, start_on_wound_up, task);
  else
    start_return_failure (task);
}

/* Called right before the task of a start is returned. */
void
mk_simple_executor_end_start (GTask *start)
{
  MkSimpleExecutor *executor = g_task_get_source_object (start);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (executor);

  if (priv->pending_start == start)
    priv->pending_start = NULL;
}

/* ---- the sources ---- */

/* Called by the stop that ended the start, in any thread, with the lock held. */
void
mk_simple_executor_wake_start (GTask *start)
{
  Start *self = g_task_get_task_data (start);

  mk_waker_wake (self->news);
}

static gboolean
start_on_news (gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);
  MkProcessNews news = { 0 };
  GError *failure;

  if (self->error == NULL && !start_owns_executor (task))
    {
      start_fail (task, NULL);
      return G_SOURCE_CONTINUE;
    }
  if (self->process == NULL)
    return G_SOURCE_CONTINUE;

  news = mk_process_get_news (self->process);
  if (self->stage == TIDYING && news.gone)
    start_clean (task);
  else if (self->stage == TIDYING && news.stuck != 0)
    start_end (task, mk_simple_executor_stuck_error (self->process));
  else if (self->stage == SPAWNING)
    start_on_spawn_news (task, &news);
  else if (self->stage == CONFIRMING)
    start_confirm (task);
  else if (self->stage == FINISHING)
    start_finish (task);
  else if (self->stage == WAITING || (self->stage == COMPLETING && !self->completed))
    {
      if (self->error == NULL && (failure = start_find_failure (task)) != NULL)
        start_fail (task, failure);
    }
  else if (self->stage == ENDING && news.gone)
    start_wind_up (task);
  else if (self->stage == ENDING && news.stuck != 0)
    start_return_failure (task);

  return G_SOURCE_CONTINUE;
}

static gboolean
start_on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Start *self = g_task_get_task_data (task);

  if (self->stage == SPAWNING)
    /* Translators: in parentheses, after what was waited for */
    start_end (task, start_timed_out_error (self, _ ("its program did not begin to run")));
  else if (self->stage == CONFIRMING)
    start_confirm (task);
  else if (self->stage == FINISHING)
    start_end (task, start_timed_out_error (self, NULL));
  else if (self->stage == ENDING)
    {
      mk_waker_wake_at (self->timer, g_get_monotonic_time () + MK_LOOK_INTERVAL_US);
      mk_waker_wake (self->news);
    }
  return G_SOURCE_CONTINUE;
}

static gboolean
start_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  start_fail (user_data,
              g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("The start was cancelled")));
  return G_SOURCE_REMOVE;
}

/* ---- the public functions ---- */

/**
 * mk_simple_executor_start:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Starts the service and waits until it is ready.
 *
 * If this fails, nothing of the service is left. The exception is a process that cannot be killed (see
 * [method@Mk.SimpleExecutor.stop]); the error then says that the service is still running. Errors are:
 *
 * - %MK_ERROR_INVALID_ARGUMENT if a setting is invalid
 * - %MK_ERROR_ALREADY_RUNNING if the probe is satisfied before the command is run
 * - %MK_ERROR_SPAWN_FAILED if the program could not be run
 * - %MK_ERROR_EXITED if the first process ended with a status other than 0 before the service was ready. If
 *   it ended with status 0, the start fails only when no process of the service is left.
 * - %MK_ERROR_TIMED_OUT if the start timeout passed
 * - %MK_ERROR_SUPERVISOR if the supervisor cannot be run, or was killed
 * - %MK_ERROR_LAUNCHER if the launcher cannot run the service, or its connection is lost
 * - %G_IO_ERROR_CANCELLED if @cancellable was cancelled, or the executor was stopped meanwhile
 * - %G_IO_ERROR_PENDING if a start or a stop is under way already. A start that was stopped is under way
 *   until its main context has run, and its callback was called.
 * - %MK_ERROR_FAILED in a forked child, if the executor was created before the fork
 * - the errors of the virtual functions and of the probe
 *
 * If the service is ready already, a start of an executor without a probe does nothing. With a probe, it
 * fails with %MK_ERROR_ALREADY_RUNNING.
 *
 * This function blocks, and needs no main loop. It does not run the main context of the caller.
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

  if (!start_ensure_worker (self, error))
    return FALSE;
  MK_SYNC (mk_simple_executor_start, self, error, cancellable);
}

/**
 * mk_simple_executor_start_async:
 * @self: the executor
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the service is ready, or the start has failed
 * @user_data: data for @callback
 *
 * Starts the service. See [method@Mk.SimpleExecutor.start].
 *
 * The thread-default main context of the caller must run for the start to make progress. If it does not run,
 * the service is killed soon after the start timeout. If you cancel the start, the service gets the stop
 * signal, and is killed after at most one second. The callback is called when nothing of the service is
 * left.
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
  start->news = mk_waker_attach (context, "MkStart news", start_on_news, task, NULL);

  if (!start_begin (task, &error))
    {
      mk_waker_destroy (start->news);
      if (error != NULL)
        g_task_return_error (task, error);
      else
        g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  start->timer = mk_waker_attach (context, "MkStart deadline", start_on_deadline, task, NULL);
  start->cancel_source = mk_cancel_waker_attach (cancellable, context, start_on_cancelled, task);
  g_debug ("%s: start", mk_simple_executor_get_program (self));
  mk_signals_wake (mk_simple_executor_get_private (self)->signals);
  start_tidy (task);
}

/**
 * mk_simple_executor_start_finish:
 * @self: the executor
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.SimpleExecutor.start_async].
 *
 * Returns: whether the service is ready
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_start_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error)
{
  return mk_simple_executor_finish (self, result, mk_simple_executor_start_async, error);
}
