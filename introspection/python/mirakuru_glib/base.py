# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Executors that start and stop a command, and wait until a check finds that its service is ready."""

from __future__ import annotations

import errno
import logging
import math
import operator
import os
import re
import shlex
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from subprocess import PIPE, Popen
from types import TracebackType
from typing import IO, Any, TypeVar

from . import _launch
from ._native import (
    GLib,
    Mk,
    begin_kill,
    describe_holder,
    end_service,
    function_probe,
    has_greenlets,
    is_error,
    probe_of,
    wait_until,
)
from ._popen import PopenTree
from ._process import Process
from .base_env import processes_with_env
from .compat import SIGKILL
from .exceptions import (
    AlreadyRunning,
    ExecutorError,
    ProcessExitedWithError,
    ProcessFinishedWithError,
    TimeoutExpired,
)

LOG = logging.getLogger(__name__)

# Every process of a service has it in its environment.
ENV_UUID = "mirakuru_uuid"

# How much of its output an error shows.
OUTPUT_LENGTH = 1000
# How much of a command repr() shows.
REPR_LENGTH = 10
EARLY_EXIT_MS = 20  # for so long the exit of a service that seemed to be ready is waited for

# What a signal to a process that has just ended may fail with.
IGNORED_ERROR_CODES = [errno.ESRCH]

# For the type hints of dependants.
SimpleExecutorType = TypeVar("SimpleExecutorType", bound="SimpleExecutor")
ExecutorType = TypeVar("ExecutorType", bound="Executor")

_natives = weakref.WeakSet()
# The first one registers what ends the services when the program ends: whatever a program registers with atexit
# after this import still sees them running.
_exit_hook = weakref.finalize(_natives, lambda: None)
_popen_trees = weakref.WeakSet()


def cleanup_subprocesses() -> None:
    """Kills the services of all executors of this program. This also happens when the program ends."""
    for native in list(_natives):
        end_service(native)
    for tree in list(_popen_trees):
        tree.end()


def _raise_one_of(failures):
    """Raises it outside of the handler of its cause, so that its context is what is under way around a call, such as
    the failed assertion of a test; and out of a list, so that no frame of its traceback refers to it."""
    if failures:
        raise failures.pop()


def _shorten(command, length):
    return command if length is None or len(command) <= length else f"{command[:length]}..."


def _decoded(value):
    """Bytes as os.environ has them; what is neither bytes nor text is refused by the start."""
    return os.fsdecode(value) if isinstance(value, bytes) else value


