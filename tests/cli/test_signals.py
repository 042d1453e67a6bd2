# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run` and the signals that end it."""

import os
import signal
import subprocess
import time
import unittest

from clitest import TestCase, can_connect, free_port, insist, listener, poll, service, tcp

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

# Says when it is there, and ends with 40 and the number of the signal; deaf to SIGINT if told so.
COMMAND = """
import os, signal, sys, time
def end(number, frame):
    os._exit(40 + number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, lambda *_: print("heard", flush=True))
print("running", flush=True)
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    time.sleep(1)
"""


class Starting(TestCase):
    def test_start_is_given_up(self):
        for number, status in STATUS.items():
            with self.subTest(number):
                port = free_port()
                tool = self.start("run", "--service", listener(port, "--print", "begun"), "--name", "up", *tcp(port),
                                  "--service", service("--print", "waiting"), "--verbose", *tcp(free_port()),
                                  "--", "echo", "COMMAND ran")
                tool.expect("up: ready after")
                tool.expect("| waiting")
                tool.send(number)
                self.assertEqual(tool.wait(), status, tool.stderr)
                self.assertEqual(tool.stdout, "")
                self.assertFalse(can_connect(port))
                self.assert_nothing_left()

    def test_deaf_service(self):
        tool = self.start("run", "--verbose", "--service", service("--deaf", "--print", "begun"), *tcp(free_port()))
        tool.expect("| begun")
        begun = time.monotonic()
        tool.send(signal.SIGINT)
        self.assertEqual(tool.wait(), 130, tool.stderr)
        self.assertLess(time.monotonic() - begun, 4)


class Running(TestCase):
    def test_without_command(self):
        for number in STATUS:
            with self.subTest(number):
                port = free_port()
                tool = self.start("run", "--service", listener(port), *tcp(port))
                tool.expect("ready after")
                tool.send(number)
                self.assertEqual(tool.wait(), 0, tool.stderr)
                self.assertIn("stopped after", tool.stderr)

    def start_command(self, *args):
        port = free_port()
        tool = self.start("run", "--service", listener(port), *tcp(port), "--",
                          "/usr/bin/python3", "-c", COMMAND, *args, start_new_session=True)
        tool.expect("running\n")
        return tool

    def test_signals_are_passed_on(self):
        """SIGINT as well, since it cannot have come from a terminal."""
        for number in STATUS:
            with self.subTest(number):
                tool = self.start_command()
                tool.send(number)
                self.assertEqual(tool.wait(), 40 + number, tool.stderr)
                self.assertIn("stopped after", tool.stderr)

    def test_command_dies_of_the_signal(self):
        tool = self.start("run", "--service", service(), "--", "sh", "-c", "echo running; exec sleep 30")
        tool.expect("running\n")
        tool.send(signal.SIGTERM)
        self.assertEqual(tool.wait(), 128 + 15, tool.stderr)

    def test_second_interrupt_kills_the_command(self):
        tool = self.start_command("deaf")
        tool.send(signal.SIGINT)
        tool.expect("heard")
        insist(lambda: tool.send(signal.SIGINT), tool.has_ended)
        self.assertEqual(tool.wait(), 128 + 9, tool.stderr)
        self.assertIn("stopped after", tool.stderr)

    def test_ignored_hangup_stays_ignored(self):
        """That is what nohup does."""
        tool = self.start("run", "--service", service(), "--", "sh", "-c",
                          "trap '' USR1; kill -HUP $$; kill -HUP $PPID; echo alive; read line; exit 3",
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), stdin=subprocess.PIPE)
        tool.expect("alive")
        tool.process.stdin.close()
        self.assertEqual(tool.wait(), 3, tool.stderr)

    def test_command_has_default_signals(self):
        script = "grep -E 'SigIgn|SigBlk' /proc/self/status"
        _, stdout, _ = self.run_tool("run", "--service", service(), "--", "sh", "-c", script)
        values = [int(line.split()[1], 16) for line in stdout.splitlines()]
        wanted = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        self.assertEqual(len(values), 2)
        for value in values:
            self.assertEqual([n for n in wanted if value >> (n - 1) & 1], [])


class Stopping(TestCase):
    def test_second_signal_kills_at_once(self):
        port = free_port()
        tool = self.start("run", "--stop-timeout", "0", "--service", listener(port, "--deaf", "--children", 2),
                          *tcp(port))
        tool.expect("ready after")
        tool.send(signal.SIGTERM)
        tool.send(signal.SIGINT)
        self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_second_signal_after_the_command(self):
        """The service would take for ever to stop."""
        port = free_port()
        tool = self.start("run", "--stop-timeout", "0", "--verbose", "--service",
                          listener(port, "--on-term", 0, "--term-delay", 50000), *tcp(port),
                          "--", "sh", "-c", "echo $$ >command; echo done; exit 4")
        tool.expect("done\n")
        command = int(self.read("command"))
        poll(lambda: not os.path.exists(f"/proc/{command}"), "COMMAND has ended and mirakuru knows")

        # Right after the end of COMMAND a signal is taken for the one that ended it.
        insist(lambda: tool.send(signal.SIGTERM), tool.has_ended)
        self.assertEqual(tool.wait(), 4, tool.stderr)


class Killed(TestCase):
    def test_nothing_is_left(self):
        port = free_port()
        script = "trap 'echo told >told; exit' TERM; echo running; while :; do sleep 0.05; done"
        tool = self.start("run", "--service", listener(port, "--deaf", "--children", 2, "--orphan"), *tcp(port),
                          "--", "sh", "-c", script)
        tool.expect("running\n")
        tool.send(signal.SIGKILL)
        tool.wait()
        self.assert_nothing_left()
        self.assertEqual(self.read("told"), "told\n")
        self.assertFalse(can_connect(port))

    def test_during_the_start(self):
        tool = self.start("run", "--verbose", "--service", service("--deaf", "--print", "begun"), *tcp(free_port()))
        tool.expect("| begun")
        tool.send(signal.SIGKILL)
        tool.wait()
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
