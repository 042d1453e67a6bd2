# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that starts one service, for tests that kill it, or parts of what it has started.

    host.py '{"command": […], "launcher": […], "forwards": […], "port": …, "events": FD}'

It writes what happens to the descriptor in lines of JSON: "begins" right before the start, then "ready" or "failed".
It does what the lines of its standard input say: "stop", "kill" or "wait", each answered by one line.
"""

import json
import os
import sys
import time

import gi

gi.require_version("Mk", "1")
from gi.repository import GLib, Mk


def say(**what):
    os.write(settings["events"], json.dumps(what).encode() + b"\n")


def do(name, function):
    begun = time.monotonic()
    what = {"event": name, "error": None}
    try:
        function(None)
    except GLib.Error as error:
        what["error"] = {"domain": error.domain, "code": error.code, "message": error.message}
    say(**what, seconds=time.monotonic() - begun, pid=executor.get_pid(), status=executor.props.exit_status)
    return what["error"] is None


settings = json.loads(sys.argv[1])
if settings.get("port"):
    executor = Mk.TcpExecutor.new(settings["command"], "127.0.0.1", settings["port"])
else:
    executor = Mk.SimpleExecutor.new(settings["command"])
executor.set_launcher(settings.get("launcher"))
executor.set_forwards(settings.get("forwards"))
executor.set_environment(settings.get("environment"))
if settings.get("inherit"):
    executor.set_stdout_mode(Mk.StdioMode.INHERIT)
say(event="begins")
if do("started", executor.start):
    actions = {"stop": executor.stop, "kill": executor.kill, "wait": executor.wait_check}
    for line in sys.stdin:
        do(line.strip(), actions[line.strip()])
