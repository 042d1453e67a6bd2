/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The escape sequences of terminals (ECMA-48): colours, movements of the cursor, titles.
 */

#include "mk-escape-private.h"

#include <string.h>

static gboolean
escape_filter_begin (MkEscapeFilter *self, guint8 byte)
{
  self->state = byte == MK_ESCAPE ? MK_ESCAPE_BEGUN : MK_ESCAPE_NONE;
  return byte == MK_ESCAPE;
}

/* Behind ESC. */
static gboolean
escape_filter_continue (MkEscapeFilter *self, guint8 byte)
{
  if (byte == '[')
    self->state = MK_ESCAPE_PARAMETERS;
  else if (byte != '\0' && strchr ("]P^_X", byte) != NULL)
    self->state = MK_ESCAPE_STRING;
  else if (byte >= 0x20 && byte <= 0x2f)
    self->state = MK_ESCAPE_INTERMEDIATE;
  else if (byte >= 0x30 && byte <= 0x7e)
    self->state = MK_ESCAPE_NONE;
  else
    return escape_filter_begin (self, byte);

  return TRUE;
}

/* To be called with each byte of a text. Returns: whether @byte is part of an escape sequence */
gboolean
mk_escape_filter_skip (MkEscapeFilter *self, guint8 byte)
{
  guint8 first = self->state == MK_ESCAPE_PARAMETERS ? 0x40 : 0x30;

  switch (self->state)
    {
    case MK_ESCAPE_BEGUN:
      return escape_filter_continue (self, byte);

    case MK_ESCAPE_INTERMEDIATE:
    case MK_ESCAPE_PARAMETERS:
      if (byte < 0x20 || byte > 0x7e)
        return escape_filter_begin (self, byte);
      if (byte >= first)
        self->state = MK_ESCAPE_NONE;
      return TRUE;

    case MK_ESCAPE_STRING:
      /* One that does not end takes no more than its line. */
      if (byte == MK_ESCAPE)
        self->state = MK_ESCAPE_STRING_ESCAPE;
      else if (byte == '\a' || byte == '\n')
        self->state = MK_ESCAPE_NONE;
      return byte != '\n';

    case MK_ESCAPE_STRING_ESCAPE:
      if (byte != '\\')
        return escape_filter_continue (self, byte);
      self->state = MK_ESCAPE_NONE;
      return TRUE;

    case MK_ESCAPE_NONE:
    default:
      return escape_filter_begin (self, byte);
    }
}
