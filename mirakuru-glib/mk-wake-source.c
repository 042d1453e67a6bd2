/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A source that runs its function when it is woken, from whatever thread, or at a time. However often it
 * is woken before it runs, it runs once. It costs no file descriptor.
 */

#include "mk-wake-source.h"

static gboolean
mk_wake_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  /* Reset first: a wake-up that comes while the function runs must not be lost. */
  g_source_set_ready_time (source, -1);
  return callback (user_data);
}

static GSourceFuncs mk_wake_source_funcs = { NULL, NULL, mk_wake_source_dispatch, NULL, NULL, NULL };

GSource *
mk_wake_source_new (const char *name, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  GSource *source = g_source_new (&mk_wake_source_funcs, sizeof (GSource));

  g_source_set_static_name (source, name);
  g_source_set_callback (source, func, data, destroy);
  return source;
}

/* Returns: (transfer full): destroy it with mk_wake_source_clear() */
GSource *
mk_wake_source_attach (GMainContext *context,
                       const char *name,
                       GSourceFunc func,
                       gpointer data,
                       GDestroyNotify destroy)
{
  GSource *source = mk_wake_source_new (name, func, data, destroy);

  g_source_attach (source, context);
  return source;
}

/* Returns: (transfer full) (nullable): runs @func in @context when @cancellable is cancelled; NULL without
 * one */
GSource *
mk_cancel_source_attach (GCancellable *cancellable,
                         GMainContext *context,
                         GCancellableSourceFunc func,
                         gpointer data)
{
  GSource *source;

  if (cancellable == NULL)
    return NULL;

  source = g_cancellable_source_new (cancellable);
  g_source_set_callback (source, G_SOURCE_FUNC (func), data, NULL);
  g_source_attach (source, context);
  return source;
}

void
mk_wake_source_wake (GSource *source)
{
  g_source_set_ready_time (source, 0);
}

/* @time_us: as g_get_monotonic_time(); G_MAXINT64 for never */
void
mk_wake_source_wake_at (GSource *source, gint64 time_us)
{
  g_source_set_ready_time (source, time_us == G_MAXINT64 ? -1 : time_us);
}

void
mk_wake_source_clear (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}
