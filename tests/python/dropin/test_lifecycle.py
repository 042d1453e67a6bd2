# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Start, stop, kill: what programs written for mirakuru rely on."""

import contextlib
import errno
import gc
import os
import shlex
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

from dropintest import LOCALHOST, DropInTest, free_port, listener, lives, service, wait_until

import mirakuru
from mirakuru import OutputExecutor, SimpleExecutor
from mirakuru.base import ENV_UUID, IGNORED_ERROR_CODES, cleanup_subprocesses
from mirakuru.base_env import processes_with_env
from mirakuru.compat import IS_DARWIN, IS_WINDOWS, SIGKILL
from mirakuru.exceptions import ProcessExitedWithError, ProcessFinishedWithError

SLEEP = "sleep 300"


class Names(unittest.TestCase):
    def test_modules(self):
        from mirakuru.http import HTTPExecutor
        from mirakuru.output import OutputExecutor
        from mirakuru.pid import PidExecutor
        from mirakuru.tcp import TCPExecutor
        from mirakuru.unixsocket import UnixSocketExecutor

        for cls in (HTTPExecutor, PidExecutor, TCPExecutor, UnixSocketExecutor):
            self.assertTrue(issubclass(cls, mirakuru.Executor))
        self.assertTrue(issubclass(HTTPExecutor, TCPExecutor))
        self.assertFalse(issubclass(OutputExecutor, mirakuru.Executor))
        self.assertIs(mirakuru.TimeoutExpired, mirakuru.exceptions.TimeoutExpired)

    def test_an_alias_loads_nothing_twice(self):
        import mirakuru.exceptions as by_alias
        import mirakuru_glib.exceptions as by_name

        self.assertIs(by_alias, by_name)
        with self.assertRaises(ModuleNotFoundError):
            import mirakuru.nonexistent  # noqa: F401

    def test_constants(self):
        self.assertEqual(ENV_UUID, "mirakuru_uuid")
        self.assertEqual(SIGKILL, signal.SIGKILL)
        self.assertFalse(IS_WINDOWS or IS_DARWIN)
        self.assertIn(errno.ESRCH, IGNORED_ERROR_CODES)

    def test_names_for_dependants(self):
        from mirakuru.base import LOG, ExecutorType, SimpleExecutorType
        from mirakuru.http import HTTPConnection, HTTPException
        from mirakuru.output import OutputExecutorType

        self.assertEqual(SimpleExecutorType.__name__, "SimpleExecutorType")
        self.assertEqual((ExecutorType.__name__, OutputExecutorType.__name__), ("ExecutorType", "OutputExecutorType"))
        self.assertTrue(hasattr(HTTPConnection, "request") and issubclass(HTTPException, Exception))
        with self.assertLogs(LOG, "DEBUG") as logs:
            SimpleExecutor("true").start().stop()
        self.assertIn("true", logs.output[0])

    def test_exceptions(self):
        executor = SimpleExecutor(SLEEP)
        cases = [
            (mirakuru.ExecutorError(executor), ()),
            (mirakuru.TimeoutExpired(executor, 5), ("timed out", "5")),
            (mirakuru.TimeoutExpired(executor, timeout=5), ("timed out", "5")),
            (mirakuru.AlreadyRunning(executor), ("already running",)),
            (ProcessExitedWithError(executor, 12), ("exited with a non-zero code: 12",)),
            (ProcessFinishedWithError(executor, exit_code=-9), ("finished with a non-zero code: -9",)),
        ]
        for error, words in cases:
            with self.subTest(type(error).__name__):
                self.assertIsInstance(error, mirakuru.ExecutorError)
                self.assertIs(error.executor, executor)
                for word in (SLEEP, *words):
                    self.assertIn(word, str(error))
        self.assertEqual(cases[1][0].timeout, 5)
        self.assertTrue(issubclass(ProcessFinishedWithError, ProcessExitedWithError))


