#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

with Mk.TcpExecutor.new(["redis-server", "--port", "{port}", "--dir", "{dir}"], "127.0.0.1", 0) as redis:
    print(subprocess.check_output(["redis-cli", "-p", redis.dup_value("port"), "ping"], text=True))
