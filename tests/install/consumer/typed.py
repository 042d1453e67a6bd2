# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checked by mypy, and never run: the types of all that is installed are found."""

import gi

gi.require_version("Mk", "1")
import mirakuru_glib
from gi.repository import GLib, Mk
from pytest_mirakuru_glib import mk_service

redis = mk_service("redis-server --port {port}", tcp="127.0.0.1:{port}")
mk_service(template=1)  # type: ignore[arg-type]

executor = Mk.TcpExecutor.new("redis-server", "127.0.0.1", 6379)
executor.set_start_timeout(0.5)  # type: ignore[arg-type]

with mirakuru_glib.TCPExecutor("redis-server", "127.0.0.1", 6379) as other:
    other.start("now")  # type: ignore[call-arg]

GLib.get_user_name()
