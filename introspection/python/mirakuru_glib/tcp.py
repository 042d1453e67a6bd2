# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are ready when a TCP port accepts connections."""

from __future__ import annotations

from typing import Any

from ._native import Mk, probed
from .base import Executor


class TCPExecutor(Executor):
    """An executor that waits until a TCP port accepts connections, over IPv4 or IPv6."""

    def __init__(self, command: str | list[str] | tuple[str, ...], host: str, port: int, **kwargs: Any) -> None:
        super().__init__(command, **kwargs)
        self.host = host
        self.port = int(port)

    @probed
    def pre_start_check(self):
        """Returns whether the port accepts connections before the command is run."""
        return Mk.TcpProbe.new(self.host, self.port)

    @probed
    def after_start_check(self):
        """Returns whether the port accepts connections."""
        return Mk.TcpProbe.new(self.host, self.port)

    def _address(self):
        return f"{getattr(self, 'host', '')}:{getattr(self, 'port', '')}"
