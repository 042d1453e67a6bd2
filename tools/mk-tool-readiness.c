/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options that say what to wait for, such as `--tcp HOST:PORT`, and the probes they stand
 * for. A further kind is one more row of the table. Details say more about the condition
 * before them, such as `--status CODE` about `--http URL`. */

#include "mk-tool-options.h"

#include <string.h>

static gboolean
readiness_parse_port (const char *value, const char *text, guint *port, GError **error)
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
readiness_split_host (const char *value, char **host, const char **port, GError **error)
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
readiness_make_tcp (const char *value, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text;
  guint port = 0;

  if (!readiness_split_host (value, &host, &port_text, error) ||
      !readiness_parse_port (value, port_text, &port, error))
    return NULL;

  if (host != NULL && (strpbrk (host, " \t/[]@") != NULL || !g_utf8_validate (host, -1, NULL)))
    {
      mk_tool_options_fail (error, _ ("'%s' is not HOST:PORT: '%s' is an invalid host name"), value, host);
      return NULL;
    }

  return MK_PROBE (mk_tcp_probe_new (host == NULL || *host == '\0' ? "localhost" : host, port));
}

static MkProbe *
readiness_make_exec (const char *value, GError **error)
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
readiness_require_path (const char *value, GError **error)
{
  if (*value != '\0' && !g_str_equal (value, "@"))
    return TRUE;

  return mk_tool_options_fail (error, _ ("'%s' is not a path"), value);
}

static MkProbe *
readiness_make_unix (const char *value, GError **error)
{
  return readiness_require_path (value, error) ? MK_PROBE (mk_unix_socket_probe_new (value)) : NULL;
}

static MkProbe *
readiness_make_file (const char *value, GError **error)
{
  return readiness_require_path (value, error) ? MK_PROBE (mk_file_probe_new (value)) : NULL;
}

static MkProbe *
readiness_make_http (const char *value, GError **error)
{
  return MK_PROBE (mk_http_probe_new (value));
}

static void
readiness_add_header (MkHttpProbe *probe, const char *header)
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
readiness_set_follow_redirects (MkHttpProbe *probe, const char *unused)
{
  mk_http_probe_set_follow_redirects (probe, TRUE);
}

static void
readiness_set_accept_any_certificate (MkHttpProbe *probe, const char *unused)
{
  mk_http_probe_set_accept_any_certificate (probe, TRUE);
}

/* Either makes a probe, or sets a detail of the probe before it. */
typedef struct
{
  const char *name;
  const char *placeholder; /* (nullable): NULL if there is no value */
  const char *help;
  MkProbe *(*make) (const char *value, GError **error);
  void (*set_http) (MkHttpProbe *probe, const char *value);
  void (*set_time) (MkProbe *probe, guint time_ms);
} Option;

static const Option options[] = {
  { "tcp", N_ ("HOST:PORT"), N_ ("Ready when this port accepts connections"), .make = readiness_make_tcp },
  { "http", N_ ("URL"), N_ ("Ready when this URL answers"), .make = readiness_make_http },
  /* Translators: this and the next ones continue “Ready when this URL answers” */
  { "status",
    N_ ("CODE"),
    N_ ("… with this status (a code or a regular expression)"),
    .set_http = mk_http_probe_set_status },
  { "method",
    N_ ("METHOD"),
    N_ ("… to a request of this method (HEAD)"),
    .set_http = mk_http_probe_set_method },
  { "header",
    N_ ("'NAME: VALUE'"),
    N_ ("… with this header in the request"),
    .set_http = readiness_add_header },
  { "follow-redirects", NULL, N_ ("… perhaps after redirects"), .set_http = readiness_set_follow_redirects },
  { "ca-file",
    N_ ("FILE"),
    N_ ("… with a certificate that an authority in this file has signed"),
    .set_http = mk_http_probe_set_ca_file },
  { "certificate-file",
    N_ ("FILE"),
    N_ ("… to a client with this certificate and key (PEM)"),
    .set_http = mk_http_probe_set_certificate_file },
  { "insecure",
    NULL,
    N_ ("… whatever its certificate is"),
    .set_http = readiness_set_accept_any_certificate },
  { "unix",
    N_ ("PATH"),
    N_ ("Ready when this Unix socket accepts connections"),
    .make = readiness_make_unix },
  { "file", N_ ("PATH"), N_ ("Ready when this file exists"), .make = readiness_make_file },
  { "exec",
    N_ ("CMD"),
    N_ ("Ready when this command succeeds (quoted as in a shell)"),
    .make = readiness_make_exec },
  { "interval",
    N_ ("SECONDS"),
    N_ ("Time between two attempts for the condition before (0: automatic)"),
    .set_time = mk_probe_set_interval },
  { "attempt-timeout",
    N_ ("SECONDS"),
    N_ ("Time for one attempt for the condition before (0: automatic)"),
    .set_time = mk_probe_set_attempt_timeout },
};

/* Adds the options to @group; @func is called with the name and value of each. */
void
mk_tool_readiness_add_options (GOptionGroup *group, GOptionArgFunc func)
{
  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    {
      const GOptionEntry entries[] = {
        { options[i].name,
          0,
          options[i].placeholder != NULL ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG,
          G_OPTION_ARG_CALLBACK,
          func,
          options[i].help,
          options[i].placeholder },
        G_OPTION_ENTRY_NULL,
      };

      g_option_group_add_entries (group, entries);
    }
}

static gboolean
readiness_make_probe (const Option *option, const char *value, GPtrArray *probes, GError **error)
{
  MkProbe *probe = option->make (value, error);

  if (probe != NULL)
    g_ptr_array_add (probes, probe);
  return probe != NULL;
}

/* Sets what the option says about the probe before it. */
static gboolean
readiness_set_detail (const Option *option,
                      const char *option_name,
                      const char *value,
                      MkProbe *probe,
                      GError **error)
{
  guint time_ms = 0;

  if (option->set_http != NULL && !MK_IS_HTTP_PROBE (probe))
    return mk_tool_options_fail (
        error, _ ("%s describes a request: it must follow the --http it is for"), option_name);

  if (probe == NULL)
    return mk_tool_options_fail (
        error, _ ("%s must follow the --tcp, --http, --unix, --file or --exec it is for"), option_name);

  if (option->set_http != NULL)
    {
      option->set_http (MK_HTTP_PROBE (probe), value);
      return TRUE;
    }

  if (!mk_tool_options_parse_seconds (option_name, value, &time_ms, error))
    return FALSE;

  option->set_time (probe, time_ms);
  return TRUE;
}

/* Adds the probe that the option stands for to @probes, or sets a detail of the last one. */
gboolean
mk_tool_readiness_parse (const char *option_name, const char *value, GPtrArray *probes, GError **error)
{
  MkProbe *last = probes->len > 0 ? g_ptr_array_index (probes, probes->len - 1) : NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    {
      if (!g_str_equal (option_name + strlen ("--"), options[i].name))
        continue;

      return options[i].make != NULL ? readiness_make_probe (&options[i], value, probes, error)
                                     : readiness_set_detail (&options[i], option_name, value, last, error);
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
