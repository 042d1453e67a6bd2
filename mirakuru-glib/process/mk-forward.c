/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Forwards, written as ssh -L has them. What they do is up to the back end. */

#include "mk-forward-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

void
mk_forward_free (MkForward *self)
{
  g_free (self->near_path);
  g_free (self->target);
  g_free (self);
}

static gboolean
forward_parse_port (const char *text, guint *port)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;

  *port = (guint) number;
  return TRUE;
}

/* The colons in brackets belong to an address of IPv6. */
static const char *
forward_find_colon (const char *text)
{
  gboolean is_inside = FALSE;

  for (; *text != '\0'; text++)
    {
      is_inside = *text == '[' || (is_inside && *text != ']');
      if (*text == ':' && !is_inside)
        return text;
    }

  return NULL;
}

static gboolean
forward_is_target (const char *target)
{
  const char *colon = forward_find_colon (target);
  guint port;

  if (*target == '/')
    return TRUE;
  return colon == NULL ? forward_parse_port (target, &port)
                       : colon > target && forward_parse_port (colon + 1, &port);
}

/* @text: "6379", "16379:6379", "16379:db:5432"; a path may stand in the place of a port, or of a host and a
 * port
 */
MkForward *
mk_forward_parse (const char *text, GError **error)
{
  g_autoptr (MkForward) self = g_new0 (MkForward, 1);
  const char *colon = forward_find_colon (text);
  g_autofree char *near = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
  g_autofree char *shown = NULL;

  self->target = g_strdup (colon != NULL ? colon + 1 : near);
  if (*near == '/')
    self->near_path = g_strdup (near);
  self->is_same = g_str_equal (near, self->target);
  if ((*near == '/' || forward_parse_port (near, &self->near_port)) && forward_is_target (self->target))
    return g_steal_pointer (&self);

  shown = mk_message_shown (text);
  g_set_error (
      error,
      MK_ERROR,
      MK_ERROR_INVALID_ARGUMENT,
      _ ("“%s” is not a forward: write PORT, NEAR-PORT:FAR-PORT or NEAR-PORT:HOST:FAR-PORT, with ports "
         "from 1 to 65535, or the paths of sockets"),
      shown);
  return NULL;
}
