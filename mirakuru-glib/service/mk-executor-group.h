/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-simple-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_EXECUTOR_GROUP (mk_executor_group_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkExecutorGroup, mk_executor_group, MK, EXECUTOR_GROUP, GObject)

MK_AVAILABLE_IN_1_0
MkExecutorGroup *mk_executor_group_new (void);

MK_AVAILABLE_IN_1_0
MkExecutorGroup *mk_executor_group_new_from_file (GFile *file, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_set_defaults (MkExecutorGroup *self, const char *const *settings, GError **error);
MK_AVAILABLE_IN_1_0
gboolean
mk_executor_group_add_override (MkExecutorGroup *self, const char *name, const char *setting, GError **error);
MK_AVAILABLE_IN_1_0
gboolean
mk_executor_group_add (MkExecutorGroup *self, const char *name, MkSimpleExecutor *executor, GError **error);
MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_executor_group_add_service (MkExecutorGroup *self,
                                                 const char *name,
                                                 const char *const *settings,
                                                 GError **error);
MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_executor_group_add_template (MkExecutorGroup *self,
                                                  const char *name,
                                                  const char *template_name,
                                                  GError **error);
MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_add_from_file (MkExecutorGroup *self, GFile *file, GError **error);
MK_AVAILABLE_IN_1_0
char **mk_executor_group_list_templates (void);
MK_AVAILABLE_IN_1_0
GFile *mk_executor_group_find_template (const char *template_name, GError **error);
MK_AVAILABLE_IN_1_0
gboolean
mk_executor_group_add_dependency (MkExecutorGroup *self, const char *name, const char *on, GError **error);
MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_executor_group_lookup (MkExecutorGroup *self, const char *name);
MK_AVAILABLE_IN_1_0
const char *mk_executor_group_get_name (MkExecutorGroup *self, MkSimpleExecutor *executor);

MK_AVAILABLE_IN_1_0
MkExecutorState mk_executor_group_get_state (MkExecutorGroup *self);

MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_start (MkExecutorGroup *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_executor_group_start_async (MkExecutorGroup *self,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_start_finish (MkExecutorGroup *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_stop (MkExecutorGroup *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_executor_group_stop_async (MkExecutorGroup *self,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_executor_group_stop_finish (MkExecutorGroup *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
char *mk_executor_group_dup_value (MkExecutorGroup *self, const char *key);
MK_AVAILABLE_IN_1_0
char *mk_executor_group_expand (MkExecutorGroup *self, const char *text, GError **error);
MK_AVAILABLE_IN_1_0
char **mk_executor_group_dup_environment (MkExecutorGroup *self, const char *const *base);
MK_AVAILABLE_IN_1_0
double mk_executor_group_get_progress (MkExecutorGroup *self);
MK_AVAILABLE_IN_1_0
char *mk_executor_group_dup_report (MkExecutorGroup *self);
MK_AVAILABLE_IN_1_0
GVariant *mk_executor_group_dup_report_dict (MkExecutorGroup *self);
MK_AVAILABLE_IN_1_0
char *mk_executor_group_to_dot (MkExecutorGroup *self);

G_END_DECLS
