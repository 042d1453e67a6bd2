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
  char *uri;          /* (owned) (nullable): as given */
  char *status;       /* (owned): a regular expression */
  char *method;       /* (owned) */
  char **headers;     /* (owned) (nullable): "Name: value" */
  GBytes *body;       /* (owned) (nullable) */
  char *content_type; /* (owned) (nullable) */
  char *body_pattern; /* (owned) (nullable): a regular expression */
  char *ca_file;      /* (owned) (nullable) */
  char *socket_path;  /* (owned) (nullable) */
  gboolean accept_any_certificate;

  /* Made of the above when it is set, with an error where that fails */
  GUri *parsed;         /* (owned) (nullable) */
  GRegex *status_regex; /* (owned) (nullable) */
  GRegex *body_regex;   /* (owned) (nullable) */
  GError *uri_error;    /* (owned) (nullable) */
  GError *status_error; /* (owned) (nullable) */
  GError *body_error;   /* (owned) (nullable) */
} MkHttpSettings;

void mk_http_settings_init (MkHttpSettings *self);
void mk_http_settings_clear (MkHttpSettings *self);

void mk_http_settings_set_uri (MkHttpSettings *self, const char *uri);
void mk_http_settings_set_status (MkHttpSettings *self, const char *status);
void mk_http_settings_set_body_pattern (MkHttpSettings *self, const char *body_pattern);

gboolean mk_http_settings_validate (const MkHttpSettings *self, GError **error);
GTlsDatabase *mk_http_settings_load_ca (const MkHttpSettings *self, GError **error);

const char *mk_http_settings_get_host (const MkHttpSettings *self);
guint mk_http_settings_get_port (const MkHttpSettings *self);
char *mk_http_settings_dup_name (const MkHttpSettings *self);
gboolean mk_http_settings_is_https (const MkHttpSettings *self);

GBytes *mk_http_encode_form (const char *const *fields);

G_END_DECLS
