# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each kind of executor and probe: made, started on a real server, stopped; and what its errors say."""

import os
import shutil
import socket
import sys
import tempfile
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
    listener,
    lives,
    marker,
    service,
)


class NthTime(Mk.Probe):
    """Is there from the attempt of a given number on."""

    __gtype_name__ = "MkTestNthTime"

    def __init__(self, number):
        super().__init__()
        self.number, self.attempts = number, 0

    def do_check(self):
        self.attempts += 1
        return self.attempts >= self.number

    def do_describe(self):
        return f"Python was asked {self.number} times"


class KindTestCase(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mk-test-")
        self.addCleanup(folder.cleanup)
        self.folder, self.port = folder.name, free_port()

    def path(self, name):
        return os.path.join(self.folder, name)

    def url(self, path="/", host=LOCALHOST):
        return f"http://{host}:{self.port}{path}"

    def start(self, executor):
        executor.props.start_timeout = 20_000
        self.keep(executor)
        self.assertTrue(self.call(executor, "start"))
        self.assertEqual(executor.props.state, Mk.ExecutorState.READY)
        return executor

    def stop(self, executor):
        mark = marker(executor)
        self.assertTrue(self.call(executor, "stop"))
        self.assertEqual(executor.props.state, Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def assert_starts(self, executor):
        self.start(executor)
        self.stop(executor)

    def assert_start_fails(self, code, executor):
        message = self.assert_raises(code, self.call, executor, "start")
        self.assertEqual(executor.props.state, Mk.ExecutorState.STOPPED)
        return message

    def redis(self, *options):
        if not shutil.which("redis-server"):
            self.skipTest("redis is not installed")
        return ["redis-server", "--port", "0", "--save", "", "--dir", self.folder, *options]


class HttpTests:
    def echo(self, **properties):
        return Mk.HttpExecutor(command=listener(self.port, "--http", "echo"), uri=self.url(), **properties)

    def test_python_server(self):
        command = [sys.executable, "-m", "http.server", "--bind", LOCALHOST, str(self.port)]
        executor = Mk.HttpExecutor.new(command, self.url())
        self.assertEqual((executor.props.host, executor.props.port), (LOCALHOST, self.port))
        self.start(executor)
        message = self.assert_raises(Mk.Error.ALREADY_RUNNING, self.call, executor, "start")
        self.assertIn(f"(pid {executor.props.pid}) is running already", message)
        self.stop(executor)

    def test_what_is_sent(self):
        self.assert_starts(self.echo(
            method="POST", headers=["X-One: 1", "X-Two: 2"], body=GLib.Bytes.new("grüße".encode()),
            content_type="text/x-test", status="200",
            body_pattern="(?s)^POST /.*X-One: 1\r\nX-Two: 2\r\n.*\r\ngrüße$"))

    def test_form(self):
        executor = self.echo(method="POST", body_pattern="a=1\\+2&b=%26$")
        executor.set_form(["a=1 2", "b=&"])
        self.assertEqual(executor.props.body.get_data(), b"a=1+2&b=%26")
        self.assertEqual(executor.props.content_type, "application/x-www-form-urlencoded")
        self.assert_starts(executor)

    def test_properties(self):
        probe, notified = Mk.HttpProbe.new("https://localhost/"), []
        self.assertEqual((probe.props.method, probe.props.headers, probe.props.body), ("HEAD", [], None))
        probe.connect("notify", lambda _, pspec: notified.append(pspec.name))
        values = {"uri": "http://localhost/x", "status": "404", "method": "GET", "headers": ["A: b"],
                  "content_type": "text/plain", "body_pattern": "x", "accept_any_certificate": True,
                  "ca_file": "/ca.pem", "socket_path": "/socket"}
        for name, value in values.items():
            setattr(probe.props, name, value)
            self.assertEqual(getattr(probe, f"get_{name}")(), value)
            getattr(probe, f"set_{name}")(value)  # that is no change
        self.assertEqual(notified, [name.replace("_", "-") for name in values])

    def test_socket_path(self):
        path = self.path("socket")
        executor = Mk.HttpExecutor(command=service("--listen", path, "--http", "ok"), uri="http://any.invalid/",
                                   socket_path=path)
        self.assert_starts(executor)

    def test_probe(self):
        probe = Mk.HttpProbe.new(self.url())
        self.assertFalse(self.call(probe, "check"))
        self.start(self.echo())
        self.assertTrue(self.call(probe, "wait", 5000))
        probe.set_status("503")
        message = self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 50)
        self.assertIn("HTTP 200 OK", message)

    def test_mistakes(self):
        for properties in ({"uri": "http:///path"}, {"uri": "ftp://localhost/"}, {"uri": "nowhere"}, {"method": "A B"},
                           {"headers": ["X: a\r\nY: b"]}, {"headers": ["no colon"]}, {"status": "("}, {"status": "700"},
                           {"body_pattern": "["}, {"uri": "https://localhost/", "ca_file": "/no/such/file"}):
            executor = Mk.HttpExecutor(**{"command": service(), "uri": self.url(), **properties})
            self.assert_start_fails(Mk.Error.INVALID_ARGUMENT, executor)
            self.assertEqual(executor.props.pid, 0)


class UnixSocketTests:
    def test_redis(self):
        path = self.path("redis.sock")
        executor = Mk.UnixSocketExecutor.new(self.redis("--unixsocket", path), path)
        self.start(executor)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(16), b"+PONG\r\n")
        self.stop(executor)

    def test_probe_and_holder(self):
        path = self.path("socket")
        probe = Mk.UnixSocketProbe(path=path)
        self.assertEqual(probe.get_path(), path)
        self.assertFalse(self.call(probe, "check"))
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            self.assertTrue(self.call(probe, "wait", 5000))
            executor = Mk.UnixSocketExecutor(command=service(), path=path)
            message = self.assert_start_fails(Mk.Error.ALREADY_RUNNING, executor)
            self.assertIn(f"pid {os.getpid()}", message)
        self.assertTrue(self.call(probe, "wait_gone", 5000))

    def test_mistakes(self):
        for path in (None, "", "@", "/" + "x" * 200):
            executor = Mk.UnixSocketExecutor(command=service(), path=path)
            self.assert_start_fails(Mk.Error.INVALID_ARGUMENT, executor)


