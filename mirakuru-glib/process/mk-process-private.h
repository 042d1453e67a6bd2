/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-capture-private.h"
#include "mk-launch-private.h"
#include "base/mk-waker-private.h"

G_BEGIN_DECLS

typedef struct _MkProcess MkProcess;

/* What is known of a process at one moment. */
typedef struct
{
  int pid;          /* 0 before it is spawned */
  gboolean exited;  /* its main process ended, with */
  int status;       /* 0..255, or −signal */
  gboolean gone;    /* nothing of the tree is left, and all of its output is read */
  gboolean asked;   /* it was told to end before it did */
  gboolean killed;  /* the kill signal was needed */
  gboolean lost;    /* the supervisor was killed */
  int stuck;        /* of the tree, and lives although it was killed, or 0 */
  gboolean expired; /* it was killed at its limit, and had not failed before */
  gint64 extended;  /* until when it asked to be waited for, monotonic, 0 if it did not */
  int stop_signal;  /* of the last stop that was not cut short, 0 if there was none */
  guint stop_time;  /* how long it gave the service, in milliseconds */
  int denied;       /* of the tree, but not to be killed by us, or 0 */

  /* When, monotonic, 0 before */
  gint64 spawned_at;
  gint64 asked_at; /* to end */
  gint64 exited_at;
  gint64 gone_at;
} MkProcessNews;

/* Called in the worker when there is new output, or the end of it. */
typedef void (*MkProcessOutputFunc) (gpointer data);

MkProcess *mk_process_new (MkLaunch *launch,
                           MkProcessOutputFunc output_func,
                           gpointer output_data,
                           GDestroyNotify output_destroy);
MkProcess *mk_process_ref (MkProcess *self);
void mk_process_unref (MkProcess *self);

void mk_process_spawn (MkProcess *self);
void mk_process_abandon (MkProcess *self);
void mk_process_stop (MkProcess *self, MkStopMode mode, int stop_signal, int kill_signal, guint timeout_ms);
void mk_process_set_asked (MkProcess *self);
void mk_process_set_limit (MkProcess *self, gint64 deadline);
void mk_process_extend_limit (MkProcess *self, gint64 deadline);
void mk_process_kill (MkProcess *self, int kill_signal);
gboolean mk_process_signal (MkProcess *self, int signal_number, gboolean group);

MkProcessNews mk_process_get_news (MkProcess *self);
GError *mk_process_dup_failure (MkProcess *self);
char *mk_process_dup_incomplete (MkProcess *self);
void mk_process_add_listener (MkProcess *self, MkWaker *waker);
void mk_process_remove_listener (MkProcess *self, MkWaker *waker);
gboolean mk_process_wait_gone (MkProcess *self, guint timeout_ms);

gboolean mk_process_is_foreign (MkProcess *self);
gboolean mk_process_is_elsewhere (MkProcess *self);
int mk_process_get_supervisor (MkProcess *self);
MkLaunch *mk_process_get_launch (MkProcess *self);
gboolean mk_process_watch_output (MkProcess *self,
                                  MkStream stream,
                                  MkCaptureFunc func,
                                  gpointer data,
                                  GDestroyNotify destroy);
MkCapture *mk_process_get_capture (MkProcess *self, MkStream stream);
void mk_process_note_read (MkProcess *self, MkStream stream, guint64 position);
GOutputStream *mk_process_get_stdin (MkProcess *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkProcess, mk_process_unref)

G_END_DECLS
