# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hooks written in Python: each of them overridden, chained up to, and failing, on real services."""

import contextlib
import gc
import io
import os
import signal
import unittest
import weakref

from mktest import (
    LOCALHOST,
    Async,
    Gio,
    GLib,
    Mk,
    Sync,
    TestCase,
    can_connect,
    free_port,
    iterate_until,
    listener,
    marker,
    ping,
    redis_executor,
    service,
)

STEPS = ("prepare", "started", "request_stop", "cleanup")


def failure():
    return ValueError("the disk is full")


class Everything(Mk.TcpExecutor):
    """Overrides all there is, and leaves all of it to its parent; fails in one hook if it is asked to."""

    __gtype_name__ = "MkTestEverything"

    def __init__(self, failing=None, error=failure, late=False, **properties):
        super().__init__(host=LOCALHOST, **properties)
        self.failing, self.error, self.late, self.steps = failing, error, late, []

    def take(self, name, *args):
        if self.steps[-1:] != [name]:
            self.steps.append(name)
        parent = getattr(Mk.TcpExecutor, f"do_{name}")
        if name == self.failing and not self.late:
            raise self.error()
        result = parent(self, *args)
        if name == self.failing:
            raise self.error()
        return result

    def do_prepare(self, task):
        self.take("prepare", task)

    def do_build_command(self):
        return self.take("build_command")

    def do_pre_start_check(self):
        return self.take("pre_start_check")

    def do_after_start_check(self):
        return self.take("after_start_check")

    def do_check_alive(self):
        return self.take("check_alive")

    def do_started(self, task):
        self.take("started", task)

    def do_request_stop(self, task):
        self.take("request_stop", task)

    def do_cleanup(self, task):
        self.take("cleanup", task)


class KeepsLog(Mk.TcpExecutor):
    """Takes a file out of its private directory in the end."""

    __gtype_name__ = "MkTestKeepsLog"

    def __init__(self, command):
        super().__init__(command=command, host=LOCALHOST, port=0, cwd="{dir}")
        self.log = self.path = None
        self.n_starts = 0

    def do_prepare(self, task):
        self.path = os.path.join(self.dup_value("dir"), "log")
        with open(self.path, "w", encoding="utf-8") as log:
            self.n_starts += 1
            log.write(f"start {self.n_starts}")
        task.return_boolean(True)

    def do_cleanup(self, task):
        with open(os.path.join(self.dup_value("dir"), "log"), encoding="utf-8") as log:
            self.log = log.read()
        task.return_boolean(True)