class PidTests:
    def test_daemon(self):
        path = self.path("redis.pid")
        executor = Mk.PidExecutor.new(self.redis("--daemonize", "yes", "--pidfile", path, "--unixsocket", self.path("s")), path)
        self.assertEqual(executor.props.daemon_pid, 0)
        self.start(executor)
        pid = executor.props.daemon_pid
        self.assertTrue(lives(pid))
        self.assertTrue(executor.props.active)
        self.stop(executor)
        self.assertFalse(lives(pid))

    def test_file_is_there(self):
        path = self.path("file")
        with open(path, "w", encoding="utf-8"):
            pass
        self.assertTrue(self.call(Mk.FileProbe.new(path), "check"))
        message = self.assert_start_fails(Mk.Error.ALREADY_RUNNING, Mk.PidExecutor.new(service(), path))
        self.assertIn(path, message)

    def test_probe(self):
        path = self.path("file")
        executor = self.start(Mk.Executor.new(service("--pid-file", path), Mk.FileProbe(path=path)))
        self.stop(executor)

    def test_mistakes(self):
        executor = Mk.PidExecutor(command=service(), filename="")
        self.assert_start_fails(Mk.Error.INVALID_ARGUMENT, executor)


class OutputTests:
    def test_match(self):
        executor = Mk.OutputExecutor.new(service("--print", "listening on port 8080"), r"port (?<port>\d+)")
        self.assertIsNone(executor.dup_match("port"))
        self.start(executor)
        self.assertEqual(executor.dup_match("0"), "port 8080")
        self.assertEqual((executor.dup_match("1"), executor.dup_match("port")), ("8080", "8080"))
        self.assertIsNone(executor.dup_match("other"))
        self.stop(executor)

    def test_streams(self):
        both = Mk.StreamFlags.BOTH
        executor = Mk.OutputExecutor(command=service("--print", "up", "--stderr", "up"), banner="^up$", stream=both,
                                     occurrences=2)
        self.assertEqual(executor.get_stream(), both)
        self.assert_starts(executor)

    def test_failure_pattern(self):
        executor = Mk.OutputExecutor(command=service("--print", "FATAL: no disk"), banner="ready", failure_pattern="FATAL: .*")
        self.assertIn("FATAL: no disk", self.assert_start_fails(Mk.Error.FAILED, executor))

    def test_exit(self):
        executor = Mk.OutputExecutor.new(service("--print", "bye", "--exit", "0"), "ready")
        self.assertIn("bye", self.assert_start_fails(Mk.Error.EXITED, executor))

    def test_mistakes(self):
        for properties in ({"banner": "("}, {"banner": None}, {"failure_pattern": "["}, {"stream": Mk.StreamFlags(0)}):
            executor = Mk.OutputExecutor(**{"command": service(), "banner": "ready", **properties})
            self.assert_start_fails(Mk.Error.INVALID_ARGUMENT, executor)


