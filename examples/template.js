// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';

const group = Mk.ExecutorGroup.new();
group.add_template('redis', 'redis');
group.add_service('filled', ['Command=redis-cli -p {redis.port} set tea green', 'Completes=true']);

await Mk.withGroup(group, () => {
  const [, reply] = GLib.spawn_command_line_sync(group.expand('redis-cli -p {redis.port} get tea'));
  print(new TextDecoder().decode(reply).trim());
});
