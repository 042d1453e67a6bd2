# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long the waits take, beside what polling each 100 ms takes for the same services.

The best of some rounds is compared with the median of polling, which may be lucky: so a busy machine
does not matter.
"""

import os
import select
import signal
import socket
import statistics
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from dropintest import LOCALHOST, DropInTest, free_port, listener, need, service

from mirakuru import Executor, HTTPExecutor, OutputExecutor, PidExecutor, SimpleExecutor, TCPExecutor
from mirakuru.unixsocket import UnixSocketExecutor

ROUNDS = 4
INTERVAL = 0.1
LIMIT = 30


class Polling:
    """What polling at a fixed interval does."""

    polls = 0

    def __init__(self, command, check):
        self.command, self.check = command, check

    def wait_for(self, condition):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            Polling.polls += 1
            if condition():
                return
            time.sleep(INTERVAL)
        raise AssertionError(f"{self.command} was not ready")

    def start(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, start_new_session=True, stdin=pipe, stdout=pipe)
        self.wait_for(lambda: self.process.poll() is None and self.check(self))

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.wait_for(lambda: self.process.poll() is not None)
        with self.process:
            pass


def connects(family, address):
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0


def answers(url):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Named(Executor):
    """Has a check of its own."""

    path = None

    def pre_start_check(self):
        return os.path.exists(self.path)

    def after_start_check(self):
        return os.path.exists(self.path)


class Speed(DropInTest):
    def measure(self, pair):
        """Returns how long a start and a stop take."""
        begin = time.monotonic()
        pair.start()
        started = time.monotonic()
        pair.stop()
        return (time.monotonic() if self.stop_counts else started) - begin

    def tcp(self):
        port = free_port()
        command = listener(port)
        yield TCPExecutor(command, LOCALHOST, port, timeout=LIMIT)
        yield Polling(command, lambda _: connects(socket.AF_INET, (LOCALHOST, port)))

    def memcached(self):
        need("memcached")
        self.stop_counts = False  # it looks once a second whether it is to stop
        port = free_port()
        command = ["memcached", "-l", LOCALHOST, "-p", str(port), "-U", "0", "-u", "root"]
        yield TCPExecutor(command, LOCALHOST, port, timeout=LIMIT)
        yield Polling(command, lambda _: connects(socket.AF_INET, (LOCALHOST, port)))

    def http(self):
        port = free_port()
        command, url = listener(port, "--http", "ok"), f"http://{LOCALHOST}:{port}/"
        yield HTTPExecutor(command, url, timeout=LIMIT)
        yield Polling(command, lambda _: answers(url))

    def unix(self):
        path = str(self.folder() / "socket")
        command = service("--listen", path)
        yield UnixSocketExecutor(command, path, timeout=LIMIT)
        Path(path).unlink(missing_ok=True)
        yield Polling(command, lambda _: connects(socket.AF_UNIX, path))

    def pid(self):
        path = str(self.folder() / "pid")
        command = service("--pid-file", path)
        yield PidExecutor(command, path, timeout=LIMIT)
        Path(path).unlink()
        yield Polling(command, lambda _: os.path.exists(path))

    def output(self):
        command = service("--ready", "ready")
        yield OutputExecutor(command, "ready", timeout=LIMIT)
        yield Polling(command, lambda polling: select.select([polling.process.stdout], [], [], 0)[0])

    def own_check(self):
        path = str(self.folder() / "pid")
        command = service("--pid-file", path)
        executor = Named(command, timeout=LIMIT)
        executor.path = path
        yield executor
        Path(path).unlink()
        yield Polling(command, lambda _: os.path.exists(path))

    def simple(self):
        yield SimpleExecutor("sleep 300", timeout=LIMIT)
        yield Polling(["sleep", "300"], lambda _: True)

    def compare(self, kind):
        times = []
        self.stop_counts = True
        for _ in range(ROUNDS):
            times.append([self.measure(pair) for pair in getattr(self, kind)()])
        ours, theirs = zip(*times)
        return min(ours) * 1000, statistics.median(theirs) * 1000

    def test_beside_polling(self):
        print(f"\n{'start and stop':<16}{'here':>10}{f'each {INTERVAL:g} s':>14}")
        totals = [0, 0]
        for kind in ("simple", "tcp", "unix", "http", "pid", "output", "own_check", "memcached"):
            try:
                ours, theirs = self.compare(kind)
            except unittest.SkipTest:
                continue
            print(f"{kind:<16}{ours:>7.1f} ms{theirs:>11.1f} ms")
            totals = [totals[0] + ours, totals[1] + theirs]
        print(f"{'all':<16}{totals[0]:>7.1f} ms{totals[1]:>11.1f} ms, {Polling.polls} polls in {ROUNDS} rounds")
        self.assertLess(totals[0] * 2, totals[1])


if __name__ == "__main__":
    unittest.main()
