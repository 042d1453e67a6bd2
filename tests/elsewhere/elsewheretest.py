# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of services elsewhere share: one engine a class of tests, and nothing left after each test."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

import gi

gi.require_version("Mk", "1")
from gi.repository import GLib, Mk

import engines
from engines import HERE, LIMIT, free_port, is_below, scan, wait_until

LOCALHOST = "127.0.0.1"
#: Seconds until what was cut off is gone, times what a slow machine needs
PATIENCE = float(os.environ.get("MK_TEST_PATIENCE", "1"))
GONE = 1.5 * PATIENCE
#: The lease of tests in which a connection says nothing
LEASE = 3.0


def can_connect(port):
    with socket.socket() as client:
        return client.connect_ex((LOCALHOST, port)) == 0


def ping(port):
    """What redis answers."""
    with socket.create_connection((LOCALHOST, port), LIMIT) as client:
        client.sendall(b"PING\r\n")
        return client.recv(64)


def get_marker(executor):
    return next(e for e in executor.dup_environment() if e.startswith("mirakuru_uuid="))


@contextlib.contextmanager
def lease(seconds):
    os.environ["MIRAKURU_GLIB_LEASE_MS"] = str(int(seconds * 1000))
    try:
        yield
    finally:
        del os.environ["MIRAKURU_GLIB_LEASE_MS"]


class Host:
    """A program with one service (host.py), and the processes between both."""

    def __init__(self, settings, prefix=(), **options):
        reader, writer = os.pipe()
        settings["events"] = writer
        words = [*prefix, sys.executable, os.path.join(HERE, "host.py"), json.dumps(settings)]
        options = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL} | options
        self.process = subprocess.Popen(words, pass_fds=[writer], start_new_session=True, **options)
        os.close(writer)
        self.events = reader
        self.text = b""

    def expect(self, event, limit=LIMIT):
        """The next thing it says."""
        deadline = time.monotonic() + limit
        while b"\n" not in self.text:
            ready, _, _ = select.select([self.events], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.events, 65536) if ready else b""
            if not chunk:
                raise AssertionError(f"not within {limit} s: “{event}” of the host ({self.process.poll()})")
            self.text += chunk
        line, _, self.text = self.text.partition(b"\n")
        what = json.loads(line)
        if what["event"] != event:
            raise AssertionError(f"{what} is not “{event}”")
        return what

    def start(self):
        self.expect("begins")
        what = self.expect("started", 2 * LIMIT)
        if what["error"]:
            raise AssertionError(what["error"]["message"])
        return what

    def do(self, action):
        self.process.stdin.write(action.encode() + b"\n")
        self.process.stdin.flush()

    def find_parts(self, processes=None):
        """The ids of near, client, far and supervisor, 0 for those that are not there."""
        processes = processes or scan()
        near = next(
            (
                p.pid
                for p in processes.values()
                if "near" in p.arguments[1:2] and is_below(p, {self.process.pid}, processes)
            ),
            0,
        )
        client = next((p.pid for p in processes.values() if near and p.parent == near), 0)
        far = [p for p in processes.values() if re.search(rf"/\.mk-{near}-\d+ far ", p.command)]
        # The supervisor is a copy of the far end, which has started it.
        ids = {p.pid for p in far}
        outer = next((p.pid for p in far if p.parent not in ids), 0)
        inner = next((p.pid for p in far if p.parent in ids), 0)
        return near, client, outer, inner

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT)
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()
        os.close(self.events)


