# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the override adds: arguments, errors and blocks as Python programmers expect them."""

import copy
import datetime
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from mktest import (
    LIMIT,
    LOCALHOST,
    SERVICE,
    Async,
    Gio,
    GLib,
    Mk,
    Sync,
    TestCase,
    can_connect,
    free_port,
    listener,
    marker,
    ping,
    redis_executor,
    service,
)

SECOND = datetime.timedelta(seconds=1)


def redis_line(port):
    redis_executor(port)  # skips the test where redis is missing
    return f"redis-server --bind {LOCALHOST} --port {port} --save ''"


class Commands(TestCase):
    WORDS = ["prog", "--name", "a b", "x"]
    LINE = "prog --name 'a b' x"

    def classes(self):
        yield lambda command: Mk.SimpleExecutor.new(command)
        yield lambda command: Mk.Executor.new(command, None)
        yield lambda command: Mk.TcpExecutor.new(command, LOCALHOST, 1)
        yield lambda command: Mk.HttpExecutor.new(command, "http://localhost/")
        yield lambda command: Mk.UnixSocketExecutor.new(command, "/s")
        yield lambda command: Mk.PidExecutor.new(command, "/p")
        yield lambda command: Mk.OutputExecutor.new(command, "ready")
        yield lambda command: Mk.CommandProbe.new(command)
        for name in dir(Mk):
            class_ = getattr(Mk, name)
            if isinstance(class_, type) and hasattr(class_, "set_command"):
                yield lambda command, class_=class_: class_(command=command)

    def test_string_is_split(self):
        for make in self.classes():
            for command in (self.LINE, self.WORDS):
                self.assertEqual(make(command).get_command(), self.WORDS)

    def test_set_command(self):
        for thing in (Mk.SimpleExecutor.new(["x"]), Mk.CommandProbe.new(["x"])):
            for command in (self.LINE, self.WORDS, tuple(self.WORDS), iter(self.WORDS)):
                thing.set_command(command)
                self.assertEqual(thing.get_command(), self.WORDS)
            thing.set_command(None)
            self.assertFalse(thing.get_command())

    def test_property(self):
        thing = Mk.SimpleExecutor.new(["x"])
        for command in (self.LINE, self.WORDS):
            thing.props.command = command
            self.assertEqual(thing.props.command, self.WORDS)
            thing.set_property("command", command)
            self.assertEqual(thing.get_property("command"), self.WORDS)
        thing.props.start_timeout = SECOND
        self.assertEqual(thing.props.start_timeout, 1000)
        self.assertIn("command", dir(thing.props))
        self.assertIn("start-timeout", [spec.name for spec in Mk.TcpExecutor.props])
        with self.assertRaises(AttributeError):
            thing.props.nothing = 1

    def test_never_a_list_of_characters(self):
        """Where a string is not split, it is refused."""
        thing = Mk.SimpleExecutor.new(["x"])
        for attempt in (
            lambda: thing.set_environment("abc"),
            lambda: thing.set_command(b"abc"),
            lambda: thing.set_command({"a": "b"}),
            lambda: thing.set_command({"a", "b"}),
            lambda: Mk.SimpleExecutor(command=7),
            lambda: Mk.SimpleExecutor(environment="abc"),
            lambda: Mk.CommandProbe(environment="abc"),
            lambda: Mk.HttpProbe(headers="a: b"),
            lambda: Mk.HttpProbe.new("http://localhost/").set_form("a=b"),
        ):
            with self.assertRaises(TypeError):
                attempt()
        self.assertEqual(thing.get_command(), ["x"])

    def test_wrong_items(self):
        for items in ([1], [None], [["a"]]):
            with self.assertRaises(TypeError):
                Mk.SimpleExecutor.new(items)
        with self.assertRaises(ValueError):
            Mk.SimpleExecutor.new(["a\0b"])

    def test_what_cannot_be_split(self):
        for line in ("", "  ", "'open"):
            with self.assertRaises(Mk.InvalidArgumentError):
                Mk.SimpleExecutor(command=line)

    def test_probes(self):
        """A list model as a property; any list of probes will do."""
        parts = [Mk.FileProbe.new("/file"), Mk.TcpProbe(host="localhost", port=1)]
        self.assertEqual(Mk.AllProbe(probes=parts).get_probes(), parts)
        self.assertEqual(list(Mk.AnyProbe(probes=tuple(parts)).props.probes), parts)
        self.assertRaises(TypeError, Mk.AllProbe, probes=[None])

    def test_paths(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            executor = Mk.SimpleExecutor(command=[pathlib.Path(SERVICE), "--exit", b"0"], cwd=path)
            self.assertEqual(executor.get_command(), [SERVICE, "--exit", "0"])
            self.assertEqual(executor.get_cwd(), folder)
            self.assertEqual(Mk.FileProbe.new(path / "a").get_path(), f"{folder}/a")
            self.assertEqual(Mk.PidExecutor(command="x", filename=path / "b").get_filename(), f"{folder}/b")
            executor.set_stdout_path(path / "c")
            self.assertEqual(executor.get_stdout_path(), f"{folder}/c")


class RefusesToPrepare(Mk.SimpleExecutor):
    def do_prepare(self, task):
        raise ValueError("no")


class Bytes(TestCase):
    """What the system takes as bytes need not be UTF-8: it is kept, as os.fsdecode() gives it."""

    RAW = b"d\xe9"
    TEXT = "d\udce9"

    def setUp(self):
        self.directory = os.fsencode(tempfile.mkdtemp(prefix="mk-bytes-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, self.RAW)

    def forms(self):
        return self.path, os.fsdecode(self.path), pathlib.Path(os.fsdecode(self.path))

    def paths(self):
        """What holds a path, and the name of its property."""
        for name in ("cwd", "stdin_path", "stdout_path", "stderr_path"):
            yield Mk.SimpleExecutor, name
        yield Mk.UnixSocketExecutor, "path"
        yield Mk.PidExecutor, "filename"
        yield Mk.UnixSocketProbe, "path"
        yield Mk.FileProbe, "path"
        for class_ in (Mk.HttpProbe, Mk.HttpExecutor):
            for name in ("socket_path", "ca_file", "certificate_file"):
                yield class_, name

    def test_paths(self):
        for class_, name in self.paths():
            for form in self.forms():
                with self.subTest(class_=class_, name=name, form=form):
                    thing = class_(**{name: form})
                    self.assertEqual(getattr(thing, f"get_{name}")(), os.fsdecode(self.path))
                    thing = class_()
                    getattr(thing, f"set_{name}")(form)
                    self.assertEqual(getattr(thing.props, name), os.fsdecode(self.path))
                    setattr(thing.props, name, None)
                    thing.set_property(name.replace("_", "-"), form)
                    self.assertEqual(thing.get_property(name), os.fsdecode(self.path))
                    thing.set_properties(**{name: None})
                    thing.set_properties(**{name: form})
                    self.assertEqual(thing.get_properties(name), (os.fsdecode(self.path),))

    def test_constructors(self):
        for form in self.forms():
            self.assertEqual(Mk.FileProbe.new(form).get_path(), os.fsdecode(self.path))
            self.assertEqual(Mk.UnixSocketProbe.new(form).get_path(), os.fsdecode(self.path))
            self.assertEqual(Mk.PidExecutor.new("true", form).get_filename(), os.fsdecode(self.path))
            self.assertEqual(Mk.UnixSocketExecutor.new("true", form).get_path(), os.fsdecode(self.path))

    def test_commands(self):
        words = ["echo", self.TEXT]
        for class_ in (Mk.SimpleExecutor, Mk.OutputExecutor, Mk.CommandProbe):
            for command in (words, [b"echo", self.RAW], f"echo {self.TEXT}"):
                with self.subTest(class_=class_, command=command):
                    self.assertEqual(class_(command=command).get_command(), words)
                    thing = class_()
                    thing.props.command = command
                    self.assertEqual(thing.props.command, words)
        self.assertEqual(Mk.TcpExecutor.new(words, LOCALHOST, 1).get_command(), words)
        self.assertEqual(Mk.CommandProbe.new(words).get_command(), words)

    def test_environments(self):
        wanted = [f"{self.TEXT}={self.TEXT}", f"A{self.TEXT}"]
        for class_ in (Mk.SimpleExecutor, Mk.CommandProbe):
            for environment in ({self.RAW: self.TEXT, f"A{self.TEXT}": None}, wanted):
                thing = class_(environment=environment)
                self.assertEqual(thing.get_environment(), wanted)
                self.assertEqual(thing.props.environment, wanted)
        os.environb[b"MK_TEST_" + self.RAW] = self.RAW
        self.addCleanup(os.environb.pop, b"MK_TEST_" + self.RAW)
        self.assertIn(f"MK_TEST_{self.TEXT}={self.TEXT}", Mk.SimpleExecutor(command="true").dup_environment())

    def test_service(self):
        """The service gets them as they are."""
        os.mkdir(self.path)
        log = os.path.join(self.path, b"l\xf6g")
        executor = self.keep(
            Mk.SimpleExecutor(
                command=["sh", "-c", 'pwd; printf "%s\\n" "$0" "$MK_RAW"; cat', self.RAW],
                cwd=self.path,
                environment={"MK_RAW": self.RAW},
                stdin_mode=Mk.StdioMode.FILE,
                stdin_path=os.path.join(self.path, b"input\xff"),
                stdout_mode=Mk.StdioMode.FILE,
                stdout_path=log,
            )
        )
        with open(os.path.join(self.path, b"input\xff"), "wb") as file:
            file.write(b"from a file\n")
        with executor:
            executor.wait()
        with open(log, "rb") as file:
            self.assertEqual(file.read().split(b"\n"), [self.path, self.RAW, self.RAW, b"from a file", b""])

    def test_messages(self):
        """They can be read, and printed: what is not UTF-8 is replaced."""
        odd, missing = os.fsdecode(self.path), self.path + b"/missing"
        os.mkdir(self.path)
        shutil.copy(os.path.realpath("/usr/bin/python3"), f"{odd}/{self.TEXT}")
        code = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
        with subprocess.Popen(
            [f"{odd}/{self.TEXT}", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            self.addCleanup(other.kill)
            port = int(other.stdout.readline())
            self.fails(rf"d\ufffd \(pid {other.pid}\) is listening", Mk.TcpExecutor.new(["true"], LOCALHOST, port))
            other.stdin.close()
        self.fails("d\ufffd/missing", Mk.SimpleExecutor.new([missing]))
        self.fails("d\ufffd/missing", Mk.SimpleExecutor(command=["true"], cwd=missing))
        out = {"stdout_mode": Mk.StdioMode.FILE, "stdout_path": self.path + b"/out"}
        self.fails("see /.*d\ufffd/out", Mk.PidExecutor(command=["sh", "-c", "exit 3"], filename=missing, **out))
        self.fails("d\ufffd: .*failed", RefusesToPrepare(command=[self.RAW]))
        with self.assertRaisesRegex(Mk.InvalidArgumentError, "“'d\ufffd” cannot be split"):
            Mk.SimpleExecutor.new_for_command_line(b"'" + self.RAW)

    def fails(self, pattern, executor):
        with self.assertRaisesRegex(Mk.ServiceError, pattern) as caught:
            executor.start()
        str(caught.exception).encode()

    def test_probes(self):
        with open(self.path, "wb"):
            self.assertTrue(Mk.FileProbe.new(self.path).check())
            self.assertTrue(Mk.CommandProbe.new(["test", "-e", self.path]).check())
        with self.assertRaises(Mk.TimedOutError) as caught:
            Mk.FileProbe.new(self.path + b"x").wait(10)
        self.assertIn("d\ufffdx", str(caught.exception))


class Settings(TestCase):
    def test_environment_as_dict(self):
        wanted = ["A=b=c", "B="]
        executor = Mk.SimpleExecutor(command="true", environment={"A": "b=c", b"B": b""})
        self.assertEqual(executor.get_environment(), wanted)
        executor.set_environment(None)
        executor.set_environment({"A": "b=c", "B": ""})
        self.assertEqual(executor.get_environment(), wanted)
        self.assertEqual(Mk.CommandProbe(environment={"A": "b=c", "B": ""}).get_environment(), wanted)
        self.assertIn("A=b=c", executor.dup_environment())

    def test_environment_without_a_variable(self):
        os.environ["MK_TEST_UNWANTED"] = "here"
        self.addCleanup(os.environ.pop, "MK_TEST_UNWANTED")
        executor = self.keep(Mk.SimpleExecutor(command="env", environment={"MK_TEST_UNWANTED": None, "A": "b"}))
        self.assertEqual(executor.get_environment(), ["MK_TEST_UNWANTED", "A=b"])
        with executor:
            lines = list(executor.lines())
        self.assertIn("A=b", lines)
        self.assertFalse([line for line in lines if line.startswith("MK_TEST_UNWANTED")])

    def test_what_is_no_text_is_named(self):
        for value in (5432, True, 1.5, None, ["a"]):
            for name, make in (
                ("PORT", lambda value=value: Mk.SimpleExecutor(environment={"A": "b", "PORT": value or 0})),
                ("PORT", lambda value=value: Mk.CommandProbe(environment={"PORT": value or 0})),
                ("Accept", lambda value=value: Mk.HttpProbe(headers={"Accept": value})),
                ("id", lambda value=value: Mk.HttpProbe().set_form({"id": value})),
                ("item 1", lambda value=value: Mk.SimpleExecutor.new(["redis-server", value])),
                ("item 0", lambda value=value: Mk.SimpleExecutor(environment=[value])),
            ):
                with self.subTest(name=name, value=value), self.assertRaisesRegex(TypeError, f"{name}.* must be a string"):
                    make()

    def test_wrong_environment(self):
        for environment, error in (({"A=B": None}, ValueError), ({"A": 1}, TypeError), ({1: "A"}, TypeError)):
            with self.assertRaises(error):
                Mk.SimpleExecutor(environment=environment)

    def test_http(self):
        probe = Mk.HttpProbe(uri="http://localhost/", headers={"Accept": "a/b"}, body=b"\0\1")
        self.assertEqual(probe.get_headers(), ["Accept: a/b"])
        self.assertEqual(probe.get_body().get_data(), b"\0\1")
        probe.set_form({"a": "b c"})
        self.assertEqual(probe.get_body().get_data(), b"a=b+c")
        with self.assertRaises(TypeError):
            probe.set_body("text of no known encoding")

    def test_timedelta(self):
        executor = Mk.SimpleExecutor(command="true", start_timeout=2 * SECOND)
        self.assertEqual(executor.get_start_timeout(), 2000)
        executor.set_stop_timeout(datetime.timedelta(microseconds=1))
        self.assertEqual(executor.get_stop_timeout(), 1)  # not 0, which is no limit
        self.assertEqual(Mk.CommandProbe(timeout=SECOND).get_timeout(), 1000)
        probe = Mk.TcpProbe(interval=SECOND)
        probe.set_attempt_timeout(2 * SECOND)
        self.assertEqual((probe.get_interval(), probe.props.attempt_timeout), (1000, 2000))
        with self.assertRaises(Mk.TimedOutError):
            Mk.TcpProbe.new(LOCALHOST, free_port()).wait(SECOND / 50)

    def test_time_that_may_be_misread(self):
        executor = Mk.SimpleExecutor.new("true")
        for time_, error in ((0.5, TypeError), (True, TypeError), (0 * SECOND, ValueError), (-SECOND, ValueError)):
            with self.assertRaises(error):
                executor.set_start_timeout(time_)
            with self.assertRaises(error):
                Mk.SimpleExecutor(start_timeout=time_)
        self.assertEqual(executor.get_start_timeout(), 60000)

    def test_number_out_of_range(self):
        executor = Mk.TcpExecutor.new(["true"], LOCALHOST, 1)
        for name, value in (("stop_signal", 99), ("port", 70000), ("port", -1)):
            with self.subTest(name=name), self.assertRaisesRegex(ValueError, f"{name} must be between .*, not {value}"):
                Mk.TcpExecutor(command="true", **{name: value})
            with self.assertRaises(ValueError):
                setattr(executor.props, name, value)
            with self.assertRaises(ValueError):
                executor.set_property(name.replace("_", "-"), value)
        self.assertEqual((executor.get_port(), executor.get_stop_signal()), (1, signal.SIGTERM))

    def test_signals(self):
        executor = self.keep(Mk.SimpleExecutor(command=service(), stop_signal=signal.Signals.SIGINT))
        self.assertEqual(executor.get_stop_signal(), signal.SIGINT)
        executor.set_stop_signal(signal.SIGUSR1)
        executor.start()
        executor.send_signal(signal.SIGUSR2)
        executor.wait()
        self.assertEqual(executor.get_exit_status(), -signal.SIGUSR2)

    def test_arguments_by_name(self):
        executor = Mk.TcpExecutor.new(argv="true", host=LOCALHOST, port=1)
        self.assertEqual(executor.get_command(), ["true"])
        with self.assertRaises(Mk.TimedOutError):
            Mk.TcpProbe.new(LOCALHOST, free_port()).wait(cancellable=None, timeout_ms=1)
        for wrong in (
            lambda: executor.start(None, None),
            lambda: executor.start(None, cancellable=None),
            lambda: executor.start(now=True),
            lambda: executor.start_async(now=True),
            lambda: Mk.TcpExecutor(nothing=1),
        ):
            with self.assertRaises(TypeError):
                wrong()

    def test_arguments_by_position(self):
        class Other(Mk.TcpExecutor):
            pass

        for class_ in (Mk.SimpleExecutor, Mk.TcpExecutor, Mk.TcpProbe):
            name = class_.__name__
            expected = rf"^{name}\(\) takes only keyword arguments.*Mk\.{name}\.new\(\) takes positional arguments$"
            with self.assertRaisesRegex(TypeError, expected):
                class_("true", LOCALHOST, 1)
        with self.assertRaisesRegex(TypeError, r"^Other\(\) takes only keyword arguments, which are its properties$"):
            Other("true", LOCALHOST, 1)

    def test_constructor_of_a_parent_class(self):
        class Other(Mk.TcpExecutor):
            pass

        with self.assertRaisesRegex(TypeError, "Other"):
            Other.new("true", LOCALHOST, 1)
        self.assertIs(type(Other(command="true", host=LOCALHOST, port=1)), Other)


class ErrorTests:
    def make(self, code):
        port = free_port()
        if code == Mk.Error.INVALID_ARGUMENT:
            return Mk.TcpExecutor.new("true", LOCALHOST, 0)
        if code == Mk.Error.SPAWN_FAILED:
            return Mk.SimpleExecutor.new("mk-no-such-program")
        if code == Mk.Error.TIMED_OUT:
            return Mk.TcpExecutor(command=service(), host=LOCALHOST, port=port, start_timeout=100)
        return Mk.TcpExecutor.new([SERVICE, "--exit", "3"], LOCALHOST, port)

    def test_told_apart(self):
        for code, class_ in (
            (Mk.Error.INVALID_ARGUMENT, Mk.InvalidArgumentError),
            (Mk.Error.SPAWN_FAILED, Mk.SpawnFailedError),
            (Mk.Error.TIMED_OUT, Mk.TimedOutError),
            (Mk.Error.EXITED, Mk.ExitedError),
        ):
            with self.subTest(code), self.assertRaises(class_) as caught:
                self.call(self.make(code), "start")
            error = caught.exception
            self.assertIs(type(error), class_)
            self.assertIsInstance(error, Mk.ServiceError)
            self.assertIsInstance(error, GLib.Error)
            self.assertTrue(error.matches(Mk.error_quark(), code))
            self.assertEqual((error.domain, error.code), ("mk-error-quark", code))
            self.assertEqual(str(error), error.message)

    def test_redis(self):
        first = self.keep(redis_executor())
        self.call(first, "start")
        with self.assertRaises(Mk.AlreadyRunningError) as caught:
            self.call(redis_executor(first.get_port()), "start")
        self.assertIn(str(first.get_pid()), str(caught.exception))
        self.call(first, "stop")

    def test_finished_with_error(self):
        executor = self.keep(Mk.SimpleExecutor.new([SERVICE, "--exit", "7"]))
        self.call(executor, "start")
        self.call(executor, "wait")
        with self.assertRaises(Mk.FinishedWithError):
            self.call(executor, "stop")

    def test_probe(self):
        with self.assertRaises(Mk.TimedOutError):
            self.call(Mk.TcpProbe.new(LOCALHOST, free_port()), "wait", 20)

    def test_others_stay(self):
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.assertRaises(GLib.Error) as caught:
            self.call(Mk.SimpleExecutor.new("true"), "start", cancellable=cancellable)
        self.assertNotIsInstance(caught.exception, Mk.ServiceError)
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))


class ErrorsSync(ErrorTests, Sync, TestCase):
    pass


class ErrorsAsync(ErrorTests, Async, TestCase):
    pass


class ErrorObjects(TestCase):
    def test_each_code_has_a_class(self):
        codes = {code for code in vars(Mk.Error).values() if isinstance(code, Mk.Error)}
        self.assertEqual(len(codes), 9)
        classes = [c for c in map(lambda n: getattr(Mk, n), dir(Mk)) if isinstance(c, type)]
        errors = [c for c in classes if issubclass(c, Mk.ServiceError) and c is not Mk.ServiceError]
        self.assertEqual({error.CODE for error in errors}, codes)

    def test_made_by_hand(self):
        error = Mk.TimedOutError("too late")
        self.assertTrue(error.matches(Mk.error_quark(), Mk.Error.TIMED_OUT))
        self.assertEqual(repr(error), "Mk.TimedOutError('too late')")
        for other in (copy.copy(error), error.copy(), pickle.loads(pickle.dumps(error))):
            self.assertIs(type(other), Mk.TimedOutError)
            self.assertEqual((str(other), other.code, other.domain), ("too late", error.code, error.domain))


class Blocks(TestCase):
    def test_with(self):
        port = free_port()
        executor = Mk.TcpExecutor(command=redis_line(port), host=LOCALHOST, port=port)
        with self.keep(executor) as redis:
            self.assertIs(redis, executor)
            self.assertEqual(ping(port), "PONG")
            mark = marker(redis)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def test_exception_in_block(self):
        executor = self.keep(Mk.SimpleExecutor.new(service("--on-term", 7, "--print", "up")))
        with self.assertRaises(ZeroDivisionError) as caught, executor:
            next(executor.lines())
            1 / 0
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        if sys.version_info >= (3, 11):
            self.assertIn("status 7", caught.exception.__notes__[0])

    def test_stop_fails(self):
        executor = self.keep(Mk.SimpleExecutor.new(service("--on-term", 7, "--print", "up")))
        with self.assertRaises(Mk.FinishedWithError), executor:
            next(executor.lines())

    def test_start_fails(self):
        with self.assertRaises(Mk.SpawnFailedError), Mk.SimpleExecutor.new("mk-no-such-program"):
            self.fail("the block was run")

    def test_stopped(self):
        port = free_port()
        with self.keep(Mk.TcpExecutor(command=redis_line(port), host=LOCALHOST, port=port)) as redis:
            first = redis.get_pid()
            with redis.stopped():
                self.assertFalse(can_connect(port))
            self.assertEqual(ping(port), "PONG")
            self.assertNotEqual(redis.get_pid(), first)
            with self.assertRaises(ZeroDivisionError), redis.stopped():
                1 / 0
            self.assertEqual(ping(port), "PONG")

    def test_stopped_when_nothing_runs(self):
        executor = Mk.SimpleExecutor.new(service())
        with executor.stopped():
            self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)

    def test_repr(self):
        executor = self.keep(Mk.TcpExecutor.new(service(), LOCALHOST, 1))
        self.assertRegex(repr(executor), r"^<Mk\.TcpExecutor: .*stopped")
        self.assertIn("127.0.0.1:7", repr(Mk.TcpProbe.new(LOCALHOST, 7)))
        simple = self.keep(Mk.SimpleExecutor.new(service()))
        with simple:
            self.assertIn(str(simple.get_pid()), repr(simple))
        self.assertIn("SimpleExecutor", repr(Mk.SimpleExecutor.__new__(Mk.SimpleExecutor)))


class Lines(TestCase):
    def test_lines(self):
        script = r"printf 'a\n\nb\303\274\377\r\nlast'; echo other >&2"
        executor = self.keep(Mk.SimpleExecutor.new_for_shell(script))
        executor.start()
        self.assertEqual(list(executor.lines()), ["a", "", "b\u00fc\ufffd", "last"])
        self.assertEqual(list(executor.lines(Mk.Stream.STDERR)), ["other"])
        executor.stop()
        self.assertEqual(list(executor.lines())[0], "a")

    def test_lines_come_while_it_runs(self):
        executor = self.keep(Mk.SimpleExecutor(command=service("--echo"), stdin_mode=Mk.StdioMode.PIPE))
        with executor:
            lines = executor.lines()
            for text in ("one", "two"):
                executor.dup_stdin().write_all(f"{text}\n".encode(), None)
                self.assertEqual(next(lines), text)
            executor.dup_stdin().close(None)
            self.assertEqual(list(lines), [])

    def test_many(self):
        executor = self.keep(Mk.SimpleExecutor(command="seq 100000", output_limit=0))
        with executor:
            self.assertEqual(list(executor.lines()), [str(n) for n in range(1, 100001)])

    def test_what_is_lost(self):
        """Then no line is made of halves, and it is told."""
        executor = self.keep(Mk.SimpleExecutor(command="seq 1000000 1200000", output_limit=65536))
        with executor, self.assertWarnsRegex(RuntimeWarning, "output was lost .* bytes.: raise output_limit"):
            lines = executor.lines()
            first = next(lines)
            executor.wait()
            numbers = [int(first), *map(int, lines)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[-1], 1200000)
        self.assertGreaterEqual(numbers[0], 1000000)

    def test_nothing_started(self):
        self.assertEqual(list(Mk.SimpleExecutor.new("true").lines()), [])


class Interrupted(Exception):
    pass


class Interruption(TestCase):
    """A signal handler that raises ends a blocking call, as Ctrl-C should."""

    def handle(self, number, handler):
        self.addCleanup(signal.signal, number, signal.signal(number, handler))

    def send_soon(self, number):
        timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
        timer.start()
        self.addCleanup(timer.join)

    def interrupt(self, function, *args):
        def on_signal(*_):
            raise Interrupted

        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number):
                self.handle(number, on_signal)
                begin = time.monotonic()
                self.send_soon(number)
                with self.assertRaises(Interrupted):
                    function(*args)
                self.assertLess(time.monotonic() - begin, LIMIT)

    def test_start(self):
        executor = self.keep(Mk.TcpExecutor(command=service(), host=LOCALHOST, port=free_port()))
        mark = marker(executor)
        self.interrupt(executor.start)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def test_alarm(self):
        """One that comes once sets a limit; one that comes again and again measures something."""
        ticks = []
        self.handle(signal.SIGALRM, lambda *_: ticks.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with self.keep(Mk.SimpleExecutor.new([SERVICE, "--exit", "0", "--exit-after", "200"])) as executor:
            executor.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertGreater(len(ticks), 0)

        def on_alarm(*_):
            raise Interrupted

        self.handle(signal.SIGALRM, on_alarm)
        executor = self.keep(Mk.TcpExecutor(command=service(), host=LOCALHOST, port=free_port()))
        mark = marker(executor)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(Interrupted):
            executor.start()
        self.assert_gone(mark)

    def test_alarm_that_is_set_anew(self):
        """It does not keep a start from its end."""
        self.handle(signal.SIGALRM, lambda *_: signal.setitimer(signal.ITIMER_REAL, 0.05))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        port = free_port()
        executor = self.keep(Mk.TcpExecutor.new(listener(port, "--after", 300), LOCALHOST, port))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with executor:
            self.assertTrue(can_connect(port))

    def test_handlers_run_meanwhile(self):
        """A service may say by a signal that it is ready."""
        seen = []
        self.handle(signal.SIGUSR1, lambda *_: seen.append(1))
        executor = self.keep(Mk.Executor.new(service(), Mk.CallbackProbe.new(lambda: bool(seen))))
        self.send_soon(signal.SIGUSR1)
        with executor:
            self.assertEqual(seen, [1])

    def test_others(self):
        with self.keep(Mk.SimpleExecutor.new(service())) as executor:
            self.interrupt(executor.wait)
            self.interrupt(next, executor.lines())
            self.interrupt(Mk.TcpProbe.new(LOCALHOST, free_port()).wait, 60000)
            self.assertTrue(executor.get_running())

    def test_handler_that_does_not_raise(self):
        seen = []
        executor = self.keep(Mk.SimpleExecutor.new([SERVICE, "--exit", "0", "--exit-after", "200"]))
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self.handle(number, lambda number, _: seen.append(number))
            with executor:
                self.send_soon(number)
                executor.wait()
        self.assertEqual(seen, [signal.SIGTERM, signal.SIGUSR1])

    def test_start_goes_on(self):
        """Where the handler only takes note, a start is made again."""
        seen, port = [], free_port()
        self.handle(signal.SIGTERM, lambda *_: seen.append(1))
        executor = self.keep(Mk.TcpExecutor.new(listener(port, "--after", 300), LOCALHOST, port))
        self.send_soon(signal.SIGTERM)
        with executor:
            self.assertTrue(can_connect(port))
        self.assertEqual(seen, [1])

    def test_handler_that_hits_a_check(self):
        """What it raises is no answer of the check, and not lost, wherever it comes."""

        def on_alarm(*_):
            raise Interrupted

        def busy():
            end = time.monotonic() + 0.001
            while time.monotonic() < end:
                pass

        self.handle(signal.SIGALRM, on_alarm)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        for number in range(50):
            signal.setitimer(signal.ITIMER_REAL, 0.005 + number * 0.0001)
            with self.assertRaises(Interrupted):
                Mk.CallbackProbe.new(busy).wait(60000)

    def test_call_in_a_hook(self):
        """A signal ends the inner call, and with it the outer one."""

        def on_signal(*_):
            raise Interrupted

        class Waiting(Mk.SimpleExecutor):
            def do_prepare(self, task):
                Mk.TcpProbe.new(LOCALHOST, free_port()).wait(60000)
                task.return_boolean(True)

        self.handle(signal.SIGUSR1, on_signal)
        executor = self.keep(Waiting(command=service()))
        self.send_soon(signal.SIGUSR1)
        with self.assertRaises(Interrupted):
            executor.start()
        self.assertFalse(executor.get_active())

    def test_second_control_c(self):
        """It does not cut short what the first one began."""
        seen = []

        def on_signal(*_):
            seen.append(1)
            os.kill(os.getpid(), signal.SIGINT)
            if len(seen) < 3:
                raise Interrupted

        self.handle(signal.SIGINT, on_signal)
        executor = self.keep(Mk.TcpExecutor(command=service("--deaf"), host=LOCALHOST, port=free_port()))
        mark = marker(executor)
        self.send_soon(signal.SIGINT)
        with self.assertRaises(Interrupted):
            executor.start()
        self.handle(signal.SIGINT, signal.default_int_handler)
        self.assert_gone(mark)

    def test_after_a_fork(self):
        executor = self.keep(Mk.SimpleExecutor.new(service()))
        with executor:
            child = os.fork()
            if child == 0:
                signal.alarm(LIMIT)
                self.handle(signal.SIGTERM, lambda *_: os._exit(7))
                self.send_soon(signal.SIGTERM)
                Mk.TcpProbe.new(LOCALHOST, free_port()).wait(60000)
                os._exit(1)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
            self.assertTrue(executor.get_running())

    def test_fork_in_a_hook(self):
        """The child's signals are its own."""
        test = self

        class Forking(Mk.SimpleExecutor):
            def do_prepare(self, task):
                child = os.fork()
                if child == 0:
                    signal.alarm(LIMIT)
                    os.kill(os.getpid(), signal.SIGTERM)
                    os._exit(1)
                test.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
                task.return_boolean(True)

        seen = []
        self.handle(signal.SIGTERM, lambda *_: seen.append(1) if os.getpid() == parent else os._exit(7))
        parent = os.getpid()
        with self.keep(Forking(command=service())) as executor:
            self.assertTrue(executor.get_running())
        self.assertEqual(seen, [])

    def test_control_c(self):
        program = """
import os, signal, threading
import gi
gi.require_version("Mk", "1")
from gi.repository import Mk
executor = Mk.TcpExecutor(command="sleep 60", host="127.0.0.1", port=1)
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
with executor:
    pass
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT)
        self.assertIn("KeyboardInterrupt", done.stderr)
        self.assertEqual(done.returncode, -signal.SIGINT)


class Threads(TestCase):
    def test_with_in_threads(self):
        failures = []

        def body():
            try:
                for _ in range(3):
                    with Mk.SimpleExecutor.new(service("--print", "up")) as executor:
                        self.assertEqual(next(executor.lines()), "up")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=body, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
