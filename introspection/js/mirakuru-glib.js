// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What makes mirakuru-glib at home in JavaScript: its asynchronous calls return promises, and
// services are stopped when the code that needs them is left.
//
//     import Mk, {withExecutor} from 'file:///usr/share/mirakuru-glib-1/mirakuru-glib.js';
//
//     await withExecutor(Mk.TcpExecutor.new(command, '127.0.0.1', port), async () => {
//       … // the service accepts connections
//     }); // nothing of it is left
//
// `pkg-config --variable=gjs_module mirakuru-glib-1` tells where the file is. It may be copied.

import Gio from 'gi://Gio';
import Mk from 'gi://Mk?version=1';

for (const [type, names] of [
  [Mk.SimpleExecutor, ['start', 'stop', 'stop_full', 'kill', 'wait', 'wait_for']],
  [Mk.Probe, ['check', 'wait', 'wait_gone']],
]) {
  for (const name of names)
    Gio._promisify(type.prototype, `${name}_async`, `${name}_finish`);
}

// Calls `body`, then `after`, whatever happened. The first error is the one that is told: what
// comes after it is mostly its consequence.
async function finallyDo(body, after) {
  let result;
  try {
    result = await body();
  } catch (error) {
    await after().catch(() => {});
    throw error;
  }
  await after();
  return result;
}

/**
 * Starts a service, calls `body` with its executor once it is ready, and stops it, whatever
 * `body` does. Fails as the start does, then as `body` does, then as the stop does.
 *
 * @template T
 * @param {Mk.SimpleExecutor} executor what to start
 * @param {(executor: Mk.SimpleExecutor) => T | Promise<T>} body called while the service runs
 * @param {?Gio.Cancellable} cancellable ends the wait for the service to get ready
 * @returns {Promise<T>} what `body` returned, once nothing of the service is left
 */
export async function withExecutor(executor, body, cancellable = null) {
  await executor.start_async(cancellable);
  return finallyDo(() => body(executor), () => executor.stop_async(null));
}

/**
 * Stops a service, calls `body` with its executor, and starts it again, whatever `body` does.
 *
 * @template T
 * @param {Mk.SimpleExecutor} executor what to stop for a while
 * @param {(executor: Mk.SimpleExecutor) => T | Promise<T>} body called while nothing runs
 * @returns {Promise<T>} what `body` returned, once the service is ready again
 */
export async function whileStopped(executor, body) {
  await executor.stop_async(null);
  return finallyDo(() => body(executor), () => executor.start_async(null));
}

export default Mk;
