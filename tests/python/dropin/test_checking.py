# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executors with checks of their own, as dependants of mirakuru write them."""

import itertools
import signal
import socket
import subprocess
import time
import unittest
from unittest import mock

from dropintest import LOCALHOST, SERVICE, DropInTest, free_port, listener, lives, service, wait_until

from mirakuru import (
    AlreadyRunning,
    Executor,
    ProcessExitedWithError,
    SimpleExecutor,
    TCPExecutor,
    TimeoutExpired,
)
from mirakuru.exceptions import ProcessFinishedWithError


class Counting(Executor):
    """Is ready at the third check."""

    def __init__(self, *arguments, **kwargs):
        super().__init__(*arguments, **kwargs)
        self.calls = []
        self.there = False

    def pre_start_check(self):
        self.calls.append("pre")
        return self.there

    def after_start_check(self):
        self.calls.append("after")
        return self.calls.count("after") >= 3


class Checks(DropInTest):
    def test_abstract(self):
        executor = Executor("sleep 300")
        for check in (executor.pre_start_check, executor.after_start_check, executor.start):
            with self.assertRaises(NotImplementedError):
                check()

    def test_order(self):
        executor = self.keep(Counting("sleep 300"))
        self.assertIs(executor.start(), executor)
        self.assertEqual(executor.calls, ["pre", "after", "after", "after"])
        executor.stop()

    def test_already_running(self):
        stamp = self.folder() / "stamp"
        executor = self.keep(Counting(service("--stamp", stamp)))
        executor.there = True
        with self.assertRaises(AlreadyRunning) as caught:
            executor.start()
        self.assertIs(caught.exception.executor, executor)
        self.assertIsNone(executor.process)
        self.assertFalse(stamp.exists())

    def test_replaced_on_the_instance(self):
        executor = self.keep(TCPExecutor("sleep 300", LOCALHOST, free_port()))
        executor.pre_start_check = mock.Mock(return_value=False)
        executor.after_start_check = mock.Mock(side_effect=itertools.chain([False, 0, None], itertools.repeat(1)))
        executor.start()
        self.assertEqual(executor.pre_start_check.call_count, 1)
        self.assertEqual(executor.after_start_check.call_count, 4)
        executor.stop()

    def test_the_process_is_known_to_the_check(self):
        class Knowing(Counting):
            def after_start_check(self):
                self.seen = (self.process.pid, self.running(), self.check_timeout(), self.output().readline())
                return True

        executor = self.keep(Knowing(service("--print", "hello"))).start()
        self.assertEqual(executor.seen, (executor.process.pid, True, True, "hello\n"))
        executor.stop()

    def test_more_than_the_port(self):
        class Pinging(TCPExecutor):
            def after_start_check(self):
                if not super().after_start_check():
                    return False
                with socket.create_connection((self.host, self.port), 5) as client:
                    self.answer = client.recv(2)
                return True

        port = free_port()
        executor = self.keep(Pinging(listener(port, "--after", 30), LOCALHOST, port)).start()
        self.assertEqual(executor.answer, b"ok")
        with self.assertRaises(AlreadyRunning) as caught:
            Pinging("sleep 300", LOCALHOST, port).start()
        self.assertIn("mk-test-service", str(caught.exception))
        executor.stop()

    def test_check_subprocess_overridden(self):
        class Windows(TCPExecutor):
            checks = 0

            def check_subprocess(self):
                self.checks += 1
                return self.checks > 2 and super().check_subprocess()

        port = free_port()
        executor = self.keep(Windows(listener(port), LOCALHOST, port)).start()
        self.assertGreater(executor.checks, 2)
        executor.stop()
        with self.assertRaises(ProcessExitedWithError) as caught:
            self.keep(Windows([SERVICE, "--exit", "4"], LOCALHOST, port)).start()
        self.assertEqual(caught.exception.exit_code, 4)

    def test_start_overridden(self):
        class TwoStages(Executor):
            """Waits for something else in between."""

            def start(self):
                SimpleExecutor.start(self)
                self.wait_for(lambda: self.output().readline() == "ready\n")
                return self

        executor = self.keep(TwoStages(service("--print", "first", "--ready", "ready"), timeout=5)).start()
        self.assertTrue(executor.running())
        executor.stop()

    def test_an_exception_arrives(self):
        class Odd(Exception):
            pass

        for hook in ("pre_start_check", "after_start_check", "check_subprocess"):
            with self.subTest(hook):
                executor = self.keep(Counting("sleep 300"))
                setattr(executor, hook, mock.Mock(side_effect=Odd("odd")))
                with self.assertRaisesRegex(Odd, "odd"):
                    executor.start()
                self.assert_gone(executor)
                self.assertFalse(executor.running())

    def test_an_exception_of_a_dependant(self):
        class Impatient(Counting):
            def after_start_check(self):
                raise TimeoutExpired(self, timeout=self._timeout)

        with self.assertRaises(TimeoutExpired) as caught:
            self.keep(Impatient("sleep 300", timeout=7)).start()
        self.assertEqual(caught.exception.timeout, 7)


