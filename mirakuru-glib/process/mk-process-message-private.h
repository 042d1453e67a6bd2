/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-process-private.h"

G_BEGIN_DECLS

char *mk_process_message_service (MkProcess *process);
char *mk_process_message_killed (MkProcess *process);
char *mk_process_message_output (MkProcess *process);
GError *mk_process_message_exited_error (MkProcess *process, const char *goal, gint64 begun);
GError *
mk_process_message_timed_out_error (MkProcess *process, const char *goal, gint64 took, const char *last_seen);

GError *mk_process_message_ended_error (MkProcess *process, const char *sentence);

G_END_DECLS
