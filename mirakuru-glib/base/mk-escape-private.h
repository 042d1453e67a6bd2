/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MK_ESCAPE 0x1b

typedef enum
{
  MK_ESCAPE_NONE,
  MK_ESCAPE_BEGUN,
  MK_ESCAPE_INTERMEDIATE,
  MK_ESCAPE_PARAMETERS,
  MK_ESCAPE_STRING,
  MK_ESCAPE_STRING_ESCAPE,
} MkEscapeState;

/* Where in an escape sequence a text has come to; { 0 } at its beginning. */
typedef struct
{
  MkEscapeState state;
} MkEscapeFilter;

gboolean mk_escape_filter_skip (MkEscapeFilter *self, guint8 byte);

G_END_DECLS
