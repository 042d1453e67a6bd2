/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * See mk-probe-group.c for how the parts are asked.
 */

#include "mk-all-probe.h"

#include "mk-probe-group.h"

/**
 * MkAllProbe:
 *
 * A probe that is satisfied when all of several others are.
 *
 * They are asked side by side. When the time is up the error tells which of them were still missing, and why.
 * If one of them ends a wait with an error, so does this one. It may be a part of another combination.
 *
 * As the probe of a [class@Mk.Executor] it is there before the start only if all of its parts are.
 *
 * Since: 1.0
 */

struct _MkAllProbe
{
  MkProbe parent_instance;

  MkProbeGroup *group; /* (owned) */
};

G_DEFINE_FINAL_TYPE (MkAllProbe, mk_all_probe, MK_TYPE_PROBE)

static void
mk_all_probe_check_task (MkProbe *probe, GTask *task)
{
  mk_probe_group_check (MK_ALL_PROBE (probe)->group, task);
}

static char *
mk_all_probe_describe (MkProbe *probe)
{
  return mk_probe_group_describe (MK_ALL_PROBE (probe)->group);
}

static char *
mk_all_probe_describe_holder (MkProbe *probe)
{
  return mk_probe_group_describe_holder (MK_ALL_PROBE (probe)->group);
}

static MkProbe *
mk_all_probe_dup_before_start (MkProbe *probe, GError **error)
{
  return mk_probe_group_dup_before_start (MK_ALL_PROBE (probe)->group, error);
}

static GError *
mk_all_probe_explain_exit (MkProbe *probe)
{
  return mk_probe_group_explain_exit (MK_ALL_PROBE (probe)->group);
}

static void
mk_all_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  mk_probe_group_attach (MK_ALL_PROBE (probe)->group, executor);
}

static void
mk_all_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  mk_probe_group_detach (MK_ALL_PROBE (probe)->group, executor);
}

static void
mk_all_probe_finalize (GObject *object)
{
  mk_probe_group_free (MK_ALL_PROBE (object)->group);

  G_OBJECT_CLASS (mk_all_probe_parent_class)->finalize (object);
}

static void
mk_all_probe_class_init (MkAllProbeClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_all_probe_finalize;

  probe_class->check_task = mk_all_probe_check_task;
  probe_class->describe = mk_all_probe_describe;
  probe_class->describe_holder = mk_all_probe_describe_holder;
  probe_class->dup_before_start = mk_all_probe_dup_before_start;
  probe_class->explain_exit = mk_all_probe_explain_exit;
  probe_class->attach = mk_all_probe_attach;
  probe_class->detach = mk_all_probe_detach;
}

static void
mk_all_probe_init (MkAllProbe *self)
{
  self->group = mk_probe_group_new (MK_PROBE (self), FALSE);
}

/**
 * mk_all_probe_new:
 * @probes: (array length=n_probes) (transfer none) (nullable): the probes to combine
 * @n_probes: how many there are
 *
 * Creates a probe that is satisfied when all of several others are. More can be added with
 * [method@Mk.AllProbe.add].
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkAllProbe *
mk_all_probe_new (MkProbe **probes, gsize n_probes)
{
  MkAllProbe *self = g_object_new (MK_TYPE_ALL_PROBE, NULL);

  for (gsize i = 0; i < n_probes; i++)
    mk_all_probe_add (self, probes[i]);
  return self;
}

/**
 * mk_all_probe_add:
 * @self: the probe
 * @probe: the probe to add
 *
 * Adds a probe. It takes effect at the next attempt. Adding one that was added before changes nothing, and a
 * probe cannot become a part of itself.
 *
 * Since: 1.0
 */
void
mk_all_probe_add (MkAllProbe *self, MkProbe *probe)
{
  g_return_if_fail (MK_IS_ALL_PROBE (self));
  g_return_if_fail (MK_IS_PROBE (probe));
  g_return_if_fail (mk_probe_group_may_add (self->group, probe));

  mk_probe_group_add (self->group, probe);
}

/**
 * mk_all_probe_get_probes:
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
mk_all_probe_get_probes (MkAllProbe *self, gsize *n_probes)
{
  g_return_val_if_fail (MK_IS_ALL_PROBE (self), NULL);
  g_return_val_if_fail (n_probes != NULL, NULL);

  return mk_probe_group_dup_probes (self->group, n_probes);
}
