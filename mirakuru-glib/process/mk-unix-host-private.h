/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unix only: what may be done with what belongs to a process of the library, while the program forks or
 * ends. */

#pragma once

#include <glib.h>
#include <sys/types.h>

#include "supervisor/mk-supervisor-protocol-private.h"

G_BEGIN_DECLS

/* When what could not be sent is sent again */
#define MK_HOST_RESEND_INTERVAL_MS 10

/* A file descriptor. The program may close it, as daemons close all, and then have another file there. */
typedef struct
{
  int fd;            /* −1 where closed */
  gboolean is_known; /* what it was at first */
  dev_t device;
  ino_t inode;
} MkHostFd;

/* What a process of this library holds that matters when the program forks or ends. */
typedef struct
{
  MkHostFd control;
  MkHostFd outputs[2];
  MkHostFd input; /* of the user, who closes it at any time */
  int supervisor; /* (atomic) 0 when it does not run */
} MkHostRecord;

void mk_host_record_init (MkHostRecord *record);
void mk_host_fd_set (MkHostFd *self, int fd);
gboolean mk_host_fd_is_ours (const MkHostFd *self);
void mk_host_fd_close (MkHostFd *self);

gboolean mk_host_signal_child (int pid, int signal_number);
gboolean mk_host_does_child_run (int pid);
gboolean mk_host_was_child_killed (int pid);
int mk_host_send (const MkHostRecord *record, const MkMessage *message);
gboolean mk_host_may_send_again (int error_number);
gboolean mk_host_add (MkHostRecord *record, int control_fd);
void mk_host_remove (MkHostRecord *record);

G_END_DECLS
