/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_PROBE_GROUP (mk_probe_group_get_type ())
G_DECLARE_DERIVABLE_TYPE (MkProbeGroup, mk_probe_group, MK, PROBE_GROUP, MkProbe)

/* As large as that of MkProbe: the kinds of groups are declared as children of that. */
struct _MkProbeGroupClass
{
  MkProbeClass parent_class;
};

void mk_probe_group_install_probes (gpointer klass);
void mk_probe_group_set_any (MkProbeGroup *self);
void mk_probe_group_set_any_before_start (MkProbeGroup *self);
void mk_probe_group_add (MkProbeGroup *self, MkProbe *probe);
void mk_probe_group_add_many (MkProbeGroup *self, MkProbe **probes, gsize n_probes);
MkProbe **mk_probe_group_dup_probes (MkProbeGroup *self, gsize *n_probes);
GListModel *mk_probe_group_dup_model (MkProbeGroup *self);

G_END_DECLS
