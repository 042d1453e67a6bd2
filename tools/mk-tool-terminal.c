/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The terminal that standard error may be. */

#include "mk-tool-terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mk-tool-signals.h"

gboolean
mk_tool_terminal_is_there (void)
{
  return isatty (STDERR_FILENO);
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

/* In one piece if it is short, so that it is not mixed with what others write. There is nowhere to
 * report an error to.
 *
 * Whoever reads may be slow, or have stopped reading, but a signal has to be handled nevertheless:
 * then what cannot be written now is dropped. */
void
mk_tool_terminal_write (const GString *text)
{
  static gboolean is_stalled = FALSE;
  gsize written = 0;

  while (written < text->len)
    {
      struct pollfd fds[] = { { .fd = STDERR_FILENO, .events = POLLOUT },
                              { .fd = mk_tool_signals_get_fd (), .events = POLLIN } };
      gssize n = -1;

      if (poll (fds, G_N_ELEMENTS (fds), is_stalled ? 0 : -1) < 0 && errno != EINTR)
        return;
      if (fds[0].revents != 0)
        n = write (STDERR_FILENO, text->str + written, MIN (text->len - written, PIPE_BUF));
      else if (fds[1].revents != 0 || is_stalled)
        {
          is_stalled = TRUE;
          return;
        }

      if (n > 0)
        {
          written += n;
          is_stalled = FALSE;
        }
      else if (fds[0].revents != 0 && errno != EINTR && errno != EAGAIN)
        return;
    }
}
