/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the parent of a service needs of the kernel. There is one implementation for each: mk-linux-kernel.c
 * and, without the option linux_features, mk-posix-kernel.c.
 */

#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "mk-tree-private.h"

/* The program and its host */
bool mk_kernel_prepare (void);
int mk_kernel_watch_host (pid_t host);
int mk_kernel_open_signals (const sigset_t *wanted, sigset_t *while_waiting);
int mk_kernel_read_signal (int fd);

/* Descriptors */
void mk_kernel_close_from (int first);
void mk_kernel_mark_cloexec_from (int first);
bool mk_kernel_open_pipe (int fds[2]);

/* In the child that becomes the service */
void mk_kernel_die_with_parent (void);
void mk_kernel_reset_signals (void);

/* The tree of the service */
bool mk_kernel_walk_tree (pid_t service, MkTreeFunc func, void *data);
bool mk_kernel_signal (pid_t pid, pid_t parent, int number);
bool mk_kernel_is_in_group (pid_t pid, pid_t service);
bool mk_kernel_has_group (pid_t service);
pid_t mk_kernel_reap (int *status);
bool mk_kernel_has_others (pid_t service);
