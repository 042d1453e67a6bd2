#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# [alias]
import sys

import mirakuru_glib

sys.modules["mirakuru"] = mirakuru_glib
# [end]

from mirakuru.tcp import TCPExecutor

assert TCPExecutor is mirakuru_glib.TCPExecutor
print("it is known by both names")
