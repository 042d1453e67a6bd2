#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
folder=$(mktemp -d)
cp "$@" "$folder" # services.ini and ci.sh
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

# [status]
sh ci.sh sh -c 'redis-cli -u "$REDIS_URL" get tea; exit 7' || echo "exit status $?"
# [end]
grep -q '"status" : 7,' artifacts/report.json
for file in logs/redis.log logs/web.log timeline.svg; do
  test -s "artifacts/$file"
done

# The job is ended while its command runs.
# shellcheck disable=SC2016 # the variable is one of the command
sh ci.sh sh -c 'echo "$WEB_PORT" > port; exec sleep 60' &
mirakuru wait --quiet --exec "test -s port"
status=0
kill $!
wait $! || status=$?
test "$status" = 143
mirakuru wait --quiet --gone --tcp "$(cat port)" --timeout 5
