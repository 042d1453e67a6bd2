/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_TCP_EXECUTOR (mk_tcp_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkTcpExecutor, mk_tcp_executor, MK, TCP_EXECUTOR, MkExecutor)

/**
 * MkTcpExecutorClass:
 * @parent_class: the parent class
 *
 * Since: 1.0
 */
struct _MkTcpExecutorClass
{
  MkExecutorClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkTcpExecutor *mk_tcp_executor_new (const char *const *argv, const char *host, guint port);
MK_AVAILABLE_IN_1_0
const char *mk_tcp_executor_get_host (MkTcpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_tcp_executor_set_host (MkTcpExecutor *self, const char *host);
MK_AVAILABLE_IN_1_0
guint mk_tcp_executor_get_port (MkTcpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_tcp_executor_set_port (MkTcpExecutor *self, guint port);

G_END_DECLS
