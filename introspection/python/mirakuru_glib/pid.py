# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services that are ready when a file exists."""

from __future__ import annotations

import os
from typing import Any

from ._native import Mk, probed
from .base import Executor


class PidExecutor(Executor):
    """An executor that waits until a file exists."""

    def __init__(
        self, command: str | list[str] | tuple[str, ...], filename: str | os.PathLike[str], **kwargs: Any
    ) -> None:
        super().__init__(command, **kwargs)
        if not filename:
            raise ValueError("the name of the pid file is empty")
        self.filename = filename

    @probed
    def pre_start_check(self):
        """Returns whether the file exists before the command is run."""
        return Mk.FileProbe.new(self.filename)

    @probed
    def after_start_check(self):
        """Returns whether the file exists."""
        # This one gives an empty file a moment: who waits for a pid file is about to read it.
        return Mk.PidExecutor(filename=self.filename).get_probe()

    def _address(self):
        return os.fsdecode(getattr(self, "filename", ""))
