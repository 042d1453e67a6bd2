/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_ANY_PROBE (mk_any_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkAnyProbe, mk_any_probe, MK, ANY_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkAnyProbe *mk_any_probe_new (MkProbe **probes, gsize n_probes);
MK_AVAILABLE_IN_1_0
void mk_any_probe_add (MkAnyProbe *self, MkProbe *probe);
MK_AVAILABLE_IN_1_0
MkProbe **mk_any_probe_get_probes (MkAnyProbe *self, gsize *n_probes);
MK_AVAILABLE_IN_1_0
GListModel *mk_any_probe_dup_probes (MkAnyProbe *self);

G_END_DECLS
