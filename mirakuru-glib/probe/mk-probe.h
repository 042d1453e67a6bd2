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
 * @check_task: one attempt that may take time
 * @describe: says what is waited for
 * @attach: a start of an executor begins to use the probe
 * @detach: the start is over
 *
 * A probe implements `check` or `check_task`, or both. Each attempt calls `check` first, and `check_task`
 * only where `check` says %G_IO_ERROR_WOULD_BLOCK; that is what it does by default.
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
   * %G_IO_ERROR_CONNECTION_REFUSED and %G_IO_ERROR_NOT_FOUND. %G_IO_ERROR_WOULD_BLOCK means that it takes
   * time to find out: `check_task` is called then. An error of the domain %MK_ERROR ends a wait. Any other
   * means that it is not known: the probe is asked again, and a wait that times out reports the error;
   * before a start it fails the start.
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
   * Says what is waited for, as a clause that stands after "waiting for":
   * "127.0.0.1:6379 to accept connections".
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
  gpointer padding[8];
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
void mk_probe_wake (MkProbe *self);

MK_AVAILABLE_IN_1_0
char *mk_probe_describe (MkProbe *self);

MK_AVAILABLE_IN_1_0
guint mk_probe_get_interval (MkProbe *self);
MK_AVAILABLE_IN_1_0
void mk_probe_set_interval (MkProbe *self, guint interval_ms);
MK_AVAILABLE_IN_1_0
guint mk_probe_get_stable_for (MkProbe *self);
MK_AVAILABLE_IN_1_0
void mk_probe_set_stable_for (MkProbe *self, guint stable_for_ms);
MK_AVAILABLE_IN_1_0
guint mk_probe_get_attempt_timeout (MkProbe *self);
MK_AVAILABLE_IN_1_0
void mk_probe_set_attempt_timeout (MkProbe *self, guint attempt_timeout_ms);

G_END_DECLS
