/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe-settings.h"
#include "mk-service-setting-private.h"

G_BEGIN_DECLS

gboolean mk_probe_settings_has (const char *key);
gboolean mk_probe_settings_is_detail (const char *key);
void mk_probe_settings_list_keys (GStrvBuilder *keys);
gboolean mk_probe_settings_apply (GPtrArray *probes, const MkServiceSetting *setting, GError **error);
gboolean mk_probe_settings_split_address (const MkServiceSetting *setting,
                                          const char *text,
                                          char **host,
                                          guint *port,
                                          const char **placeholder,
                                          GError **error);

G_END_DECLS
