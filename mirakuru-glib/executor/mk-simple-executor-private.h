/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "base/mk-lock-private.h"
#include "base/mk-step-private.h"
#include "base/mk-values-private.h"
#include "base/mk-waker-private.h"
#include "mk-simple-executor.h"
#include "process/mk-process-private.h"

G_BEGIN_DECLS

typedef struct _MkSignals MkSignals;

/* How long a step that is no longer wanted may take to return its task. */
#define MK_STEP_GRACE_MS 1000
/* How often a start and a stop look whether the service has ended. They are told, but that does not wake a
 * context if the program has closed its descriptor. */
#define MK_LOOK_INTERVAL_US (200 * G_TIME_SPAN_MILLISECOND)

/*
 * What the library's own subclasses may do beside what MkSimpleExecutorClass has. It is kept in class-private
 * data, so it is no part of the ABI, and subclasses inherit it.
 */
typedef struct
{
  /*
   * Sets the values of the service that are known before it starts.
   *
   * Returns: whether the settings have placeholders: where a port has to be leased
   */
  gboolean (*begin_values) (MkSimpleExecutor *self, MkValues *values);
  /* (nullable): Returns: (nullable) (transfer full): a value that the service itself has said */
  char *(*dup_said_value) (MkSimpleExecutor *self, const char *key);

  /*
   * @values: (nullable): what the placeholders in the settings stand for, %NULL if there are none
   * @before_probe: (out) (nullable) (transfer full): asked before the start whether something is in its way
   * @probe: (out) (nullable) (transfer full): asked until the service is ready
   *
   * Returns: %FALSE with an error if the settings make no sense
   */
  gboolean (*dup_probes) (MkSimpleExecutor *self,
                          MkValues *values,
                          MkProbe **before_probe,
                          MkProbe **probe,
                          GError **error);
} MkSimpleExecutorClassPrivate;

/* The function cleanup() has to follow prepare(), once. */
typedef enum
{
  MK_CLEANUP_NONE,
  MK_CLEANUP_DUE, /* prepare() has begun */
  MK_CLEANUP_RUNNING,
} MkCleanup;

typedef struct
{
  GMutex lock;           /* taken with mk_simple_executor_lock() */
  guint fork_generation; /* (atomic) in which the lock and what it guards are used */

  /* Settings, (locked-by lock). They take effect at the next start, those about stopping at the next stop. */
  char **command;     /* (owned) (nullable) */
  char **environment; /* (owned) (nullable) */
  char **exported;    /* (owned) (nullable): what the services export that it requires, of lower priority */
  char *cwd;          /* (owned) (nullable) */
  char **launcher;    /* (owned) (nullable) */
  char **forwards;    /* (owned) (nullable) */
  guint start_timeout;
  guint stop_timeout;
  MkStopMode stop_mode;
  int stop_signal;
  int kill_signal;
  int expected_status;
  gboolean completes;
  MkStdioMode stdin_mode;
  MkStdioMode stdout_mode;
  MkStdioMode stderr_mode;
  char *stdin_path;  /* (owned) (nullable) */
  char *stdout_path; /* (owned) (nullable) */
  char *stderr_path; /* (owned) (nullable) */
  gsize output_limit;
  gboolean lossless;
  GPtrArray *sockets; /* (owned) (element-type MkPassedSocket) */
  GArray *passed_fds; /* (owned) (nullable) (element-type int) */

  char **reused_programs;  /* (owned) (nullable): what is there before a start is used if it is one of these,
                              or   anything if there are none; %NULL: nothing is; does not change */
  char *guarded_directory; /* (owned) (nullable): of another service; removed if the host goes; does not
                              change */
  gboolean
      drops_directory; /* … and when it has ended, as it is the last one that needs it; does not change */
  gboolean keeps_directory; /* a Cleanup script wants to see the private directory; does not change */

  /* Of the group that it is in; does not change once it is there. */
  char *name;                   /* (owned) (nullable) */
  MkValuesScope scope;          /* (nullable) */
  gpointer scope_data;          /* (owned) by way of scope_destroy */
  GDestroyNotify scope_destroy; /* (nullable) */

  char *uuid;         /* (owned) does not change */
  MkSignals *signals; /* (owned) (nullable) does not change; %NULL in a forked child */

  /* The life of the service, (locked-by lock). See the head of mk-simple-executor.c. */
  MkExecutorState phase; /* never EXITED */
  MkProcess *process;    /* (owned) (nullable) of the last start, kept until the next one */
  MkValues *values;      /* (owned) (nullable) from the beginning of a start until nothing is left */
  gint64 start_deadline; /* monotonic */
  guint64 ready_time;    /* microseconds from the spawn until it was ready, 0 before */
  gint64 ready_at;       /* monotonic, 0 before */
  gint64 begun_at;       /* monotonic: when the last start began, 0 before */
  MkProbe *asked_probe;  /* (owned) (nullable) of the last start */
  GTask *start;          /* (unowned) (nullable) the start that owns the executor; a stop clears it */
  GTask *pending_start;  /* (unowned) (nullable) one that has not come to its end, even if it was stopped */
  guint n_stops;         /* how many stops are waiting for the end of that process */
  MkCleanup cleanup;
} MkSimpleExecutorPrivate;

