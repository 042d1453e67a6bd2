/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to know about the terminal that standard error is, or is not. */

#include "mk-tool-terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Whether lines already printed can be drawn over. */
gboolean
mk_tool_terminal_can_redraw (void)
{
  const char *term = g_getenv ("TERM");

  return isatty (STDERR_FILENO) && term != NULL && *term != '\0' && !g_str_equal (term, "dumb");
}

gboolean
mk_tool_terminal_has_colour (void)
{
  const char *no_colour = g_getenv ("NO_COLOR");

  return mk_tool_terminal_can_redraw () && (no_colour == NULL || *no_colour == '\0');
}

/* Whether Ctrl-C goes to this process and to all others of its process group. */
gboolean
mk_tool_terminal_owns_interrupt (void)
{
  int terminal = open ("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  gboolean in_foreground;

  if (terminal < 0)
    return FALSE;

  in_foreground = tcgetpgrp (terminal) == getpgrp ();
  close (terminal);
  return in_foreground;
}

void
mk_tool_terminal_get_size (guint *rows, guint *columns)
{
  struct winsize size = { 0 };

  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    {
      size.ws_row = 24;
      size.ws_col = 80;
    }

  *rows = size.ws_row;
  *columns = size.ws_col;
}

/* In one piece, so that it is not mixed with what others write. Nobody could be told of an
 * error. */
void
mk_tool_terminal_write (const GString *text)
{
  gsize written = 0;

  while (written < text->len)
    {
      gssize n = write (STDERR_FILENO, text->str + written, text->len - written);

      if (n > 0)
        written += n;
      else if (n < 0 && errno == EAGAIN)
        poll (&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, 1000);
      else if (n < 0 && errno != EINTR)
        return;
    }
}

/* Appends what of @text fits into @columns: a line that wraps could not be drawn over. */
void
mk_tool_terminal_append_line (GString *out, const char *text, guint columns)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  guint used = 0;

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      used += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
      if (used > columns)
        return;
      g_string_append_unichar (out, g_unichar_iscntrl (c) ? ' ' : c);
    }
}

/* The length of the escape sequence for colour that @text begins with, or 0. */
static gsize
get_colour_length (const char *text)
{
  gsize length;

  if (!g_str_has_prefix (text, "\033["))
    return 0;

  length = 2 + strspn (text + 2, "0123456789;");
  return text[length] == 'm' ? length + 1 : 0;
}

/* Appends a line of another program's output. Its colours are kept; whatever else could move
 * the cursor is not. */
void
mk_tool_terminal_append_foreign (GString *out, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  gboolean coloured = FALSE;

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gsize colour_length = get_colour_length (p);
      gunichar c = g_utf8_get_char (p);

      if (colour_length > 0)
        {
          g_string_append_len (out, p, colour_length);
          p += colour_length - 1;
          coloured = TRUE;
        }
      else if (c == '\t' || !g_unichar_iscntrl (c))
        g_string_append_unichar (out, c);
    }

  if (coloured)
    g_string_append (out, "\033[m");
}
