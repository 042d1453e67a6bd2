/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets that are passed to the service, as systemd does. */

#include <gio/gunixsocketaddress.h>
#include <mirakuru-glib.h>

#include "mk-test-calls.h"

/* Serves what it gets: each client is told the name of the socket and the number of the service's start. */
static const char server[] = "import os, socket, sys\n"
                             "assert int(os.environ['LISTEN_PID']) == os.getpid(), os.environ['LISTEN_PID']\n"
                             "names = os.environ['LISTEN_FDNAMES'].split(':')\n"
                             "assert len(names) == int(os.environ['LISTEN_FDS'])\n"
                             "sockets = [socket.socket(fileno=3 + i) for i in range(len(names))]\n"
                             "print('serving', flush=True)\n"
                             "import selectors\n"
                             "selector = selectors.DefaultSelector()\n"
                             "for name, s in zip(names, sockets):\n"
                             "    selector.register(s, selectors.EVENT_READ, name)\n"
                             "while True:\n"
                             "    for key, _ in selector.select():\n"
                             "        client = key.fileobj.accept()[0]\n"
                             "        client.sendall(key.data.encode())\n"
                             "        client.close()\n";

static GSocket *
listen_on_loopback (void)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GError) error = NULL;
  GSocket *socket =
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_assert_no_error (error);
  g_socket_bind (socket, address, TRUE, &error);
  g_assert_no_error (error);
  g_socket_listen (socket, &error);
  g_assert_no_error (error);
  return socket;
}

static GSocket *
connect_to (GSocket *server_socket)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (server_socket, &error);
  GSocket *client = g_socket_new (
      g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_assert_no_error (error);
  g_socket_connect (client, address, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_timeout (client, MK_TEST_LIMIT_MS / 1000);
  return client;
}

static void
assert_says (GSocket *client, const char *expected)
{
  g_autoptr (GError) error = NULL;
  char text[100] = { 0 };

  g_socket_receive (client, text, sizeof text - 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_served (void)
{
  const char *const argv[] = { "python3", "-c", server, NULL };
  g_autoptr (MkOutputExecutor) executor = NULL;
  g_autoptr (GSocket) first = listen_on_loopback ();
  g_autoptr (GSocket) second = listen_on_loopback ();

  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_output_executor_new (argv, "serving");
  mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (executor), first, "first");
  mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (executor), second, NULL);
  for (guint i = 0; i < 2; i++)
    {
      /* Nobody accepts yet. */
      g_autoptr (GSocket) early = connect_to (first);
      g_autoptr (GSocket) late = NULL;

      mk_test_assert_starts (executor);
      assert_says (early, "first");
      late = connect_to (second);
      assert_says (late, "unknown");
      mk_test_assert_stops (executor);
    }
}

/* A port that accepts connections before the service is up is nothing that is in its way. */
static void
test_with_probe (void)
{
  static const char http[] =
      "import http.server, os, socket\n"
      "class Server(http.server.HTTPServer):\n"
      "    def server_bind(self):\n"
      "        self.socket.close()\n"
      "        self.socket = socket.socket(fileno=3)\n"
      "        self.server_name, self.server_port = 'localhost', 0\n"
      "    def server_activate(self):\n"
      "        pass\n"
      "Server(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler).serve_forever()\n";
  const char *const argv[] = { "python3", "-c", http, NULL };
  g_autoptr (GSocket) socket = listen_on_loopback ();
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/",
                                          g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
  g_autoptr (MkHttpExecutor) executor = NULL;

  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_http_executor_new (argv, url);
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), "/proc/sys");
  mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (executor), socket, "http");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* A real server that takes LISTEN_FDS */
static void
test_dbus_daemon (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "bus", NULL);
  g_autofree char *bus = g_strconcat ("unix:path=", path, NULL);
  const char *const argv[] = { "dbus-daemon", "--session",          "--nofork",
                               "--nopidfile", "--address=systemd:", NULL };
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (bus, "org.freedesktop.DBus");
  g_autoptr (MkExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_program (argv[0]))
    return;
  g_socket_bind (socket, address, FALSE, &error);
  g_assert_no_error (error);
  g_socket_listen (socket, &error);
  g_assert_no_error (error);
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (executor), socket, "bus");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_bad_use (void)
{
  static const char *const argv[] = { "sleep", "60", NULL };
  g_autoptr (GSocket) socket = listen_on_loopback ();
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (3);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  g_autoptr (MkSimpleExecutor) other = mk_simple_executor_new (argv);
  g_autoptr (MkSimpleExecutor) closed = mk_simple_executor_new (argv);

  mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (executor), socket, NULL);
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Descriptor 3");
  mk_simple_executor_add_socket (other, socket, "a:b");
  mk_test_assert_start_fails (other, MK_ERROR_INVALID_ARGUMENT, "a:b");
  g_socket_close (socket, NULL);
  mk_simple_executor_add_socket (closed, socket, "gone");
  mk_test_assert_start_fails (closed, MK_ERROR_SPAWN_FAILED, "gone");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  mk_test_add ("/sockets/served", test_served);
  mk_test_add ("/sockets/with-probe", test_with_probe);
  mk_test_add ("/sockets/dbus-daemon", test_dbus_daemon);
  mk_test_add ("/sockets/bad-use", test_bad_use);
  return g_test_run ();
}
