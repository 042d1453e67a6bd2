#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

// The port 0 stands for a free one. {port} is that port.
const redis = Mk.TcpExecutor.new(['redis-server', '--port', '{port}', '--save', ''], '127.0.0.1', 0);
redis.start(null); // returns once redis accepts connections
Gio.Subprocess.new(['redis-cli', '-p', redis.dup_value('port'), 'ping'], Gio.SubprocessFlags.NONE).wait_check(null);
redis.stop(null); // returns once nothing of it is left
