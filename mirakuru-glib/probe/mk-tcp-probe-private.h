/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tcp-probe.h"

G_BEGIN_DECLS

gboolean mk_tcp_host_is_local (const char *host);
void mk_tcp_probe_set_port_text (MkTcpProbe *self, const char *port_text);

G_END_DECLS
