/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define G_SETTINGS_ENABLE_BACKEND
#include <gio/gsettingsbackend.h>
#include <gtk/gtk.h>
#include <mirakuru-glib-test.h>

/* [mock] */
static GVariant *
call (const char *interface, const char *method, GVariant *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  GVariant *reply = NULL;

  g_assert_no_error (error);
  reply = g_dbus_connection_call_sync (bus,
                                       "org.example.Clock",
                                       "/org/example/Clock",
                                       interface,
                                       method,
                                       arguments,
                                       NULL,
                                       G_DBUS_CALL_FLAGS_NONE,
                                       -1,
                                       NULL,
                                       &error);
  g_assert_no_error (error);
  return reply;
}

static void
test_clock (gconstpointer hour)
{
  MkExecutorGroup *mock = mk_gtest_start_service (
      "clock",
      "Command=/usr/bin/python3 -m dbusmock --session org.example.Clock /org/example/Clock org.example.Clock",
      "DBus=org.example.Clock",
      NULL);
  g_autofree char *code = g_strdup_printf ("ret = %d", GPOINTER_TO_INT (hour));
  /* The mock gets a method: interface, name, types of the arguments, types of the result, Python code. */
  GVariant *method = g_variant_new ("(sssss)", "org.example.Clock", "GetHour", "", "i", code);
  g_autoptr (GVariant) reply = NULL;
  int answer = 0;

  g_variant_unref (call ("org.freedesktop.DBus.Mock", "AddMethod", method));
  reply = call ("org.example.Clock", "GetHour", NULL);
  g_variant_get (reply, "(i)", &answer);
  g_assert_cmpint (answer, ==, GPOINTER_TO_INT (hour));
  mk_gtest_stop_service (mock);
}
/* [end] */

/* [own-bus] */
static void
test_own_bus (void)
{
  MkExecutorGroup *service = mk_gtest_start_template ("session-bus", NULL);
  g_auto (GStrv) environment = NULL;
  g_autoptr (GDBusConnection) bus = NULL;
  g_autoptr (GError) error = NULL;

  if (service == NULL)
    return;

  environment = mk_executor_group_dup_environment (service, NULL);
  bus = g_dbus_connection_new_for_address_sync (g_environ_getenv (environment, "DBUS_SESSION_BUS_ADDRESS"),
                                                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                    G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                NULL,
                                                NULL,
                                                &error);
  g_assert_no_error (error);
  g_assert_nonnull (g_dbus_connection_get_unique_name (bus));
  mk_gtest_stop_service (service);
}
/* [end] */

/* [display] */
static void
test_display (void)
{
  g_autoptr (GtkWindow) window = NULL;

  window = g_object_ref_sink (GTK_WINDOW (gtk_window_new ()));
  gtk_window_present (window);
  g_assert_true (gtk_widget_get_mapped (GTK_WIDGET (window)));
  gtk_window_destroy (window);
}
/* [end] */

static void
test_http (void)
{
  g_autofree char *page = NULL;

  g_assert_true (g_spawn_command_line_sync ("sh -c 'curl -fs $HTTP_URL'", &page, NULL, NULL, NULL));
  g_assert_nonnull (strstr (page, "Directory listing"));
}

/* [home] */
static void
test_settings (void)
{
  g_autoptr (GSettingsBackend) backend = g_settings_backend_get_default ();

  g_assert_cmpstr (G_OBJECT_TYPE_NAME (backend), ==, "GMemorySettingsBackend");
  g_assert_true (g_str_has_prefix (g_get_user_data_dir (), g_getenv ("HOME")));
}
/* [end] */

/* [main] */
int
main (int argc, char **argv)
{
  mk_gtest_init (&argc, &argv, "home", "session-bus", "xvfb", "http", NULL);
  g_setenv ("GTK_A11Y", "none", FALSE); /* the session bus has no accessibility service */
  gtk_init ();
  g_test_add_data_func ("/clock/noon", GINT_TO_POINTER (12), test_clock);
  g_test_add_data_func ("/clock/evening", GINT_TO_POINTER (21), test_clock);
  g_test_add_func ("/own-bus", test_own_bus);
  g_test_add_func ("/display", test_display);
  g_test_add_func ("/http", test_http);
  g_test_add_func ("/settings", test_settings);
  return g_test_run ();
}
/* [end] */
