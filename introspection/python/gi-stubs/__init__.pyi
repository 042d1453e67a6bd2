# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without the stubs of PyGObject there is only Mk.

from typing import Any

def __getattr__(name: str) -> Any: ...
