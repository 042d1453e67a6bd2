/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens when the host, the program that uses the library, forks or ends. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void mk_host_ensure (void);
guint mk_host_get_fork_generation (void);
gboolean mk_host_has_closed_files (void);

void mk_host_lock (void);
void mk_host_unlock (void);

G_END_DECLS
