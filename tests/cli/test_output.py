# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run --output`: a service is ready when it says so."""

import fcntl
import os
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from clitest import TestCase, free_port, listener, poll, service, tcp


def pending(file):
    """How many bytes wait in a pipe."""
    return struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, bytes(4)))[0]


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

    def test_control_characters(self):
        """Whatever a service prints or is called, a terminal shows it as text."""
        script = self.path("s\033[2Jh\u202e")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nprintf 'fa\\033[31mtal\\033c\\033[2J\\033]0;title\\a \\302\\2332J\\177\\b\\342\\200\\256!\\033['\n"
                       "exit 3\n")
        os.chmod(script, 0o755)
        no_terminal = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]"
        for options in ([script], [script, "--verbose"], [script, "--output", "fatal"], ["sleep 9 \033[2J", "--tcp", "1"],
                        [script + "none"], ["sleep 9", "--cwd", script], ["sleep 9", "--exec", script + "none"],
                        ["sleep 9", "--file", self.path("none\033c/file")], ["sleep 9", "--output", "(\033[2J"],
                        ["sleep 9", "--no\033[2Jptions"], ["sleep 9", "--status", "\033[2J"]):
            options = ["--service", shlex.quote(options[0]) if options[0] != "sleep 9" else options[0], *options[1:]]
            _, _, stderr = self.run_tool("run", "--timeout", "0.2", *options, "--", script + "none")
            self.assertNotRegex(stderr, no_terminal)
        self.assertIn("fatal", self.run_tool("run", "--service", shlex.quote(script), "--tcp", "1", "--", "true")[2])

    def test_verbose_shows_every_line(self):
        tool = self.start("run", "--verbose", "--service", "seq 100000", "--completes", "--", "true",
                          stderr=subprocess.PIPE, text=True)
        lines = []
        for line in tool.process.stderr:
            lines.append(line)
            if len(lines) % 1000 == 0:
                time.sleep(0.001)  # a slow reader
        self.assertEqual([line for line in lines if line.startswith("seq | ")],
                         [f"seq | {number}\n" for number in range(1, 100001)])
        self.assertEqual(tool.wait(), 0)
        tool.process.stderr.close()

    def test_verbose_ends_while_nobody_reads(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                tool = self.start("run", "--verbose", "--service", "yes", stderr=subprocess.PIPE)
                size = fcntl.fcntl(tool.process.stderr, fcntl.F_GETPIPE_SZ)
                # mirakuru waits until there is room for more than that, and the service for mirakuru
                poll(lambda: pending(tool.process.stderr) > size - select.PIPE_BUF, lambda: "the pipe is full")
                tool.send(number)
                self.assertEqual(tool.wait(), -number)
                tool.process.stderr.close()

    def test_output_is_held_back(self):
        code = "import time; print('ready'); time.sleep(60)"
        self.env.pop("PYTHONUNBUFFERED", None)
        command = shlex.join([sys.executable, "-c", code])
        status, _, stderr = self.run_tool("run", "--timeout", "0.5", "--service", command, "--output", "ready", "--", "true")
        self.assertEqual(status, 124)
        for word in ("stdbuf -oL", "PYTHONUNBUFFERED=1", "stdout-mode=PTY", "--pty"):
            self.assertIn(word, stderr)
        for options in (["--pty"], ["--env", "PYTHONUNBUFFERED=1"]):
            status, _, stderr = self.run_tool("run", "--service", command, "--output", "ready", *options, "--", "true")
            self.assertEqual(status, 0, stderr)

        # One that prints, but something else
        status, _, stderr = self.run_tool("run", "--timeout", "0.5", "--service", "sh -c 'echo not yet; sleep 60'",
                                          "--output", "ready", "--", "true")
        self.assertEqual(status, 124)
        self.assertIn("not yet", stderr)
        self.assertNotIn("PTY", stderr)

    def test_service_ends_with_its_input(self):
        status, _, stderr = self.run_tool("run", "--service", "sh -c 'cat; exit 0'", "--output", "ready", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("Its input is empty: if it ends when its input ends, set stdin-mode=PIPE", stderr)
        self.assertIn("--stdin sets stdin-mode=PIPE", stderr)
        status, _, stderr = self.run_tool("run", "--service", "sh -c 'echo ready; cat; exit 0'", "--output", "ready",
                                          "--stdin", "--", "sleep", "0.3")
        self.assertEqual(status, 0, stderr)

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
