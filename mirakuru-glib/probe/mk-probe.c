/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Probes tell whether something is ready. They know nothing about processes; asking again and again is the
 * poller's part.
 */

#include "mk-probe-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-message-private.h"
#include "mk-poller-private.h"
#include "base/mk-step-private.h"
#include "base/mk-sync-private.h"

#define DEFAULT_MAX_INTERVAL_MS 50

/**
 * MkProbe:
 *
 * One way to tell that a service is ready.
 *
 * A probe is asked once with [method@Mk.Probe.check], or again and again with
 * [method@Mk.Probe.wait] and [method@Mk.Probe.wait_gone]. Executors use probes to know when
 * their services are ready, but a probe can be used alone just as well: to wait for a service that something
 * else has started.
 *
 * A subclass implements `check`, which must not block, or `check_task`. It may emit
 * [signal@Mk.Probe::wake] when something happened that makes it worth asking at once.
 *
 * A probe may be used by one operation at a time in each thread; its functions use
 * the thread-default main context of their caller.
 *
 * Since: 1.0
 */

typedef struct
{
  GMutex lock;
  char *detail; /* (owned) (nullable) (locked-by lock) */
  guint max_interval_ms;
  guint attempt_limit_ms;
  guint grace_ms; /* does not change */
  gint eager;     /* (atomic) */
} MkProbePrivate;

enum
{
  SIGNAL_WAKE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MkProbe, mk_probe, G_TYPE_OBJECT)

static gboolean
mk_probe_real_check (MkProbe *self, GError **error)
{
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_FAILED,
               _ ("%s implements neither check() nor check_task()"),
               G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

/* @error: (transfer full) (nullable) */
static void
return_attempt (MkProbe *self, GTask *task, gboolean there, GError *error)
{
  /* These are answers. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      mk_probe_set_detail (self, error->message);
      g_clear_error (&error);
      there = FALSE;
    }

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

static void
mk_probe_real_check_task (MkProbe *self, GTask *task)
{
  g_autoptr (GError) error = NULL;
  gboolean there = MK_PROBE_GET_CLASS (self)->check (self, &error);

  return_attempt (self, task, there, g_steal_pointer (&error));
}

static char *
mk_probe_real_describe (MkProbe *self)
{
  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”; a type */
  return g_strdup_printf (_ ("%s was satisfied"), G_OBJECT_TYPE_NAME (self));
}

static void
mk_probe_real_attach (MkProbe *self, MkSimpleExecutor *executor)
{
}

static void
mk_probe_real_detach (MkProbe *self, MkSimpleExecutor *executor)
{
}

static void
mk_probe_finalize (GObject *object)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (MK_PROBE (object));

  g_free (priv->detail);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_probe_parent_class)->finalize (object);
}

static void
mk_probe_class_init (MkProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mk_probe_finalize;

  klass->check = mk_probe_real_check;
  klass->check_task = mk_probe_real_check_task;
  klass->describe = mk_probe_real_describe;
  klass->attach = mk_probe_real_attach;
  klass->detach = mk_probe_real_detach;

  /**
   * MkProbe::wake:
   * @self: the probe
   *
   * To be emitted by implementations when something happened that makes it worth asking at once: a file
   * appeared, a line was printed. Asking goes on without it too, only later. May be emitted in
   * any thread.
   *
   * Since: 1.0
   */
  signals[SIGNAL_WAKE] = g_signal_new ("wake",
                                       G_TYPE_FROM_CLASS (klass),
                                       G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
                                       0,
                                       NULL,
                                       NULL,
                                       NULL,
                                       G_TYPE_NONE,
                                       0);
}

static void
mk_probe_init (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_mutex_init (&priv->lock);
  priv->max_interval_ms = DEFAULT_MAX_INTERVAL_MS;
}

/* ---- for the library ---- */

/*
 * @max_interval_ms: the longest time between two attempts
 * @attempt_limit_ms: how long one attempt may take, 0 for no limit of its own
 */
