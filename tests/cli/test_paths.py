# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`--unix` and `--file`, of `mirakuru run` and of `mirakuru wait`."""

import os
import shlex
import socket
import unittest

from clitest import TestCase, needs_linux_features, service


class Unix(TestCase):
    def listen(self, path):
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(path)
        server.listen()
        return server

    def test_run(self):
        path = self.path("socket")
        status, stdout, stderr = self.run_tool(
            "run", "--service", service("--after", 50, "--listen", path, "--on-term", 0), "--unix", path,
            "--", "echo", "here")
        self.assertEqual((status, stdout), (0, "here\n"), stderr)
        self.assertIn("ready after", stderr)

    def test_run_of_abstract_socket(self):
        name = "@" + self.token
        status, _, stderr = self.run_tool(
            "run", "--service", service("--listen", name, "--on-term", 0), "--unix", name, "--", "true")
        self.assertEqual(status, 0, stderr)

    @needs_linux_features("it is known who listens")
    def test_somebody_listens_there(self):
        path = self.path("socket")
        self.listen(path)
        status, _, stderr = self.run_tool(
            "run", "--service", service("--listen", path), "--unix", path, "--", "true")
        self.assertEqual(status, 125)
        self.assertIn(f"{path} already ", stderr)
        self.assertIn(f"(pid {os.getpid()})", stderr)

    def test_wait_and_gone(self):
        path = self.path("socket")
        tool = self.start("wait", "--unix", path)
        server = self.listen(path)
        self.assertEqual(tool.wait(), 0, tool.stderr)
        tool = self.start("wait", "--gone", "--unix", path)
        server.close()
        self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_not_in_time(self):
        path = self.path("socket")
        self.listen(path).close()
        status, _, stderr = self.run_tool("wait", "--timeout", "0.2", "--unix", path)
        self.assertEqual(status, 124)
        self.assertIn("nothing listens", stderr)

    def test_paths_that_cannot_be(self):
        for path in ("", "@"):
            status, _, stderr = self.run_tool("wait", "--unix", path)
            self.assertEqual(status, 125)
            self.assertIn("is not a path", stderr)
        status, _, stderr = self.run_tool("wait", "--unix", "/" + "x" * 200)
        self.assertEqual(status, 125)
        self.assertIn("too long", stderr)


class File(TestCase):
    def test_run(self):
        path = self.path("pid")
        status, _, stderr = self.run_tool(
            "run", "--service", service("--after", 50, "--pid-file", path, "--on-term", 0), "--file", path,
            "--", "test", "-e", path)
        self.assertEqual(status, 0, stderr)
        self.assertIn("ready after", stderr)

    @needs_linux_features("processes that leave their group are found")
    def test_run_of_daemon(self):
        path = self.path("pid")
        status, stdout, stderr = self.run_tool(
            "run", "--service", service("--daemon", "--after", 50, "--pid-file", path, "--rename"), "--file", path,
            "--", "sh", "-c", f"kill -0 $(cat {path}) && echo alive")
        self.assertEqual((status, stdout), (0, "alive\n"), stderr)

    @needs_linux_features("processes have names")
    def test_file_is_there(self):
        path = self.path("pid")
        with open(path, "w", encoding="utf-8") as file:
            print(os.getpid(), file=file)
        status, _, stderr = self.run_tool("run", "--service", service(), "--file", path, "--", "true")
        self.assertEqual(status, 125)
        self.assertIn(f"(pid {os.getpid()}), which is running", stderr)

    def test_wait_and_gone(self):
        path = self.path("not-yet/file")
        tool = self.start("wait", "--file", path)
        os.mkdir(os.path.dirname(path))
        with open(path, "w", encoding="utf-8"):
            pass
        self.assertEqual(tool.wait(), 0, tool.stderr)
        tool = self.start("wait", "--gone", "--file", path)
        os.unlink(path)
        self.assertEqual(tool.wait(), 0, tool.stderr)

    def test_not_in_time(self):
        status, _, stderr = self.run_tool("wait", "--timeout", "0.2", "--file", self.path("no/file"))
        self.assertEqual(status, 124)
        self.assertIn("does not exist", stderr)

    def test_empty(self):
        self.assertEqual(self.run_tool("wait", "--file", "")[0], 125)


class Bytes(TestCase):
    """Names that are not UTF-8 are used as they are, and can be read in messages."""

    RAW = b"d\xe9\xff"
    TEXT = os.fsdecode(RAW)

    def run_raw(self, *args):
        """The status, and what was printed, as bytes."""
        tool = self.start(*args)
        tool.wait()
        with open(tool.stdout_path, "rb") as stdout, open(tool.stderr_path, "rb") as stderr:
            return tool.process.returncode, stdout.read(), stderr.read()

    def test_run(self):
        folder = self.path(self.TEXT)
        os.mkdir(folder)
        self.env["B"] = self.TEXT
        script = 'printf "%s\\0" "$PWD" "$1" "$A" "$B" > ready.new; mv ready.new ready; exec sleep 60'
        status, stdout, stderr = self.run_raw(
            "run", "--service", shlex.join(["sh", "-c", script, "sh", self.TEXT]), "--cwd", folder,
            "--env", f"A={self.TEXT}", "--file", f"{folder}/ready", "--", "cat", f"{folder}/ready")
        self.assertEqual(status, 0, stderr)
        self.assertEqual(stdout.split(b"\0"), [os.fsencode(folder), self.RAW, self.RAW, self.RAW, b""])
        stderr.decode()

    def test_messages(self):
        odd = self.path(self.TEXT)
        for args in (
            ("wait", "--timeout", "0.05", "--file", odd),
            ("wait", "--timeout", "0.05", "--unix", odd),
            ("wait", "--timeout", "0.05", "--exec", f"test -e {self.TEXT}"),
            ("wait", "--exec", odd),
            ("wait", "--tcp", self.TEXT),
            ("wait", "--http", f"http://127.0.0.1:1/{self.TEXT}"),
            ("wait", "--timeout", self.TEXT, "--tcp", "1"),
            ("wait", self.TEXT),
            ("run", f"--{self.TEXT}"),
            ("run", "--service", odd, "--", "true"),
            ("run", "--service", "sleep 60", "--cwd", odd, "--", "true"),
            ("run", "--service", "sleep 60", "--", odd),
            ("run", "--service", f"'{self.TEXT}", "--", "true"),
            ("run", "--service", "sleep 60", "--env", self.TEXT, "--", "true"),
            ("run", "--service", f"sh -c 'exit 3' {odd}", "--tcp", "127.0.0.1:1", "--", "true"),
            (self.TEXT,),
        ):
            with self.subTest(args):
                status, _, stderr = self.run_raw(*args)
                self.assertIn(status, (124, 125, 127))
                stderr.decode()


if __name__ == "__main__":
    unittest.main()
