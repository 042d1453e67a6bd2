/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_UNIX_SOCKET_EXECUTOR (mk_unix_socket_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkUnixSocketExecutor, mk_unix_socket_executor, MK, UNIX_SOCKET_EXECUTOR, MkExecutor)

/**
 * MkUnixSocketExecutorClass:
 * @parent_class: the parent class
 *
 * Since: 1.0
 */
struct _MkUnixSocketExecutorClass
{
  MkExecutorClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkUnixSocketExecutor *mk_unix_socket_executor_new (const char *const *argv, const char *path);
MK_AVAILABLE_IN_1_0
const char *mk_unix_socket_executor_get_path (MkUnixSocketExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_unix_socket_executor_set_path (MkUnixSocketExecutor *self, const char *path);

G_END_DECLS
