/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Marks what users read. There are no catalogues yet: glib/gi18n.h takes the place of
 * this file when there are. */

#pragma once

#define _(String)  (String)
#define N_(String) (String)
