# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import gi

gi.require_version("Mk", "1")
from gi.repository import Mk

web = Mk.UnixSocketExecutor.new(["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"], "@app")
web.set_start_timeout(3000)
try:
    web.start()
except Mk.TimedOutError:
    print(web.dup_report())