def _readable(text):
    """What may have been bytes that are not UTF-8, fit to be printed."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _milliseconds(seconds):
    """For the library, where 0 means no limit: a time that is over becomes 1 ms."""
    if seconds is None or math.isinf(seconds):
        return 0
    return min(max(1, math.ceil(seconds * 1000)), GLib.MAXUINT32)


class SimpleExecutor:
    """Runs a command and leaves nothing of it behind.

    `timeout` is the time limit of a start and of each `wait_for()`, in seconds. `sleep` has no effect:
    the library decides how often it polls.
    """

    # How long a service has to end before it is killed, in seconds; never longer than the timeout.
    stop_timeout = 10
    # The newest bytes of each output stream that are kept for who reads late.
    output_limit = 16 << 20

    # An executor whose construction has failed is deleted, too.
    _process = None
    _popen_tree = None
    _popen_end = None
    _native = None
    _endtime = None
    _spawn_endtime = None

    def __init__(
        self,
        command: str | list[str] | tuple[str, ...],
        cwd: str | os.PathLike[str] | None = None,
        shell: bool = False,
        timeout: float | None = 3600,
        sleep: float = 0.1,
        stop_signal: int = signal.SIGTERM,
        kill_signal: int = SIGKILL,
        expected_returncode: int | None = None,
        envvars: Mapping[str, str] | None = None,
        stdin: int | IO[Any] | None = PIPE,
        stdout: int | IO[Any] | None = PIPE,
        stderr: int | IO[Any] | None = None,
        popen_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(command, (list, tuple)):
            self.command_parts = [os.fsdecode(part) for part in command]
            self.command = " ".join(map(shlex.quote, self.command_parts))
        elif isinstance(command, str):
            self.command = command
            self.command_parts = shlex.split(command)
        else:
            raise TypeError(f"a command is a string or a list of strings, not {type(command).__name__}")

        self._cwd = cwd
        self._shell = shell
        self._timeout = timeout
        self._sleep = sleep
        self._stop_signal = stop_signal
        self._kill_signal = kill_signal
        self._expected_returncode = expected_returncode
        self._envvars = {_decoded(name): _decoded(value) for name, value in dict(envvars or {}).items()}
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._additional_popen_kwargs = dict(popen_kwargs or {})
        self._native = self._new_native()
        _natives.add(self._native)
        weakref.finalize(self, end_service, self._native)

    def _new_native(self):
        return Mk.SimpleExecutor()

    # ---- state ----

    @property
    def native(self) -> Any:
        """The executor of the library, with its signals, its output and its state."""
        return self._native

    @property
    def process(self) -> Popen[Any] | None:
        """The process of the command. It is None before a start and after a stop.

        A subclass may set it to a Popen of its own.
        """
        return self._process

    @process.setter
    def process(self, process: Any) -> None:
        if process is self._process:
            return
        if self._popen_end is not None:
            self._popen_end.detach()
        self._process, self._popen_tree, self._popen_end = process, None, None
        if process is not None and not isinstance(process, Process):
            self._popen_tree = PopenTree(process, ENV_UUID, self._uuid)
            self._popen_end = weakref.finalize(self, self._popen_tree.end)
            _popen_trees.add(self._popen_tree)

    @property
    def _uuid(self):
        prefix = f"{ENV_UUID}="
        return next(e for e in self._native.dup_environment() if e.startswith(prefix))[len(prefix) :]

    @property
    def envvars(self) -> dict[str, str]:
        """The environment that the service gets."""
        return {**os.environ, **self._envvars, ENV_UUID: self._uuid}

    @property
    def _popen_kwargs(self) -> dict[str, Any]:
        streams = {"stdin": self._stdin, "stdout": self._stdout, "stderr": self._stderr}
        return {
            **{name: stream for name, stream in streams.items() if stream},
            "universal_newlines": True,
            "shell": self._shell,
            "env": self.envvars,
            "cwd": self._cwd,
            "start_new_session": True,
            **self._additional_popen_kwargs,
        }

    def running(self) -> bool:
        """Returns whether the process of the command is alive."""
        process = self.process
        return process is not None and process.poll() is None

    def output(self) -> IO[Any] | None:
        """Returns standard output as a text file, or None if nothing was started or the output is not piped."""
        return self.process.stdout if self.process is not None else None

    def err_output(self) -> IO[Any] | None:
        """Returns standard error as a text file, or None if nothing was started or it is not piped."""
        return self.process.stderr if self.process is not None else None

    def _last_output(self):
        """For an error that the library does not explain."""
        streams = (Mk.Stream.STDOUT, Mk.Stream.STDERR)
        printed = b"".join(self._native.dup_output(stream).get_data() or b"" for stream in streams)
        text = printed[-OUTPUT_LENGTH:].decode(errors="replace").strip()
        return f"last output: {text}" if text else ""

    # ---- start ----

    def __enter__(self: SimpleExecutorType) -> SimpleExecutorType:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self: SimpleExecutorType) -> SimpleExecutorType:
        """Runs the command, unless it was run already."""
        if self.process is None:
            self._spawn()
        else:
            self._set_timeout()
        return self

    def _spawn(self):
        native, kwargs = self._native, self._popen_kwargs
        LOG.debug("Starting process: %s", _readable(self.command))
        if native.get_state() == Mk.ExecutorState.STOPPING:
            native.kill()  # it was killed before, but nobody waited for its end
        self._configure(kwargs)
        self._set_timeout()
        self._spawn_endtime = self._endtime
        failures = []
        try:
            native.start()
        except GLib.Error as error:
            self._forget_process()
            failures.append(self._translate(error))
        _raise_one_of(failures)
        self.process = Process(native, kwargs, self._streams_with_banner())

    def _configure(self, kwargs):
        _launch.configure(self._native, self.command, self.command_parts, kwargs)
        self._native.set_stop_signal(operator.index(self._stop_signal))
        self._native.set_kill_signal(operator.index(self._kill_signal))
        self._native.set_stop_mode(Mk.StopMode.TREE)
        self._native.set_start_timeout(_milliseconds(self._timeout or None))
        self._native.set_output_limit(self.output_limit)

    def _streams_with_banner(self):
        return ()

    def _translate(self, error):
        """Returns the exception of this package for an error of the library."""
        if is_error(error, Mk.Error.INVALID_ARGUMENT):
            return ValueError(error.message)
        if is_error(error, Mk.Error.SPAWN_FAILED):
            return _launch.spawn_error(self._native, error.message)

        code = self._native.get_exit_status()
        if is_error(error, Mk.Error.TIMED_OUT):
            translated = TimeoutExpired(self, self._timeout)
        elif is_error(error, Mk.Error.EXITED):
            translated = ProcessExitedWithError(self, code)
        elif is_error(error, Mk.Error.FINISHED_WITH_ERROR):
            translated = ProcessFinishedWithError(self, code)
        else:
            translated = ExecutorError(self)
        translated.detail = error.message
        return translated

    # ---- waiting ----

    def _set_timeout(self) -> None:
        """Lets the time for the waits that follow begin now."""
        self._endtime = time.monotonic() + self._timeout if self._timeout else None

    @property
    def _remaining_timeout(self):
        """The seconds that are left; math.inf without a limit."""
        return math.inf if self._endtime is None else max(0, self._endtime - time.monotonic())

    def check_timeout(self) -> bool:
        """Returns whether there is time left."""
        return self._remaining_timeout > 0

    def wait_for(self: SimpleExecutorType, wait_for: Callable[[], bool]) -> SimpleExecutorType:
        """Waits until a function returns true. Kills the service if that takes longer than the timeout."""
        return self._wait_for(wait_for)

    def _wait_for(self, function, known=""):
        """`known` is the detail of a timeout; the default is the last output."""
        if not wait_until(function, _milliseconds(self._remaining_timeout)):
            raise self._killed(TimeoutExpired(self, timeout=self._timeout), known or self._last_output())
        return self

    def _killed(self, error, detail):
        """Kills the service, and returns the error to raise.

        Who raises it must not have it in a variable: it would keep itself, and the executor, by its traceback.
        """
        error.detail = detail
        self.kill()
        return error

    # ---- stop ----

    def stop(
        self: SimpleExecutorType, stop_signal: int | None = None, expected_returncode: int | None = None
    ) -> SimpleExecutorType:
        """Stops the service, and waits until nothing of it is left."""
        if sys.is_finalizing() or not self._is_started():
            return self
        number = operator.index(self._stop_signal if stop_signal is None else stop_signal)
        expected = self._expected_returncode if expected_returncode is None else expected_returncode
        if self._popen_tree is not None:
            return self._stop_popen(number, expected)
        expected = Mk.STATUS_NONE if expected is None else expected

        self._native.set_kill_signal(operator.index(self._kill_signal))
        failures = []
        try:
            self._native.stop_full(number, expected, self._stop_limit())
        except GLib.Error as error:
            if not is_error(error, Mk.Error.INVALID_ARGUMENT):
                self._finish_stop()
            failures.append(self._translate(error))
        _raise_one_of(failures)
        self._finish_stop()
        return self

    def _stop_popen(self, number, expected):
        """The same for what a subclass has started by itself."""
        kill_signal = operator.index(self._kill_signal)
        code = self._popen_tree.stop(number, kill_signal, self._stop_limit())
        if self._is_active():
            self._native.kill()
        self._finish_stop()
        # 128 + the signal is what shells, Java and others make of it.
        fine = (-number, 128 + number) if expected is None else (expected,)
        if code and code not in fine:
            raise ProcessFinishedWithError(self, code)
        return self

    def _finish_stop(self):
        self._await_end()
        self._forget_process()

    def _stop_limit(self):
        return _milliseconds(min(self._timeout or math.inf, self.stop_timeout))

    def _await_end(self):
        """A subclass may know of more than the processes, by a running() of its own."""
        if self.running() and not wait_until(lambda: not self.running(), self._stop_limit()):
            self.kill()

    @contextmanager
    def stopped(self: SimpleExecutorType) -> Iterator[SimpleExecutorType]:
        """Stops the service during a with block, if it is running."""
        was_running = self.running()
        if was_running:
            self.stop()
        try:
            yield self
        finally:
            if was_running:
                self.start()

    def kill(self: SimpleExecutorType, wait: bool = True, sig: int | None = None) -> SimpleExecutorType:
        """Kills the service and all processes that it has started."""
        if sys.is_finalizing():
            return self  # all has been killed already
        number = operator.index(self._kill_signal if sig is None else sig)
        if self._popen_tree is not None and not self._popen_tree.kill(number, wait):
            error = ExecutorError(self)
            error.detail = f"process {self.process.pid} does not end, although it was killed"
            raise error
        if self._is_active() or (self.process is not None and self._popen_tree is None):
            self._native.set_kill_signal(number)
            failures = []
            try:
                if wait:
                    self._native.kill()
                else:
                    begin_kill(self._native)
            except GLib.Error as error:
                failures.append(self._translate(error))
            _raise_one_of(failures)
        self._forget_process()
        return self

    def _is_started(self):
        return self.process is not None or self._is_active()

    def _is_active(self):
        return self._native is not None and self._native.get_active()

    def _kill_all_kids(self, sig: int) -> set[int]:
        """Sends a signal to all processes that have the marker of this executor in their environment."""
        marked = processes_with_env(ENV_UUID, self._uuid)
        for pid in marked:
            try:
                os.kill(pid, sig)
            except OSError as error:
                if error.errno not in IGNORED_ERROR_CODES:
                    raise
        return marked

    def _clear_process(self) -> None:
        """Forgets the process; if it lives, it is killed."""
        if self._popen_tree is not None:
            self._popen_tree.kill(operator.index(self._kill_signal))
        if self._is_active():
            self._native.kill()
        self._forget_process()

    def _forget_process(self):
        process = self._popen_tree or self.process
        self.process = None
        if process is not None:
            process.release()
        self._endtime = None

    def __del__(self) -> None:
        if self.process is not None:
            self.kill()

    # ---- words ----

    def _address(self):
        """What str() shows beside the command."""
        return ""

    def _describe(self, length, *more):
        name = f"{type(self).__module__}.{type(self).__name__}"
        command = _shorten(getattr(self, "command", ""), length)
        words = [f'{name}: "{command}"', self._address(), *more]
        return _readable(f"<{' '.join(word for word in words if word)}>")

    def __repr__(self) -> str:
        return self._describe(REPR_LENGTH, hex(id(self)))

    def __str__(self) -> str:
        return self._describe(None, hex(id(self)))


class Executor(SimpleExecutor):
    """An executor that waits until a check says that the service is ready.

    A subclass implements `pre_start_check()`. It overrides `after_start_check()` if that check is different.
    """

    def pre_start_check(self) -> bool:
        """Returns whether the condition is fulfilled before the command is run."""
        raise NotImplementedError

    def after_start_check(self) -> bool:
        """Returns whether the service is ready. By default, calls `pre_start_check()`."""
        return self.pre_start_check()

    def start(self: ExecutorType) -> ExecutorType:
        """Runs the command, and waits until its service is ready."""
        if self.pre_start_check():
            raise self._already_running()
        super().start()
        try:
            self.wait_for(self.check_subprocess)
        except BaseException:
            self.kill()
            raise
        return self

    def _already_running(self):
        error = AlreadyRunning(self)
        probe = probe_of(self.pre_start_check) or probe_of(self.after_start_check)
        error.detail = describe_holder(probe) if probe else ""
        return error

    def check_subprocess(self) -> bool:
        """Returns whether the service is ready. Raises an error if its process has ended with one."""
        code = self.process.poll() if self.process is not None else None
        if code:
            raise self._killed(ProcessExitedWithError(self, code), self._last_output())
        return self.after_start_check()

    def wait_for(self: ExecutorType, wait_for: Callable[[], bool]) -> ExecutorType:
        """Waits until a function returns true. Kills the service if that takes longer than the timeout."""
        is_own_check = getattr(wait_for, "__func__", None) is Executor.check_subprocess
        if is_own_check and isinstance(self.process, Process) and self._endtime == self._spawn_endtime:
            return self._wait_until_ready()
        return super().wait_for(wait_for)

    def _see_early_exit(self):
        """Fails if the service exits right after it seemed to be ready, as a server does that cannot load a module."""
        until = GLib.get_monotonic_time() + 1000 * EARLY_EXIT_MS
        probe = Mk.CallbackProbe.new(lambda: GLib.get_monotonic_time() >= until)
        probe.set_interval(EARLY_EXIT_MS)
        try:
            self._native.wait_for(probe)
        except GLib.Error as error:
            if not is_error(error, Mk.Error.TIMED_OUT):
                raise

    def _wait_until_ready(self):
        """The same as waiting for check_subprocess(), but the library watches the process, and polls."""
        probe, raised = probe_of(self.after_start_check), []
        if probe is None and has_greenlets():
            self._wait_for(self.check_subprocess)
            probe, _ = function_probe(lambda: True)
        elif probe is None:
            probe, raised = function_probe(self.after_start_check)
        failures = []
        try:
            self._native.wait_for(probe)
            if not raised:
                self._see_early_exit()
        except GLib.Error as error:
            message = error.message
            if not is_error(error, Mk.Error.EXITED) or self._native.get_exit_status() != 0:
                failures.append(self._killed(self._translate(error), message))
        else:
            message = None
        _raise_one_of(failures)
        if message is not None:
            # Nothing of it is left here, but it may have had something started elsewhere.
            return self._wait_for(self.check_subprocess, message)
        if raised:
            raise raised.pop()
        return self
