/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <stdbool.h>
#include <sys/types.h>

typedef void (*MkTreeFunc) (pid_t pid, pid_t parent, void *data);

bool mk_tree_walk (const char *proc, pid_t root, MkTreeFunc func, void *data);
bool mk_tree_list_children (int fd, pid_t parent, MkTreeFunc func, void *data);
pid_t mk_tree_read_parent (const char *proc, pid_t pid);
bool mk_tree_is_child (pid_t pid);
