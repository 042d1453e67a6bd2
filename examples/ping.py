#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

# [taste]
group = Mk.ExecutorGroup()
group.add_template("redis", "redis")
with group:  # goes on once redis is ready, and ends once nothing of it is left
    subprocess.run(["redis-cli", "-p", group.dup_value("redis.port"), "ping"], check=True)
# [end]
