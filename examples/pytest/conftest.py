# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
from pytest_mirakuru_glib import mk_service

redis = mk_service("redis-server --port {port} --dir {dir} --save ''", tcp="127.0.0.1:{port}")
