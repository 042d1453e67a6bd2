# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subclasses that start their process by themselves."""

import signal
import subprocess
import sys
import unittest

from dropintest import LOCALHOST, DropInTest, free_port, lives, read_when_there, service, wait_until

from mirakuru import (
    Executor,
    ProcessExitedWithError,
    ProcessFinishedWithError,
    SimpleExecutor,
    TCPExecutor,
    TimeoutExpired,
)
from mirakuru.base import cleanup_subprocesses


class OwnPopen(SimpleExecutor):
    options = {"start_new_session": True}

    def start(self):
        if self.process is None:
            self.process = subprocess.Popen(self.command_parts, env=self.envvars, **self.options)
        return self


class SameGroup(OwnPopen):
    options = {}


class OwnTCP(TCPExecutor):
    sets_timeout = False

    def start(self):
        self.process = subprocess.Popen(self.command_parts, env=self.envvars, start_new_session=True)
        if self.sets_timeout:
            self._set_timeout()
        self.wait_for(self.check_subprocess)
        return self


class OwnTCPWithTimeout(OwnTCP):
    sets_timeout = True


class Popen(DropInTest):
    def started(self, cls, command, **kwargs):
        executor = self.keep(cls(command, **{"timeout": 10, **kwargs}))
        self.assertIs(executor.start(), executor)
        return executor

    def assert_ended(self, executor, pid):
        self.assertIsNone(executor.process)
        self.assertFalse(executor.running())
        self.assertFalse(lives(pid))
        self.assert_gone(executor)

    def test_stop_and_kill(self):
        for cls in (OwnPopen, SameGroup):
            for end in (cls.stop, cls.kill, lambda executor: executor.stop(signal.SIGINT)):
                executor = self.started(cls, "sleep 300")
                pid = executor.process.pid
                self.assertTrue(executor.running())
                self.assertIs(end(executor), executor)
                self.assert_ended(executor, pid)
                executor.stop()

    def test_with(self):
        with self.keep(OwnPopen("sleep 300")) as executor:
            pid = executor.process.pid
            with executor.stopped():
                self.assertFalse(lives(pid))
            self.assertTrue(executor.running())
            pid = executor.process.pid
        self.assert_ended(executor, pid)

    def test_deaf(self):
        mark = self.folder() / "mark"
        command = ["sh", "-c", f"trap '' TERM; echo x >{mark}; while :; do sleep 0.1; done"]
        executor = self.started(OwnPopen, command, timeout=0.3)
        read_when_there(mark)
        pid = executor.process.pid
        executor.stop()
        self.assert_ended(executor, pid)

    def test_leftovers(self):
        mark = self.folder() / "mark"
        command = ["sh", "-c", f"setsid sh -c 'trap \"\" TERM; echo $$ >{mark}; while :; do sleep 0.1; done' & wait"]
        for end in (OwnPopen.stop, OwnPopen.kill):
            executor = self.started(OwnPopen, command, timeout=0.3)
            other = int(read_when_there(mark))
            end(executor)
            self.assert_gone(executor)
            wait_until(lambda: not lives(other), "the process that is left is gone")
            mark.unlink()

    def test_exit_codes(self):
        for code, options, fine in ((0, {}, True), (5, {}, False), (5, {"expected_returncode": 5}, True), (143, {}, True)):
            executor = self.started(OwnPopen, ["sh", "-c", f"exit {code}"], **options)
            executor.process.wait(10)
            if fine:
                executor.stop()
            else:
                with self.assertRaises(ProcessFinishedWithError) as raised:
                    executor.stop()
                self.assertEqual(raised.exception.exit_code, code)
            self.assertIsNone(executor.process)

    def test_checking(self):
        for cls in (OwnTCP, OwnTCPWithTimeout):
            port = free_port()
            executor = self.started(cls, service("--listen", f"{LOCALHOST}:{port}"), host=LOCALHOST, port=port)
            pid = executor.process.pid
            self.assertTrue(executor.after_start_check())
            executor.stop()
            self.assert_ended(executor, pid)

            executor = self.keep(cls("sh -c 'exit 3'", LOCALHOST, free_port(), timeout=10))
            with self.assertRaises(ProcessExitedWithError) as raised:
                executor.start()
            self.assertEqual(raised.exception.exit_code, 3)
            self.assertIsNone(executor.process)

        executor = self.keep(OwnTCPWithTimeout("sleep 300", LOCALHOST, free_port(), timeout=0.3))
        with self.assertRaises(TimeoutExpired):
            executor.start()
        self.assert_gone(executor)

    def test_other_kinds_of_popen(self):
        class Wrapped:
            def __init__(self, process):
                self._process, self.pid = process, process.pid

            def poll(self):
                return self._process.poll()

        class OwnWrapped(OwnPopen):
            def start(self):
                super().start()
                self.process = Wrapped(self.process)
                return self

        executor = self.started(OwnWrapped, "sleep 300")
        pid = executor.process.pid
        executor.stop()
        self.assert_ended(executor, pid)

    def test_after_a_start_of_the_package(self):
        class Both(Executor):
            def pre_start_check(self):
                return False

            def after_start_check(self):
                return True

        executor = self.started(Both, "sleep 300")
        first = executor.process.pid
        executor.process = process = subprocess.Popen(["sleep", "300"], env=executor.envvars, start_new_session=True)
        executor.stop()
        self.assertFalse(lives(first))
        self.assert_ended(executor, process.pid)

    def test_dropped(self):
        executor = OwnPopen("sleep 300").start()
        process = executor.process
        del executor
        self.assertIsNotNone(process.wait(10))

        executor = self.started(OwnPopen, "sleep 300")
        cleanup_subprocesses()
        self.assertIsNotNone(executor.process.wait(10))
        executor.kill()

    def test_end_of_the_program(self):
        program = (
            "import subprocess, mirakuru_glib as m, os, sys\n"
            "e = m.SimpleExecutor('sleep 300')\n"
            "e.process = subprocess.Popen(e.command_parts, env=e.envvars, start_new_session=True)\n"
            "pid = os.fork()\n"
            "if pid == 0: sys.exit()\n"
            "os.waitpid(pid, 0)\n"
            "print(e.process.pid, e.running(), flush=True)\n"
        )
        printed = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=60, check=True).stdout
        pid, ran = printed.split()
        self.assertEqual(ran, b"True")
        wait_until(lambda: not lives(int(pid)), "the process has been killed")


if __name__ == "__main__":
    unittest.main()
