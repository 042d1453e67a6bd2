/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is known of processes. There is one implementation for each: mk-proc.c for Linux, mk-windows-proc.c,
 * and mk-posix-proc.c without the option linux_features.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

guint mk_proc_kill_left (const char *marker, int service, gint64 deadline);
gboolean mk_proc_can_find_listeners (void);
guint64 mk_proc_find_listener (GInetAddress *address, guint port);
char *mk_proc_describe_holder (guint64 inode);
int mk_proc_find_holder (guint64 inode);
gboolean mk_proc_is_of_program (int pid, const char *const *programs);
char *mk_proc_describe_rival (guint64 inode, int service, int supervisor);
char *mk_proc_describe_living (int pid);
int mk_proc_find_living (int supervisor, int service);
char *mk_proc_describe_hold (int pid);
char mk_proc_get_state (int pid);
void mk_proc_for_each_descendant (int pid,
                                  void (*func) (int pid, int parent, const char *name, gpointer user_data),
                                  gpointer user_data);
gint64 mk_proc_get_work_time (int pid);
gint64 mk_proc_get_age (int pid);
gboolean mk_proc_is_of_another_user (int pid);
gboolean mk_proc_is_descendant (int pid, int ancestor);

G_END_DECLS
