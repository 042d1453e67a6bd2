# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that print a banner when they are ready."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any, TypeVar

from ._native import Mk
from .base import SimpleExecutor

# For the type hints of dependants.
OutputExecutorType = TypeVar("OutputExecutorType", bound="OutputExecutor")

_STREAMS = {"stdout": Mk.Stream.STDOUT, "stderr": Mk.Stream.STDERR}
_STREAM_FLAGS = {Mk.Stream.STDOUT: Mk.StreamFlags.STDOUT, Mk.Stream.STDERR: Mk.StreamFlags.STDERR}
# Flags of Python's regular expressions, and how they are written in a pattern
_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}


class OutputExecutor(SimpleExecutor):
    """An executor that waits until the output of the service matches a banner, a regular expression.

    Standard output is searched, and standard error if it is piped. After the start, the output can be
    read from the line after the banner.
    """

    def __init__(
        self, command: str | list[str] | tuple[str, ...], banner: str | re.Pattern[str], **kwargs: Any
    ) -> None:
        super().__init__(command, **kwargs)
        self._banner = re.compile(banner)
        if not any((self._stdout, self._stderr)):
            raise TypeError("At least one of stdout or stderr has to be initialized")

    def _new_native(self):
        return Mk.OutputExecutor()

    def _pattern(self):
        flags = "".join(letter for flag, letter in _FLAGS.items() if self._banner.flags & flag)
        return f"(?{flags}){self._banner.pattern}" if flags else self._banner.pattern

    def _captured(self):
        is_captured = lambda name: self._native.get_property(f"{name}-mode") == Mk.StdioMode.CAPTURE
        return [stream for name, stream in _STREAMS.items() if is_captured(name)]

    def _configure(self, kwargs):
        super()._configure(kwargs)
        streams = self._captured()
        if not streams:
            raise ValueError("the banner cannot be looked for: neither stdout nor stderr is a pipe")
        self._native.set_stream(functools.reduce(operator.or_, (_STREAM_FLAGS[stream] for stream in streams)))
        self._native.set_banner(self._pattern())

    def _streams_with_banner(self):
        """The streams in which the rest of the banner's line must be skipped: the library leaves what follows the match."""
        if (self._native.dup_match("0") or "").endswith("\n"):
            return ()
        streams = self._captured()
        if len(streams) == 1:
            return streams
        text = (self._native.dup_output(Mk.Stream.STDOUT).get_data() or b"").decode(errors="replace")
        seen = any(self._banner.search(line) for line in text.splitlines())
        return (Mk.Stream.STDOUT if seen else Mk.Stream.STDERR,)

    def _address(self):
        banner = getattr(self, "_banner", None)
        return f'"{banner.pattern}"' if banner else ""
