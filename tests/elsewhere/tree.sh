#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A service that has a child, a daemon in a session of its own, and a daemon with an empty environment.
#
#   tree.sh ID PORT [ignore]   redis-server at PORT, or a process that only waits if that is 0; with `ignore` it
#                              goes on at SIGTERM, SIGHUP and SIGINT
#
# Each process can be told by its arguments: the digits of ID and one more, as the time that it sleeps for.
id=$1
port=$2

sleep "${id}1" &
(setsid sleep "${id}2" > /dev/null 2>&1 < /dev/null &)
env -i PATH="$PATH" setsid sh -c "sleep ${id}3 & exec sleep ${id}4" > /dev/null 2>&1 < /dev/null &

if [ "${3:-}" = ignore ]; then
  trap '' TERM HUP INT
fi
echo "out-$id"
echo "err-$id" >&2

if [ "$port" != 0 ]; then
  exec redis-server --port "$port" --save '' --bind 127.0.0.1 --loglevel warning --syslog-ident "mk$id"
fi
exec sleep "${id}0"
