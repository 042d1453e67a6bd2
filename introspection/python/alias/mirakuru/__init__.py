# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mirakuru_glib, known by the name of the package whose interface it has.

For programs and plugins that import mirakuru, from the first import on: `mirakuru` and `mirakuru.tcp` are
`mirakuru_glib` and `mirakuru_glib.tcp`, the same objects by another name.
"""

import sys

import mirakuru_glib
from mirakuru_glib import *  # noqa: F401,F403  # for programs that only read this file, such as type checkers

sys.modules[__name__] = mirakuru_glib
