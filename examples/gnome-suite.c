/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define G_SETTINGS_ENABLE_BACKEND
#include <gio/gsettingsbackend.h>
#include <gtk/gtk.h>
#include <mirakuru-glib-test.h>

static void
call_mock (gconstpointer method)
{
  MkExecutorGroup *mock = mk_gtest_start_service (
      "mock",
      "Command=python3 -m dbusmock --session org.example.Clock /org/example/Clock org.example.Clock",
      "DBus=org.example.Clock",
      NULL);
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      bus, "org.example.Clock", "/", "org.freedesktop.DBus.Peer", method, NULL, NULL, 0, -1, NULL, NULL);

  g_assert_nonnull (reply);
  mk_gtest_stop_service (mock);
}

static void
test_display (void)
{
  g_assert_true (gtk_init_check ());
}

static void
test_http (void)
{
  g_autofree char *page = NULL;

  g_assert_true (g_spawn_command_line_sync ("sh -c 'curl -fs $HTTP_URL'", &page, NULL, NULL, NULL));
  g_assert_nonnull (strstr (page, "Directory listing"));
}

static void
test_settings (void)
{
  g_autoptr (GSettingsBackend) backend = g_settings_backend_get_default ();

  g_assert_cmpstr (G_OBJECT_TYPE_NAME (backend), ==, "GMemorySettingsBackend");
  g_assert_true (g_str_has_prefix (g_get_user_data_dir (), g_getenv ("HOME")));
}

int
main (int argc, char **argv)
{
  mk_gtest_init (&argc, &argv, "home", "session-bus", "xvfb", "http", NULL);
  g_test_add_data_func ("/clock/ping", "Ping", call_mock);
  g_test_add_data_func ("/clock/machine-id", "GetMachineId", call_mock);
  g_test_add_func ("/display", test_display);
  g_test_add_func ("/http", test_http);
  g_test_add_func ("/settings", test_settings);
  return g_test_run ();
}
