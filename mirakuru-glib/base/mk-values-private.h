/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkValues MkValues;

/*
 * Looks up a value of another service.
 *
 * @value: (out) (nullable) (transfer full)
 *
 * Returns: whether there is such a service. If it has no such value, @error is set
 */
typedef gboolean (
    *MkValuesScope) (gpointer scope, const char *service, const char *key, char **value, GError **error);

MkValues *mk_values_new (const char *name, MkValuesScope scope, gpointer scope_data);
MkValues *mk_values_new_for_client (MkValuesScope scope, gpointer scope_data);
MkValues *mk_values_ref (MkValues *self);
void mk_values_unref (MkValues *self);

void mk_values_set_elsewhere (MkValues *self);
void mk_values_set (MkValues *self, const char *key, const char *value);
void mk_values_begin_settings (MkValues *self);
gboolean mk_values_is_port_unused (MkValues *self);
gboolean mk_values_has (MkValues *self, const char *key);
char *mk_values_dup (MkValues *self, const char *key);
void mk_values_clear (MkValues *self);

gboolean mk_values_is_name (const char *text);
gboolean mk_values_has_placeholders (const char *text);
gboolean mk_values_expand (MkValues *self, char **text, GError **error);
gboolean mk_values_expand_strv (MkValues *self, char **strings, GError **error);
gboolean mk_values_lease_port (MkValues *self, guint *port, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkValues, mk_values_unref)

G_END_DECLS
