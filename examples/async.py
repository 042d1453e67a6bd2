#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import gi

gi.require_version("Mk", "1")
from gi.repository import GLib, Mk

command = ["redis-server", "--port", "0", "--save", "", "--unixsocket", "./redis.socket"]
redis = Mk.UnixSocketExecutor.new(command, "redis.socket")
loop = GLib.MainLoop()


def on_started(executor, result):
    try:
        executor.start_finish(result)
        print("ready")
    finally:
        executor.stop_async(None, on_stopped)


def on_stopped(executor, result):
    executor.stop_finish(result)
    loop.quit()


redis.start_async(None, on_started)
loop.run()  # turns all the time
