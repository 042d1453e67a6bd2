/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"
#include "base/mk-values-private.h"
#include "base/mk-waker-private.h"
#include "process/mk-process-private.h"

G_BEGIN_DECLS

/* How often a probe is asked, unless MkProbe:interval says so. */
typedef enum
{
  MK_PROBE_PACE_LOCAL,  /* what it asks is on this machine */
  MK_PROBE_PACE_REMOTE, /* it is elsewhere, or nobody knows */
  MK_PROBE_PACE_WOKEN,  /* asked once, and then only when it is woken */
} MkProbePace;

/*
 * What the library's own probes may do beside what MkProbeClass has. All of it may be NULL. It is kept in
 * class-private data, so it is no part of the ABI, and subclasses inherit it.
 *
 * A state belongs to one wait or one single attempt: `begin` makes it, and `end` frees it, both in the
 * context of that operation, on which `check_with` and `check_task_with` are called with it, too. So it may
 * hold what has to live there, such as a socket, a file monitor or a D-Bus connection. An attempt of
 * `check_task_with` that was cancelled may be forgotten soon after: from then on it must not use the state,
 * unless it holds a reference of its own.
 */
typedef struct
{
  gpointer (*begin) (MkProbe *self);
  void (*end) (MkProbe *self, gpointer state);
  /* As `check` and `check_task`, in whose place they are called */
  gboolean (*check_with) (MkProbe *self, gpointer state, GError **error);
  void (*check_task_with) (MkProbe *self, gpointer state, GTask *task);
  /* The time in microseconds until it should be asked again, G_MAXINT64 for never */
  gint64 (*choose_interval) (MkProbe *self, gpointer state, gint64 elapsed_us, gint64 cost_us);

  char *(*describe_holder) (MkProbe *self);
  /* Returns: which process is there before the start, 0 if that is not known */
  int (*find_holder) (MkProbe *self);
  char *(*find_rival) (MkProbe *self, int service, int supervisor);
  guint (*find_stable_for) (MkProbe *self);
  /* Whether it is satisfied before the service has answered anything */
  gboolean (*is_shallow) (MkProbe *self);
  /* Whether it still is satisfied; only where that costs nothing, and does not disturb the service */
  gboolean (*look_again) (MkProbe *self);
  MkProbe *(*dup_before_start) (MkProbe *self, GError **error);
  /* Before it is attached to the executor of @process, which is about to be spawned: what it wants the
   * service to have may be added to the launch of @process */
  gboolean (*prepare) (MkProbe *self, MkProcess *process, GError **error);
  /* Whether it waits for something that only each start gives its service: a leased port, a private directory
   */
  gboolean (*wants_values) (MkProbe *self);
  /* Returns: (nullable) (transfer full): the same with all placeholders expanded, or with an error %NULL */
  MkProbe *(*dup_expanded) (MkProbe *self, MkValues *values, GError **error);
  GError *(*explain_exit) (MkProbe *self);
  gboolean (*is_met) (MkProbe *self);
  /* Returns: (transfer full) (element-type MkProbe): what it asks itself */
  GPtrArray *(*dup_parts) (MkProbe *self);
} MkProbeClassPrivate;

MkProbeClassPrivate *mk_probe_class_get_private (gpointer klass);

/* ---- for implementations ---- */

void mk_probe_set_pace (MkProbe *self, MkProbePace pace);
void mk_probe_set_attempt_limit (MkProbe *self, guint limit_ms);
void mk_probe_set_grace (MkProbe *self, guint grace_ms);
void mk_probe_set_retry_after (MkProbe *self, guint retry_after_ms);
void mk_probe_set_detail (MkProbe *self, const char *detail);
char *mk_probe_dup_detail (MkProbe *self);
gboolean mk_probe_would_block (GError **error);

/* ---- for the wait and for groups ---- */

gpointer mk_probe_begin (MkProbe *self);
void mk_probe_end (MkProbe *self, gpointer state);
gboolean mk_probe_ask (MkProbe *self, gpointer state, GError **error);
void mk_probe_ask_async (MkProbe *self,
                         gpointer state,
                         gint64 deadline,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
gboolean mk_probe_ask_finish (MkProbe *self, GAsyncResult *result, GError **error);
MkProbePace mk_probe_get_pace (MkProbe *self);
guint mk_probe_take_retry_after (MkProbe *self);

void mk_probe_add_waker (MkProbe *self, MkWaker *waker);
void mk_probe_remove_waker (MkProbe *self, MkWaker *waker);
gboolean mk_probe_has_wakers (MkProbe *self);
void mk_probe_emit_wake (MkProbe *self);

/* ---- for executors ---- */

char *mk_probe_describe_holder (MkProbe *self);
int mk_probe_find_holder (MkProbe *self);
guint mk_probe_get_attempts (MkProbe *self, char **last_failure);
char *mk_probe_find_rival (MkProbe *self, int service, int supervisor);
gboolean mk_probe_is_met (MkProbe *self);
GError *mk_probe_explain_exit (MkProbe *self);
MkProbe *mk_probe_dup_before_start (MkProbe *self, GError **error);
guint mk_probe_find_stable_for (MkProbe *self);
gboolean mk_probe_is_shallow (MkProbe *self);
gboolean mk_probe_look_again (MkProbe *self);
gboolean mk_probe_prepare (MkProbe *self, MkProcess *process, GError **error);
gboolean mk_probe_wants_values (MkProbe *self);
gboolean mk_probe_expand (MkProbe **self, MkValues *values, GError **error);
MkProbe *mk_probe_dup_with_expanded_properties (MkProbe *self, MkValues *values, GError **error);

void mk_probe_attach (MkProbe *self, MkSimpleExecutor *executor);
void mk_probe_detach (MkProbe *self, MkSimpleExecutor *executor);

void mk_probe_attempt_async (MkProbe *self,
                             gint64 deadline,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean mk_probe_attempt_finish (MkProbe *self, GAsyncResult *result, GError **error);

/* Has a probe woken with another one that it asks. */
typedef struct _MkProbeLink MkProbeLink;

MkProbeLink *mk_probe_link_new (MkProbe *part, MkProbe *whole);
gboolean mk_probe_link_take_woken (MkProbeLink *self);
void mk_probe_link_free (MkProbeLink *self);

G_END_DECLS