class Command(DropInTest):
    def test_string_or_list(self):
        for command in (SLEEP, SLEEP.split(), tuple(SLEEP.split())):
            with self.subTest(command):
                executor = self.keep(SimpleExecutor(command))
                self.assertEqual(executor.command, SLEEP)
                self.assertEqual(list(executor.command_parts), SLEEP.split())
                executor.start()
                self.assertTrue(executor.running())
                executor.stop()
                self.assertFalse(executor.running())

    def test_quoting(self):
        words = ["echo", "two words", "it's", "$HOME"]
        self.assertEqual(shlex.split(SimpleExecutor(words).command), words)
        executor = self.keep(SimpleExecutor(words)).start()
        self.assertEqual(executor.output().read(), "two words it's $HOME\n")
        executor.stop()

    def test_shell(self):
        executor = self.keep(SimpleExecutor("echo $((40 + 2)); sleep 300 && true", shell=True)).start()
        self.assertEqual(executor.output().readline(), "42\n")
        executor.stop()
        self.assert_gone(executor)

    def test_shell_gets_a_list_quoted(self):
        executor = self.keep(SimpleExecutor(["echo", "a;  b"], shell=True)).start()
        self.assertEqual(executor.output().read(), "a;  b\n")
        executor.stop()

    def test_words(self):
        executor = SimpleExecutor(["sleep", "300", "x" * 200])
        for text in (repr(executor), str(executor)):
            self.assertIn("SimpleExecutor", text)
            self.assertIn("sleep 300", text)
        # Dependants look for words of the command.
        self.assertIn("x" * 200, str(executor))
        self.assertIn("x" * 200, str(mirakuru.TimeoutExpired(executor, 1)))
        self.assertLess(len(repr(executor)), 100)
        self.assertIn("localhost:80", str(mirakuru.TCPExecutor(SLEEP, "localhost", 80)))
        self.assertIn("foo", str(mirakuru.OutputExecutor(SLEEP, "foo")))
        self.assertIn("http://localhost/x", str(mirakuru.HTTPExecutor(SLEEP, "http://localhost/x")))

    def test_errno_of_what_cannot_be_run(self):
        folder = self.folder()

        def program(name, text, mode=0o755):
            path = folder / name
            path.write_text(text)
            path.chmod(mode)
            return str(path)

        # The PATH and the directory that count are those of the service.
        cases = [
            (errno.ENOENT, {"command": "mk-no-such-program"}),
            (errno.ENOENT, {"command": "/nonexistent/program"}),
            (errno.ENOENT, {"command": program("interpreter", "#!/nonexistent/interpreter\n")}),
            (errno.EACCES, {"command": program("plain", "exit 0\n", 0o644)}),
            (errno.EACCES, {"command": str(folder)}),
            (errno.ENOEXEC, {"command": program("no-shebang", "exit 0\n")}),
            (errno.E2BIG, {"command": ["true", "x" * (1 << 18)]}),
            (errno.ENOENT, {"command": "true", "cwd": "/nonexistent"}),
            (errno.ENOTDIR, {"command": "true", "cwd": program("file", "")}),
            (errno.ENOENT, {"command": "true", "envvars": {"PATH": str(folder)}}),
            (errno.ENOENT, {"command": "./here"}),
        ]
        for number, options in cases:
            with self.subTest(options=str(options)[:80]):
                executor = self.keep(SimpleExecutor(**options))
                with self.assertRaises(OSError) as caught:
                    executor.start()
                self.assertEqual(caught.exception.errno, number)
                self.assertIs(type(caught.exception), type(OSError(number, "")))
        self.assertEqual(caught.exception.filename, "./here")
        program("here", "#!/bin/sh\nexec sleep 300\n")
        for options in ({"command": "./here", "cwd": folder}, {"command": "here", "envvars": {"PATH": f"{folder}:/bin:/usr/bin"}}):
            self.keep(SimpleExecutor(**options)).start().stop()

    def test_few_descriptors(self):
        program = """if True:
            import errno, os, resource
            import mirakuru_glib
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            mirakuru_glib.SimpleExecutor("true").start().kill()
            taken, failures = [], 0
            while len(taken) < 64:
                try:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
                except OSError:
                    break
            while True:
                try:
                    mirakuru_glib.SimpleExecutor("true").start().kill()
                    break
                except OSError as error:
                    assert error.errno == errno.EMFILE and "ulimit -n" in str(error), error
                    failures += 1
                os.close(taken.pop())
            assert failures > 3, failures
            """
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_descriptors_are_passed(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        os.set_inheritable(write, True)
        command = ["sh", "-c", f"echo through > /dev/fd/{write}"]
        for kwargs in ({"pass_fds": [write]}, {"close_fds": False}):
            executor = self.keep(SimpleExecutor(command, popen_kwargs=kwargs)).start()
            self.assertEqual(os.read(read, 100), b"through\n")
            executor.stop()
        executor = self.keep(SimpleExecutor(command)).start()
        self.assertNotEqual(executor.process.wait(20), 0)
        executor.kill()
        os.close(write)
        with self.assertRaises(OSError):
            SimpleExecutor(SLEEP, popen_kwargs={"pass_fds": [write]}).start()

    def test_input_at_its_position(self):
        with open(self.folder() / "input", "w+", encoding="utf-8") as file:
            file.write("skipped\nread\n")
            file.flush()
            os.lseek(file.fileno(), len("skipped\n"), os.SEEK_SET)
            executor = self.keep(SimpleExecutor("cat", stdin=file)).start()
            self.assertEqual(executor.output().read(), "read\n")
            executor.stop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            executor = self.keep(SimpleExecutor("cat", stdin=theirs, stdout=theirs)).start()
            ours.sendall(b"there and back\n")
            self.assertEqual(ours.recv(100), b"there and back\n")
            executor.stop()

    def test_what_popen_would_do_in_the_child_is_refused(self):
        refused = {
            "creationflags": 1, "extra_groups": [], "group": "root", "pipesize": 4096, "preexec_fn": print,
            "process_group": 1, "restore_signals": False, "start_new_session": False, "startupinfo": object(),
            "umask": 0, "user": 0,
        }
        for name, value in refused.items():
            with self.subTest(name), self.assertRaisesRegex(ValueError, f"^{name}="):
                SimpleExecutor(SLEEP, popen_kwargs={name: value}).start()
        with self.assertRaisesRegex(TypeError, "^stdout='file' "):
            SimpleExecutor(SLEEP, popen_kwargs={"stdout": "file"}).start()
        for name, value in {"stdin": 1 << 20, "pass_fds": [1 << 20]}.items():
            with self.assertRaisesRegex(OSError, f"{name} has descriptor {1 << 20}") as caught:
                SimpleExecutor(SLEEP, popen_kwargs={name: value}).start()
            self.assertEqual(caught.exception.errno, errno.EBADF)
        fine = {
            "creationflags": 0, "extra_groups": None, "group": None, "pipesize": -1, "preexec_fn": os.setsid,
            "process_group": 0, "restore_signals": True, "start_new_session": True, "startupinfo": None, "umask": -1,
            "user": None, "bufsize": 1, "close_fds": True, "pass_fds": (), "errors": "strict",
        }
        self.keep(SimpleExecutor(SLEEP, popen_kwargs=fine)).start().stop()

    def test_functions_are_replaced_by_a_test(self):
        port = free_port()
        forbidden = AssertionError("nobody calls this")
        with contextlib.ExitStack() as stack:
            for name in ("time.sleep", "select.select", "select.poll", "threading.Thread", "socket.socket"):
                stack.enter_context(mock.patch(name, side_effect=forbidden))
            executor = self.keep(mirakuru.TCPExecutor(listener(port), LOCALHOST, port, timeout=30)).start()
            executor.wait_for(executor.running)
            executor.output().fileno()
            with self.assertRaises(subprocess.TimeoutExpired):
                executor.process.wait(0.1)
            executor.stop()

    def test_only_a_check_before_the_start(self):
        class Flag(mirakuru.Executor):
            def pre_start_check(self):
                return os.path.exists(self.path)

        path = str(self.folder() / "flag")
        executor = self.keep(Flag(["sh", "-c", 'sleep 0.1; touch "$1"; exec sleep 300', "sh", path], timeout=20))
        executor.path = path
        executor.start()
        self.assertTrue(os.path.exists(path))
        other = self.keep(Flag(SLEEP))
        other.path = path
        with self.assertRaises(mirakuru.AlreadyRunning):
            other.start()
        executor.stop()

    def test_no_such_program(self):
        with self.assertRaises(FileNotFoundError):
            SimpleExecutor("/nonexistent/program").start()
        with self.assertRaises(PermissionError):
            SimpleExecutor("/etc/passwd").start()
        with self.assertRaises(FileNotFoundError):
            SimpleExecutor(SLEEP, cwd="/nonexistent").start()

    def test_cwd(self):
        folder = self.folder()
        for cwd in (folder, str(folder)):
            executor = self.keep(SimpleExecutor("pwd", cwd=cwd)).start()
            self.assertEqual(executor.output().read().strip(), str(folder.resolve()))
            executor.stop()


class Environment(DropInTest):
    def setUp(self):
        os.environ["MK_DROPIN_HOST"] = "at construction"
        self.addCleanup(os.environ.pop, "MK_DROPIN_HOST", None)

    def print_environment(self, **arguments):
        executor = self.keep(SimpleExecutor(["env", "-0"], **arguments))
        os.environ["MK_DROPIN_HOST"] = "at start"
        text = executor.start().output().read()
        executor.stop()
        return executor, dict(entry.split("=", 1) for entry in text.split("\0") if entry)

    def test_what_the_service_gets(self):
        executor, seen = self.print_environment(envvars={"MK_DROPIN": "mine", "LC_ALL": "C"})
        self.assertEqual(seen["MK_DROPIN_HOST"], "at start")
        self.assertEqual(seen["MK_DROPIN"], "mine")
        self.assertEqual(seen["LC_ALL"], "C")
        self.assertEqual(seen, executor.envvars)

    def test_marker(self):
        executor, seen = self.print_environment(envvars={ENV_UUID: "forged"})
        self.assertRegex(seen[ENV_UUID], rf"^{os.getpid()}:[0-9a-f-]{{36}}$")
        self.assertEqual(executor._uuid, seen[ENV_UUID])
        self.assertNotEqual(executor._uuid, SimpleExecutor(SLEEP)._uuid)

    def test_the_same_marker_in_each_start(self):
        executor = self.keep(SimpleExecutor(SLEEP))
        marker = executor._uuid
        for _ in range(2):
            executor.start()
            self.assertEqual(executor.envvars[ENV_UUID], marker)
            executor.stop()

    def test_another_environment_altogether(self):
        alone = {"PATH": os.environ["PATH"], "ONLY": "this"}
        executor, seen = self.print_environment(popen_kwargs={"env": alone})
        self.assertEqual(seen, {**alone, ENV_UUID: executor._uuid})

    def test_overridden(self):
        class Overriding(SimpleExecutor):
            @property
            def _popen_kwargs(self):
                kwargs = super()._popen_kwargs
                kwargs["env"]["MK_DROPIN"] = "overridden"
                return kwargs

        executor = self.keep(Overriding(["sh", "-c", "echo $MK_DROPIN"])).start()
        self.assertEqual(executor.output().read(), "overridden\n")
        executor.stop()


    def test_what_is_no_text_is_named(self):
        for arguments in ({"envvars": {"PORT": 5432}}, {"popen_kwargs": {"env": {"PORT": 5432}}}):
            with self.assertRaisesRegex(TypeError, "PORT"):
                SimpleExecutor(SLEEP, **arguments).start()


class Bytes(DropInTest):
    """Names and values that are not UTF-8 arrive as they are, in each start, and can be read in messages."""

    RAW = b"d\xe9\xff"

    def setUp(self):
        self.text = os.fsdecode(self.RAW)
        self.path = os.path.join(os.fsencode(self.folder()), self.RAW)
        os.mkdir(self.path)

    def printed(self, executor):
        """What it prints, twice."""
        prints = []
        for _ in range(2):
            executor.start()
            str(executor).encode()
            repr(executor).encode()
            prints.append(executor.output().buffer.read())
            executor.stop()
        self.assertEqual(prints[0], prints[1])
        return prints[0]

    def test_command(self):
        program = os.path.join(self.path, self.RAW)
        with open(program, "wb") as script:
            script.write(b'#!/bin/sh\nprintf %s "$1"\n')
        os.chmod(program, 0o700)
        for command in (
            [program, self.RAW],
            [os.fsdecode(program), self.text],
            [Path(os.fsdecode(program)), self.RAW],
            f"{os.fsdecode(program)} {self.text}",
        ):
            with self.subTest(command=command):
                executor = self.keep(SimpleExecutor(command))
                self.assertEqual(executor.command_parts, [os.fsdecode(program), self.text])
                self.assertEqual(self.printed(executor), self.RAW)
        shell = self.keep(SimpleExecutor(f"printf %s {self.text}", shell=True))
        self.assertEqual(self.printed(shell), self.RAW)
        other = self.keep(SimpleExecutor(["x", self.RAW], popen_kwargs={"executable": program}))
        self.assertEqual(self.printed(other), self.RAW)

    def test_cwd(self):
        for cwd in (self.path, os.fsdecode(self.path)):
            self.assertEqual(self.printed(self.keep(SimpleExecutor("pwd", cwd=cwd))), self.path + b"\n")

    def test_environment(self):
        os.environb[b"MK_" + self.RAW] = self.RAW
        self.addCleanup(os.environb.pop, b"MK_" + self.RAW)
        for arguments in (
            {"envvars": {"A": self.text}},
            {"envvars": {b"A": self.RAW}},
            {"envvars": {"A": self.RAW}},
            {"popen_kwargs": {"env": {**os.environb, b"A": self.RAW}}},
            {"popen_kwargs": {"env": {**os.environ, "A": self.text}}},
        ):
            with self.subTest(arguments):
                executor = self.keep(SimpleExecutor(["cat", "/proc/self/environ"], **arguments))
                printed = self.printed(executor).split(b"\0")
                self.assertIn(b"A=" + self.RAW, printed)
                self.assertIn(b"MK_" + self.RAW + b"=" + self.RAW, printed)

    def test_messages(self):
        missing = os.path.join(self.path, b"missing")
        for executor in (
            mirakuru.PidExecutor("true", missing, timeout=0.1),
            mirakuru.pid.PidExecutor(["sh", "-c", "exit 3", self.RAW], os.fsdecode(missing)),
            mirakuru.UnixSocketExecutor("sleep 300", missing, timeout=0.1),
        ):
            with self.assertRaises(mirakuru.ExecutorError) as caught:
                self.keep(executor).start()
            str(caught.exception).encode()
            self.assertIn("d\ufffd\ufffd/missing", str(executor))
        with self.assertRaises(FileNotFoundError) as caught:
            SimpleExecutor([missing]).start()
        str(caught.exception).encode()


class Start(DropInTest):
    def test_second_start_changes_nothing(self):
        executor = self.keep(SimpleExecutor(SLEEP)).start()
        process = executor.process
        self.assertIs(executor.start(), executor)
        self.assertIs(executor.process, process)
        executor.stop()

    def test_session_of_its_own(self):
        executor = self.keep(SimpleExecutor(SLEEP)).start()
        self.assertEqual(os.getsid(executor.process.pid), executor.process.pid)
        executor.stop()

    def test_methods_return_the_executor(self):
        executor = self.keep(SimpleExecutor(SLEEP))
        self.assertIs(executor.start().stop().start().kill().stop(), executor)
        self.assertIs(executor.wait_for(lambda: True), executor)

    def test_context_manager(self):
        with self.keep(SimpleExecutor(SLEEP)) as executor:
            self.assertTrue(executor.running())
        self.assertFalse(executor.running())
        with SimpleExecutor(SLEEP).start() as executor:
            self.assertTrue(executor.running())
        self.assert_gone(executor)

    def test_running_is_about_the_main_process(self):
        executor = self.keep(SimpleExecutor(service("--daemon"))).start()
        wait_until(lambda: not executor.running(), "the launcher has ended")
        self.assertEqual(executor.process.poll(), 0)
        self.assertTrue(executor.native.get_active())
        executor.stop()
        self.assert_gone(executor)

    def test_popen_kwargs(self):
        executor = self.keep(SimpleExecutor(["echo", "x"], popen_kwargs={"universal_newlines": False})).start()
        self.assertEqual(executor.output().read(), b"x\n")
        executor.stop()
        executor = SimpleExecutor(["a"], popen_kwargs={"executable": "/bin/echo", "preexec_fn": os.setsid})
        self.assertEqual(self.keep(executor).start().output().read(), "\n")
        executor.stop()
        with self.assertRaises(ValueError):
            SimpleExecutor(SLEEP, popen_kwargs={"preexec_fn": lambda: None}).start()
        with self.assertRaises(TypeError):
            SimpleExecutor(SLEEP, popen_kwargs={"nonsense": 1}).start()


class Stop(DropInTest):
    def test_not_started(self):
        executor = SimpleExecutor(SLEEP)
        self.assertIs(executor.stop(), executor)
        self.assertIs(executor.kill(), executor)

    def test_signals(self):
        for arguments, call in (
            ({"stop_signal": signal.SIGQUIT}, {}),
            ({}, {"stop_signal": signal.SIGQUIT}),
        ):
            executor = self.keep(SimpleExecutor(SLEEP, **arguments)).start()
            process = executor.process
            executor.stop(**call)
            self.assertEqual(process.returncode, -signal.SIGQUIT)

    def test_status(self):
        for status, arguments, call, fails in (
            (0, {}, (), False),
            (7, {}, (), True),
            (7, {"expected_returncode": 7}, (), False),
            (7, {}, (signal.SIGTERM, 7), False),
            (7, {"expected_returncode": 7}, (signal.SIGTERM, 8), True),
            (128 + signal.SIGTERM, {}, (), False),
            (128 + signal.SIGTERM, {"expected_returncode": 7}, (), True),
        ):
            with self.subTest(status=status, arguments=arguments, call=call):
                command = service("--on-term", status, "--ready", "up")
                executor = self.keep(SimpleExecutor(command, **arguments)).start()
                self.assertEqual(executor.output().readline(), "up\n")
                if fails:
                    with self.assertRaises(ProcessFinishedWithError) as caught:
                        executor.stop(*call)
                    self.assertEqual(caught.exception.exit_code, status)
                else:
                    executor.stop(*call)
                self.assertIsNone(executor.process)

    def test_failure_keeps_the_exception_under_way(self):
        executor = self.keep(OutputExecutor(service("--on-term", 3, "--ready", "up"), "up"))
        with self.assertRaises(ProcessFinishedWithError) as caught:
            with executor:
                raise AssertionError("what the test is about")
        self.assertIsInstance(caught.exception.__context__, AssertionError)
        self.assertFalse(caught.exception.__suppress_context__)

    def test_died_before(self):
        with self.assertRaises(ProcessFinishedWithError) as caught:
            with self.keep(SimpleExecutor(SLEEP)) as executor:
                os.killpg(executor.process.pid, SIGKILL)
                executor.wait_for(lambda: not executor.running())
                self.assertIsNotNone(executor.process)
        self.assertEqual(caught.exception.exit_code, -9)
        self.assertIsNone(executor.process)

    def test_deaf(self):
        executor = self.keep(SimpleExecutor(service("--deaf", "--ready", "up"), timeout=0.3)).start()
        self.assertEqual(executor.output().readline(), "up\n")
        self.assert_takes(5, executor.stop, shortest=0.3)
        self.assert_gone(executor)

    def test_leftovers(self):
        command = service("--children", 2, "--setsid-children", "--ready", "up")
        for end in ("stop", "kill"):
            executor = self.keep(SimpleExecutor(command)).start()
            self.assertEqual(executor.output().readline(), "up\n")
            getattr(executor, end)()
            self.assert_gone(executor)

    def test_kill(self):
        executor = self.keep(SimpleExecutor(service("--deaf"), kill_signal=signal.SIGQUIT)).start()
        process = executor.process
        executor.kill()
        self.assertEqual(process.returncode, -signal.SIGQUIT)
        executor.start().kill(sig=signal.SIGINT)
        self.assertFalse(executor.running())

    def test_kill_without_waiting(self):
        executor = self.keep(SimpleExecutor(service("--deaf"))).start()
        pid = executor.process.pid
        executor.kill(wait=False)
        self.assertFalse(executor.running())
        wait_until(lambda: not lives(pid), "the process has ended")
        executor.start().kill(wait=False).start().kill()
        self.assert_gone(executor)

    def test_stopped(self):
        with self.keep(SimpleExecutor(SLEEP)) as executor:
            with executor.stopped() as same:
                self.assertIs(same, executor)
                self.assertFalse(executor.running())
            self.assertTrue(executor.running())
            with self.assertRaises(KeyError):
                with executor.stopped():
                    raise KeyError
            self.assertTrue(executor.running())

    def test_kids(self):
        command = service("--children", 2, "--setsid-children", "--ready", "up")
        executor = self.keep(SimpleExecutor(command)).start()
        self.assertEqual(executor.output().readline(), "up\n")
        process = executor.process
        found = executor._kill_all_kids(SIGKILL)
        self.assertIn(process.pid, found)
        self.assertEqual(len(found), 3)
        executor._clear_process()
        self.assertIsNone(executor.process)
        self.assertEqual(process.returncode, -9)

    def test_processes_with_env(self):
        command = service("--children", 2, "--setsid-children", "--ready", "up")
        executor = self.keep(SimpleExecutor(command, envvars={"MK_KIND": "tea:green"})).start()
        self.assertEqual(executor.output().readline(), "up\n")
        found = processes_with_env(ENV_UUID, executor._uuid)
        self.assertEqual(len(found), 3)
        self.assertIn(executor.process.pid, found)
        self.assertEqual(found - processes_with_env("MK_KIND", "tea"), set())
        for part in ("green", "tea:gr"):
            self.assertEqual(found & processes_with_env("MK_KIND", part), set())
        self.assertLessEqual(found, processes_with_env(ENV_UUID, str(os.getpid())))
        executor.stop()
        self.assertEqual(processes_with_env(ENV_UUID, executor._uuid), set())

    def test_processes_with_env_that_python_has_started(self):
        """As dependants do whose start() is their own."""
        executor = SimpleExecutor(SLEEP)
        with subprocess.Popen(["sleep", "300"], env={**os.environ, ENV_UUID: executor._uuid}) as process:
            self.assertEqual(executor._kill_all_kids(SIGKILL), {process.pid})
        self.assertEqual(process.returncode, -9)

    def test_cleanup_subprocesses(self):
        executors = [self.keep(SimpleExecutor(SLEEP)).start() for _ in range(2)]
        cleanup_subprocesses()
        for executor in executors:
            self.assertFalse(executor.running())
            self.assert_gone(executor)

    def test_clear_process(self):
        executor = self.keep(SimpleExecutor(SLEEP)).start()
        executor._clear_process()
        self.assert_gone(executor)
        self.assertTrue(executor.start().running())
        executor.stop()


class AtExit(unittest.TestCase):
    def test_what_was_registered_before_the_first_executor(self):
        program = (
            "import atexit, mirakuru_glib\n"
            "executors = []\n"
            "atexit.register(lambda: print(executors[0].running()))\n"
            "executors.append(mirakuru_glib.SimpleExecutor('sleep 300').start())\n"
            "print(executors[0].process.pid)\n"
        )
        output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
        pid, running = output.stdout.split()
        self.assertEqual(running, "True")
        self.assertFalse(lives(int(pid)))


class Dropped(DropInTest):
    def test_dropped(self):
        executor = self.keep(SimpleExecutor("sleep 300 && true", shell=True)).start()
        pid = executor.process.pid
        gc.disable()
        self.addCleanup(gc.enable)
        del executor
        self.assertFalse(lives(pid))

    def test_host_ends(self):
        for end in ("pass", "os._exit(0)", "os.kill(os.getpid(), 9)", "raise KeyError", "os.abort()"):
            with self.subTest(end):
                script = (
                    "import os, resource; from mirakuru_glib import SimpleExecutor\n"
                    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
                    f"executor = SimpleExecutor({service('--children', 1)!r}).start()\n"
                    f"print(executor.process.pid, flush=True)\n{end}\n"
                )
                host = subprocess.run(
                    [sys.executable, "-c", script],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=30,
                    check=False,
                )
                pid = int(host.stdout)
                wait_until(lambda pid=pid: not lives(pid), "the service has ended")


if __name__ == "__main__":
    unittest.main()
