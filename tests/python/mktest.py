# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python tests share."""

import glob
import os
import shutil
import socket
import subprocess
import time
import unittest

import gi

gi.require_version("Mk", "1")
from gi.repository import Gio, GLib, GObject, Mk

SERVICE = os.environ["MK_TEST_SERVICE"]
LIMIT = 30  # seconds; no wait of a test lasts longer
LOCALHOST = "127.0.0.1"


def free_port():
    with socket.create_server((LOCALHOST, 0)) as server:
        return server.getsockname()[1]


def can_connect(port):
    with socket.socket() as client:
        return client.connect_ex((LOCALHOST, port)) == 0


def service(*options):
    """The command of a test service that serves until it is stopped."""
    return [SERVICE, "--lifetime", "60", *map(str, options)]


def listener(port, *options):
    return service("--listen", f"{LOCALHOST}:{port}", *options)


def redis_executor(port=None):
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        raise unittest.SkipTest("redis is not installed")
    port = port or free_port()
    command = ["redis-server", "--bind", LOCALHOST, "--port", str(port), "--save", ""]
    return Mk.TcpExecutor.new(command, LOCALHOST, port)


def lives(pid):
    return os.path.exists(f"/proc/{pid}")


def ping(port):
    command = ["redis-cli", "-h", LOCALHOST, "-p", str(port), "ping"]
    reply = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    return reply.stdout.strip()


def marker(executor):
    """What every process of the executor has in its environment."""
    return next(e for e in executor.dup_environment() if e.startswith("mirakuru_uuid="))


def processes(mark):
    """The ids of the processes that carry a marker."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as environment:
                if mark.encode() in environment.read().split(b"\0"):
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def iterate_until(condition, what, context=None):
    """Runs the main context until the condition holds; fails after LIMIT seconds."""
    context = context or GLib.MainContext.ref_thread_default()
    deadline = time.monotonic() + LIMIT
    waker = GLib.timeout_source_new(2)
    waker.set_callback(lambda *_: GLib.SOURCE_CONTINUE)
    waker.attach(context)
    try:
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not in {LIMIT} s: {what}")
            context.iteration(True)
    finally:
        waker.destroy()


class Sync:
    """Calls operations in their blocking form."""

    def call(self, thing, name, *args, cancellable=None):
        return getattr(thing, name)(*args, cancellable)


class Async:
    """Calls operations in their asynchronous form, and runs a main loop until they are done."""

    def call(self, thing, name, *args, cancellable=None):
        results = []
        getattr(thing, f"{name}_async")(*args, cancellable, lambda _, r: results.append(r))
        iterate_until(lambda: results, f"{name} is over")
        return getattr(thing, f"{name}_finish")(results[0])


class TestCase(unittest.TestCase):
    """Makes sure that no test leaves anything behind."""

    def keep(self, executor):
        """Kills what a failing test leaves running."""
        self.addCleanup(lambda: executor.kill(None))
        return executor

    def assert_raises(self, code, function, *args, domain=None):
        with self.assertRaises(GLib.Error) as caught:
            function(*args)
        domain = domain or Mk.error_quark()
        self.assertTrue(caught.exception.matches(domain, code), repr(caught.exception))
        return caught.exception.message

    def assert_cancelled(self, function, *args):
        domain = Gio.io_error_quark()
        return self.assert_raises(Gio.IOErrorEnum.CANCELLED, function, *args, domain=domain)

    def assert_gone(self, mark):
        self.assertEqual(processes(mark), [])
