#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import socket

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk


class PingProbe(Mk.Probe):
    """Satisfied when redis answers PING, which it does not while it loads its data."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def do_check(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False  # not yet

    def do_describe(self):
        return f"redis on port {self.port} to answer PING"


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]

redis = Mk.Executor.new(["redis-server", "--port", str(port), "--save", ""], PingProbe(port))
redis.start()
print("redis answered: PONG")
redis.stop()
