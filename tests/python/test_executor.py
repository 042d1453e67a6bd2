# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings, errors, signals, output and the end of executors, through the raw typelib."""

import signal
import tempfile
import unittest

from mktest import (
    LOCALHOST,
    SERVICE,
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
    processes,
    service,
)

NONE = GLib.MININT  # Mk.STATUS_NONE


class Settings(TestCase):
    def test_defaults(self):
        executor = Mk.SimpleExecutor.new(["true"])
        expected = {
            "command": ["true"],
            "cwd": None,
            "start_timeout": 60000,
            "stop_timeout": 10000,
            "stop_signal": signal.SIGTERM,
            "kill_signal": signal.SIGKILL,
            "expected_status": NONE,
            "completes": False,
            "stdout_mode": Mk.StdioMode.CAPTURE,
            "stderr_mode": Mk.StdioMode.CAPTURE,
            "output_limit": 1 << 20,
            "lossless": False,
            "state": Mk.ExecutorState.STOPPED,
            "running": False,
            "active": False,
            "exit_status": NONE,
            "ready_time": 0,
        }
        self.assertEqual({name: executor.get_property(name) for name in expected}, expected)
        self.assertEqual(Mk.STATUS_NONE, NONE)

    def test_ready_time(self):
        executor, seen = self.keep(Mk.OutputExecutor.new(service("--after", 200, "--ready", "up"), "up")), []
        executor.connect("notify::ready-time", lambda *_: seen.append(executor.get_ready_time()))
        for _ in range(2):
            executor.start()
            self.assertGreater(executor.get_ready_time(), 200_000)
            executor.stop()
            self.assertGreater(executor.props.ready_time, 200_000)
        iterate_until(lambda: seen, "it is told")

    def test_set_notifies_once(self):
        changes = {
            "command": ["sleep", "1"],
            "cwd": "/tmp",
            "environment": ["A=b"],
            "start_timeout": 1,
            "stop_timeout": 2,
            "stop_signal": 3,
            "kill_signal": 4,
            "expected_status": 5,
            "completes": True,
            "stdin_mode": Mk.StdioMode.PIPE,
            "stdout_mode": Mk.StdioMode.NULL,
            "stderr_mode": Mk.StdioMode.MERGE,
            "stdout_path": "/tmp/out",
            "stderr_path": "/tmp/err",
            "output_limit": 6,
            "lossless": True,
        }
        for name, value in changes.items():
            with self.subTest(name):
                executor, seen = Mk.SimpleExecutor(command=["true"]), []
                executor.connect(f"notify::{name.replace('_', '-')}", lambda *_: seen.append(1))
                executor.set_property(name, value)
                getattr(executor, f"set_{name}")(value)
                self.assertEqual(getattr(executor, f"get_{name}")(), value)
                self.assertEqual(len(seen), 1)

    def test_properties_of_tcp(self):
        executor = Mk.TcpExecutor(command=["true"], host="localhost", port=1234)
        self.assertEqual((executor.get_host(), executor.get_port()), ("localhost", 1234))
        self.assertIsInstance(executor.get_probe(), Mk.TcpProbe)
        self.assertEqual(executor.get_probe().get_port(), 1234)

    def test_command_line(self):
        executor = Mk.SimpleExecutor.new_for_command_line("sh -c 'exit 3' \"a b\"")
        self.assertEqual(executor.get_command(), ["sh", "-c", "exit 3", "a b"])

    def test_unbalanced_quotes(self):
        new = Mk.SimpleExecutor.new_for_command_line
        self.assert_raises(Mk.Error.INVALID_ARGUMENT, new, "sh -c 'exit 3")

    def test_describe_names_the_program(self):
        self.assertIn("sleep", Mk.SimpleExecutor.new(["sleep", "60"]).describe())

    def test_describe_quotes_as_a_shell_would(self):
        executor = Mk.SimpleExecutor.new(["sh", "-c", "exit 3", "", "a"])
        self.assertEqual(executor.describe(), "sh -c 'exit 3' '' a (stopped)")

    def test_environment(self):
        executor = Mk.SimpleExecutor.new(service("--print-env", "MK_A", "--ready", "set up"))
        executor.set_environment(["MK_A=a=b c"])
        self.assertIn("MK_A=a=b c", executor.dup_environment())
        self.keep(executor).start()
        iterate_until(lambda: b"set up" in output_of(executor), "the service has printed")
        self.assertIn(b"MK_A=a=b c\n", output_of(executor))
        executor.stop()

    def test_cwd(self):
        with tempfile.TemporaryDirectory() as folder:
            executor = Mk.SimpleExecutor(command=[SERVICE, "--print-cwd", "--exit", "0"], cwd=folder)
            self.keep(executor).start()
            executor.wait()
            self.assertEqual(output_of(executor).decode().strip(), folder)

    def test_wrong_types(self):
        executor = Mk.SimpleExecutor.new(["true"])
        for wrong in (
            lambda: Mk.SimpleExecutor.new([1, 2]),
            lambda: executor.set_start_timeout("soon"),
            lambda: executor.set_command(7),
            lambda: executor.start("now"),
            lambda: Mk.Executor.new(["true"], "probe"),
            lambda: Mk.TcpProbe.new(80, LOCALHOST),
        ):
            with self.assertRaises(TypeError):
                wrong()
        for wrong in (-1, 1 << 32):
            with self.assertRaises(OverflowError):
                executor.set_start_timeout(wrong)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)


