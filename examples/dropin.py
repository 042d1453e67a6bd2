#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import socket
import subprocess

import mirakuru_glib as mirakuru

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]

redis = mirakuru.TCPExecutor(f"redis-server --port {port} --save ''", "127.0.0.1", port, timeout=10)
with redis:
    subprocess.run(["redis-cli", "-p", str(port), "ping"], check=True)
    assert redis.running() and redis.process.poll() is None
    redis.native.set_stop_timeout(2000)  # all of the library is there, too

try:
    mirakuru.OutputExecutor("false", "a line that never comes").start()
except mirakuru.ProcessExitedWithError as error:
    print(error.exit_code)
