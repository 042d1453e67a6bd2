/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows only: see the headers. */

#include "mk-platform-private.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <string.h>
#include <windows.h>

#include "mk-descriptor-private.h"
#include "mk-error.h"
#include "mk-i18n-private.h"
#include "mk-remove-private.h"

/* Deeper than any path is */
#define MAX_DEPTH 256

/* There is no fork on Windows. */
void
mk_platform_on_fork (void (*before) (void), void (*in_parent) (void), void (*in_child) (void))
{
}

GThread *
mk_platform_new_thread (const char *name, GThreadFunc func, gpointer data, GError **error)
{
  return g_thread_try_new (name, func, data, error);
}

const char *
mk_platform_get_variable (const char *name)
{
  return g_getenv (name);
}

/* Those of C, and the one that the library knows for a process that was terminated */
static const struct
{
  const char *name;
  int number;
} signals[] = {
  { "INT", SIGINT },   { "ILL", SIGILL },   { "FPE", SIGFPE },     { "KILL", SIGKILL },
  { "SEGV", SIGSEGV }, { "TERM", SIGTERM }, { "BREAK", SIGBREAK }, { "ABRT", SIGABRT },
};

const char *
mk_platform_get_signal_name (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == number)
      return signals[i].name;

  return NULL;
}

/* @name: a signal such as "INT", "SIGINT" or "2" */
gboolean
mk_platform_find_signal (const char *name, int *number)
{
  const char *short_name = g_ascii_strncasecmp (name, "SIG", 3) == 0 ? name + 3 : name;
  guint64 parsed = 0;

  if (g_ascii_string_to_unsigned (name, 10, 1, NSIG - 1, &parsed, NULL))
    {
      *number = (int) parsed;
      return TRUE;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (g_ascii_strcasecmp (short_name, signals[i].name) == 0)
      {
        *number = signals[i].number;
        return TRUE;
      }

  return FALSE;
}

/* Returns: @text after the next word, which is appended to @word; backslashes stand for themselves but before
 * a quote, as in CommandLineToArgvW() */
static const char *
platform_take_word (const char *text, GString *word, gboolean *is_open)
{
  *is_open = FALSE;
  for (; *text != '\0' && (*is_open || !g_ascii_isspace (*text)); text++)
    {
      gsize n = strspn (text, "\\");

      if (text[n] == '"')
        {
          for (gsize i = 0; i < n / 2; i++)
            g_string_append_c (word, '\\');
          text += n;
          if (n % 2 == 1)
            g_string_append_c (word, '"');
          else
            *is_open = !*is_open;
        }
      else if (n > 0)
        {
          g_string_append_len (word, text, (gssize) n);
          text += n - 1;
        }
      else
        g_string_append_c (word, *text);
    }

  return text;
}

/*
 * As programs of Windows take it: a backslash separates directories, and only the double quote quotes.
 *
 * @argv: (out) (transfer full)
 */
gboolean
mk_platform_parse_command (const char *command, char ***argv, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint n_words = 0;

  while (TRUE)
    {
      g_autoptr (GString) word = g_string_new (NULL);
      gboolean is_open;

      while (g_ascii_isspace (*command))
        command++;
      if (*command == '\0')
        break;

      command = platform_take_word (command, word, &is_open);
      if (is_open)
        {
          g_set_error_literal (
              error, G_SHELL_ERROR, G_SHELL_ERROR_BAD_QUOTING, _ ("A double quote is not closed"));
          return FALSE;
        }
      g_strv_builder_add (builder, word->str);
      n_words++;
    }

  if (n_words == 0)
    {
      g_set_error_literal (error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING, _ ("It contains no words"));
      return FALSE;
    }
  *argv = g_strv_builder_end (builder);
  return TRUE;
}

/* Templates list directories of Unix only. */
char **
mk_platform_find_directories (const char *pattern)
{
  return g_new0 (char *, 1);
}

/* Only whole seconds are known. */
gint64
mk_platform_get_change_time (const GStatBuf *status)
{
  return status->st_mtime * G_TIME_SPAN_SECOND;
}

gint64
mk_platform_get_time_grain (void)
{
  return G_TIME_SPAN_SECOND;
}

/* ---- descriptors ---- */

char *
mk_descriptor_explain (int error_number)
{
  /* The C library has no words for it. */
  return g_strdup (error_number == ECONNREFUSED ? _ ("Connection refused") : g_strerror (error_number));
}

/* There is no limit that a program would reach. */
gboolean
mk_descriptor_check (GError **error)
{
  return TRUE;
}

int
mk_descriptor_dup (int fd)
{
  return _dup (fd);
}

void
mk_descriptor_set_blocking (int fd)
{
  u_long no = 0;

  ioctlsocket ((SOCKET) fd, (long) FIONBIO, &no);
}

int
mk_descriptor_open_for_reading (const char *path)
{
  return g_open (path, O_RDONLY | O_BINARY | O_NOINHERIT, 0);
}

/* ---- removal ---- */

static void
remove_tree (const char *path, int depth)
{
  g_autofree wchar_t *wide = g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  DWORD attributes = wide != NULL ? GetFileAttributesW (wide) : INVALID_FILE_ATTRIBUTES;
  g_autoptr (GDir) directory = NULL;
  const char *name;

  if (attributes == INVALID_FILE_ATTRIBUTES)
    return;
  if (attributes & FILE_ATTRIBUTE_READONLY)
    SetFileAttributesW (wide, attributes & ~(DWORD) FILE_ATTRIBUTE_READONLY);
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
    {
      DeleteFileW (wide);
      return;
    }

  /* A link is removed, and what it leads to stays. */
  if (!(attributes & FILE_ATTRIBUTE_REPARSE_POINT) && depth < MAX_DEPTH)
    directory = g_dir_open (path, 0, NULL);
  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child, depth + 1);
    }
  RemoveDirectoryW (wide);
}

void
mk_remove_tree (const char *path)
{
  remove_tree (path, 0);
}