void
mk_probe_set_limits (MkProbe *self, guint max_interval_ms, guint attempt_limit_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  priv->max_interval_ms = max_interval_ms;
  priv->attempt_limit_ms = attempt_limit_ms;
}

guint
mk_probe_get_max_interval (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  return priv->max_interval_ms;
}

/*
 * Lets an attempt whose time is up do so much more, to clear away and to say why. It is to be set when the
 * probe is made, and at most 50 ms are granted when the time is up.
 */
void
mk_probe_set_grace (MkProbe *self, guint grace_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  priv->grace_ms = grace_ms;
}

/* Lets the poller ask more often than the cost of an attempt allows, for a while. */
void
mk_probe_set_eager (MkProbe *self, gboolean eager)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_atomic_int_set (&priv->eager, eager);
}

gboolean
mk_probe_is_eager (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  return g_atomic_int_get (&priv->eager);
}

static gint64
attempt_deadline (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  return mk_deadline_after (priv->attempt_limit_ms);
}

/* @detail: (nullable): why the attempt said "not yet" */
void
mk_probe_set_detail (MkProbe *self, const char *detail)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  g_free (priv->detail);
  priv->detail = g_strdup (detail);
}

char *
mk_probe_dup_detail (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  return g_strdup (priv->detail);
}

/* Returns: (transfer full): what is there already, a sentence */
char *
mk_probe_describe_holder (MkProbe *self)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);
  g_autofree char *description = NULL;

  if (klass->describe_holder != NULL)
    return klass->describe_holder (self);

  description = mk_probe_describe (self);
  /* Translators: a clause in the past tense */
  return g_strdup_printf (_ ("%s before anything was started"), description);
}

/*
 * Asked when @self says that the service is ready.
 *
 * Returns: (transfer full) (nullable): a sentence, if it is certain that somebody else has answered
 */
char *
mk_probe_describe_rival (MkProbe *self, GPid service, GPid supervisor)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);

  return klass->describe_rival ? klass->describe_rival (self, service, supervisor) : NULL;
}

/*
 * Returns: (transfer full): the probe that is asked before a start whether something is in the way; %NULL
 * with an error if the settings make no sense
 */
MkProbe *
mk_probe_dup_before_start (MkProbe *self, GError **error)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);

  return klass->dup_before_start ? klass->dup_before_start (self, error) : g_object_ref (self);
}

/*
 * Asked in a start whose service has ended with status 0.
 *
 * Returns: whether the service itself has shown in this start that it was ready: then its end is no failure
 */
gboolean
mk_probe_is_met (MkProbe *self)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);

  return klass->is_met != NULL && klass->is_met (self);
}

/*
 * Asked when the service has exited before it was ready, and all it printed is known.
 *
 * Returns: (transfer full) (nullable): a better reason than its status
 */
GError *
mk_probe_explain_exit (MkProbe *self)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);

  return klass->explain_exit ? klass->explain_exit (self) : NULL;
}

void
mk_probe_attach (MkProbe *self, MkSimpleExecutor *executor)
{
  MK_PROBE_GET_CLASS (self)->attach (self, executor);
}

void
mk_probe_detach (MkProbe *self, MkSimpleExecutor *executor)
{
  MK_PROBE_GET_CLASS (self)->detach (self, executor);
}

/* ---- one attempt ---- */