/* A socket that each start passes to the service. */
typedef struct
{
  GSocket *socket; /* (owned) */
  char *name;      /* (owned) */
} MkPassedSocket;

/* What the properties say at one moment. */
typedef struct
{
  MkExecutorState state;
  gboolean running;
  gboolean active;
  int pid;
  int exit_status;
  guint64 ready_time;
} MkSnapshot;

MkSimpleExecutorClassPrivate *mk_simple_executor_class_get_private (gpointer klass);
MkSimpleExecutorPrivate *mk_simple_executor_get_private (MkSimpleExecutor *self);
GMutexLocker *mk_simple_executor_lock (MkSimpleExecutor *self);
MkSnapshot mk_simple_executor_get_snapshot (MkSimpleExecutor *self);
MkSnapshot mk_simple_executor_get_snapshot_unlocked (MkSimpleExecutor *self);
gboolean mk_simple_executor_has_sockets (MkSimpleExecutor *self);
void mk_simple_executor_remove_socket (MkSimpleExecutor *self, GSocket *socket);
MkValues *mk_simple_executor_dup_values (MkSimpleExecutor *self);
void mk_simple_executor_take_exported (MkSimpleExecutor *self, char **exported);
char **mk_simple_executor_dup_overlay (MkSimpleExecutor *self);
gboolean mk_simple_executor_has_scope (MkSimpleExecutor *self);
void mk_simple_executor_set_scope (MkSimpleExecutor *self,
                                   const char *name,
                                   MkValuesScope scope,
                                   gpointer scope_data,
                                   GDestroyNotify scope_destroy);
MkProcess *mk_simple_executor_dup_process (MkSimpleExecutor *self);
const char *mk_simple_executor_get_program (MkSimpleExecutor *self);
const char *mk_simple_executor_name_state (MkExecutorState state);
MkValues *mk_simple_executor_new_values (MkSimpleExecutor *self, gboolean *expands);
MkLaunch *mk_simple_executor_dup_launch (MkSimpleExecutor *self, MkValues *values, GError **error);

/* ---- shared by the operations ---- */

/* Holds the lock of @self until the end of the block. */
#define MK_SIMPLE_EXECUTOR_AUTO_LOCK(self)                                                                   \
  g_autoptr (GMutexLocker) G_PASTE (mk_auto_lock_, __LINE__) G_GNUC_UNUSED = mk_simple_executor_lock (self)

gboolean mk_simple_executor_run_step (MkSimpleExecutor *self,
                                      void (*step) (MkSimpleExecutor *, GTask *),
                                      const char *name,
                                      gint64 deadline,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
gboolean mk_simple_executor_keeps_directory (MkSimpleExecutor *self);
gboolean mk_simple_executor_claim_cleanup (MkSimpleExecutor *self, GTask *start, MkProcess *process);
void
mk_simple_executor_run_cleanup (MkSimpleExecutor *self, GAsyncReadyCallback callback, gpointer user_data);
void mk_simple_executor_end_cleanup (MkSimpleExecutor *self);
gboolean mk_simple_executor_check_alive (MkSimpleExecutor *self, gboolean *knows_better, GError **error);
GError *mk_simple_executor_stuck_error (MkProcess *process);
GError *
mk_simple_executor_judge_end (MkProcess *process, gboolean any_status, int expected_status, int stop_signal);
void mk_simple_executor_return (MkSimpleExecutor *self, GTask *task, GError *error);
gboolean
mk_simple_executor_finish (MkSimpleExecutor *self, GAsyncResult *result, gpointer source_tag, GError **error);

void mk_simple_executor_wake_start (GTask *start);
void mk_simple_executor_end_start (GTask *start);

/* ---- the signals ---- */

void mk_simple_executor_install_signals (MkSimpleExecutorClass *klass);

MkSignals *mk_signals_new (MkSimpleExecutor *executor);
MkSignals *mk_signals_ref (MkSignals *self);
void mk_signals_unref (MkSignals *self);
void mk_signals_detach (MkSignals *self);

void mk_signals_return (MkSignals *self, GTask *task, GError *error);
MkWaker *mk_signals_get_waker (MkSignals *self);
void mk_signals_wake (MkSignals *self);
void mk_signals_hold_output (MkSignals *self, MkSimpleExecutor *executor, MkProcess *process);
void mk_signals_on_output (gpointer self);

G_END_DECLS
