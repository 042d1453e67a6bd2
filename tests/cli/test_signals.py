# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run` and the signals that end it."""

import os
import shlex
import signal
import subprocess
import time
import unittest

from clitest import (
    LIMIT,
    TOOL,
    TestCase,
    can_connect,
    free_port,
    insist,
    listener,
    needs_linux_features,
    poll,
    service,
    tcp,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

# Says when it is there, and ends with 40 and the number of the signal; deaf to SIGINT if told so.
COMMAND = """
import os, signal, sys, time
def end(number, frame):
    os._exit(40 + number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
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
        for number in SIGNALS:
            with self.subTest(number):
                port = free_port()
                tool = self.start("run", "--service", listener(port, "--print", "begun"), "--name", "up", *tcp(port),
                                  "--service", service("--print", "waiting"), "--verbose", *tcp(free_port()),
                                  "--", "echo", "COMMAND ran")
                tool.expect("up: ready after")
                tool.expect("| waiting")
                tool.send(number)
                self.assertEqual(tool.wait(), -number, tool.stderr)
                self.assertEqual(tool.stdout, "")
                self.assertFalse(can_connect(port))
                self.assert_nothing_left()

    def test_deaf_service(self):
        tool = self.start("run", "--verbose", "--service", service("--deaf", "--print", "begun"), *tcp(free_port()))
        tool.expect("| begun")
        begun = time.monotonic()
        tool.send(signal.SIGINT)
        self.assertEqual(tool.wait(), -signal.SIGINT, tool.stderr)
        self.assertLess(time.monotonic() - begun, 4)


class Running(TestCase):
    def test_without_command(self):
        for number in SIGNALS:
            with self.subTest(number):
                port = free_port()
                tool = self.start("run", "--service", listener(port), *tcp(port))
                tool.expect("ready after")
                tool.send(number)
                self.assertEqual(tool.wait(), -number, tool.stderr)
                self.assertIn("stopped after", tool.stderr)

    def start_command(self, *args):
        port = free_port()
        tool = self.start("run", "--service", listener(port), *tcp(port), "--",
                          "/usr/bin/python3", "-c", COMMAND, *args, start_new_session=True)
        tool.expect("running\n")
        return tool

    def test_signals_are_passed_on(self):
        """SIGINT as well, since it cannot have come from a terminal."""
        for number in SIGNALS:
            with self.subTest(number):
                tool = self.start_command()
                tool.send(number)
                self.assertEqual(tool.wait(), 40 + number, tool.stderr)
                self.assertIn("stopped after", tool.stderr)

    def test_command_dies_of_the_signal(self):
        tool = self.start("run", "--service", service(), "--", "sh", "-c", "echo running; exec sleep 30")
        tool.expect("running\n")
        tool.send(signal.SIGTERM)
        self.assertEqual(tool.wait(), -signal.SIGTERM, tool.stderr)
        self.assertIn("stopped after", tool.stderr)

    def test_command_dies_of_an_interrupt_alone(self):
        """As when a program in it has the terminal."""
        tool = self.start("run", "--service", service(), "--", "sh", "-c", "kill -INT $$")
        self.assertEqual(tool.wait(), -signal.SIGINT, tool.stderr)
        self.assertIn("stopped after", tool.stderr)

    def test_stopped_command(self):
        tool = self.start("run", "--service", service(), "--", "sh", "-c", "echo running; kill -STOP $$; sleep 30")
        tool.expect("running\n")
        tool.send(signal.SIGTERM)
        self.assertEqual(tool.wait(), -signal.SIGTERM, tool.stderr)

    def test_scripts_and_loops_stop(self):
        """The shell must see that it was a signal."""
        for script in ("%s; echo NEXT", "for i in 1 2 3; do %s; done; echo NEXT"):
            with self.subTest(script):
                command = shlex.join([TOOL, "run", "--service", service(), "--", "sh", "-c",
                                      "echo running; exec sleep 30"])
                shell = self.start("-c", script % command, program="/bin/bash", start_new_session=True)
                shell.expect("running\n")
                os.killpg(shell.process.pid, signal.SIGINT)
                self.assertEqual(shell.wait(), -signal.SIGINT, shell.stderr)
                self.assertEqual(shell.stdout, "running\n")

    def test_second_interrupt_kills_the_command(self):
        tool = self.start_command("deaf")
        tool.send(signal.SIGINT)
        tool.expect("heard")
        insist(lambda: tool.send(signal.SIGINT), tool.has_ended)
        self.assertEqual(tool.wait(), -signal.SIGINT, tool.stderr)
        self.assertIn("stopped after", tool.stderr)

    def test_ignored_signals_stay_ignored(self):
        """That is what nohup does."""
        for number in SIGNALS:
            with self.subTest(number):
                tool = self.start("run", "--service", service(), "--", "sh", "-c",
                                  f"kill -{number} $$; kill -{number} $PPID; echo alive; read line; exit 3",
                                  preexec_fn=lambda: signal.signal(number, signal.SIG_IGN), stdin=subprocess.PIPE)
                tool.expect("alive")
                tool.process.stdin.close()
                self.assertEqual(tool.wait(), 3, tool.stderr)

    def test_ignored_end_of_children(self):
        status, _, stderr = self.run_tool("run", "--service", service(), "--", "sh", "-c", "exit 3",
                                          preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(status, 3, stderr)

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
        self.assertEqual(tool.wait(), -signal.SIGTERM, tool.stderr)

    def test_twice_at_once_is_once(self):
        """timeout(1) sends its signal to its child and to the process group."""
        port = free_port()
        tool = self.start("run", "--service", listener(port, "--on-term", 0, "--term-delay", 300,
                                                       "--stamp", self.path("stamp")), *tcp(port))
        tool.expect("ready after")
        tool.process.send_signal(signal.SIGSTOP)
        tool.send(signal.SIGTERM)
        tool.process.send_signal(signal.SIGCONT)
        tool.send(signal.SIGTERM)
        self.assertEqual(tool.wait(), -signal.SIGTERM, tool.stderr)
        self.assertNotIn("killing", tool.stderr)
        self.assertIn("exit", self.read("stamp"))

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
        self.assertEqual(tool.wait(), -signal.SIGTERM, tool.stderr)


class Waiting(TestCase):
    def test_wait_is_given_up(self):
        for number in SIGNALS:
            with self.subTest(number):
                pid_file = self.path(f"pid-{number}")
                script = f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; sleep 60"
                tool = self.start("wait", *tcp(free_port()), "--exec", shlex.join(["sh", "-c", script]),
                                  "--", "echo", "COMMAND ran")
                poll(lambda: self.exists(f"pid-{number}"), "the command of --exec runs")
                tool.send(number)
                self.assertEqual(tool.wait(), -number, tool.stderr)
                self.assertEqual(tool.stdout, "")
                pid = self.read(f"pid-{number}").strip()
                self.assertFalse(os.path.exists(f"/proc/{pid}"), "the command of --exec was ended first")

    def test_ignored_signal(self):
        port = free_port()
        tool = self.start("wait", "--timeout", "0.3", *tcp(port),
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        while not tool.has_ended():
            tool.send(signal.SIGHUP)
        self.assertEqual(tool.wait(), 124, tool.stderr)


class Killed(TestCase):
    @needs_linux_features("processes that leave their group are found")
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



class FirstProcess(TestCase):
    """mirakuru is process 1 of a PID namespace, as in a container."""

    def run_first(self, script):
        unshare = ["--fork", "--pid", "--mount-proc"]
        if subprocess.run(["unshare", *unshare, "true"], stderr=subprocess.DEVNULL, timeout=LIMIT).returncode:
            self.skipTest("no PID namespace can be made here")
        return self.run_tool(*unshare, TOOL, "run", "-q", "--service", "sleep 60", "--", "sh", "-c", script, program="unshare")

    def test_orphans_are_reaped(self):
        status, _, stderr = self.run_first(
            "pid=$(sh -c 'sleep 0.1 > /dev/null & echo $!'); i=0; "
            "while [ -d /proc/$pid ]; do i=$((i + 1)); [ $i -lt 200 ] || exit 9; sleep 0.05; done; exit 7")
        self.assertEqual(status, 7, stderr)

    def test_signals_are_passed_on(self):
        status, _, stderr = self.run_first("kill -TERM 1; exec sleep 60")
        self.assertEqual(status, 128 + signal.SIGTERM, stderr)


if __name__ == "__main__":
    unittest.main()
