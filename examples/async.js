// SPDX-License-Identifier: LGPL-2.1-or-later
import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

Gio._promisify(Mk.SimpleExecutor.prototype, 'start_async', 'start_finish');
Gio._promisify(Mk.SimpleExecutor.prototype, 'stop_async', 'stop_finish');

const command = ['redis-server', '--port', '0', '--save', '', '--unixsocket', './redis.socket'];
const redis = Mk.UnixSocketExecutor.new(command, 'redis.socket');

await redis.start_async(null);
print('ready');
await redis.stop_async(null);
