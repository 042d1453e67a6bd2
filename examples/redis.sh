#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
mirakuru run --quiet --service "redis-server --port {port} --save ''" --name redis --tcp '{port}' -- \
  redis-cli -p '{redis.port}' ping
