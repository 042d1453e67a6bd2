# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess


def ask(redis, *request):
    command = ["redis-cli", "-p", str(redis.port), *request]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def test_ping(redis):
    assert ask(redis, "ping") == "PONG"


def test_set(redis):
    assert ask(redis, "get", "tea") == ""  # each test has a server of its own
    assert ask(redis, "set", "tea", "green") == "OK"
    assert ask(redis, "get", "tea") == "green"
