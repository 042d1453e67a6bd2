/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

G_BEGIN_DECLS

typedef struct _MkPattern MkPattern;

MkPattern *mk_pattern_new (const char *text, const char *role, GError **error);
MkPattern *mk_pattern_ref (MkPattern *self);
void mk_pattern_unref (MkPattern *self);

const pcre2_code *mk_pattern_get_code (MkPattern *self);
const pcre2_code *mk_pattern_get_limitable_code (MkPattern *self);
const char *mk_pattern_get_text (MkPattern *self);
gsize mk_pattern_get_lookbehind (MkPattern *self);
gboolean mk_pattern_splits_line_ends (MkPattern *self);
const char *mk_pattern_find_group (MkPattern *self, GPtrArray *groups, const char *name_or_number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkPattern, mk_pattern_unref)

G_END_DECLS
