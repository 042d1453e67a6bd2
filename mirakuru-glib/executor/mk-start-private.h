/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-simple-executor-private.h"
#include "base/mk-wake-source-private.h"

G_BEGIN_DECLS

typedef enum
{
  TIDYING,
  CHECKING,
  PREPARING,
  SPAWNING,
  WAITING,
  COMPLETING,
  ENDING,
  WINDING_UP,
} MkStartStage;

typedef enum
{
  NOT_PREEMPTED,
  CANCELLED, /* there was no process */
  TAKEN,     /* the process is the stop's now */
} MkStartPreemption;

typedef struct
{
  MkStartStage stage;
  gboolean in_step;
  MkLaunch *launch;      /* (owned) (nullable) until it is given to the process */
  MkProcess *process;    /* (owned) (nullable) while TIDYING the one before */
  MkProbe *before_probe; /* (owned) (nullable) asked before anything is started */
  MkProbe *probe;        /* (owned) (nullable) asked until the service is ready */
  gint attached;         /* (atomic) */

  gint64 begun;
  gint64 deadline;
  GCancellable *cancellable;   /* (owned) of the steps */
  MkWakeSource *news;          /* (owned) woken by the process, and by who preempts */
  MkWakeSource *timer;         /* (owned) (nullable) the deadline where no step watches it */
  MkWakeSource *cancel_source; /* (owned) (nullable) */

  gint preemption; /* (atomic) */
  GError *error;   /* (owned) (nullable) why it fails */
} MkStart;

void mk_start_free (MkStart *self);
void mk_start_run (GTask *task);
gboolean mk_start_on_news (gpointer task);
gboolean mk_start_on_deadline (gpointer task);
gboolean mk_start_on_cancelled (GCancellable *cancellable, gpointer task);

G_END_DECLS
