/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-callback-probe.h"

#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"

/**
 * MkCallbackProbe:
 *
 * A probe that calls a function to check whether a service is ready.
 *
 * See [Probes of your own](probes.html) for examples.
 *
 * Since: 1.0
 */

struct _MkCallbackProbe
{
  MkProbe parent_instance;

  MkProbeFunc func;
  gpointer user_data;     /* (owned) by way of destroy */
  GDestroyNotify destroy; /* (nullable) */
};

G_DEFINE_FINAL_TYPE (MkCallbackProbe, mk_callback_probe, MK_TYPE_PROBE)

static gboolean
mk_callback_probe_check (MkProbe *probe, GError **error)
{
  MkCallbackProbe *self = MK_CALLBACK_PROBE (probe);
  g_autoptr (GError) local_error = NULL;
  gboolean there = self->func != NULL && self->func (self->user_data, &local_error);

  if (local_error == NULL)
    return there;

  /* A function cannot be asked in another way: what is not ready to answer is not ready. */
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    mk_probe_set_detail (probe, local_error->message);
  else
    g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static char *
mk_callback_probe_describe (MkProbe *probe)
{
  /* Translators: a clause that stands after “waiting for” */
  return g_strdup (_ ("the function to be satisfied"));
}

static void
mk_callback_probe_finalize (GObject *object)
{
  MkCallbackProbe *self = MK_CALLBACK_PROBE (object);

  if (self->destroy != NULL)
    self->destroy (self->user_data);

  G_OBJECT_CLASS (mk_callback_probe_parent_class)->finalize (object);
}

static void
mk_callback_probe_class_init (MkCallbackProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  object_class->finalize = mk_callback_probe_finalize;

  probe_class->check = mk_callback_probe_check;
  probe_class->describe = mk_callback_probe_describe;
}

static void
mk_callback_probe_init (MkCallbackProbe *self)
{
}

/**
 * mk_callback_probe_new:
 * @func: (scope notified) (closure user_data) (destroy destroy): the function to call
 * @user_data: data for @func
 * @destroy: (nullable): frees @user_data
 *
 * Creates a probe that calls @func. The function is called in the main context of the operation that uses
 * the probe. It must not block. It returns %TRUE when the service is ready.
 *
 * The probe owns @user_data, and an executor owns its probe. If @user_data owns the same executor, this is a
 * reference cycle: nothing is ever freed, and the service is not stopped. In other languages than C, a
 * function owns every object that it uses, and a method owns its object. To use the executor in a check,
 * override [vfunc@Mk.Executor.after_start_check] in a subclass.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkCallbackProbe *
mk_callback_probe_new (MkProbeFunc func, gpointer user_data, GDestroyNotify destroy)
{
  MkCallbackProbe *self;

  g_return_val_if_fail (func != NULL, NULL);

  self = g_object_new (MK_TYPE_CALLBACK_PROBE, NULL);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  return self;
}
