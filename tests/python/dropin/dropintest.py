# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the drop-in module share. They are programs written for mirakuru."""

import atexit
import functools
import math
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

import mirakuru_glib
from mirakuru_glib.base import Mk

sys.modules["mirakuru"] = mirakuru_glib

from mktest import (  # noqa: E402
    LIMIT,
    LOCALHOST,
    SERVICE,
    free_port,
    iterate_until,
    listener,
    lives,
    processes,
    service,
)

__all__ = ["LOCALHOST", "SERVICE", "DropInTest", "free_port", "iterate_until", "listener", "lives", "service"]


class Tally:
    """What the waits of the tests took, and what polling each 100 ms would have taken for the same ones."""

    INTERVAL = 0.1

    def __init__(self):
        self.waits, self.polls, self.seconds, self.polling = 0, 0, 0, 0
        for name in ("start", "stop_full", "kill", "wait_for"):
            owner = next(cls for cls in Mk.SimpleExecutor.__mro__ if name in vars(cls))
            setattr(owner, name, self.measured(getattr(owner, name), name))
        mirakuru_glib.base.wait_until = self.measured(mirakuru_glib.base.wait_until)
        atexit.register(self.report)

    def measured(self, function, name="wait"):
        @functools.wraps(function)
        def measured(*arguments, **options):
            least = self.least_polls(arguments[0], name)
            begin = time.monotonic()
            try:
                return function(*arguments, **options)
            finally:
                if least is not None:
                    self.count(time.monotonic() - begin, least)

        return measured

    @staticmethod
    def least_polls(thing, name):
        """How often would be asked at least; None where nothing would be waited for."""
        if name == "stop_full":
            return 1 if thing.get_running() else None
        if name == "start":
            return 0 if isinstance(thing, Mk.OutputExecutor) else None
        return None if name == "kill" else 0

    def count(self, seconds, least):
        intervals = max(least, math.ceil(seconds / self.INTERVAL))
        self.waits += 1
        self.seconds += seconds
        self.polls += intervals + 1
        self.polling += intervals * self.INTERVAL

    def report(self):
        print(
            f"{self.waits} waits took {self.seconds:.2f} s; polling each {self.INTERVAL:g} s: "
            f"{self.polls} polls, {self.polling:.2f} s"
        )


Tally()


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {LIMIT} s: {what}")
        time.sleep(0.002)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} is not installed")


class DropInTest(unittest.TestCase):
    """Makes sure that no test leaves anything behind."""

    def folder(self):
        path = tempfile.mkdtemp(prefix="mk-dropin-")
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return Path(path)

    def keep(self, executor):
        """Sees to it that nothing of the executor is left, whatever the test does."""
        marker = f"mirakuru_uuid={executor.envvars['mirakuru_uuid']}"

        def check(native=executor.native):
            native.kill(None)
            self.assertEqual(processes(marker), [])

        self.addCleanup(check)
        return executor

    def assert_gone(self, executor):
        self.assertEqual(processes(f"mirakuru_uuid={executor.envvars['mirakuru_uuid']}"), [])

    def assert_takes(self, longest, function, *arguments, shortest=0):
        begin = time.monotonic()
        function(*arguments)
        self.assertLess(time.monotonic() - begin, longest)
        self.assertGreaterEqual(time.monotonic() - begin, shortest)


def read_when_there(path):
    """A file that a service writes."""
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path), f"{path} is written")
    return Path(path).read_text(encoding="utf-8")
