/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A source that runs its function when it is woken, from whatever thread, or at a time. However often it
 * is woken before it runs, it runs once. It costs no file descriptor.
 *
 * This holds the context: in GLib 2.74 to wake or to unref a source while another thread frees its context is
 * a use after free.
 */

#include "mk-waker-private.h"

struct _MkWaker
{
  gatomicrefcount ref_count;
  GMainContext *context; /* (owned) */
  GSource *source;       /* (owned) */
};

static gboolean
waker_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  /* Reset first: a wake-up that comes while the function runs must not be lost. */
  g_source_set_ready_time (source, -1);
  return callback (user_data);
}

static GSourceFuncs waker_funcs = { NULL, NULL, waker_dispatch, NULL, NULL, NULL };

/*
 * @destroy: (nullable): called with @data when it is destroyed
 *
 * Returns: (transfer full)
 */
MkWaker *
mk_waker_attach (GMainContext *context,
                 const char *name,
                 GSourceFunc func,
                 gpointer data,
                 GDestroyNotify destroy)
{
  MkWaker *self = g_new0 (MkWaker, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->context = g_main_context_ref (context);
  self->source = g_source_new (&waker_funcs, sizeof (GSource));
  g_source_set_static_name (self->source, name);
  g_source_set_callback (self->source, func, data, destroy);
  g_source_attach (self->source, context);
  return self;
}

MkWaker *
mk_waker_ref (MkWaker *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* The source stays until it is destroyed. */
void
mk_waker_unref (MkWaker *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_source_unref (self->source);
  g_main_context_unref (self->context);
  g_free (self);
}

/* For a function that may call code of users: that may run the context, and wait for this function there. */
void
mk_waker_allow_recursion (MkWaker *self)
{
  g_source_set_can_recurse (self->source, TRUE);
}

/* In any thread */
void
mk_waker_wake (MkWaker *self)
{
  mk_waker_wake_at (self, 0);
}

/* @time_us: as g_get_monotonic_time(); G_MAXINT64 for never */
void
mk_waker_wake_at (MkWaker *self, gint64 time_us)
{
  g_source_set_ready_time (self->source, time_us == G_MAXINT64 ? -1 : time_us);
}

/* From another thread than that of the context, the function may still be running when this returns. */
void
mk_waker_destroy (MkWaker *self)
{
  g_source_destroy (self->source);
}

/* Destroys it and drops the reference. */
void
mk_waker_clear (MkWaker **self)
{
  if (*self == NULL)
    return;

  mk_waker_destroy (*self);
  g_clear_pointer (self, mk_waker_unref);
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
waker_on_cancelled (GCancellable *cancellable, gpointer source)
{
  mk_waker_wake (source);
}

static void
waker_unref_closure_data (gpointer source, GClosure *closure)
{
  mk_waker_unref (source);
}

static gboolean
cancel_dispatch (gpointer user_data)
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
MkWaker *
mk_cancel_waker_attach (GCancellable *cancellable,
                        GMainContext *context,
                        GCancellableSourceFunc func,
                        gpointer data)
{
  MkWaker *source;
  Cancel *cancel;

  if (cancellable == NULL)
    return NULL;

  cancel = g_new0 (Cancel, 1);
  cancel->cancellable = g_object_ref (cancellable);
  cancel->func = func;
  cancel->data = data;
  source = mk_waker_attach (context, "MkCancel", cancel_dispatch, cancel, cancel_free);
  cancel->handler = g_signal_connect_data (cancellable,
                                           "cancelled",
                                           G_CALLBACK (waker_on_cancelled),
                                           mk_waker_ref (source),
                                           waker_unref_closure_data,
                                           0);
  if (g_cancellable_is_cancelled (cancellable))
    mk_waker_wake (source);

  return source;
}
