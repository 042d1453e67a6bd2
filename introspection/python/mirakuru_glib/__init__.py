# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interface of mirakuru 3.0.2 on top of mirakuru-glib.

In a program, use `import mirakuru_glib as mirakuru`. If a package imports mirakuru itself, first run

    import sys, mirakuru_glib
    sys.modules["mirakuru"] = mirakuru_glib
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys

from .base import Executor, SimpleExecutor
from .exceptions import (
    AlreadyRunning,
    ExecutorError,
    ProcessExitedWithError,
    ProcessFinishedWithError,
    TimeoutExpired,
)
from .http import HTTPExecutor
from .output import OutputExecutor
from .pid import PidExecutor
from .tcp import TCPExecutor
from .unixsocket import UnixSocketExecutor
from . import compat  # noqa: F401

# That of the interface.
__version__ = "3.0.2"

__all__ = [
    "AlreadyRunning",
    "Executor",
    "ExecutorError",
    "HTTPExecutor",
    "OutputExecutor",
    "PidExecutor",
    "ProcessExitedWithError",
    "ProcessFinishedWithError",
    "SimpleExecutor",
    "TCPExecutor",
    "TimeoutExpired",
    "UnixSocketExecutor",
]


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Where this package is known by another name too, its modules are, and none is loaded twice."""

    def find_spec(self, fullname, path, target=None):
        alias, _, name = fullname.partition(".")
        if not name or alias == __name__ or sys.modules.get(alias) is not sys.modules.get(__name__):
            return None
        if importlib.util.find_spec(f"{__name__}.{name}") is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__.partition(".")[2]
        sys.modules[module.__name__] = importlib.import_module(f"{__name__}.{name}")


sys.meta_path.insert(0, _AliasFinder())
