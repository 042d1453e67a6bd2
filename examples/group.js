// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';

const group = Mk.ExecutorGroup.new();
group.add('redis', Mk.TcpExecutor.new(
  ['redis-server', '--port', '{port}', '--dir', '{dir}', '--save', ''], '127.0.0.1', 0));
group.add('filled', new Mk.SimpleExecutor({
  command: ['redis-cli', '-p', '{redis.port}', 'set', 'tea', 'green'], completes: true,
}));

await Mk.withGroup(group, () => {
  const [, reply] = GLib.spawn_command_line_sync(group.expand('redis-cli -p {redis.port} get tea'));
  print(new TextDecoder().decode(reply).trim());
});
