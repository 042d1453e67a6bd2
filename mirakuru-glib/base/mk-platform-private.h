/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Small things that each system does in its own way. There is one implementation for each:
 * mk-unix-platform.c with mk-linux-features.c or mk-posix-features.c, and mk-windows-platform.c.
 */

#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>

G_BEGIN_DECLS

/* Windows has no such signal; what is told to end with it is terminated there. */
#ifndef SIGKILL
#define SIGKILL 9
#endif
/* POSIX has no name for it. */
#ifndef NSIG
#define NSIG (SIGRTMAX + 1)
#endif

void mk_platform_on_fork (void (*before) (void), void (*in_parent) (void), void (*in_child) (void));
GThread *mk_platform_new_thread (const char *name, GThreadFunc func, gpointer data, GError **error);
const char *mk_platform_get_variable (const char *name);
const char *mk_platform_get_signal_name (int number);
gboolean mk_platform_find_signal (const char *name, int *number);
gboolean mk_platform_parse_command (const char *command, char ***argv, GError **error);
char **mk_platform_find_directories (const char *pattern);
gint64 mk_platform_get_change_time (const GStatBuf *status);
gint64 mk_platform_get_time_grain (void);

G_END_DECLS
