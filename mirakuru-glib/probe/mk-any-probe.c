/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-any-probe.h"

#include "mk-probe-group-private.h"

/**
 * MkAnyProbe:
 *
 * A probe that is satisfied when one of several probes is satisfied.
 *
 * See [Choosing an executor](choosing.html#several-conditions) for how to combine probes.
 *
 * The probes are polled in parallel, and a slow probe does not delay the others. Errors end a wait only if
 * every probe has one. Otherwise they are reported if the wait times out. This probe may itself be a part of
 * a [class@Mk.AllProbe] or a [class@Mk.AnyProbe].
 *
 * Since: 1.0
 */

struct _MkAnyProbe
{
  MkProbeGroup parent_instance;
};

G_DEFINE_FINAL_TYPE (MkAnyProbe, mk_any_probe, MK_TYPE_PROBE_GROUP)

static void
mk_any_probe_class_init (MkAnyProbeClass *klass)
{
  /**
   * MkAnyProbe:probes: (getter dup_probes)
   *
   * The probes to combine, a list model of [class@Mk.Probe]. To add more probes, use
   * [method@Mk.AnyProbe.add]. Each read returns a new list of the current probes.
   *
   * Default: an empty list.
   *
   * Since: 1.0
   */
  mk_probe_group_install_probes (klass);
}

static void
mk_any_probe_init (MkAnyProbe *self)
{
  mk_probe_group_set_any (MK_PROBE_GROUP (self));
}

/**
 * mk_any_probe_new:
 * @probes: (array length=n_probes) (transfer none) (nullable): the probes to combine
 * @n_probes: how many there are
 *
 * Creates a probe that is satisfied when one of several probes is satisfied. To add more probes, use
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

  mk_probe_group_add_many (MK_PROBE_GROUP (self), probes, n_probes);
  return self;
}

/**
 * mk_any_probe_add:
 * @self: the probe
 * @probe: the probe to add
 *
 * Adds a probe. It takes effect at the next attempt. A probe that was added before is not added again. A
 * probe cannot become a part of itself.
 *
 * Since: 1.0
 */
void
mk_any_probe_add (MkAnyProbe *self, MkProbe *probe)
{
  g_return_if_fail (MK_IS_ANY_PROBE (self));

  mk_probe_group_add (MK_PROBE_GROUP (self), probe);
}

/**
 * mk_any_probe_get_probes:
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
mk_any_probe_get_probes (MkAnyProbe *self, gsize *n_probes)
{
  g_return_val_if_fail (MK_IS_ANY_PROBE (self), NULL);
  g_return_val_if_fail (n_probes != NULL, NULL);

  return mk_probe_group_dup_probes (MK_PROBE_GROUP (self), n_probes);
}

/**
 * mk_any_probe_dup_probes: (get-property probes)
 * @self: the probe
 *
 * Gets the combined probes as a list model. The list is a copy, which does not change.
 *
 * Returns: (transfer full): a new list of [class@Mk.Probe]
 *
 * Since: 1.0
 */
GListModel *
mk_any_probe_dup_probes (MkAnyProbe *self)
{
  g_return_val_if_fail (MK_IS_ANY_PROBE (self), NULL);

  return mk_probe_group_dup_model (MK_PROBE_GROUP (self));
}
