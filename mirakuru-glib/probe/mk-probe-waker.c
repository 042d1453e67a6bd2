/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Wakes a probe from the context of whoever asked it last, for events that come to the worker.
 *
 * It keeps neither the probe nor the context, so that the private context of a synchronous wait is gone when
 * that returns.
 */

#include "mk-probe-waker-private.h"

#include "base/mk-wake-source-private.h"

struct _MkProbeWaker
{
  MkProbe *probe; /* (unowned) there when it is asked */

  GMutex lock;
  GMainContext *context; /* (unowned) (nullable) (locked-by lock) to be compared only */
  MkWakeSource *source;  /* (owned) (nullable) (locked-by lock) attached to the context */
};

static gboolean
on_wake (gpointer user_data)
{
  g_autoptr (MkProbe) probe = g_weak_ref_get (user_data);

  if (probe != NULL)
    mk_probe_wake (probe);
  return G_SOURCE_CONTINUE;
}

static void
weak_ref_free (gpointer weak_ref)
{
  g_weak_ref_clear (weak_ref);
  g_free (weak_ref);
}

MkProbeWaker *
mk_probe_waker_new (MkProbe *probe)
{
  MkProbeWaker *self = g_new0 (MkProbeWaker, 1);

  g_mutex_init (&self->lock);
  self->probe = probe;
  return self;
}

void
mk_probe_waker_free (MkProbeWaker *self)
{
  mk_wake_source_leave (&self->source);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* To be called by each check. Does nothing if it is there already. */
void
mk_probe_waker_move (MkProbeWaker *self, GMainContext *context)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  GWeakRef *probe;

  /* Another context may be where one was that is gone. */
  if (self->context == context && self->source != NULL && mk_wake_source_is_attached (self->source))
    return;

  probe = g_new0 (GWeakRef, 1);
  g_weak_ref_init (probe, self->probe);
  mk_wake_source_leave (&self->source);
  self->source = mk_wake_source_attach (context, "MkProbeWaker", on_wake, probe, weak_ref_free);
  self->context = context;
}

/* In any thread. */
void
mk_probe_waker_wake (MkProbeWaker *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->source != NULL)
    mk_wake_source_wake (self->source);
}
