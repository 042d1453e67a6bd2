# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`--exec CMD`: a command tells whether a service is ready."""

import os
import shlex
import time
import unittest

from clitest import SERVICE, TestCase, free_port, listener, redis, service, tcp


def shell(script):
    return "--exec", shlex.join(["sh", "-c", script])


class Run(TestCase):
    def test_ready_when_it_succeeds(self):
        port = free_port()
        status, stdout, stderr = self.run_tool(
            "run", "--service", redis(port), "--exec", f"redis-cli -p {port} -e ping", "--", "redis-cli", "-p", str(port), "ping")
        self.assertEqual((status, stdout), (0, "PONG\n"), stderr)

    def test_with_a_port(self):
        port = free_port()
        pid_file = self.path("pid")
        status, _, stderr = self.run_tool(
            "run", "--service", listener(port, "--pid-file", pid_file), *tcp(port), *shell(f"test -s {pid_file}"), "--",
            "test", "-s", pid_file)
        self.assertEqual(status, 0, stderr)

    def test_time_is_up(self):
        status, _, stderr = self.run_tool(
            "run", "--timeout", "0.5", "--service", service(), *shell("echo not this time >&2; exit 3"), "--", "true")
        self.assertEqual(status, 124)
        self.assertIn("sh exited with status 3: not this time", stderr)

    def test_hung_command(self):
        begun = time.monotonic()
        ready = shlex.join(["sh", "-c", f"[ -e started ] || {{ touch started; exit 1; }}; exec {SERVICE} --deaf --lifetime 60"])
        status, _, _ = self.run_tool("run", "--timeout", "0.5", "--service", service(), "--exec", ready, "--", "true")
        self.assertEqual(status, 124)
        self.assertLess(time.monotonic() - begun, 5)

    def test_succeeds_already(self):
        status, _, stderr = self.run_tool("run", "--service", service(), "--exec", "true", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("“true” succeeded before the service was started", stderr)

    def test_no_such_program(self):
        status, _, stderr = self.run_tool("run", "--service", service(), "--exec", "mk-no-such-program", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("mk-no-such-program", stderr)

    def test_misuse(self):
        for value in ("", "a 'b"):
            for args in (["run", "--service", "true"], ["wait"]):
                status, _, stderr = self.run_tool(*args, f"--exec={value}")
                self.assertEqual(status, 125)
                self.assertIn(f"“{value}” is not a command", stderr)


    def test_times_of_attempts(self):
        """They belong to the condition before them."""
        port = free_port()
        status, _, stderr = self.run_tool(
            "run", "--service", listener(port), *tcp(port), "--interval", "0.02", "--attempt-timeout", "5",
            *shell("sleep 1000"), "--attempt-timeout", "0.1", "--timeout", "0.5", "--", "true")
        self.assertEqual(status, 124, stderr)
        self.assertIn("0.1 s", stderr)


class Wait(TestCase):
    def test_interval(self):
        command = shell("echo >> runs; exit 1")
        for interval, least, most in (("0.4", 2, 4), ("0.02", 8, 100)):
            status, _, stderr = self.run_tool("wait", *command, "--interval", interval, "--timeout", "1")
            self.assertEqual(status, 124, stderr)
            runs = self.read("runs").count("\n")
            self.assertTrue(least <= runs <= most, runs)
            os.unlink(self.path("runs"))

    def test_comes_later(self):
        tool = self.start("wait", *shell("test -e there"))
        tool.process.poll()
        with open(self.path("there"), "w", encoding="utf-8"):
            pass
        self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_gone(self):
        with open(self.path("there"), "w", encoding="utf-8"):
            pass
        tool = self.start("wait", "--gone", *shell("test -e there"))
        os.unlink(self.path("there"))
        self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_time_is_up(self):
        status, _, stderr = self.run_tool("wait", "--timeout", "0.3", "--exec", service("--deaf", "--print", "thinking"))
        self.assertEqual(status, 124)
        self.assertIn("thinking", stderr)


if __name__ == "__main__":
    unittest.main()
