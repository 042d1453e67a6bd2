/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: the near end of a launcher, see supervisor/mk-near.c. There are mk-linux-near.c and, without the
 * option linux_features, mk-posix-near.c, which has none.
 */

#pragma once

#include <gio/gio.h>

#include "mk-launch-private.h"

G_BEGIN_DECLS

GPtrArray *
mk_near_prepare (MkLaunch *launch, const char *supervisor, GSubprocessLauncher *launcher, GError **error);
void mk_near_remove_socket_files (MkLaunch *launch);

G_END_DECLS
