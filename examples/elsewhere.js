// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';

const redis = new Mk.TcpExecutor({
  command: ['redis-server', '--port', '{port}', '--save', ''],
  launcher: ARGV, // such as: ssh -o BatchMode=yes far
  forwards: ['{port}'],
  host: '127.0.0.1',
});

await redis.start_async(null);
const [, reply] = GLib.spawn_command_line_sync(`redis-cli -p ${redis.dup_value('port')} ping`);
print(new TextDecoder().decode(reply).trim());
await redis.stop_async(null);
