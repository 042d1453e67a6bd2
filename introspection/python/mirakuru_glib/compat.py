# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mirakuru has for systems that lack a signal; here all are there."""

import signal

SIGKILL = signal.SIGKILL

__all__ = ["SIGKILL"]