class HookTests:
    def make(self, *args, **kwargs):
        port = free_port()
        return self.keep(Everything(*args, command=listener(port), port=port, **kwargs))

    def fails(self, executor, text="the disk is full"):
        mark = marker(executor)
        with self.assertRaises(GLib.Error) as caught:
            self.call(executor, "start")
        self.assertIn(text, caught.exception.message)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)
        return caught.exception

    def test_redis_in_all_hooks(self):
        like = redis_executor()
        redis = self.keep(Everything(command=like.get_command(), port=like.get_port()))
        self.call(redis, "start")
        self.assertEqual(ping(redis.get_port()), "PONG")
        self.call(redis, "stop")
        self.assertFalse(can_connect(redis.get_port()))
        expected = ["pre_start_check", "prepare", "build_command", "after_start_check", "started"]
        self.assertEqual(redis.steps, [*expected, "request_stop", "cleanup"])

    def test_step_raises_before_the_service_is_ready(self):
        for step in ("prepare", "started"):
            with self.subTest(step):
                executor = self.make(step)
                error = self.fails(executor, "ValueError: the disk is full (test_hooks.py:")
                self.assertIsInstance(error, Mk.FailedError)
                self.assertEqual(executor.steps[-1], "cleanup")

    def test_step_raises_an_error_of_glib(self):
        def error():
            return GLib.Error.new_literal(Gio.io_error_quark(), "no room", Gio.IOErrorEnum.NO_SPACE)

        for step in ("prepare", "started"):
            with self.subTest(step):
                self.fails(self.make(step, error), "no room")

    def test_step_raises_an_error_of_the_library(self):
        for step in ("prepare", "started"):
            with self.subTest(step):
                error = self.fails(self.make(step, lambda: Mk.InvalidArgumentError("no such setting")), "no such setting")
                self.assertIsInstance(error, Mk.InvalidArgumentError)

    def test_step_raises_after_it_returned_its_task(self):
        """The task tells how it went; the exception can only be printed."""
        for step in STEPS:
            with self.subTest(step), contextlib.redirect_stderr(io.StringIO()) as printed:
                executor = self.make(step, late=True)
                self.call(executor, "start")
                with contextlib.suppress(GLib.Error):
                    self.call(executor, "stop")
                self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
                self.assertIn("the disk is full", printed.getvalue())

    def test_request_stop_raises(self):
        """Then the stop signal does it."""
        executor = self.make("request_stop")
        self.call(executor, "start")
        mark = marker(executor)
        self.call(executor, "stop")
        self.assertEqual(executor.steps[-2:], ["request_stop", "cleanup"])
        self.assert_gone(mark)

    def test_cleanup_raises(self):
        executor = self.make("cleanup")
        self.call(executor, "start")
        mark = marker(executor)
        with self.assertRaises(GLib.Error) as caught:
            self.call(executor, "stop")
        self.assertIn("the disk is full", caught.exception.message)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def test_cleanup_has_the_private_directory(self):
        executor = self.keep(KeepsLog(service("--listen", f"{LOCALHOST}:{{port}}")))
        self.call(executor, "start")
        self.call(executor, "stop")
        self.assertEqual(executor.log, "start 1")
        self.assertFalse(os.path.exists(os.path.dirname(executor.path)))

        # After a run that has ended by itself, the next start cleans up.
        self.call(executor, "start")
        path = executor.path
        executor.send_signal(signal.SIGKILL)
        self.call(executor, "wait")
        self.call(executor, "start")
        self.assertEqual(executor.log, "start 2")
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.call(executor, "stop")
        self.assertEqual(executor.log, "start 3")

        executor = self.keep(KeepsLog(["sh", "-c", "exit 3", "{port}"]))
        self.fails(executor, "exited with status 3")
        self.assertEqual(executor.log, "start 1")
        self.assertFalse(os.path.exists(os.path.dirname(executor.path)))

    def test_wrong_signature(self):
        """The place is never one of the override: a hook that was not even entered has none."""

        class NoTask(Mk.SimpleExecutor):
            def do_prepare(self):
                pass

        class WrongCommand(Mk.SimpleExecutor):
            def do_build_command(self):
                self.set_command(7)

        error = self.fails(NoTask(command="true"), "NoTask.do_prepare() takes 1 positional argument but 2 were given")
        self.assertNotIn(".py", error.message)
        error = self.fails(WrongCommand(command="true"), "not 7 (test_hooks.py:")
        self.assertNotIn("Mk.py", error.message)

    def test_build_command_raises(self):
        self.fails(self.make("build_command"))

    def test_build_command_gives_a_string(self):
        class FromString(Mk.SimpleExecutor):
            def do_build_command(self):
                return "sleep '60'"

        executor = self.keep(FromString())
        self.assertRegex(executor.describe(), r"FromString.* \(stopped\)$")
        self.call(executor, "start")
        self.assertEqual(executor.describe(), f"sleep 60 (pid {executor.get_pid()}, ready)")
        with open(f"/proc/{executor.get_pid()}/cmdline", "rb") as file:
            self.assertEqual(file.read(), b"sleep\x0060\x00")
        self.call(executor, "stop")

    def test_build_command_gives_nonsense(self):
        for nonsense in (7, b"sleep 60", {"sleep": 60}, [1], None, []):

            class Nonsense(Mk.SimpleExecutor):
                def do_build_command(self, nonsense=nonsense):
                    return nonsense

            with self.subTest(nonsense):
                self.fails(Nonsense(), "")

    def test_pre_start_check_raises(self):
        self.fails(self.make("pre_start_check"))

    def test_after_start_check_raises(self):
        """It is asked again until the time is up; then its last words are told."""
        error = self.fails(self.make("after_start_check", start_timeout=150))
        self.assertIsInstance(error, Mk.TimedOutError)

    def test_after_start_check_raises_an_error_of_the_library(self):
        error = self.fails(self.make("after_start_check", lambda: Mk.FailedError("hopeless")), "hopeless")
        self.assertIsInstance(error, Mk.FailedError)

    def test_check_alive(self):
        class Launcher(Mk.TcpExecutor):
            answer = True

            def do_check_alive(self):
                if self.answer is None:
                    raise failure()
                return self.answer

        for answer, text in ((True, "to accept connections"), (False, ""), (None, "the disk is full")):
            with self.subTest(answer):
                launcher = Launcher(command="true", host=LOCALHOST, port=free_port(), start_timeout=150)
                launcher.answer = answer
                error = self.fails(launcher, text)
                if answer is True:
                    self.assertIsInstance(error, Mk.TimedOutError)

    def test_last_reference(self):
        port = free_port()
        executor = Everything(command=listener(port), port=port)
        self.call(executor, "start")
        mark, there = marker(executor), weakref.ref(executor)
        del executor
        self.assertIsNone(there())
        self.assert_gone(mark)

    def test_reference_cycle(self):
        executor = Everything(command=service(), port=free_port())
        simple = Mk.SimpleExecutor.new(service())
        simple.friend, executor.friend = executor, simple
        self.call(simple, "start")
        mark, there = marker(simple), weakref.ref(simple)
        del executor, simple
        iterate_until(lambda: gc.collect() is not None and there() is None, "the cycle is found")
        self.assert_gone(mark)

    def test_hook_that_keeps_its_executor_alive(self):
        """A bound method as handler, and a task that is kept: cycles through GObject."""

        class Kept(Mk.SimpleExecutor):
            def __init__(self):
                super().__init__(command=service())
                self.here = self

            def do_started(self, task):
                self.task = task
                task.return_boolean(True)

        executor = Kept()
        self.call(executor, "start")
        mark, there = marker(executor), weakref.ref(executor)
        executor.task = None
        del executor
        gc.collect()
        self.assertIsNone(there())
        self.assert_gone(mark)


