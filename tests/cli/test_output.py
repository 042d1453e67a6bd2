# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run --output`: a service is ready when it says so."""

import shlex
import subprocess
import unittest

from clitest import TestCase, free_port, listener, service, tcp


class Output(TestCase):
    def run_service(self, command_line, *args):
        return self.run_tool("run", "--service", command_line, *args, "--", "echo", "COMMAND ran")

    def assert_ready(self, command_line, *args):
        status, stdout, stderr = self.run_service(command_line, *args)
        self.assertEqual((status, stdout), (0, "COMMAND ran\n"), stderr)
        return stderr

    def assert_failed(self, expected_status, command_line, *args):
        status, stdout, stderr = self.run_service(command_line, *args)
        self.assertEqual((status, stdout), (expected_status, ""), stderr)
        return stderr

    def test_standard_output(self):
        self.assert_ready(service("--after", 50, "--ready", "listening on port 17"), "--output", r"^listening on port \d+$")

    def test_standard_error(self):
        self.assert_ready(service("--stderr", "up and running"), "--output", "running")

    def test_port_as_well(self):
        port = free_port()
        self.assert_ready(listener(port, "--print", "soon", "--after", 100), *tcp(port), "--output", "soon")

    def test_never(self):
        stderr = self.assert_failed(124, service("--print", "last words"), "--output", "ready", "--timeout", "0.3")
        self.assertIn("; last words)", stderr)

    def test_exits_before(self):
        stderr = self.assert_failed(125, shlex.join(["sh", "-c", "echo bye"]), "--output", "ready")
        self.assertRegex(stderr, "exited with status 0 .* its output")

    def test_exits_after_it(self):
        tool = self.start("run", "--service", shlex.join(["sh", "-c", "echo ready; exit 0"]), "--output", "^ready$",
                          "--", "cat", stdin=subprocess.PIPE)
        tool.expect("exited with status 0")
        tool.process.stdin.close()
        self.assertEqual(tool.wait(), 125)

    def test_too_costly(self):
        command_line = shlex.join(["sh", "-c", "printf '%060d\\n' 0; exec sleep 60"])
        stderr = self.assert_failed(125, command_line, "--output", "(0+)+y|(0|00)+z")
        self.assertIn("make the regular expression simpler", stderr)

    def test_empty(self):
        stderr = self.assert_failed(125, service(), "--output", "")
        self.assertIn("needs a regular expression", stderr)

    def test_no_regular_expression(self):
        stderr = self.assert_failed(125, service(), "--output", "rea(dy")
        self.assertIn("“rea(dy” is not a regular expression", stderr)

    def test_misuse(self):
        for args in (["--output", "a", "--service", service()],
                     ["--service", service(), "--output", "a", "--output", "b"]):
            status, _, stderr = self.run_tool("run", *args, "--", "true")
            self.assertEqual(status, 125, stderr)
            self.assertIn("--output", stderr)
        status, _, stderr = self.run_tool("wait", "--output", "a")
        self.assertEqual(status, 125, stderr)


if __name__ == "__main__":
    unittest.main()
