# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs in which gevent or eventlet have replaced threads and sockets: no call hangs, and others go on meanwhile.

Each case is a program of its own, which is run with what the libraries replace replaced from its first line on, or
after the import.
"""

import importlib.util
import subprocess
import sys
import textwrap
import unittest

from dropintest import LIMIT, SERVICE, DropInTest, free_port

PRELUDES = {
    "gevent": """
        from gevent import monkey
        import gevent
        patch, spawn, Timeout = monkey.patch_all, gevent.spawn, gevent.Timeout
        def wait(greenlet):
            return greenlet.get()
        """,
    "eventlet": """
        import eventlet
        patch, spawn, Timeout = eventlet.monkey_patch, eventlet.spawn, eventlet.Timeout
        def wait(greenlet):
            return greenlet.wait()
        """,
}

# Everything that may take time happens beside a greenlet that counts.
COMMON = """
    import contextlib, os, signal, subprocess, sys, time
    import mirakuru_glib as mirakuru
    PLACE_OF_PATCH
    SERVICE, port = sys.argv[1], int(sys.argv[2])
    ticks = 0
    def count():
        global ticks
        while True:
            time.sleep(0.01)
            ticks += 1
    spawn(count)

    @contextlib.contextmanager
    def others_go_on(at_least):
        before = ticks
        yield
        assert ticks - before >= at_least, (ticks - before, at_least)

    def listener(after):
        return [SERVICE, "--lifetime", "60", "--after", str(after), "--listen", f"127.0.0.1:{port}"]
    """

CASES = {
    "start and stop": """
        executor = mirakuru.TCPExecutor(listener(500), "127.0.0.1", port, timeout=30)
        with others_go_on(10):
            executor.start()
        assert executor.running()
        executor.stop()
        assert not executor.running()
        slow = mirakuru.SimpleExecutor("sh -c 'trap \\"sleep 0.3; exit 0\\" TERM; echo up; while :; do sleep 0.05; done'")
        slow.start().output().readline()
        with others_go_on(5):
            slow.stop()
        """,
    "two at once": """
        class Checked(mirakuru.Executor):
            def pre_start_check(self):
                return os.path.exists(self.path)
        def run(name):
            executor = Checked(["sh", "-c", f"sleep 0.3; touch {name}; sleep 60"], timeout=30)
            executor.path = name
            executor.start()
            wanted = executor.process.pid
            executor.stop()
            os.unlink(name)
            return wanted
        def serve():
            with mirakuru.TCPExecutor(listener(400), "127.0.0.1", port, timeout=30) as executor:
                return executor.process.pid
        with others_go_on(10):
            greenlets = [spawn(run, f"{sys.argv[3]}/{i}") for i in range(5)] + [spawn(serve)]
            assert len({wait(greenlet) for greenlet in greenlets}) == 6
        """,
    "wait and communicate": """
        executor = mirakuru.SimpleExecutor("sleep 60").start()
        with others_go_on(5):
            begun = time.monotonic()
            try:
                executor.process.wait(0.3)
            except subprocess.TimeoutExpired:
                pass
            else:
                raise AssertionError("it has ended")
            assert 0.25 <= time.monotonic() - begun < 5
            try:
                executor.process.communicate(timeout=0.3)
            except subprocess.TimeoutExpired:
                pass
            else:
                raise AssertionError("it has ended")
        executor.stop()
        executor = mirakuru.SimpleExecutor(["sh", "-c", "sleep 0.3; cat"]).start()
        with others_go_on(5):
            assert executor.process.communicate("through\\n", timeout=20)[0] == "through\\n"
        executor.stop()
        """,
    "output": """
        import select
        script = "echo first; sleep 0.3; echo second; sleep 0.3; echo third; sleep 60"
        executor = mirakuru.OutputExecutor(["sh", "-c", script], banner="second", timeout=30)
        with others_go_on(8):
            executor.start()
            assert executor.output().readline() == "third\\n"
        executor.stop()
        executor = mirakuru.SimpleExecutor(["sh", "-c", script]).start()
        with others_go_on(8):
            executor.output().fileno()
            assert [executor.output().readline() for _ in range(3)] == ["first\\n", "second\\n", "third\\n"]
        executor.stop()
        """,
    "time is up": """
        executor = mirakuru.TCPExecutor("sleep 60", "127.0.0.1", port, timeout=0.5)
        with others_go_on(10):
            begun = time.monotonic()
            try:
                executor.start()
            except mirakuru.TimeoutExpired:
                pass
            else:
                raise AssertionError("it is ready")
            assert time.monotonic() - begun < 10
        assert not executor.running()

        # And that of somebody else
        executor = mirakuru.TCPExecutor("sleep 60", "127.0.0.1", port, timeout=30)
        begun = time.monotonic()
        try:
            with Timeout(0.3):
                executor.start()
        except Timeout:
            pass
        else:
            raise AssertionError("nothing was raised")
        assert time.monotonic() - begun < 10
        assert not executor.running()
        executor.stop()
        """,
    "wait_for": """
        executor = mirakuru.SimpleExecutor("sleep 60", timeout=30).start()
        begun = time.monotonic()
        with others_go_on(5):
            executor.wait_for(lambda: time.monotonic() > begun + 0.3)
        executor._set_timeout()
        executor._endtime = time.monotonic() + 0.2
        with others_go_on(3):
            try:
                executor.wait_for(lambda: False)
            except mirakuru.TimeoutExpired:
                pass
            else:
                raise AssertionError("no end")
        assert not executor.running()
        """,
    "input": """
        # It is read only after another greenlet has said so.
        go, write = os.pipe()
        command = ["sh", "-c", f"head -c 1 < /dev/fd/{go} > /dev/null; wc -c"]
        executor = mirakuru.SimpleExecutor(command, popen_kwargs={"pass_fds": [go]}).start()
        def let_go():
            time.sleep(0.2)
            os.write(write, b"x")
        spawn(let_go)
        with others_go_on(5):
            executor.process.stdin.write("x" * (1 << 20))
            executor.process.stdin.close()
        assert int(executor.output().read()) == 1 << 20
        executor.stop()
        """,
    "stopped by another": """
        executor = mirakuru.SimpleExecutor(["sh", "-c", "echo up; exec sleep 60"]).start()
        def read():
            lines.extend(executor.output())
            lines.append("end")
        lines = []
        reader = spawn(read)
        while not lines:
            time.sleep(0.01)
        executor.stop()
        wait(reader)
        assert lines == ["up\\n", "end"], lines
        process = executor.start().process
        def write():
            try:
                process.stdin.write("x" * (1 << 20))
            except BrokenPipeError:
                lines.append("broken")
        writer = spawn(write)
        time.sleep(0.1)
        executor.stop()
        wait(writer)
        assert lines[-1] == "broken"
        """,
    "hooks of the library": """
        from gi.repository import Mk
        class Slow(Mk.Executor):
            checks = 0
            def do_after_start_check(self):
                time.sleep(0.02)
                self.checks += 1
                return self.checks > 5
        def run():
            with Slow(command=["sleep", "60"], start_timeout=30000) as executor:
                return executor.checks
        def probe():
            answers = [False, True]
            def check():
                time.sleep(0.02)
                return answers.pop(0)
            Mk.CallbackProbe.new(check).wait(30000)
            return answers
        with others_go_on(10):
            runs, probes = [spawn(run) for _ in range(4)], [spawn(probe) for _ in range(4)]
            assert [wait(greenlet) for greenlet in runs] == [6] * 4
            assert [wait(greenlet) for greenlet in probes] == [[]] * 4
        """,
}
PATCHED_LATE = ("start and stop", "wait and communicate", "output", "time is up")


class Greenlets(DropInTest):
    def run_program(self, library, case, patched_first):
        parts = [PRELUDES[library], *(["patch()"] if patched_first else []), COMMON, CASES[case]]
        program = "\n".join(textwrap.dedent(part) for part in parts)
        program = program.replace("PLACE_OF_PATCH", "" if patched_first else "patch()")
        done = subprocess.run(
            [sys.executable, "-c", program, SERVICE, str(free_port()), str(self.folder())],
            capture_output=True, text=True, timeout=2 * LIMIT, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def run_all(self, library):
        if importlib.util.find_spec(library) is None:
            self.skipTest(f"{library} is not installed")
        for case in CASES:
            for patched_first in (True, False) if library == "gevent" and case in PATCHED_LATE else (True,):
                with self.subTest(case, patched_first=patched_first):
                    self.run_program(library, case, patched_first)

    def test_gevent(self):
        self.run_all("gevent")

    def test_eventlet(self):
        self.run_all("eventlet")


if __name__ == "__main__":
    unittest.main()
