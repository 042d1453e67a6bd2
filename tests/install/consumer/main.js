// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Somebody's program. The promises and helpers come with the namespace.
import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

const listener = new Gio.SocketListener();
const port = listener.add_any_inet_port(null);
listener.close();

const redis = Mk.TcpExecutor.new(['redis-server', '--port', `${port}`, '--save', ''], '127.0.0.1', port);
await Mk.withExecutor(redis, () => {
  if (redis.state !== Mk.ExecutorState.READY)
    throw new Error('it is not ready');
  Gio.Subprocess.new(['redis-cli', '-p', `${port}`, 'ping'], Gio.SubprocessFlags.NONE).wait_check(null);
});
if (redis.active)
  throw new Error('it is still active');
