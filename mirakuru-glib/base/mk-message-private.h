/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *mk_message_duration (gint64 duration_us);
char *mk_message_status (int status);
char *mk_message_signal_name (int number);
char *mk_message_seen (const char *last_seen);
char *mk_message_shown (const char *text);
char *mk_message_filename (const char *filename);
char *mk_message_clean (const char *text);
char *mk_message_path (const char *path);
char *mk_message_command (const char *const *argv);
char *mk_message_taken (const char *address, const char *listener);

G_END_DECLS
