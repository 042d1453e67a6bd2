// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Probes, those of the library and those written in JavaScript, alone and as part of executors.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import {
  LOCALHOST, assert, assertEqual, assertError, freePort, listenerOn, run, service, test, testBothWays,
} from './harness.js';

const CountingProbe = GObject.registerClass(class MkTestCountingProbe extends Mk.Probe {
  _init(readyAt = 3) {
    super._init();
    this.readyAt = readyAt;
    this.attempts = 0;
    this.seen = [];
  }

  vfunc_check() {
    return ++this.attempts >= this.readyAt;
  }

  vfunc_describe() {
    return 'JavaScript had its way';
  }

  vfunc_attach(_executor) {
    this.seen.push('attach');
  }

  vfunc_detach(_executor) {
    this.seen.push('detach');
  }
});

const TaskProbe = GObject.registerClass(class MkTestTaskProbe extends Mk.Probe {
  vfunc_check_task(task) {
    this.attempts = (this.attempts ?? 0) + 1;
    const source = GLib.timeout_source_new(2);
    source.set_callback(() => {
      task.return_boolean(this.attempts >= 3);
      return GLib.SOURCE_REMOVE;
    });
    source.attach(task.get_context());
  }
});

const ThrowingProbe = GObject.registerClass(class MkTestThrowingProbe extends Mk.Probe {
  vfunc_check() {
    this.attempts = (this.attempts ?? 0) + 1;
    if (this.attempts < 3)
      throw new Error('this exception is part of the test');
    return true;
  }
});

const RefusingProbe = GObject.registerClass(class MkTestRefusingProbe extends Mk.Probe {
  vfunc_check() {
    throw new GLib.Error(Mk.Error, Mk.Error.FAILED, 'never ever');
  }
});

testBothWays('tcp', async call => {
  const port = freePort();
  const probe = Mk.TcpProbe.new(LOCALHOST, port);
  assertEqual(await call(probe, 'check', null), false);
  await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 50, null));
  assert(await call(probe, 'wait_gone', 50, null), 'it is gone');
  const executor = Mk.SimpleExecutor.new(listenerOn(port));
  await call(executor, 'start', null);
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait_gone', 50, null));
  await call(executor, 'stop', null);
});

test('wake', async () => {
  const probe = new CountingProbe(2);
  probe.interval = 60000;
  GLib.timeout_add(GLib.PRIORITY_DEFAULT, 50, () => {
    probe.wake();
    return GLib.SOURCE_REMOVE;
  });
  assert(await probe.wait_async(30000, null), 'it is there');
  assertEqual(probe.attempts, 2);
});

testBothWays('callback', async call => {
  let calls = 0;
  const probe = Mk.CallbackProbe.new(() => ++calls >= 3);
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(calls, 3);
});

testBothWays('callback that throws', async call => {
  let calls = 0;
  const probe = Mk.CallbackProbe.new(() => {
    if (++calls < 3)
      throw new Error('this exception is part of the test');
    return true;
  });
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(calls, 3);
});

testBothWays('callback that throws an error', async call => {
  const {FAILED, TIMED_OUT} = Mk.Error;
  for (const [thrown, limit, code] of [
    [new Error('the disk is full'), 30, TIMED_OUT],
    [new GLib.Error(Mk.Error, FAILED, 'the disk is full'), 60000, FAILED],
  ]) {
    const probe = Mk.CallbackProbe.new(() => {
      throw thrown;
    });
    const error = await assertError(Mk.Error, code, () => call(probe, 'wait', limit, null));
    assert(error.message.includes('the disk is full'), error.message);
  }
});

testBothWays('subclass', async call => {
  const probe = new CountingProbe();
  assertEqual(await call(probe, 'check', null), false);
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(probe.attempts, 3);
  assertEqual(probe.describe(), 'JavaScript had its way');
});

testBothWays('subclass is described in errors', async call => {
  const probe = new CountingProbe(Infinity);
  const error = await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 30, null));
  assert(error.message.includes('JavaScript had its way'), error.message);
});

