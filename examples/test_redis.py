#!/usr/bin/env -S python3 -m pytest
# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

import pytest
from pytest_mirakuru_glib import mk_service

redis = mk_service("redis-server --port {port} --save ''", tcp="127.0.0.1:{port}")


@pytest.fixture
def ask(redis):
    def ask(*words):
        command = ["redis-cli", "-p", str(redis.get_port()), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    return ask


def test_ping(ask):
    assert ask("ping") == "PONG"


@pytest.mark.parametrize("time", ["first", "second"])
def test_set(ask, time):
    """Each test has a server of its own: what another one has set is not there."""
    assert ask("get", "tea") == ""
    assert ask("set", "tea", "green") == "OK"
    assert ask("get", "tea") == "green"
