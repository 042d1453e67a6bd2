# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the drop-in module share. They are programs written for mirakuru."""

import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

import mirakuru_glib

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