static void
on_step_done (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  gboolean timed_out;
  gboolean there = mk_step_run_finish (result, &timed_out, &error);

  if (error != NULL && timed_out)
    {
      g_autofree char *detail = mk_probe_dup_detail (MK_PROBE (object));

      g_task_return_new_error (
          task, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s", detail ? detail : _ ("no answer in time"));
    }
  else
    return_attempt (MK_PROBE (object), task, there, g_steal_pointer (&error));
}

/*
 * An attempt that takes too long ends with G_IO_ERROR_TIMED_OUT.
 *
 * @deadline: monotonic time in microseconds
 */
void
mk_probe_attempt_async (MkProbe *self,
                        gint64 deadline,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, mk_probe_attempt_async);
  g_task_set_check_cancellable (task, FALSE);

  if (g_task_return_error_if_cancelled (task))
    return;

  if (priv->grace_ms > 0)
    mk_probe_set_detail (self, NULL);

  if (klass->check_task == mk_probe_real_check_task)
    mk_probe_real_check_task (self, task);
  else
    mk_step_run_async (self,
                       (MkStepFunc) klass->check_task,
                       N_ ("The check"),
                       MIN (deadline, attempt_deadline (self)),
                       priv->grace_ms,
                       cancellable,
                       on_step_done,
                       g_object_ref (task));
}

gboolean
mk_probe_attempt_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* For who asks only once: what does not answer is not there. */
gboolean
mk_probe_attempt_finish_known (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean there = mk_probe_attempt_finish (self, result, &local_error);

  if (local_error != NULL && !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_propagate_error (error, g_steal_pointer (&local_error));
  return there;
}

/* For those who have to block. @deadline: monotonic time in microseconds, G_MAXINT64 for none */
gboolean
mk_probe_check_until (MkProbe *self, gint64 deadline, GError **error)
{
  MkSync sync;
  gboolean there;

  if (!mk_sync_begin (&sync, error))
    return FALSE;

  mk_probe_attempt_async (self, deadline, NULL, mk_sync_callback, &sync);
  there = mk_probe_attempt_finish_known (self, mk_sync_wait (&sync), error);
  mk_sync_end (&sync);
  return there;
}

/**
 * mk_probe_check:
 * @self: the probe
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Asks once.
 *
 * %FALSE without an error means that what is waited for is not there. An error means that this could not be
 * found out. This function blocks for as long as one attempt takes.
 *
 * Returns: %TRUE if it is there
 *
 * Since: 1.0
 */
gboolean
mk_probe_check (MkProbe *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_probe_check, self, error, cancellable);
}

/**
 * mk_probe_check_async:
 * @self: the probe
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when it is known
 * @user_data: data for @callback
 *
 * Asks once. See [method@Mk.Probe.check].
 *
 * Since: 1.0
 */
void
mk_probe_check_async (MkProbe *self,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_return_if_fail (MK_IS_PROBE (self));

  mk_probe_attempt_async (self, G_MAXINT64, cancellable, callback, user_data);
}

/**
 * mk_probe_check_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.Probe.check_async].
 *
 * Returns: %TRUE if it is there
 *
 * Since: 1.0
 */
gboolean
mk_probe_check_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_probe_attempt_async), FALSE);

  return mk_probe_attempt_finish_known (self, result, error);
}

/* ---- waiting ---- */

typedef struct
{
  gboolean goal;
  gint64 begun;
} Wait;

static void
return_timed_out (GTask *task, Wait *wait, const char *last_seen)
{
  MkProbe *self = g_task_get_source_object (task);
  g_autofree char *description = mk_probe_describe (self);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - wait->begun);
  g_autofree char *seen = mk_message_seen (last_seen);

  if (!wait->goal)
    g_task_return_new_error (task,
                             MK_ERROR,
                             MK_ERROR_TIMED_OUT,
                             /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept
                              * connections” */
                             _ ("Timed out after %s waiting for the opposite of: %s"),
                             duration,
                             description);
  else if (seen != NULL)
    g_task_return_new_error (task,
                             MK_ERROR,
                             MK_ERROR_TIMED_OUT,
                             /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept
                              * connections”, what was seen last */
                             _ ("Timed out after %s waiting for %s (%s)"),
                             duration,
                             description,
                             seen);
  else
    g_task_return_new_error (task,
                             MK_ERROR,
                             MK_ERROR_TIMED_OUT,
                             /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept
                              * connections” */
                             _ ("Timed out after %s waiting for %s"),
                             duration,
                             description);
}

