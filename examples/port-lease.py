#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

with Mk.PortLease.new() as lease:
    port = lease.get_port()
    with Mk.TcpExecutor.new(["redis-server", "--port", str(port), "--save", ""], "127.0.0.1", port):
        print(subprocess.check_output(["redis-cli", "-p", str(port), "ping"], text=True))
