/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The `mirakuru` command: finds out which of its commands is meant. */

#include "mk-tool.h"

#include <locale.h>
#include <string.h>

#include "mk-tool-signals.h"

int
mk_tool_status_for_error (const GError *error)
{
  return g_error_matches (error, MK_ERROR, MK_ERROR_TIMED_OUT) ? MK_TOOL_STATUS_TIMED_OUT
                                                               : MK_TOOL_STATUS_FAILED;
}

int
mk_tool_print_version (void)
{
  g_print ("mirakuru %s\n", MK_TOOL_VERSION);
  return 0;
}

/* Escape sequences of terminals (ECMA-48), with a first group if they set colours; other control
 * characters, and those that change the direction of text. */
#define CONTROL                                                                                              \
  "(\\x1b\\[[0-9;:]*m)"                                                                                      \
  "|(?:\\x1b\\[|\\x{9b})[ -?]*[@-~]?"                                                                        \
  "|(?:\\x1b[\\]PX^_]|[\\x{90}\\x{98}\\x{9d}-\\x{9f}])[^\\x07\\x1b\\n]*(?:\\x07|\\x1b\\\\|\\x{9c})?"         \
  "|\\x1b[ -/]*[0-~]?"                                                                                       \
  "|[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x{9f}\\x{61c}\\x{200e}\\x{200f}\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}]"

/* Returns: (transfer full): @text, which may have any bytes, without what could do more to a terminal
 * than show text */
char *
mk_tool_dup_clean (const char *text, gboolean keeps_colours)
{
  static GRegex *regex = NULL;
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  char *clean;
  g_autofree char *coloured = NULL;

  if (regex == NULL)
    regex = g_regex_new (CONTROL, G_REGEX_OPTIMIZE, 0, NULL);

  clean = g_regex_replace (regex, valid, -1, 0, keeps_colours ? "\\1" : "", 0, NULL);
  if (!keeps_colours || strchr (clean, '\033') == NULL)
    return clean;

  coloured = clean;
  return g_strconcat (coloured, "\033[m", NULL);
}

/* Returns: (transfer full): @message, which may have any bytes, cleaned, and with the quotes that the
 * character set of the locale has */
char *
mk_tool_dup_plain (const char *message)
{
  static const char *const plain[][2] = {
    { "“", "\"" },  { "”", "\"" }, { "„", "\"" }, { "« ", "\"" }, { " »", "\"" }, { "「", "\"" },
    { "」", "\"" }, { "‘", "'" },  { "’", "'" },  { "…", "..." }, { "−", "-" },   { "–", "-" },
  };
  g_autofree char *valid = mk_tool_dup_clean (message, FALSE);
  GString *text;

  if (g_get_charset (NULL))
    return g_steal_pointer (&valid);

  text = g_string_new (valid);
  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    g_string_replace (text, plain[i][0], plain[i][1], 0);

  return g_string_free (text, FALSE);
}

/* Reports a mistake on the command line, of which @message may show bytes that are not UTF-8. */
int
mk_tool_report_misuse (const char *message)
{
  g_autofree char *plain = mk_tool_dup_plain (message);

  g_printerr (_ ("mirakuru: %s\nTry '%s --help'.\n"), plain, g_get_prgname ());
  return MK_TOOL_STATUS_FAILED;
}

/* As the library does for itself. */
static void
set_up_translations (void)
{
  const char *directory = g_getenv ("MIRAKURU_GLIB_LOCALEDIR");

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, directory != NULL && *directory != '\0' ? directory : MK_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}

/* Handles `--help` and `--version`; everything else is a mistake. */
static int
main_without_command (int argc, char **argv)
{
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, N_ ("Print the version"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (_ ("COMMAND"));
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;

  g_option_context_set_summary (
      context,
      _ ("Starts services, knows the moment they are ready, and leaves nothing behind.\n"
         "\n"
         "Commands:\n"
         "  run        Start services, run a command while they are up, stop them\n"
         "  wait       Wait for a service that something else starts or stops\n"
         "  templates  List the services that can be started by name"));
  g_option_context_set_description (
      context,
      _ ("Examples:\n"
         "  mirakuru run --template redis -- redis-cli -p '{redis.port}' ping\n"
         "  mirakuru run --service 'redis-server --port 6379' --tcp 6379 -- redis-cli ping\n"
         "  mirakuru wait --tcp localhost:6379 --timeout 10 -- redis-cli ping\n"
         "\n"
         "See 'mirakuru run --help' and 'mirakuru wait --help', or mirakuru(1).\n"));
  g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_set_strict_posix (context, TRUE);

  if (!g_option_context_parse (context, &argc, &argv, &error))
    return mk_tool_report_misuse (error->message);
  if (version)
    return mk_tool_print_version ();
  if (argc < 2)
    return mk_tool_report_misuse (_ ("no command: 'run', 'wait' or 'templates' is needed"));

  message = g_strdup_printf (_ ("there is no command '%s', only 'run', 'wait' and 'templates'"), argv[1]);
  return mk_tool_report_misuse (message);
}

int
main (int argc, char **argv)
{
  const char *command = argc > 1 ? argv[1] : "";

  mk_tool_signals_remember ();
  mk_tool_init_fork ();
  set_up_translations ();

  /* GOption prints it as the name in "Usage:". */
  if (g_str_equal (command, "run"))
    {
      g_set_prgname ("mirakuru run");
      return mk_tool_run_main (argv + 1);
    }

  if (g_str_equal (command, "wait"))
    {
      g_set_prgname ("mirakuru wait");
      return mk_tool_wait_main (argv + 1);
    }

  if (g_str_equal (command, "templates"))
    {
      g_set_prgname ("mirakuru templates");
      return mk_tool_templates_main (argv + 1);
    }

  g_set_prgname ("mirakuru");
  return main_without_command (argc, argv);
}
