/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings that say when a service is ready: which of them make a probe, and which describe one.
 */

#include "mk-probe-settings-private.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-values-private.h"
#include "mk-all-probe.h"
#include "mk-command-probe.h"
#include "mk-error.h"
#include "mk-file-probe.h"
#include "mk-http-probe.h"
#include "mk-tcp-probe.h"
#include "probe/mk-tcp-probe-private.h"

#ifdef G_OS_UNIX
#include "mk-dbus-probe.h"
#include "mk-notify-probe.h"
#include "mk-unix-socket-probe.h"
#endif

/* ---- conditions ---- */

static gboolean
probe_settings_parse_port (const MkServiceSetting *setting, const char *text, guint *port, GError **error)
{
  guint64 number = 0;

  /* Each start leases a port then, or knows the value. */
  if (mk_values_has_placeholders (text))
    {
      *port = 0;
      return TRUE;
    }
  if (*text == '\0' || !g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return mk_service_setting_fail (setting,
                                    error,
                                    _ ("“%s” is not HOST:PORT: the port must be a number from 1 to 65535"),
                                    setting->value);

  *port = (guint) number;
  return TRUE;
}

/* Takes the host off @text, or NULL; @port is where the port begins. */
static gboolean
probe_settings_split_host (const MkServiceSetting *setting,
                           const char *text,
                           char **host,
                           const char **port,
                           GError **error)
{
  const char *colon = strrchr (text, ':');

  /* As in {port:admin} */
  if (colon != NULL && g_str_has_suffix (text, "}") && strrchr (text, '{') < colon &&
      strrchr (text, '{') != NULL)
    colon = strrchr (text, '{') > text ? strrchr (text, '{') - 1 : NULL;
  *port = colon != NULL ? colon + 1 : text;
  if (*text == '[')
    {
      if (colon == NULL || colon[-1] != ']')
        return mk_service_setting_fail (setting, error, _ ("“%s” is not [ADDRESS]:PORT"), text);
      *host = g_strndup (text + 1, (gsize) (colon - text) - 2);
    }
  else if (colon != NULL && colon != strchr (text, ':'))
    return mk_service_setting_fail (setting,
                                    error,
                                    _ ("“%s” is not HOST:PORT: an IPv6 address needs brackets, as in "
                                       "[::1]:6379"),
                                    text);
  else if (colon != NULL)
    *host = g_strndup (text, (gsize) (colon - text));

  return TRUE;
}

/* Takes HOST:PORT, [ADDRESS]:PORT, :PORT or PORT apart. @port: 0 for a placeholder. @placeholder: (out)
 * (optional) (nullable): one that is not {port}, in @text */
gboolean
mk_probe_settings_split_address (const MkServiceSetting *setting,
                                 const char *text,
                                 char **host,
                                 guint *port,
                                 const char **placeholder,
                                 GError **error)
{
  const char *port_text = NULL;
  g_autofree char *found = NULL;

  if (strstr (text, "://") != NULL)
    return mk_service_setting_fail (
        setting,
        error,
        _ ("“%s” is a URL: Tcp= needs HOST:PORT, and Http= takes http:// and https://"),
        text);
  if (!probe_settings_split_host (setting, text, &found, &port_text, error) ||
      !probe_settings_parse_port (setting, port_text, port, error))
    return FALSE;
  if (found != NULL && (strpbrk (found, " \t/[]@") != NULL || !g_utf8_validate (found, -1, NULL)))
    return mk_service_setting_fail (
        setting, error, _ ("“%s” is not HOST:PORT: “%s” is an invalid host name"), text, found);

  *host = g_strdup (found != NULL && *found != '\0' ? found : "localhost");
  if (placeholder != NULL)
    *placeholder = *port == 0 && !g_str_equal (port_text, "{port}") ? port_text : NULL;
  return TRUE;
}

static MkProbe *
probe_settings_make_tcp (const MkServiceSetting *setting, const char *value, GError **error)
{
  g_autofree char *host = NULL;
  const char *placeholder = NULL;
  guint port = 0;
  MkTcpProbe *probe;

  if (!mk_probe_settings_split_address (setting, value, &host, &port, &placeholder, error))
    return NULL;

  probe = mk_tcp_probe_new (host, port);
  mk_tcp_probe_set_port_text (probe, placeholder);
  return MK_PROBE (probe);
}

static MkProbe *
probe_settings_make_exec (const MkServiceSetting *setting, const char *value, GError **error)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) local_error = NULL;

  if (!mk_platform_parse_command (value, &argv, &local_error))
    {
      mk_service_setting_fail (setting, error, _ ("“%s” is not a command: %s"), value, local_error->message);
      return NULL;
    }

  return MK_PROBE (mk_command_probe_new ((const char *const *) argv));
}

