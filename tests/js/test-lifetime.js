// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// What is collected takes its service with it, and wrong use is an exception and not a crash.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';
import Mk from 'gi://Mk?version=1';
import {
  LOCALHOST, assert, assertEqual, assertError, freePort, listenerOn, marker, outputOf, processes, run,
  service, sleep, test, testBothWays, until,
} from './harness.js';

const Subclass = GObject.registerClass(class MkTestLifetime extends Mk.SimpleExecutor {
  _init() {
    super._init({command: service('--children', 1, '--setsid-children')});
    this.itself = this;
  }

  vfunc_prepare(task) {
    this.prepared = true;
    task.return_boolean(true);
  }
});

const SelfChecking = GObject.registerClass(class MkTestSelfChecking extends Mk.Executor {
  vfunc_after_start_check() {
    return this.get_running() && outputOf(this) === 'up\n';
  }
});

const CountingProbe = GObject.registerClass(class MkTestLifetimeProbe extends Mk.Probe {
  _init() {
    super._init();
    this.attempts = 0;
  }

  vfunc_check() {
    return ++this.attempts >= 3;
  }
});

/* Nothing of what `make` made is referred to when it has returned its marker. */
async function assertCollected(make) {
  const mark = await make();
  assert(processes(mark).length > 0, 'the service runs');
  await until(() => {
    System.gc();
    return processes(mark).length === 0;
  }, 'the collected executor left nothing');
}

/* ---- garbage collection ---- */

/* Comes first: in code that is hot already, SpiderMonkey was seen to keep the executor for 10 s more. */
testBothWays('an executor with handlers that know it is dropped', async call => {
  await assertCollected(async () => {
    const executor = Mk.SimpleExecutor.new(service('--print', 'told'));
    const seen = [];
    executor.connect('line', (_, _stream, line) => seen.push([executor.get_pid(), line]));
    executor.connect('exited', () => executor.stop(null));
    await call(executor, 'start', null);
    await until(() => seen.length > 0, 'the line is told');
    return marker(executor);
  });
});

testBothWays('a subclass is dropped', async call => {
  await assertCollected(async () => {
    const executor = new Subclass();
    await call(executor, 'start', null);
    return marker(executor);
  });
});

testBothWays('an executor that asks itself is dropped', async call => {
  await assertCollected(async () => {
    const executor = new SelfChecking({command: service('--print', 'up')});
    await call(executor, 'start', null);
    await call(executor, 'wait_for', Mk.CallbackProbe.new(() => executor.get_running()), null);
    return marker(executor);
  });
});

testBothWays('an executor with a probe of JavaScript is dropped', async call => {
  await assertCollected(async () => {
    const executor = Mk.Executor.new(service(), new CountingProbe());
    await call(executor, 'start', null);
    return marker(executor);
  });
});

test('dropped during a start: the start goes on', async () => {
  const port = freePort();
  const start = Mk.TcpExecutor.new(listenerOn(port, '--after', 100), LOCALHOST, port).start_async(null);
  System.gc();
  assert(await start, 'it is started');
});

/* ---- wrong use ---- */

test('wrong types', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  const probe = Mk.TcpProbe.new(LOCALHOST, 1);
  for (const [name, wrong] of Object.entries({
    'new without arguments': () => Mk.SimpleExecutor.new(),
    'new with undefined': () => Mk.SimpleExecutor.new(undefined),
    'new with a number': () => Mk.SimpleExecutor.new(7),
    'new with an object': () => Mk.SimpleExecutor.new({}),
    'new with a list of lists': () => Mk.SimpleExecutor.new([['true']]),
    'a command line of null': () => Mk.SimpleExecutor.new_for_command_line(null),
    'a script of undefined': () => Mk.SimpleExecutor.new_for_shell(undefined),
    'a probe that is a string': () => Mk.Executor.new(['true'], 'probe'),
    'a probe that is an executor': () => Mk.Executor.new(['true'], executor),
    'a host of null': () => Mk.TcpExecutor.new(['true'], null, 1),
    'a command that is a number': () => new Mk.SimpleExecutor({command: 7}),
    'a folder of undefined': () => (executor.cwd = undefined),
    'a property that is not there': () => new Mk.SimpleExecutor({commands: ['true']}),
    'an abstract class': () => new Mk.Probe(),
    'a cancellable that is a string': () => executor.start('now'),
    'a cancellable that is an executor': () => executor.start_async(executor),
    'a probe of null': () => executor.wait_for(null, null),
    'a probe of undefined': () => executor.wait_for(undefined, null),
    'a probe that is a function': () => executor.wait_for(() => true, null),
    'a callback that is null': () => Mk.CallbackProbe.new(null),
    'a callback that is a number': () => Mk.CallbackProbe.new(7),
    'a timeout that is a word': () => probe.wait('long', null),
    'a method of another object': () => Mk.SimpleExecutor.prototype.start.call(probe, null),
    'a method of no object': () => Mk.SimpleExecutor.prototype.start.call({}, null),
  })) {
    let error = null;
    try {
      await wrong();
    } catch (e) {
      error = e;
    }
    assert(error instanceof Error || error instanceof GLib.Error, `${name} throws`);
  }
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
});

test('null where it makes sense', async () => {
  const executor = new Mk.SimpleExecutor({command: null, cwd: null, environment: null});
  await assertError(Mk.Error, Mk.Error.INVALID_ARGUMENT, () => executor.start(null));
  executor.command = service();
  executor.cwd = null;
  executor.set_environment(null);
  executor.start(null);
  executor.stop(null);
  assertEqual([executor.cwd, executor.environment ?? []], [null, []]);
});

testBothWays('use after a stop, and before a start', async call => {
  const executor = new Mk.SimpleExecutor({
    command: service('--echo', '--print', 'told'),
    stdinMode: Mk.StdioMode.PIPE,
  });
  const use = async () => {
    assertEqual([executor.running, executor.active], [false, false]);
    await assertError(Mk.Error, Mk.Error.FAILED, () => executor.send_signal(10));
    assert(await call(executor, 'stop', null), 'stops');
    assert(await call(executor, 'kill', null), 'kills');
    assert(executor.describe().length > 0, 'is described');
    assert(executor.dup_environment().length > 0, 'has an environment');
  };
  await use();
  for (let i = 0; i < 2; i++) {
    await call(executor, 'start', null);
    await until(() => outputOf(executor) === 'told\n', 'the line is there');
    const stream = Gio.DataInputStream.new(executor.open_output(Mk.Stream.STDOUT));
    await call(executor, 'stop', null);
    await use();
    assertEqual(stream.read_line_utf8(null)[0], 'told');
    assertEqual(stream.read_line_utf8(null)[0], null);
    assertEqual(outputOf(executor), 'told\n');
  }
});

await run();
