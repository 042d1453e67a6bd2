/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Decides when a probe is asked next.
 *
 * There is no fixed interval. What is kept constant is the share of time spent on asking: after an attempt
 * that took time t the next one follows t / DUTY later, within bounds. So cheap probes are asked every few
 * milliseconds, and a busy machine is not made busier. A probe that wakes the poller is asked at once; even
 * then an attempt is followed by a pause as long as itself, but no longer than without being woken. The
 * deadline bounds all of it, attempts included.
 *
 * Where each attempt is dear and the answer is wanted soon all the same, as with HTTP, the probe is eager: it
 * may take a larger share for as long as little time has passed since the last news, so that what it notices
 * late is a small part of what was waited for. News is another answer than the one before.
 *
 * Everything happens on the context of the task, except that a probe may be woken from any thread.
 */

#include "mk-poller-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"
#include "base/mk-wake-source-private.h"

#define INTERVAL_PER_COST 50 /* a duty of 2 % */
#define MIN_INTERVAL_US   1000
/* For an eager probe: a duty of a third, and one part in so many of the time since the last news */
#define EAGER_INTERVAL_PER_COST 2
#define EAGER_PART              400
/* What it takes to wake up for an attempt. */
#define WAKE_COST_US 10
/* With so much time an attempt that got no answer says something about the service. */
#define FAIR_TIME_US 250000
/* How much one attempt counts in the average: a part in so many. */
#define COST_WEIGHT 8

typedef struct
{
  MkProbe *probe;          /* (owned) */
  gboolean goal;           /* what the probe has to say */
  gint64 deadline;         /* monotonic, G_MAXINT64 for none */
  MkPollerAliveFunc alive; /* (nullable) */
  gpointer alive_data;
  gpointer quick; /* (owned) (nullable) asks without waiting, where the probe can */

  MkWakeSource *timer;         /* (owned) (nullable) when to ask next */
  MkWakeSource *cancel_source; /* (owned) (nullable) */
  gulong wake_handler;
  gint woken;     /* (atomic) since the last attempt began */
  gboolean asked; /* at least once, without haste */
  gboolean asking;
  gint64 asked_at;
  gint64 cost; /* the average */
  gint64 last_cost;
  gint64 not_before;  /* even when woken */
  gint64 news_at;     /* when last_seen changed */
  char *last_seen;    /* (owned) (nullable) */
  GError *last_error; /* (owned) (nullable) what the last attempt said instead of an answer */
  gboolean timed_out;
} Poller;

static void
poller_free (Poller *self)
{
  if (self->quick != NULL)
    MK_PROBE_GET_CLASS (self->probe)->quick_end (self->probe, self->quick);
  g_clear_pointer (&self->timer, mk_wake_source_unref);
  g_object_unref (self->probe);
  g_clear_error (&self->last_error);
  g_free (self->last_seen);
  g_free (self);
}

/* @error: (transfer full) (nullable): %NULL when the goal is reached */
static void
finish (GTask *task, GError *error)
{
  Poller *self = g_task_get_task_data (task);

  g_clear_signal_handler (&self->wake_handler, self->probe);
  mk_wake_source_destroy (self->timer);
  mk_wake_source_clear (&self->cancel_source);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
finish_timed_out (GTask *task)
{
  Poller *self = g_task_get_task_data (task);

  self->timed_out = TRUE;
  finish (task, g_error_new_literal (MK_ERROR, MK_ERROR_TIMED_OUT, _ ("The time is up")));
}

/* An average, for a dear attempt among cheap ones is no reason for a long pause. */
static void
note_cost (Poller *self, gint64 cost)
{
  self->last_cost = cost;
  self->cost = self->cost > 0 ? (self->cost * (COST_WEIGHT - 1) + cost) / COST_WEIGHT : cost;
}

static gint64
choose_interval (Poller *self, gint64 now)
{
  gint64 interval = (self->cost + WAKE_COST_US) * INTERVAL_PER_COST;
  /* An attempt that the machine had no time for is no reason for an eager one to wait. */
  gint64 eager_interval =
      MAX (MIN (self->cost, self->last_cost) * EAGER_INTERVAL_PER_COST, (now - self->news_at) / EAGER_PART);

  if (mk_probe_is_eager (self->probe))
    interval = MIN (interval, eager_interval);

  return CLAMP (interval, MIN_INTERVAL_US, mk_probe_get_max_interval (self->probe) * G_TIME_SPAN_MILLISECOND);
}

static void
ask_later (Poller *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 interval = choose_interval (self, now);

  self->not_before = MIN (now + MIN (self->cost, interval), self->deadline);
  mk_wake_source_wake_at (self->timer, MIN (now + interval, self->deadline));
  if (g_atomic_int_get (&self->woken))
    mk_wake_source_wake (self->timer);
}

/* Whether the deadline ended the attempt when it had hardly begun: then it says less than the one before. */
static gboolean
was_cut_short (Poller *self, const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) && self->last_seen != NULL &&
         g_get_monotonic_time () >= self->deadline &&
         self->deadline - self->asked_at < MAX (FAIR_TIME_US, 2 * self->cost);
}

static void
remember (Poller *self, const GError *error)
{
  char *seen;

  if (was_cut_short (self, error))
    return;

  seen = error ? g_strdup (error->message) : mk_probe_dup_detail (self->probe);
  if (g_strcmp0 (seen, self->last_seen) != 0)
    self->news_at = g_get_monotonic_time ();

  g_clear_error (&self->last_error);
  self->last_error = error ? g_error_copy (error) : NULL;
  g_free (self->last_seen);
  self->last_seen = seen;
}

