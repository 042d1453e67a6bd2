#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

mkdir data
mirakuru run --quiet --service 'redis-server --port {port} --dir data --save "3600 1"' --name redis --tcp '{port}' -- \
  redis-cli -p '{redis.port}' set tea green

# [command]
mirakuru run --service 'redis-server --port {port} --dir data' --name redis \
  --exec 'redis-cli -e -p {port} ping' -- redis-cli -p '{redis.port}' get tea
# [end]
