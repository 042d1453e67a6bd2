/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_NOTIFY_PROBE (mk_notify_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkNotifyProbe, mk_notify_probe, MK, NOTIFY_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkNotifyProbe *mk_notify_probe_new (int fd);
MK_AVAILABLE_IN_1_0
int mk_notify_probe_get_fd (MkNotifyProbe *self);
MK_AVAILABLE_IN_1_0
void mk_notify_probe_set_fd (MkNotifyProbe *self, int fd);
MK_AVAILABLE_IN_1_0
char *mk_notify_probe_dup_status_text (MkNotifyProbe *self);
MK_AVAILABLE_IN_1_0
int mk_notify_probe_get_main_pid (MkNotifyProbe *self);

G_END_DECLS
