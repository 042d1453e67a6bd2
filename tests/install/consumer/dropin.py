# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody's program that was written for mirakuru."""

import socket
import subprocess

import mirakuru_glib as mirakuru

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]

redis = mirakuru.TCPExecutor(f"redis-server --port {port} --save ''", host="127.0.0.1", port=port)
with redis:
    assert redis.running()
    subprocess.run(["redis-cli", "-p", str(port), "ping"], check=True)
assert not redis.running()
