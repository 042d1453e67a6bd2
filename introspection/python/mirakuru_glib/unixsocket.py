# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are ready when a Unix socket accepts connections."""

from __future__ import annotations

import os
from typing import Any

from ._native import Mk, probed
from .base import Executor


class UnixSocketExecutor(Executor):
    """An executor that waits until a Unix socket accepts connections."""

    def __init__(self, command: str | list[str] | tuple[str, ...], socket_name: str, **kwargs: Any) -> None:
        super().__init__(command, **kwargs)
        self.socket = socket_name

    @probed
    def pre_start_check(self):
        """Returns whether the socket accepts connections before the command is run."""
        return Mk.UnixSocketProbe.new(self.socket)

    @probed
    def after_start_check(self):
        """Returns whether the socket accepts connections."""
        return Mk.UnixSocketProbe.new(self.socket)

    def _address(self):
        return os.fsdecode(getattr(self, "socket", ""))
