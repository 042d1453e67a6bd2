/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls a vfunc that takes a task, and makes sure that there is an answer.
 *
 * The implementation gets a task of its own, the inner one; what the library waits for is the outer one. The
 * outer task is answered when the inner one is returned, when it is dropped without having been returned
 * (which GTask does not tell anybody), or when the deadline passes or the cancellable is cancelled: then the
 * inner task's cancellable is cancelled and the implementation has a grace to return it. After that it is
 * forgotten.
 *
 * All of it happens on the context of the outer task, except that the inner task may be dropped in any
 * thread.
 */

#include "mk-step-private.h"

#include "mk-error.h"
#include "mk-i18n-private.h"
#include "mk-waker-private.h"

typedef struct
{
  gatomicrefcount ref_count;
  GTask *outer;                    /* (owned) (nullable) until it is answered */
  const char *name;                /* static */
  GCancellable *inner_cancellable; /* (owned) */
  MkWaker *waker;                  /* (owned) at the deadline, then after the grace; when `is_gone` */
  MkWaker *cancel_source;          /* (owned) (nullable) */
  guint grace_ms;
  GError *reason; /* (owned) (nullable) why the inner task was cancelled */
  int is_gone;    /* (atomic) the inner task, whether it was returned or not */
  gboolean timed_out;
  gboolean was_dropped;
} Step;

static void
step_unref (Step *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_error (&self->reason);
  mk_waker_unref (self->waker);
  g_object_unref (self->inner_cancellable);
  g_free (self);
}

/* @error: (transfer full) (nullable) */
static void
step_answer (Step *self, gboolean result, GError *error)
{
  g_autoptr (GTask) outer = g_steal_pointer (&self->outer);

  mk_waker_clear (&self->cancel_source);
  /* Not freed yet: the inner task may be dropped in another thread at this moment. */
  mk_waker_destroy (self->waker);

  if (error != NULL)
    g_task_return_error (outer, error);
  else
    g_task_return_boolean (outer, result);
  step_unref (self);
}

/* @reason: (transfer full) */
static void
step_end_early (Step *self, GError *reason, guint grace_ms)
{
  mk_waker_clear (&self->cancel_source);
  self->reason = reason;
  g_cancellable_cancel (self->inner_cancellable);
  mk_waker_wake_at (self->waker, g_get_monotonic_time () + grace_ms * G_TIME_SPAN_MILLISECOND);
  /* This may have come between. */
  if (g_atomic_int_get (&self->is_gone))
    mk_waker_wake (self->waker);
}

static gboolean
step_on_woken (gpointer user_data)
{
  Step *self = user_data;

  if (self->reason == NULL && g_atomic_int_get (&self->is_gone))
    {
      self->was_dropped = TRUE;
      /* Translators: a function */
      self->reason = g_error_new (
          MK_ERROR, MK_ERROR_FAILED, _ ("%s dropped its task without returning it"), _ (self->name));
    }
  if (self->reason != NULL)
    {
      step_answer (self, FALSE, g_steal_pointer (&self->reason));
      return G_SOURCE_CONTINUE;
    }

  self->timed_out = TRUE;
  step_end_early (
      self,
      g_error_new (
          MK_ERROR,
          MK_ERROR_TIMED_OUT,
          /* Translators: a function; “task” is a GTask */
          _ ("%s did not finish in time: it has not returned its task (perhaps it failed without saying so)"),
          _ (self->name)),
      MIN (self->grace_ms, 50));
  return G_SOURCE_CONTINUE;
}

static gboolean
step_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Step *self = user_data;

  step_end_early (self,
                  g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled")),
                  self->grace_ms);
  return G_SOURCE_REMOVE;
}

static void
step_on_inner_returned (GTask *inner, GParamSpec *pspec, gpointer user_data)
{
  Step *self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean done = g_task_propagate_boolean (inner, &error);

  if (self->outer == NULL)
    return;

  /* A step that made it within its grace has done its work all the same. */
  if (self->reason != NULL && !done)
    step_answer (self, FALSE, g_steal_pointer (&self->reason));
  else
    step_answer (self, done, g_steal_pointer (&error));
}

static void
step_on_inner_finalized (gpointer user_data, GObject *inner)
{
  Step *self = user_data;

  /* Harmless when the outer task has been answered: the source is destroyed then. */
  g_atomic_int_set (&self->is_gone, TRUE);
  mk_waker_wake (self->waker);
  step_unref (self);
}

/*
 * For who calls the implementation itself.
 *
 * @name: (static): for messages, which show it translated
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 * @grace_ms: how long a cancelled implementation is waited for
 *
 * Returns: (transfer full): the task to give to the implementation, at once
 */
GTask *
mk_step_begin_async (gpointer instance,
                     const char *name,
                     gint64 deadline,
                     guint grace_ms,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  Step *self = g_new0 (Step, 1);
  GTask *inner;
  GMainContext *context;

  g_atomic_ref_count_init (&self->ref_count);
  self->outer = g_task_new (instance, cancellable, callback, user_data);
  g_task_set_source_tag (self->outer, mk_step_run_async);
  g_task_set_check_cancellable (self->outer, FALSE);
  g_atomic_ref_count_inc (&self->ref_count);
  g_task_set_task_data (self->outer, self, (GDestroyNotify) step_unref);
  self->name = name;
  self->grace_ms = grace_ms;
  self->inner_cancellable = g_cancellable_new ();

  context = g_task_get_context (self->outer);
  self->waker = mk_waker_attach (context, "MkStep", step_on_woken, self, NULL);
  mk_waker_wake_at (self->waker, deadline);
  self->cancel_source = mk_cancel_waker_attach (cancellable, context, step_on_cancelled, self);

  /* Without a callback: newer versions of GLib warn if a task that has one is dropped. */
  inner = g_task_new (instance, self->inner_cancellable, NULL, NULL);
  g_signal_connect (inner, "notify::completed", G_CALLBACK (step_on_inner_returned), self);
  g_task_set_source_tag (inner, mk_step_begin_async);
  g_task_set_check_cancellable (inner, FALSE);
  g_atomic_ref_count_inc (&self->ref_count);
  g_object_weak_ref (G_OBJECT (inner), step_on_inner_finalized, self);
  return inner;
}

void
mk_step_run_async (gpointer instance,
                   MkStepFunc func,
                   const char *name,
                   gint64 deadline,
                   guint grace_ms,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) inner =
      mk_step_begin_async (instance, name, deadline, grace_ms, cancellable, callback, user_data);

  func (instance, inner);
}

/* @timed_out: (out) (optional): whether the error is that the deadline passed */
gboolean
mk_step_run_finish (GAsyncResult *result, gboolean *timed_out, GError **error)
{
  Step *self = g_task_get_task_data (G_TASK (result));

  if (timed_out != NULL)
    *timed_out = self->timed_out;
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Returns: whether what failed is that @name never returned its task, so that the error names it already */
gboolean
mk_step_run_is_to_blame (GAsyncResult *result, const char *name)
{
  Step *self = g_task_get_task_data (G_TASK (result));

  return (self->timed_out || self->was_dropped) && g_str_equal (self->name, name);
}
