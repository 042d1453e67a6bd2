/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The wait: asks a probe again and again, and decides when.
 *
 *   asking ──> pausing ──> asking ──> … ──> finished
 *
 * A wait asks the probe's `check` directly. Where that would block, it calls `check_task` and goes on when
 * the task has returned. Then it pauses, as mk_probe_wait_choose_interval() says, unless the probe wakes it.
 * A probe that wakes it all the time is still given a pause as long as an attempt. The deadline bounds all of
 * it, attempts included.
 *
 * Everything happens in the context of the task. What the probe needs there (see MkProbeClassPrivate::begin)
 * is made when the wait begins, and freed when it ends.
 */

#include "mk-probe-wait-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-waker-private.h"

#define MIN_INTERVAL_US (1 * G_TIME_SPAN_MILLISECOND)
/* Locally, checks may take a 25th of the time, but an expensive one does not make the service wait longer
 * than this. */
#define INTERVAL_PER_COST      25
#define MAX_COST_INTERVAL_US   (100 * G_TIME_SPAN_MILLISECOND)
#define CHECK_PART             1000 /* and 0.1 % of the time since the wait began */
#define TASK_PART              100  /* 1 % */
#define MAX_TASK_INTERVAL_US   (100 * G_TIME_SPAN_MILLISECOND)
#define REMOTE_PART            20 /* 5 % */
#define MIN_REMOTE_INTERVAL_US (50 * G_TIME_SPAN_MILLISECOND)
#define MAX_REMOTE_INTERVAL_US (1 * G_TIME_SPAN_SECOND)
/* The time since the wait began, within these bounds, passes before a name that did not resolve is looked up
 * again: name servers are shared, and each attempt asks them twice. */
#define MIN_RESOLVE_INTERVAL_MS 100
#define MAX_RESOLVE_INTERVAL_MS 1000
/* How often it is looked at most while it has to stay satisfied */
#define STABLE_LOOKS 10
/* What a server may ask for */
#define MAX_RETRY_LOCAL_MS  1000
#define MAX_RETRY_REMOTE_MS 10000

typedef struct
{
  MkProbe *probe; /* (owned) */
  gpointer state; /* (nullable) what the probe keeps for this wait */
  gboolean goal;  /* what the probe has to say */
  gint64 begun;
  gint64 deadline;        /* monotonic, G_MAXINT64 for none */
  MkProbeAliveFunc alive; /* (nullable) */
  gpointer alive_data;

  MkWaker *timer;         /* (owned) (nullable) until it is finished: when to ask next */
  MkWaker *waker;         /* (owned) (nullable) until it is finished: registered with the probe */
  MkWaker *cancel_source; /* (owned) (nullable) */
  gboolean asking;        /* a task is under way */
  gboolean woken;         /* meanwhile */
  gint64 asked_at;
  gint64 not_before; /* even when woken */
  gint64 cost;       /* of the cheapest check so far: on a busy machine any of them may take long */
  guint n_attempts;
  gint64 stable_since; /* monotonic: since then it was satisfied each time, 0 if it was not */
  char *last_seen;     /* (owned) (nullable) */
  gboolean seen_by_task;
  gboolean timed_out;
} Wait;

static void
wait_free (Wait *self)
{
  g_object_unref (self->probe);
  g_free (self->last_seen);
  g_free (self);
}

/* ---- debugging ---- */

/* GTest would print what is dropped otherwise. */
static gboolean
wait_is_debugged (void)
{
  return !g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN);
}

static void
wait_debug_begin (Wait *self)
{
  g_autofree char *clause = NULL;

  if (!wait_is_debugged ())
    return;

  clause = mk_probe_describe (self->probe);
  g_debug ("%s %p: waiting for %s%s",
           G_OBJECT_TYPE_NAME (self->probe),
           (gpointer) self->probe,
           self->goal ? "" : "the opposite of: ",
           clause);
}

static void
wait_debug_answer (Wait *self, const char *what, const char *answer)
{
  if (!wait_is_debugged ())
    return;

  g_debug ("%s %p: %s after %" G_GINT64_FORMAT " us, attempt %u: %s",
           G_OBJECT_TYPE_NAME (self->probe),
           (gpointer) self->probe,
           what,
           g_get_monotonic_time () - self->begun,
           self->n_attempts,
           answer);
}

/* ---- the end ---- */

