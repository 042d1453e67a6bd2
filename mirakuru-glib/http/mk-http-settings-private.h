/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define MK_HTTP_DEFAULT_STATUS "^2\\d\\d$"
#define MK_HTTP_DEFAULT_METHOD "HEAD"

/* What a request is made of, and what its answer has to be. */
typedef struct
{
  char *uri;              /* (owned) (nullable): as given */
  char *status;           /* (owned): a regular expression */
  char *method;           /* (owned) */
  char **headers;         /* (owned) (nullable): "Name: value" */
  GBytes *body;           /* (owned) (nullable) */
  char *content_type;     /* (owned) (nullable) */
  char *body_pattern;     /* (owned) (nullable): a regular expression */
  char *ca_file;          /* (owned) (nullable) */
  char *certificate_file; /* (owned) (nullable) */
  char *socket_path;      /* (owned) (nullable) */
  gboolean accept_any_certificate;
  gboolean follow_redirects;

  /* Made of the above by mk_http_settings_prepare() */
  GUri *parsed;         /* (owned) (nullable) */
  GRegex *status_regex; /* (owned) (nullable) */
  GRegex *body_regex;   /* (owned) (nullable) */
} MkHttpSettings;

MkHttpSettings *mk_http_settings_new (void);
MkHttpSettings *mk_http_settings_copy (const MkHttpSettings *self);
void mk_http_settings_free (MkHttpSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkHttpSettings, mk_http_settings_free)

GUri *mk_http_settings_parse_uri (const MkHttpSettings *self, GError **error);
char *mk_http_settings_dup_name (const MkHttpSettings *self);

gboolean mk_http_settings_prepare (MkHttpSettings *self, GError **error);
gboolean mk_http_settings_load_certificates (const MkHttpSettings *self,
                                             GTlsDatabase **authorities,
                                             GTlsCertificate **certificate,
                                             GError **error);

GBytes *mk_http_encode_form (const char *const *fields);

G_END_DECLS
