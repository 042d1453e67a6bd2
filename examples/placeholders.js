#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';

const redis = Mk.TcpExecutor.new(['redis-server', '--port', '{port}', '--dir', '{dir}'], '127.0.0.1', 0);
redis.start(null);
const [, reply] = GLib.spawn_command_line_sync(`redis-cli -p ${redis.dup_value('port')} ping`);
print(new TextDecoder().decode(reply).trim());
redis.stop(null);