/* @error: (transfer full) (nullable): %NULL when the goal is reached */
static void
wait_finish (GTask *task, GError *error)
{
  Wait *self = g_task_get_task_data (task);

  wait_debug_answer (self, "end of the wait", error ? error->message : "as wanted");
  mk_probe_remove_waker (self->probe, self->waker);
  mk_waker_clear (&self->waker);
  mk_waker_clear (&self->timer);
  mk_waker_clear (&self->cancel_source);
  mk_probe_end (self->probe, self->state);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
wait_finish_cancelled (GTask *task)
{
  wait_finish (task, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled")));
}

static void
wait_finish_timed_out (GTask *task)
{
  Wait *self = g_task_get_task_data (task);
  g_autofree char *clause = mk_probe_describe (self->probe);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - self->begun);
  g_autofree char *seen = mk_message_seen (self->last_seen);
  g_autofree char *message = NULL;

  if (!self->goal)
    /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept connections” */
    message = g_strdup_printf (_ ("Timed out after %s waiting for the opposite of: %s"), duration, clause);
  else if (seen != NULL)
    /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept connections”, what was seen last */
    message = g_strdup_printf (_ ("Timed out after %s waiting for %s (%s)"), duration, clause, seen);
  else
    /* Translators: a duration, a clause such as “127.0.0.1:6379 to accept connections” */
    message = g_strdup_printf (_ ("Timed out after %s waiting for %s"), duration, clause);

  self->timed_out = TRUE;
  wait_finish (task, g_error_new_literal (MK_ERROR, MK_ERROR_TIMED_OUT, message));
}

/* ---- when ---- */

static gint64
wait_choose_remote_interval (gint64 elapsed)
{
  gint64 interval = MIN (MIN_REMOTE_INTERVAL_US + elapsed / REMOTE_PART, MAX_REMOTE_INTERVAL_US);

  /* So that many who wait for one server do not ask all at once. */
  return (gint64) ((double) interval * g_random_double_range (0.9, 1.1));
}

/*
 * @elapsed: since the wait began, in microseconds
 * @cost: of a check, in microseconds; −1 if a task was needed
 *
 * Returns: the time from the end of an attempt to the next one, G_MAXINT64 if there is to be none
 */
gint64
mk_probe_wait_choose_interval (MkProbe *probe, gint64 elapsed, gint64 cost)
{
  MkProbePace pace = mk_probe_get_pace (probe);
  gint64 by_hand = mk_probe_get_interval (probe) * G_TIME_SPAN_MILLISECOND;
  guint longest_ms = pace == MK_PROBE_PACE_REMOTE ? MAX_RETRY_REMOTE_MS : MAX_RETRY_LOCAL_MS;
  guint retry_after_ms = mk_probe_take_retry_after (probe);
  gint64 retry_after = MIN (retry_after_ms, longest_ms) * G_TIME_SPAN_MILLISECOND;
  /* A main context sleeps for whole milliseconds, and rounds up. */
  gint64 share = elapsed / CHECK_PART / G_TIME_SPAN_MILLISECOND * G_TIME_SPAN_MILLISECOND;
  gint64 interval = MIN_INTERVAL_US;

  if (by_hand > 0)
    return MAX (by_hand, retry_after);
  if (pace == MK_PROBE_PACE_WOKEN)
    return G_MAXINT64;

  if (pace == MK_PROBE_PACE_REMOTE)
    interval = wait_choose_remote_interval (elapsed);
  else if (cost < 0)
    interval = MIN (elapsed / TASK_PART, MAX_TASK_INTERVAL_US);
  else
    interval = MAX (MIN (cost * INTERVAL_PER_COST, MAX_COST_INTERVAL_US), share);

  return MAX (MAX (interval, retry_after), MIN_INTERVAL_US);
}

/* @error: (nullable): of the attempt. @elapsed: since the wait began, in microseconds */
void
mk_probe_wait_spare_resolver (MkProbe *probe, const GError *error, gint64 elapsed)
{
  if (error != NULL && error->domain == G_RESOLVER_ERROR && mk_probe_get_interval (probe) == 0)
    mk_probe_set_retry_after (
        probe,
        (guint) CLAMP (elapsed / G_TIME_SPAN_MILLISECOND, MIN_RESOLVE_INTERVAL_MS, MAX_RESOLVE_INTERVAL_MS));
}

static gint64
wait_get_stable_time (Wait *self)
{
  return mk_probe_find_stable_for (self->probe) * G_TIME_SPAN_MILLISECOND;
}

/* Nothing is gained by haste while it has to stay satisfied. */
static gint64
wait_choose_stable_interval (Wait *self, gint64 interval)
{
  gint64 time = wait_get_stable_time (self);
  gint64 left = self->stable_since + time - g_get_monotonic_time ();

  return MIN (MAX (interval, time / STABLE_LOOKS), MAX (left, 0));
}

static void
wait_pause (Wait *self, gboolean by_task)
{
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (MK_PROBE_GET_CLASS (self->probe));
  gint64 now = g_get_monotonic_time ();
  gint64 took = now - self->asked_at;
  gint64 interval;

  if (class_private->choose_interval != NULL)
    interval = class_private->choose_interval (self->probe, self->state, now - self->begun, self->cost);
  else
    interval = mk_probe_wait_choose_interval (self->probe, now - self->begun, by_task ? -1 : self->cost);

  if (self->stable_since != 0)
    interval = wait_choose_stable_interval (self, interval);
  self->not_before = MIN (now + MIN (took, interval), self->deadline);
  mk_waker_wake_at (self->timer, interval < self->deadline - now ? now + interval : self->deadline);
  if (self->woken)
    mk_waker_wake (self->timer);
}

/* ---- asking ---- */

/* The goal is reached, for now. Returns: whether it has been for long enough */
static gboolean
wait_is_stable (Wait *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->goal)
    return TRUE;
  if (self->stable_since == 0)
    self->stable_since = now;
  return now >= self->stable_since + wait_get_stable_time (self);
}

