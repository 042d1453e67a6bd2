/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * See mk-probe-group.c for how the parts are asked.
 */

#include "mk-any-probe.h"

#include "mk-probe-group.h"

/**
 * MkAnyProbe:
 *
 * A probe that is satisfied when one of several others is.
 *
 * They are asked side by side, and one that needs long for an answer does not keep the others from being
 * asked. Errors that would end a wait for each of them end one for this probe too; those of some are told
 * when the time is up. It may be a part of another combination.
 *
 * Since: 1.0
 */

struct _MkAnyProbe
{
  MkProbe parent_instance;

  MkProbeGroup *group; /* (owned) */
};

G_DEFINE_FINAL_TYPE (MkAnyProbe, mk_any_probe, MK_TYPE_PROBE)

static void
mk_any_probe_check_task (MkProbe *probe, GTask *task)
{
  mk_probe_group_check (MK_ANY_PROBE (probe)->group, task);
}

static char *
mk_any_probe_describe (MkProbe *probe)
{
  return mk_probe_group_describe (MK_ANY_PROBE (probe)->group);
}

static char *
mk_any_probe_describe_holder (MkProbe *probe)
{
  return mk_probe_group_describe_holder (MK_ANY_PROBE (probe)->group);
}

static MkProbe *
mk_any_probe_dup_before_start (MkProbe *probe, GError **error)
{
  return mk_probe_group_dup_before_start (MK_ANY_PROBE (probe)->group, error);
}

static GError *
mk_any_probe_explain_exit (MkProbe *probe)
{
  return mk_probe_group_explain_exit (MK_ANY_PROBE (probe)->group);
}

static void
mk_any_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  mk_probe_group_attach (MK_ANY_PROBE (probe)->group, executor);
}

static void
mk_any_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  mk_probe_group_detach (MK_ANY_PROBE (probe)->group, executor);
}

static void
mk_any_probe_finalize (GObject *object)
{
  mk_probe_group_free (MK_ANY_PROBE (object)->group);

  G_OBJECT_CLASS (mk_any_probe_parent_class)->finalize (object);
}

static void
mk_any_probe_class_init (MkAnyProbeClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_any_probe_finalize;

  probe_class->check_task = mk_any_probe_check_task;
  probe_class->describe = mk_any_probe_describe;
  probe_class->describe_holder = mk_any_probe_describe_holder;
  probe_class->dup_before_start = mk_any_probe_dup_before_start;
  probe_class->explain_exit = mk_any_probe_explain_exit;
  probe_class->attach = mk_any_probe_attach;
  probe_class->detach = mk_any_probe_detach;
}

static void
mk_any_probe_init (MkAnyProbe *self)
{
  self->group = mk_probe_group_new (MK_PROBE (self), TRUE);
}

/**
 * mk_any_probe_new:
 * @probes: (array length=n_probes) (transfer none) (nullable): the probes to combine
 * @n_probes: how many there are
 *
 * Creates a probe that is satisfied when one of several others is. More can be added with
 * [method@Mk.AnyProbe.add].
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkAnyProbe *
mk_any_probe_new (MkProbe **probes, gsize n_probes)
{
  MkAnyProbe *self = g_object_new (MK_TYPE_ANY_PROBE, NULL);

  for (gsize i = 0; i < n_probes; i++)
    mk_any_probe_add (self, probes[i]);
  return self;
}

/**
 * mk_any_probe_add:
 * @self: the probe
 * @probe: the probe to add
 *
 * Adds a probe. It takes effect at the next attempt. Adding one that was added before changes nothing, and a
 * probe cannot become a part of itself.
 *
 * Since: 1.0
 */
void
mk_any_probe_add (MkAnyProbe *self, MkProbe *probe)
{
  g_return_if_fail (MK_IS_ANY_PROBE (self));
  g_return_if_fail (MK_IS_PROBE (probe));
  g_return_if_fail (mk_probe_group_may_add (self->group, probe));

  mk_probe_group_add (self->group, probe);
}

/**
 * mk_any_probe_get_probes:
 * @self: the probe
 * @n_probes: (out): return location for how many there are
 *
 * Gets the probes that were combined.
 *
 * Returns: (transfer container) (array length=n_probes): the probes; free it with g_free()
 *
 * Since: 1.0
 */
MkProbe **
mk_any_probe_get_probes (MkAnyProbe *self, gsize *n_probes)
{
  g_return_val_if_fail (MK_IS_ANY_PROBE (self), NULL);
  g_return_val_if_fail (n_probes != NULL, NULL);

  return mk_probe_group_dup_probes (self->group, n_probes);
}
