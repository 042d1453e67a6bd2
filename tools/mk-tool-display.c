/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What mirakuru prints about its work, all of it on standard error.
 *
 * On a terminal there is a block of live lines, one for each service that is being started
 * or stopped. It is redrawn ten times a second, and everything else is printed above it.
 * Once nothing is waited for it stays where it is, and the terminal is COMMAND's; the next
 * wait begins a new block. Elsewhere each line is printed once, when it is final. */

#include "mk-tool-display.h"

#include <string.h>

#include "mk-tool-terminal.h"
#include "mk-tool.h"

#define REDRAW_INTERVAL 100 /* milliseconds */

typedef enum
{
  LINE_HIDDEN,
  LINE_WAITING,
  LINE_DONE,
  LINE_FAILED,
} LineState;

typedef struct
{
  char *name; /* (owned) */
  char *text; /* (owned) (nullable) */
  LineState state;
  gint64 since;
} Line;

struct _MkToolDisplay
{
  GPtrArray *lines; /* (owned) (element-type Line) */
  GString *out;     /* (owned): what the next flush writes */
  gboolean quiet;
  gboolean is_terminal;
  gboolean can_redraw;
  gboolean has_colour;
  gboolean is_utf8;
  guint n_drawn; /* lines of the block that are on the screen */
  guint frame;
  guint timer;
};

/* ---- the terminal ---- */

/* Whether lines already printed can be drawn over. */
static gboolean
terminal_can_redraw (void)
{
  const char *term = g_getenv ("TERM");

  return mk_tool_terminal_is_there () && term != NULL && *term != '\0' && !g_str_equal (term, "dumb");
}

static gboolean
terminal_has_colour (void)
{
  const char *no_colour = g_getenv ("NO_COLOR");

  return terminal_can_redraw () && (no_colour == NULL || *no_colour == '\0');
}

/* Appends what of @text fits into @columns: a line that wraps could not be drawn over. */
static void
terminal_append_line (GString *out, const char *text, guint columns)
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

/* ---- the display ---- */

static void
display_line_free (Line *line)
{
  g_free (line->name);
  g_free (line->text);
  g_free (line);
}

MkToolDisplay *
mk_tool_display_new (gboolean quiet)
{
  MkToolDisplay *self = g_new0 (MkToolDisplay, 1);

  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) display_line_free);
  self->out = g_string_new (NULL);
  self->quiet = quiet;
  self->is_terminal = terminal_can_redraw ();
  self->can_redraw = self->is_terminal;
  self->has_colour = terminal_has_colour ();
  self->is_utf8 = g_get_charset (NULL);

  return self;
}

void
mk_tool_display_free (MkToolDisplay *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_ptr_array_unref (self->lines);
  g_string_free (self->out, TRUE);
  g_free (self);
}

static void
display_append_coloured (MkToolDisplay *self, const char *colour, const char *text)
{
  if (self->has_colour)
    g_string_append_printf (self->out, "\033[%sm%s\033[m", colour, text);
  else
    g_string_append (self->out, text);
}

static void
display_append_mark (MkToolDisplay *self, LineState state)
{
  static const char *const dots[] = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" };
  static const char *const bars[] = { "|", "/", "-", "\\" };

  if (state == LINE_DONE)
    display_append_coloured (self, "32", self->is_utf8 ? "✔" : "+");
  else if (state == LINE_FAILED)
    display_append_coloured (self, "31", self->is_utf8 ? "✘" : "x");
  else if (self->is_utf8)
    display_append_coloured (self, "36", dots[self->frame % G_N_ELEMENTS (dots)]);
  else
    display_append_coloured (self, "36", bars[self->frame % G_N_ELEMENTS (bars)]);
}

