/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Longer matches may be missed. */
#define MK_OUTPUT_LONGEST_MATCH 16384

typedef struct _MkOutputMatcher MkOutputMatcher;

GRegex *mk_output_matcher_compile (const char *pattern, const char *role, GError **error);

MkOutputMatcher *mk_output_matcher_new (GRegex *regex, const char *role);
MkOutputMatcher *mk_output_matcher_copy (MkOutputMatcher *self);
void mk_output_matcher_free (MkOutputMatcher *self);

void mk_output_matcher_append (MkOutputMatcher *self, const guint8 *data, gsize length);
void mk_output_matcher_close (MkOutputMatcher *self);
gboolean mk_output_matcher_find (MkOutputMatcher *self, GError **error);
gboolean mk_output_matcher_is_undecided (MkOutputMatcher *self);
gboolean mk_output_matcher_settle (MkOutputMatcher *self);

guint64 mk_output_matcher_get_end (MkOutputMatcher *self);
char *mk_output_matcher_dup_group (MkOutputMatcher *self, const char *name_or_number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkOutputMatcher, mk_output_matcher_free)

G_END_DECLS
