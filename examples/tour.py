#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the override adds to the typelib."""

import asyncio
import socket

# [with]
import subprocess
from datetime import timedelta

import gi

gi.require_version("Mk", "1")
from gi.repository import GLib, Mk

with Mk.UnixSocketExecutor(
    command="redis-server --port 0 --save '' --unixsocket ./redis.socket",
    path="redis.socket",
    environment={"TZ": "UTC"},
    start_timeout=timedelta(seconds=10),
) as redis:
    subprocess.run(["redis-cli", "-s", "redis.socket", "ping"], check=True)
# [end]

# [stopped]
redis.start()
with redis.stopped():
    print("edit its files, for example")
print(redis.get_state())  # ready again
# [end]
redis.stop()

# [errors]
broken = Mk.TcpExecutor(command="redis-server --port none", host="127.0.0.1", port=1)
try:
    broken.start()
except Mk.TimedOutError:
    print("it takes too long")
except Mk.ExitedError as error:
    print(f"it is misconfigured: {error}")  # and its last lines of output
except Mk.ServiceError as error:
    print(error)
# [end]

# [lines]
with Mk.SimpleExecutor(command=["seq", "3"]) as numbers:
    for line in numbers.lines():
        print(line)
# [end]


# [await]
async def main():
    async with redis:
        print("ready")
        await asyncio.to_thread(subprocess.run, ["redis-cli", "-s", "redis.socket", "ping"])
    async with Mk.SimpleExecutor(command=["seq", "3"]) as numbers:
        async for line in numbers.lines():
            print(line)
    try:
        await asyncio.wait_for(broken.start_async(), 5)
    except Mk.ExitedError:
        print("still misconfigured")


asyncio.run(main())
# [end]


# [steps]
class Prepared(Mk.TcpExecutor):
    """Makes a file that redis needs before it is started."""

    def do_prepare(self, task):
        with open("redis.conf", "w", encoding="utf-8") as file:
            file.write(f"port {self.get_port()}\n")
        task.return_boolean(True)

    def do_build_command(self):
        return ["redis-server", "redis.conf"]


# [end]
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
with Prepared(host="127.0.0.1", port=port):
    subprocess.run(["redis-cli", "-p", str(port), "ping"], check=True)


# [step-fails]
class Unlucky(Mk.SimpleExecutor):
    def do_prepare(self, task):
        raise OSError("no room for the data")


try:
    Unlucky(command="redis-server").start()
except GLib.Error as error:
    print(error.message)  # … prepare() failed: OSError: no room for the data (tour.py:…)
# [end]
