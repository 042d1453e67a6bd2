/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_DBUS_PROBE (mk_dbus_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkDBusProbe, mk_dbus_probe, MK, DBUS_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkDBusProbe *mk_dbus_probe_new (const char *bus, const char *name);
MK_AVAILABLE_IN_1_0
const char *mk_dbus_probe_get_bus (MkDBusProbe *self);
MK_AVAILABLE_IN_1_0
void mk_dbus_probe_set_bus (MkDBusProbe *self, const char *bus);
MK_AVAILABLE_IN_1_0
const char *mk_dbus_probe_get_name (MkDBusProbe *self);
MK_AVAILABLE_IN_1_0
void mk_dbus_probe_set_name (MkDBusProbe *self, const char *name);

G_END_DECLS
