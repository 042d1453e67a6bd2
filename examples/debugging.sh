#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Starts that fail, for the manual: debugging.txt has what they print. REDIS_PORT is that of a redis that runs.
set -eu
port=$REDIS_PORT

# [wrong-argument]
mirakuru run --service 'redis-server --prot {port}' --tcp '{port}' || echo "exit status $?"
# [end]

# [port-taken]
mirakuru run --service "redis-server --port $port" --tcp "$port" || echo "exit status $?"
# [end]

# [never-ready]
mirakuru run --timeout 3 --service 'python3 -u -m http.server {port} --bind 127.0.0.1' --name web \
  --tcp '{port:admin}' || echo "exit status $?"
# [end]

# [verbose]
mirakuru run --timeout 3 --verbose --report report.json --timeline timeline.svg --log-dir log \
  --service 'python3 -u -m http.server {port} --bind 127.0.0.1' --name web --tcp '{port:admin}' || echo "exit status $?"
# [end]

# [report]
grep -B 1 -A 1 attempts report.json
# [end]

# [debug]
G_MESSAGES_DEBUG=mirakuru-glib mirakuru run --quiet --timeout 2 --service 'sleep 60' --unix @app ||
  echo "exit status $?"
# [end]

test -s log/web.log
test -s timeline.svg
