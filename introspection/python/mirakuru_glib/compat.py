# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mirakuru has for other systems; this is Linux, where all signals are there."""

import signal

SIGKILL = signal.SIGKILL
IS_WINDOWS = False
IS_DARWIN = False

__all__ = ["IS_DARWIN", "IS_WINDOWS", "SIGKILL"]
