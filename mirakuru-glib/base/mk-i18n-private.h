/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Marks what users read, for the library and the command alike. */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

const char *mk_gettext (const char *text) G_GNUC_FORMAT (1);
const char *
mk_ngettext (const char *singular, const char *plural, gulong n) G_GNUC_FORMAT (1) G_GNUC_FORMAT (2);
const char *mk_pgettext (const char *context, const char *text) G_GNUC_FORMAT (2);

#define _(String) mk_gettext (String)
/* For what is the same in English, but not in other languages: @Context tells them apart. */
#define C_(Context, String) mk_pgettext (Context, String)
/* For tables: what is taken from them goes through _() when it is shown. */
#define N_(String) (String)

G_END_DECLS
