# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can go wrong with a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import SimpleExecutor


class ExecutorError(Exception):
    """The base of them all.

    `detail` is what the library says about it: the service, what was waited for and for how long,
    what was seen last, the last lines of output. It is empty if the error was raised elsewhere.
    """

    detail = ""

    def __init__(self, executor: SimpleExecutor) -> None:
        super().__init__(executor)
        self.executor = executor

    def _summary(self) -> str:
        return f"Executor {self.executor} failed"

    def __str__(self) -> str:
        return f"{self._summary()}: {self.detail}" if self.detail else f"{self._summary()}."


class TimeoutExpired(ExecutorError):
    """The service was not ready, or a condition not true, in time."""

    def __init__(self, executor: SimpleExecutor, timeout: float | None) -> None:
        super().__init__(executor)
        self.timeout = timeout

    def _summary(self) -> str:
        return f"Executor {self.executor} timed out after {self.timeout} seconds"


class AlreadyRunning(ExecutorError):
    """What would be waited for was ready before anything was started."""

    def _summary(self) -> str:
        return f"Executor {self.executor} seems to be already running"


class ProcessExitedWithError(ExecutorError):
    """The process ended with an error before the service was ready."""

    def __init__(self, executor: SimpleExecutor, exit_code: int) -> None:
        super().__init__(executor)
        self.exit_code = exit_code

    def _summary(self) -> str:
        code = "a non-zero code" if self.exit_code else "code"
        return f"The process invoked by the {self.executor} executor has exited with {code}: {self.exit_code}"


class ProcessFinishedWithError(ProcessExitedWithError):
    """The process had ended, or ended when it was stopped, with another code than expected."""

    def _summary(self) -> str:
        return (
            f"The process invoked by the {self.executor} executor has finished with a non-zero code: "
            f"{self.exit_code}"
        )
