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
 * @check: makes one attempt, without blocking
 * @check_task: makes one attempt that may take time
 * @describe: describes the condition of the probe
 * @attach: called when a start of an executor begins to use the probe
 * @detach: called when that start is over
 *
 * A probe implements `check` or `check_task`, or both. Each attempt calls `check` first. It calls
 * `check_task` only if `check` fails with %G_IO_ERROR_WOULD_BLOCK, as the default does.
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
   * Makes one attempt, without blocking. %FALSE without an error means "not yet". Errors mean:
   *
   * - %G_IO_ERROR_CONNECTION_REFUSED and %G_IO_ERROR_NOT_FOUND: not yet
   * - %G_IO_ERROR_WOULD_BLOCK: the check takes time; `check_task` is called
   * - an error of the domain %MK_ERROR: a wait ends with it
   * - any other error: the result is not known. A wait makes another attempt, and reports the error if it
   *   times out. In the check before a start, the start fails.
   *
   * Returns: %TRUE if the condition of the probe is fulfilled
   *
   * Since: 1.0
   */
  gboolean (*check) (MkProbe *self, GError **error);

  /**
   * MkProbeClass::check_task:
   * @self: the probe
   * @task: the task to return a boolean from, now or later
   *
   * Makes one attempt that may take time. The result and the errors have the same meaning as those of
   * `check`. The cancellable of @task is cancelled when the attempt is no longer needed.
   *
   * Since: 1.0
   */
  void (*check_task) (MkProbe *self, GTask *task);

  /**
   * MkProbeClass::describe:
   * @self: the probe
   *
   * Describes the condition of the probe, as a clause that follows "waiting for": "127.0.0.1:6379 to accept
   * connections".
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
   * Called when a start of @executor is about to spawn its service, and is going to use @self.
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
