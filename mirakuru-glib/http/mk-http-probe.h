/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

#define MK_TYPE_HTTP_PROBE (mk_http_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkHttpProbe, mk_http_probe, MK, HTTP_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkHttpProbe *mk_http_probe_new (const char *uri);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_uri (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_uri (MkHttpProbe *self, const char *uri);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_status (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_status (MkHttpProbe *self, const char *status);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_method (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_method (MkHttpProbe *self, const char *method);
MK_AVAILABLE_IN_1_0
const char *const *mk_http_probe_get_headers (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_headers (MkHttpProbe *self, const char *const *headers);
MK_AVAILABLE_IN_1_0
GBytes *mk_http_probe_get_body (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_body (MkHttpProbe *self, GBytes *body);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_content_type (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_content_type (MkHttpProbe *self, const char *content_type);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_body_pattern (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_body_pattern (MkHttpProbe *self, const char *body_pattern);
MK_AVAILABLE_IN_1_0
gboolean mk_http_probe_get_accept_any_certificate (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_accept_any_certificate (MkHttpProbe *self, gboolean accept_any_certificate);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_ca_file (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_ca_file (MkHttpProbe *self, const char *ca_file);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_certificate_file (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_certificate_file (MkHttpProbe *self, const char *certificate_file);
MK_AVAILABLE_IN_1_0
gboolean mk_http_probe_get_follow_redirects (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_follow_redirects (MkHttpProbe *self, gboolean follow_redirects);
MK_AVAILABLE_IN_1_0
const char *mk_http_probe_get_socket_path (MkHttpProbe *self);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_socket_path (MkHttpProbe *self, const char *socket_path);
MK_AVAILABLE_IN_1_0
void mk_http_probe_set_form (MkHttpProbe *self, const char *const *fields);

G_END_DECLS
