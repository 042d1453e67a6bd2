#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks at the GTK example: its spinner turns while PostgreSQL starts, its list shows the log, the start can be
cancelled, and nothing is left of it, however it ends.

The X server has no screen. It is Xvfb, which prints the number of its display, and draws into a file. So the
test can read the pixels, and keep a screenshot:

    test_window.py PROGRAM [SCREENSHOT.png]
"""

import glob
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import zlib

import gi

gi.require_version("Mk", "1")
from gi.repository import Gio, GLib, Mk

LIMIT_MS = 60000
SIZE = (640, 400)  # that of the window
LIST_TOP = 200  # the list of log lines is below this row
TURNING = 8  # so many different pictures while PostgreSQL starts, which takes a second or more


def start_x_server(folder):
    """Returns the executor, and the name of the display."""
    screen = f"{SIZE[0]}x{SIZE[1]}x24"
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", screen, "-fbdir", folder, "-nolisten", "tcp"]
    server = Mk.OutputExecutor.new(command, r"^(\d+)$")
    server.set_start_timeout(LIMIT_MS)
    server.start()
    return server, ":" + server.dup_match("1")


def read_screen(folder):
    """The pixels, four bytes each: blue, green, red, nothing."""
    with open(f"{folder}/Xvfb_screen0", "rb") as file:
        dump = file.read()  # in the format of xwd
    header = struct.unpack(">25I", dump[:100])
    begin = header[0] + 12 * header[19]  # the colours come before the pixels
    assert header[4:6] == SIZE and header[11] == 32 and header[12] == 4 * SIZE[0], header
    return dump[begin : begin + 4 * SIZE[0] * SIZE[1]]


def write_png(filename, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = SIZE
    rgb = bytearray(3 * width * height)
    rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
    rows = b"".join(b"\0" + rgb[3 * width * y : 3 * width * (y + 1)] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    licence = (
        b"Copyright\0SPDX-FileCopyrightText: mirakuru-glib contributors\n"
        b"SPDX-License-Identifier: LGPL-2.1-or-later"
    )
    with open(filename, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", licence))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def read_list(folder):
    return read_screen(folder)[4 * SIZE[0] * LIST_TOP :]


def start_and_watch(example, folder):
    """Returns the different pictures that were seen until the example says that PostgreSQL is ready."""
    pictures, results = {}, []
    example.start_async(None, lambda _, result: results.append(result))
    waker = GLib.timeout_add(20, lambda: GLib.SOURCE_CONTINUE)
    while not results:
        GLib.MainContext.default().iteration(True)
        pictures[read_screen(folder)] = None
    GLib.source_remove(waker)
    example.start_finish(results[0])
    return list(pictures)


def wait_until(condition, what):
    deadline = time.monotonic() + LIMIT_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def start_bus():
    """Returns a group with a message bus, and its address."""
    group = Mk.ExecutorGroup.new()
    group.add_template("bus", "session-bus")
    group.start()
    return group, GLib.environ_getenv(group.dup_environment(None), "DBUS_SESSION_BUS_ADDRESS")


def new_example(program, banner, display, folder, bus="disabled:"):
    example = Mk.OutputExecutor.new([program], banner)
    example.set_start_timeout(LIMIT_MS)
    example.set_environment(
        [
            f"DISPLAY={display}",
            f"TMPDIR={folder}",
            f"DBUS_SESSION_BUS_ADDRESS={bus}",
            "GDK_BACKEND=x11",
            "GSETTINGS_BACKEND=memory",
            "GSK_RENDERER=cairo",
            "GTK_A11Y=none",
        ]
    )
    return example


def data_folders(folder):
    return glob.glob(f"{folder}/mirakuru-postgres-*")


def close_window(example, folder):
    """A stop would tell all of the processes; this tells the program alone."""
    example.send_signal(signal.SIGTERM)
    wait_until(lambda: not example.get_active(), "the window closes")
    assert example.get_exit_status() == 0, example.get_exit_status()
    assert not data_folders(folder), "the data folder is left"


def is_still(folder):
    before = read_screen(folder)
    time.sleep(0.3)
    return read_screen(folder) == before


def check_window(program, screenshot, display, folder):
    banner = r"PostgreSQL accepts connections at 127.0.0.1:(\d+)"
    example = new_example(program, banner, display, folder)
    pictures = start_and_watch(example, folder)
    print(f"{len(pictures)} different pictures while PostgreSQL started")
    assert len(pictures) >= TURNING, "the spinner does not turn"
    if screenshot:
        write_png(screenshot, pictures[-1])

    socket.create_connection(("127.0.0.1", int(example.dup_match("1"))), 10).close()
    assert data_folders(folder), "there is no data folder"
    wait_until(lambda: is_still(folder), "the spinner stops")
    assert read_screen(folder) != pictures[len(pictures) // 2], "the window does not show that PostgreSQL is ready"
    assert len(set(read_list(folder))) > 10, "the list shows no lines"
    close_window(example, folder)


def check_closed_early(program, display, folder):
    example = new_example(program, "Starting PostgreSQL", display, folder)
    example.start()
    wait_until(lambda: data_folders(folder), "there is a data folder")
    close_window(example, folder)
    assert b"accepts" not in example.dup_output(Mk.Stream.STDOUT).get_data()


def cancel(address):
    """What the button does: it activates the action of the application, which is on the bus."""
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
    arguments = GLib.Variant("(sava{sv})", ("cancel", [], {}))
    name, path = "org.example.Postgres", "/org/example/Postgres"
    bus.call_sync(name, path, "org.gtk.Actions", "Activate", arguments, None, Gio.DBusCallFlags.NONE, -1, None)
    bus.close_sync(None)


def check_cancelled(program, display, folder):
    bus, address = start_bus()
    example = new_example(program, "Starting PostgreSQL", display, folder, address)
    example.start()
    wait_until(lambda: data_folders(folder), "there is a data folder")
    cancel(address)
    wait_until(lambda: not data_folders(folder), "the start is cancelled")
    wait_until(lambda: is_still(folder), "the spinner stops")
    assert example.get_running(), "the window is gone"
    close_window(example, folder)
    printed = example.dup_output(Mk.Stream.STDOUT).get_data()
    assert b"Cancelling" in printed and b"accepts" not in printed, printed
    bus.stop()


def check_killed(program, display, folder):
    """PostgreSQL has another supervisor than the program: it ends without the help of this test."""
    example = new_example(program, "PostgreSQL accepts connections", display, folder)
    example.start()
    example.send_signal(signal.SIGKILL)
    wait_until(lambda: not example.get_active(), "no process is left")
    wait_until(lambda: not data_folders(folder), "the data folder is gone")


def main():
    program, *screenshot = sys.argv[1:]
    if not shutil.which("Xvfb") or not shutil.which("dbus-daemon"):
        print("Xvfb or dbus-daemon is not installed")
        return 77
    if not shutil.which("psql") or not glob.glob("/usr/lib/postgresql/*/bin/initdb"):
        print("PostgreSQL is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # PostgreSQL may run as another user
        server, display = start_x_server(folder)
        check_window(program, screenshot[0] if screenshot else None, display, folder)
        check_closed_early(program, display, folder)
        check_cancelled(program, display, folder)
        check_killed(program, display, folder)
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
