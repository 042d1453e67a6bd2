/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-process-private.h"

G_BEGIN_DECLS

gint64 mk_deadline_after (guint timeout_ms);

char *mk_message_duration (gint64 duration_us);
char *mk_message_status (int status);
char *mk_message_service (MkProcess *process);
char *mk_message_output (MkProcess *process);
GError *mk_message_exited_error (MkProcess *process, const char *goal, gint64 begun);
char *mk_message_seen (const char *last_seen);
char *mk_message_shown (const char *text);
char *mk_message_path (const char *path);
char *mk_message_taken (const char *address, const char *listener);

G_END_DECLS
