/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a platform has to do for a process: start it, pass orders on to it, and report what becomes of it and
 * what it prints. There is one implementation for each system:
 * mk-unix-backend.c and mk-windows-backend.c.
 *
 * The process is spawned in the worker, and all reports come there; the other functions may be called in any
 * thread. An order to end that comes before the process was started keeps it from being started.
 */

#pragma once

#include <gio/gio.h>

#include "mk-launch-private.h"

G_BEGIN_DECLS

typedef struct _MkBackend MkBackend;

typedef enum
{
  MK_BACKEND_SPAWNED, /* with the pid of the service */
  MK_BACKEND_EXITED,  /* its first process, with its status, or −signal */
  MK_BACKEND_DENIED,  /* the pid of one of the tree that may not be sent signals */
  MK_BACKEND_EMPTY,   /* nothing of the tree is left; whether the kill signal was needed */
  MK_BACKEND_LOST,    /* whoever watched the tree was killed */
} MkBackendEvent;

typedef struct
{
  void (*event) (gpointer data, MkBackendEvent event, int value);
  /* @error: (transfer full): why it was not started */
  void (*failed) (gpointer data, GError *error);
  /* Returns: how many bytes of output may be reported for now, 0 until mk_backend_resume() is called */
  gsize (*room) (gpointer data, MkStream stream);
  /* @length: 0 at the end */
  void (*output) (gpointer data, MkStream stream, const guint8 *bytes, gsize length);
  /* Output is not copied to its file any more. */
  void (*copy_failed) (gpointer data, MkStream stream, const char *reason);
  /* The last one, in any case: nothing is left, and all output was reported. */
  void (*gone) (gpointer data);
} MkBackendReports;

MkBackend *mk_backend_new (MkLaunch *launch, const MkBackendReports *reports, gpointer data);
void mk_backend_free (MkBackend *self);

void mk_backend_spawn (MkBackend *self);
GOutputStream *mk_backend_get_input (MkBackend *self);
int mk_backend_get_supervisor (MkBackend *self);
void mk_backend_resume (MkBackend *self);

/* Orders. Returns: FALSE if the order did not get there */
gboolean mk_backend_signal (MkBackend *self, int signal_number, gboolean group);
gboolean
mk_backend_stop (MkBackend *self, MkStopMode mode, int stop_signal, int kill_signal, guint timeout_ms);
gboolean mk_backend_kill (MkBackend *self, int kill_signal);
void mk_backend_give_up (MkBackend *self);

G_END_DECLS
