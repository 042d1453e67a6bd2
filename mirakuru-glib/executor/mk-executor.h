/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"
#include "mk-simple-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_EXECUTOR (mk_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkExecutor, mk_executor, MK, EXECUTOR, MkSimpleExecutor)

/**
 * MkExecutorClass:
 * @parent_class: the parent class
 * @pre_start_check: returns whether the condition is fulfilled before the command is run
 * @after_start_check: returns whether the service is ready
 *
 * Since: 1.0
 */
struct _MkExecutorClass
{
  MkSimpleExecutorClass parent_class;

  /**
   * MkExecutorClass::pre_start_check:
   * @self: the executor
   * @error: return location for an error
   *
   * Returns whether the condition that the start would wait for is fulfilled before the command is run. If
   * so, the start fails with %MK_ERROR_ALREADY_RUNNING. An error ends the start. Called in the context of
   * the start. Must not block.
   *
   * The default checks the probe. If an attempt of the probe takes time, the default fails with
   * %G_IO_ERROR_WOULD_BLOCK. Pass this error on. The library then makes the attempt, and calls this function
   * again when the result is there.
   *
   * Returns: %TRUE if the condition is fulfilled already
   *
   * Since: 1.0
   */
  gboolean (*pre_start_check) (MkExecutor *self, GError **error);

  /**
   * MkExecutorClass::after_start_check:
   * @self: the executor
   * @error: return location for an error
   *
   * Returns whether the service is ready. Called repeatedly in the context of the start while it waits. Must
   * not block. %FALSE without an error means "not yet". An error of the domain %MK_ERROR ends the start.
   * Another error is reported only if the start times out.
   *
   * The default checks the probe. If an attempt of the probe takes time, the default fails with
   * %G_IO_ERROR_WOULD_BLOCK. Pass this error on. The library then makes the attempt, and calls this function
   * again when the result is there.
   *
   * Returns: %TRUE if the service is ready
   *
   * Since: 1.0
   */
  gboolean (*after_start_check) (MkExecutor *self, GError **error);

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkExecutor *mk_executor_new (const char *const *argv, MkProbe *probe);
MK_AVAILABLE_IN_1_0
MkProbe *mk_executor_get_probe (MkExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_executor_set_probe (MkExecutor *self, MkProbe *probe);

G_END_DECLS
