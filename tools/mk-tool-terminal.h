/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean mk_tool_terminal_can_redraw (void);
gboolean mk_tool_terminal_has_colour (void);
gboolean mk_tool_terminal_owns_interrupt (void);
void mk_tool_terminal_get_size (guint *rows, guint *columns);
void mk_tool_terminal_write (const GString *text);

void mk_tool_terminal_append_line (GString *out, const char *text, guint columns);
void mk_tool_terminal_append_foreign (GString *out, const char *text);

G_END_DECLS
