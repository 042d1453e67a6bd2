# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways to tell that a service is ready: TCP, HTTP, a Unix socket, a file, a banner."""

import re
import subprocess
import sys
import unittest

from dropintest import LOCALHOST, SERVICE, DropInTest, free_port, listener, service

from mirakuru import (
    AlreadyRunning,
    HTTPExecutor,
    OutputExecutor,
    PidExecutor,
    ProcessExitedWithError,
    TCPExecutor,
    TimeoutExpired,
)
from mirakuru.unixsocket import UnixSocketExecutor

LIMIT = 20


class Tcp(DropInTest):
    def test_exit_right_after_it_listened(self):
        for delay in (0, 2, 5, 10):
            port = free_port()
            command = listener(port, "--exit", 1, "--exit-after", delay)
            executor = self.keep(TCPExecutor(command, LOCALHOST, port=port, timeout=LIMIT))
            with self.assertRaises(ProcessExitedWithError):
                executor.start()
            self.assertFalse(executor.running())

    def test_waits(self):
        port = free_port()
        executor = self.keep(TCPExecutor(listener(port, "--after", 50), LOCALHOST, port=str(port), timeout=LIMIT))
        self.assertEqual((executor.host, executor.port), (LOCALHOST, port))
        self.assertFalse(executor.pre_start_check())
        executor.start()
        self.assertTrue(executor.after_start_check())
        executor.stop()
        self.assertFalse(executor.after_start_check())

    def test_ipv6(self):
        port = free_port()
        for host in ("::1", "localhost"):
            command = service("--listen", f"::1:{port}")
            with self.keep(TCPExecutor(command, host, port, timeout=LIMIT)) as executor:
                self.assertTrue(executor.running())

    def test_the_port_may_change(self):
        executor = self.keep(TCPExecutor("true", LOCALHOST, 1, timeout=LIMIT))
        executor.port = free_port()
        executor.command_parts = listener(executor.port)
        with executor:
            self.assertTrue(executor.running())

    def test_already_running(self):
        port = free_port()
        with self.keep(TCPExecutor(listener(port), LOCALHOST, port, timeout=LIMIT)) as executor:
            for other in (executor, TCPExecutor(listener(port), LOCALHOST, port)):
                with self.assertRaises(AlreadyRunning) as caught:
                    other.start()
                self.assertIn("mk-test-service", str(caught.exception))
            self.assertTrue(executor.running())

    def test_impossible_port(self):
        for port in (0, 70000):
            with self.assertRaises(ValueError):
                TCPExecutor("sleep 300", LOCALHOST, port).start()


class Http(DropInTest):
    def executor(self, how, *more, path="/", **kwargs):
        port = free_port()
        url = f"http://{LOCALHOST}:{port}{path}"
        return self.keep(HTTPExecutor(listener(port, "--http", how, *more), url, timeout=LIMIT, **kwargs))

    def test_attributes(self):
        executor = HTTPExecutor("true", "http://example.com/path?query")
        self.assertEqual((executor.host, executor.port), ("example.com", 80))
        self.assertEqual((executor.url.hostname, executor.url.path), ("example.com", "/path"))
        self.assertEqual(executor.status, r"^2\d\d$")
        self.assertTrue(executor.status_re.match("204"))
        self.assertEqual(HTTPExecutor.DEFAULT_PORT, 80)
        self.assertEqual(HTTPExecutor("true", "http://example.com:8000").port, 8000)
        for url in ("", "/path", "http:///path"):
            with self.assertRaises(ValueError):
                HTTPExecutor("true", url)

    def test_default_port_of_a_subclass(self):
        class Elsewhere(HTTPExecutor):
            DEFAULT_PORT = free_port()

        command = listener(Elsewhere.DEFAULT_PORT, "--http", "ok")
        with self.keep(Elsewhere(command, f"http://{LOCALHOST}/", timeout=LIMIT)) as executor:
            self.assertTrue(executor.running())

    def test_a_real_server(self):
        port = free_port()
        command = [sys.executable, "-m", "http.server", "--bind", LOCALHOST, str(port)]
        executor = HTTPExecutor(command, f"http://{LOCALHOST}:{port}/", timeout=LIMIT, stderr=subprocess.PIPE)
        with self.keep(executor):
            self.assertTrue(executor.running())

    def test_status(self):
        for status in (503, "503", "^5", r"(200|503)", "50"):
            with self.executor("503 Busy", status=status) as executor:
                self.assertTrue(executor.running(), status)

    def test_wrong_status(self):
        executor = self.executor("503 Busy", status="^2")
        executor._timeout = 0.3
        with self.assertRaises(TimeoutExpired) as caught:
            executor.start()
        self.assertIn("503", str(caught.exception))

    def test_request(self):
        """The service says what it was asked, as long as it was not satisfied: the status is only for looks."""
        script = (
            "import http.server, sys\n"
            "class Handler(http.server.BaseHTTPRequestHandler):\n"
            "    def do_PUT(self):\n"
            "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
            "        print(self.path, self.headers['X-Name'], self.headers['Content-Type'], body, flush=True)\n"
            "        self.send_response(204)\n"
            "        self.end_headers()\n"
            f"http.server.HTTPServer(('{LOCALHOST}', int(sys.argv[1])), Handler).serve_forever()\n"
        )
        port = free_port()
        executor = HTTPExecutor(
            [sys.executable, "-c", script, str(port)],
            f"http://{LOCALHOST}:{port}/path?query=1#fragment",
            method="PUT",
            payload={"a": "1 2", "b": "&"},
            headers={"X-Name": "value"},
            timeout=LIMIT,
            stderr=subprocess.DEVNULL,
        )
        with self.keep(executor):
            seen = executor.output().readline()
        form = "application/x-www-form-urlencoded"
        self.assertEqual(seen, f"/path?query=1 value {form} b'a=1+2&b=%26'\n")

    def test_already_running(self):
        executor = self.executor("503 Busy", status=503).start()
        with self.assertRaises(AlreadyRunning):
            HTTPExecutor("sleep 300", executor.url.geturl()).start()
        executor.stop()


