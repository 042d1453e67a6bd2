/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-all-probe.h"

#include "mk-probe-group-private.h"

/**
 * MkAllProbe:
 *
 * A probe that is satisfied when all of several probes are satisfied.
 *
 * See [Choosing an executor](choosing.html#several-conditions) for an example.
 *
 * The probes are polled in parallel. If a wait times out, the error names the probes that were not
 * satisfied, and the reasons. If one of them ends a wait with an error, this probe does the same. This probe
 * may itself be a part of a [class@Mk.AllProbe] or a [class@Mk.AnyProbe].
 *
 * As the probe of a [class@Mk.Executor], it makes a start fail with %MK_ERROR_ALREADY_RUNNING only if all of
 * its parts are satisfied before the start.
 *
 * Since: 1.0
 */

struct _MkAllProbe
{
  MkProbeGroup parent_instance;
};

G_DEFINE_FINAL_TYPE (MkAllProbe, mk_all_probe, MK_TYPE_PROBE_GROUP)

static void
mk_all_probe_class_init (MkAllProbeClass *klass)
{
  /**
   * MkAllProbe:probes: (getter dup_probes)
   *
   * The probes to combine, a list model of [class@Mk.Probe]. To add more probes, use
   * [method@Mk.AllProbe.add]. Each read returns a new list of the current probes.
   *
   * Default: an empty list.
   *
   * Since: 1.0
   */
  mk_probe_group_install_probes (klass);
}

static void
mk_all_probe_init (MkAllProbe *self)
{
}

/**
 * mk_all_probe_new:
 * @probes: (array length=n_probes) (transfer none) (nullable): the probes to combine
 * @n_probes: how many there are
 *
 * Creates a probe that is satisfied when all of several probes are satisfied. To add more probes, use
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

  mk_probe_group_add_many (MK_PROBE_GROUP (self), probes, n_probes);
  return self;
}

/**
 * mk_all_probe_add:
 * @self: the probe
 * @probe: the probe to add
 *
 * Adds a probe. It takes effect at the next attempt. A probe that was added before is not added again. A
 * probe cannot become a part of itself.
 *
 * Since: 1.0
 */
void
mk_all_probe_add (MkAllProbe *self, MkProbe *probe)
{
  g_return_if_fail (MK_IS_ALL_PROBE (self));

  mk_probe_group_add (MK_PROBE_GROUP (self), probe);
}

/**
 * mk_all_probe_get_probes:
 * @self: the probe
 * @n_probes: (out): return location for how many there are
 *
 * Gets the combined probes.
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

  return mk_probe_group_dup_probes (MK_PROBE_GROUP (self), n_probes);
}

/**
 * mk_all_probe_dup_probes: (get-property probes)
 * @self: the probe
 *
 * Gets the combined probes as a list model. The list is a copy, which does not change.
 *
 * Returns: (transfer full): a new list of [class@Mk.Probe]
 *
 * Since: 1.0
 */
GListModel *
mk_all_probe_dup_probes (MkAllProbe *self)
{
  g_return_val_if_fail (MK_IS_ALL_PROBE (self), NULL);

  return mk_probe_group_dup_model (MK_PROBE_GROUP (self));
}
