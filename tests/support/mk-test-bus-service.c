/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that takes a name on a message bus, and keeps it until it is stopped or the bus goes away. No
 * limit of a test is longer than its life.
 */

#include <gio/gio.h>
#include <stdio.h>
#include <unistd.h>

#define LIFETIME_S 120

static char *tag, *bus, *name, *stamp_file;
static int after_ms;

static const GOptionEntry entries[] = {
  { "tag", 0, 0, G_OPTION_ARG_STRING, &tag, "Told apart by this", "TOKEN" },
  { "bus", 0, 0, G_OPTION_ARG_STRING, &bus, "The address of the bus", "ADDRESS" },
  { "name", 0, 0, G_OPTION_ARG_STRING, &name, "The name it takes", "NAME" },
  { "after", 0, 0, G_OPTION_ARG_INT, &after_ms, "Takes it so long after it was started", "MS" },
  { "stamp",
    0,
    0,
    G_OPTION_ARG_FILENAME,
    &stamp_file,
    "Writes \"own\" and when it asked for the name",
    "FILE" },
  G_OPTION_ENTRY_NULL,
};

static void
write_stamp (void)
{
  FILE *file = fopen (stamp_file, "a");

  g_assert (file != NULL);
  fprintf (file, "own %" G_GINT64_FORMAT "\n", g_get_monotonic_time ());
  fclose (file);
}

static void
take_name (GDBusConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  if (stamp_file != NULL)
    write_stamp ();
  reply = g_dbus_connection_call_sync (connection,
                                       "org.freedesktop.DBus",
                                       "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus",
                                       "RequestName",
                                       g_variant_new ("(su)", name, 0),
                                       G_VARIANT_TYPE ("(u)"),
                                       G_DBUS_CALL_FLAGS_NONE,
                                       -1,
                                       NULL,
                                       &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) options = g_option_context_new (NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  alarm (LIFETIME_S);
  g_option_context_add_main_entries (options, entries, NULL);
  g_option_context_parse (options, &argc, &argv, &error);
  g_assert_no_error (error);

  connection = g_dbus_connection_new_for_address_sync (bus,
                                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                       NULL,
                                                       NULL,
                                                       &error);
  g_assert_no_error (error);
  g_dbus_connection_set_exit_on_close (connection, TRUE);
  g_usleep ((gulong) after_ms * 1000);
  take_name (connection);
  g_main_loop_run (loop);
  return 0;
}
