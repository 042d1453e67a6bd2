# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checked by mypy with the type stubs, and never run: what is right passes, what is marked is refused."""

import asyncio
import datetime
import pathlib
import signal

from gi.repository import Gio, Mk

with Mk.TcpExecutor(command="redis-server --port 1", host="localhost", port=1) as redis:
    port: int = redis.get_port()
    lines: list[str] = list(redis.lines())
    with redis.stopped() as same:
        same.get_host()

executor = Mk.SimpleExecutor(
    command=["true", pathlib.Path("/")],
    environment={"A": "b"},
    cwd=pathlib.Path("/"),
    start_timeout=datetime.timedelta(seconds=1),
    stop_signal=signal.SIGINT,
)
executor.start(Gio.Cancellable())
executor.start_async(None, lambda *_: None)
text: str = executor.describe()
state: Mk.ExecutorState = executor.props.state

valid, milliseconds = Mk.parse_duration("5s")
limit: int = milliseconds
progress: float = Mk.ExecutorGroup().get_progress()

probes = (Mk.FileProbe.new(path) for path in ("/a", "/b"))
Mk.AnyProbe.new(probes)
try:
    Mk.Executor.new("true", Mk.AllProbe.new([Mk.FileProbe.new("/a"), Mk.TcpProbe(host="h", port=1)])).start()
except Mk.TimedOutError as error:
    message: str = error.message


async def awaited() -> bool:
    async with executor:
        async for line in executor.lines(Mk.Stream.STDERR):
            line.upper()
        await asyncio.gather(executor.wait_async(), executor.stop_async())
    return await Mk.CallbackProbe.new(lambda: True).wait_async(5000)


class Postgres(Mk.UnixSocketExecutor):
    def do_prepare(self, task: Gio.Task) -> None:
        Mk.UnixSocketExecutor.do_prepare(self, task)

    def do_build_command(self) -> str:
        return "postgres"


Mk.TcpExecutor.new("true", 1, "localhost")  # type: ignore[arg-type]
Mk.TcpExecutor(commands="true")  # type: ignore[call-arg]
executor.set_start_timeout(0.5)  # type: ignore[arg-type]
executor.begin()  # type: ignore[attr-defined]
Mk.SimpleExecutor(command=7)  # type: ignore[arg-type]
Mk.AllProbe.new(["port 1"])  # type: ignore[list-item]
Mk.NoSuchError  # type: ignore[attr-defined]