class Ends:
    """How a service ends by itself."""

    def test_wait_check(self):
        for status in (0, 3):
            executor = self.keep(Mk.SimpleExecutor.new([SERVICE, "--exit", str(status)]))
            self.call(executor, "start")
            if status == 0:
                self.assertTrue(self.call(executor, "wait_check"))
            else:
                self.assert_raises(Mk.Error.FINISHED_WITH_ERROR, self.call, executor, "wait_check")
            self.assertEqual(executor.get_exit_status(), status)


class EndsSync(Ends, Sync, TestCase):
    pass


class EndsAsync(Ends, Async, TestCase):
    pass


def output_of(executor, stream=Mk.Stream.STDOUT):
    return executor.dup_output(stream).get_data() or b""


class BadInput:
    """What cannot work is an error, and nothing is started."""

    def check(self, code, executor, *words):
        message = self.assert_raises(code, self.call, executor, "start")
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assertFalse(executor.get_active())

    def test_empty_command(self):
        self.check(Mk.Error.INVALID_ARGUMENT, Mk.SimpleExecutor.new([]))

    def test_environment_without_a_name(self):
        for entry in ("=value", ""):
            executor = Mk.SimpleExecutor(command=["true"], environment=[entry])
            self.check(Mk.Error.INVALID_ARGUMENT, executor, "environment")

    def test_ports(self):
        for port in (0, 70000):
            self.check(Mk.Error.INVALID_ARGUMENT, Mk.TcpExecutor.new(["true"], LOCALHOST, port), str(port))

    def test_stdio_modes(self):
        executor = Mk.SimpleExecutor(command=["true"], stdout_mode=Mk.StdioMode.PIPE)
        self.check(Mk.Error.INVALID_ARGUMENT, executor)

    def test_program_not_found(self):
        executor = Mk.SimpleExecutor.new(["mk-no-such-program"])
        self.check(Mk.Error.SPAWN_FAILED, executor, "mk-no-such-program")

    def test_program_is_a_folder(self):
        self.check(Mk.Error.SPAWN_FAILED, Mk.SimpleExecutor.new(["/tmp"]), "/tmp")

    def test_missing_cwd(self):
        executor = Mk.SimpleExecutor(command=["true"], cwd="/no/such/folder")
        self.check(Mk.Error.SPAWN_FAILED, executor, "/no/such/folder")

    def test_exits_before_ready(self):
        command = [SERVICE, "--stderr", "no space left", "--exit", "3"]
        executor = Mk.TcpExecutor.new(command, LOCALHOST, free_port())
        self.check(Mk.Error.EXITED, executor, "status 3", "no space left")
        self.assertEqual(executor.get_exit_status(), 3)

    def test_never_ready(self):
        executor = Mk.TcpExecutor(command=service(), host=LOCALHOST, port=free_port(), start_timeout=100)
        mark = marker(executor)
        self.check(Mk.Error.TIMED_OUT, executor, LOCALHOST)
        self.assert_gone(mark)

    def test_stop_and_kill_without_start(self):
        executor = Mk.SimpleExecutor.new(["true"])
        self.assertTrue(self.call(executor, "stop"))
        self.assertTrue(self.call(executor, "kill"))

    def test_finished_with_error(self):
        executor = self.keep(Mk.SimpleExecutor.new(service("--on-term", 7, "--ready", "up")))
        self.call(executor, "start")
        iterate_until(lambda: b"up" in output_of(executor), "the service is up")
        message = self.assert_raises(Mk.Error.FINISHED_WITH_ERROR, self.call, executor, "stop")
        self.assertIn("7", message)
        self.assertEqual(executor.get_exit_status(), 7)

    def test_expected_status(self):
        executor = self.keep(Mk.SimpleExecutor.new(service("--on-term", 7, "--ready", "up")))
        self.call(executor, "start")
        iterate_until(lambda: b"up" in output_of(executor), "the service is up")
        self.assertTrue(self.call(executor, "stop_full", signal.SIGTERM, 7, 5000))


class BadInputSync(BadInput, Sync, TestCase):
    pass


class BadInputAsync(BadInput, Async, TestCase):
    pass