static gboolean
probe_settings_require_path (const MkServiceSetting *setting, const char *value, GError **error)
{
  if (*value != '\0' && !g_str_equal (value, "@"))
    return TRUE;

  return mk_service_setting_fail (setting, error, _ ("“%s” is not a path"), value);
}

static MkProbe *
probe_settings_make_file (const MkServiceSetting *setting, const char *value, GError **error)
{
  return probe_settings_require_path (setting, value, error) ? MK_PROBE (mk_file_probe_new (value)) : NULL;
}

static MkProbe *
probe_settings_make_http (const MkServiceSetting *setting, const char *value, GError **error)
{
  return MK_PROBE (mk_http_probe_new (value));
}

#ifdef G_OS_UNIX

static MkProbe *
probe_settings_make_unix (const MkServiceSetting *setting, const char *value, GError **error)
{
  return probe_settings_require_path (setting, value, error) ? MK_PROBE (mk_unix_socket_probe_new (value))
                                                             : NULL;
}

static MkProbe *
probe_settings_make_http_unix (const MkServiceSetting *setting, const char *value, GError **error)
{
  MkHttpProbe *probe;

  if (!probe_settings_require_path (setting, value, error))
    return NULL;

  probe = mk_http_probe_new ("http://localhost/");
  mk_http_probe_set_socket_path (probe, value);
  return MK_PROBE (probe);
}

/* [BUS:]NAME; a bus alone stands for its own name. A name has no colon. */
static MkProbe *
probe_settings_make_dbus (const MkServiceSetting *setting, const char *value, GError **error)
{
  const char *colon = strrchr (value, ':');
  g_autofree char *bus = NULL;

  if (colon == NULL)
    return MK_PROBE (mk_dbus_probe_new ("session", value));

  if (!g_dbus_is_name (colon + 1) && g_dbus_is_address (value))
    return MK_PROBE (mk_dbus_probe_new (value, "org.freedesktop.DBus"));

  bus = g_strndup (value, (gsize) (colon - value));
  return MK_PROBE (mk_dbus_probe_new (bus, colon + 1));
}

/* A descriptor; "true" or nothing is NOTIFY_SOCKET. */
static MkProbe *
probe_settings_make_notify (const MkServiceSetting *setting, const char *value, GError **error)
{
  gint64 fd = -1;

  if (!g_str_equal (value, "true") && !g_ascii_string_to_signed (value, 10, 3, 1023, &fd, NULL))
    {
      mk_service_setting_fail (setting,
                               error,
                               _ ("“%s” is neither true, for NOTIFY_SOCKET, nor a descriptor from 3 to 1023"),
                               value);
      return NULL;
    }

  return MK_PROBE (mk_notify_probe_new ((int) fd));
}

#endif

/* ---- the table ---- */

/* A key makes a probe, or sets a property of the probe before it that has it. */
typedef struct
{
  const char *key;
  MkProbe *(*make) (const MkServiceSetting *setting, const char *value, GError **error);
  const char *property; /* (nullable) */
  gboolean is_time;     /* of the property, in milliseconds */
  gboolean is_whole;    /* what is quoted for a shell, and such, has semicolons of its own */
} ProbeKey;