def kill(*pids, number=signal.SIGKILL):
    for pid in pids:
        if not pid:
            raise AssertionError(f"a process is missing: {pids}")
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class TestCase(unittest.TestCase):
    """Tests of one engine. It is set up once for all of them."""

    engine_class = None

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can set up users and namespaces")
        cls.run_ = engines.Run()
        cls.addClassCleanup(cls.run_.remove)
        engines.find_program("redis-server")
        cls.engine = cls.make_engine()
        try:
            cls.enterClassContext(cls.engine)
        except engines.Unavailable as error:
            if cls.engine.is_required or isinstance(error, engines.Missing):
                raise
            raise unittest.SkipTest(str(error)) from error

    @classmethod
    def make_engine(cls):
        return cls.engine_class(cls.run_)

    def setUp(self):
        self.tree_id = self.run_.get_id()
        self.addCleanup(self.check_nothing_is_left)

    def check_nothing_is_left(self):
        """Nothing is left of any test. What the engine itself does after the last word of a client takes a moment."""
        left = self.engine.wait_until_clean(10 * PATIENCE)
        for process in self.engine.find_processes():
            if process.pid not in self.engine.base:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        if left:
            self.engine.remove_others()
        self.assertEqual(left, [])

    # Services

    def get_tree_command(self, port=0, *options):
        return ["sh", self.engine.tree, self.tree_id, str(port), *options]

    def make(self, class_, *arguments, launcher=None, forwards=None):
        executor = class_.new(*arguments)
        executor.set_launcher(self.engine.launcher if launcher is None else launcher)
        executor.set_forwards(forwards)
        self.addCleanup(lambda: executor.kill(None))
        return executor

    def make_sleeper(self, launcher=None):
        return self.make(Mk.SimpleExecutor, self.get_tree_command(), launcher=launcher)

    def make_redis(self, *options, launcher=None, port=None):
        """A redis server that is ready once the near end of a forward lets in."""
        near = port or free_port()
        far = free_port()
        command = self.get_tree_command(far, *options)
        executor = self.make(
            Mk.TcpExecutor, command, LOCALHOST, near, launcher=launcher, forwards=[f"{near}:{far}"]
        )
        return executor, near, far

    def make_host(self, **settings):
        defaults = {"command": self.get_tree_command(), "launcher": self.engine.launcher}
        options = {key: settings.pop(key) for key in ("prefix", "stdout") if key in settings}
        host = Host(defaults | settings, **options)
        self.addCleanup(host.close)
        return host

    def start_host(self, *options):
        """A host whose redis is ready."""
        near, far = free_port(), free_port()
        host = self.make_host(command=self.get_tree_command(far, *options), port=near, forwards=[f"{near}:{far}"])
        host.start()
        self.assertEqual(ping(near), b"+PONG\r\n")
        host.near_port, host.far_port = near, far
        return host

    def find_tree(self, port=None):
        return self.run_.find_tree(self.tree_id, port)

    def assert_tree_stands(self, port=None):
        wait_until(lambda: len(self.find_tree(port)) >= 5)
        self.assertGreaterEqual(len(self.find_tree(port)), 5, [str(p) for p in self.find_tree(port)])

    def assert_tree_gone(self, port=None, limit=0.0):
        """Returns how long it took."""
        begun = time.monotonic()
        wait_until(lambda: not self.find_tree(port), limit)
        self.assertEqual([str(p) for p in self.find_tree(port)], [])
        return time.monotonic() - begun

    def fail_to_start(self, executor, code=Mk.Error.LAUNCHER):
        """Returns the message of the error."""
        with self.assertRaises(GLib.Error) as caught:
            executor.start(None)
        error = caught.exception
        self.assertTrue(error.matches(Mk.error_quark(), code), repr(error))
        return error.message

    def run_to_end(self, command, launcher=None, **modes):
        """Returns the executor of a command that has ended, whatever its status."""
        executor = self.make(Mk.SimpleExecutor, command, launcher=launcher)
        for name, value in modes.items():
            setattr(executor.props, name, value)
        executor.start(None)
        executor.wait(None)
        return executor


def main():
    """As unittest.main(), but with the status of a test that was skipped if no test could be run."""
    # What is set up is removed by atexit then.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    program = unittest.main(module="__main__", exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == sum(isinstance(test, unittest.TestCase) for test, _ in result.skipped):
        print("\n".join(reason for _, reason in result.skipped) or "no test was run", flush=True)
        sys.exit(77)


def read_output(executor, stream=Mk.Stream.STDOUT):
    return executor.dup_output(stream).get_data().decode()


def iterate_until(condition, what):
    context = GLib.MainContext.ref_thread_default()
    deadline = time.monotonic() + LIMIT
    waker = GLib.timeout_source_new(2)
    waker.set_callback(lambda *_: GLib.SOURCE_CONTINUE)
    waker.attach(context)
    try:
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {LIMIT} s: {what}")
            context.iteration(True)
    finally:
        waker.destroy()
