# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What nobody should do, and what goes on for long: it may fail, but it does not crash, hang or grow."""

import gc
import os
import subprocess
import sys
import threading
import unittest

from mktest import (
    LIMIT,
    LOCALHOST,
    SERVICE,
    Gio,
    GLib,
    GObject,
    Mk,
    TestCase,
    free_port,
    iterate_until,
    marker,
    processes,
    service,
)

STARTS = int(os.environ.get("MK_TEST_CYCLES", "100"))


class Misuse(TestCase):
    def values(self):
        return (None, 0, -1, 1 << 70, 1.5, True, "", "text", b"bytes", [], [None], {}, object(), Mk, Mk.Probe, self)

    def test_any_value_for_any_argument(self):
        """Of each method of an object that is there, and of each constructor."""
        for name in dir(Mk):
            class_ = getattr(Mk, name)
            if not isinstance(class_, type) or not issubclass(class_, (Mk.SimpleExecutor, Mk.Probe)):
                continue
            for method in dir(class_):
                if method.startswith(("new", "set_", "open_output", "dup_", "add")) and not hasattr(GObject.Object, method):
                    self.try_values(class_, method)

    def try_values(self, class_, method):
        owner = class_ if method.startswith("new") else Mk.TcpProbe() if class_ is Mk.Probe else class_()
        for value in self.values():
            for count in (1, 2, 3):
                try:
                    getattr(owner, method)(*[value] * count)
                except (TypeError, ValueError, OverflowError, AttributeError, GLib.Error, NotImplementedError):
                    pass

    def test_any_value_for_any_property(self):
        # Newer versions of GObject report a number that is no value of an enumeration as critical.
        always = GLib.log_set_always_fatal(GLib.LogLevelFlags.LEVEL_ERROR)
        self.addCleanup(GLib.log_set_always_fatal, always)
        mask = GLib.log_set_fatal_mask("mirakuru-glib", always | GLib.LogLevelFlags.LEVEL_ERROR)
        self.addCleanup(GLib.log_set_fatal_mask, "mirakuru-glib", mask)
        for class_ in (Mk.SimpleExecutor, Mk.HttpExecutor, Mk.OutputExecutor, Mk.PidExecutor, Mk.CommandProbe):
            for property_ in class_.list_properties():
                if not property_.flags & GObject.ParamFlags.WRITABLE:
                    continue
                for value in self.values():
                    try:
                        class_(**{property_.name.replace("-", "_"): value})
                    except (TypeError, ValueError, OverflowError, GLib.Error):
                        pass

    def test_not_initialised(self):
        thing = Mk.SimpleExecutor.__new__(Mk.SimpleExecutor)
        for use in (thing.start, thing.start_async, thing.stop, thing.get_command, thing.describe, thing.lines):
            with self.assertRaises((RuntimeError, TypeError)):
                use()

    def test_use_after_stop(self):
        executor = self.keep(Mk.SimpleExecutor.new(service("--print", "up")))
        executor.start()
        lines = executor.lines()
        self.assertEqual(next(lines), "up")
        executor.stop()
        self.assertEqual(list(lines), [])
        self.assertEqual(list(lines), [])
        self.assertTrue(executor.stop())
        self.assertTrue(executor.kill())
        executor.describe(), repr(executor), executor.dup_environment(), executor.dup_stdin()
        with self.assertRaises(GLib.Error):
            executor.send_signal(15)
        executor.start()
        self.assertEqual(next(executor.lines()), "up")
        executor.stop()

    def test_finish_with_a_result_of_another(self):
        executor, results = Mk.SimpleExecutor.new("true"), []
        task = Gio.Task.new(None, None, None)
        task.return_boolean(True)
        for wrong in (None, 7, executor):
            with self.assertRaises(TypeError):
                executor.start_finish(wrong)
        self.assertEqual(results, [])

    def test_from_threads(self):
        """One executor, many threads: each call succeeds or says why not."""
        executor = self.keep(Mk.SimpleExecutor.new(service()))
        failures = []

        def body():
            for name in ("start", "describe", "stop", "start", "kill"):
                try:
                    getattr(executor, name)()
                except GLib.Error:
                    pass
                except BaseException as error:
                    failures.append(error)

        threads = [threading.Thread(target=body, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
            self.assertFalse(thread.is_alive())
        self.assertEqual(failures, [])
        executor.kill()
        self.assert_gone(marker(executor))


class Shutdown(TestCase):
    """What still runs when the interpreter ends."""

    def run_program(self, body, abrupt=False):
        program = f"""
import asyncio, os, sys, threading
import gi
gi.require_version("Mk", "1")
from gi.repository import GLib, Mk
executor = Mk.SimpleExecutor.new([{SERVICE!r}, "--lifetime", "60"])
never = Mk.TcpExecutor(command=[{SERVICE!r}, "--lifetime", "60"], host="{LOCALHOST}", port={free_port()})
print(*(next(m for m in e.dup_environment() if m.startswith("mirakuru_uuid=")) for e in (executor, never)))
executor.start()
{body}
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT, check=False
        )
        self.assertNotRegex(done.stderr, "CRITICAL|WARNING|Fatal Python")
        for mark in done.stdout.splitlines()[0].split():
            if abrupt:
                iterate_until(lambda mark=mark: not processes(mark), "all is gone")
            self.assertEqual(processes(mark), [])
        return done

    def test_running(self):
        self.assertEqual(self.run_program("").returncode, 0)

    def test_exit_code_is_kept(self):
        self.assertEqual(self.run_program("sys.exit(3)").returncode, 3)

    def test_exception(self):
        self.assertEqual(self.run_program("1 / 0").returncode, 1)

    def test_stopped_at_the_very_end(self):
        """PyGObject makes no calls any more then."""
        body = "class Last:\n  def __del__(self, executor=executor): executor.stop()\nlast = Last()"
        self.assertEqual(self.run_program(body).returncode, 0)

    def test_kept_by_a_module(self):
        self.assertEqual(self.run_program("sys.mine = executor; GLib.mine = executor.lines()").returncode, 0)

    def test_start_is_under_way(self):
        self.assertEqual(self.run_program("never.start_async(None, print)").returncode, 0)

    def test_thread_waits(self):
        body = "threading.Thread(target=never.start, daemon=True).start()\nthreading.Thread(target=executor.wait, daemon=True).start()"
        self.assertEqual(self.run_program(body).returncode, 0)

    def test_asyncio_waits(self):
        body = "async def main():\n  executor.wait_async(), never.start_async()\n  await asyncio.sleep(.02)\nasyncio.run(main())"
        self.assertEqual(self.run_program(body).returncode, 0)

    def test_connected(self):
        self.assertEqual(self.run_program("executor.connect('exited', lambda *_: executor)").returncode, 0)

    def test_os_exit(self):
        self.assertEqual(self.run_program("sys.stdout.flush(); os._exit(4)", abrupt=True).returncode, 4)


class Soak(TestCase):
    def resident(self):
        gc.collect()
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cycle(self):
        port = free_port()
        command = service("--listen", f"{LOCALHOST}:{port}", "--print", "up")
        with Mk.TcpExecutor(command=command, host=LOCALHOST, port=port) as executor:
            executor.connect("line", lambda *_: executor)
            self.assertEqual(next(executor.lines()), "up")

    def test_memory_is_flat(self):
        """Caches fill at times; what is leaked adds up in each quarter."""
        for _ in range(50):
            self.cycle()
        descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
        sizes = [self.resident()]
        for _ in range(4):
            for _ in range(STARTS // 4):
                self.cycle()
            sizes.append(self.resident())
        growth = min(after - before for before, after in zip(sizes, sizes[1:]))
        self.assertLess(growth, 64 * 1024 + 50 * STARTS, sizes)
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), descriptors)
        self.assertLessEqual(threading.active_count(), threads)


if __name__ == "__main__":
    unittest.main()