static void
wait_remember_stable (Wait *self)
{
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - self->stable_since);

  g_free (self->last_seen);
  /* Translators: in parentheses, after what is waited for; a duration */
  self->last_seen = g_strdup_printf (_ ("this was the case for %s only, not long enough"), duration);
}

static void
wait_remember (Wait *self, gboolean by_task, const GError *error)
{
  gboolean cut_short =
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) && g_get_monotonic_time () >= self->deadline;
  char *seen;

  /* What an attempt of the same kind has found says more. What `check` has found is outdated: it says by now
   * that a task is needed. */
  if (cut_short && self->last_seen != NULL && self->seen_by_task)
    return;

  mk_probe_wait_spare_resolver (self->probe, error, g_get_monotonic_time () - self->begun);
  seen = error ? g_strdup (error->message) : mk_probe_dup_detail (self->probe);
  if (self->n_attempts == 1)
    wait_debug_answer (self, "first answer", seen ? seen : "not yet");

  g_free (self->last_seen);
  self->last_seen = seen;
  self->seen_by_task = by_task;
}

/* @error: (nullable): what the attempt said instead of an answer */
static void
wait_take_answer (GTask *task, gboolean by_task, gboolean there, const GError *error)
{
  Wait *self = g_task_get_task_data (task);
  GError *end = NULL;

  if (error != NULL && error->domain == MK_ERROR)
    {
      wait_finish (task, g_error_copy (error));
      return;
    }
  /* With an error it is not known whether it is there. */
  if (error == NULL && there == self->goal && wait_is_stable (self))
    {
      wait_finish (task, NULL);
      return;
    }

  if (error == NULL && there == self->goal)
    wait_remember_stable (self);
  else
    {
      self->stable_since = 0;
      wait_remember (self, by_task, error);
    }
  if (self->alive != NULL && !self->alive (self->alive_data, &self->deadline, &end))
    wait_finish (
        task,
        end ? end : g_error_new_literal (MK_ERROR, MK_ERROR_EXITED, _ ("The service is not alive any more")));
  else if (g_get_monotonic_time () >= self->deadline)
    wait_finish_timed_out (task);
  else
    wait_pause (self, by_task);
}

static void
wait_on_asked (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean there = mk_probe_ask_finish (self->probe, result, &error);

  self->asking = FALSE;
  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)) && (error != NULL || there != self->goal))
    wait_finish_cancelled (task);
  else
    wait_take_answer (task, TRUE, there, error);
}

static void
wait_ask (GTask *task)
{
  Wait *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean there;

  self->woken = FALSE;
  self->n_attempts++;
  self->asked_at = g_get_monotonic_time ();
  there = mk_probe_ask (self->probe, self->state, &error);
  self->cost = MIN (self->cost, g_get_monotonic_time () - self->asked_at);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      wait_take_answer (task, FALSE, there, error);
      return;
    }

  self->asking = TRUE;
  mk_probe_ask_async (
      self->probe, self->state, self->deadline, g_task_get_cancellable (task), wait_on_asked, task);
}

