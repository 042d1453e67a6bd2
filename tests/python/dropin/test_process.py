# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`process` behaves like a Popen, and its streams like text files."""

import io
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import uuid

from dropintest import SERVICE, DropInTest, read_when_there, service, wait_until

from mirakuru import SimpleExecutor


class Process(DropInTest):
    def test_attributes(self):
        executor = self.keep(SimpleExecutor(service()))
        self.assertIsNone(executor.process)
        self.assertIsNone(executor.output())
        self.assertIsNone(executor.err_output())
        process = executor.start().process
        self.assertEqual(process.args, executor.command_parts)
        self.assertGreater(process.pid, 0)
        self.assertIsNone(process.poll())
        self.assertIsNone(process.returncode)
        self.assertIs(process.stdout, executor.output())
        self.assertIsNone(process.stderr)
        executor.stop()
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual(process.poll(), -signal.SIGTERM)
        self.assertEqual(process.wait(), -signal.SIGTERM)

    def test_without_buffers(self):
        for text in (True, False):
            kwargs = {"bufsize": 0, "universal_newlines": text}
            executor = self.keep(SimpleExecutor("cat", popen_kwargs=kwargs)).start()
            process = executor.process
            process.stdin.write("there\n" if text else b"there\n")
            if text:
                self.assertEqual(process.stdout.readline(), "there\n")
            else:
                self.assertEqual(process.stdout.read(1000), b"there\n")
            executor.stop()

    def test_non_blocking_readers(self):
        executor = self.keep(SimpleExecutor(["sh", "-c", "read line; echo $line; exec sleep 300"])).start()
        output = executor.output().buffer.raw
        os.set_blocking(output.fileno(), False)
        self.assertIsNone(output.read(100))
        executor.process.stdin.write("there\n")
        executor.process.stdin.flush()
        select.select([output], [], [], 20)
        self.assertEqual(output.read(100), b"there\n")
        executor.stop()

    def test_ways_to_end_it(self):
        for end, number in (
            (lambda process: process.terminate(), signal.SIGTERM),
            (lambda process: process.kill(), signal.SIGKILL),
            (lambda process: process.send_signal(signal.SIGINT), signal.SIGINT),
            (lambda process: os.kill(process.pid, signal.SIGHUP), signal.SIGHUP),
        ):
            executor = self.keep(SimpleExecutor("sleep 300", expected_returncode=-number)).start()
            end(executor.process)
            self.assertEqual(executor.process.wait(20), -number)
            executor.process.terminate()
            executor.stop()

    def test_wait_is_for_the_process_alone(self):
        executor = self.keep(SimpleExecutor([SERVICE, "--orphan", "--exit", "0"])).start()
        self.assertEqual(executor.process.wait(20), 0)
        self.assertTrue(executor.native.get_active())
        executor.stop()

    def test_wait_with_a_limit(self):
        executor = self.keep(SimpleExecutor("sleep 300")).start()
        for timeout in (0, 0.05):
            with self.assertRaises(subprocess.TimeoutExpired):
                self.assert_takes(5, executor.process.wait, timeout, shortest=timeout)
        executor.stop()

    def test_communicate(self):
        executor = self.keep(SimpleExecutor("cat; echo done >&2", shell=True, stderr=subprocess.PIPE)).start()
        self.assertEqual(executor.process.communicate("hello\n" * 30000, timeout=20), ("hello\n" * 30000, "done\n"))
        executor.stop()


    def test_communicate_with_a_limit(self):
        """It may be called again, and nothing is lost."""
        path = self.folder() / "go"
        script = f"echo early; until [ -e {path} ]; do sleep .01; done; wc -c"
        executor = self.keep(SimpleExecutor(script, shell=True)).start()
        process = executor.process
        for data in ("x" * 200000, None):
            with self.assertRaises(subprocess.TimeoutExpired):
                self.assert_takes(5, process.communicate, data, 0.05, shortest=0.05)
        path.touch()
        self.assertEqual(process.communicate(timeout=20), ("early\n200000\n", None))
        self.assertEqual(process.returncode, 0)


