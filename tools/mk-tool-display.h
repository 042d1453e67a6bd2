/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MkToolDisplay MkToolDisplay;

MkToolDisplay *mk_tool_display_new (gboolean quiet);
void mk_tool_display_free (MkToolDisplay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkToolDisplay, mk_tool_display_free)

guint mk_tool_display_add (MkToolDisplay *self, const char *name);
void mk_tool_display_wait (MkToolDisplay *self, guint line, const char *text);
gboolean mk_tool_display_is_live (MkToolDisplay *self);
void mk_tool_display_change (MkToolDisplay *self, guint line, const char *text);
void mk_tool_display_done (MkToolDisplay *self, guint line, const char *text);
void mk_tool_display_failed (MkToolDisplay *self, guint line, const char *text, const char *message);
double mk_tool_display_get_elapsed (MkToolDisplay *self, guint line);

void mk_tool_display_output (MkToolDisplay *self, guint line, const char *text);
void mk_tool_display_message (MkToolDisplay *self, const char *message);
void mk_tool_display_error (MkToolDisplay *self, const char *name, const char *message);

G_END_DECLS
