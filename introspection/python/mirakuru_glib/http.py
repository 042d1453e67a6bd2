# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are ready when a URL responds with the expected status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException  # noqa: F401  # for the checks of dependants
from typing import Any
from urllib.parse import urlencode, urlparse

from ._native import GLib, Mk, probed
from .tcp import TCPExecutor

HTTPS_PORT = 443


class HTTPExecutor(TCPExecutor):
    """An executor that waits until a URL responds with the expected status."""

    DEFAULT_PORT = 80

    def __init__(
        self,
        command: str | list[str] | tuple[str, ...],
        url: str,
        status: str | int = r"^2\d\d$",
        method: str = "HEAD",
        payload: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.url = urlparse(url)
        if not self.url.hostname:
            raise ValueError("Url provided does not contain hostname")
        port = self.url.port
        if port is None:
            port = HTTPS_PORT if self.url.scheme == "https" else self.DEFAULT_PORT

        self.status = str(status)
        self.status_re = re.compile(self.status)
        self.method = method
        self.payload = payload
        self.headers = headers
        super().__init__(command, host=self.url.hostname, port=port, **kwargs)

    def _uri(self):
        user, at, _host = self.url.netloc.rpartition("@")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url._replace(netloc=f"{user}{at}{host}:{self.port}", fragment="").geturl()

    @probed
    def after_start_check(self):
        """Returns whether the URL responds with the expected status."""
        probe = Mk.HttpProbe.new(self._uri())
        probe.set_status(self.status)
        probe.set_method(self.method)
        if self.headers:
            probe.set_headers([f"{name}: {value}" for name, value in dict(self.headers).items()])
        if self.payload:
            probe.set_body(GLib.Bytes.new(urlencode(self.payload).encode()))
            probe.set_content_type("application/x-www-form-urlencoded")
        return probe

    def _address(self):
        return self.url.geturl() if hasattr(self, "url") else ""
