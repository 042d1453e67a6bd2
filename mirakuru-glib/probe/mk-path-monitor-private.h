/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

typedef struct _MkPathMonitor MkPathMonitor;

MkPathMonitor *mk_path_monitor_new (MkProbe *probe);
void mk_path_monitor_free (MkPathMonitor *self);
void mk_path_monitor_prepare (MkPathMonitor *self, const char *path);

G_END_DECLS