/* @error: (nullable): what the attempt said instead of an answer */
static void
take_answer (GTask *task, gboolean there, const GError *error)
{
  Poller *self = g_task_get_task_data (task);
  GError *end = NULL;

  if (error != NULL && error->domain == MK_ERROR)
    {
      finish (task, g_error_copy (error));
      return;
    }
  /* With an error it is not known whether it is there. */
  if (error == NULL && there == self->goal)
    {
      finish (task, NULL);
      return;
    }

  remember (self, error);
  if (self->alive != NULL && !self->alive (self->alive_data, &end))
    {
      finish (task,
              end ? end
                  : g_error_new_literal (MK_ERROR, MK_ERROR_EXITED, _ ("The service is not alive any more")));
      return;
    }

  /* The first attempt is not the kind that is repeated, if there is a quick one. */
  if (self->quick == NULL || self->asked)
    note_cost (self, g_get_monotonic_time () - self->asked_at);
  self->asked = TRUE;
  if (g_get_monotonic_time () >= self->deadline)
    finish_timed_out (task);
  else
    ask_later (self);
}

static void
on_attempted (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Poller *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean there = mk_probe_attempt_finish (self->probe, result, &error);

  self->asking = FALSE;
  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)) && (error != NULL || there != self->goal))
    finish (task, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled")));
  else
    take_answer (task, there, error);
}

static MkQuickAnswer
ask_quickly (Poller *self)
{
  if (self->quick == NULL || !self->asked)
    return MK_QUICK_UNKNOWN;

  return MK_PROBE_GET_CLASS (self->probe)->quick_ask (self->probe, self->quick);
}

static void
ask (GTask *task)
{
  Poller *self = g_task_get_task_data (task);
  MkQuickAnswer answer;

  g_atomic_int_set (&self->woken, FALSE);
  self->asked_at = g_get_monotonic_time ();
  answer = ask_quickly (self);
  if (answer != MK_QUICK_UNKNOWN)
    {
      take_answer (task, answer == MK_QUICK_READY, NULL);
      return;
    }

  self->asking = TRUE;
  mk_probe_attempt_async (self->probe, self->deadline, g_task_get_cancellable (task), on_attempted, task);
}

static gboolean
on_timer (gpointer user_data)
{
  GTask *task = user_data;
  Poller *self = g_task_get_task_data (task);

  if (self->asking)
    return G_SOURCE_CONTINUE;

  if (g_get_monotonic_time () >= self->deadline)
    finish_timed_out (task);
  else if (g_get_monotonic_time () < self->not_before)
    mk_wake_source_wake_at (self->timer, self->not_before);
  else
    ask (task);

  return G_SOURCE_CONTINUE;
}

/* In any thread, perhaps after the end: so it holds the task, and the source is kept as long. */
static void
on_wake (MkProbe *probe, gpointer user_data)
{
  Poller *self = g_task_get_task_data (user_data);

  g_atomic_int_set (&self->woken, TRUE);
  mk_wake_source_wake (self->timer);
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Poller *self = g_task_get_task_data (task);

  /* An attempt sees it by itself. */
  if (!self->asking)
    finish (task, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled")));
  return G_SOURCE_REMOVE;
}

/*
 * Asks @probe until it says @goal. Errors of the domain MK_ERROR end the wait; others mean that it is
 * not known, so it is asked again.
 *
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 */
void
mk_poller_run_async (MkProbe *probe,
                     gboolean goal,
                     gint64 deadline,
                     MkPollerAliveFunc alive,
                     gpointer alive_data,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  GTask *task = g_task_new (probe, cancellable, callback, user_data);
  Poller *self = g_new0 (Poller, 1);

  g_task_set_source_tag (task, mk_poller_run_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify) poller_free);
  self->probe = g_object_ref (probe);
  self->goal = goal;
  self->deadline = deadline;
  self->alive = alive;
  self->alive_data = alive_data;
  self->timer = mk_wake_source_attach (g_task_get_context (task), "MkPoller", on_timer, task, NULL);
  self->wake_handler = g_signal_connect_data (
      probe, "wake", G_CALLBACK (on_wake), g_object_ref (task), (GClosureNotify) (void *) g_object_unref, 0);
  self->cancel_source = mk_cancel_source_attach (cancellable, g_task_get_context (task), on_cancelled, task);
  /* A quick "not yet" may be no more than a likely one: good for asking again, not as the last word. */
  if (goal && MK_PROBE_GET_CLASS (probe)->quick_begin != NULL)
    self->quick = MK_PROBE_GET_CLASS (probe)->quick_begin (probe);

  ask (task);
}

/*
 * @timed_out: (out): whether the error is that the deadline passed
 * @last_seen: (out) (transfer full) (nullable): what the last attempt said
 */
gboolean
mk_poller_run_finish (GAsyncResult *result, gboolean *timed_out, char **last_seen, GError **error)
{
  Poller *self = g_task_get_task_data (G_TASK (result));

  *timed_out = self->timed_out;
  *last_seen = g_strdup (self->last_seen);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Returns: (transfer full) (nullable): what the last attempt said instead of an answer */
GError *
mk_poller_run_dup_last_error (GAsyncResult *result)
{
  Poller *self = g_task_get_task_data (G_TASK (result));

  return self->last_error ? g_error_copy (self->last_error) : NULL;
}
