/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-pattern-private.h"

G_BEGIN_DECLS

/* Longer matches may be missed. */
#define MK_SCANNER_LONGEST_MATCH 16384

typedef struct _MkScanner MkScanner;

MkScanner *mk_scanner_new (MkPattern *pattern);
void mk_scanner_free (MkScanner *self);

void mk_scanner_append (MkScanner *self, const guint8 *data, gsize length);
void mk_scanner_close (MkScanner *self);
gboolean mk_scanner_find (MkScanner *self, GError **error);
gboolean mk_scanner_is_undecided (MkScanner *self);
gboolean mk_scanner_settle (MkScanner *self, GError **error);

guint64 mk_scanner_get_match_end (MkScanner *self);
GPtrArray *mk_scanner_dup_groups (MkScanner *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkScanner, mk_scanner_free)

G_END_DECLS
