# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process of a service, with the interface of subprocess.Popen."""

import functools
import io
import locale
import math
import os
import signal
import subprocess
import sys
import time

from gi.overrides.Mk import read_bytes

from ._native import Gio, GLib, Mk, has_greenlets, original, pauses, wait_until

# A thread that is a greenlet would keep the others from going on.
_thread, _select = original("_thread"), original("select")


def _waits(attempt, timeout):
    """Whether attempt(seconds), which blocks for so long, is successful within `timeout` seconds (None: no limit)."""
    if not has_greenlets():
        return attempt(timeout)
    return any(attempt(0) for _ in pauses(timeout)) or attempt(0)


def _polls(number, events, timeout):
    poll = _select.poll()
    poll.register(number, events)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _is_readable(number, timeout):
    return _polls(number, _select.POLLIN, timeout)


def _is_writable(number, timeout):
    return _polls(number, _select.POLLOUT, timeout)


class OutputReader(io.RawIOBase):
    """What the service prints, from the beginning; the library reads it whether anybody reads here or not."""

    def __init__(self, stream, skips_line=False):
        super().__init__()
        self._stream = stream
        self._skips_line = skips_line
        self._pipe = None
        self._cancellable = Gio.Cancellable()

    def readable(self):
        return True

    def _read(self, count):
        if self._pipe is None:
            return read_bytes(self._stream, count).get_data() or b""
        if has_greenlets() and os.get_blocking(self._pipe):
            _waits(functools.partial(_is_readable, self._pipe), None)
        return os.read(self._pipe, count)

    def readinto(self, buffer):
        try:
            data = self._read(len(buffer))
            while self._skips_line and data:
                _line, newline, data = data.partition(b"\n")
                self._skips_line = not newline
                data = data or self._read(len(buffer))
        except BlockingIOError:
            return None  # somebody has made the descriptor non-blocking
        buffer[: len(data)] = data
        return len(data)

    def fileno(self):
        """A descriptor that can be polled. It needs a thread, which is started when this is called."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if self._pipe is None:
            self._pipe, sink = os.pipe()
            _thread.start_new_thread(self._pump, (self._stream, self._cancellable, sink))
        return self._pipe

    @staticmethod
    def _pump(stream, cancellable, sink):
        try:
            while data := stream.read_bytes(65536, cancellable).get_data():
                while data:
                    data = data[os.write(sink, data) :]
        except (GLib.Error, OSError):
            pass
        finally:
            os.close(sink)

    def close(self):
        if not self.closed and not sys.is_finalizing():
            self._cancellable.cancel()
            if self._pipe is not None:
                os.close(self._pipe)
        super().close()


class InputWriter(io.RawIOBase):
    """The standard input of the service."""

    def __init__(self, stream):
        super().__init__()
        self._stream = stream

    def writable(self):
        return True

    def fileno(self):
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self._stream.get_fd()

    def write(self, data):
        if has_greenlets():
            _waits(functools.partial(_is_writable, self.fileno()), None)
            data = data[: _select.PIPE_BUF]  # there is room for so much
        return os.write(self.fileno(), data)

    def close(self):
        if not self.closed and not sys.is_finalizing():
            try:
                self._stream.close(None)
            except GLib.Error:
                pass
        super().close()


def _is_text(kwargs):
    return any(kwargs.get(name) for name in ("universal_newlines", "text", "encoding", "errors"))


def _as_text(file, kwargs, **options):
    if not _is_text(kwargs):
        return file
    encoding = kwargs.get("encoding") or locale.getpreferredencoding(False)
    return io.TextIOWrapper(file, encoding, kwargs.get("errors") or "replace", **options)


class _Task:
    """A call that may take longer than its caller wants to wait."""

    def __init__(self, function, *args):
        self._result, self._error = None, None
        self._running = _thread.allocate_lock()
        if function is not None:
            self._running.acquire()
            _thread.start_new_thread(self._run, (function, args))

    def _run(self, function, args):
        try:
            self._result = function(*args)
        except Exception as error:  # pylint: disable=broad-except
            self._error = error
        finally:
            self._running.release()

    def wait(self, timeout):
        if not _waits(self._has_ended, timeout):
            return False
        self._running.release()
        return True

    def _has_ended(self, timeout):
        return self._running.acquire(timeout=-1 if timeout is None else timeout)

    def get(self):
        if self._error is not None:
            raise self._error
        return self._result


class Process:
    """A started command. It belongs to an executor, and is over when that is stopped."""

    def __init__(self, native, kwargs, skipping=()):
        self._native = native
        self.args = native.get_command()
        self.pid = native.get_pid()
        self.returncode = None
        self._exchange = None
        self._pidfd = None
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            pass  # an old kernel, or it has ended
        self.stdin = self._open_input(kwargs)
        self.stdout = self._open_output(Mk.Stream.STDOUT, kwargs, skipping)
        self.stderr = self._open_output(Mk.Stream.STDERR, kwargs, skipping)

    def _open_input(self, kwargs):
        stream = self._native.dup_stdin()
        if stream is None:
            return None
        options = {"write_through": True, "line_buffering": kwargs.get("bufsize") == 1}
        file = InputWriter(stream)
        return _as_text(file if kwargs.get("bufsize") == 0 else io.BufferedWriter(file), kwargs, **options)

    def _open_output(self, which, kwargs, skipping):
        if self._native.get_property(f"{which.value_nick}-mode") != Mk.StdioMode.CAPTURE:
            return None
        reader = OutputReader(self._native.open_output(which), skips_line=which in skipping)
        return _as_text(reader if kwargs.get("bufsize") == 0 else io.BufferedReader(reader), kwargs)

    def __repr__(self):
        return f"<{type(self).__name__}: returncode: {self.returncode} args: {self.args!r}>"

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._close_streams()
        self.wait()

    @property
    def universal_newlines(self):
        return isinstance(self.stdout, io.TextIOBase)

    def poll(self):
        """The exit code, None while the process lives."""
        if self.returncode is None:
            self.returncode = self._find_status()
        return self.returncode

    def _find_status(self):
        # At the end of the interpreter the library cannot be called any more.
        native = None if sys.is_finalizing() else self._native
        if native is not None:
            running = native.get_running()  # first: once it is false there is a status
            if (status := native.get_exit_status()) != Mk.STATUS_NONE:
                return status
            if running:
                return None
        return -signal.SIGKILL  # and its end was not noticed

    def wait(self, timeout=None):
        """Waits for the process, but not for others that it has started."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self.poll() is None and self._pidfd is not None:
            _waits(functools.partial(_is_readable, self._pidfd), timeout if timeout is None else max(0, timeout))
        # It has ended, which the library may learn a moment later.
        limit = 0 if deadline is None else max(1, math.ceil((deadline - time.monotonic()) * 1000))
        if self.poll() is None and not wait_until(lambda: self.poll() is not None, limit):
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def send_signal(self, sig):
        """Sends a signal to the process, but not to others that it has started."""
        if self.poll() is not None:
            return
        try:
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, sig)
            else:
                os.kill(self.pid, sig)
        except ProcessLookupError:
            pass

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, input=None, timeout=None):  # pylint: disable=redefined-builtin
        """Gives the process its input, and returns everything that it prints."""
        if self._exchange is None:
            self._exchange = [_Task(self._feed, input)]
            self._exchange += [_Task(file.read if file else None) for file in (self.stdout, self.stderr)]
        deadline = None if timeout is None else time.monotonic() + timeout
        for task in self._exchange:
            if not task.wait(None if deadline is None else max(0, deadline - time.monotonic())):
                raise subprocess.TimeoutExpired(self.args, timeout)  # it may be called again then
        try:
            output = [task.get() for task in self._exchange]
        except Exception:
            self._exchange = None
            raise
        self.wait(None if deadline is None else max(0, deadline - time.monotonic()))
        return tuple(output[1:])

    def _feed(self, data):
        if self.stdin is None or self.stdin.closed:
            return
        try:
            if data:
                self.stdin.write(data)
            self.stdin.close()
        except BrokenPipeError:
            pass

    def _close_streams(self):
        for file in (self.stdin, self.stdout, self.stderr):
            try:
                if file is not None:
                    file.close()
            except OSError:
                pass  # nothing reads what is still to be written
            except RuntimeError:
                pass  # another greenlet is in it, and sees its end

    def release(self):
        """Cuts the tie to the executor; what is known stays."""
        self.poll()
        self._native = None
        self._close_streams()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
