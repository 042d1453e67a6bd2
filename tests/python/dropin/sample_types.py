# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checked by mypy --strict, and never run: what is right passes, what is marked is refused."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from mirakuru_glib import Executor, HTTPExecutor, OutputExecutor, ProcessExitedWithError, SimpleExecutor, TCPExecutor
from mirakuru_glib.base import ExecutorType
from mirakuru_glib.exceptions import TimeoutExpired
from pytest_mirakuru_glib import mk_service

database = mk_service("server --port {port}", tcp="127.0.0.1:{port}", scope="session", needs=["tmp_path"])


class Redis(TCPExecutor):
    def __init__(self, executable: str, port: int) -> None:
        super().__init__([executable, "--port", str(port)], host="127.0.0.1", port=port, timeout=30, envvars={"A": "b"})

    def version(self) -> str:
        return self.command_parts[0]

    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Redis:
        super().stop(stop_signal or signal.SIGINT, expected_returncode)
        return self


class Ready(Executor):
    def pre_start_check(self) -> bool:
        return False

    def after_start_check(self) -> bool:
        return self.running()


def started(executor: ExecutorType) -> ExecutorType:
    return executor.start()


def fixture() -> Iterator[Redis]:
    with Redis("redis-server", 6379) as redis:
        yield redis


port: int = started(Redis("redis-server", 6379)).port
try:
    HTTPExecutor("true", "http://localhost/", status=204).start().stop()
    OutputExecutor("true", "ready").start().kill(wait=False)
except ProcessExitedWithError as error:
    code: int = error.exit_code
except TimeoutExpired as error:
    text: str = str(error)
line: str = str(SimpleExecutor("true", shell=True))

TCPExecutor("true", 1, "localhost")  # type: ignore[arg-type]
SimpleExecutor(5)  # type: ignore[arg-type]
SimpleExecutor("true").begin()  # type: ignore[attr-defined]
