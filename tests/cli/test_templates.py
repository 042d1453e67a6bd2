#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services files, and all templates: each with its real server and a client of it, as root and as another user."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import unittest

from clitest import LINUX_FEATURES, LOCALHOST, TOOL, TestCase, free_port, needs_linux_features, poll, service

TEMPLATES = os.environ["MIRAKURU_GLIB_TEMPLATES"]

MEMCACHED = """
import os, socket
host, port = os.environ["MEMCACHED_SERVERS"].split(":")
with socket.create_connection((host, int(port)), 10) as client:
    client.sendall(b"set tea 0 0 5\\r\\ngreen\\r\\nget tea\\r\\n")
    reply = b""
    while not reply.endswith(b"END\\r\\n"):
        reply += client.recv(100)
assert b"green" in reply, reply
"""

GDK = """
import sys
try:
    import gi
    gi.require_version("Gtk", "4.0")
    from gi.repository import Gdk, Gtk
except (ImportError, ValueError):
    sys.exit(77)
print(Gdk.Display.get_default().__gtype__.name if Gtk.init_check() else None)
"""

FETCH = """
import os, urllib.request
assert b"hello" in urllib.request.urlopen(os.environ["HTTP_URL"] + "hello.txt", timeout=10).read()
"""

# The broker's side of a handshake of AMQP 0-9-1
AMQP = """
import os, socket, urllib.parse
url = urllib.parse.urlsplit(os.environ["AMQP_URL"])
with socket.create_connection((url.hostname, url.port), 10) as client:
    client.sendall(b"AMQP\\x00\\x00\\x09\\x01")
    assert b"RabbitMQ" in client.recv(4096)
"""

# A name on the bus, and that nothing of the host would be started
BUS = """
import sys, gi
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(getattr(Gio.BusType, sys.argv[1]))
call = lambda method, args: bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                          method, args, None, 0, 10000, None).unpack()[0]
assert call("RequestName", GLib.Variant("(su)", ("org.example.It", 0))) == 1
assert call("ListActivatableNames", None) == ["org.freedesktop.DBus"]
"""

PYTHON = sys.executable

# The template, and a client: its program that may be missing, and the command.
CLIENTS = {
    "etcd": ("etcdctl", "etcdctl put tea green && etcdctl get tea | grep green"),
    "home": (None, 'touch "$XDG_CONFIG_HOME/x" && test $GSETTINGS_BACKEND = memory && test "$HOME" = {home.dir}'),
    "http": (PYTHON, [PYTHON, "-c", FETCH]),
    "mariadb": ("mariadb", "mariadb --no-defaults -h $MYSQL_HOST -P $MYSQL_TCP_PORT --protocol=tcp -u root test "
                           "-e 'create table tea (kind text); insert into tea values (\"green\"); select * from tea' | grep green"),
    "memcached": (PYTHON, [PYTHON, "-c", MEMCACHED]),
    "mosquitto": ("mosquitto_pub", "mosquitto_pub -h $MQTT_HOST -p $MQTT_PORT -t tea -m green -r -q 1 && "
                                   "mosquitto_sub -h $MQTT_HOST -p $MQTT_PORT -t tea -C 1 -W 10 | grep green"),
    "nginx": (PYTHON, [PYTHON, "-c", FETCH]),
    "postgresql": ("psql", "psql -X -c 'create table tea (kind text)' && psql -X -c 'select count(*) from tea' \"$DATABASE_URL\""),
    "rabbitmq": (PYTHON, [PYTHON, "-c", AMQP]),
    "redis": ("redis-cli", "redis-cli -u $REDIS_URL set tea green && redis-cli -u $REDIS_URL get tea | grep green"),
    "session-bus": (PYTHON, [PYTHON, "-c", BUS, "SESSION"]),
    "slapd": ("ldapsearch", "ldapsearch -x -LLL -s base -b '' namingContexts | grep $LDAPBASE"),
    "system-bus": (PYTHON, [PYTHON, "-c", BUS, "SYSTEM"]),
    "weston": (None, "test -S $WAYLAND_DISPLAY"),
    "xvfb": ("xdpyinfo", "xdpyinfo | grep 1280x1024"),
}

# What of it cannot be done without linux_features
NEED_LINUX_FEATURES = {
    "rabbitmq": "processes that leave their group are found",
    "redis": "services are given a NOTIFY_SOCKET",
}

# Seconds; rabbitmq needed 58 where 20 processes wanted one of two processors.
START_LIMIT = 180
# What is set of a template
OPTIONS = {"nginx": ["--set", "nginx.root=served"], "http": ["--set", "http.root=served"]}


def is_missing(stderr):
    return "is missing" in stderr


