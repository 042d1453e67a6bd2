#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
folder=$(mktemp -d)
cp "$1" "$folder" # services.ini
cd "$folder"
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

# [two]
mirakuru run \
  --service "redis-server --port 0 --unixsocket ./redis.socket" --unix redis.socket \
  --service "python3 -m http.server $port --bind 127.0.0.1" --http "http://127.0.0.1:$port/" -- \
  redis-cli -s redis.socket ping
# [end]

# [wait]
(sleep 0.1; touch there) &
mirakuru wait --file there --timeout 5 -- echo 'it is there'
# [end]

# [values]
mirakuru run --service "redis-server --port {port} --dir {dir} --save ''" --name redis --tcp '{port}' \
  --service 'redis-cli -p {redis.port} set tea green' --completes -- \
  redis-cli -p '{redis.port}' get tea
# [end]

# [template]
mirakuru run --template redis -- redis-cli -p '{redis.port}' ping
# [end]

# [file]
mirakuru run --file services.ini -- redis-cli -u '{redis.url}' get tea
# [end]
