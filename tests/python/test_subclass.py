# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executors written in Python: each step of a service's life can be taken over."""

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
    iterate_until,
    listener,
    marker,
    service,
)


def later(task):
    """Returns a task from a timeout, as a step that takes time does."""
    source = GLib.timeout_source_new(2)
    source.set_callback(lambda *_: task.return_boolean(True))
    source.attach(task.get_context())


class Recorder(Mk.SimpleExecutor):
    """Writes down the steps; some at once, some later."""

    __gtype_name__ = "MkTestRecorder"

    def __init__(self, **properties):
        super().__init__(command=service(), **properties)
        self.steps = []

    def do_prepare(self, task):
        self.steps.append("prepare")
        later(task)

    def do_build_command(self):
        self.steps.append("build_command")
        return service("--print", "built in Python", "--ready", "up")

    def do_started(self, task):
        self.steps.append("started")
        later(task)

    def do_cleanup(self, task):
        self.steps.append("cleanup")
        task.return_boolean(True)


class OneMore(Mk.HttpExecutor):
    """Adds a condition to a probe whose answer takes time."""

    __gtype_name__ = "MkTestOneMore"

    n_ready = 0

    def do_after_start_check(self):
        if not Mk.HttpExecutor.do_after_start_check(self):
            return False
        self.n_ready += 1
        return self.n_ready > 2


class ChainUp(Mk.TcpExecutor):
    """Takes over what the parent class has, and calls it."""

    __gtype_name__ = "MkTestChainUp"

    def __init__(self, port):
        super().__init__(command=listener(port), host=LOCALHOST, port=port)
        self.steps = []

    def do_prepare(self, task):
        self.steps.append("prepare")
        Mk.TcpExecutor.do_prepare(self, task)

    def do_pre_start_check(self):
        self.steps.append("pre_start_check")
        return Mk.TcpExecutor.do_pre_start_check(self)

    def do_after_start_check(self):
        if self.steps[-1] != "after_start_check":
            self.steps.append("after_start_check")
        return Mk.TcpExecutor.do_after_start_check(self)

    def do_cleanup(self, task):
        self.steps.append("cleanup")
        Mk.TcpExecutor.do_cleanup(self, task)


class Failing(Mk.SimpleExecutor):
    """Fails in a step, with a GError or with an exception."""

    __gtype_name__ = "MkTestFailing"

    def __init__(self, step, how):
        super().__init__(command=service(), start_timeout=200 if how in ("silence", "exception") else 10000)
        self.step, self.how, self.cleaned_up = step, how, False

    def take(self, step, task):
        if step != self.step:
            task.return_boolean(True)
        elif self.how == "silence":
            self.kept = task
        elif self.how == "error":
            task.return_error(GLib.Error.new_literal(Gio.io_error_quark(), "full", Gio.IOErrorEnum.NO_SPACE))
        elif self.how == "exception":
            raise ValueError("this traceback is part of the test")

    def do_prepare(self, task):
        self.take("prepare", task)

    def do_started(self, task):
        self.take("started", task)

    def do_cleanup(self, task):
        self.cleaned_up = True
        self.take("cleanup", task)


class Checking(Mk.Executor):
    """Is ready from the third check on; the second one raises an exception."""

    __gtype_name__ = "MkTestChecking"

    def __init__(self):
        super().__init__(command=service())
        self.checks = 0

    def do_pre_start_check(self):
        return False

    def do_after_start_check(self):
        self.checks += 1
        if self.checks == 2:
            raise ValueError("this traceback is part of the test")
        return self.checks >= 3


class GentleStop(Mk.SimpleExecutor):
    """Asks its service to end by closing its standard input."""

    __gtype_name__ = "MkTestGentleStop"

    def __init__(self):
        super().__init__(command=service("--echo", "--deaf"), stdin_mode=Mk.StdioMode.PIPE)

    def do_request_stop(self, task):
        self.dup_stdin().close(None)
        task.return_boolean(True)


class SubclassTests:
    def test_steps(self):
        executor = self.keep(Recorder())
        self.call(executor, "start")
        self.assertEqual(executor.steps, ["prepare", "build_command", "started"])
        printed = lambda: executor.dup_output(Mk.Stream.STDOUT).get_data() or b""
        iterate_until(lambda: b"built in Python\n" in printed(), "the built command runs")
        self.call(executor, "stop")
        self.assertEqual(executor.steps[-1:], ["cleanup"])

    def test_chain_up(self):
        executor = self.keep(ChainUp(free_port()))
        self.call(executor, "start")
        self.call(executor, "stop")
        self.assertEqual(executor.steps, ["pre_start_check", "prepare", "after_start_check", "cleanup"])

    def test_chains_up_to_what_takes_time(self):
        port = free_port()
        executor = self.keep(OneMore(command=listener(port, "--http", "ok"), uri=f"http://{LOCALHOST}:{port}/"))
        self.call(executor, "start")
        self.assertGreater(executor.n_ready, 2)
        self.call(executor, "stop")

    def test_step_fails(self):
        for step in ("prepare", "started"):
            with self.subTest(step):
                executor = self.keep(Failing(step, "error"))
                mark = marker(executor)
                with self.assertRaises(GLib.Error) as caught:
                    self.call(executor, "start")
                self.assertIn("full", caught.exception.message)
                self.assertTrue(executor.cleaned_up)
                self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
                self.assert_gone(mark)

    def test_step_never_returns_its_task(self):
        for step in ("prepare", "started"):
            with self.subTest(step):
                executor = self.keep(Failing(step, "silence"))
                mark = marker(executor)
                self.assert_raises(Mk.Error.TIMED_OUT, self.call, executor, "start")
                self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
                self.assert_gone(mark)

    def test_step_loses_its_task(self):
        for step in ("prepare", "started"):
            with self.subTest(step):
                executor = self.keep(Failing(step, "forgets"))
                mark = marker(executor)
                message = self.assert_raises(Mk.Error.FAILED, self.call, executor, "start")
                self.assertIn(step, message)
                self.assert_gone(mark)

    def test_step_raises(self):
        """The traceback that Python prints may keep the task, or not; neither may crash."""
        for step in ("prepare", "started"):
            with self.subTest(step):
                executor = self.keep(Failing(step, "exception"))
                mark = marker(executor)
                with self.assertRaises(GLib.Error) as caught:
                    self.call(executor, "start")
                self.assertIn(caught.exception.code, (Mk.Error.TIMED_OUT, Mk.Error.FAILED))
                self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
                self.assert_gone(mark)

    def test_after_start_check(self):
        executor = self.keep(Checking())
        self.assertTrue(self.call(executor, "start"))
        self.assertEqual(executor.checks, 3)
        self.call(executor, "stop")

    def test_request_stop(self):
        executor = self.keep(GentleStop())
        self.call(executor, "start")
        self.assertTrue(self.call(executor, "stop"))
        self.assertEqual(executor.get_exit_status(), 0)


class SubclassSync(SubclassTests, Sync, TestCase):
    pass


class SubclassAsync(SubclassTests, Async, TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
