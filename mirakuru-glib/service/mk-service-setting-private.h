/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

#include "mk-service-setting.h"

G_BEGIN_DECLS

/* One line of a services file, or the like: “Tcp={port}”. */
typedef struct
{
  char *key;        /* (owned) */
  char *value;      /* (owned) */
  char *origin;     /* (owned) (nullable): where it stands, “services.ini:12” */
  gboolean is_list; /* where a key takes several values, this has them all */
} MkServiceSetting;

MkServiceSetting *mk_service_setting_new (const char *key, const char *value, const char *origin);
MkServiceSetting *mk_service_setting_copy (const MkServiceSetting *self);
void mk_service_setting_free (MkServiceSetting *self);
GPtrArray *mk_service_settings_new (void);
GPtrArray *mk_service_settings_new_from_strv (const char *const *strv, GError **error);
GPtrArray *mk_service_settings_load (GFile *file, GError **error);
const MkServiceSetting *mk_service_settings_find (GPtrArray *settings, const char *key);

char **mk_service_setting_dup_items (const MkServiceSetting *self);
gboolean mk_service_setting_fail (const MkServiceSetting *self, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
gboolean mk_service_setting_get_boolean (const MkServiceSetting *self, gboolean *value, GError **error);
gboolean mk_service_setting_get_time (const MkServiceSetting *self, guint *milliseconds, GError **error);
gboolean mk_service_setting_get_signal (const MkServiceSetting *self, int *number, GError **error);

char *mk_service_guess (const char *word, const char *const *words);

/* A section of a services file. */
typedef struct
{
  char *name;          /* (owned) */
  char *origin;        /* (owned): “services.ini:11” */
  GPtrArray *settings; /* (owned) (element-type MkServiceSetting) */
} MkServiceSection;

void mk_service_section_locate (const MkServiceSection *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkServiceSetting, mk_service_setting_free)

G_END_DECLS