static void
display_append_line (MkToolDisplay *self, const Line *line, guint columns)
{
  g_autofree char *text = NULL;

  if (line->state == LINE_WAITING)
    /* Translators: a service, how long it has been waited for, “waiting for …” or “stopping” */
    text = g_strdup_printf (_ ("%s: %.1f s, %s"),
                            line->name,
                            (g_get_monotonic_time () - line->since) / (double) G_USEC_PER_SEC,
                            line->text);
  else
    text = g_strdup_printf ("%s: %s", line->name, line->text);

  display_append_mark (self, line->state);
  g_string_append_c (self->out, ' ');
  /* The mark, the space, and the last column, where some terminals wrap already. */
  terminal_append_line (self->out, text, MAX (columns, 4) - 3);
  g_string_append (self->out, "\033[K\n");
}

static void
display_go_to_block (MkToolDisplay *self)
{
  if (self->n_drawn > 0)
    g_string_append_printf (self->out, "\r\033[%uA", self->n_drawn);
}

static void
display_append_block (MkToolDisplay *self)
{
  guint rows;
  guint columns;

  mk_tool_terminal_get_size (&rows, &columns);
  self->n_drawn = 0;

  for (guint i = 0; i < self->lines->len && self->n_drawn + 1 < rows; i++)
    {
      const Line *line = g_ptr_array_index (self->lines, i);

      if (line->state == LINE_HIDDEN)
        continue;
      display_append_line (self, line, columns);
      self->n_drawn++;
    }

  if (self->n_drawn > 0)
    g_string_append (self->out, "\033[J");
}

static void
display_flush (MkToolDisplay *self)
{
  mk_tool_terminal_write (self->out);
  g_string_truncate (self->out, 0);
}

static gboolean
display_is_waiting (MkToolDisplay *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    if (((const Line *) g_ptr_array_index (self->lines, i))->state == LINE_WAITING)
      return TRUE;

  return FALSE;
}

static void
display_redraw (MkToolDisplay *self)
{
  display_go_to_block (self);
  display_append_block (self);
  display_flush (self);
}

static gboolean
display_on_redraw (gpointer user_data)
{
  MkToolDisplay *self = user_data;

  self->frame++;
  display_redraw (self);
  return G_SOURCE_CONTINUE;
}

/* Leaves the block where it is. */
static void
display_end_block (MkToolDisplay *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  self->n_drawn = 0;

  for (guint i = 0; i < self->lines->len; i++)
    ((Line *) g_ptr_array_index (self->lines, i))->state = LINE_HIDDEN;
}

static void
display_set_line (MkToolDisplay *self, guint index, LineState state, const char *text)
{
  Line *line = g_ptr_array_index (self->lines, index);

  g_free (line->text);
  line->text = mk_tool_dup_plain (text);
  line->state = state;

  if (self->quiet || !self->can_redraw)
    return;

  display_redraw (self);
  if (!display_is_waiting (self))
    display_end_block (self);
  else if (self->timer == 0)
    self->timer = g_timeout_add (REDRAW_INTERVAL, display_on_redraw, self);
}

/* What is appended between these two stands above the block. */
static void
display_begin_text (MkToolDisplay *self)
{
  display_go_to_block (self);
  if (self->n_drawn > 0)
    g_string_append (self->out, "\033[J");
}

static void
display_end_text (MkToolDisplay *self)
{
  g_string_append_c (self->out, '\n');
  if (self->n_drawn > 0)
    display_append_block (self);
  display_flush (self);
}

/* Adds a line for @name, which is not shown until it is waited for, and returns its number. */
guint
mk_tool_display_add (MkToolDisplay *self, const char *name)
{
  Line *line = g_new0 (Line, 1);
  guint rows;
  guint columns;

  line->name = mk_tool_dup_clean (name, FALSE);
  g_ptr_array_add (self->lines, line);

  /* The cursor cannot go back to a line that has left the screen. */
  mk_tool_terminal_get_size (&rows, &columns);
  if (self->lines->len >= rows)
    self->can_redraw = FALSE;

  return self->lines->len - 1;
}

