/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

GOptionContext *mk_tool_help_new_context (void);
GOptionContext *mk_tool_help_new_run_context (GOptionGroup *group);
GOptionContext *mk_tool_help_new_wait_context (GOptionGroup *group);

int mk_tool_help_print_version (void);
int mk_tool_help_report_misuse (const char *program, const char *message);

G_END_DECLS
