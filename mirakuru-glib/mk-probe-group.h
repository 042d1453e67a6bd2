/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

typedef struct _MkProbeGroup MkProbeGroup;

MkProbeGroup *mk_probe_group_new (MkProbe *owner, gboolean any);
void mk_probe_group_free (MkProbeGroup *self);

gboolean mk_probe_group_may_add (MkProbeGroup *self, MkProbe *probe);
void mk_probe_group_add (MkProbeGroup *self, MkProbe *probe);
MkProbe **mk_probe_group_dup_probes (MkProbeGroup *self, gsize *n_probes);

void mk_probe_group_check (MkProbeGroup *self, GTask *task);
char *mk_probe_group_describe (MkProbeGroup *self);
char *mk_probe_group_describe_holder (MkProbeGroup *self);
MkProbe *mk_probe_group_dup_before_start (MkProbeGroup *self, GError **error);
GError *mk_probe_group_explain_exit (MkProbeGroup *self);
void mk_probe_group_attach (MkProbeGroup *self, MkSimpleExecutor *executor);
void mk_probe_group_detach (MkProbeGroup *self, MkSimpleExecutor *executor);

G_END_DECLS
