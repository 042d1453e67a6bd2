/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

guint mk_proc_kill_marked (const char *marker, gint64 deadline);
guint64 mk_proc_find_listener (GInetAddress *address, guint port);
char *mk_proc_describe_holder (guint64 inode);
GPid mk_proc_find_holder (guint64 inode);
gboolean mk_proc_is_of_program (GPid pid, const char *const *programs);
char *mk_proc_describe_rival (guint64 inode, GPid service, GPid supervisor);
char *mk_proc_describe_living (GPid pid);
GPid mk_proc_find_living (GPid supervisor, GPid service);
char *mk_proc_describe_hold (GPid pid);
char mk_proc_get_state (GPid pid);
void mk_proc_for_each_descendant (GPid pid,
                                  void (*func) (GPid pid, GPid parent, const char *name, gpointer user_data),
                                  gpointer user_data);
gint64 mk_proc_get_start_time (GPid pid);
gboolean mk_proc_is_descendant (GPid pid, GPid ancestor);

G_END_DECLS
