/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-emitter-private.h"
#include "process/mk-process-private.h"
#include "mk-simple-executor.h"

G_BEGIN_DECLS

typedef struct
{
  GMutex lock;           /* taken with mk_simple_executor_lock() */
  guint fork_generation; /* (atomic) in which the lock and what it guards are used */

  /* Settings, (locked-by lock). They take effect at the next start, those about stopping at the next stop. */
  char **command;     /* (owned) (nullable) */
  char **environment; /* (owned) (nullable) */
  char *cwd;          /* (owned) (nullable) */
  guint start_timeout;
  guint stop_timeout;
  int stop_signal;
  int kill_signal;
  int expected_status;
  MkStdioMode stdin_mode;
  MkStdioMode stdout_mode;
  MkStdioMode stderr_mode;
  char *stdout_path; /* (owned) (nullable) */
  char *stderr_path; /* (owned) (nullable) */
  gsize output_limit;

  char *uuid;         /* (owned) does not change */
  MkEmitter *emitter; /* (owned) does not change */

  /* The life of the service, (locked-by lock). See the head of mk-simple-executor.c. */
  MkExecutorState phase; /* never EXITED */
  MkProcess *process;    /* (owned) (nullable) of the last start, kept until the next one */
  gint64 start_deadline; /* monotonic */
  GTask *start;          /* (unowned) (nullable) the start that is under way */
  gboolean start_owes; /* that start has called prepare() or cleanup(), or has to: it must come to its end */
  guint n_stops;       /* how many stops are waiting for the end of the process */
  gboolean spawned;    /* the start that is under way has a process of its own */
  gboolean request_made; /* a stop has begun to ask the service through request_stop */
  gboolean cleanup_due;  /* prepare() has begun, and cleanup() has not */
  gboolean cleaning;     /* cleanup() of a stop is under way */
} MkSimpleExecutorPrivate;

/* What the properties tell at one moment. */
typedef struct
{
  MkExecutorState state;
  gboolean running;
  gboolean active;
  GPid pid;
  int exit_status;
} MkSnapshot;

MkSimpleExecutorPrivate *mk_simple_executor_get_private (MkSimpleExecutor *self);
GMutexLocker *mk_simple_executor_lock (MkSimpleExecutor *self);
MkSnapshot mk_simple_executor_get_snapshot (MkSimpleExecutor *self);
MkSnapshot mk_simple_executor_get_snapshot_unlocked (MkSimpleExecutor *self);
MkProcess *mk_simple_executor_dup_process (MkSimpleExecutor *self);
const char *mk_simple_executor_get_program (MkSimpleExecutor *self);
void mk_simple_executor_announce (MkSimpleExecutor *self, const MkSnapshot *before, const MkSnapshot *now);
void mk_simple_executor_emit_line (MkSimpleExecutor *self, MkStream stream, const char *text, gsize length);
gboolean mk_simple_executor_has_line_handler (MkSimpleExecutor *self);

MkLaunch *mk_simple_executor_dup_launch (MkSimpleExecutor *self, GError **error);
char *mk_simple_executor_dup_marker (MkSimpleExecutor *self);

char **mk_simple_executor_real_build_command (MkSimpleExecutor *self, GError **error);
gboolean mk_simple_executor_real_check_alive (MkSimpleExecutor *self, GError **error);
void mk_simple_executor_real_step (MkSimpleExecutor *self, GTask *task);
void mk_simple_executor_real_request_stop (MkSimpleExecutor *self, GTask *task);

/* Shared by the operations. */
gboolean mk_simple_executor_claim_cleanup (MkSimpleExecutor *self, GTask *start, MkProcess *process);
void
mk_simple_executor_run_cleanup (MkSimpleExecutor *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean mk_start_has_hooks (MkSimpleExecutor *executor);
void mk_start_preempt (GTask *start, gboolean takes_process);
void mk_start_detach (GTask *start);

G_END_DECLS
