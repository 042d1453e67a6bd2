/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The `mirakuru` command: finds out which of its commands is meant. */

#include <locale.h>

#include <glib.h>

#include "mk-tool-command.h"
#include "mk-tool-help.h"
#include "base/mk-i18n-private.h"
#include "base/mk-resources-private.h"
#include "mk-tool-run.h"
#include "mk-tool-wait.h"

/* For the contexts of the main thread, of GLib's and of the library's own. */
#define NEEDED_DESCRIPTORS 6

static const struct
{
  const char *name;
  const char *program;
  int (*main) (char **argv);
} commands[] = {
  { "run", "mirakuru run", mk_tool_run_main },
  { "wait", "mirakuru wait", mk_tool_wait_main },
};

/* Answers `--help` and `--version`; everything else is a mistake. */
static int
main_without_command (int argc, char **argv)
{
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, N_ ("Print the version"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = mk_tool_help_new_context ();
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;

  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_strict_posix (context, TRUE);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return mk_tool_help_report_misuse (g_get_prgname (), error->message);

  if (version)
    return mk_tool_help_print_version ();

  if (argc < 2)
    return mk_tool_help_report_misuse (g_get_prgname (), _ ("no command: 'run' or 'wait' is needed"));

  message = g_strdup_printf (_ ("there is no command '%s', only 'run' and 'wait'"), argv[1]);
  return mk_tool_help_report_misuse (g_get_prgname (), message);
}

/* GLib's thread is made, or not, before the library has anything to check. */
static int
main_of_command (const char *program, int (*command_main) (char **argv), char **argv)
{
  g_autoptr (GError) error = NULL;

  /* GOption prints it as the name in "Usage:". */
  g_set_prgname (program);
  if (mk_resources_check_descriptors (NEEDED_DESCRIPTORS, &error) && mk_resources_check_thread (&error))
    return command_main (argv);

  g_printerr ("mirakuru: %s\n", error->message);
  return MK_TOOL_STATUS_FAILED;
}

int
main (int argc, char **argv)
{
  mk_tool_command_remember_signals ();
  setlocale (LC_ALL, "");
  g_set_prgname ("mirakuru");

  for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (argv[1], commands[i].name))
      return main_of_command (commands[i].program, commands[i].main, argv + 1);

  return main_without_command (argc, argv);
}
