#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that a launcher runs somewhere else: in another network of this machine where one can be made."""

import glob
import shutil
import signal
import subprocess
import unittest

from clitest import LOCALHOST, TestCase, free_port, needs_linux_features, service

OTHER_NETWORK = """unshare --net -- sh -c 'ip link set lo up; exec "$@"' sh"""


def can_leave_the_network():
    return subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0


@needs_linux_features("launchers")
class Launcher(TestCase):
    def test_forward(self):
        if not can_leave_the_network():
            self.skipTest("no other network can be made here")
        port = free_port()
        command = service("--listen", f"{LOCALHOST}:6379", "--after", "200")
        options = "--launcher", OTHER_NETWORK, "--forward", f"{port}:6379", "--tcp", str(port)
        status, stdout, stderr = self.run_tool("run", "--service", command, *options, "--", "echo", "up")
        self.assertEqual((status, stdout), (0, "up\n"), stderr)

    def test_template(self):
        if not shutil.which("redis-server") or not can_leave_the_network():
            self.skipTest("redis is not installed, or no other network can be made here")
        status, stdout, stderr = self.run_tool(
            "run", "--template", "redis", "--launcher", OTHER_NETWORK, "--", "redis-cli", "-p", "{redis.port}", "ping")
        self.assertEqual((status, stdout), (0, "PONG\n"), stderr)
        self.assertEqual(glob.glob("/tmp/mirakuru-redis-*"), [])

    def test_services_file(self):
        path = self.path("services.ini")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
[one]
Launcher=env WHERE=there
Prepare=echo "$WHERE" > {dir}/file
Shell=cat {dir}/file; exec sleep 60
Output=there
Cleanup=cp {dir}/file "%s"
""" % self.path("copy"))
        status, stdout, stderr = self.run_tool("run", "--file", path, "--", "sh", "-c", "test -d {one.dir} && echo up")
        self.assertEqual((status, stdout), (0, "up\n"), stderr)
        with open(self.path("copy"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "there\n")
        self.assertEqual(glob.glob("/tmp/mirakuru-one-*"), [])

    def test_what_does_not_do(self):
        for options, status, words in (
            (("--launcher", "no-such-launcher"), 125, "no-such-launcher"),
            (("--launcher", "sh -c 'echo no way >&2; exit 3'"), 125, "exited with status 3 before there was a connection: no way"),
            (("--launcher", "'"), 125, "is not a command"),
            (("--launcher", "env", "--forward", "80:x"), 125, "is not a forward"),
            (("--forward", "16379:6379"), 125, "leads to another address, which needs a launcher"),
        ):
            with self.subTest(options=options):
                found, _, stderr = self.run_tool("run", "--service", service(), *options, "--", "true")
                self.assertEqual(found, status, stderr)
                self.assertIn(words, stderr)

    def test_killed(self):
        """However the command ends, nothing is left where the launcher leads to."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            tool = self.start(
                "run", "--service", service("--ready", "up", "--children", "2", "--setsid-children"),
                "--launcher", "env", "--output", "up", "--", "sh", "-c", "echo running; exec sleep 60")
            tool.expect("running")
            tool.send(number)
            tool.wait()
            self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
