# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

group = Mk.ExecutorGroup()
group.add("redis", Mk.TcpExecutor.new("redis-server --port {port} --dir {dir} --save ''", "127.0.0.1", 0))
group.add("filled", Mk.SimpleExecutor(command="redis-cli -p {redis.port} set tea green", completes=True))

with group:
    command = group.expand("redis-cli -p {redis.port} get tea")
    print(subprocess.check_output(command.split(), text=True), end="")
