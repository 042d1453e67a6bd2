// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Adapts mirakuru-glib to JavaScript; gjs loads it with the namespace, `import Mk from 'gi://Mk?version=1'`.
//
// - Asynchronous calls return promises.
// - Mk.withExecutor() and Mk.whileStopped() start and stop a service around a function, whatever that does, and
//   Mk.withGroup() all services of a group.
// - An exception in a virtual function becomes its error.
//
//     await Mk.withExecutor(Mk.TcpExecutor.new(command, '127.0.0.1', port), async () => {
//       … // the service accepts connections
//     }); // nothing of it is left
//
// gjs searches overrides/ in the directories of GJS_PATH, and gjs-1.0/overrides/ in those of XDG_DATA_DIRS.

/* exported _init */

const {Gio, GLib, GObject} = imports.gi;
let Mk;

// The cancellable, which is the last argument but the callback, may be left out.
function promisify(prototype, name, finish) {
  const {length} = prototype[name];
  Gio._promisify(prototype, name, finish);
  const call = prototype[name];
  prototype[name] = function (...args) {
    return call.apply(this, args.length === length - 2 ? [...args, null] : args);
  };
}

// What was thrown, with the place of it.
function explain(thrown) {
  if (!(thrown instanceof Error))
    return `${thrown}`;
  return `${thrown} (${GLib.path_get_basename(thrown.fileName)}:${thrown.lineNumber})`;
}

// A task that is returned in the function that got it is completed by its context later. Before
// that there is no way to see that it was returned, so wait for one turn of the context.
function returnError(task, error) {
  const source = GLib.idle_source_new();
  source.set_priority(task.get_priority());
  source.set_callback(() => {
    if (task.get_completed())
      logError(error, 'after the task was returned');
    else
      task.return_error(error);
    return GLib.SOURCE_REMOVE;
  });
  source.attach(task.get_context());
}

// gjs only prints an exception, and the task would not be returned.
function returningErrors(hook, domain, code) {
  return function (task) {
    const fail = thrown =>
      returnError(task, thrown instanceof GLib.Error ? thrown : new GLib.Error(domain, code, explain(thrown)));
    try {
      hook.call(this, task)?.catch?.(fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
}

// GObject.registerClass() calls _classInit(), which gives C the functions that the prototype has then. The
// prototype keeps its own: where a class below calls one by `super`, an exception is an exception.
function catchErrorsOf(type, hooks, domain, code) {
  type._classInit = klass => {
    const own = hooks.filter(name => typeof Object.getOwnPropertyDescriptor(klass.prototype, name)?.value === 'function')
      .map(name => [name, klass.prototype[name]]);
    for (const [name, hook] of own)
      klass.prototype[name] = returningErrors(hook, domain, code);
    try {
      return GObject.Object._classInit(klass);
    } finally {
      Object.assign(klass.prototype, Object.fromEntries(own));
    }
  };
}

// Calls `body`, then `after`, whatever happened. The first error is the one that is thrown: what
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
 * Starts a service, or all of a group, calls `body` with the executor or the group once it is ready, and stops
 * it, whatever `body` does. Fails as the start does, then as `body` does, then as the stop does.
 *
 * @template T
 * @param {Mk.SimpleExecutor|Mk.ExecutorGroup} executor what to start: an executor, or a group
 * @param {(executor: Mk.SimpleExecutor|Mk.ExecutorGroup) => T | Promise<T>} body called while the service runs
 * @param {?Gio.Cancellable} cancellable ends the wait for the service to get ready
 * @returns {Promise<T>} what `body` returned, once nothing of the service is left
 */
async function withExecutor(executor, body, cancellable = null) {
  await executor.start_async(cancellable);
  return finallyDo(() => body(executor), () => executor.stop_async(null));
}

/**
 * Stops a service, calls `body` with its executor, and starts it again, whatever `body` does. A service that
 * was not running is not started.
 *
 * @template T
 * @param {Mk.SimpleExecutor} executor what to stop for a while
 * @param {(executor: Mk.SimpleExecutor) => T | Promise<T>} body called while nothing runs
 * @returns {Promise<T>} what `body` returned, once the service is ready again
 */
async function whileStopped(executor, body) {
  const {STARTING, READY} = Mk.ExecutorState;
  const ran = [STARTING, READY].includes(executor.get_state());
  await executor.stop_async(null);
  return finallyDo(() => body(executor), async () => ran && executor.start_async(null));
}

// `this` is the namespace.
function _init() {
  Mk = this;

  for (const [type, names] of [
    [Mk.SimpleExecutor, ['start', 'stop', 'stop_full', 'kill', 'wait', 'wait_check', 'wait_for']],
    [Mk.Probe, ['check', 'wait', 'wait_gone']],
    [Mk.ExecutorGroup, ['start', 'stop']],
  ]) {
    for (const name of names)
      promisify(type.prototype, `${name}_async`, `${name}_finish`);
  }

  catchErrorsOf(Mk.SimpleExecutor, ['vfunc_prepare', 'vfunc_started', 'vfunc_request_stop', 'vfunc_cleanup'],
    Mk.Error, Mk.Error.FAILED);
  catchErrorsOf(Mk.Probe, ['vfunc_check_task'], Gio.IOErrorEnum, Gio.IOErrorEnum.FAILED);

  Object.assign(Mk, {withExecutor, withGroup: withExecutor, whileStopped});
}
