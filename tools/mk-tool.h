/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the commands of `mirakuru` share. */

#pragma once

#include <glib/gi18n-lib.h>
#include <mirakuru-glib.h>

G_BEGIN_DECLS

enum
{
  MK_TOOL_STATUS_TIMED_OUT = 124,
  MK_TOOL_STATUS_FAILED = 125,
  MK_TOOL_STATUS_NOT_EXECUTABLE = 126,
  MK_TOOL_STATUS_NOT_FOUND = 127,
  MK_TOOL_STATUS_SIGNAL = 128,
};

int mk_tool_status_for_error (const GError *error);
int mk_tool_print_version (void);
int mk_tool_report_misuse (const char *message);
char *mk_tool_dup_clean (const char *text, gboolean keeps_colours);
char *mk_tool_dup_plain (const char *message);

/* mk-tool-run.c, mk-tool-templates.c, mk-tool-wait.c */
int mk_tool_run_main (char **argv);
int mk_tool_templates_main (char **argv);
int mk_tool_wait_main (char **argv);

/* mk-tool-command.c */
GSubprocess *mk_tool_command_spawn (const char *const *argv, char **environment, int *status, GError **error);
int mk_tool_command_get_status (GSubprocess *command);
gboolean mk_tool_command_has_terminal (GSubprocess *command);
void mk_tool_command_signal (GSubprocess *command, int number);
int mk_tool_command_exec (char **argv);

/* mk-linux-tool.c or, without the option linux_features, mk-posix-tool.c */
void mk_tool_command_end_with_parent (void);

/* mk-tool-init.c */
void mk_tool_init_fork (void);

/* mk-tool-json.c */
char *mk_tool_json_dup_text (GVariant *value, GError **error);

/* When what happened in a run, in seconds since it began, -1 if it did not. */
typedef struct
{
  gint64 begun;   /* in microseconds since 1970 */
  char **command; /* (unowned) (nullable) */
  double command_started;
  double command_ended;
  double ended;
  int status;
} MkToolRunTimes;

/* mk-tool-report.c */
gboolean
mk_tool_report_write (const char *path, MkExecutorGroup *group, const MkToolRunTimes *times, GError **error);
gboolean
mk_tool_report_draw (const char *path, MkExecutorGroup *group, const MkToolRunTimes *times, GError **error);

/* mk-tool-shell.c */
gboolean mk_tool_shell_check (const char *option_name, const char *text, GError **error);
const char *mk_tool_shell_get_hint (const char *program);

G_END_DECLS
