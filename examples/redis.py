#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import socket
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]

# [taste]
redis = Mk.TcpExecutor.new(["redis-server", "--port", str(port), "--save", ""], "127.0.0.1", port)
redis.start()  # returns once redis accepts connections
subprocess.run(["redis-cli", "-p", str(port), "ping"], check=True)
redis.stop()  # returns once nothing of it is left
# [end]
