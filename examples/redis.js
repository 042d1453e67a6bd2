#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

const listener = new Gio.SocketListener();
const port = listener.add_any_inet_port(null);
listener.close();

// [taste]
const redis = Mk.TcpExecutor.new(['redis-server', '--port', `${port}`, '--save', ''], '127.0.0.1', port);
redis.start(null); // returns once redis accepts connections
Gio.Subprocess.new(['redis-cli', '-p', `${port}`, 'ping'], Gio.SubprocessFlags.NONE).wait_check(null);
redis.stop(null); // returns once nothing of it is left
// [end]
