/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The probes that options such as `--tcp HOST:PORT` stand for, and what other options say about
 * them. */

#include "mk-tool-options.h"

#include <string.h>

static gboolean
readiness_parse_port (const char *value, const char *text, guint *port, GError **error)
{
  guint64 number = 0;

  /* Each start leases a port then. */
  if (g_str_equal (text, "{port}"))
    {
      *port = 0;
      return TRUE;
    }
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

MkProbe *
mk_tool_readiness_make_tcp (const char *value, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text;
  guint port = 0;

  if (strstr (value, "://") != NULL)
    {
      mk_tool_options_fail (
          error, _ ("'%s' is a URL: --tcp needs HOST:PORT, and --http takes http:// and https://"), value);
      return NULL;
    }

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

MkProbe *
mk_tool_readiness_make_exec (const char *value, GError **error)
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

MkProbe *
mk_tool_readiness_make_unix (const char *value, GError **error)
{
  return readiness_require_path (value, error) ? MK_PROBE (mk_unix_socket_probe_new (value)) : NULL;
}

MkProbe *
mk_tool_readiness_make_file (const char *value, GError **error)
{
  return readiness_require_path (value, error) ? MK_PROBE (mk_file_probe_new (value)) : NULL;
}

MkProbe *
mk_tool_readiness_make_http (const char *value, GError **error)
{
  return MK_PROBE (mk_http_probe_new (value));
}

void
mk_tool_readiness_add_header (MkHttpProbe *probe, const char *header)
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

void
mk_tool_readiness_set_follow_redirects (MkHttpProbe *probe, const char *unused)
{
  mk_http_probe_set_follow_redirects (probe, TRUE);
}

void
mk_tool_readiness_set_accept_any_certificate (MkHttpProbe *probe, const char *unused)
{
  mk_http_probe_set_accept_any_certificate (probe, TRUE);
}

MkProbe *
mk_tool_readiness_make_http_unix (const char *value, GError **error)
{
  MkHttpProbe *probe;

  if (!readiness_require_path (value, error))
    return NULL;

  probe = mk_http_probe_new ("http://localhost/");
  mk_http_probe_set_socket_path (probe, value);
  return MK_PROBE (probe);
}

/* [BUS:]NAME; a bus alone stands for its own name. A name has no colon. */
MkProbe *
mk_tool_readiness_make_dbus (const char *value, GError **error)
{
  const char *colon = strrchr (value, ':');
  g_autofree char *bus = NULL;

  if (colon == NULL)
    return MK_PROBE (mk_dbus_probe_new ("session", value));

  if (!g_dbus_is_name (colon + 1) && g_dbus_is_address (value))
    return MK_PROBE (mk_dbus_probe_new (value, "org.freedesktop.DBus"));

  bus = g_strndup (value, colon - value);
  return MK_PROBE (mk_dbus_probe_new (bus, colon + 1));
}

void
mk_tool_readiness_set_listening_only (MkTcpProbe *probe)
{
  mk_tcp_probe_set_listening_only (probe, TRUE);
}

/* @value: (nullable): a descriptor; without one it is NOTIFY_SOCKET */
MkProbe *
mk_tool_readiness_make_notify (const char *value, GError **error)
{
  gint64 fd = -1;

  if (value != NULL && !g_ascii_string_to_signed (value, 10, 3, 1023, &fd, NULL))
    {
      mk_tool_options_fail (error, _ ("%s needs a descriptor from 3 to 1023, not '%s'"), "--notify", value);
      return NULL;
    }

  return MK_PROBE (mk_notify_probe_new ((int) fd));
}

/* Whether what it asks is known at the start only, as with the port 0. */
gboolean
mk_tool_readiness_is_open (MkProbe *probe)
{
  g_autofree char *clause = NULL;

  if (MK_IS_TCP_PROBE (probe))
    return mk_tcp_probe_get_port (MK_TCP_PROBE (probe)) == 0;

  clause = mk_probe_describe (probe);
  return strchr (clause, '{') != NULL;
}

/* The value as it was given, without the user and the password of a URL. */
char *
mk_tool_readiness_dup_name (const char *option, const char *value)
{
  const char *at = strrchr (value, '@');
  const char *slashes = strstr (value, "://");

  if (!g_str_equal (option, "http") || at == NULL)
    return g_strdup (value);
  if (slashes == NULL || slashes > at)
    return g_strdup_printf ("…%s", at);

  return g_strdup_printf ("%.*s…%s", (int) (slashes - value) + 3, value, at);
}
