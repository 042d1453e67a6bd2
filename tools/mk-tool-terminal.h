/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean mk_tool_terminal_is_there (void);
void mk_tool_terminal_get_size (guint *rows, guint *columns);
void mk_tool_terminal_write (const GString *text);

G_END_DECLS