static void
on_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Wait *wait = g_task_get_task_data (task);
  g_autofree char *last_seen = NULL;
  g_autoptr (GError) error = NULL;
  gboolean timed_out;

  if (mk_poller_run_finish (result, &timed_out, &last_seen, &error))
    g_task_return_boolean (task, TRUE);
  else if (timed_out)
    return_timed_out (task, wait, last_seen);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
wait_async (MkProbe *self,
            gboolean goal,
            gpointer source_tag,
            guint timeout_ms,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Wait *wait = g_new0 (Wait, 1);

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, wait, g_free);
  wait->goal = goal;
  wait->begun = g_get_monotonic_time ();

  mk_poller_run_async (self, goal, mk_deadline_after (timeout_ms), NULL, NULL, cancellable, on_polled, task);
}

/**
 * mk_probe_wait:
 * @self: the probe
 * @timeout_ms: the longest time to wait in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until what the probe looks for is there.
 *
 * Fails with %MK_ERROR_TIMED_OUT when the time is up, and with %G_IO_ERROR_CANCELLED when
 * @cancellable is cancelled. This function blocks; the main context of the caller is not run meanwhile.
 *
 * Returns: %TRUE once it is there
 *
 * Since: 1.0
 */
gboolean
mk_probe_wait (MkProbe *self, guint timeout_ms, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_probe_wait, self, error, timeout_ms, cancellable);
}

/**
 * mk_probe_wait_async:
 * @self: the probe
 * @timeout_ms: the longest time to wait in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until what the probe looks for is there. See [method@Mk.Probe.wait].
 *
 * Since: 1.0
 */
void
mk_probe_wait_async (MkProbe *self,
                     guint timeout_ms,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_return_if_fail (MK_IS_PROBE (self));

  wait_async (self, TRUE, mk_probe_wait_async, timeout_ms, cancellable, callback, user_data);
}

/**
 * mk_probe_wait_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.Probe.wait_async].
 *
 * Returns: %TRUE if it is there
 *
 * Since: 1.0
 */
gboolean
mk_probe_wait_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_probe_wait_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_probe_wait_gone:
 * @self: the probe
 * @timeout_ms: the longest time to wait in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until what the probe looks for is not there any more. Errors are those of
 * [method@Mk.Probe.wait].
 *
 * Returns: %TRUE once it is gone
 *
 * Since: 1.0
 */
gboolean
mk_probe_wait_gone (MkProbe *self, guint timeout_ms, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_probe_wait_gone, self, error, timeout_ms, cancellable);
}

/**
 * mk_probe_wait_gone_async:
 * @self: the probe
 * @timeout_ms: the longest time to wait in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until what the probe looks for is not there any more. See [method@Mk.Probe.wait_gone].
 *
 * Since: 1.0
 */
void
mk_probe_wait_gone_async (MkProbe *self,
                          guint timeout_ms,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_return_if_fail (MK_IS_PROBE (self));

  wait_async (self, FALSE, mk_probe_wait_gone_async, timeout_ms, cancellable, callback, user_data);
}

/**
 * mk_probe_wait_gone_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Ends [method@Mk.Probe.wait_gone_async].
 *
 * Returns: %TRUE if it is gone
 *
 * Since: 1.0
 */
gboolean
mk_probe_wait_gone_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_probe_wait_gone_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_probe_describe:
 * @self: the probe
 *
 * Says what is waited for, as a clause that can follow "before" and "until":
 * "127.0.0.1:6379 accepted connections".
 *
 * Returns: (transfer full): the clause
 *
 * Since: 1.0
 */
char *
mk_probe_describe (MkProbe *self)
{
  char *description;

  g_return_val_if_fail (MK_IS_PROBE (self), NULL);

  description = MK_PROBE_GET_CLASS (self)->describe (self);
  return description ? description : mk_probe_real_describe (self);
}
