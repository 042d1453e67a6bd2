# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever tells that a service is ready: how it goes well, all the ways in which it goes wrong, and what is
left then."""

import contextlib
import os
import shlex
import signal
import socket
import unittest

from clitest import LINUX_FEATURES, LOCALHOST, SERVICE, TestCase, free_port, insist, needs_linux_features, poll, service


class Kind:
    """A way to tell, the options of a test service that gets ready in that way, and those of one that does not."""

    def __init__(self, name, option, good, bad=""):
        self.name, self.option, self.good, self.bad = name, option, good, bad


class KindTestCase(TestCase):
    def kinds(self, *left_out):
        path, port = self.path("ready"), free_port()
        address, url = f"{LOCALHOST}:{port}", f"http://{LOCALHOST}:{port}/"
        kinds = [
            Kind("http", ["--http", url], f"--listen {address} --http ok", f"--listen {address} --http '503 Busy'"),
            Kind("unix", ["--unix", path + ".socket"], f"--listen {path}.socket", f"--listen {path}.socket --bind-only"),
            Kind("file", ["--file", path], f"--pid-file {path}"),
            Kind("output", ["--output", "^up$"], "--ready up", "--ready down"),
            Kind("notify", ["--notify"], "--notify READY=1", "--notify READY=0"),
            Kind("exec", ["--exec", f"test -e {path}.exec"], f"--pid-file {path}.exec"),
        ]
        if not LINUX_FEATURES and "notify" not in left_out:
            with self.subTest("notify"):
                self.skipTest("not without linux_features: services are given a NOTIFY_SOCKET")
            left_out += ("notify",)
        return [kind for kind in kinds if kind.name not in left_out]

    def run_service(self, kind, options, *rest):
        command = service(*shlex.split(options))
        return self.run_tool("run", "--timeout", "20", "--service", command, *kind.option, *rest)

    @contextlib.contextmanager
    def trying(self, kind):
        with self.subTest(kind.name):
            yield
            self.assert_nothing_left()
            self.remove_files()

    def remove_files(self):
        for name in os.listdir(self.folder):
            if name.startswith("ready"):
                os.unlink(self.path(name))

    def make_ready(self, kind):
        """As something else than a service would; returns what has to be closed."""
        target = kind.option[1]
        if kind.name == "http":
            return socket.create_server((LOCALHOST, int(target.rsplit(":")[-1].strip("/"))))
        if kind.name == "unix":
            server = socket.socket(socket.AF_UNIX)
            server.bind(target)
            server.listen()
            return server
        return open(target.split()[-1], "w", encoding="utf-8")


class Run(KindTestCase):
    def test_status_of_the_command(self):
        for kind in self.kinds():
            with self.trying(kind):
                status, stdout, stderr = self.run_service(kind, kind.good, "--", "sh", "-c", "echo ran; exit 7")
                self.assertEqual((status, stdout), (7, "ran\n"), stderr)
                self.assertIn("ready after", stderr)

    def test_command_cannot_be_run(self):
        for kind in self.kinds():
            with self.trying(kind):
                self.assertEqual(self.run_service(kind, kind.good, "--", "mk-no-such-command")[0], 127)
                self.remove_files()
                self.assertEqual(self.run_service(kind, kind.good, "--", self.folder)[0], 126)

    def test_time_is_up(self):
        for kind in self.kinds():
            with self.trying(kind):
                status, stdout, stderr = self.run_service(kind, kind.bad, "--timeout", "0.5", "--", "echo", "ran")
                self.assertEqual((status, stdout), (124, ""), stderr)
                self.assertIn("was killed: it was not ready within 0.5 s", stderr)

    def test_service_exits(self):
        for kind in self.kinds():
            with self.trying(kind):
                status, stdout, stderr = self.run_service(kind, "--print 'no luck' --exit 3", "--", "echo", "ran")
                self.assertEqual((status, stdout), (125, ""), stderr)
                self.assertIn("exited with status 3", stderr)
                self.assertIn("no luck", stderr)

    def test_service_cannot_be_run(self):
        for kind in self.kinds():
            with self.trying(kind):
                status, stdout, stderr = self.run_tool(
                    "run", "--service", "mk-no-such-service", *kind.option, "--", "echo", "ran")
                self.assertEqual((status, stdout), (125, ""), stderr)
                self.assertIn("mk-no-such-service", stderr)

    def test_there_already(self):
        for kind in self.kinds("output", "notify"):
            with self.trying(kind):
                with self.make_ready(kind):
                    status, stdout, stderr = self.run_service(kind, kind.good, "--", "echo", "ran")
                self.assertEqual((status, stdout), (125, ""), stderr)
                self.assertIn(kind.option[1].removeprefix("http://").strip("/"), stderr)

    def test_descriptor(self):
        status, _, stderr = self.run_tool("run", "--service", "sh -c 'echo >&7; sleep 60'", "--notify=7", "--", "true")
        self.assertEqual(status, 0, stderr)
        for value in ("2", "1024", "x", ""):
            status, _, stderr = self.run_tool("run", "--service", "sleep 60", f"--notify={value}", "--", "true")
            self.assertEqual(status, 125, stderr)
            self.assertIn(f"--notify: “{value}” is neither true, for NOTIFY_SOCKET, nor a descriptor from 3 to 1023", stderr)

    def start_service(self, kind, options, *rest):
        command = service(*shlex.split(options))
        tool = self.start("run", "--timeout", "20", "--service", command, *kind.option, *rest)
        poll(lambda: any(line.startswith(SERVICE) for line in self.processes().values()), "the service runs")
        return tool

    def test_interrupted_while_it_waits(self):
        for kind in self.kinds():
            with self.trying(kind):
                tool = self.start_service(kind, f"{kind.bad} --deaf --children 1", "--stop-timeout", "0.2", "--", "echo", "ran")
                insist(lambda: tool.send(signal.SIGINT), tool.has_ended)
                self.assertEqual((tool.wait(), tool.stdout), (-signal.SIGINT, ""), tool.stderr)

    @needs_linux_features("processes that leave their group are found")
    def test_killed_while_it_waits(self):
        for kind in self.kinds():
            with self.trying(kind):
                tool = self.start_service(kind, f"{kind.bad} --deaf --children 1 --setsid-children")
                tool.send(signal.SIGKILL)
                self.assertEqual(tool.wait(), -signal.SIGKILL)

    @needs_linux_features("processes that leave their group are found")
    def test_killed_when_ready(self):
        for kind in self.kinds():
            with self.trying(kind):
                tool = self.start_service(kind, f"{kind.good} --daemon --children 1 --setsid-children")
                tool.expect("ready after")
                tool.send(signal.SIGKILL)
                self.assertEqual(tool.wait(), -signal.SIGKILL)

    def test_interrupted_when_ready(self):
        for kind in self.kinds():
            with self.trying(kind):
                tool = self.start_service(kind, f"{kind.good} --children 1")
                tool.expect("ready after")
                insist(lambda: tool.send(signal.SIGINT), tool.has_ended)
                self.assertEqual(tool.wait(), -signal.SIGINT, tool.stderr)


class Wait(KindTestCase):
    def test_status_of_the_command(self):
        for kind in self.kinds("output", "notify", "http"):
            with self.trying(kind):
                with self.make_ready(kind):
                    for command, expected in (("true", 0), ("false", 1), ("mk-no-such-command", 127), (self.folder, 126)):
                        status, _, stderr = self.run_tool("wait", *kind.option, "--", command)
                        self.assertEqual(status, expected, stderr)

    def test_time_is_up(self):
        for kind in self.kinds("output", "notify"):
            with self.trying(kind):
                status, stdout, stderr = self.run_tool("wait", "--timeout", "0.2", *kind.option, "--", "echo", "ran")
                self.assertEqual((status, stdout), (124, ""), stderr)

    def test_gone(self):
        for kind in self.kinds("output", "notify"):
            with self.trying(kind):
                status, stdout, stderr = self.run_tool("wait", "--gone", *kind.option, "--", "echo", "ran")
                self.assertEqual((status, stdout), (0, "ran\n"), stderr)

    def test_interrupted(self):
        for kind in self.kinds("output", "notify"):
            with self.trying(kind):
                tool = self.start("wait", *kind.option)
                insist(lambda: tool.send(signal.SIGINT), tool.has_ended)
                self.assertEqual(tool.wait(), -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
