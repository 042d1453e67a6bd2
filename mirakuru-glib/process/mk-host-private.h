/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* What a process of this library holds that matters when the program forks or ends. */
typedef struct
{
  int control_fd;     /* −1 where closed */
  int output_fds[2];  /* −1 where closed */
  int input_fd;       /* −1 where there is none; of the user, who closes it at any time */
  dev_t input_device; /* what input_fd was at first */
  ino_t input_inode;
  GPid supervisor; /* (atomic) 0 when it does not run */
} MkHostRecord;

void mk_host_ensure (void);
guint mk_host_get_fork_generation (void);

void mk_host_lock (void);
void mk_host_unlock (void);

void mk_host_record_init (MkHostRecord *record);
void mk_host_record_set_input (MkHostRecord *record, int fd);
void mk_host_record_close (int *fd);
gboolean mk_host_signal_child (GPid pid, int signal_number);
gboolean mk_host_was_child_killed (GPid pid);
gboolean mk_host_add (MkHostRecord *record);
void mk_host_remove (MkHostRecord *record);

G_END_DECLS
