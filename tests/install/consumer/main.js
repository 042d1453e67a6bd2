// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Somebody's program that uses the module for JavaScript. The argument says where that was installed.
import Gio from 'gi://Gio';

const {default: Mk, withExecutor} = await import(`file://${ARGV[0]}`);

const listener = new Gio.SocketListener();
const port = listener.add_any_inet_port(null);
listener.close();

const redis = Mk.TcpExecutor.new(['redis-server', '--port', `${port}`, '--save', ''], '127.0.0.1', port);
await withExecutor(redis, () => {
  if (redis.state !== Mk.ExecutorState.READY)
    throw new Error('it is not ready');
  Gio.Subprocess.new(['redis-cli', '-p', `${port}`, 'ping'], Gio.SubprocessFlags.NONE).wait_check(null);
});
if (redis.active)
  throw new Error('it is still active');
