#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import sys
import urllib.request

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

# The server picks a free port itself, and says which one.
server = Mk.OutputExecutor.new(
    [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"],
    r"Serving HTTP on (?<host>\S+) port (?<port>\d+)",
)
server.start()
url = f"http://{server.dup_match('host')}:{server.dup_match('port')}/"
print(urllib.request.urlopen(url).status)
server.stop()
