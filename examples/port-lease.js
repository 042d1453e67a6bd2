#!/usr/bin/gjs -m
// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';

const lease = Mk.PortLease.new();
const redis = Mk.TcpExecutor.new(['redis-server', '--port', `${lease.port}`, '--save', ''], '127.0.0.1', lease.port);
redis.start(null);
const [, reply] = GLib.spawn_command_line_sync(`redis-cli -p ${lease.port} ping`);
print(new TextDecoder().decode(reply).trim());
redis.stop(null);
lease.release();
