#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

group = Mk.ExecutorGroup()
group.add_template("redis", "redis")
group.add_service("filled", ["Command=redis-cli -p {redis.port} set tea green", "Completes=true"])

with group:
    command = group.expand("redis-cli -p {redis.port} get tea")
    print(subprocess.check_output(command.split(), text=True), end="")
