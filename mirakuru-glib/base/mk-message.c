/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words that messages are made of, and text of others made fit for them.
 */

#include "mk-message-private.h"

#include <signal.h>
#include <string.h>

#include "mk-i18n-private.h"

#define MAX_SHOWN 200

/* As many characters of a command are shown at most. */
#define COMMAND_LENGTH 80

/* A word with one of these is quoted. */
#define SPECIAL " \t\n'\"\\$`*?;&|<>()[]{}#~!"

/* "12 ms", "2.5 s" */
char *
mk_message_duration (gint64 duration_us)
{
  if (duration_us < 95 * G_TIME_SPAN_MILLISECOND)
    /* Translators: a duration in milliseconds */
    return g_strdup_printf (_ ("%d ms"), (int) ((duration_us + 500) / G_TIME_SPAN_MILLISECOND));

  /* Translators: a duration in seconds */
  return g_strdup_printf (_ ("%.1f s"), (double) duration_us / G_TIME_SPAN_SECOND);
}

/* @status: 0..255, or −signal. "exited with status 1", "was ended by signal 9 (Killed)" */
char *
mk_message_status (int status)
{
  if (status < 0)
    /* Translators: what happened to a process; its name stands before this. The number of a signal, what it
     * means */
    return g_strdup_printf (_ ("was ended by signal %d (%s)"), -status, g_strsignal (-status));

  /* Translators: what happened to a process; its name stands before this */
  return g_strdup_printf (_ ("exited with status %d"), status);
}

/* "SIGTERM"; where a signal has no name, its number */
char *
mk_message_signal_name (int number)
{
  const char *name = sigabbrev_np (number);

  return name ? g_strconcat ("SIG", name, NULL)
              /* Translators: the number of a signal */
              : g_strdup_printf (_ ("signal %d"), number);
}

/*
 * What an attempt found last, as it stands inside of a sentence: other libraries may end it in a full stop.
 *
 * @last_seen: (nullable)
 *
 * Returns: (nullable): NULL if nothing was seen
 */
char *
mk_message_seen (const char *last_seen)
{
  char *seen = last_seen && *last_seen ? g_strdup (last_seen) : NULL;

  if (seen != NULL && g_str_has_suffix (seen, ".") && !g_str_has_suffix (seen, ".."))
    seen[strlen (seen) - 1] = '\0';

  return seen;
}

/* What was not written by this library, fit for a message: valid, on one line, and not long. */
char *
mk_message_shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);
  const char *c = valid;

  for (guint i = 0; *c != '\0' && i < MAX_SHOWN; c = g_utf8_next_char (c), i++)
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      g_string_append_printf (shown, "\\x%02x", g_utf8_get_char (c));
    else
      g_string_append_unichar (shown, g_utf8_get_char (c));

  if (*c != '\0')
    g_string_append (shown, "…");
  return g_string_free (shown, FALSE);
}

/* Returns: what follows the escape sequence at @text, which points to its ESC */
static const char *
message_skip_escape_sequence (const char *text)
{
  const char *c = text + 1;

  if (*c == '[') /* CSI: parameters, then one final byte */
    {
      for (c++; *c >= 0x20 && *c <= 0x3f; c++)
        ;
      return *c >= 0x40 && *c <= 0x7e ? c + 1 : c;
    }
  if (*c != '\0' && strchr ("]P^_X", *c) != NULL) /* a string that ends in BEL or ESC \ */
    {
      while (*c != '\0' && *c != '\a' && *c != '\n' && !(*c == '\033' && c[1] == '\\'))
        c++;
      return *c == '\a' ? c + 1 : *c == '\033' ? c + 2 : c;
    }
  while (*c >= 0x20 && *c <= 0x2f)
    c++;
  return *c >= 0x30 && *c <= 0x7e ? c + 1 : c;
}

static void
message_remove_last_character (GString *text, gsize line)
{
  const char *end = text->str + text->len;

  if (text->len > line)
    g_string_truncate (text, (gsize) (g_utf8_prev_char (end) - text->str));
}

/*
 * Text of a service as a person would have seen it on a terminal: without escape sequences and other control
 * characters, and of a line that was written over again and again, as progress bars are, what came last.
 *
 * @text: valid UTF-8
 */
char *
mk_message_clean (const char *text)
{
  GString *clean = g_string_sized_new (strlen (text));
  gsize line = 0; /* where the line begins */
  gboolean over = FALSE;

  for (const char *c = text; *c != '\0';)
    {
      gunichar character = g_utf8_get_char (c);

      if (character == '\033')
        {
          c = message_skip_escape_sequence (c);
          continue;
        }

      c = g_utf8_next_char (c);
      if (character == '\r')
        over = TRUE;
      else if (character == '\b')
        message_remove_last_character (clean, line);
      else if (character == '\n')
        {
          g_string_append_c (clean, '\n');
          line = clean->len;
          over = FALSE;
        }
      else if (character == '\t' || !g_unichar_iscntrl (character))
        {
          if (over)
            g_string_truncate (clean, line);
          over = FALSE;
          g_string_append_unichar (clean, character);
        }
    }

  return g_string_free (clean, FALSE);
}

/*
 * A whole path: a relative one belongs to another directory than the service's "cwd".
 *
 * @path: (nullable)
 */
char *
mk_message_path (const char *path)
{
  g_autofree char *whole = path && *path ? g_canonicalize_filename (path, NULL) : NULL;

  if (path == NULL)
    return g_strdup (_ ("(no path)"));

  return g_filename_display_name (whole ? whole : path);
}

/* The command as one would type it, shortened. */
char *
mk_message_command (const char *const *argv)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *valid = NULL;
  g_autofree char *begin = NULL;

  for (const char *const *word = argv; word != NULL && *word != NULL; word++)
    {
      g_autofree char *quoted =
          **word == '\0' || strpbrk (*word, SPECIAL) != NULL ? g_shell_quote (*word) : g_strdup (*word);

      g_string_append_printf (line, "%s%s", line->len ? " " : "", quoted);
    }

  valid = g_utf8_make_valid (line->str, (gssize) line->len);
  if (g_utf8_strlen (valid, -1) <= COMMAND_LENGTH)
    return g_steal_pointer (&valid);

  begin = g_utf8_substring (valid, 0, COMMAND_LENGTH - 1);
  return g_strconcat (begin, "…", NULL);
}

/* @listener: (nullable): a process */
char *
mk_message_taken (const char *address, const char *listener)
{
  if (listener == NULL)
    return g_strdup_printf (
        _ ("%s already accepts connections. Stop what is listening there, or use another port"), address);

  return g_strdup_printf (
      _ ("%s already accepts connections: %s is listening there. Stop it, or use another port"),
      address,
      listener);
}
