# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that a subclass has started by itself, with subprocess.Popen or something like it."""

import os
import signal

from ._native import wait_until
from .base_env import processes_with_env

# How long a process that was sent SIGKILL is waited for, in milliseconds; it may hang in the kernel.
_KILL_LIMIT = 5000


class PopenTree:
    """A process with `pid` and `poll()`, its process group if it leads one, and all that have the marker."""

    def __init__(self, process, marker_name, marker):
        self._process = process
        self._marker = (marker_name, marker)
        self._owner = os.getpid()
        try:
            self._leads_group = os.getpgid(process.pid) == process.pid
        except (OSError, TypeError):
            self._leads_group = False

    def _has_ended(self):
        return self._process.poll() is not None

    def _others(self):
        return processes_with_env(*self._marker) - {self._process.pid}

    def _send(self, number):
        ended = self._has_ended()
        try:
            if self._leads_group:
                os.killpg(self._process.pid, number)
            elif not ended:
                os.kill(self._process.pid, number)
        except ProcessLookupError:
            pass  # it has just ended

    def _send_to_others(self, number):
        for pid in self._others():
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # it has just ended, or is not ours

    def stop(self, number, kill_number, limit):
        """Ends all with a signal, and kills what is left after `limit` milliseconds (0 for no limit).

        Returns the exit code; None if the process had to be killed.
        """
        self._send(number)
        if not wait_until(self._has_ended, limit):
            self.kill(kill_number)
            return None
        self._send_to_others(number)
        if not wait_until(lambda: not self._others(), limit):
            self._kill_others()
        return self._process.poll()

    def _kill_others(self):
        self._send_to_others(signal.SIGKILL)
        wait_until(lambda: not self._others(), _KILL_LIMIT)

    def kill(self, number, wait=True):
        """Kills all at once. Returns whether the process has ended."""
        self._send(number)
        self._send_to_others(number)
        if not wait:
            return True
        if not wait_until(self._has_ended, _KILL_LIMIT):
            self._send(signal.SIGKILL)
            if not wait_until(self._has_ended, _KILL_LIMIT):
                return False
        self._kill_others()
        return True

    def end(self):
        """For when an executor is gone, or the interpreter is about to end; not in a forked child."""
        if os.getpid() == self._owner:
            self.kill(signal.SIGKILL)

    def release(self):
        """Closes the pipes, as Popen does when its with statement ends."""
        for name in ("stdin", "stdout", "stderr"):
            try:
                if (file := getattr(self._process, name, None)) is not None:
                    file.close()
            except OSError:
                pass  # nothing reads what is still to be written
