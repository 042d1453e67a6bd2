#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import socket
import sys
import tempfile

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def run(executor):
    executor.start()
    executor.stop()
    print(f"{type(executor).__name__}: fine")


directory = tempfile.TemporaryDirectory()
os.chdir(directory.name)
port = free_port()

# [tcp]
executor = Mk.TcpExecutor.new(["redis-server", "--port", str(port)], "127.0.0.1", port)
# [end]
run(executor)

# [unix]
executor = Mk.UnixSocketExecutor.new(
    ["redis-server", "--port", "0", "--unixsocket", "./redis.socket"], "redis.socket"
)
# [end]
run(executor)

# [http]
executor = Mk.HttpExecutor.new(
    [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
    f"http://127.0.0.1:{port}/",
)
executor.props.status = r"200|404"
# [end]
run(executor)

# [pid]
executor = Mk.PidExecutor.new(
    ["redis-server", "--port", str(port), "--daemonize", "yes", "--pidfile", f"{directory.name}/redis.pid"],
    "redis.pid",
)
# [end]
run(executor)

# [output]
executor = Mk.OutputExecutor.new(["redis-server", "--port", str(port)], "Ready to accept connections")
executor.props.failure_pattern = "Fatal error"
# [end]
run(executor)

# [banner-and-port]
executor = Mk.OutputExecutor.new(["redis-server", "--port", str(port)], "Ready to accept connections")
executor.props.probe = Mk.TcpProbe.new("127.0.0.1", port)
# [end]
run(executor)

# [command]
probe = Mk.CommandProbe.new(["redis-cli", "-p", str(port), "ping"])
executor = Mk.Executor.new(["redis-server", "--port", str(port)], probe)
# [end]
run(executor)

# [all]
probe = Mk.AllProbe.new([Mk.TcpProbe.new("127.0.0.1", port), Mk.FileProbe.new("redis.pid")])
executor = Mk.Executor.new(
    ["redis-server", "--port", str(port), "--pidfile", f"{directory.name}/redis.pid"], probe
)
# [end]
run(executor)

# [alone]
server = socket.create_server(("127.0.0.1", port))
Mk.TcpProbe.new("127.0.0.1", port).wait(5000)
# [end]
