/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that take a name on a bus; a bus that is hung; threads; and that the probe leaves no connection
 * behind.
 */

#include "mk-test-bus.h"
#include "mk-test-calls.h"

#include <gio/gunixsocketaddress.h>
#include <signal.h>
#include <unistd.h>

#define LONG_MS (60 * 1000)

/* ---- executors ---- */

static MkSimpleExecutor *
new_service (MkTestBus *bus, const char *tag, const char *after_ms)
{
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (bus->address, MK_TEST_BUS_NAME);
  const char *const argv[] = { g_getenv ("MK_TEST_BUS_SERVICE"),
                               "--tag",
                               tag,
                               "--bus",
                               bus->address,
                               "--name",
                               MK_TEST_BUS_NAME,
                               "--after",
                               after_ms,
                               NULL };
  MkExecutor *executor = mk_executor_new (argv, MK_PROBE (probe));

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return MK_SIMPLE_EXECUTOR (executor);
}

static void
test_service (void)
{
  MkTestBus bus;
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *pid = NULL;
  g_autoptr (MkSimpleExecutor) service = NULL;
  g_autoptr (MkSimpleExecutor) second = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("processes have names"))
    return;
  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  service = new_service (&bus, tag, "20");
  mk_test_assert_starts (service);
  g_assert_true (mk_test_check (mk_executor_get_probe (MK_EXECUTOR (service)), NULL, NULL));

  second = new_service (&bus, tag, "0");
  g_assert_false (mk_test_start (second, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, MK_TEST_BUS_NAME " already has an owner on the bus at unix:path=");
  pid = g_strdup_printf ("mk-test-bus-ser (pid %d)", (int) mk_simple_executor_get_pid (service));
  mk_test_assert_contains (error->message, pid);

  mk_test_assert_stops (service);
  g_clear_error (&error);
  g_assert_true (mk_test_probe_wait_gone (
      mk_executor_get_probe (MK_EXECUTOR (service)), MK_TEST_LIMIT_MS, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_starts (second);
  mk_test_assert_stops (second);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  mk_test_bus_clear (&bus);
}

static void
test_service_never_takes_its_name (void)
{
  MkTestBus bus;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) service = NULL;
  g_autoptr (GError) error = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  service = new_service (&bus, tag, "100000");
  mk_simple_executor_set_start_timeout (service, 300);
  g_assert_false (mk_test_start (service, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "the name has no owner");
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  mk_test_bus_clear (&bus);
}

/* What the bus could start is not started by asking for it. */
static void
test_no_activation (void)
{
  MkTestBus bus;
  g_autofree char *folder = NULL;
  g_autofree char *file = NULL;
  g_autofree char *started = NULL;
  g_autofree char *text = NULL;
  g_autofree char *variable = NULL;
  g_autofree char *names = NULL;
  g_autoptr (GVariant) activatable = NULL;
  g_autoptr (MkDBusProbe) probe = NULL;
  g_autoptr (GError) error = NULL;

  mk_test_bus_init (&bus);
  folder = g_build_filename (bus.folder, "dbus-1", "services", NULL);
  file = g_build_filename (folder, "test.service", NULL);
  started = g_build_filename (bus.folder, "started", NULL);
  text = g_strdup_printf ("[D-BUS Service]\nName=" MK_TEST_BUS_NAME "\nExec=/usr/bin/touch %s\n", started);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
  variable = g_strconcat ("XDG_DATA_HOME=", bus.folder, NULL);
  mk_simple_executor_set_environment (bus.daemon, (const char *[]){ variable, NULL });
  mk_test_bus_start (&bus);
  activatable = mk_test_bus_call (&bus, "ListActivatableNames", NULL);
  names = g_variant_print (activatable, FALSE);
  mk_test_assert_contains (names, MK_TEST_BUS_NAME);

  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  mk_test_bus_assert_says (probe, FALSE);
  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  mk_test_bus_assert_times_out (probe, 100, "the name has no owner");
  g_assert_false (g_file_test (started, G_FILE_TEST_EXISTS));
  mk_test_bus_clear (&bus);
}

/* ---- a bus that is hung ---- */

static void
assert_hung (gpointer probe)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  mk_test_bus_assert_times_out (probe, 300, "the bus does not answer");
  g_assert_false (mk_test_probe_wait_gone (probe, 100, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_clear_error (&error);
  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_probe_wait (probe, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* Sooner than the bus is given up. */
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 4 * G_TIME_SPAN_SECOND);
}

static void
test_hung (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) early = NULL;
  g_autoptr (MkDBusProbe) late = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  mk_test_bus_own (&bus);
  early = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  late = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  mk_test_bus_assert_says (early, TRUE);
  mk_test_bus_signal (&bus, SIGSTOP);
  assert_hung (early);
  assert_hung (late);
  mk_test_bus_assert_comes (early, mk_test_bus_continue_later, &bus);
  mk_test_bus_assert_says (late, TRUE);
  mk_test_bus_clear (&bus);
}

/* It is given up then, and another one may be there. */
static void
test_hung_for_long (void)
{
  MkTestBus bus, next;
  g_autoptr (MkDBusProbe) probe = NULL;
  g_autofree char *path = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  mk_test_bus_own (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  mk_test_bus_assert_says (probe, TRUE);
  mk_test_bus_signal (&bus, SIGSTOP);
  mk_test_bus_assert_says (probe, FALSE);

  path = g_build_filename (bus.folder, "bus", NULL);
  g_assert_cmpint (unlink (path), ==, 0);
  next = bus;
  next.owner = NULL;
  next.daemon = MK_SIMPLE_EXECUTOR (mk_executor_new (mk_simple_executor_get_command (bus.daemon),
                                                     mk_executor_get_probe (MK_EXECUTOR (bus.daemon))));
  mk_test_bus_assert_comes (probe, mk_test_bus_start_and_own_later, &next);
  mk_test_bus_stop (&next);
  g_object_unref (next.daemon);
  mk_test_bus_clear (&bus);
}

static void
test_executor_on_hung_bus (void)
{
  MkTestBus bus;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) service = NULL;
  GThread *thread;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  service = new_service (&bus, tag, "0");
  mk_test_bus_signal (&bus, SIGSTOP);
  thread = g_thread_new ("continues", mk_test_bus_continue_later, &bus);
  mk_test_assert_starts (service);
  g_thread_join (thread);
  mk_test_assert_stops (service);
  mk_test_bus_clear (&bus);
}

/* ---- what it leaves ---- */

static guint
count_connections (MkTestBus *bus)
{
  g_autoptr (GVariant) reply = mk_test_bus_call (bus, "ListNames", NULL);
  g_autoptr (GVariant) names = g_variant_get_child_value (reply, 0);

  return (guint) g_variant_n_children (names);
}

static gboolean
only_test_is_connected (gpointer bus)
{
  /* The bus itself, and the test */
  return count_connections (bus) == 2;
}

static void
ask_in_all_ways (MkTestBus *bus)
{
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (bus->address, MK_TEST_BUS_NAME);
  g_autoptr (GError) error = NULL;

  mk_test_bus_assert_says (probe, FALSE);
  g_assert_false (mk_test_probe_wait (probe, 5, NULL, NULL));
  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
}

static void
test_leaves_no_connection (void)
{
  MkTestBus bus;
  guint n;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  ask_in_all_ways (&bus);
  g_assert_true (mk_test_poll_until (only_test_is_connected, &bus, MK_TEST_LIMIT_MS));
  n = mk_test_count_entries ("/proc/self/fd");
  for (guint i = 0; i < 20; i++)
    ask_in_all_ways (&bus);
  g_assert_true (mk_test_poll_until (only_test_is_connected, &bus, MK_TEST_LIMIT_MS));
  g_assert_true (mk_test_wait_descriptors (n));
  mk_test_bus_clear (&bus);
}

/* What listens there takes connections, and never says a word. */
static void
test_silent_bus_leaves_nothing (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "bus", NULL);
  g_autofree char *address = g_strconcat ("unix:path=", path, NULL);
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSocketAddress) socket = g_unix_socket_address_new (path);
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (address, MK_TEST_BUS_NAME);
  g_autoptr (GError) error = NULL;
  guint n;

  g_socket_listener_set_backlog (listener, 100);
  g_socket_listener_add_address (
      listener, socket, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
  g_assert_no_error (error);

  mk_test_bus_assert_times_out (probe, 20, "the bus does not answer");
  n = mk_test_count_entries ("/proc/self/fd");
  for (guint i = 0; i < 30; i++)
    mk_test_bus_assert_times_out (probe, i + 1, "the bus does not answer");
  g_assert_true (mk_test_wait_descriptors (n));
}

/* Answers Hello, the first message of a client, and closes the connection at once. */
static GDBusMessage *
greet_and_close (GDBusConnection *connection, GDBusMessage *message, gboolean is_incoming, gpointer user_data)
{
  GSocket *socket =
      g_socket_connection_get_socket (G_SOCKET_CONNECTION (g_dbus_connection_get_stream (connection)));
  g_autoptr (GDBusMessage) reply = NULL;
  g_autofree guchar *blob = NULL;
  gsize size = 0;

  if (!is_incoming || g_strcmp0 (g_dbus_message_get_member (message), "Hello") != 0)
    return message;
  reply = g_dbus_message_new_method_reply (message);
  g_dbus_message_set_serial (reply, 1);
  g_dbus_message_set_body (reply, g_variant_new ("(s)", ":1.1"));
  blob = g_dbus_message_to_blob (reply, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  g_socket_send (socket, (const char *) blob, size, NULL, NULL);
  g_socket_shutdown (socket, TRUE, TRUE, NULL);
  g_object_unref (message);
  return NULL;
}

static gboolean
accept_client (GDBusServer *server, GDBusConnection *connection, gpointer clients)
{
  g_async_queue_push (clients, g_object_ref (connection));
  g_dbus_connection_add_filter (connection, greet_and_close, NULL, NULL);
  return TRUE;
}

/* What GDBus takes for an error of the programmer would end this test. */
static void
test_bus_closes_at_once (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *address = g_strdup_printf ("unix:path=%s/bus", folder);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (address, MK_TEST_BUS_NAME);
  g_autoptr (GAsyncQueue) clients = g_async_queue_new_full (g_object_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusServer) server =
      g_dbus_server_new_sync (address, G_DBUS_SERVER_FLAGS_RUN_IN_THREAD, guid, NULL, NULL, &error);

  g_assert_no_error (error);
  g_signal_connect (server, "new-connection", G_CALLBACK (accept_client), clients);
  g_dbus_server_start (server);
  mk_test_bus_assert_times_out (probe, 300, "(the "); /* connection was closed, or bus does not answer */
  g_dbus_server_stop (server);
}

/* A probe that is kept, but not asked any more, keeps nothing open. */
static void
test_idle_probe_disconnects (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  for (guint i = 0; i < 2; i++)
    {
      mk_test_bus_assert_says (probe, FALSE);
      g_assert_true (mk_test_poll_until (only_test_is_connected, &bus, MK_TEST_LIMIT_MS));
    }
  mk_test_bus_clear (&bus);
}

/* ---- threads ---- */

static gpointer
wait_in_thread (gpointer probe)
{
  g_autoptr (GError) error = NULL;

  mk_probe_wait (probe, LONG_MS, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
test_threads (void)
{
  MkTestBus bus;
  g_autoptr (MkDBusProbe) probe = NULL;
  GThread *threads[4];

  mk_test_bus_init (&bus);
  probe = mk_dbus_probe_new (bus.address, MK_TEST_BUS_NAME);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("waits", wait_in_thread, probe);
  mk_test_bus_assert_comes (probe, mk_test_bus_start_and_own_later, &bus);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
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

  mk_test_add_everywhere ("/dbus-service/takes-its-name", test_service);
  mk_test_add ("/dbus-service/never-takes-its-name", test_service_never_takes_its_name);
  mk_test_add ("/dbus-service/no-activation", test_no_activation);
  mk_test_add_everywhere ("/dbus-service/hung", test_hung);
  mk_test_add_once ("/dbus-service/hung-for-long", test_hung_for_long);
  mk_test_add ("/dbus-service/executor-on-hung-bus", test_executor_on_hung_bus);
  mk_test_add ("/dbus-service/leaves-no-connection", test_leaves_no_connection);
  mk_test_add ("/dbus-service/silent-bus-leaves-nothing", test_silent_bus_leaves_nothing);
  mk_test_add ("/dbus-service/closes-at-once", test_bus_closes_at_once);
  mk_test_add ("/dbus-service/idle-probe-disconnects", test_idle_probe_disconnects);
  mk_test_add ("/dbus-service/threads", test_threads);

  return g_test_run ();
}
