/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emits MkProbe::wake in the context of whoever asked the probe last, for news that come to the worker, which
 * must not run code of the user.
 *
 * It keeps neither the probe nor the context, so that the private context of a synchronous wait is gone when
 * that returns. A context that is freed destroys its sources first; that of the waker then takes leave, with
 * the lock held, so the worker never wakes a context that is gone. What destroys a source must not hold the
 * lock.
 */

#include "mk-probe-waker.h"

#include "mk-wake-source.h"

struct _MkProbeWaker
{
  gatomicrefcount ref_count; /* one for the owner, and one for each source */
  GWeakRef probe;

  GMutex lock;
  GMainContext *context; /* (unowned) (nullable) (locked-by lock) to be compared only */
  GSource *source;       /* (owned) (nullable) (locked-by lock) attached to the context */
};

/* What a source knows. */
typedef struct
{
  MkProbeWaker *waker; /* (owned) */
  GSource *source;     /* (unowned) */
} Seat;

static void
waker_unref (MkProbeWaker *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_weak_ref_clear (&self->probe);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* Returns: (transfer full) (nullable): the source, if it is @seated or that is NULL */
static GSource *
steal_source (MkProbeWaker *self, GSource *seated)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (seated != NULL && self->source != seated)
    return NULL;

  self->context = NULL;
  return g_steal_pointer (&self->source);
}

/* The source was destroyed: by us, or because its context is freed. */
static void
seat_free (gpointer data)
{
  Seat *seat = data;
  g_autoptr (GSource) source G_GNUC_UNUSED = steal_source (seat->waker, seat->source);

  waker_unref (seat->waker);
  g_free (seat);
}

static gboolean
on_wake (gpointer user_data)
{
  Seat *seat = user_data;
  g_autoptr (MkProbe) probe = g_weak_ref_get (&seat->waker->probe);

  if (probe != NULL)
    g_signal_emit_by_name (probe, "wake");
  return G_SOURCE_CONTINUE;
}

MkProbeWaker *
mk_probe_waker_new (MkProbe *probe)
{
  MkProbeWaker *self = g_new0 (MkProbeWaker, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_weak_ref_init (&self->probe, probe);
  return self;
}

void
mk_probe_waker_free (MkProbeWaker *self)
{
  GSource *source = steal_source (self, NULL);

  mk_wake_source_clear (&source);
  waker_unref (self);
}

/* Call with the lock held. */
static void
attach (MkProbeWaker *self, GMainContext *context)
{
  Seat *seat = g_new0 (Seat, 1);

  g_atomic_ref_count_inc (&self->ref_count);
  seat->waker = self;
  seat->source = self->source = mk_wake_source_new ("MkProbeWaker", on_wake, seat, seat_free);
  self->context = context;
  g_source_attach (self->source, context);
}

/* To be called by each check. Does nothing if it is there already. */
void
mk_probe_waker_move (MkProbeWaker *self, GMainContext *context)
{
  GSource *left = NULL;

  g_mutex_lock (&self->lock);
  if (self->context != context)
    {
      left = g_steal_pointer (&self->source);
      attach (self, context);
    }
  g_mutex_unlock (&self->lock);

  mk_wake_source_clear (&left);
}

/* In any thread. */
void
mk_probe_waker_wake (MkProbeWaker *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->source != NULL)
    mk_wake_source_wake (self->source);
}
