# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names on a message bus, which is a dbus-daemon of its own."""

import os
import shutil
import tempfile
import threading
import time
import unittest

from mktest import Async, Gio, GLib, Mk, Sync, TestCase

NAME = "org.example.MirakuruTest"
BUS_NAME = "org.freedesktop.DBus"


def connect(address):
    flags = Gio.DBusConnectionFlags
    return Gio.DBusConnection.new_for_address_sync(
        address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)


def call(connection, method, *arguments):
    parameters = GLib.Variant("(su)" if len(arguments) == 2 else "(s)", arguments)
    connection.call_sync(BUS_NAME, "/org/freedesktop/DBus", BUS_NAME, method, parameters, None, 0, 10000, None)


@unittest.skipUnless(shutil.which("dbus-daemon"), "dbus-daemon is not installed")
class DBusTests:
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.address = f"unix:path={self.folder}/bus"
        command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={self.address}"]
        self.bus = self.keep(Mk.Executor.new(command, Mk.DBusProbe.new(self.address, BUS_NAME)))

    def test_comes_and_goes(self):
        probe = Mk.DBusProbe.new(self.address, NAME)
        self.assertFalse(self.call(probe, "check"))
        self.call(self.bus, "start")
        self.assertFalse(self.call(probe, "check"))
        connection = connect(self.address)
        self.do_later(call, connection, "RequestName", NAME, 0)
        self.assertTrue(self.call(probe, "wait", 30000))
        self.assertTrue(self.call(probe, "check"))
        self.do_later(call, connection, "ReleaseName", NAME)
        self.assertTrue(self.call(probe, "wait_gone", 30000))
        self.call(self.bus, "stop")
        self.assertFalse(self.call(probe, "check"))

    def do_later(self, function, *arguments):
        def run():
            time.sleep(0.02)
            function(*arguments)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)

    def test_already_running(self):
        self.call(self.bus, "start")
        connection = connect(self.address)
        call(connection, "RequestName", NAME, 0)
        executor = self.keep(Mk.Executor.new(["sleep", "60"], Mk.DBusProbe.new(self.address, NAME)))
        message = self.assert_raises(Mk.Error.ALREADY_RUNNING, self.call, executor, "start")
        self.assertIn(f"(pid {os.getpid()})", message)
        self.call(self.bus, "stop")

    def test_settings(self):
        probe = Mk.DBusProbe(bus="session", name=NAME)
        self.assertEqual((probe.get_bus(), probe.props.name), ("session", NAME))
        self.assertEqual(probe.describe(), f"{NAME} to have an owner on the session bus")
        for bus, name in ((None, NAME), ("no address", NAME), ("system", None), ("system", ":1.1")):
            probe = Mk.DBusProbe(bus=bus, name=name)
            self.assert_raises(Mk.Error.INVALID_ARGUMENT, self.call, probe, "check")


class DBusSync(DBusTests, Sync, TestCase):
    pass


class DBusAsync(DBusTests, Async, TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
