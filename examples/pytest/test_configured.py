# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import gi

gi.require_version("Mk", "1")
from gi.repository import Mk
from pytest_mirakuru_glib import mk_service


def redis_with_file(port, dir):
    (dir / "redis.conf").write_text(f"port {port}\nmaxmemory 1048576\n")
    return Mk.TcpExecutor(command="redis-server redis.conf", cwd=dir, host="127.0.0.1", port=port)


configured = mk_service(redis_with_file)


def test_file(configured):
    command = ["redis-cli", "-p", str(configured.port), "config", "get", "maxmemory"]
    assert subprocess.check_output(command, text=True) == "maxmemory\n1048576\n"