class Signals(TestCase):
    def test_exited(self):
        executor, seen = self.keep(Mk.SimpleExecutor.new(service("--exit", 4, "--exit-after", 20))), []
        executor.connect("exited", lambda _, status: seen.append(status))
        executor.start()
        iterate_until(lambda: seen, "exited was emitted")
        self.assertEqual(seen, [4])
        self.assertEqual(executor.get_state(), Mk.ExecutorState.EXITED)
        self.assertEqual(executor.get_exit_status(), 4)
        self.assert_raises(Mk.Error.FINISHED_WITH_ERROR, executor.stop)
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)

    def test_not_exited_when_stopped(self):
        executor, seen = self.keep(Mk.SimpleExecutor.new(service())), []
        executor.connect("exited", lambda _, status: seen.append(status))
        executor.start()
        executor.stop()
        later = []
        GLib.timeout_add(20, lambda: later.append(1))
        iterate_until(lambda: later, "the loop went round")
        self.assertEqual(seen, [])

    def test_line(self):
        command = service("--print", "first", "--stderr", "warning", "--print", "grüße")
        executor, seen = self.keep(Mk.SimpleExecutor.new(command)), []
        executor.connect("line", lambda _, stream, text: seen.append((stream, text)))
        executor.start()
        iterate_until(lambda: len(seen) >= 3, "three lines were told")
        executor.stop()
        self.assertEqual([text for stream, text in seen if stream == Mk.Stream.STDOUT], ["first", "grüße"])
        self.assertEqual([text for stream, text in seen if stream == Mk.Stream.STDERR], ["warning"])

    def test_notify_state(self):
        executor, seen = self.keep(Mk.SimpleExecutor.new(service())), []
        executor.connect("notify::state", lambda e, _: seen.append(e.get_state().value_nick))
        Async().call(executor, "start")
        iterate_until(lambda: seen[-1:] == ["ready"], "the state is told")
        Async().call(executor, "stop")
        iterate_until(lambda: seen[-1:] == ["stopped"], "the state is told")

    def test_notify_running(self):
        executor, seen = self.keep(Mk.SimpleExecutor.new(service("--exit", 0, "--exit-after", 20))), []
        executor.connect("notify::running", lambda e, _: seen.append(e.get_running()))
        executor.start()
        iterate_until(lambda: seen[-1:] == [False], "running is told")


class Output(TestCase):
    def test_dup_output(self):
        executor = self.keep(Mk.SimpleExecutor.new([SERVICE, "--print", "out", "--stderr", "err", "--exit", "0"]))
        executor.start()
        executor.wait()
        self.assertEqual(output_of(executor), b"out\n")
        self.assertEqual(output_of(executor, Mk.Stream.STDERR), b"err\n")

    def test_open_output(self):
        executor = self.keep(Mk.SimpleExecutor.new([SERVICE, "--print", "a", "--print", "b", "--exit", "0"]))
        executor.start()
        stream = Gio.DataInputStream.new(executor.open_output(Mk.Stream.STDOUT))
        lines = [stream.read_line_utf8(None)[0] for _ in range(3)]
        self.assertEqual(lines, ["a", "b", None])

    def test_newest_output_is_kept_while_nobody_reads(self):
        port = free_port()
        executor = self.keep(Mk.TcpExecutor.new(listener(port, "--flood", 10 << 20), LOCALHOST, port))
        executor.start()
        client = Gio.SocketClient.new().connect_to_host(LOCALHOST, port, None)
        self.assertEqual(client.get_input_stream().read_bytes(2, None).get_data(), b"ok")
        executor.stop()
        self.assertEqual(executor.dup_output(Mk.Stream.STDOUT).get_size(), 1 << 20)

    def test_stdin(self):
        executor = Mk.SimpleExecutor(command=service("--echo"), stdin_mode=Mk.StdioMode.PIPE)
        self.keep(executor).start()
        executor.dup_stdin().write_all(b"hello\n", None)
        executor.dup_stdin().close(None)
        executor.wait()
        self.assertEqual(output_of(executor), b"hello\n")


