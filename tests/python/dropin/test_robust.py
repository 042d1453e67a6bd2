# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing crashes: bad arguments, exceptions, threads, forks, signals, the end of the interpreter."""

import contextlib
import errno
import gc
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest
import weakref
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from dropintest import LOCALHOST, DropInTest, free_port, listener, lives, service, wait_until
from gi.repository import GLib

import mirakuru
from mirakuru import Executor, HTTPExecutor, OutputExecutor, PidExecutor, SimpleExecutor, TCPExecutor
from mirakuru.unixsocket import UnixSocketExecutor

LIMIT = 20
ANYTHING = (None, 1, 1.5, -1, b"x", object(), [], [1], {}, "", "\0", "\udcff", float("nan"), float("inf"))
ERRORS = (TypeError, ValueError, OverflowError, OSError, AttributeError, re.error, mirakuru.ExecutorError)


class BadArguments(DropInTest):
    def attempt(self, make):
        """Constructing or using it either works or raises; the interpreter goes on."""
        try:
            executor = make()
        except ERRORS:
            return
        for use in (repr, str, lambda e: e.start(), lambda e: e.output(), lambda e: e.stop(), lambda e: e.kill()):
            try:
                use(executor)
            except ERRORS:
                pass
        self.assertFalse(executor.native.get_active())

    def test_commands(self):
        for value in (*ANYTHING, ["true", None], ["true", 1], [""], "'", "true \0"):
            with self.subTest(repr(value)):
                self.attempt(lambda: SimpleExecutor(value))
        with self.assertRaises(TypeError):
            SimpleExecutor(None)
        with self.assertRaises(ValueError):
            SimpleExecutor(["echo", "a\0b"]).start()

    def test_settings(self):
        names = ("cwd", "stop_signal", "kill_signal", "expected_returncode", "envvars", "stdin", "stdout", "stderr")
        for name in names:
            for value in (*ANYTHING, {"A=B": "x"}, {"A": "\0"}, {"A": None}, {1: 2}, 99999):
                if name.startswith("std") and value == 1:
                    continue  # that of the test itself
                with self.subTest(name=name, value=repr(value)):
                    self.attempt(lambda: SimpleExecutor("true", timeout=0.2, **{name: value}))

    def test_timeouts(self):
        for value in ANYTHING:
            with self.subTest(repr(value)):
                self.attempt(lambda: SimpleExecutor("true", timeout=value))

    def test_addresses(self):
        for value in ANYTHING:
            with self.subTest(repr(value)):
                self.attempt(lambda: TCPExecutor("true", value, 1, timeout=0.1))
                self.attempt(lambda: TCPExecutor("true", LOCALHOST, value, timeout=0.1))
                self.attempt(lambda: UnixSocketExecutor("true", value, timeout=0.1))
                self.attempt(lambda: PidExecutor("true", value, timeout=0.1))
                self.attempt(lambda: OutputExecutor("true", value, timeout=0.1))
                self.attempt(lambda: HTTPExecutor("true", value, timeout=0.1))
                url = f"http://{LOCALHOST}:1/"
                for name in ("status", "method", "payload", "headers"):
                    self.attempt(lambda: HTTPExecutor("true", url, timeout=0.1, **{name: value}))

    def test_calls(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        for value in ANYTHING:
            for call in (executor.stop, executor._kill_all_kids, executor.process.send_signal):
                if value in (None, 1) or value == []:
                    continue
                with self.assertRaises(ERRORS, msg=f"{call.__name__} {value!r}"):
                    call(value)
        with self.assertRaises(TypeError):
            executor.wait_for(None)
        self.assertTrue(executor.running())
        executor.stop()

    def test_after_the_end(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        process, output = executor.process, executor.output()
        executor.stop()
        executor.stop().kill()
        executor._clear_process()
        self.assertEqual(executor._kill_all_kids(signal.SIGTERM), set())
        gone = OSError()
        gone.errno = errno.ESRCH
        found = mock.patch.object(mirakuru.base, "processes_with_env", return_value={1})
        for error in (gone, ProcessLookupError(errno.ESRCH, "No such process")):
            with found, mock.patch("os.kill", side_effect=error):
                self.assertEqual(executor._kill_all_kids(signal.SIGTERM), {1})
        for use in (process.terminate, process.kill, process.poll, process.wait, process.communicate):
            try:
                use()
            except ValueError:
                pass  # a closed file
        for use in (output.read, output.readline, output.fileno):
            with self.assertRaises(ValueError):
                use()

    def test_no_descriptors_left(self):
        executor = self.keep(SimpleExecutor("sleep 300"))
        executor.start().stop()  # GLib ends a program that has no descriptor for its first main context
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            while True:
                used.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            with self.assertRaises((OSError, mirakuru.ExecutorError)):
                executor.start()
            # The library keeps one main context for such a call.
            with ThreadPoolExecutor() as pool, contextlib.suppress(OSError, GLib.Error):
                pool.submit(executor.wait_for, lambda: True).result(LIMIT)
        finally:
            for descriptor in used:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        executor.start().stop()


class Signals(DropInTest):
    """What a signal handler of Python raises ends a wait, as Ctrl-C does."""

    class Alarm(Exception):
        pass

    def setUp(self):
        def handle(_number, _frame):
            raise self.Alarm

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, handle))

    def interrupt(self, function, after=0.1):
        signal.setitimer(signal.ITIMER_REAL, after)
        with self.assertRaises(self.Alarm):
            self.assert_takes(10, function)

    def test_start(self):
        for executor in (
            TCPExecutor("sleep 300", LOCALHOST, free_port()),
            OutputExecutor("sleep 300", "banner"),
            PidExecutor("sleep 300", str(self.folder() / "pid")),
        ):
            self.keep(executor)
            self.interrupt(executor.start)
            self.assert_gone(executor)

    def test_wait_and_read(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        self.interrupt(lambda: executor.wait_for(lambda: False))
        self.interrupt(executor.output().readline)
        self.interrupt(executor.process.wait)
        executor.stop()

    def test_none_is_lost(self):
        """Wherever the signal hits: in the check, in the loop, on the way between them."""
        for number in range(200):
            with self.assertRaises(self.Alarm):
                signal.setitimer(signal.ITIMER_REAL, 0.001 + number * 0.00001)
                SimpleExecutor("", timeout=LIMIT).wait_for(lambda: False)

    def test_stop(self):
        executor = self.keep(SimpleExecutor(service("--deaf", "--ready", "up"))).start()
        self.assertEqual(executor.output().readline(), "up\n")
        self.interrupt(executor.stop)
        executor.kill()
        self.assert_gone(executor)


class Threads(DropInTest):
    def test_many(self):
        failures = []

        def work():
            try:
                for _ in range(5):
                    port = free_port()
                    with TCPExecutor(listener(port), LOCALHOST, port, timeout=LIMIT) as executor:
                        assert executor.running()
                    with OutputExecutor(service("--ready", "up"), "up", timeout=LIMIT):
                        pass
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([repr(failure) for failure in failures if not is_port_race(failure)], [])

    def in_thread(self, function):
        raised = []

        def work():
            try:
                function()
            except mirakuru.ExecutorError as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        return thread, raised

    def test_stop_during_start(self):
        for executor in (
            TCPExecutor("sleep 300", LOCALHOST, free_port(), timeout=LIMIT),
            OutputExecutor("sleep 300", "banner", timeout=LIMIT),
        ):
            self.keep(executor)
            thread, raised = self.in_thread(executor.start)
            wait_until(lambda e=executor: e.native.get_running(), "the service runs")
            executor.stop()
            thread.join(LIMIT)
            self.assertFalse(thread.is_alive())
            self.assertEqual(len(raised), 1)
            self.assert_gone(executor)

    def test_two_starts(self):
        executor = self.keep(OutputExecutor("sleep 300", "banner", timeout=LIMIT))
        thread, _raised = self.in_thread(executor.start)
        wait_until(executor.native.get_running, "the service runs")
        with self.assertRaises(mirakuru.ExecutorError):
            executor.start()
        executor.kill()
        thread.join(LIMIT)
        self.assertFalse(thread.is_alive())

    def test_reading_while_stopping(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        output = executor.output()
        thread = threading.Thread(target=lambda: list(output), daemon=True)
        thread.start()
        executor.native.kill(None)
        thread.join(LIMIT)
        self.assertFalse(thread.is_alive())
        executor.stop()


def is_port_race(error):
    """Two threads were given the same free port."""
    return isinstance(error, (mirakuru.AlreadyRunning, mirakuru.ProcessExitedWithError))


class References(DropInTest):
    def test_nothing_is_kept(self):
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for make in (
            lambda: SimpleExecutor("sleep 300"),
            lambda: OutputExecutor(service("--ready", "up"), "up", timeout=LIMIT),
            self.make_tcp,
            self.make_checking,
        ):
            executor = make().start()
            pid = executor.process.pid
            references = [weakref.ref(executor), executor.native.weak_ref()]
            del executor
            self.assertFalse(lives(pid))
            self.assertEqual([reference() for reference in references], [None, None])

    def make_tcp(self):
        port = free_port()
        return TCPExecutor(listener(port), LOCALHOST, port, timeout=LIMIT)

    def make_checking(self):
        class Checking(Executor):
            def pre_start_check(self):
                return False

            def after_start_check(self):
                return self.running()

        return Checking("sleep 300", timeout=LIMIT)

    def assert_killed_with_the_last_reference(self, executor):
        """That of the caller; `executor` is a list, for it to be the only one."""
        pid, there = executor[0].process.pid, weakref.ref(executor[0])
        self.assertTrue(lives(pid))
        executor.clear()
        self.assertIsNone(there())
        self.assertFalse(lives(pid))

    def test_nothing_is_kept_after_a_failure(self):
        """What was raised knows the frames it came through, and with them the executor."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for error, make, fail in (
            (ZeroDivisionError, self.make_checking, lambda e: e.start().wait_for(lambda: 1 / 0)),
            (ZeroDivisionError, self.make_checking, lambda e: self.start_with(e, lambda: 1 / 0)),
            (mirakuru.TimeoutExpired, self.make_short, lambda e: e.start().wait_for(lambda: False)),
            (mirakuru.TimeoutExpired, self.make_short, lambda e: self.start_with(e, lambda: False)),
            (mirakuru.ProcessExitedWithError, self.make_checking, self.start_that_exits),
            (mirakuru.ExecutorError, self.make_checking, self.stop_what_has_ended),
        ):
            with self.subTest(error=error.__name__):
                executor = [make()]
                try:  # assertRaises() would clear the frames
                    fail(executor[0])
                    self.fail("nothing was raised")
                except error:
                    executor[0].start()
                self.assert_killed_with_the_last_reference(executor)

    def make_short(self):
        executor = self.make_checking()
        executor._timeout = 0.2
        return executor

    def start_with(self, executor, check):
        with mock.patch.object(executor, "after_start_check", check):
            executor.start()

    def start_that_exits(self, executor):
        with mock.patch.object(executor, "command_parts", service("--exit", 3)):
            self.start_with(executor, lambda: False)

    def stop_what_has_ended(self, executor):
        with mock.patch.object(executor, "command_parts", service("--exit", 3)):
            SimpleExecutor.start(executor)
        executor.process.wait(LIMIT)
        executor.stop()

    def test_in_a_cycle(self):
        executor = SimpleExecutor("sleep 300").start()
        executor.myself, pid = executor, executor.process.pid
        del executor
        gc.collect()
        self.assertFalse(lives(pid))

    def test_a_hook_that_drops_the_executor(self):
        holder = []

        def drop():
            holder.clear()
            gc.collect()
            return True

        holder.append(SimpleExecutor("sleep 300").start())
        pid = holder[0].process.pid
        holder[0].wait_for(drop)
        gc.collect()
        wait_until(lambda: not lives(pid), "the service has ended")

    def test_nested(self):
        """A check that starts another service."""
        inner = self.keep(SimpleExecutor("sleep 300"))
        outer = self.keep(Executor("sleep 300", timeout=LIMIT))
        outer.pre_start_check = mock.Mock(return_value=False)
        outer.after_start_check = lambda: inner.start().running()
        outer.start()
        self.assertTrue(inner.running())
        outer.stop()
        inner.stop()


class Hosts(DropInTest):
    """Programs that end, or fork, in the middle of it."""

    def run_host(self, script, status=0):
        host = subprocess.run(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(host.returncode, status, host.stderr)
        return host

    def test_end_of_the_interpreter(self):
        for keeping in (
            "executor.myself = executor",
            "import sys; sys.kept = executor",
            "import atexit; atexit.register(executor.stop)",
            "import atexit; atexit.register(executor.running)",
            "class K:\n  def __del__(self): executor.stop()\nk = K()",
            "output = executor.output(); output.fileno()",
        ):
            with self.subTest(keeping):
                host = self.run_host(
                    "from mirakuru_glib import SimpleExecutor\n"
                    f"executor = SimpleExecutor({service('--children', 1)!r}).start()\n"
                    f"print(executor.process.pid, flush=True)\n{keeping}\n"
                )
                self.assertEqual(host.stderr, "")
                pid = int(host.stdout)
                wait_until(lambda pid=pid: not lives(pid), "the service has ended")

    def test_end_during_a_start_in_a_thread(self):
        host = self.run_host(
            "import threading, mirakuru_glib\n"
            f"executor = mirakuru_glib.TCPExecutor({service()!r}, '127.0.0.1', {free_port()}, timeout=60)\n"
            "threading.Thread(target=executor.start, daemon=True).start()\n"
            "while not executor.native.get_running(): pass\n"
            "print(executor.native.get_pid(), flush=True)\n"
        )
        pid = int(host.stdout)
        wait_until(lambda: not lives(pid), "the service has ended")

    def test_fork(self):
        """The copy of a forked child does not touch the service of its parent."""
        host = self.run_host(
            "import gc, os, mirakuru_glib\n"
            f"executor = mirakuru_glib.SimpleExecutor({service()!r}).start()\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    executor.running(); executor.stop(); executor.kill(); executor.__del__()\n"
            "    del executor; gc.collect(); os._exit(0)\n"
            "print(os.waitpid(pid, 0)[1], executor.running(), flush=True)\n"
            "executor.stop()\n"
        )
        self.assertEqual(host.stdout, "0 True\n")

    def test_multiprocessing(self):
        host = self.run_host(
            "import multiprocessing, mirakuru_glib\n"
            "def work(queue):\n"
            f"    with mirakuru_glib.SimpleExecutor({service()!r}) as executor: queue.put(executor.running())\n"
            f"executor = mirakuru_glib.SimpleExecutor({service()!r}).start()\n"
            "context = multiprocessing.get_context('fork')\n"
            "queue = context.Queue()\n"
            "child = context.Process(target=work, args=(queue,))\n"
            "child.start(); print(queue.get(timeout=30)); child.join()\n"
            "print(child.exitcode, executor.running())\n"
            "executor.stop()\n"
        )
        self.assertEqual(host.stdout, "True\n0 True\n")

    def test_keyboard_interrupt(self):
        script = (
            "import mirakuru_glib, sys\n"
            f"executor = mirakuru_glib.TCPExecutor({service()!r}, '127.0.0.1', {free_port()}, timeout=60)\n"
            "print('up', flush=True)\n"
            "executor.start()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as host:
            self.assertEqual(host.stdout.readline(), "up\n")
            # Wherever it hits, the program ends by it.
            time.sleep(0.1)
            host.send_signal(signal.SIGINT)
            _out, err = host.communicate(timeout=LIMIT)
        self.assertIn("KeyboardInterrupt", err)
        self.assertEqual(host.returncode, -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
