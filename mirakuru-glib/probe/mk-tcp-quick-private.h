/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe-private.h"

G_BEGIN_DECLS

typedef struct _MkTcpQuick MkTcpQuick;

MkTcpQuick *mk_tcp_quick_new (GList *addresses, guint16 port);
void mk_tcp_quick_free (MkTcpQuick *self);
MkQuickAnswer mk_tcp_quick_ask (MkTcpQuick *self);

gboolean mk_tcp_is_connected_to_itself (int fd);
void mk_tcp_reset (int fd);

G_END_DECLS
