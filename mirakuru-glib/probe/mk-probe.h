/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-types.h"

G_BEGIN_DECLS

#define MK_TYPE_PROBE (mk_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkProbe, mk_probe, MK, PROBE, GObject)

/**
 * MkProbeClass:
 * @parent_class: the parent class
 * @check: one attempt that does not block
 * @check_task: one attempt that may take time; wins over @check
 * @describe: says what is waited for
 * @attach: a start of an executor begins to use the probe
 * @detach: the start is over
 *
 * A probe implements `check` or `check_task`.
 *
 * Since: 1.0
 */
struct _MkProbeClass
{
  GObjectClass parent_class;

  /**
   * MkProbeClass::check:
   * @self: the probe
   * @error: return location for an error
   *
   * Asks once, without blocking. %FALSE without an error means "not yet", and so do
   * %G_IO_ERROR_CONNECTION_REFUSED and %G_IO_ERROR_NOT_FOUND. An error of the domain %MK_ERROR
   * ends a wait. Any other means that it is not known: it is asked again, and the error is told
   * when the time is up; before a start it fails the start.
   *
   * Returns: %TRUE if what is waited for is there
   *
   * Since: 1.0
   */
  gboolean (*check) (MkProbe *self, GError **error);

  /**
   * MkProbeClass::check_task:
   * @self: the probe
   * @task: the task to return a boolean from, now or later
   *
   * Asks once, where that takes time. The result is as that of `check`; the cancellable of
   * @task ends an attempt that is no longer wanted.
   *
   * Since: 1.0
   */
  void (*check_task) (MkProbe *self, GTask *task);

  /**
   * MkProbeClass::describe:
   * @self: the probe
   *
   * Says what is waited for, as a clause in the past tense that can follow "before" and
   * "until": "127.0.0.1:6379 accepted connections".
   *
   * Returns: (transfer full): the clause
   *
   * Since: 1.0
   */
  char *(*describe) (MkProbe *self);

  /**
   * MkProbeClass::attach:
   * @self: the probe
   * @executor: the executor
   *
   * Called when a start of @executor is about to spawn its service, and will ask @self.
   *
   * Since: 1.0
   */
  void (*attach) (MkProbe *self, MkSimpleExecutor *executor);

  /**
   * MkProbeClass::detach:
   * @self: the probe
   * @executor: the executor
   *
   * Called when the start that attached @self is over.
   *
   * Since: 1.0
   */
  void (*detach) (MkProbe *self, MkSimpleExecutor *executor);

  /*< private >*/

  /**
   * MkProbeClass::describe_holder: (skip)
   *
   * Since: 1.0
   */
  char *(*describe_holder) (MkProbe *self);

  /**
   * MkProbeClass::describe_rival: (skip)
   *
   * Since: 1.0
   */
  char *(*describe_rival) (MkProbe *self, GPid service, GPid supervisor);

  /**
   * MkProbeClass::quick_begin: (skip)
   *
   * Since: 1.0
   */
  gpointer (*quick_begin) (MkProbe *self);

  /**
   * MkProbeClass::quick_ask: (skip)
   *
   * Since: 1.0
   */
  guint (*quick_ask) (MkProbe *self, gpointer quick);

  /**
   * MkProbeClass::quick_end: (skip)
   *
   * Since: 1.0
   */
  void (*quick_end) (MkProbe *self, gpointer quick);

  /**
   * MkProbeClass::dup_before_start: (skip)
   *
   * Since: 1.0
   */
  MkProbe *(*dup_before_start) (MkProbe *self, GError **error);

  /**
   * MkProbeClass::explain_exit: (skip)
   *
   * Since: 1.0
   */
  GError *(*explain_exit) (MkProbe *self);

  /**
   * MkProbeClass::is_met: (skip)
   *
   * Since: 1.0
   */
  gboolean (*is_met) (MkProbe *self);

  gpointer padding[3];
};

MK_AVAILABLE_IN_1_0
gboolean mk_probe_check (MkProbe *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_probe_check_async (MkProbe *self,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_probe_check_finish (MkProbe *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_probe_wait (MkProbe *self, guint timeout_ms, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_probe_wait_async (MkProbe *self,
                          guint timeout_ms,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_probe_wait_finish (MkProbe *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_probe_wait_gone (MkProbe *self, guint timeout_ms, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_probe_wait_gone_async (MkProbe *self,
                               guint timeout_ms,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_probe_wait_gone_finish (MkProbe *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
char *mk_probe_describe (MkProbe *self);

G_END_DECLS
