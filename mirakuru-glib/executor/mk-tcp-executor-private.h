/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tcp-executor.h"

G_BEGIN_DECLS

void mk_tcp_executor_set_address (MkTcpExecutor *self, const char *host, guint port);

G_END_DECLS
