/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the probe says of names on a bus that is there, is not there yet, or comes and goes, and that a wait
 * notices at once when that changes.
 */

#include "mk-test-bus.h"
#include "mk-test-calls.h"

#define LONG_MS  (60 * 1000)
#define BUS_NAME "org.freedesktop.DBus"

/* ---- what it says ---- */

static void
test_what_counts (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;
  g_autoptr (MkDBusProbe) itself = NULL;

  mk_test_bus_init (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  itself = mk_dbus_probe_new (bus.address, BUS_NAME);
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_assert_says (itself, FALSE);
  mk_test_bus_assert_times_out (probe, 20, "there is no such file");
  mk_test_bus_start (&bus);
  mk_test_bus_assert_says (itself, TRUE);
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_assert_times_out (probe, 50, "the name has no owner");
  mk_test_bus_own (&bus);
  mk_test_bus_assert_says (probe, TRUE);
  mk_test_bus_release (&bus);
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_stop (&bus);
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_assert_times_out (probe, 20, "nothing listens on it");
  mk_test_bus_clear (&bus);
}

static void
test_settings_change (void)
{
  MkTestBus bus, other;
  g_autoptr (MkDBusProbe) probe = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_init (&other);
  mk_test_bus_start (&bus);
  mk_test_bus_start (&other);
  mk_test_bus_own (&other);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  mk_test_bus_assert_says (probe, FALSE);
  mk_dbus_probe_set_bus (probe, other.address);
  mk_test_bus_assert_says (probe, TRUE);
  mk_dbus_probe_set_name (probe, MK_TEST_BUS_NAME ".Other");
  mk_test_bus_assert_says (probe, FALSE);
  g_assert_cmpstr (mk_dbus_probe_get_bus (probe), ==, other.address);
  g_assert_cmpstr (mk_dbus_probe_get_name (probe), ==, MK_TEST_BUS_NAME ".Other");
  mk_test_bus_stop (&other);
  mk_test_bus_clear (&bus);
  mk_test_bus_clear (&other);
}

static void
assert_invalid (const char *bus, const char *name)
{
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (bus, name);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
}

static void
test_invalid (void)
{
  const char *buses[] = { NULL,
                          "",
                          "sessions",
                          "unix:",
                          "autolaunch:",
                          "unix:tmpdir=/tmp",
                          "unix:dir=/tmp",
                          "unix:path=/a,abstract=b",
                          "telepathy:",
                          "unix:path=/run/bus;autolaunch:" };
  const char *names[] = { NULL, "", "example", "org..example", ":1.42", "org.example.a b" };
  g_autofree char *fill = g_strnfill (200, 'x');
  g_autofree char *too_long = g_strconcat ("unix:path=/", fill, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (buses); i++)
    assert_invalid (buses[i], MK_TEST_BUS_NAME);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    assert_invalid ("unix:path=/nowhere/bus", names[i]);
  assert_invalid (too_long, MK_TEST_BUS_NAME);
}

/* Before anything is started. */
static void
test_invalid_in_executor (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "started", NULL);
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new ("session", ":1.1");
  g_autoptr (MkExecutor) executor =
      mk_executor_new ((const char *[]){ "touch", path, NULL }, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_session_bus (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new ("session", BUS_NAME);
  g_autofree char *description = mk_probe_describe (MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (description, ==, BUS_NAME " to have an owner on the session bus");
  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);

  g_unsetenv ("XDG_RUNTIME_DIR");
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "DBUS_SESSION_BUS_ADDRESS");

  g_setenv ("XDG_RUNTIME_DIR", "/nowhere", TRUE);
  mk_test_bus_assert_says (probe, FALSE);
  g_setenv ("XDG_RUNTIME_DIR", bus.folder, TRUE);
  mk_test_bus_assert_says (probe, TRUE);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus", TRUE);
  mk_test_bus_assert_says (probe, FALSE);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", bus.address, TRUE);
  mk_test_bus_assert_says (probe, TRUE);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", "autolaunch:", TRUE);
  g_assert_false (mk_test_check (probe, NULL, NULL));

  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  g_unsetenv ("XDG_RUNTIME_DIR");
  mk_test_bus_clear (&bus);
}

static void
test_system_bus (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new ("system", BUS_NAME);

  mk_test_bus_init (&bus);
  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", bus.address, TRUE);
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_start (&bus);
  mk_test_bus_assert_says (probe, TRUE);
  g_unsetenv ("DBUS_SYSTEM_BUS_ADDRESS");
  mk_test_bus_clear (&bus);
}

/* Other ways to name a socket. */
static void
test_addresses (void)
{
  MkTestBus bus;
  g_autofree char *several = NULL;
  g_autofree char *escaped = NULL;
  g_autoptr (MkDBusProbe) probe = NULL;
  g_autoptr (MkDBusProbe) absent = mk_dbus_probe_new ("unix:abstract=mk-test-no-bus", BUS_NAME);
  g_autofree char *description = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  several = g_strdup_printf ("unix:path=/nowhere/bus;%s", bus.address);
  escaped = g_strdup_printf ("unix:path=%s/%%62us,guid=0123456789abcdef0123456789abcdef", bus.folder);
  probe = mk_dbus_probe_new (several, BUS_NAME);
  mk_test_bus_assert_says (probe, TRUE);
  mk_dbus_probe_set_bus (probe, escaped);
  mk_test_bus_assert_says (probe, TRUE);
  description = mk_probe_describe (MK_PROBE (probe));
  g_assert_true (g_str_has_suffix (description, "/%62us"));
  mk_dbus_probe_set_bus (probe, "unix:path=/nowhere/bus;unix:path=/nowhere/else");
  mk_test_bus_assert_says (probe, FALSE);
  mk_test_bus_assert_says (absent, FALSE);
  mk_test_bus_clear (&bus);
}

/* ---- it comes and goes ---- */

static void
test_name_comes_and_goes (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  for (guint i = 0; i < 3; i++)
    {
      mk_test_bus_assert_comes (probe, mk_test_bus_own_later, &bus);
      mk_test_bus_assert_goes (probe, mk_test_bus_release_later, &bus);
    }
  mk_test_bus_clear (&bus);
}

static void
test_bus_comes_and_goes (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;

  mk_test_bus_init (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  for (guint i = 0; i < 3; i++)
    {
      mk_test_bus_assert_comes (probe, mk_test_bus_start_and_own_later, &bus);
      mk_test_bus_assert_goes (probe, mk_test_bus_stop_later, &bus);
    }
  mk_test_bus_clear (&bus);
}

/* Whoever wants it to ask seldom is told at once all the same: the bus reports changes. */
static void
test_notices_between_attempts (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  mk_probe_set_interval (MK_PROBE (probe), 2 * MK_TEST_LIMIT_MS);
  mk_test_bus_assert_comes (probe, mk_test_bus_own_later, &bus);
  mk_test_bus_assert_goes (probe, mk_test_bus_release_later, &bus);
  mk_test_bus_own (&bus);
  mk_test_bus_assert_goes (probe, mk_test_bus_stop_later, &bus);
  mk_test_bus_clear (&bus);
}

/* Nobody asks from then on, and what still comes finds nobody. */
static void
test_dropped_at_any_time (void)
{
  GMainContext *context = g_main_context_get_thread_default ();
  MkTestBus bus;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GAsyncResult) result = NULL;
      MkProbe *probe = MK_PROBE (mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME));

      mk_probe_wait_async (probe, 0, cancellable, mk_test_store_result, &result);
      g_usleep (i * 50);
      if (i % 2 == 0)
        mk_test_bus_own (&bus);
      g_cancellable_cancel (cancellable);
      if (i % 2 == 0)
        mk_test_bus_release (&bus);
      g_object_unref (probe);
      g_assert_true (mk_test_await_result (context, &result, MK_TEST_LIMIT_MS));
    }
  mk_test_bus_clear (&bus);
}

int
main (int argc, char **argv)
{
  g_autofree char *daemon = g_find_program_in_path ("dbus-daemon");

  if (daemon == NULL)
    {
      g_print ("1..0 # SKIP dbus-daemon is not installed\n");
      return 0;
    }

  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/dbus/what-counts", test_what_counts);
  mk_test_add ("/dbus/settings-change", test_settings_change);
  mk_test_add ("/dbus/invalid", test_invalid);
  mk_test_add ("/dbus/invalid-in-executor", test_invalid_in_executor);
  mk_test_add ("/dbus/session-bus", test_session_bus);
  mk_test_add ("/dbus/system-bus", test_system_bus);
  mk_test_add ("/dbus/addresses", test_addresses);
  mk_test_add_everywhere ("/dbus/name-comes-and-goes", test_name_comes_and_goes);
  mk_test_add_everywhere ("/dbus/bus-comes-and-goes", test_bus_comes_and_goes);
  mk_test_add_everywhere ("/dbus/notices-between-attempts", test_notices_between_attempts);
  mk_test_add ("/dbus/dropped-at-any-time", test_dropped_at_any_time);

  return g_test_run ();
}
