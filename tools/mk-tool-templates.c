/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `mirakuru templates`: what templates there are, and which of them lack a program. */

#include "mk-tool.h"

#include <string.h>

/* Returns: (transfer full) (nullable): what the template says it is for */
static char *
templates_dup_description (GFile *file)
{
  g_autoptr (GKeyFile) key_file = g_key_file_new ();
  g_autofree char *path = g_file_get_path (file);
  g_autofree char *section = NULL;

  if (!g_key_file_load_from_file (key_file, path, G_KEY_FILE_NONE, NULL))
    return NULL;

  section = g_key_file_get_start_group (key_file);
  return section != NULL ? g_key_file_get_value (key_file, section, "Description", NULL) : NULL;
}

/* Returns: (transfer full) (nullable): why it cannot be used */
static char *
templates_dup_problem (const char *name)
{
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (GError) error = NULL;

  return mk_executor_group_add_template (group, name, name, &error) != NULL ? NULL
                                                                            : g_strdup (error->message);
}

static int
templates_list (void)
{
  g_auto (GStrv) names = mk_executor_group_list_templates ();
  int width = 0;

  for (char **name = names; *name != NULL; name++)
    width = MAX (width, (int) strlen (*name));

  for (char **name = names; *name != NULL; name++)
    {
      g_autoptr (GFile) file = mk_executor_group_find_template (*name, NULL);
      g_autofree char *description = file != NULL ? templates_dup_description (file) : NULL;
      g_autofree char *problem = templates_dup_problem (*name);

      g_autofree char *text =
          g_strconcat (description != NULL ? description : "", problem != NULL ? " – " : "", problem, NULL);
      g_autofree char *plain = mk_tool_dup_plain (text);

      g_print ("%-*s  %s\n", width, *name, plain);
    }

  return 0;
}

static int
templates_show (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = mk_executor_group_find_template (name, &error);
  g_autofree char *path = NULL;
  g_autofree char *plain = NULL;
  g_autofree char *contents = NULL;

  if (file == NULL || !g_file_load_contents (file, NULL, &contents, NULL, NULL, &error))
    return mk_tool_report_misuse (error->message);

  path = g_file_get_path (file);
  plain = mk_tool_dup_plain (path);
  g_print ("# %s\n%s", plain, contents);
  return 0;
}

int
mk_tool_templates_main (char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (_ ("[NAME]"));
  g_auto (GStrv) args = g_strdupv (argv);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (
      context,
      _ ("Lists the templates for 'mirakuru run --template', those of the user and those\n"
         "that came with mirakuru, and says which program is missing. With NAME: shows the\n"
         "services file of that template."));
  g_option_context_set_description (
      context,
      _ ("Your own templates are services files with one section, NAME.ini in\n"
         "~/.local/share/mirakuru-glib-1/templates. See mirakuru(1).\n"
         "\n"
         "Examples:\n"
         "  mirakuru templates\n"
         "  mirakuru templates redis\n"
         "  mirakuru run --template redis -- redis-cli -p '{redis.port}' ping\n"));
  if (!g_option_context_parse_strv (context, &args, &error))
    return mk_tool_report_misuse (error->message);

  return args[0] != NULL && args[1] != NULL ? templates_show (args[1]) : templates_list ();
}
