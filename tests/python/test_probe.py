# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Probes, those of the library and those written in Python, alone and as part of executors."""

import socket
import threading
import unittest

from mktest import (
    LOCALHOST,
    Async,
    Gio,
    GLib,
    Mk,
    Sync,
    TestCase,
    free_port,
    marker,
    service,
)


class PythonProbe(Mk.Probe):
    """Is there from the attempt of a given number on."""

    __gtype_name__ = "MkTestPythonProbe"

    def __init__(self, ready_at=3):
        super().__init__()
        self.attempts, self.ready_at, self.seen = 0, ready_at, []

    def do_check(self):
        self.attempts += 1
        return self.attempts >= self.ready_at

    def do_describe(self):
        return "Python had its way"

    def do_attach(self, executor):
        self.seen.append(("attach", executor))

    def do_detach(self, executor):
        self.seen.append(("detach", executor))


class TaskProbe(Mk.Probe):
    """Answers later: from a timeout, in the context that the task belongs to."""

    __gtype_name__ = "MkTestTaskProbe"

    def __init__(self):
        super().__init__()
        self.attempts = 0

    def do_check_task(self, task):
        self.attempts += 1
        source = GLib.timeout_source_new(2)
        source.set_callback(lambda *_: task.return_boolean(self.attempts >= 3))
        source.attach(task.get_context())


class RaisingProbe(Mk.Probe):
    """Fails in Python twice before it is there."""

    __gtype_name__ = "MkTestRaisingProbe"

    def __init__(self):
        super().__init__()
        self.attempts = 0

    def do_check(self):
        self.attempts += 1
        if self.attempts < 3:
            raise ValueError("this traceback is part of the test")
        return True


class ProbeTests:
    def test_tcp(self):
        port = free_port()
        probe = Mk.TcpProbe.new(LOCALHOST, port)
        self.assertFalse(self.call(probe, "check"))
        self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 50)
        self.assertTrue(self.call(probe, "wait_gone", 50))
        with socket.create_server((LOCALHOST, port)):
            self.assertTrue(self.call(probe, "check"))
            self.assertTrue(self.call(probe, "wait", 5000))
            self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait_gone", 50)

    def test_callback(self):
        calls = []
        probe = Mk.CallbackProbe.new(lambda *_: calls.append(1) or len(calls) >= 3)
        self.assertTrue(self.call(probe, "wait", 5000))
        self.assertEqual(len(calls), 3)

    def test_callback_never(self):
        probe = Mk.CallbackProbe.new(lambda *_: False)
        self.assertFalse(self.call(probe, "check"))
        self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 30)

    def test_callback_raises(self):
        calls = []

        def fail(*_):
            calls.append(1)
            if len(calls) < 3:
                raise ValueError("this traceback is part of the test")
            return True

        self.assertTrue(self.call(Mk.CallbackProbe.new(fail), "wait", 5000))
        self.assertEqual(len(calls), 3)

    def test_callback_raises_an_error(self):
        """One of the library ends the wait, others are told when the time is up."""
        refused = GLib.Error.new_literal(Gio.io_error_quark(), "it is closed", Gio.IOErrorEnum.CONNECTION_REFUSED)
        never = GLib.Error.new_literal(Mk.error_quark(), "this will never be", Mk.Error.FAILED)
        for error, limit, code in ((refused, 30, Mk.Error.TIMED_OUT), (never, 60000, Mk.Error.FAILED)):

            def fail(*_):
                raise error

            message = self.assert_raises(code, self.call, Mk.CallbackProbe.new(fail), "wait", limit)
            self.assertIn(error.message, message)

    def test_subclass(self):
        probe = PythonProbe()
        self.assertFalse(self.call(probe, "check"))
        self.assertTrue(self.call(probe, "wait", 5000))
        self.assertEqual(probe.attempts, 3)
        self.assertEqual(probe.describe(), "Python had its way")

    def test_subclass_is_described_in_errors(self):
        probe = PythonProbe(ready_at=1 << 30)
        message = self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 30)
        self.assertIn("Python had its way", message)

    def test_subclass_with_task(self):
        probe = TaskProbe()
        self.assertTrue(self.call(probe, "wait", 5000))
        self.assertEqual(probe.attempts, 3)

    def test_subclass_raises(self):
        probe = RaisingProbe()
        self.assertTrue(self.call(probe, "wait", 5000))
        self.assertEqual(probe.attempts, 3)

    def test_wake(self):
        """From any thread; without it the probe would be polled once a minute."""
        probe = PythonProbe(ready_at=2)
        probe.set_interval(60000)
        woken = []
        probe.connect("wake", lambda _: woken.append(threading.current_thread()))
        timer = threading.Timer(0.05, probe.wake)
        timer.start()
        self.addCleanup(timer.join)
        self.assertTrue(self.call(probe, "wait", 30000))
        self.assertEqual((probe.attempts, woken), (2, [threading.main_thread()]))

    def test_executor_asks_probe(self):
        probe = PythonProbe(ready_at=4)  # the first time is before the spawn
        executor = self.keep(Mk.Executor.new(service(), probe))
        self.assertTrue(self.call(executor, "start"))
        self.assertEqual(probe.attempts, 4)
        self.assertEqual(probe.seen, [("attach", executor), ("detach", executor)])
        self.call(executor, "stop")

    def test_executor_probe_is_there_already(self):
        executor = Mk.Executor.new(service(), PythonProbe(ready_at=1))
        message = self.assert_raises(Mk.Error.ALREADY_RUNNING, self.call, executor, "start")
        self.assertIn("Python had its way", message)

    def test_wait_for(self):
        executor = self.keep(Mk.SimpleExecutor.new(service()))
        self.call(executor, "start")
        self.assertTrue(self.call(executor, "wait_for", PythonProbe()))
        self.call(executor, "stop")

    def test_wait_for_never(self):
        executor = Mk.SimpleExecutor(command=service(), start_timeout=100)
        self.keep(executor)
        self.call(executor, "start")
        mark = marker(executor)
        self.assert_raises(Mk.Error.TIMED_OUT, self.call, executor, "wait_for", PythonProbe(1 << 30))
        self.assert_gone(mark)

    def test_cancelled(self):
        cancellable, probe = Gio.Cancellable(), Mk.TcpProbe.new(LOCALHOST, free_port())
        cancellable.cancel()
        self.assert_cancelled(lambda: self.call(probe, "wait", 5000, cancellable=cancellable))


class ProbeSync(ProbeTests, Sync, TestCase):
    pass


class ProbeAsync(ProbeTests, Async, TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
