/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_PID_EXECUTOR (mk_pid_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkPidExecutor, mk_pid_executor, MK, PID_EXECUTOR, MkExecutor)

/**
 * MkPidExecutorClass:
 * @parent_class: the parent class
 *
 * Since: 1.0
 */
struct _MkPidExecutorClass
{
  MkExecutorClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkPidExecutor *mk_pid_executor_new (const char *const *argv, const char *filename);
MK_AVAILABLE_IN_1_0
const char *mk_pid_executor_get_filename (MkPidExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_pid_executor_set_filename (MkPidExecutor *self, const char *filename);
MK_AVAILABLE_IN_1_0
int mk_pid_executor_get_daemon_pid (MkPidExecutor *self);

G_END_DECLS