static const ProbeKey probe_keys[] = {
  { "Tcp", probe_settings_make_tcp, NULL, FALSE, FALSE },
  { "Http", probe_settings_make_http, NULL, FALSE, TRUE },
  { "File", probe_settings_make_file, NULL, FALSE, FALSE },
  { "Exec", probe_settings_make_exec, NULL, FALSE, TRUE },
#ifdef G_OS_UNIX
  { "HttpUnix", probe_settings_make_http_unix, "socket-path", FALSE, FALSE },
  { "Unix", probe_settings_make_unix, NULL, FALSE, FALSE },
  { "DBus", probe_settings_make_dbus, NULL, FALSE, TRUE },
  { "Notify", probe_settings_make_notify, NULL, FALSE, FALSE },
#endif
  { "ListeningOnly", NULL, "listening-only", FALSE, FALSE },
  { "Status", NULL, "status", FALSE, FALSE },
  { "Body", NULL, "body-pattern", FALSE, FALSE },
  { "Method", NULL, "method", FALSE, FALSE },
  { "Header", NULL, "headers", FALSE, FALSE },
  { "Follow", NULL, "follow-redirects", FALSE, FALSE },
  { "CaCert", NULL, "ca-file", FALSE, FALSE },
  { "Cert", NULL, "certificate-file", FALSE, FALSE },
  { "Insecure", NULL, "accept-any-certificate", FALSE, FALSE },
  { "Interval", NULL, "interval", TRUE, FALSE },
  { "AttemptTimeout", NULL, "attempt-timeout", TRUE, FALSE },
  { "StableFor", NULL, "stable-for", TRUE, FALSE },
};

static const ProbeKey *
probe_settings_find (const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (probe_keys); i++)
    if (g_str_equal (probe_keys[i].key, key))
      return &probe_keys[i];

  return NULL;
}

gboolean
mk_probe_settings_has (const char *key)
{
  return probe_settings_find (key) != NULL;
}

/* Whether it only says more about a condition. */
gboolean
mk_probe_settings_is_detail (const char *key)
{
  const ProbeKey *found = probe_settings_find (key);

  return found != NULL && found->property != NULL;
}

void
mk_probe_settings_list_keys (GStrvBuilder *keys)
{
  for (gsize i = 0; i < G_N_ELEMENTS (probe_keys); i++)
    g_strv_builder_add (keys, probe_keys[i].key);
}

/* @headers: (nullable). Returns: (transfer full): these and one more */
static char **
probe_settings_add_header (const char *const *headers, const char *header)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (headers != NULL)
    g_strv_builder_addv (builder, (const char **) headers);
  g_strv_builder_add (builder, header);
  return g_strv_builder_end (builder);
}

static gboolean
probe_settings_set_property (MkProbe *probe,
                             const ProbeKey *key,
                             const MkServiceSetting *setting,
                             GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (probe), key->property);
  gboolean flag = FALSE;
  guint time = 0;

  if (key->is_time)
    {
      if (!mk_service_setting_get_time (setting, &time, error))
        return FALSE;
      g_object_set (probe, key->property, time, NULL);
    }
  else if (pspec->value_type == G_TYPE_BOOLEAN)
    {
      if (!mk_service_setting_get_boolean (setting, &flag, error))
        return FALSE;
      g_object_set (probe, key->property, flag, NULL);
    }
  else if (pspec->value_type == G_TYPE_STRV)
    {
      g_auto (GStrv) items = mk_service_setting_dup_items (setting);

      for (char **item = items; *item != NULL; item++)
        {
          g_auto (GStrv) headers =
              probe_settings_add_header (mk_http_probe_get_headers (MK_HTTP_PROBE (probe)), *item);

          mk_http_probe_set_headers (MK_HTTP_PROBE (probe), (const char *const *) headers);
        }
    }
  else
    g_object_set (probe, key->property, setting->value, NULL);

  return TRUE;
}

static gboolean
probe_settings_fits (MkProbe *probe, const ProbeKey *key)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (probe), key->property) != NULL;
}

/* Returns: (nullable): the last probe, which has the property of @key; in a file, the last that has it */
static MkProbe *
probe_settings_find_target (GPtrArray *probes, const ProbeKey *key, gboolean is_in_file)
{
  for (guint i = probes->len; i > 0 && (is_in_file || i == probes->len); i--)
    if (probe_settings_fits (g_ptr_array_index (probes, i - 1), key))
      return g_ptr_array_index (probes, i - 1);

  return NULL;
}

