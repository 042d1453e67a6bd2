# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Leased ports."""

import os
import resource
import socket
import subprocess
import sys
import unittest

from mktest import LIMIT, LOCALHOST, GLib, Mk

PROGRAM = """
import gi
gi.require_version("Mk", "1")
from gi.repository import Mk
leases = [Mk.PortLease.new() for _ in range(20)]
print(*[lease.get_port() for lease in leases], flush=True)
input()
"""


def is_leased(port):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as name:
        try:
            name.bind(f"\0mirakuru-glib-port-{port}")
        except OSError:
            return True
        return False


class PortLease(unittest.TestCase):
    def test_lease(self):
        lease = Mk.PortLease.new()
        port = lease.get_port()
        self.assertEqual(port, lease.props.port)
        self.assertTrue(is_leased(port))
        with socket.create_server((LOCALHOST, port)):
            pass
        lease.release()
        lease.release()
        self.assertFalse(is_leased(port))
        self.assertEqual(lease.get_port(), port)

    def test_dropped(self):
        port = Mk.PortLease.new().get_port()
        self.assertFalse(is_leased(port))

    def test_each_is_given_once(self):
        leases = [Mk.PortLease.new() for _ in range(50)]
        self.assertEqual(len({lease.get_port() for lease in leases}), 50)

    def test_processes(self):
        """Each has its own. However one ends, its ports are free."""
        others = []
        for _ in range(3):
            other = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.end_finally(other)
            others.append(other)
        ports = [[int(port) for port in other.stdout.readline().split()] for other in others]
        own = [Mk.PortLease.new() for _ in range(20)]
        given = [port for some in ports for port in some] + [lease.get_port() for lease in own]
        self.assertEqual((len(given), len(set(given))), (80, 80))
        for other, some in zip(others, ports):
            other.kill()
            other.wait(LIMIT)
            self.assertFalse(any(map(is_leased, some)))

    def end_finally(self, other):
        """Ends a process, whatever the test does."""
        self.addCleanup(other.wait, LIMIT)
        self.addCleanup(other.stdout.close)
        self.addCleanup(other.stdin.close)

    def test_no_descriptor_is_left(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        Mk.PortLease.new().release()
        first_free = os.dup(0)
        os.close(first_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, limits[1]))
        try:
            with self.assertRaises(GLib.Error) as caught:
                Mk.PortLease.new()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertIn("ulimit -n", caught.exception.message)

    @unittest.skipUnless(hasattr(Mk.PortLease, "__enter__"), "this needs the override")
    def test_with(self):
        with Mk.PortLease.new() as lease:
            port = lease.get_port()
            self.assertTrue(is_leased(port))
            self.assertEqual(repr(lease), f"<Mk.PortLease: {port}>")
        self.assertFalse(is_leased(port))


if __name__ == "__main__":
    unittest.main()
