# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A full disk: what has to be written there fails with a clear message, and everything else works."""

import json
import os
import shlex
import signal
import subprocess
import unittest

from clitest import LIMIT, TOOL, TestCase, free_port, listener, poll, service, tcp

NO_SPACE = "No space left on device"
#: Runs a command with a small disk in a directory, $1; with $2 of its bytes used, and $3 of its files
MOUNT = """mount -t tmpfs -o size=16k,nr_inodes=8 none "$1" || exit 77
head -c "$2" /dev/zero 2> /dev/null > "$1/fill"
for name in $(seq "$3"); do touch "$1/$name" 2> /dev/null; done
shift 3
exec "$@" """
EMPTY, NO_BYTES, NOTHING = (0, 0), (20000, 0), (20000, 10)


def can_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_mount(), "only root can mount a small disk, where that is permitted")
class FullDisk(TestCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))

    def words(self, use, *args):
        return ["-m", "sh", "-c", MOUNT, "sh", self.path("disk"), *map(str, use), TOOL, "run", *args]

    def start_there(self, use, *args, **options):
        return self.start(*self.words(use, *args), program="unshare", **options)

    def run_there(self, use, *args):
        """Returns the status, and all that is said."""
        tool = self.start_there(use, *args)
        status = tool.wait()
        return status, tool.stdout + tool.stderr

    def assert_works(self, use, *args):
        status, said = self.run_there(use, *args, "--", "echo", "COMMAND ran")
        self.assertEqual(status, 0, said)
        self.assertIn("COMMAND ran", said)
        return said

    def assert_says_why(self, use, *args):
        status, said = self.run_there(use, *args, "--", "echo", "COMMAND ran")
        self.assertEqual(status, 125, said)
        self.assertIn(NO_SPACE, said)
        return said

    def test_no_directory_for_the_service(self):
        self.env["TMPDIR"] = self.path("disk")
        said = self.assert_says_why(NOTHING, "--service", service("--tag", "{dir}"))
        self.assertIn("directory for the service", said)
        self.assertNotIn("COMMAND ran", said)

    def test_directory_of_the_service_is_full(self):
        self.env["TMPDIR"] = self.path("disk")
        script = 'cd "$1"; shift; head -c 100000 /dev/zero > data; exec "$@"'
        command = shlex.join(["sh", "-c", script, "sh", "{dir}"]) + " " + listener("{port}")
        self.assert_works(EMPTY, "--service", command, "--tcp", "127.0.0.1:{port}")

    def test_prepare(self):
        with open(self.path("services"), "w", encoding="utf-8") as file:
            file.write(f"[one]\nCommand={service()}\nPrepare=mkdir {self.path('disk/data')}\n")
        said = self.assert_says_why(NOTHING, "--file", self.path("services"))
        self.assertNotIn("COMMAND ran", said)

    def test_pid_file(self):
        path = self.path("disk/pid")
        status, said = self.run_there(NO_BYTES, "--service", service("--pid-file", path), "--file", path, "--timeout", "1",
                                      "--", "true")
        self.assertIn(status, (124, 125), said)
        self.assertIn("mk-test-service", said)

    def test_log_directory_that_cannot_be_made(self):
        self.assert_says_why(NOTHING, "--log-dir", self.path("disk/logs"), "--service", service())

    def test_log_that_is_full(self):
        port = free_port()
        said = self.assert_works(NO_BYTES, "--log-dir", self.path("disk/logs"), "--service",
                                 listener(port, "--print", "up", "--flood", 1000000), *tcp(port), "--output", "up",
                                 "--service", service())
        log = f"the log “{self.path('disk/logs/mk-test-service.log')}” is incomplete: {NO_SPACE}"
        self.assertEqual(said.count("is incomplete"), 1, said)
        self.assertIn(f"mirakuru: mk-test-service: {log}", said)

    def test_log_that_is_full_does_not_change_the_status(self):
        port = free_port()
        status, said = self.run_there(NO_BYTES, "--quiet", "--log-dir", self.path("disk/logs"), "--report",
                                      self.path("report"), "--service", listener(port, "--print", "up"), *tcp(port),
                                      "--", "sh", "-c", "exit 3")
        self.assertEqual(status, 3, said)
        self.assertIn("is incomplete", said)
        with open(self.path("report"), encoding="utf-8") as file:
            self.assertIn(NO_SPACE, json.load(file)["services"][0]["incomplete"])

    def test_report(self):
        for option in "--report", "--timeline":
            with self.subTest(option):
                said = self.assert_says_why(NO_BYTES, option, self.path("disk/file"), "--service", service())
                self.assertIn("COMMAND ran", said)

    def test_disk_gets_full_while_it_runs(self):
        self.env["TMPDIR"] = self.path("disk")
        script = f"head -c 100000 /dev/zero > {self.path('disk/data')}; echo full; exec sleep {LIMIT}"
        tool = self.start_there(EMPTY, "--log-dir", self.path("disk"), "--service",
                                service("--tag", "{dir}", "--print", "up"), "--", "sh", "-c", script)
        tool.expect("full")
        tool.send(signal.SIGTERM)
        poll(tool.has_ended, lambda: tool.stderr)
        self.assertIn("stopped", tool.stderr)


if __name__ == "__main__":
    unittest.main()
