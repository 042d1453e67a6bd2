/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-any-probe.h"

#include "mk-probe-group-private.h"

/**
 * MkAnyProbe:
 *
 * A probe that is satisfied when one of several others is.
 *
 * They are asked side by side, and one that takes long for an answer does not keep the others from being
 * asked. An error ends a wait only where each of them has one; the errors of some are reported when the wait
 * times out. It may be a part of another combination.
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
   * The probes to combine, a list model of [class@Mk.Probe]; more can be added with
   * [method@Mk.AnyProbe.add]. Reading it gives a new list of those that there are at this moment.
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

  mk_probe_group_add_many (MK_PROBE_GROUP (self), probes, n_probes);
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

  mk_probe_group_add (MK_PROBE_GROUP (self), probe);
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

  return mk_probe_group_dup_probes (MK_PROBE_GROUP (self), n_probes);
}

/**
 * mk_any_probe_dup_probes: (get-property probes)
 * @self: the probe
 *
 * Gets the probes that were combined, as a list model. It is a copy, which does not change.
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