class Leaving(BaseException):
    """As SystemExit, KeyboardInterrupt and what pytest.skip() raises."""


class HooksSync(HookTests, Sync, TestCase):
    def test_what_is_no_error_gets_through(self):
        for step in ("pre_start_check", "prepare", "after_start_check", "started"):
            for late in (False, True):
                with self.subTest(step), contextlib.redirect_stderr(io.StringIO()):
                    executor = self.make(step, Leaving, late and step in STEPS)
                    mark = marker(executor)
                    with self.assertRaises(Leaving):
                        executor.start()
                    self.assertFalse(executor.get_active())
                    self.assert_gone(mark)
        for step in ("request_stop", "cleanup"):
            with self.subTest(step):
                executor = self.make(step, Leaving)
                executor.start()
                mark = marker(executor)
                with self.assertRaises(Leaving):
                    executor.stop()
                self.assert_gone(mark)
        with self.assertRaises(GLib.Error):
            Mk.SimpleExecutor.new("mk-no-such-program").start()

    pass


class HooksAsync(HookTests, Async, TestCase):
    pass


class ProbeHooks:
    def test_check_raises(self):
        class Raising(Mk.Probe):
            def do_check(self):
                raise ConnectionRefusedError("not today")

        error = self.assert_raises(Mk.Error.TIMED_OUT, self.call, Raising(), "wait", 30)
        self.assertIn("ConnectionRefusedError: not today", error)
        with self.assertRaises(GLib.Error) as caught:
            self.call(Raising(), "check")
        self.assertIn("not today", caught.exception.message)

    def test_function_raises(self):
        """Of a CallbackProbe; calling it in a wrong way is a mistake, too."""

        def fail():
            raise ValueError("the disk is full")

        for function, text in ((fail, "ValueError: the disk is full (test_hooks.py:"), (lambda _: True, "TypeError: ")):
            with self.assertRaises(Mk.TimedOutError) as caught:
                self.call(Mk.CallbackProbe.new(function), "wait", 60)
            self.assertIn(text, caught.exception.message)

    def test_check_task_raises(self):
        class Raising(Mk.Probe):
            def do_check_task(self, task):
                raise ConnectionRefusedError("not today")

        error = self.assert_raises(Mk.Error.TIMED_OUT, self.call, Raising(), "wait", 30)
        self.assertIn("ConnectionRefusedError: not today", error)

    def test_error_of_the_library_ends_the_wait(self):
        class Hopeless(Mk.Probe):
            def do_check(self):
                raise Mk.FailedError("hopeless")

        class HopelessTask(Mk.Probe):
            def do_check_task(self, task):
                raise Mk.FailedError("hopeless")

        for class_ in (Hopeless, HopelessTask):
            with self.assertRaises(Mk.FailedError) as caught:
                self.call(class_(), "wait", 60000)
            self.assertIn("hopeless", str(caught.exception))

    def test_describe_fails(self):
        for describe in (lambda self: 1 / 0, lambda self: None, lambda self: 7):
            Undescribed = type("Undescribed", (Mk.Probe,), {"do_describe": describe, "do_check": lambda self: False})
            with contextlib.redirect_stderr(io.StringIO()):
                self.assert_raises(Mk.Error.TIMED_OUT, self.call, Undescribed(), "wait", 20)
                self.assertIn("Undescribed", repr(Undescribed()))

    def test_check_gives_anything(self):
        class Any(Mk.Probe):
            def do_check(self):
                return self.answer

        for answer, expected in (("yes", True), ([], False), (None, False), (object(), True)):
            probe = Any()
            probe.answer = answer
            self.assertIs(self.call(probe, "check"), expected)

    def test_chain_up(self):
        class Patient(Mk.Probe):
            def do_check(self):
                self.asked = True
                return Mk.Probe.do_check(self)

            def do_describe(self):
                return f"not just {Mk.Probe.do_describe(self)}"

        probe = Patient()
        with self.assertRaises(GLib.Error):
            self.call(probe, "wait", 20)
        self.assertTrue(probe.asked)
        self.assertIn("not just", probe.describe())

    def test_attach_raises(self):
        class Attached(Mk.Probe):
            def do_attach(self, executor):
                raise failure()

            def do_detach(self, executor):
                raise failure()

            def do_check(self):
                self.asked = getattr(self, "asked", 0) + 1
                return self.asked > 1

        executor = self.keep(Mk.Executor.new(service(), Attached()))
        self.call(executor, "start")
        self.call(executor, "stop")


class ProbeHooksSync(ProbeHooks, Sync, TestCase):
    pass


class ProbeHooksAsync(ProbeHooks, Async, TestCase):
    pass


if __name__ == "__main__":
    unittest.main()
