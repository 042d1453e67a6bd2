#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

# [launcher]
: "${far:=ssh -o BatchMode=yes far}"
mirakuru run --template redis --launcher "$far" -- redis-cli -p '{redis.port}' ping
# [end]

# [forward]
mirakuru run --service "redis-server --port {port} --save ''" --name redis --launcher "$far" \
  --forward '{port}' --tcp '{port}' -- redis-cli -p '{redis.port}' ping
# [end]
