# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds processes by their environment."""

from __future__ import annotations

import os


def _has_own_proc():
    """Not so in some sandboxes: in the /proc of another PID namespace the numbers mean other processes."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def _has(pid, entry):
    with open(f"/proc/{pid}/environ", "rb") as environment:
        if not any(f"{found}:".startswith(f"{entry}:") for found in os.fsdecode(environment.read()).split("\0")):
            return False
    # The supervisor of a service has the same environment, but is not one of its processes.
    with open(f"/proc/{pid}/comm", "rb") as name:
        return name.read() != b"mk-supervisor\n"


def processes_with_env(env_name: str, env_value: str) -> set[int]:
    """The ids of the processes that were started with this value of a variable, or with it before a colon.

    So the marker of an executor finds its own processes, and a process id those of all its executors.
    """
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc") if _has_own_proc() else ()):
        try:
            if _has(pid, f"{env_name}={env_value}"):
                found.add(int(pid))
        except OSError:
            pass  # it has ended, or is not ours
    return found