class Socket(DropInTest):
    def test_waits(self):
        path = self.folder() / "socket"
        executor = self.keep(UnixSocketExecutor(service("--listen", path, "--after", 30), str(path), timeout=LIMIT))
        self.assertEqual(executor.socket, str(path))
        with executor:
            self.assertTrue(executor.after_start_check())
            with self.assertRaises(AlreadyRunning) as caught:
                UnixSocketExecutor("sleep 300", str(path)).start()
            self.assertIn(str(path), str(caught.exception))


class Pid(DropInTest):
    def test_waits(self):
        path = self.folder() / "pid"
        executor = self.keep(PidExecutor(service("--pid-file", path, "--after", 30), str(path), timeout=LIMIT))
        self.assertEqual(executor.filename, str(path))
        with executor:
            self.assertEqual(int(path.read_text(encoding="utf-8")), executor.process.pid)

    def test_daemon(self):
        path = self.folder() / "pid"
        command = service("--daemon", "--pid-file", path)
        with self.keep(PidExecutor(command, str(path), timeout=LIMIT)) as executor:
            self.assertNotEqual(int(path.read_text(encoding="utf-8")), executor.process.pid)
        self.assert_gone(executor)

    def test_any_file_counts(self):
        path = self.folder() / "pid"
        with self.keep(PidExecutor(["sh", "-c", f"touch {path}; exec sleep 300"], str(path), timeout=LIMIT)):
            pass
        with self.assertRaises(AlreadyRunning) as caught:
            PidExecutor("sleep 300", str(path)).start()
        self.assertIn(str(path), str(caught.exception))

    def test_a_folder_does_not(self):
        executor = self.keep(PidExecutor("sleep 300", str(self.folder()), timeout=0.1))
        with self.assertRaises(TimeoutExpired):
            executor.start()

    def test_empty_name(self):
        for name in ("", None):
            with self.assertRaises(ValueError):
                PidExecutor("sleep 300", name)


class Banner(DropInTest):
    def executor(self, banner, *options, timeout=LIMIT, **kwargs):
        return self.keep(OutputExecutor(service(*options), banner, timeout=timeout, **kwargs))

    def test_stdout(self):
        executor = self.executor("foo", "--print", "before", "--print", "foo and more", "--print", "bar").start()
        self.assertEqual(executor.output().readline(), "bar\n")
        executor.stop()

    def test_stderr(self):
        executor = self.executor("foo", "--stderr", "foo", "--stderr", "bar", stderr=subprocess.PIPE).start()
        self.assertEqual(executor.err_output().readline(), "bar\n")
        executor.stop()

    def test_stderr_alone(self):
        options = ("--print", "no", "--stderr", "foo", "--stderr", "bar")
        executor = self.executor("foo", *options, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).start()
        self.assertEqual(executor.err_output().readline(), "bar\n")
        self.assertIsNone(executor.output())
        executor.stop()

    def test_both(self):
        options = ("--print", "out", "--stderr", "foo", "--stderr", "bar")
        executor = self.executor("foo", *options, stderr=subprocess.PIPE).start()
        self.assertEqual(executor.output().readline(), "out\n")
        self.assertEqual(executor.err_output().readline(), "bar\n")
        executor.stop()

    def test_merged(self):
        executor = self.executor("foo", "--stderr", "foo", "--stderr", "bar", stderr=subprocess.STDOUT).start()
        self.assertEqual(executor.output().readline(), "bar\n")
        executor.stop()

    def test_expressions(self):
        for banner in (r"port \d+$", re.compile("LISTENING", re.I), r"^listening", "(?P<what>port) (?:6)"):
            with self.subTest(banner):
                executor = self.executor(banner, "--print", "nothing", "--print", "listening on port 63").start()
                executor.stop()

    def test_with_the_end_of_the_line(self):
        executor = self.executor("foo\n", "--print", "foo", "--print", "bar").start()
        self.assertEqual(executor.output().readline(), "bar\n")
        executor.stop()

    def test_timeout(self):
        executor = self.executor("nonsense", "--print", "foo", timeout=0.2)
        with self.assertRaises(TimeoutExpired) as caught:
            executor.start()
        self.assertIn("nonsense", str(caught.exception))
        self.assertFalse(executor.running())
        self.assert_gone(executor)

    def test_exit(self):
        with self.assertRaises(ProcessExitedWithError) as caught:
            self.keep(OutputExecutor([SERVICE, "--exit", "3"], "foo", timeout=LIMIT)).start()
        self.assertEqual(caught.exception.exit_code, 3)

    def test_bad_arguments(self):
        with self.assertRaises(re.error):
            OutputExecutor("sleep 300", "(")
        with self.assertRaises(TypeError):
            OutputExecutor("sleep 300", "foo", stdout=None)
        with self.assertRaises(ValueError):
            OutputExecutor("sleep 300", "foo", stdout=subprocess.DEVNULL).start()


if __name__ == "__main__":
    unittest.main()
