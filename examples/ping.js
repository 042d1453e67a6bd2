// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

// [taste]
const group = Mk.ExecutorGroup.new();
group.add_template('redis', 'redis');
await Mk.withGroup(group, () => { // called once redis is ready; it is stopped afterwards
  Gio.Subprocess.new(['redis-cli', '-p', group.dup_value('redis.port'), 'ping'], Gio.SubprocessFlags.NONE).wait_check(null);
});
// [end]
