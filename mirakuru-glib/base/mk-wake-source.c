/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A source that runs its function when it is woken, from whatever thread, or at a time. However often it
 * is woken before it runs, it runs once. It costs no file descriptor.
 *
 * Whoever wakes it holds this, not the GSource, which only its context holds: in GLib 2.74 to wake or to
 * unref a source while another thread frees its context is a use after free, and what hung then was the
 * worker. The source says so, with the lock held, before its context is gone. So this keeps no context alive.
 */

#include "mk-wake-source-private.h"

struct _MkWakeSource
{
  gatomicrefcount ref_count; /* one for the source, too */
  GSourceFunc func;
  gpointer data;
  GDestroyNotify destroy; /* (nullable) */

  GMutex lock;
  GSource *source; /* (unowned) (nullable) (locked-by lock) until it is destroyed */
  gboolean left;   /* (locked-by lock) nobody wants to know any more */
};

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  /* Reset first: a wake-up that comes while the function runs must not be lost. */
  g_source_set_ready_time (source, -1);
  return callback (user_data);
}

static GSourceFuncs source_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

static gboolean
is_left (MkWakeSource *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->left;
}

static gboolean
run (gpointer user_data)
{
  MkWakeSource *self = user_data;

  return is_left (self) ? G_SOURCE_REMOVE : self->func (self->data);
}

/* By us, or because its context is freed */
static void
on_source_destroyed (gpointer user_data)
{
  MkWakeSource *self = user_data;

  g_mutex_lock (&self->lock);
  self->source = NULL;
  g_mutex_unlock (&self->lock);

  if (self->destroy != NULL)
    self->destroy (self->data);
  mk_wake_source_unref (self);
}

/* Returns: (transfer full) */
MkWakeSource *
mk_wake_source_attach (GMainContext *context,
                       const char *name,
                       GSourceFunc func,
                       gpointer data,
                       GDestroyNotify destroy)
{
  MkWakeSource *self = g_new0 (MkWakeSource, 1);
  g_autoptr (GSource) source = g_source_new (&source_funcs, sizeof (GSource));

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->func = func;
  self->data = data;
  self->destroy = destroy;
  self->source = source;

  g_source_set_static_name (source, name);
  g_source_set_callback (source, run, mk_wake_source_ref (self), on_source_destroyed);
  g_source_attach (source, context);
  return self;
}

/* In a forked child, where nobody holds what was locked in its parent. */
void
mk_wake_source_renew_lock (MkWakeSource *self)
{
  g_mutex_init (&self->lock);
}

MkWakeSource *
mk_wake_source_ref (MkWakeSource *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_wake_source_unref (MkWakeSource *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_mutex_clear (&self->lock);
  g_free (self);
}

void
mk_wake_source_set_priority (MkWakeSource *self, int priority)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->source != NULL)
    g_source_set_priority (self->source, priority);
}

/* In any thread */
void
mk_wake_source_wake (MkWakeSource *self)
{
  mk_wake_source_wake_at (self, 0);
}

/* @time_us: as g_get_monotonic_time(); G_MAXINT64 for never */
void
mk_wake_source_wake_at (MkWakeSource *self, gint64 time_us)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->source != NULL)
    g_source_set_ready_time (self->source, time_us == G_MAXINT64 ? -1 : time_us);
}

/* To be called by who runs the context, or keeps it. */
void
mk_wake_source_destroy (MkWakeSource *self)
{
  g_autoptr (GSource) source = NULL;

  g_mutex_lock (&self->lock);
  source = self->source ? g_source_ref (self->source) : NULL;
  g_mutex_unlock (&self->lock);

  if (source != NULL)
    g_source_destroy (source);
}

/* Destroys it and drops the reference. */
void
mk_wake_source_clear (MkWakeSource **self)
{
  if (*self == NULL)
    return;

  mk_wake_source_destroy (*self);
  g_clear_pointer (self, mk_wake_source_unref);
}

/* The same from any thread: the function is not called again, and the source goes when its context runs. */
void
mk_wake_source_leave (MkWakeSource **self)
{
  if (*self == NULL)
    return;

  g_mutex_lock (&(*self)->lock);
  (*self)->left = TRUE;
  g_mutex_unlock (&(*self)->lock);
  mk_wake_source_wake (*self);
  g_clear_pointer (self, mk_wake_source_unref);
}

/* ---- cancellation ---- */

typedef struct
{
  GCancellable *cancellable; /* (owned) */
  gulong handler;
  GCancellableSourceFunc func;
  gpointer data;
} Cancel;

static void
on_cancelled (GCancellable *cancellable, gpointer source)
{
  mk_wake_source_wake (source);
}

static void
unref_source (gpointer source, GClosure *closure)
{
  mk_wake_source_unref (source);
}

static gboolean
cancel_run (gpointer user_data)
{
  Cancel *self = user_data;

  return self->func (self->cancellable, self->data);
}

static void
cancel_free (gpointer user_data)
{
  Cancel *self = user_data;

  /* Not g_cancellable_disconnect(), which waits for the other handlers. */
  g_signal_handler_disconnect (self->cancellable, self->handler);
  g_object_unref (self->cancellable);
  g_free (self);
}

/*
 * Not g_cancellable_source_new(), of which GLib 2.74 loses one that is destroyed while another thread
 * cancels.
 *
 * Returns: (transfer full) (nullable): runs @func in @context when @cancellable is cancelled; NULL without
 * one
 */
MkWakeSource *
mk_cancel_source_attach (GCancellable *cancellable,
                         GMainContext *context,
                         GCancellableSourceFunc func,
                         gpointer data)
{
  MkWakeSource *source;
  Cancel *cancel;

  if (cancellable == NULL)
    return NULL;

  cancel = g_new0 (Cancel, 1);
  cancel->cancellable = g_object_ref (cancellable);
  cancel->func = func;
  cancel->data = data;
  source = mk_wake_source_attach (context, "MkCancel", cancel_run, cancel, cancel_free);
  cancel->handler = g_signal_connect_data (
      cancellable, "cancelled", G_CALLBACK (on_cancelled), mk_wake_source_ref (source), unref_source, 0);
  if (g_cancellable_is_cancelled (cancellable))
    mk_wake_source_wake (source);

  return source;
}
