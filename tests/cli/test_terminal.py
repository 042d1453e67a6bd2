# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru` on a terminal: live lines, Ctrl-C, and who owns the terminal."""

import fcntl
import os
import pty
import re
import selectors
import shlex
import signal
import struct
import termios
import threading
import time
import unittest

from clitest import TOOL, LIMIT, TestCase, can_connect, free_port, insist, listener, poll, service, tcp

CTRL_C = b"\x03"
CTRL_Z = b"\x1a"
QUIT = b"\x1c"
COLUMNS = 60
UP = re.compile(r"\033\[(\d+)A")


class Terminal:
    """Runs `mirakuru`, or a program that runs it, on a new terminal, as the leader of its session."""

    def __init__(self, folder, env, args, program=TOOL):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
                os.execve(program, [program, *args], env)
            finally:
                os._exit(99)
        self.data = b""
        self.status = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.master, selectors.EVENT_READ)
            while selector.select(LIMIT):
                try:
                    data = os.read(self.master, 65536)
                except OSError:  # EIO: nobody has the terminal any more
                    return
                if not data:
                    return
                self.data += data

    @property
    def text(self):
        return self.data.decode(errors="replace").replace("\r\n", "\n")

    def type(self, data):
        os.write(self.master, data)

    def expect(self, text):
        poll(lambda: text in self.text, lambda: f"{text!r} in {self.text!r}")

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def wait(self):
        poll(self.has_ended, lambda: f"it ends: {self.text!r}")
        self.reader.join(LIMIT)
        return self.status

    def screen(self):
        """What a reader sees in the end: a terminal that knows what mirakuru uses of one."""
        lines, row, column = [""], 0, 0
        for token in re.findall(r"\033\[[0-9;]*[A-Za-z]|[\s\S]", self.data.decode(errors="replace")):
            if token == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif token == "\r":
                column = 0
            elif token.endswith("A") and token.startswith("\033"):
                row -= int(token[2:-1])
            elif token == "\033[K":
                lines[row] = lines[row][:column]
            elif token == "\033[J":
                lines[row] = lines[row][:column]
                del lines[row + 1:]
            elif not token.startswith("\033"):
                line = lines[row].ljust(column)
                lines[row] = line[:column] + token + line[column + 1:]
                column += 1
        return [line.rstrip() for line in lines]


class TerminalCase(TestCase):
    def setUp(self):
        super().setUp()
        self.env["TERM"] = "xterm"

    def open(self, *args, **options):
        terminal = Terminal(self.folder, self.env, args, **options)
        self.addCleanup(os.close, terminal.master)
        return terminal