class Exits(DropInTest):
    def executor(self, *command, cls=Executor, **kwargs):
        executor = self.keep(cls(list(command), timeout=kwargs.pop("timeout", 10), **kwargs))
        executor.pre_start_check = mock.Mock(return_value=False)
        executor.after_start_check = mock.Mock(return_value=False)
        return executor

    def test_with_an_error(self):
        executor = self.executor("bash", "-c", "echo because; exit 12")
        with self.assertRaises(ProcessExitedWithError) as caught:
            executor.start()
        self.assertEqual(caught.exception.exit_code, 12)
        self.assertIn("exited with a non-zero code: 12", str(caught.exception))
        self.assertIn("because", str(caught.exception))
        self.assertIsNone(executor.process)

    def test_its_leftovers_are_killed(self):
        executor = self.executor(*service("--children", 1, "--setsid-children", "--exit", "3"))
        with self.assertRaises(ProcessExitedWithError):
            executor.start()
        self.assert_gone(executor)

    def test_with_zero(self):
        executor = self.executor("bash", "-c", "exit 0", timeout=0.3)
        with self.assertRaises(TimeoutExpired):
            executor.start()
        self.assertTrue(executor.after_start_check.called)

    def test_with_zero_is_told(self):
        port = free_port()
        command = ["sh", "-c", "echo could not fork >&2; exit 0"]
        executor = self.keep(TCPExecutor(command, LOCALHOST, port, timeout=0.3, stderr=subprocess.PIPE))
        with self.assertRaises(TimeoutExpired) as caught:
            executor.start()
        for words in ("exited with status 0", f"{LOCALHOST}:{port} to accept connections", "could not fork"):
            self.assertIn(words, caught.exception.detail)

    def test_a_launcher_of_something_elsewhere(self):
        """Nothing of the command is left when its service gets ready."""
        port = free_port()
        executor = self.keep(TCPExecutor("true", LOCALHOST, port, timeout=10))
        elsewhere = self.keep(SimpleExecutor(listener(port, "--after", 200))).start()
        executor.start()
        self.assertFalse(executor.running())
        executor.stop()
        elsewhere.stop()

    def test_daemon(self):
        port = free_port()
        executor = self.keep(TCPExecutor(listener(port, "--daemon", "--after", 50), LOCALHOST, port, timeout=10))
        executor.start()
        self.assertFalse(executor.running())
        executor.stop()
        self.assert_gone(executor)

    def test_deadline(self):
        executor = self.executor("sleep", "300", timeout=0.2)
        with self.assertRaises(TimeoutExpired) as caught:
            self.assert_takes(5, executor.start, shortest=0)
        self.assertEqual(caught.exception.timeout, 0.2)
        self.assertIsNone(executor.process)
        self.assert_gone(executor)