class End(TestCase):
    def test_last_reference(self):
        executor = Mk.SimpleExecutor.new(service("--children", 2, "--setsid-children"))
        executor.start()
        mark = marker(executor)
        self.assertGreater(len(processes(mark)), 0)
        del executor
        self.assert_gone(mark)

    def test_dropped_during_start(self):
        executor = Mk.TcpExecutor.new(service(), LOCALHOST, free_port())
        mark, cancellable, results = marker(executor), Gio.Cancellable(), []
        executor.start_async(cancellable, lambda e, r: results.append(r))
        del executor
        iterate_until(lambda: processes(mark), "the service runs")
        cancellable.cancel()
        iterate_until(lambda: results, "the start is over")
        results.clear()
        iterate_until(lambda: not processes(mark), "nothing is left")

    def test_cancelled_before(self):
        executor, cancellable = self.keep(Mk.SimpleExecutor.new(service())), Gio.Cancellable()
        cancellable.cancel()
        mark = marker(executor)
        for caller in (Sync(), Async()):
            self.assert_cancelled(lambda c=caller: c.call(executor, "start", cancellable=cancellable))
            self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
            self.assert_gone(mark)

    def test_cancelled_during_start(self):
        executor = self.keep(Mk.TcpExecutor.new(service(), LOCALHOST, free_port()))
        cancellable, mark = Gio.Cancellable(), marker(executor)
        GLib.timeout_add(20, cancellable.cancel)
        self.assert_cancelled(lambda: Async().call(executor, "start", cancellable=cancellable))
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def test_stop_during_start(self):
        executor, results = self.keep(Mk.TcpExecutor.new(service(), LOCALHOST, free_port())), []
        executor.start_async(None, lambda e, r: results.append(r))
        self.assertTrue(Async().call(executor, "stop"))
        iterate_until(lambda: results, "the start is over")
        self.assert_cancelled(executor.start_finish, results[0])

    def test_start_twice(self):
        port, results = free_port(), []
        executor = self.keep(Mk.TcpExecutor.new(listener(port), LOCALHOST, port))
        executor.start_async(None, lambda e, r: results.append(r))
        pending = (Gio.IOErrorEnum.PENDING, lambda: Async().call(executor, "start"))
        self.assert_raises(*pending, domain=Gio.io_error_quark())
        iterate_until(lambda: results, "the start is over")
        self.assertTrue(executor.start_finish(results[0]))
        self.assert_raises(Mk.Error.ALREADY_RUNNING, executor.start)
        executor.stop()

    def test_wait_and_send_signal(self):
        executor = self.keep(Mk.SimpleExecutor.new(service()))
        executor.start()
        self.assertTrue(executor.send_signal(signal.SIGKILL))
        executor.wait()
        self.assertEqual(executor.get_exit_status(), -9)
        self.assertFalse(executor.get_active())


class Report(TestCase):
    def test_each_probe_while_it_starts(self):
        ports = free_port(), free_port()
        probes = [Mk.TcpProbe.new(LOCALHOST, port) for port in ports]
        executor = self.keep(Mk.Executor.new(service("--print", "hello"), Mk.AllProbe.new(probes)))
        cancellable, results = Gio.Cancellable(), []
        executor.start_async(cancellable, lambda _, result: results.append(result))

        def is_asked():
            probes = executor.dup_report_dict().unpack().get("probes", [])
            return len(probes) == 2 and probes[0]["attempts"] > 1 and "hello" in executor.dup_report()

        iterate_until(is_asked, "both probes are asked")
        for port in ports:
            self.assertRegex(
                executor.dup_report(),
                rf"\n  waits for {LOCALHOST}:{port} to accept connections \(\d+ attempts?\)\n    last failure: .*refused",
            )
        cancellable.cancel()
        iterate_until(lambda: results, "the start is cancelled")
        self.assert_cancelled(executor.start_finish, results[0])

    def test_success_is_no_failure(self):
        for pattern in (None, "."):
            port = free_port()
            executor = self.keep(Mk.HttpExecutor(
                command=listener(port, "--http", "echo"), uri=f"http://{LOCALHOST}:{port}/", body_pattern=pattern))
            executor.start()
            self.assertIn(f"waited for http://{LOCALHOST}:{port}/", executor.dup_report())
            self.assertNotIn("HTTP 200", executor.dup_report())
            self.assertNotIn("in time", executor.dup_report())

    def test_how_it_has_ended(self):
        executor = self.keep(Mk.SimpleExecutor(command=["sh", "-c", "exit 3"]))
        self.assertEqual(executor.dup_report_dict().unpack()["state"], "stopped")
        executor.start(None)
        executor.wait(None)
        self.assertRegex(executor.dup_report(), r"\n  ended after .* \(exited with status 3\)\n")

    def test_names_of_processes_are_harmless(self):
        # A name is any bytes, up to 15: here a line, a colour, and half a character at its end.
        script = r"printf 'a\n  b\033[31m\360' >/proc/$$/comm; echo up; sleep 60 & wait"
        executor = self.keep(Mk.OutputExecutor.new(["sh", "-c", script], "up"))
        executor.start(None)
        pid = executor.get_pid()
        name = next(p["name"] for p in executor.dup_report_dict().unpack()["processes"] if p["pid"] == pid)
        self.assertEqual(name, r"a\x0a  b\x1b[31m" + "\ufffd")
        self.assertIn(f"  process {pid}: {name}, child of ", executor.dup_report())
        executor.stop(None)


if __name__ == "__main__":
    unittest.main()
