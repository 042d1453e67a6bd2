/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_COMMAND_PROBE (mk_command_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkCommandProbe, mk_command_probe, MK, COMMAND_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkCommandProbe *mk_command_probe_new (const char *const *argv);
MK_AVAILABLE_IN_1_0
const char *const *mk_command_probe_get_command (MkCommandProbe *self);
MK_AVAILABLE_IN_1_0
void mk_command_probe_set_command (MkCommandProbe *self, const char *const *argv);
MK_AVAILABLE_IN_1_0
const char *const *mk_command_probe_get_environment (MkCommandProbe *self);
MK_AVAILABLE_IN_1_0
void mk_command_probe_set_environment (MkCommandProbe *self, const char *const *environment);
MK_AVAILABLE_IN_1_0
const char *const *mk_command_probe_get_launcher (MkCommandProbe *self);
MK_AVAILABLE_IN_1_0
void mk_command_probe_set_launcher (MkCommandProbe *self, const char *const *launcher);
MK_AVAILABLE_IN_1_0
guint mk_command_probe_get_timeout (MkCommandProbe *self);
MK_AVAILABLE_IN_1_0
void mk_command_probe_set_timeout (MkCommandProbe *self, guint timeout_ms);

G_END_DECLS