static gboolean
wait_on_timer (gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);
  gint64 now = g_get_monotonic_time ();

  if (self->asking)
    return G_SOURCE_CONTINUE;

  if (now >= self->deadline)
    wait_finish_timed_out (task);
  else if (now < self->not_before)
    mk_waker_wake_at (self->timer, self->not_before);
  else
    wait_ask (task);

  return G_SOURCE_CONTINUE;
}

static gboolean
wait_on_wake (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Wait *self = g_task_get_task_data (task);

  self->woken = TRUE;
  mk_probe_emit_wake (self->probe);
  /* The handlers may have done anything. */
  if (self->timer != NULL)
    wait_on_timer (task);
  return G_SOURCE_CONTINUE;
}

static gboolean
wait_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Wait *self = g_task_get_task_data (task);

  /* An attempt sees it by itself. */
  if (!self->asking)
    wait_finish_cancelled (task);
  return G_SOURCE_REMOVE;
}

/* ---- the beginning ---- */

static void
wait_begin (MkProbe *probe,
            gboolean goal,
            gint64 deadline,
            MkProbeAliveFunc alive,
            gpointer alive_data,
            gpointer source_tag,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  GTask *task = g_task_new (probe, cancellable, callback, user_data);
  GMainContext *context = g_task_get_context (task);
  Wait *self = g_new0 (Wait, 1);

  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) wait_free);
  self->probe = g_object_ref (probe);
  self->goal = goal;
  self->begun = g_get_monotonic_time ();
  self->deadline = deadline;
  self->alive = alive;
  self->alive_data = alive_data;
  self->cost = G_MAXINT64;

  wait_debug_begin (self);
  self->state = mk_probe_begin (probe);
  self->timer = mk_waker_attach (context, "MkProbe wait", wait_on_timer, task, NULL);
  self->waker = mk_waker_attach (context, "MkProbe wake", wait_on_wake, task, NULL);
  self->cancel_source = mk_cancel_waker_attach (cancellable, context, wait_on_cancelled, task);
  mk_probe_add_waker (probe, self->waker);
  if (g_cancellable_is_cancelled (cancellable))
    wait_finish_cancelled (task);
  else
    wait_ask (task);
}

/*
 * Asks @probe until it says @goal. Errors of the domain MK_ERROR end the wait; others mean that it is
 * not known, so it is asked again.
 *
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 */
void
mk_probe_wait_run_async (MkProbe *probe,
                         gboolean goal,
                         gint64 deadline,
                         MkProbeAliveFunc alive,
                         gpointer alive_data,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  wait_begin (
      probe, goal, deadline, alive, alive_data, mk_probe_wait_run_async, cancellable, callback, user_data);
}

/*
 * @timed_out: (out): whether the error is that the deadline passed
 * @last_seen: (out) (transfer full) (nullable): what the last attempt said
 */
gboolean
mk_probe_wait_run_finish (GAsyncResult *result, gboolean *timed_out, char **last_seen, GError **error)
{
  Wait *self = g_task_get_task_data (G_TASK (result));

  *timed_out = self->timed_out;
  *last_seen = g_strdup (self->last_seen);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- for users ---- */

/**
 * mk_probe_wait:
 * @self: the probe
 * @timeout_ms: the longest time to wait in milliseconds, 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until the probe is satisfied.
 *
 * Fails with %MK_ERROR_TIMED_OUT when @timeout_ms have passed, with %G_IO_ERROR_CANCELLED when @cancellable
 * is cancelled, and with any error of the domain %MK_ERROR that a check returns. This function blocks. It
 * does not run the main context of the caller.
 *
 * Returns: %TRUE once the probe is satisfied
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
 * Waits until the probe is satisfied. See [method@Mk.Probe.wait].
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

  wait_begin (self,
              TRUE,
              mk_deadline_after (timeout_ms),
              NULL,
              NULL,
              mk_probe_wait_async,
              cancellable,
              callback,
              user_data);
}

/**
 * mk_probe_wait_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.Probe.wait_async].
 *
 * Returns: %TRUE if the probe is satisfied
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
 * Waits until the probe is not satisfied any more. The errors are those of [method@Mk.Probe.wait]. This
 * function blocks.
 *
 * Returns: %TRUE once the probe is not satisfied
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
 * Waits until the probe is not satisfied any more. See [method@Mk.Probe.wait_gone].
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

  wait_begin (self,
              FALSE,
              mk_deadline_after (timeout_ms),
              NULL,
              NULL,
              mk_probe_wait_gone_async,
              cancellable,
              callback,
              user_data);
}

/**
 * mk_probe_wait_gone_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.Probe.wait_gone_async].
 *
 * Returns: %TRUE if the probe is not satisfied
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
