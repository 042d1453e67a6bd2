/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where a message bus is. Nothing here connects to one, or starts one.
 */

#include "mk-bus-address-private.h"

#include <string.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

/* Not g_dbus_address_get_for_bus_sync(), which starts a bus where none runs. */
static char *
bus_address_resolve_session (GError **error)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  const char *directory = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  g_autofree char *escaped = NULL;

  if (address != NULL && *address != '\0')
    return g_strdup (address);

  if (directory == NULL || *directory == '\0')
    {
      g_set_error_literal (
          error,
          MK_ERROR,
          MK_ERROR_INVALID_ARGUMENT,
          _ ("There is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is "
             "set. Run this with dbus-run-session, or give the address of a bus"));
      return NULL;
    }

  path = g_build_filename (directory, "bus", NULL);
  escaped = g_dbus_address_escape_value (path);
  return g_strconcat ("unix:path=", escaped, NULL);
}

/* GLib knows addresses that are made to be listened on, and one that means "start a bus". */
static gboolean
bus_address_is_to_connect_to (const char *address)
{
  g_auto (GStrv) entries = g_strsplit (address, ";", -1);

  for (char **entry = entries; *entry != NULL; entry++)
    {
      if (g_str_has_prefix (*entry, "autolaunch:") || g_str_has_prefix (*entry, "unix:dir=") ||
          g_str_has_prefix (*entry, "unix:tmpdir="))
        return FALSE;
    }

  return TRUE;
}

static gboolean
bus_address_validate (const char *address, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *shown = NULL;
  g_autofree char *reason = NULL;

  if (*address != '\0' && g_dbus_is_supported_address (address, &local_error) &&
      bus_address_is_to_connect_to (address))
    return TRUE;

  shown = mk_message_shown (address);
  reason = local_error ? mk_message_shown (local_error->message) : NULL;
  if (reason != NULL)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_INVALID_ARGUMENT,
        /* Translators: “session” and “system” are what has to be written, and stay as they are */
        _ ("“%s” is not a bus that can be connected to (%s). Give “session”, “system”, or an address "
           "such as unix:path=/run/my-bus"),
        shown,
        reason);
  else
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_INVALID_ARGUMENT,
        /* Translators: “session” and “system” are what has to be written, and stay as they are */
        _ ("“%s” is not a bus that can be connected to. Give “session”, “system”, or an address such "
           "as unix:path=/run/my-bus"),
        shown);
  return FALSE;
}

/*
 * @bus: (nullable): "session", "system", or an address
 *
 * Returns: (transfer full) (nullable): its address
 */
char *
mk_bus_address_resolve (const char *bus, GError **error)
{
  g_autofree char *address = NULL;

  if (g_strcmp0 (bus, "session") == 0)
    address = bus_address_resolve_session (error);
  else if (g_strcmp0 (bus, "system") == 0)
    address = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, NULL, error);
  else
    address = g_strdup (bus ? bus : "");

  return address != NULL && bus_address_validate (address, error) ? g_steal_pointer (&address) : NULL;
}

/* @bus: (nullable). Returns: (transfer full): as it stands in a sentence */
char *
mk_bus_address_dup_name (const char *bus)
{
  const char *guid = bus ? strstr (bus, ",guid=") : NULL;
  g_autofree char *shown = NULL;

  if (bus == NULL || *bus == '\0')
    /* Translators: stands in “org.example.Service to have an owner on a bus without an address” */
    return g_strdup (_ ("a bus without an address"));
  if (g_str_equal (bus, "session"))
    /* Translators: stands in “org.example.Service to have an owner on the session bus” */
    return g_strdup (_ ("the session bus"));
  if (g_str_equal (bus, "system"))
    /* Translators: stands in “org.example.Service to have an owner on the system bus” */
    return g_strdup (_ ("the system bus"));

  shown = g_utf8_make_valid (bus, guid ? guid - bus : -1);
  /* Translators: stands in “org.example.Service to have an owner on the bus at unix:path=/run/my-bus” */
  return g_strdup_printf (_ ("the bus at %s"), shown);
}

/*
 * Returns: (transfer full) (nullable): the path of the Unix socket that the address stands for, or "@" and
 * the name of an abstract one; NULL if it stands for something else, or for several
 */
char *
mk_bus_address_dup_socket (const char *address)
{
  g_auto (GStrv) pairs = NULL;

  if (!g_str_has_prefix (address, "unix:") || strchr (address, ';') != NULL)
    return NULL;

  pairs = g_strsplit (address + strlen ("unix:"), ",", -1);
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      gboolean is_abstract = g_str_has_prefix (*pair, "abstract=");
      g_autofree char *value = NULL;

      if (!is_abstract && !g_str_has_prefix (*pair, "path="))
        continue;
      value = g_uri_unescape_string (strchr (*pair, '=') + 1, NULL);
      if (value != NULL)
        return g_strconcat (is_abstract ? "@" : "", value, NULL);
    }

  return NULL;
}
