/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_ALL_PROBE (mk_all_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkAllProbe, mk_all_probe, MK, ALL_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkAllProbe *mk_all_probe_new (MkProbe **probes, gsize n_probes);
MK_AVAILABLE_IN_1_0
void mk_all_probe_add (MkAllProbe *self, MkProbe *probe);
MK_AVAILABLE_IN_1_0
MkProbe **mk_all_probe_get_probes (MkAllProbe *self, gsize *n_probes);
MK_AVAILABLE_IN_1_0
GListModel *mk_all_probe_dup_probes (MkAllProbe *self);

G_END_DECLS
