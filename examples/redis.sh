#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

mirakuru run --quiet --service "redis-server --port $port --save ''" --tcp "127.0.0.1:$port" -- \
  redis-cli -p "$port" ping
