/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

guint mk_proc_kill_marked (const char *marker);
char *mk_proc_describe_listener (GInetAddress *address, guint port);

G_END_DECLS