class Lines(TerminalCase):
    def run_two(self):
        """Two services, the second of which takes a while."""
        fast, slow = free_port(), free_port()
        terminal = self.open("run", "--service", listener(fast), "--name", "fast", *tcp(fast),
                             "--service", listener(slow, "--after", 400), "--name", "slow", *tcp(slow), "--", "true")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        return terminal

    def test_live_lines(self):
        terminal = self.run_two()
        ticks = set(re.findall(r"slow: (\d\.\d) s, waiting for 127", terminal.text))
        self.assertGreaterEqual(len(ticks), 3, terminal.text)
        self.assertEqual(UP.search(terminal.text).group(1), "1")
        screen = terminal.screen()
        self.assertRegex(screen[0], r"^✔ fast: ready after \d\.\d\d s \(pid \d+\)$")
        self.assertRegex(screen[1], r"^✔ slow: ready after 0\.[4-9]\d s \(pid \d+\)$")
        self.assertRegex(screen[2], r"^✔ fast: stopped after")
        self.assertRegex(screen[3], r"^✔ slow: stopped after")
        self.assertEqual(screen[4:], [""])

    def test_lines_do_not_wrap(self):
        for line in self.run_two().screen():
            self.assertLess(len(line), COLUMNS)

    def test_colours(self):
        self.assertIn("\033[32m✔\033[m fast", self.run_two().text)

    def test_no_colours(self):
        self.env["NO_COLOR"] = "1"
        text = self.run_two().text
        self.assertNotRegex(text, r"\033\[[0-9;]*m")
        self.assertRegex(text, UP)

    def test_dumb_terminal(self):
        self.env["TERM"] = "dumb"
        text = self.run_two().text
        self.assertNotIn("\033", text)
        self.assertIn("mirakuru: fast: ready after", text)

    def test_ascii(self):
        self.env["LC_ALL"] = "C"
        self.assertRegex(self.run_two().screen()[0], r"^\+ fast: ready after")

    def test_output_stands_above(self):
        port = free_port()
        colours = "\033[31mred\033[m, \033[2Jnot cleared"
        terminal = self.open("run", "--verbose", "--service",
                             listener(port, "--print", colours, "--print", "second", "--after", 300), "--name", "web",
                             *tcp(port), "--", "true")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertNotIn("\033[2J", terminal.text)
        self.assertIn("\033[31mred", terminal.text)
        screen = terminal.screen()
        self.assertEqual(screen[:2], ["web | red, not cleared", "web | second"])
        self.assertRegex(screen[2], "^✔ web: ready after")

    def test_reason(self):
        terminal = self.open("run", "--timeout", "30", "--service", service(), "--name", "s", "--file", "x", "--", "true")
        terminal.expect("s: 0.0 s, waiting for")
        terminal.expect("s, there is no such file (waiting for /")
        open(self.path("x"), "w", encoding="utf-8").close()
        self.assertEqual(terminal.wait(), 0, terminal.text)

    def test_placeholders(self):
        """The port is one that the service has, not what stands in the condition."""
        terminal = self.open("run", "--service", listener("{port}", "--after", 300), *tcp("{port}"), "--", "true")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertRegex(terminal.text, r"waiting for 127\.0\.0\.1:[1-9]\d+ to ac")
        self.assertNotIn("{port}", terminal.text)

    def test_failure(self):
        port = free_port()
        terminal = self.open("run", "--timeout", "0.2", "--service", service(), "--name", "bad", *tcp(free_port()),
                             "--service", listener(port), "--name", "good", *tcp(port), "--", "true")
        self.assertEqual(terminal.wait(), 124, terminal.text)
        screen = "\n".join(terminal.screen())
        self.assertRegex(screen, "✘ bad: failed after 0")
        self.assertRegex(screen, "✔ good: stopped after")
        self.assertRegex(screen, "(?m)^mirakuru: ")

    def test_quiet(self):
        port = free_port()
        terminal = self.open("run", "--quiet", "--service", listener(port), *tcp(port), "--", "echo", "hi")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertEqual(terminal.text, "hi\n")

    def test_many_services(self):
        """More than the terminal has rows: plain lines, since the first could not be reached."""
        args = []
        for _ in range(24):
            args += ["--service", service()]
        terminal = self.open("run", *args, "--", "true")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        for index in range(2, 25):
            self.assertIn(f"mk-test-service-{index}: ready after", terminal.text)

    def test_wait(self):
        port = free_port()
        terminal = self.open("wait", "--timeout", "0.3", *tcp(port))
        self.assertEqual(terminal.wait(), 124, terminal.text)
        self.assertRegex(terminal.text, rf"127\.0\.0\.1:{port}: 0\.[12] s, waiting")
        self.assertRegex(terminal.screen()[0], rf"^✘ 127\.0\.0\.1:{port}: given up after 0")


class Interrupt(TerminalCase):
    def test_during_the_start(self):
        terminal = self.open("run", "--service", service(), *tcp(free_port()), "--", "echo", "COMMAND")
        terminal.expect("waiting for")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)
        self.assertNotIn("COMMAND", terminal.text)

    def test_without_command(self):
        port = free_port()
        terminal = self.open("run", "--service", listener(port), *tcp(port))
        terminal.expect("ready after")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)
        self.assertIn("stopped after", terminal.text)

    def test_command_decides(self):
        """It is told once, by the terminal; the services run until it has ended."""
        port = free_port()
        script = """
import signal, socket, sys, time
told = []
signal.signal(signal.SIGINT, lambda *_: told.append(1))
print("running", flush=True)
deadline = time.monotonic() + 20
while not told and time.monotonic() < deadline:
    time.sleep(0.05)
time.sleep(0.3)
socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
sys.exit(50 + len(told))
"""
        terminal = self.open("run", "--service", listener(port), *tcp(port), "--",
                             "/usr/bin/python3", "-c", script, str(port))
        terminal.expect("running\n")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), 51, terminal.text)
        self.assertFalse(can_connect(port))

    def test_command_dies_of_it(self):
        """The same Ctrl-C must not count as the one that kills the services."""
        port = free_port()
        terminal = self.open("run", "--service", listener(port, "--on-term", 0, "--term-delay", 300,
                                                          "--stamp", self.path("stamp")), *tcp(port),
                             "--", "sh", "-c", "echo running; exec sleep 30")
        terminal.expect("running\n")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)
        self.assertIn("exit", self.read("stamp"))

    def test_twice_kills_the_command(self):
        terminal = self.open("run", "--service", service(), "--", "sh", "-c",
                             "trap 'echo heard' INT; echo running; while :; do sleep 0.05; done")
        terminal.expect("running\n")
        terminal.type(CTRL_C)
        terminal.expect("heard\n")
        insist(lambda: terminal.type(CTRL_C), terminal.has_ended)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)

    def test_seldom_does_not_kill_the_command(self):
        """As in a database shell, where it ends a query."""
        terminal = self.open("run", "--service", service(), "--", "sh", "-c",
                             "trap 'echo heard' INT; echo running; while [ ! -e stop ]; do sleep 0.05; done; exit 3")
        terminal.expect("running\n")
        terminal.type(CTRL_C)
        terminal.expect("heard\n")
        begun = time.monotonic()
        poll(lambda: time.monotonic() - begun > 2.5, "some time passes")
        terminal.type(CTRL_C)
        poll(lambda: terminal.text.count("heard\n") == 2, "it is heard again")
        with open(self.path("stop"), "w", encoding="utf-8"):
            pass
        self.assertEqual(terminal.wait(), 3, terminal.text)


