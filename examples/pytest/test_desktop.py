# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import pytest
from gi.repository import Gio
from pytest_mirakuru_glib import mk_service

pytest.importorskip("dbusmock")

clock = mk_service(
    settings={
        "Command": "/usr/bin/python3 -m dbusmock --session org.example.Clock /org/example/Clock org.example.Clock",
        "DBus": "org.example.Clock",
    },
    needs="session_bus",
)


def test_mock(clock):
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    flags = Gio.DBusCallFlags.NONE
    bus.call_sync("org.example.Clock", "/", "org.freedesktop.DBus.Peer", "Ping", None, None, flags, -1, None)


def test_programs_get_a_home(isolated_home):
    home = subprocess.check_output(["sh", "-c", 'touch "$XDG_CONFIG_HOME/app.ini"; echo $HOME'], text=True)
    assert home == f"{isolated_home}\n"
    assert (isolated_home / ".config/app.ini").exists()
