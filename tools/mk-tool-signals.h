/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>
#include <signal.h>

G_BEGIN_DECLS

/* Windows has no such signal, and nothing sends it there. */
#ifndef SIGQUIT
#define SIGQUIT 3
#endif

/* What sends a signal twice within this time means it once: timeout(1) signals its child and then
 * the process group. */
#define MK_TOOL_SAME_SIGNAL_INTERVAL (G_USEC_PER_SEC / 4)

/* @from_terminal: the whole process group got it */
typedef void (*MkToolSignalFunc) (int number, gboolean from_terminal, gpointer user_data);

void mk_tool_signals_remember (void);
void mk_tool_signals_restore (void);
void mk_tool_signals_watch (MkToolSignalFunc func, gpointer user_data);
int mk_tool_signals_get_fd (void);
int mk_tool_signals_die (int number);

G_END_DECLS