class Script(TerminalCase):
    """A shell script that runs `mirakuru` on a terminal."""

    def open_script(self, script, *args):
        return self.open("-c", script % shlex.join([TOOL, "run", "--service", service(), *args]),
                         program="/bin/bash")

    def test_typed_signals_end_it(self):
        command = ("--", "sh", "-c", "echo running; exec sleep 30")
        for key, number in (CTRL_C, signal.SIGINT), (QUIT, signal.SIGQUIT):
            with self.subTest(number):
                terminal = self.open_script("trap 'exit 77' QUIT; %s; echo NEXT", *command)
                terminal.expect("running\n")
                terminal.type(key)
                self.assertEqual(terminal.wait(), -number if number == signal.SIGINT else 77, terminal.text)
                self.assertNotIn("NEXT", terminal.text)

    def test_during_the_start(self):
        terminal = self.open_script("%s; echo NEXT", "--verbose", "--service", service("--print", "begun"),
                                    *tcp(free_port()))
        terminal.expect("begun")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)
        self.assertNotIn("NEXT", terminal.text)

    def test_wait(self):
        terminal = self.open("-c", f"{TOOL} wait --tcp {free_port()}; echo NEXT", program="/bin/bash")
        terminal.expect("waiting")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), -signal.SIGINT, terminal.text)
        self.assertNotIn("NEXT", terminal.text)

    def test_command_that_handles_it(self):
        """As an editor or the prompt of a database does: the script goes on."""
        terminal = self.open_script("%s; echo NEXT $?", "--", "/bin/sh", "-c",
                                    "trap 'exit 0' INT; echo running; while :; do sleep 0.05; done")
        terminal.expect("running\n")
        terminal.type(CTRL_C)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertIn("NEXT 0\n", terminal.text)

    def test_stop_and_continue(self):
        """Ctrl-Z stops mirakuru and COMMAND, and the services go on."""
        port = free_port()
        terminal = self.open_script("set -m; %s; echo STOPPED; fg; echo NEXT", "--service", listener(port), *tcp(port),
                                    "--", "sh", "-c", "echo running; exec sleep 30")
        terminal.expect("running\n")
        terminal.type(CTRL_Z)
        terminal.expect("STOPPED\n")
        self.assertTrue(can_connect(port))
        insist(lambda: terminal.type(CTRL_C), terminal.has_ended)
        self.assertNotIn("NEXT", terminal.text)


class Ownership(TerminalCase):
    def test_command_has_the_terminal(self):
        terminal = self.open("run", "--quiet", "--service", service(), "--", "sh", "-c",
                             "test -t 0 && test -t 1 && test -t 2 && read line && echo got $line </dev/tty")
        terminal.type(b"a line\n")
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.assertIn("got a line", terminal.text)

    def test_service_does_not_have_the_terminal(self):
        terminal = self.open("run", "--verbose", "--service",
                             "sh -c 'test ! -t 0 && test ! -t 1 && test ! -t 2 && ! (: </dev/tty) && echo alone'",
                             "--name", "it", "--", "sh", "-c", "sleep 0.5")
        terminal.wait()
        self.assertIn("alone\n", terminal.text)


if __name__ == "__main__":
    unittest.main()
