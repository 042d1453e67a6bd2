/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* No shell runs the commands that mirakuru is given. This finds what only a shell would understand,
 * and says what to write instead. */

#include "mk-tool-options.h"

#include <string.h>

typedef enum
{
  SYNTAX_NONE,
  SYNTAX_VARIABLE,  /* NAME=value before the program */
  SYNTAX_DIRECTORY, /* cd */
  SYNTAX_OTHER,
} Syntax;

static gboolean
shell_is_assignment (const char *word)
{
  const char *p = word;

  while (g_ascii_isalnum (*p) || *p == '_')
    p++;

  return p > word && !g_ascii_isdigit (*word) && *p == '=';
}

/* Whether @p, which is not quoted, is more than a character to a shell. The & of a URL is not,
 * nor is the $ of a regular expression. */
static gboolean
shell_is_special (const char *p)
{
  if (*p == '&')
    return p[1] == '&' || p[1] == '\0' || g_ascii_isspace (p[1]);
  if (*p == '$')
    return g_ascii_isalnum (p[1]) || (p[1] != '\0' && strchr ("_{(", p[1]) != NULL);

  return strchr (";|<>`", *p) != NULL;
}

/* Returns: the end of @word, the first word of a text */
static const char *
shell_scan_word (const char *word, gboolean *is_special)
{
  const char *p = word;
  char quote = '\0';

  *is_special = *p == '~' && (p[1] == '\0' || p[1] == '/' || g_ascii_isspace (p[1]));

  for (; *p != '\0' && (quote != '\0' || !g_ascii_isspace (*p)); p++)
    {
      if (*p == '\\' && quote != '\'' && p[1] != '\0')
        p++;
      else if (quote != '\0')
        quote = *p == quote ? '\0' : quote;
      else if (*p == '"' || *p == '\'')
        quote = *p;
      else if (shell_is_special (p))
        *is_special = TRUE;
    }

  return p;
}

/* @found: (out): the word of @text that only a shell would understand */
static Syntax
shell_find_syntax (const char *text, char **found)
{
  gboolean is_first = TRUE;
  gboolean is_special;

  for (const char *end; *(text += strspn (text, " \t\n")) != '\0'; text = end, is_first = FALSE)
    {
      end = shell_scan_word (text, &is_special);
      g_free (*found);
      *found = g_strndup (text, end - text);

      if (is_first && shell_is_assignment (*found))
        return SYNTAX_VARIABLE;
      if (is_first && g_str_equal (*found, "cd"))
        return SYNTAX_DIRECTORY;
      if (is_special)
        return SYNTAX_OTHER;
    }

  return SYNTAX_NONE;
}

/* Refuses @text, the value of @option_name, if it is for a shell. */
gboolean
mk_tool_shell_check (const char *option_name, const char *text, GError **error)
{
  g_autofree char *found = NULL;
  Syntax syntax = shell_find_syntax (text, &found);
  gboolean is_service = g_str_equal (option_name, "--service");

  if (syntax == SYNTAX_NONE)
    return TRUE;

  if (is_service && syntax == SYNTAX_VARIABLE)
    return mk_tool_options_fail (
        error,
        _ ("%s '%s': no shell runs this command. To set a variable use --env %s, or write %s 'sh -c \"…\"'"),
        option_name,
        text,
        found,
        option_name);
  if (is_service && syntax == SYNTAX_DIRECTORY)
    return mk_tool_options_fail (
        error,
        _ ("%s '%s': no shell runs this command. To set its directory use --cwd, or write %s 'sh -c \"…\"'"),
        option_name,
        text,
        option_name);

  return mk_tool_options_fail (
      error,
      _ ("%s '%s': no shell runs this command, and '%s' is for a shell. Write %s 'sh -c \"…\"', or quote "
         "what the command must receive unchanged"),
      option_name,
      text,
      found,
      option_name);
}

/* Returns: (nullable): what to say where @program, the first word of COMMAND, was not found */
const char *
mk_tool_shell_get_hint (const char *program)
{
  g_autofree char *found = NULL;

  if (shell_find_syntax (program, &found) == SYNTAX_NONE && strpbrk (program, " \t\n") == NULL)
    return NULL;

  return _ ("No shell runs COMMAND, and each word is one argument: write sh -c '…' for a shell, and env "
            "NAME=VALUE … to set a variable");
}
