/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_OUTPUT_EXECUTOR (mk_output_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkOutputExecutor, mk_output_executor, MK, OUTPUT_EXECUTOR, MkExecutor)

/**
 * MkOutputExecutorClass:
 * @parent_class: the parent class
 *
 * Since: 1.0
 */
struct _MkOutputExecutorClass
{
  MkExecutorClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkOutputExecutor *mk_output_executor_new (const char *const *argv, const char *banner);
MK_AVAILABLE_IN_1_0
const char *mk_output_executor_get_banner (MkOutputExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_output_executor_set_banner (MkOutputExecutor *self, const char *banner);
MK_AVAILABLE_IN_1_0
MkStreamFlags mk_output_executor_get_stream (MkOutputExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_output_executor_set_stream (MkOutputExecutor *self, MkStreamFlags stream);
MK_AVAILABLE_IN_1_0
guint mk_output_executor_get_occurrences (MkOutputExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_output_executor_set_occurrences (MkOutputExecutor *self, guint occurrences);
MK_AVAILABLE_IN_1_0
const char *mk_output_executor_get_failure_pattern (MkOutputExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_output_executor_set_failure_pattern (MkOutputExecutor *self, const char *failure_pattern);
MK_AVAILABLE_IN_1_0
char *mk_output_executor_dup_match (MkOutputExecutor *self, const char *name_or_number);

G_END_DECLS
