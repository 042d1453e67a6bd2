/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_TCP_PROBE (mk_tcp_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkTcpProbe, mk_tcp_probe, MK, TCP_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkTcpProbe *mk_tcp_probe_new (const char *host, guint port);
MK_AVAILABLE_IN_1_0
const char *mk_tcp_probe_get_host (MkTcpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_tcp_probe_set_host (MkTcpProbe *self, const char *host);
MK_AVAILABLE_IN_1_0
guint mk_tcp_probe_get_port (MkTcpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_tcp_probe_set_port (MkTcpProbe *self, guint port);
MK_AVAILABLE_IN_1_0
gboolean mk_tcp_probe_get_listening_only (MkTcpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_tcp_probe_set_listening_only (MkTcpProbe *self, gboolean listening_only);

G_END_DECLS
