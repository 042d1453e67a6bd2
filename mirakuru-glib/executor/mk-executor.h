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
 * @pre_start_check: whether what would be waited for is there before anything was started
 * @after_start_check: whether the service is ready
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
   * Says whether what would be waited for is there before anything was started. Then the
   * start fails with %MK_ERROR_ALREADY_RUNNING. An error ends the start. Called in the
   * context of the start; must not block.
   *
   * The default asks the probe. Where the probe takes time for its answer, the default fails
   * with %G_IO_ERROR_WOULD_BLOCK: let that error pass. The probe is asked then, and this
   * function is called again when its answer has come.
   *
   * Returns: %TRUE if it is there already
   *
   * Since: 1.0
   */
  gboolean (*pre_start_check) (MkExecutor *self, GError **error);

  /**
   * MkExecutorClass::after_start_check:
   * @self: the executor
   * @error: return location for an error
   *
   * Says whether the service is ready. Called again and again while a start waits, in its
   * context; must not block. %FALSE without an error means "not yet"; an error of the domain
   * %MK_ERROR ends the start, any other is remembered and reported if the start times out.
   *
   * The default asks the probe. Where the probe takes time for its answer, the default fails
   * with %G_IO_ERROR_WOULD_BLOCK: let that error pass. The probe is asked then, and this
   * function is called again when its answer has come.
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
