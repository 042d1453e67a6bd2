/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_FILE_PROBE (mk_file_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkFileProbe, mk_file_probe, MK, FILE_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkFileProbe *mk_file_probe_new (const char *path);
MK_AVAILABLE_IN_1_0
const char *mk_file_probe_get_path (MkFileProbe *self);
MK_AVAILABLE_IN_1_0
void mk_file_probe_set_path (MkFileProbe *self, const char *path);

G_END_DECLS
