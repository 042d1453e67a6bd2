#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

# The port 0 stands for a free one. {port} is that port.
redis = Mk.TcpExecutor.new(["redis-server", "--port", "{port}", "--save", ""], "127.0.0.1", 0)
redis.start()  # returns once redis accepts connections
subprocess.run(["redis-cli", "-p", redis.dup_value("port"), "ping"], check=True)
redis.stop()  # returns once nothing of it is left