static gboolean
probe_settings_describe (GPtrArray *probes,
                         const ProbeKey *key,
                         const MkServiceSetting *setting,
                         GError **error)
{
  MkProbe *probe = probe_settings_find_target (probes, key, setting->is_list);

  if (probe == NULL && key->is_time)
    return mk_service_setting_fail (
        setting, error, _ ("it must follow the condition it is for, such as Tcp= or Exec="));
  if (probe == NULL && g_str_equal (key->key, "ListeningOnly"))
    return mk_service_setting_fail (setting, error, _ ("it must follow the Tcp= it is for"));
  if (probe == NULL)
    return mk_service_setting_fail (
        setting, error, _ ("it describes a request: it must follow the Http= it is for"));

  /* In a file a key stands once, for all that it can describe. */
  for (guint i = 0; setting->is_list && i < probes->len; i++)
    if (probe_settings_fits (g_ptr_array_index (probes, i), key) &&
        !probe_settings_set_property (g_ptr_array_index (probes, i), key, setting, error))
      return FALSE;

  return setting->is_list || probe_settings_set_property (probe, key, setting, error);
}

/* @probes: (element-type MkProbe): gets one more, or the last one that @setting can describe is changed */
gboolean
mk_probe_settings_apply (GPtrArray *probes, const MkServiceSetting *setting, GError **error)
{
  const ProbeKey *key = probe_settings_find (setting->key);
  MkProbe *target = key->property != NULL ? probe_settings_find_target (probes, key, setting->is_list) : NULL;
  g_auto (GStrv) items = NULL;

  /* HttpUnix is either. */
  if (key->make == NULL || (target != NULL && MK_IS_HTTP_PROBE (target) &&
                            mk_http_probe_get_socket_path (MK_HTTP_PROBE (target)) == NULL))
    return probe_settings_describe (probes, key, setting, error);

  if (key->is_whole || *setting->value == '\0')
    {
      MkProbe *probe = key->make (setting, setting->value, error);

      if (probe != NULL)
        g_ptr_array_add (probes, probe);
      return probe != NULL;
    }

  items = mk_service_setting_dup_items (setting);
  for (char **item = items; *item != NULL; item++)
    {
      MkProbe *probe = key->make (setting, *item, error);

      if (probe == NULL)
        return FALSE;
      g_ptr_array_add (probes, probe);
    }
  return TRUE;
}

/**
 * mk_probe_from_settings:
 * @settings: (array zero-terminated=1): texts "Key=value", such as "Http=http://localhost:8000/" and
 *   "Status=204"
 * @error: return location for an error
 *
 * Creates a probe from settings, as services files contain them. See [Services by name](services.html).
 *
 * The conditions are `Tcp`, `Http`, `HttpUnix`, `Unix`, `File`, `Exec`, `DBus` and `Notify`. If there are
 * several, all of them must be fulfilled. These keys describe the condition before them: `Status`, `Body`,
 * `Method`, `Header`, `Follow`, `CaCert`, `Cert`, `Insecure`, `ListeningOnly`, `Interval`, `AttemptTimeout`
 * and `StableFor`.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if a setting is invalid; the message begins with its key.
 *
 * Returns: (transfer full): the probe; %NULL with an error
 *
 * Since: 1.0
 */
MkProbe *
mk_probe_from_settings (const char *const *settings, GError **error)
{
  g_autoptr (GPtrArray) list = NULL;
  g_autoptr (GPtrArray) probes = g_ptr_array_new_with_free_func (g_object_unref);

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  list = mk_service_settings_new_from_strv (settings, error);
  if (list == NULL)
    return NULL;

  for (guint i = 0; i < list->len; i++)
    {
      const MkServiceSetting *setting = g_ptr_array_index (list, i);

      if (!mk_probe_settings_has (setting->key))
        {
          mk_service_setting_fail (setting, error, _ ("this is not a setting of a probe"));
          return NULL;
        }
      if (!mk_probe_settings_apply (probes, setting, error))
        return NULL;
    }

  if (probes->len == 0)
    {
      g_set_error_literal (
          error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("There is no condition, such as Tcp"));
      return NULL;
    }
  if (probes->len == 1)
    return g_object_ref (g_ptr_array_index (probes, 0));
  return MK_PROBE (mk_all_probe_new ((MkProbe **) probes->pdata, probes->len));
}