void
mk_tool_display_wait (MkToolDisplay *self, guint line, const char *text)
{
  ((Line *) g_ptr_array_index (self->lines, line))->since = g_get_monotonic_time ();
  display_set_line (self, line, LINE_WAITING, text);
}

/* Whether there are lines that change. */
gboolean
mk_tool_display_is_live (MkToolDisplay *self)
{
  return self->can_redraw;
}

/* Says something else of what goes on to be waited for. */
void
mk_tool_display_change (MkToolDisplay *self, guint line, const char *text)
{
  if (self->can_redraw)
    display_set_line (self, line, LINE_WAITING, text);
}

/* Seconds since the line began to wait. */
double
mk_tool_display_get_elapsed (MkToolDisplay *self, guint line)
{
  gint64 since = ((const Line *) g_ptr_array_index (self->lines, line))->since;

  return (g_get_monotonic_time () - since) / (double) G_USEC_PER_SEC;
}

void
mk_tool_display_done (MkToolDisplay *self, guint line, const char *text)
{
  const char *name = ((const Line *) g_ptr_array_index (self->lines, line))->name;

  if (self->can_redraw)
    display_set_line (self, line, LINE_DONE, text);
  else if (!self->quiet)
    {
      g_autofree char *plain = mk_tool_dup_plain (text);

      g_string_append_printf (self->out, "mirakuru: %s: %s\n", name, plain);
      display_flush (self);
    }
}

/* @text is for the live line, if there is one now; @message says what went wrong. */
void
mk_tool_display_failed (MkToolDisplay *self, guint line, const char *text, const char *message)
{
  const Line *shown = g_ptr_array_index (self->lines, line);

  if (shown->state != LINE_HIDDEN)
    display_set_line (self, line, LINE_FAILED, text);
  mk_tool_display_error (self, shown->name, message);
}

/* One line that the service of @line printed. */
void
mk_tool_display_output (MkToolDisplay *self, guint line, const char *text)
{
  static const char *const colours[] = { "36", "33", "35", "34", "32" };
  g_autofree char *clean = mk_tool_dup_clean (text, self->has_colour);
  g_autofree char *prefix =
      g_strdup_printf ("%s | ", ((const Line *) g_ptr_array_index (self->lines, line))->name);

  display_begin_text (self);
  display_append_coloured (self, colours[line % G_N_ELEMENTS (colours)], prefix);
  g_string_append (self->out, clean);
  display_end_text (self);
}

void
mk_tool_display_message (MkToolDisplay *self, const char *message)
{
  g_autofree char *plain = NULL;

  if (self->quiet)
    return;

  plain = mk_tool_dup_plain (message);
  display_begin_text (self);
  g_string_append_printf (self->out, "mirakuru: %s", plain);
  display_end_text (self);
}

/* Whether @message begins with @name. In some languages a word stands before: “Usługa redis (PID 7) …”. */
static gboolean
display_begins_with_name (const char *message, const char *name)
{
  const char *second = strchr (message, ' ');
  const char *third = second != NULL ? strchr (second + 1, ' ') : NULL;

  return g_str_has_prefix (message, name) ||
         (third != NULL && g_str_has_prefix (second + 1, name) && g_str_has_prefix (third, " ("));
}

/* @name, where there is one, is who @message is about. The messages of the library begin
 * with the name of the program, which often is the same. Those of GLib are not always UTF-8. */
void
mk_tool_display_error (MkToolDisplay *self, const char *name, const char *message)
{
  g_autofree char *plain = mk_tool_dup_plain (message);

  display_begin_text (self);
  display_append_coloured (self, "31", "mirakuru:");
  g_string_append_c (self->out, ' ');
  if (name != NULL && !display_begins_with_name (plain, name))
    g_string_append_printf (self->out, "%s: ", name);
  g_string_append (self->out, plain);
  display_end_text (self);
}
