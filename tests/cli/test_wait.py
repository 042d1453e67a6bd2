# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru wait`: for what something else starts or stops."""

import os
import signal
import socket
import threading
import time
import unittest

from clitest import LOCALHOST, TestCase, free_port, tcp


class Server:
    """Listens, from later on or until later."""

    def __init__(self, port=0):
        self.socket = socket.create_server((LOCALHOST, port))
        self.port = self.socket.getsockname()[1]

    def close_in(self, seconds):
        timer = threading.Timer(seconds, self.socket.close)
        timer.start()
        return timer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Wait(TestCase):
    def test_is_there(self):
        with Server() as server:
            status, stdout, stderr = self.run_tool("wait", *tcp(server.port))
        self.assertEqual((status, stdout), (0, ""))
        self.assertRegex(stderr, rf"\Amirakuru: 127\.0\.0\.1:{server.port}: ready after \d+\.\d\d s\n\Z")

    def test_comes_later(self):
        port = free_port()
        tool = self.start("wait", *tcp(port))
        time.sleep(0.3)
        self.assertIsNone(tool.process.poll())
        with Server(port):
            begun = time.monotonic()
            self.assertEqual(tool.wait(), 0, tool.stderr)
            self.assertLess(time.monotonic() - begun, 2)

    def test_waits_for_all(self):
        port = free_port()
        with Server() as server:
            tool = self.start("wait", *tcp(server.port), *tcp(port))
            tool.expect(f":{server.port}: ready after")
            self.assertIsNone(tool.process.poll())
            with Server(port):
                self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_timeout(self):
        port = free_port()
        begun = time.monotonic()
        status, _, stderr = self.run_tool("wait", "--timeout", "0.3", *tcp(port), "--", "echo", "COMMAND")
        self.assertEqual(status, 124)
        self.assertGreater(time.monotonic() - begun, 0.3)
        self.assertIn(f"127.0.0.1:{port}", stderr)

    def test_timeout_of_one(self):
        with Server() as server:
            status, _, _ = self.run_tool("wait", "--timeout", "0.2", *tcp(server.port), *tcp(free_port()))
        self.assertEqual(status, 124)

    def test_no_time_limit(self):
        port = free_port()
        tool = self.start("wait", "--timeout", "0", *tcp(port))
        time.sleep(0.3)
        self.assertIsNone(tool.process.poll())
        tool.send(signal.SIGTERM)
        self.assertEqual(tool.wait(), -signal.SIGTERM)

    def test_quiet(self):
        with Server() as server:
            self.assertEqual(self.run_tool("wait", "--quiet", *tcp(server.port)), (0, "", ""))

    def test_forms_of_an_address(self):
        with Server() as server:
            for form in (f"localhost:{server.port}", f":{server.port}", f"{server.port}"):
                status, _, stderr = self.run_tool("wait", "--timeout", "5", "--tcp", form)
                self.assertEqual(status, 0, stderr)

    def test_ipv6(self):
        try:
            server = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6")
        with server:
            port = server.getsockname()[1]
            status, _, stderr = self.run_tool("wait", "--timeout", "5", "--tcp", f"[::1]:{port}")
            self.assertEqual(status, 0, stderr)


class Gone(TestCase):
    def test_is_gone(self):
        port = free_port()
        status, _, stderr = self.run_tool("wait", "--gone", *tcp(port))
        self.assertEqual(status, 0)
        self.assertRegex(stderr, rf"\Amirakuru: 127\.0\.0\.1:{port}: gone after \d+\.\d\d s\n\Z")

    def test_goes_later(self):
        with Server() as server:
            begun = time.monotonic()
            timer = server.close_in(0.3)
            status, _, stderr = self.run_tool("wait", "--gone", *tcp(server.port))
            timer.join()
        self.assertEqual(status, 0, stderr)
        self.assertGreater(time.monotonic() - begun, 0.3)

    def test_timeout(self):
        with Server() as server:
            status, _, stderr = self.run_tool("wait", "--gone", "--timeout", "0.3", *tcp(server.port))
        self.assertEqual(status, 124)
        self.assertIn(str(server.port), stderr)


class Command(TestCase):
    def run_command(self, *command, **options):
        with Server() as server:
            return self.run_tool("wait", "--quiet", *tcp(server.port), "--", *command, **options)

    def test_takes_the_place_of_mirakuru(self):
        with Server() as server:
            tool = self.start("wait", *tcp(server.port), "--", "sh", "-c", "echo $$; exit 7")
            self.assertEqual(tool.wait(), 7)
        self.assertEqual(tool.stdout, f"{tool.process.pid}\n")

    def test_not_found(self):
        status, _, stderr = self.run_command("mk-no-such-command")
        self.assertEqual(status, 127)
        self.assertIn("mk-no-such-command", stderr)

    def test_not_executable(self):
        with open(self.path("plain"), "w", encoding="utf-8") as file:
            file.write("nothing")
        self.assertEqual(self.run_command("./plain")[0], 126)
        self.assertEqual(self.run_command(self.folder)[0], 126)

    def test_signals_are_as_before(self):
        _, stdout, _ = self.run_command("sh", "-c", "grep SigIgn /proc/self/status")
        ignored = int(stdout.split()[1], 16)
        self.assertEqual(ignored >> (signal.SIGPIPE - 1) & 1, 0)

    def test_open_files(self):
        read, write = os.pipe()
        status, _, stderr = self.run_command("sh", "-c", f"echo through >&{write}", pass_fds=[write])
        os.close(write)
        self.assertEqual(status, 0, stderr)
        self.assertEqual(os.read(read, 100), b"through\n")
        os.close(read)


if __name__ == "__main__":
    unittest.main()
