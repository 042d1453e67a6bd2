# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The errors of services."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import SimpleExecutor


class ExecutorError(Exception):
    """The base class of all errors of this package.

    `detail` is the message of the library. It contains the service, the condition and the time of the wait, the
    last failure, and the last lines of output. It is empty if the error does not come from the library.
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
    """The service was not ready in time, or a condition was not fulfilled in time."""

    def __init__(self, executor: SimpleExecutor, timeout: float | None) -> None:
        super().__init__(executor)
        self.timeout = timeout

    def _summary(self) -> str:
        return f"Executor {self.executor} timed out after {self.timeout} seconds"


class AlreadyRunning(ExecutorError):
    """The condition was fulfilled before the command was run."""

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
    """The process has ended with an unexpected code, by itself or when it was stopped."""

    def _summary(self) -> str:
        return (
            f"The process invoked by the {self.executor} executor has finished with a non-zero code: "
            f"{self.exit_code}"
        )
