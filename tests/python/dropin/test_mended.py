# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mirakuru gets wrong, and this module must not. The numbers are those of the list of defects."""

import os
import resource
import subprocess
import sys
import time
import unittest
from unittest import mock

from dropintest import (
    LOCALHOST,
    SERVICE,
    DropInTest,
    free_port,
    iterate_until,
    listener,
    lives,
    service,
    wait_until,
)

import mirakuru
from mirakuru import HTTPExecutor, OutputExecutor, PidExecutor, SimpleExecutor, TCPExecutor
from mirakuru.unixsocket import UnixSocketExecutor

LIMIT = 20


class Mended(DropInTest):
    def test_2_survivors(self):
        """A daemon in a session of its own, with an empty environment."""
        path = self.folder() / "pid"
        command = service("--daemon", "--scrub-env", "--pid-file", path)
        executor = self.keep(PidExecutor(command, str(path), timeout=LIMIT)).start()
        pid = int(path.read_text(encoding="utf-8"))
        self.assertTrue(lives(pid))
        executor.stop()
        self.assertFalse(lives(pid))

    def test_2_survivors_of_the_host(self):
        """Nothing of it is left after a crash, and the program that takes the host's place is left alone."""
        path = self.folder() / "pid"
        command = service("--daemon", "--scrub-env", "--pid-file", path)
        for end in ("os.kill(os.getpid(), 9)", "os.abort()", "os.execv('/bin/true', ['true'])"):
            with self.subTest(end):
                script = (
                    "import os, resource, mirakuru_glib\n"
                    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
                    f"executor = mirakuru_glib.PidExecutor({command!r}, {str(path)!r}).start()\n{end}\n"
                )
                subprocess.run([sys.executable, "-c", script], timeout=LIMIT, check=False)
                pid = int(path.read_text(encoding="utf-8"))
                wait_until(lambda pid=pid: not lives(pid), "the service has ended")
                path.unlink()

    def test_3_nobody_reads(self):
        port = free_port()
        executor = self.keep(TCPExecutor(listener(port, "--flood", 4 << 20), LOCALHOST, port, timeout=LIMIT)).start()
        executor.stop()
        done = self.folder() / "done"
        executor = self.keep(SimpleExecutor(service("--flood", 4 << 20, "--pid-file", done, "--stamp", done))).start()
        wait_until(lambda: done.exists() and "flooded" in done.read_text(encoding="utf-8"), "all is printed")
        executor.stop()

    def test_4_hung_http(self):
        for how in ("silent", "drip"):
            port = free_port()
            command = listener(port, "--http", how)
            for cls in (HTTPExecutor, SlowChecking):
                with self.subTest(how=how, cls=cls.__name__):
                    executor = self.keep(cls(command, f"http://{LOCALHOST}:{port}/", timeout=0.3))
                    with self.assertRaises(mirakuru.TimeoutExpired):
                        self.assert_takes(5, executor.start)

    def test_5_deaf_service(self):
        executor = self.keep(SimpleExecutor(service("--deaf", "--ready", "up"))).start()
        self.assertEqual(executor._timeout, 3600)
        self.assertLessEqual(executor._stop_limit(), 10000)
        executor.stop_timeout = 0.2
        self.assertEqual(executor.output().readline(), "up\n")
        self.assert_takes(5, executor.stop, shortest=0.2)

    def test_6_exit_before_the_banner(self):
        for status in (0, 3):
            executor = self.keep(OutputExecutor([SERVICE, "--print", "bye", "--exit", str(status)], "hello"))
            before = time.process_time()
            with self.assertRaises(mirakuru.ProcessExitedWithError) as caught:
                self.assert_takes(5, executor.start)
            self.assertEqual(caught.exception.exit_code, status)
            self.assertIn("bye", str(caught.exception))
            self.assertLess(time.process_time() - before, 1)

    def test_6_banner_without_a_newline(self):
        executor = self.keep(OutputExecutor(service("--print", "ready>", "--no-newline"), "ready>", timeout=LIMIT))
        executor.start().stop()

    def test_6_banner_in_pieces(self):
        script = "printf 'rea'; sleep 0.05; printf 'dy'; sleep 0.05; printf ' now\\nnext\\n'; exec sleep 300"
        executor = self.keep(OutputExecutor(["sh", "-c", script], "ready now", timeout=LIMIT)).start()
        self.assertEqual(executor.output().readline(), "next\n")
        executor.stop()

    def test_7_marker_of_another_run(self):
        """One that begins with the marker of the executor."""
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        with subprocess.Popen(["sleep", "300"], env={"mirakuru_uuid": f"{executor._uuid}0"}) as other:
            executor._kill_all_kids(0)
            self.assertNotIn(other.pid, executor._kill_all_kids(0))
            executor.stop()
            self.assertIsNone(other.poll())
            other.kill()

    def test_8_ipv6(self):
        port = free_port()
        with self.keep(TCPExecutor(service("--listen", f"::1:{port}"), "::1", port, timeout=LIMIT)) as executor:
            self.assertTrue(executor.after_start_check())

    def test_8_query(self):
        port = free_port()
        script = (
            "import http.server, sys\n"
            "class Handler(http.server.BaseHTTPRequestHandler):\n"
            "    def do_HEAD(self):\n"
            "        self.send_response(200 if self.path == '/a?b=c' else 404)\n"
            "        self.end_headers()\n"
            f"http.server.HTTPServer(('{LOCALHOST}', {port}), Handler).serve_forever()\n"
        )
        url = f"http://{LOCALHOST}:{port}/a?b=c"
        with self.keep(HTTPExecutor([sys.executable, "-c", script], url, timeout=LIMIT, stderr=subprocess.DEVNULL)):
            pass

    def test_8_https(self):
        executor = HTTPExecutor("true", "https://localhost/")
        self.assertEqual(executor.port, 443)
        self.assertEqual(executor._uri(), "https://localhost:443/")

    def test_9_words_of_already_running(self):
        path = str(self.folder() / "there")
        for executor in (
            PidExecutor("true", path),
            UnixSocketExecutor("true", path),
            TCPExecutor("true", LOCALHOST, 1),
            SimpleExecutor("true"),
            OutputExecutor("true", "banner"),
        ):
            self.assertIn("already running", str(mirakuru.AlreadyRunning(executor)))

        port = free_port()
        with self.keep(TCPExecutor(listener(port), LOCALHOST, port, timeout=LIMIT)) as executor:
            with self.assertRaisesRegex(mirakuru.AlreadyRunning, rf"mk-test-service \(pid {executor.process.pid}\)"):
                TCPExecutor("true", LOCALHOST, port).start()

    def test_10_stopped_while_not_running(self):
        executor = SimpleExecutor("sleep 300")
        with executor.stopped() as same:
            self.assertIs(same, executor)
        self.assertFalse(executor.running())

    def test_10_clock_is_set(self):
        executor = self.keep(SimpleExecutor("sleep 300", timeout=LIMIT)).start()
        with mock.patch("time.time", side_effect=AssertionError("the wall clock is asked")):
            self.assertTrue(executor.check_timeout())
            executor.wait_for(lambda: True)
            executor.stop()

    def test_11_deaf_leftovers(self):
        command = service("--children", 2, "--setsid-children", "--deaf", "--ready", "up")
        executor = self.keep(SimpleExecutor(command, timeout=0.3)).start()
        self.assertEqual(executor.output().readline(), "up\n")
        executor.process.kill()
        executor.process.wait(LIMIT)
        with self.assertRaises(mirakuru.exceptions.ProcessFinishedWithError):
            self.assert_takes(5, executor.stop)
        self.assert_gone(executor)

    def test_12_output_in_errors(self):
        port = free_port()
        for timeout, options in ((LIMIT, ("--exit", "3")), (0.3, ())):
            executor = self.keep(TCPExecutor(service("--print", "because", *options), LOCALHOST, port, timeout=timeout))
            with self.assertRaisesRegex(mirakuru.ExecutorError, "because"):
                executor.start()

    def test_12_notice_of_a_death(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        seen = []
        executor.native.connect("exited", lambda _native, status: seen.append(status))
        os.kill(executor.process.pid, 9)
        iterate_until(lambda: seen, "the death is told")
        self.assertEqual(seen, [-9])
        with self.assertRaises(mirakuru.ProcessExitedWithError):
            executor.stop()


class SlowChecking(HTTPExecutor):
    """Its check goes through Python, where nothing can interrupt it."""

    def after_start_check(self):
        return super().after_start_check()


class Cost(DropInTest):
    def test_waiting_costs_little(self):
        port = free_port()
        executor = self.keep(TCPExecutor("sleep 300", LOCALHOST, port, timeout=1))
        before = resource.getrusage(resource.RUSAGE_SELF)
        with self.assertRaises(mirakuru.TimeoutExpired):
            executor.start()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertLess(spent, 0.3)


if __name__ == "__main__":
    unittest.main()