class Templates(TestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("served"))
        with open(self.path("served/hello.txt"), "w", encoding="utf-8") as file:
            file.write("hello")
        os.mkdir(self.path("t"))
        self.env["TMPDIR"] = self.path("t")
        for folder in (self.folder, self.path("t")):
            os.chmod(folder, 0o777)

    def assert_works(self, name, **options):
        program, command = CLIENTS[name]
        if name in NEED_LINUX_FEATURES and not LINUX_FEATURES:
            self.skipTest(f"not without linux_features: {NEED_LINUX_FEATURES[name]}")
        if program is not None and not shutil.which(program):
            self.skipTest(f"{program} is missing")
        argv = command if isinstance(command, list) else ["sh", "-c", command]
        tool = self.start("run", "--template", name, *OPTIONS.get(name, []), "--", *argv, **options)
        status = tool.wait(START_LIMIT)
        if status == 125 and is_missing(tool.stderr):
            self.skipTest(tool.stderr)
        self.assertEqual(status, 0, tool.stdout + tool.stderr)
        self.assertNotIn("killed", tool.stderr)
        self.assert_nothing_left()
        self.assertEqual(os.listdir(self.path("t")), [])

    def test_all_are_tried(self):
        names = {os.path.basename(path)[:-len(".ini")] for path in glob.glob(TEMPLATES + "/*.ini")}
        self.assertEqual(names, set(CLIENTS))

    def test_list(self):
        status, stdout, _ = self.run_tool("templates")
        self.assertEqual(status, 0)
        self.assertEqual([line.split()[0] for line in stdout.splitlines()], sorted(CLIENTS))
        status, stdout, _ = self.run_tool("templates", "redis")
        self.assertEqual(status, 0)
        self.assertIn("[redis]\n", stdout)
        self.assertIn(TEMPLATES + "/redis.ini\n", stdout)
        status, _, stderr = self.run_tool("templates", "redsi")
        self.assertEqual(status, 125)
        self.assertIn("did you mean redis?", stderr)

    def test_missing_program(self):
        self.env["PATH"] = self.folder
        _, stdout, _ = self.run_tool("templates")
        self.assertRegex(stdout, "redis .*“redis-server” is missing; on Debian it is in the package redis-server\n")
        status, _, stderr = self.run_tool("run", "--template", "redis", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("“redis-server” is missing", stderr)

    def test_display_of_the_user(self):
        for program in ("weston", "Xvfb"):
            if not shutil.which(program):
                self.skipTest(f"{program} is missing")
        for backend in ("", "wayland"):
            with self.subTest(backend):
                self.env.update(XDG_RUNTIME_DIR=self.path("t"), GDK_BACKEND=backend)
                status, stdout, stderr = self.run_tool(
                    "run", "--service", "weston --no-config --backend=headless-backend.so --socket=wayland-0",
                    "--unix", self.path("t/wayland-0"), "--", TOOL, "run", "--template", "xvfb", "--", PYTHON, "-c", GDK)
                if status == 77:
                    self.skipTest("the typelib of GTK 4 is missing")
                self.assertEqual((status, stdout), (0, "GdkX11Display\n"), stderr)

    def test_own_template(self):
        self.env["XDG_DATA_HOME"] = self.path("data")
        folder = self.path("data/mirakuru-glib-1/templates")
        os.makedirs(folder)
        del self.env["MIRAKURU_GLIB_TEMPLATES"]
        with open(folder + "/mine.ini", "w", encoding="utf-8") as file:
            file.write(f"[mine]\nDescription=This is mine\nValues=word=theirs\nCommand={service('--ready', '{word}')}\n"
                       "Output=(?P<said>theirs|ours)\n")
        _, stdout, _ = self.run_tool("templates")
        self.assertRegex(stdout, "mine +This is mine\n")
        for options, expected in (([], "theirs"), (["--set", "mine.word=ours"], "ours")):
            status, stdout, stderr = self.run_tool("run", "--template", "mine", *options, "--", "echo", "{mine.said}")
            self.assertEqual((status, stdout), (0, expected + "\n"), stderr)

    @needs_linux_features("services are given a NOTIFY_SOCKET")
    def test_set(self):
        port = free_port()
        status, stdout, stderr = self.run_tool("run", "--template", "redis", "--name", "cache", "--set", f"cache.port={port}",
                                               "--set", "cache.StopTimeout=5s", "--", "sh", "-c", "echo $CACHE_PORT $REDIS_URL")
        if is_missing(stderr):
            self.skipTest(stderr)
        self.assertEqual((status, stdout), (0, f"{port} redis://{LOCALHOST}:{port}/0\n"), stderr)
        for value, words in (("cache.prot=1", "--set: the template has no value “prot”, only: port, host"),
                             ("cachee.port=1", "--set cachee.port=1: there is no service 'cachee'"),
                             ("cache.Timeout=soon", "--timeout: “soon” is not a time"),
                             ("cache.Nothing=1", "Nothing: there is no such key"),
                             ("port=1", "--set needs NAME.KEY=VALUE"), ("cache.port", "--set needs NAME.KEY=VALUE")):
            status, _, stderr = self.run_tool("run", "--template", "redis", "--name", "cache", "--set", value, "--", "true")
            self.assertEqual(status, 125)
            self.assertIn(words, stderr)


class Files(TestCase):
    def write(self, text, name="services.ini"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_file(self):
        path = self.write(f"[one]\nCommand={service('--ready', 'up')}\nOutput=up\nExport=ONE={{one.pid}}\n"
                          f"[two]\nRequires=one\nCommand={service('--ready', 'up')}\nOutput=up\n")
        status, stdout, stderr = self.run_tool("run", "--file", path, "--service", service("--ready", "three"), "--name", "three",
                                               "--output", "three", "--", "sh", "-c", "echo $ONE {one.pid} {two.name} {three.name}")
        self.assertEqual(status, 0, stderr)
        words = stdout.split()
        self.assertEqual(words[0], words[1])
        self.assertEqual(words[2:], ["two", "three"])
        for name in ("one", "two", "three"):
            self.assertIn(f"mirakuru: {name}: ready", stderr)

    def test_killed_while_it_prepares(self):
        os.mkdir(self.path("t"))
        self.env["TMPDIR"] = self.path("t")
        path = self.write("[one]\nPrepare=echo x > '{dir}/x'; sleep 60\nCommand=sleep 60\n")
        for number in (signal.SIGKILL, signal.SIGTERM):
            with self.subTest(number):
                tool = self.start("run", "--file", path)
                poll(lambda: glob.glob(self.path("t/*/x")), "it prepares")
                tool.send(number)
                tool.wait()
                poll(lambda: not os.listdir(self.path("t")), "its directory is removed")
                self.assert_nothing_left()

    def test_several_files(self):
        one = self.write(f"[one]\nCommand={service()}\n", "one.ini")
        two = self.write(f"[two]\nCommand={service()}\n", "two.ini")
        status, _, stderr = self.run_tool("run", "--file", one, "--file", two, "--set", "two.StopTimeout=1s", "--", "true")
        self.assertEqual(status, 0, stderr)
        status, _, stderr = self.run_tool("run", "--file", one, "--file", one, "--", "true")
        self.assertEqual(status, 125)
        self.assertIn(f"{one}:1: [one]: There are two services “one” in the group", stderr)

    def test_mistakes(self):
        path = self.write("[one]\nCommandd=x\n")
        status, _, stderr = self.run_tool("run", "--file", path, "--", "true")
        self.assertEqual(status, 125)
        self.assertIn(f"{path}:2: Commandd: there is no such key; did you mean Command?", stderr)
        status, _, stderr = self.run_tool("run", "--file", path, "--tcp", "1", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("--set changes what is in a file", stderr)
        status, _, stderr = self.run_tool("run", "--file", self.path("none.ini"), "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("--file", stderr)
        self.assertIn("none.ini", stderr)

    def test_isolated_bus(self):
        """The home of its own has no bus but the one that is started."""
        path = self.write("[bus]\nTemplate=session-bus\n"
                          "[seen]\nRequires=bus\nCompletes=true\n"
                          f"Shell=test $DBUS_SESSION_BUS_ADDRESS = unix:path={{bus.dir}}/bus && test $HOME != {os.environ['HOME']}\n"
                          "[blind]\nCompletes=true\nShell=test $DBUS_SESSION_BUS_ADDRESS = disabled:\n")
        status, stdout, stderr = self.run_tool("run", "--isolate", "--file", path, "--", "sh", "-c",
                                               "echo $DBUS_SESSION_BUS_ADDRESS $DBUS_SYSTEM_BUS_ADDRESS {bus.dir}")
        if is_missing(stderr):
            self.skipTest(stderr)
        self.assertEqual(status, 0, stderr)
        session, system, folder = stdout.split()
        self.assertEqual((session, system), (f"unix:path={folder}/bus", "disabled:"))


def add_test(name):
    def test_as_this_user(self):
        self.assert_works(name)

    def test_as_another_user(self):
        if os.getuid() != 0:
            self.skipTest("only root can be somebody else")
        nobody = pwd.getpwnam("nobody")
        if subprocess.run([TOOL, "--version"], user=nobody.pw_uid, check=False, capture_output=True).returncode != 0:
            self.skipTest("nobody can run mirakuru here")
        self.assert_works(name, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])

    setattr(Templates, "test_" + name.replace("-", "_"), test_as_this_user)
    setattr(Templates, "test_" + name.replace("-", "_") + "_as_nobody", test_as_another_user)


for template in CLIENTS:
    add_test(template)

if __name__ == "__main__":
    unittest.main()
