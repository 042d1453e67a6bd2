#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

import subprocess
import sys

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

redis = Mk.TcpExecutor(
    command="redis-server --port {port} --save ''",
    launcher=sys.argv[1:],  # such as: ssh -o BatchMode=yes far
    forwards=["{port}"],
    host="127.0.0.1",
)

with redis:
    print(subprocess.check_output(["redis-cli", "-p", redis.dup_value("port"), "ping"], text=True), end="")