class Waits(DropInTest):
    def test_wait_for(self):
        executor = self.keep(SimpleExecutor(service("--exit", 0, "--exit-after", 50), timeout=10)).start()
        executor.wait_for(lambda: not executor.running())
        executor.stop()

    def test_expiry_kills(self):
        executor = self.keep(SimpleExecutor("sleep 300", timeout=0.1)).start()
        pid = executor.process.pid
        with self.assertRaises(TimeoutExpired):
            executor.wait_for(lambda: False)
        self.assertFalse(lives(pid))
        self.assertIsNone(executor.process)

    def test_empty_command(self):
        executor = SimpleExecutor("", timeout=0.1)
        self.assertTrue(executor.check_timeout())
        executor._set_timeout()
        self.assertIs(executor.wait_for(lambda: True), executor)
        with self.assertRaises(TimeoutExpired):
            executor.wait_for(lambda: False)
        executor._set_timeout()
        wait_until(lambda: not executor.check_timeout(), "the time is up")
        for command in ("", [], " "):
            with self.assertRaises(ValueError):
                SimpleExecutor(command).start()

    def test_no_limit(self):
        for timeout in (None, 0):
            executor = SimpleExecutor("sleep 300", timeout=timeout)
            executor._set_timeout()
            deadline = time.monotonic() + 0.05
            executor.wait_for(lambda: time.monotonic() > deadline)

    def test_one_deadline_for_all(self):
        executor = self.keep(SimpleExecutor("sleep 300", timeout=1)).start()
        begin = time.monotonic()
        executor.wait_for(lambda: time.monotonic() > begin + 0.6)
        with self.assertRaises(TimeoutExpired):
            executor.wait_for(lambda: False)
        self.assertLess(time.monotonic() - begin, 1.5)

    def test_a_new_deadline(self):
        port = free_port()
        executor = self.keep(TCPExecutor(listener(port), LOCALHOST, port, timeout=10)).start()
        executor._timeout = 0.1
        executor._set_timeout()
        executor.after_start_check = lambda: False
        with self.assertRaises(TimeoutExpired):
            self.assert_takes(5, executor.wait_for, executor.check_subprocess)

    def test_an_exception_leaves_the_service(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        with self.assertRaises(ZeroDivisionError):
            executor.wait_for(lambda: 1 / 0)
        self.assertTrue(executor.running())
        executor.stop()


class Stopping(DropInTest):
    def test_stop_overridden(self):
        class Gentle(SimpleExecutor):
            def stop(self, stop_signal=None, expected_returncode=None):
                self.seen = (stop_signal, expected_returncode)
                try:
                    super().stop(stop_signal, expected_returncode)
                except ProcessFinishedWithError as error:
                    self.code = error.exit_code
                return self

        executor = self.keep(Gentle(service("--on-term", 3, "--ready", "up"))).start()
        self.assertEqual(executor.output().readline(), "up\n")
        executor.stop(signal.SIGTERM, None)
        self.assertEqual((executor.seen, executor.code), ((signal.SIGTERM, None), 3))

    def test_running_overridden(self):
        """What knows more of a service than its processes is waited for, too."""

        class Elsewhere(SimpleExecutor):
            answers = iter([True, True, False])

            def running(self):
                return next(self.answers, False)

        executor = self.keep(Elsewhere("sleep 300")).start()
        executor.stop()
        self.assertEqual(list(executor.answers), [])

    def test_running_overridden_and_never_false(self):
        class Undead(SimpleExecutor):
            def running(self):
                return True

        executor = self.keep(Undead("sleep 300", timeout=0.1)).start()
        self.assert_takes(5, executor.stop)
        self.assert_gone(executor)

    def test_del_overridden(self):
        seen = []

        class Cleaning(SimpleExecutor):
            def __del__(self):
                try:
                    super().__del__()
                finally:
                    seen.append(self.process)

        executor = self.keep(Cleaning("sleep 300")).start()
        pid = executor.process.pid
        del executor
        self.assertEqual(seen, [None])
        self.assertFalse(lives(pid))

    def test_del_of_what_was_not_constructed(self):
        class Broken(SimpleExecutor):
            def __init__(self):
                raise RuntimeError("broken")

        with mock.patch("sys.unraisablehook") as hook:
            with self.assertRaises(RuntimeError):
                Broken()
            with self.assertRaises(TypeError):
                SimpleExecutor(None)
        self.assertFalse(hook.called)


if __name__ == "__main__":
    unittest.main()
