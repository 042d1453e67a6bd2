/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options that say what to wait for, such as `--tcp HOST:PORT`, and the probes they stand
 * for. A further kind is one more row of the table. Details say more about the condition
 * before them, such as `--status CODE` about `--http URL`. */

#include "mk-tool-options.h"

#include <string.h>

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
    return mk_tool_options_fail (
        error, _ ("'%s' is not HOST:PORT: the port must be a number from 1 to 65535"), value);

  *port = number;
  return TRUE;
}

/* Takes the host off @value, NULL where there is none; @port is where the port begins. */
static gboolean
split_host (const char *value, char **host, const char **port, GError **error)
{
  const char *colon = strrchr (value, ':');

  *port = colon != NULL ? colon + 1 : value;
  if (*value == '[')
    {
      if (colon == NULL || colon[-1] != ']')
        return mk_tool_options_fail (error, _ ("'%s' is not [ADDRESS]:PORT"), value);
      *host = g_strndup (value + 1, colon - value - 2);
    }
  else if (colon != strchr (value, ':'))
    return mk_tool_options_fail (
        error, _ ("'%s' is not HOST:PORT: an IPv6 address needs brackets, as in [::1]:6379"), value);
  else if (colon != NULL)
    *host = g_strndup (value, colon - value);

  return TRUE;
}

static MkProbe *
parse_tcp (const char *value, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text;
  guint port = 0;

  if (!split_host (value, &host, &port_text, error) || !parse_port (value, port_text, &port, error))
    return NULL;

  if (host != NULL && (strpbrk (host, " \t/[]@") != NULL || !g_utf8_validate (host, -1, NULL)))
    {
      mk_tool_options_fail (error, _ ("'%s' is not HOST:PORT: '%s' is an invalid host name"), value, host);
      return NULL;
    }

  return MK_PROBE (mk_tcp_probe_new (host == NULL || *host == '\0' ? "localhost" : host, port));
}

static MkProbe *
parse_exec (const char *value, GError **error)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) local_error = NULL;

  if (!g_shell_parse_argv (value, NULL, &argv, &local_error))
    {
      mk_tool_options_fail (error, _ ("'%s' is not a command: %s"), value, local_error->message);
      return NULL;
    }

  return MK_PROBE (mk_command_probe_new ((const char *const *) argv));
}

static gboolean
require_path (const char *value, GError **error)
{
  if (*value != '\0' && !g_str_equal (value, "@"))
    return TRUE;

  return mk_tool_options_fail (error, _ ("'%s' is not a path"), value);
}

static MkProbe *
parse_unix (const char *value, GError **error)
{
  return require_path (value, error) ? MK_PROBE (mk_unix_socket_probe_new (value)) : NULL;
}

static MkProbe *
parse_file (const char *value, GError **error)
{
  return require_path (value, error) ? MK_PROBE (mk_file_probe_new (value)) : NULL;
}

static MkProbe *
parse_http (const char *value, GError **error)
{
  return MK_PROBE (mk_http_probe_new (value));
}

static void
add_header (MkHttpProbe *probe, const char *header)
{
  const char *const *before = mk_http_probe_get_headers (probe);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) headers = NULL;

  if (before != NULL)
    g_strv_builder_addv (builder, (const char **) before);
  g_strv_builder_add (builder, header);
  headers = g_strv_builder_end (builder);
  mk_http_probe_set_headers (probe, (const char *const *) headers);
}

static void
accept_any_certificate (MkHttpProbe *probe, const char *unused)
{
  mk_http_probe_set_accept_any_certificate (probe, TRUE);
}

typedef struct
{
  const char *name;
  const char *placeholder; /* (nullable): NULL if there is no value */
  const char *help;
  void (*apply) (MkHttpProbe *probe, const char *value);
} HttpDetail;

static const HttpDetail http_details[] = {
  { "status",
    N_ ("CODE"),
    /* Translators: this and the next ones continue “Ready when this URL answers” */
    N_ ("… with this status (a code or a regular expression)"),
    mk_http_probe_set_status },
  { "method", N_ ("METHOD"), N_ ("… to a request of this method (HEAD)"), mk_http_probe_set_method },
  { "header", N_ ("'NAME: VALUE'"), N_ ("… with this header in the request"), add_header },
  { "insecure", NULL, N_ ("… whatever its certificate is"), accept_any_certificate },
};

static const Kind kinds[] = {
  { "tcp", N_ ("HOST:PORT"), N_ ("Ready when this port accepts connections"), parse_tcp },
  { "http", N_ ("URL"), N_ ("Ready when this URL answers"), parse_http },
  { "unix", N_ ("PATH"), N_ ("Ready when this Unix socket accepts connections"), parse_unix },
  { "file", N_ ("PATH"), N_ ("Ready when this file exists"), parse_file },
  { "exec", N_ ("CMD"), N_ ("Ready when this command succeeds (quoted as in a shell)"), parse_exec },
};

static void
add_option (GOptionGroup *group,
            const char *name,
            const char *placeholder,
            const char *help,
            GOptionArgFunc func)
{
  const GOptionEntry entries[] = {
    { name,
      0,
      placeholder != NULL ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG,
      G_OPTION_ARG_CALLBACK,
      func,
      help,
      placeholder },
    G_OPTION_ENTRY_NULL,
  };

  g_option_group_add_entries (group, entries);
}

/* Adds the option of each kind to @group; @func is called with its name and value. */
void
mk_tool_readiness_add_options (GOptionGroup *group, GOptionArgFunc func)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      add_option (group, kinds[i].name, kinds[i].placeholder, kinds[i].help, func);
      for (gsize j = 0; kinds[i].parse == parse_http && j < G_N_ELEMENTS (http_details); j++)
        add_option (group, http_details[j].name, http_details[j].placeholder, http_details[j].help, func);
    }
}

static gboolean
apply_http_detail (const HttpDetail *detail, const char *value, GPtrArray *probes, GError **error)
{
  gpointer probe = probes->len > 0 ? g_ptr_array_index (probes, probes->len - 1) : NULL;

  if (!MK_IS_HTTP_PROBE (probe))
    return mk_tool_options_fail (
        error, _ ("--%s describes a request: it must follow the --http it is for"), detail->name);

  detail->apply (probe, value);
  return TRUE;
}

/* Adds the probe that the option stands for to @probes, or sets a detail of the last one. */
gboolean
mk_tool_readiness_parse (const char *option_name, const char *value, GPtrArray *probes, GError **error)
{
  const char *name = option_name + strlen ("--");

  for (gsize i = 0; i < G_N_ELEMENTS (http_details); i++)
    if (g_str_equal (name, http_details[i].name))
      return apply_http_detail (&http_details[i], value, probes, error);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (name, kinds[i].name))
      {
        MkProbe *probe = kinds[i].parse (value, error);

        if (probe != NULL)
          g_ptr_array_add (probes, probe);
        return probe != NULL;
      }

  g_assert_not_reached ();
}

/* The value as it was given, without the user and the password of a URL. */
char *
mk_tool_readiness_dup_name (const char *option_name, const char *value)
{
  const char *at = strrchr (value, '@');
  const char *slashes = strstr (value, "://");

  if (!g_str_equal (option_name, "--http") || at == NULL)
    return g_strdup (value);
  if (slashes == NULL || slashes > at)
    return g_strdup_printf ("…%s", at);

  return g_strdup_printf ("%.*s…%s", (int) (slashes - value) + 3, value, at);
}