class CommandTests:
    def test_redis_ping(self):
        if not shutil.which("redis-cli"):
            self.skipTest("redis is not installed")
        path = self.path("redis.sock")
        probe = Mk.CommandProbe.new(["redis-cli", "-e", "-s", path, "ping"])
        self.assert_starts(Mk.Executor.new(self.redis("--unixsocket", path), probe))

    def test_properties(self):
        probe = Mk.CommandProbe(command=["sh", "-c", 'test "$MK_TEST" = 1'], environment=["MK_TEST=1"], timeout=5000)
        self.assertEqual((probe.get_command()[0], probe.get_environment(), probe.get_timeout()), ("sh", ["MK_TEST=1"], 5000))
        self.assertTrue(self.call(probe, "check"))
        probe.props.environment = ["MK_TEST=2"]
        self.assertFalse(self.call(probe, "check"))

    def test_never_succeeds(self):
        probe = Mk.CommandProbe.new(["sh", "-c", "exit 2"])
        self.assertFalse(self.call(probe, "check"))
        message = self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 200)
        self.assertIn("“sh -c 'exit 2'” to succeed", message)

    def test_mistakes(self):
        self.assert_raises(Mk.Error.INVALID_ARGUMENT, self.call, Mk.CommandProbe(), "check")
        self.assert_start_fails(Mk.Error.SPAWN_FAILED, Mk.Executor.new(service(), Mk.CommandProbe.new(["mk-no-such-program"])))


class CombinedTests:
    def test_probes(self):
        parts = [Mk.TcpProbe.new(LOCALHOST, self.port), Mk.FileProbe.new("/file")]
        for kind in (Mk.AllProbe, Mk.AnyProbe):
            probe, third = kind.new(parts), NthTime(1)
            self.assertEqual(probe.get_probes(), parts)
            probe.add(third)
            self.assertEqual(probe.get_probes(), [*parts, third])
            self.assertIn("Python was asked", probe.describe())
            self.assertEqual(kind().get_probes(), [])

            store = Gio.ListStore.new(Mk.Probe)
            store.splice(0, 0, parts)
            self.assertEqual(kind(probes=store, interval=20).get_probes(), parts)
            self.assertEqual(list(kind(probes=store).props.probes), parts)

    def test_all(self):
        path, third = self.path("file"), NthTime(3)
        probe = Mk.AllProbe.new([Mk.TcpProbe.new(LOCALHOST, self.port), Mk.FileProbe.new(path), third])
        self.assert_starts(Mk.Executor.new(listener(self.port, "--pid-file", path), probe))
        self.assertGreaterEqual(third.attempts, 3)

    def test_all_but_one(self):
        probe = Mk.AllProbe.new([NthTime(1), NthTime(1 << 30)])
        self.assertFalse(self.call(probe, "check"))
        message = self.assert_raises(Mk.Error.TIMED_OUT, self.call, probe, "wait", 100)
        self.assertIn(f"Python was asked {1 << 30} times", message)

    def test_any(self):
        never, third = NthTime(1 << 30), NthTime(3)
        probe = Mk.AnyProbe.new([never, Mk.AllProbe.new([third])])
        self.assert_starts(Mk.Executor.new(service(), probe))
        self.assertEqual(third.attempts, 3)

    def test_any_there_already(self):
        executor = Mk.Executor.new(service(), Mk.AnyProbe.new([Mk.FileProbe.new("/no/such/file"), NthTime(1)]))
        self.assertIn("Python was asked", self.assert_start_fails(Mk.Error.ALREADY_RUNNING, executor))

    def test_mistakes(self):
        for kind in (Mk.AllProbe, Mk.AnyProbe):
            self.assert_raises(Mk.Error.INVALID_ARGUMENT, self.call, kind(), "check")


def both_ways(tests):
    """The cases of a class, called in both forms of the operations."""
    for way in (Sync, Async):
        name = tests.__name__.removesuffix("Tests") + way.__name__
        globals()[name] = type(name, (tests, way, KindTestCase), {})


for group in (HttpTests, UnixSocketTests, PidTests, OutputTests, CommandTests, CombinedTests):
    both_ways(group)

if __name__ == "__main__":
    unittest.main()