class Streams(DropInTest):
    def test_text(self):
        script = "printf 'gr\\303\\274\\303\\237e\\r\\n\\377\\n'"
        executor = self.keep(SimpleExecutor(["sh", "-c", script])).start()
        self.assertIsInstance(executor.output(), io.TextIOBase)
        self.assertEqual(list(executor.output()), ["grüße\n", "\ufffd\n"])
        executor.stop()

    def test_lines_as_they_come(self):
        executor = self.keep(SimpleExecutor(["cat"])).start()
        for word in ("one\n", "two\n"):
            executor.process.stdin.write(word)
            executor.process.stdin.flush()
            self.assertEqual(executor.output().readline(), word)
        executor.process.stdin.close()
        self.assertEqual(executor.output().readline(), "")
        self.assertEqual(executor.process.wait(20), 0)
        executor.stop()

    def test_poll(self):
        executor = self.keep(SimpleExecutor(["cat"])).start()
        poll = select.poll()
        poll.register(executor.output(), select.POLLIN)
        self.assertEqual(poll.poll(0), [])
        executor.process.stdin.write("x" * 100000 + "\n")
        executor.process.stdin.flush()
        self.assertEqual(len(poll.poll(20000)), 1)
        self.assertEqual(len(executor.output().readline()), 100001)
        executor.stop()

    def test_error_output(self):
        executor = self.keep(SimpleExecutor(service("--stderr", "e"), stdout=None, stderr=subprocess.PIPE)).start()
        self.assertEqual(executor.err_output().readline(), "e\n")
        self.assertIsNone(executor.output())
        executor.stop()

    def test_closed_after_stop(self):
        executor = self.keep(SimpleExecutor(service("--print", "x"))).start()
        output = executor.output()
        executor.stop()
        with self.assertRaises(ValueError):
            output.readline()
        self.assertIsNone(executor.output())

    def test_no_stream(self):
        for stdout in (None, subprocess.DEVNULL):
            executor = self.keep(SimpleExecutor(["true"], stdin=subprocess.DEVNULL, stdout=stdout)).start()
            self.assertIsNone(executor.output())
            self.assertIsNone(executor.process.stdin)
            executor.stop()

    def test_files(self):
        """What the caller wrote before stays, and what it has read before is not read again."""
        path = self.folder() / "log"
        script = "read line; echo $line; echo err >&2"
        with open(path, "w", encoding="utf-8") as log, tempfile.TemporaryFile() as source:
            log.write("before\n")
            log.flush()
            source.write(b"skipped\ninput\n")
            source.seek(8)
            executor = SimpleExecutor(["sh", "-c", script], stdin=source, stdout=log, stderr=subprocess.STDOUT)
            self.keep(executor).start()
            self.assertEqual(executor.process.wait(20), 0)
            executor.stop()
        self.assertEqual(read_when_there(path), "before\ninput\nerr\n")

    def test_socket_as_input(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            executor = self.keep(SimpleExecutor(["cat"], stdin=theirs)).start()
            ours.sendall(b"hello\n")
            self.assertEqual(executor.output().readline(), "hello\n")
            executor.stop()

    def test_command_is_what_was_given(self):
        """No shell and no env(1) is put around it, whatever is set."""
        with tempfile.TemporaryFile() as source:
            kwargs = {"env": {"PATH": os.environ["PATH"]}}
            executor = self.keep(SimpleExecutor(["sleep", "300"], stdin=source, popen_kwargs=kwargs)).start()
            with open(f"/proc/{executor.process.pid}/cmdline", "rb") as file:
                self.assertEqual(file.read(), b"sleep\x00300\x00")
            self.assertEqual(executor.process.args, ["sleep", "300"])
            executor.stop()

    def test_pipe_of_the_caller(self):
        source, sink = os.pipe()
        with open(source, encoding="utf-8") as reader:
            executor = self.keep(SimpleExecutor(["echo", "hello"], stdout=sink, stderr=subprocess.DEVNULL)).start()
            os.close(sink)
            self.assertEqual(reader.read(), "hello\n")
            executor.stop()

    def test_program_that_is_not_there(self):
        with open(os.devnull, "w", encoding="utf-8") as null, self.assertRaises(FileNotFoundError):
            SimpleExecutor("/nonexistent", stdout=null).start()

    def test_all_is_there_however_late_it_is_read(self):
        lines = 200000
        executor = self.keep(SimpleExecutor(f"seq {lines}")).start()
        wait_until(lambda: not executor.running(), "the program has ended")
        self.assertEqual(sum(1 for _ in executor.output()), lines)
        executor.stop()

    def test_foreign_proc(self):
        """The numbers there are those of other processes, which must not be sent signals."""
        if subprocess.run(["sh", "-c", "unshare -pf true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("a PID namespace of its own is not permitted here")
        value = str(uuid.uuid4())
        marker = f"mirakuru_uuid={value}"
        script = f"from mirakuru_glib.base_env import *; print(processes_with_env('mirakuru_uuid', {value!r}))"
        # The one that asks carries it too.
        command = ["env", marker, "unshare", "-pf", sys.executable, "-c", script]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(answer.stdout, "set()\n")


if __name__ == "__main__":
    unittest.main()
