/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-tcp-executor.h"

G_BEGIN_DECLS

#define MK_TYPE_HTTP_EXECUTOR (mk_http_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkHttpExecutor, mk_http_executor, MK, HTTP_EXECUTOR, MkTcpExecutor)

/**
 * MkHttpExecutorClass:
 * @parent_class: the parent class
 *
 * Since: 1.0
 */
struct _MkHttpExecutorClass
{
  MkTcpExecutorClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkHttpExecutor *mk_http_executor_new (const char *const *argv, const char *uri);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_uri (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_uri (MkHttpExecutor *self, const char *uri);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_status (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_status (MkHttpExecutor *self, const char *status);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_method (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_method (MkHttpExecutor *self, const char *method);
MK_AVAILABLE_IN_1_0
const char *const *mk_http_executor_get_headers (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_headers (MkHttpExecutor *self, const char *const *headers);
MK_AVAILABLE_IN_1_0
GBytes *mk_http_executor_get_body (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_body (MkHttpExecutor *self, GBytes *body);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_content_type (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_content_type (MkHttpExecutor *self, const char *content_type);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_body_pattern (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_body_pattern (MkHttpExecutor *self, const char *body_pattern);
MK_AVAILABLE_IN_1_0
gboolean mk_http_executor_get_accept_any_certificate (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_accept_any_certificate (MkHttpExecutor *self, gboolean accept_any_certificate);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_ca_file (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_ca_file (MkHttpExecutor *self, const char *ca_file);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_certificate_file (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_certificate_file (MkHttpExecutor *self, const char *certificate_file);
MK_AVAILABLE_IN_1_0
gboolean mk_http_executor_get_follow_redirects (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_follow_redirects (MkHttpExecutor *self, gboolean follow_redirects);
MK_AVAILABLE_IN_1_0
const char *mk_http_executor_get_socket_path (MkHttpExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_socket_path (MkHttpExecutor *self, const char *socket_path);
MK_AVAILABLE_IN_1_0
void mk_http_executor_set_form (MkHttpExecutor *self, const char *const *fields);

G_END_DECLS
