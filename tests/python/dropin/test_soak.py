# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thousand starts leave nothing: no memory, no descriptors, no threads, no processes."""

import gc
import os
import subprocess
import unittest

from dropintest import LOCALHOST, DropInTest, free_port, listener, service, wait_until

from mirakuru import Executor, OutputExecutor, SimpleExecutor, TCPExecutor

STARTS = int(os.environ.get("MK_TEST_CYCLES", 1000))
LIMIT = 60
# What caches may still take once the first tenth is over, in KiB.
TOLERANCE = 1500


class Checking(Executor):
    def pre_start_check(self):
        return False

    def after_start_check(self):
        return self.running()


def memory():
    gc.collect()
    with open("/proc/self/status", encoding="utf-8") as status:
        return int(next(line.split()[1] for line in status if line.startswith("RssAnon")))


def count(what):
    return len(os.listdir(f"/proc/self/{what}"))


class Soak(DropInTest):
    def cycle(self, number):
        kind = number % 4
        if kind == 0:
            executor = SimpleExecutor(service("--print", "x"), stderr=subprocess.PIPE).start()
            self.assertEqual(executor.output().readline(), "x\n")
        elif kind == 1:
            port = free_port()
            executor = TCPExecutor(listener(port), LOCALHOST, port, timeout=LIMIT).start()
        elif kind == 2:
            executor = OutputExecutor(service("--ready", "up"), "up", timeout=LIMIT).start()
        else:
            executor = Checking(service(), timeout=LIMIT).start()
        if number % 3:
            executor.stop()

    def test_flat(self):
        first = STARTS // 10
        for number in range(first):
            self.cycle(number)
        before = memory()
        descriptors, threads = count("fd"), count("task")
        for number in range(first, STARTS):
            self.cycle(number)
        after = memory()
        print(f"\nafter {first} starts: {before} KiB, after {STARTS}: {after} KiB")
        self.assertLess(after - before, TOLERANCE)
        # Those of the last service may be closed a moment later.
        wait_until(lambda: count("fd") <= descriptors, "all descriptors are closed")
        wait_until(lambda: count("task") <= threads, "all threads have ended")


if __name__ == "__main__":
    unittest.main()