testBothWays('subclass with a task', async call => {
  const probe = new TaskProbe();
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(probe.attempts, 3);
});

testBothWays('subclass that throws', async call => {
  const probe = new ThrowingProbe();
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(probe.attempts, 3);
});

testBothWays('an error of the library ends a wait', async call => {
  const error = await assertError(Mk.Error, Mk.Error.FAILED,
    () => call(new RefusingProbe(), 'wait', 5000, null));
  assert(error.message.includes('never ever'), error.message);
});

testBothWays('executor asks the probe', async call => {
  const probe = new CountingProbe(4); // the first time is before the spawn
  const executor = Mk.Executor.new(service(), probe);
  assert(await call(executor, 'start', null), 'it starts');
  assertEqual(probe.attempts, 4);
  assertEqual(probe.seen, ['attach', 'detach']);
  await call(executor, 'stop', null);
});

testBothWays('wait for more', async call => {
  const executor = Mk.SimpleExecutor.new(service());
  await call(executor, 'start', null);
  assert(await call(executor, 'wait_for', new CountingProbe(), null), 'it is there');
  await call(executor, 'stop', null);
});

/* Throws in all but the function that is asked for. */
const BrokenProbe = GObject.registerClass(class MkTestBrokenProbe extends Mk.Probe {
  vfunc_check() {
    return true;
  }

  vfunc_describe() {
    throw new Error('this exception is part of the test');
  }

  vfunc_attach(_executor) {
    throw new Error('this exception is part of the test');
  }

  vfunc_detach(_executor) {
    throw new Error('this exception is part of the test');
  }
});

const BrokenTaskProbe = GObject.registerClass(class MkTestBrokenTaskProbe extends Mk.Probe {
  vfunc_check_task(task) {
    this.attempts = (this.attempts ?? 0) + 1;
    if (this.attempts < this.answerAt)
      throw new Error('this exception is part of the test');
    task.return_boolean(true);
  }
});

const ChainUpProbe = GObject.registerClass(class MkTestChainUpProbe extends Mk.Probe {
  vfunc_check() {
    this.attempts = (this.attempts ?? 0) + 1;
    return this.attempts >= 3;
  }

  vfunc_check_task(task) {
    super.vfunc_check_task(task);
  }

  vfunc_describe() {
    return super.vfunc_describe();
  }

  vfunc_attach(executor) {
    super.vfunc_attach(executor);
  }

  vfunc_detach(executor) {
    super.vfunc_detach(executor);
  }
});

const NoProbe = GObject.registerClass(class MkTestNoProbe extends Mk.Probe {});

const UpToNothingProbe = GObject.registerClass(class MkTestUpToNothingProbe extends Mk.Probe {
  vfunc_check() {
    return super.vfunc_check();
  }
});

testBothWays('exceptions beside the check', async call => {
  const probe = new BrokenProbe();
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assert(probe.describe().length > 0, 'is described all the same');
  const executor = Mk.SimpleExecutor.new(service());
  await call(executor, 'start', null);
  assert(await call(executor, 'wait_for', probe, null), 'it is there');
  await call(executor, 'stop', null);
});

testBothWays('an exception in a check with a task', async call => {
  const probe = Object.assign(new BrokenTaskProbe(), {answerAt: 3});
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  assertEqual(probe.attempts, 3);
  probe.answerAt = Infinity;
  const error = await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 100, null));
  assert(error.message.includes('part of the test'), error.message);
});

testBothWays('chaining up', async call => {
  const probe = new ChainUpProbe();
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  const executor = Mk.SimpleExecutor.new(service());
  await call(executor, 'start', null);
  assert(await call(executor, 'wait_for', probe, null), 'it is there');
  await call(executor, 'stop', null);
});

testBothWays('nothing to ask', async call => {
  for (const probe of [new NoProbe(), new UpToNothingProbe()])
    await assertError(Mk.Error, Mk.Error.FAILED, () => call(probe, 'wait', 5000, null));
});

await run();
