/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words that messages are made of, and text of others made fit for them.
 */

#include "mk-message-private.h"

#include <string.h>

#include "mk-escape-private.h"
#include "mk-i18n-private.h"
#include "mk-platform-private.h"

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
  const char *name = mk_platform_get_signal_name (number);

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

/* Characters that change how others look, or how a terminal behaves. */
static gboolean
message_is_control (gunichar character)
{
  return g_unichar_iscntrl (character) || character == 0x061c ||
         (character >= 0x200e && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069);
}

static char *
message_shorten (const char *text, guint max_length)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);
  const char *c = valid;

  for (guint i = 0; *c != '\0' && i < max_length; c = g_utf8_next_char (c), i++)
    if (message_is_control (g_utf8_get_char (c)))
      g_string_append_printf (shown, "\\x%02x", g_utf8_get_char (c));
    else
      g_string_append_unichar (shown, g_utf8_get_char (c));

  if (*c != '\0')
    g_string_append (shown, "…");
  return g_string_free (shown, FALSE);
}

/* What was not written by this library, fit for a message: valid, on one line, and not long. */
char *
mk_message_shown (const char *text)
{
  return message_shorten (text, MAX_SHOWN);
}

/* The name of a file, or of a program: as mk_message_shown(), but whole. */
char *
mk_message_filename (const char *filename)
{
  g_autofree char *name = g_filename_display_name (filename);

  return message_shorten (name, G_MAXUINT);
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
 * @text: any bytes; what is not valid UTF-8 is replaced
 */
char *
mk_message_clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *clean = g_string_sized_new (strlen (valid));
  gsize line = 0; /* where the line begins */
  gboolean over = FALSE;
  MkEscapeFilter filter = { 0 };

  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      if (mk_escape_filter_skip (&filter, (guint8) *c))
        continue;

      /* Short for ESC and a letter. */
      if (character >= 0x80 && character <= 0x9f)
        {
          mk_escape_filter_skip (&filter, MK_ESCAPE);
          mk_escape_filter_skip (&filter, (guint8) (character - 0x40));
        }
      else if (character == '\r')
        over = TRUE;
      else if (character == '\b')
        message_remove_last_character (clean, line);
      else if (character == '\n')
        {
          g_string_append_c (clean, '\n');
          line = clean->len;
          over = FALSE;
        }
      else if (character == '\t' || !message_is_control (character))
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

  return mk_message_filename (whole ? whole : path);
}

/* The command as one would type it, shortened. */
char *
mk_message_command (const char *const *argv)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (const char *const *word = argv; word != NULL && *word != NULL; word++)
    {
      g_autofree char *quoted =
          **word == '\0' || strpbrk (*word, SPECIAL) != NULL ? g_shell_quote (*word) : g_strdup (*word);

      g_string_append_printf (line, "%s%s", line->len ? " " : "", quoted);
    }

  return message_shorten (line->str, COMMAND_LENGTH);
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
