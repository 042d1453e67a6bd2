# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Constants that mirakuru defines for other systems. This module supports only Linux, which has all signals."""

import signal

SIGKILL = signal.SIGKILL
IS_WINDOWS = False
IS_DARWIN = False

__all__ = ["IS_DARWIN", "IS_WINDOWS", "SIGKILL"]
