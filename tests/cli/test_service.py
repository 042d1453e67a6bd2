# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a service is given: its input, its terminal, its environment; and conditions of which one is enough."""

import os
import shutil
import signal
import socket
import unittest

from clitest import LOCALHOST, TestCase, free_port, listener, needs_linux_features, service, tcp


class Service(TestCase):
    def run_service(self, command, *options):
        return self.run_tool("run", "--timeout", "20s", "--service", command, *options, "--", "echo", "up")

    def assert_up(self, command, *options):
        status, stdout, stderr = self.run_service(command, *options)
        self.assertEqual((status, stdout), (0, "up\n"), stderr)

    def test_input_that_does_not_end(self):
        command = "sh -c 'cat; echo at the end >&2; exit 3'"
        done = self.path("done")
        status, stdout, stderr = self.run_tool(
            "run", "--service", command, "--stdin", "--service", f"sh -c 'sleep 0.5; touch {done}; exec sleep 60'",
            "--file", done, "--", "echo", "up")
        self.assertEqual((status, stdout), (0, "up\n"), stderr)
        status, _, stderr = self.run_service(command, "--file", done + ".never")
        self.assertEqual(status, 125, stderr)
        self.assertIn("at the end", stderr)

    def test_input_from_a_file(self):
        with open(self.path("input"), "w", encoding="utf-8") as file:
            file.write("what it reads\n")
        self.assert_up("sh -c 'cat; exec sleep 60'", "--stdin", self.path("input"), "--output", "^what it reads$")
        self.assert_up("sh -c 'cat; exec sleep 60'", f"--stdin={self.path('input')}", "--output", "^what it reads$")
        status, _, stderr = self.run_service("sleep 60", "--stdin", self.path("none"))
        self.assertEqual(status, 125, stderr)
        self.assertIn("none", stderr)

    def test_terminal(self):
        command = "sh -c 'test -t 1 && test -t 2 && echo both; exec sleep 60'"
        self.assert_up(command, "--pty", "--output", "^both")
        self.assertEqual(self.run_service(command, "--output", "^both", "--timeout", "300ms")[0], 124)

    def test_unset(self):
        self.env["MK_UNSET"] = "x"
        command = "sh -c 'echo \"<$MK_UNSET>\"; exec sleep 60'"
        self.assert_up(command, "--unset", "MK_UNSET", "--output", "^<>$")
        self.assert_up(command, "--unset", "MK_UNSET", "--env", "MK_UNSET=y", "--output", "^<y>$")
        self.assert_up(command, "--output", "^<x>$")

    def test_any(self):
        command = service("--pid-file", self.path("ready"))
        conditions = [*tcp(free_port()), "--file", self.path("ready")]
        self.assert_up(command, *conditions, "--any")
        os.unlink(self.path("ready"))
        status, _, stderr = self.run_service(command, *conditions, "--timeout", "300ms")
        self.assertEqual(status, 124, stderr)

    def test_wait_for_any(self):
        with open(self.path("ready"), "w", encoding="utf-8"):
            pass
        conditions = [*tcp(free_port()), "--file", self.path("ready"), "--timeout", "300ms"]
        self.assertEqual(self.run_tool("wait", *conditions)[0], 124)
        self.assertEqual(self.run_tool("wait", "--any", *conditions)[0], 0)
        self.assertEqual(self.run_tool("wait", "--gone", *conditions)[0], 124)
        self.assertEqual(self.run_tool("wait", "--gone", "--any", *conditions)[0], 0)

    @unittest.skipUnless(shutil.which("dbus-daemon"), "dbus-daemon is not installed")
    def test_dbus(self):
        bus = f"unix:path={self.path('bus')}"
        command = f"dbus-daemon --session --nofork --nopidfile --address={bus}"
        self.assert_up(command, "--dbus", bus + ":org.freedesktop.DBus")
        self.assert_up(command, "--dbus", bus)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus
        self.assert_up(command, "--dbus", "org.freedesktop.DBus")
        self.assert_up(command, "--dbus", "session:org.freedesktop.DBus")
        status, _, stderr = self.run_service(command, "--dbus", "org.example.Nobody", "--timeout", "500ms")
        self.assertEqual(status, 124, stderr)
        self.assertIn("org.example.Nobody", stderr)
        self.assertEqual(self.run_service(command, "--dbus", "no name")[0], 125)


