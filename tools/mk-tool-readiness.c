/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options that say what is waited for, as `--tcp HOST:PORT`, and the probes they stand
 * for. A further kind is one more row of the table. */

#include "mk-tool-readiness.h"

#include <string.h>

#include "mk-tool-i18n.h"

typedef struct
{
  const char *name;
  const char *placeholder;
  const char *help;
  MkProbe *(*parse) (const char *value, GError **error);
} Kind;

static gboolean
parse_port (const char *value, const char *text, guint *port, GError **error)
{
  guint64 number = 0;

  if (*text == '\0' || !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("'%s' is not HOST:PORT: the port must be a number from 1 to 65535"),
                   value);
      return FALSE;
    }

  *port = number;
  return TRUE;
}

/* Takes the host off @value, NULL where there is none, and returns where the port begins. */
static const char *
split_host (const char *value, char **host, GError **error)
{
  const char *colon = strrchr (value, ':');

  if (*value == '[')
    {
      if (colon == NULL || colon[-1] != ']')
        {
          g_set_error (
              error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("'%s' is not [ADDRESS]:PORT"), value);
          return NULL;
        }
      *host = g_strndup (value + 1, colon - value - 2);
      return colon + 1;
    }

  if (colon != strchr (value, ':'))
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("'%s' is not HOST:PORT: an IPv6 address stands in brackets, as in [::1]:6379"),
                   value);
      return NULL;
    }

  if (colon == NULL)
    return value;

  *host = g_strndup (value, colon - value);
  return colon + 1;
}

static MkProbe *
parse_tcp (const char *value, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text = split_host (value, &host, error);
  guint port = 0;

  if (port_text == NULL || !parse_port (value, port_text, &port, error))
    return NULL;

  if (host != NULL && (strpbrk (host, " \t/[]@") != NULL || !g_utf8_validate (host, -1, NULL)))
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("'%s' is not HOST:PORT: '%s' is no host name"),
                   value,
                   host);
      return NULL;
    }

  return MK_PROBE (mk_tcp_probe_new (host == NULL || *host == '\0' ? "localhost" : host, port));
}

static const Kind kinds[] = {
  { "tcp", N_ ("HOST:PORT"), N_ ("Ready when this port accepts connections"), parse_tcp },
};

/* Adds the option of each kind to @group; @func is called with its name and value. */
void
mk_tool_readiness_add_options (GOptionGroup *group, GOptionArgFunc func)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const GOptionEntry entries[] = {
        { kinds[i].name,
          0,
          G_OPTION_FLAG_FILENAME,
          G_OPTION_ARG_CALLBACK,
          func,
          kinds[i].help,
          kinds[i].placeholder },
        G_OPTION_ENTRY_NULL,
      };

      g_option_group_add_entries (group, entries);
    }
}

MkProbe *
mk_tool_readiness_parse (const char *option_name, const char *value, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (option_name + strlen ("--"), kinds[i].name))
      return kinds[i].parse (value, error);

  g_assert_not_reached ();
}
