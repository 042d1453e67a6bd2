// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Adapts mirakuru-glib to JavaScript; gjs loads it with the namespace, `import Mk from 'gi://Mk?version=1'`.
//
// - Asynchronous calls return promises.
// - Mk.withExecutor() runs a service while a function runs, and Mk.withGroup() all services of a group.
//   Mk.whileStopped() stops a service while a function runs.
// - An exception in a virtual function becomes the error of that function.
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
 * Starts a service, or all services of a group, and calls `body` when they are ready. When `body` is complete,
 * even with an error, they are stopped.
 *
 * Fails with the error of the start, with the error of `body`, or with the error of the stop. If `body` and the
 * stop both fail, the error is that of `body`.
 *
 * @template T
 * @param {Mk.SimpleExecutor|Mk.ExecutorGroup} executor what to start: an executor, or a group
 * @param {(executor: Mk.SimpleExecutor|Mk.ExecutorGroup) => T | Promise<T>} body a function that is called with `executor` while the service runs
 * @param {?Gio.Cancellable} cancellable cancels the start
 * @returns {Promise<T>} the result of `body`, once nothing of the service is left
 */
async function withExecutor(executor, body, cancellable = null) {
  await executor.start_async(cancellable);
  return finallyDo(() => body(executor), () => executor.stop_async(null));
}

/**
 * Stops a service, calls `body`, and starts the service again, even if `body` fails. If the service was not
 * running before, it is not started.
 *
 * Fails with the error of the stop, with the error of `body`, or with the error of the start. If `body` and the
 * start both fail, the error is that of `body`.
 *
 * @template T
 * @param {Mk.SimpleExecutor} executor the executor of the service
 * @param {(executor: Mk.SimpleExecutor) => T | Promise<T>} body a function that is called with `executor` while the service is stopped
 * @returns {Promise<T>} the result of `body`, once the service is ready again
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
