/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_UNIX_SOCKET_PROBE (mk_unix_socket_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkUnixSocketProbe, mk_unix_socket_probe, MK, UNIX_SOCKET_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkUnixSocketProbe *mk_unix_socket_probe_new (const char *path);
MK_AVAILABLE_IN_1_0
const char *mk_unix_socket_probe_get_path (MkUnixSocketProbe *self);
MK_AVAILABLE_IN_1_0
void mk_unix_socket_probe_set_path (MkUnixSocketProbe *self, const char *path);

G_END_DECLS