class Values(TestCase):
    """What one service is told of another, and COMMAND of all."""

    def test_placeholders(self):
        status, stdout, stderr = self.run_tool(
            "run", "--service", service("--listen", f"{LOCALHOST}:{{port}}"), "--name", "my db", "--tcp", f"{LOCALHOST}:{{port}}",
            "--service", service("--print", "db at {my-db.port}", "--ready", "up"), "--name", "app",
            "--output", r"db at (?<seen>\d+)", "--",
            "sh", "-c", "echo $MY_DB_PORT $MY_DB_HOST {my-db.port} {app.seen} {app.name} ${x} {{my-db.port}} {none.port}")
        self.assertEqual(status, 0, stderr)
        port = stdout.split()[0]
        self.assertTrue(port.isdecimal(), stdout)
        self.assertEqual(stdout.split(), [port, LOCALHOST, port, port, "app", "{my-db.port}", "{none.port}"])

    def test_directory(self):
        status, stdout, stderr = self.run_tool(
            "run", "--service", service("--pid-file", "{dir}/pid"), "--name", "it", "--file", "{dir}/pid", "--",
            "sh", "-c", "ls $IT_DIR; echo {it.dir}")
        self.assertEqual(status, 0, stderr)
        self.assertEqual(stdout.split()[0], "pid")
        self.assertFalse(os.path.exists(stdout.split()[1]))

    def test_value_that_nobody_has(self):
        status, _, stderr = self.run_tool("run", "--service", service(), "--name", "db", "--", "echo", "{db.prot}")
        self.assertEqual(status, 125)
        self.assertIn("“db” has no value “prot”", stderr)
        status, _, stderr = self.run_tool("run", "--service", service("--print", "{db.prot}"), "--service", service(),
                                          "--name", "db", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("has no value", stderr)

    def test_requires(self):
        stamps = self.path("stamps")
        slow = ["--service", service("--after", 300, "--ready", "up", "--stamp", stamps, "--on-term", "0"), "--name", "slow",
                "--output", "up"]
        quick = ["--service", service("--ready", "up", "--stamp", stamps, "--on-term", "0"), "--name", "quick", "--output", "up",
                 "--requires", "slow"]
        for services in (slow + quick, quick + slow):
            status, _, stderr = self.run_tool("run", *services, "--", "true")
            self.assertEqual(status, 0, stderr)
            words = [line.split()[0] for line in self.read("stamps").splitlines()]
            self.assertEqual([word for word in words if word in ("start", "ready", "term")],
                             ["start", "ready", "start", "ready", "term", "term"])
            os.unlink(stamps)

    def test_wrong_requirements(self):
        one = ["--service", service(), "--name", "one"]
        for options, words in ((["--requires", "none"], "There is no service “none”"),
                               (["--requires", "one"], "“one” cannot require itself"),
                               (["--requires", "two", "--service", service(), "--name", "two", "--requires", "one"],
                                "one → two → one")):
            status, _, stderr = self.run_tool("run", *one, *options, "--", "true")
            self.assertEqual(status, 125)
            self.assertIn(words, stderr)


class Reuse(TestCase):
    def test_reuse(self):
        port = free_port()
        arguments = ["run", "--service", service("--listen", f"{LOCALHOST}:{port}"), "--name", "it", "--tcp", f"{LOCALHOST}:{port}",
                     "--reuse"]
        first = self.start(*arguments)
        first.expect("it: ready after")
        pid = self.service_pid(port)
        status, stdout, stderr = self.run_tool(*arguments, "--", "echo", "{it.host}")
        self.assertEqual((status, stdout), (0, LOCALHOST + "\n"), stderr)
        self.assertIn("it: already running, and used", stderr)
        self.assertEqual(self.service_pid(port), pid)
        first.send(signal.SIGTERM)
        first.wait()
        status, _, stderr = self.run_tool(*arguments, "--", "true")
        self.assertEqual(status, 0, stderr)
        self.assertIn("it: ready after", stderr)

    @needs_linux_features("it is known who listens")
    def test_something_else(self):
        with socket.create_server((LOCALHOST, 0)) as server:
            port = server.getsockname()[1]
            status, _, stderr = self.run_tool("run", "--service", listener(port), *tcp(port), "--reuse", "--", "true")
        self.assertEqual(status, 125)
        self.assertRegex(stderr, "python3.* This program is not mk-test-service, so it is not reused")

    def test_nothing_to_check(self):
        status, _, stderr = self.run_tool("run", "--service", service(), "--output", "x", "--reuse", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("--reuse: it needs a condition that can be checked before the start, such as --tcp", stderr)


if __name__ == "__main__":
    unittest.main()
