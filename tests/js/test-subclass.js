// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Executors written in JavaScript: each step of a service's life can be taken over.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import {
  LOCALHOST, assert, assertEqual, assertError, freePort, listenerOn, marker, outputOf, processes, run,
  service, test, testBothWays, until,
} from './harness.js';

/* Returns a task from a timeout, as a step that takes time does. */
function later(task) {
  const source = GLib.timeout_source_new(2);
  source.set_callback(() => {
    task.return_boolean(true);
    return GLib.SOURCE_REMOVE;
  });
  source.attach(task.get_context());
}

const Recorder = GObject.registerClass(class MkTestRecorder extends Mk.SimpleExecutor {
  _init() {
    super._init({command: service()});
    this.steps = [];
  }

  vfunc_prepare(task) {
    this.steps.push('prepare');
    later(task);
  }

  vfunc_build_command() {
    this.steps.push('build_command');
    return service('--print', 'built in JavaScript');
  }

  vfunc_started(task) {
    this.steps.push('started');
    later(task);
  }

  vfunc_cleanup(task) {
    this.steps.push('cleanup');
    task.return_boolean(true);
  }
});

/* Adds a condition to a probe whose answer takes time. */
const OneMore = GObject.registerClass(class MkTestOneMore extends Mk.HttpExecutor {
  _init(port) {
    super._init({command: listenerOn(port, '--http', 'ok'), uri: `http://${LOCALHOST}:${port}/`});
    this.nReady = 0;
  }

  vfunc_after_start_check() {
    return super.vfunc_after_start_check() && ++this.nReady > 2;
  }
});

const ChainUp = GObject.registerClass(class MkTestChainUp extends Mk.TcpExecutor {
  _init(port) {
    super._init({command: listenerOn(port), host: LOCALHOST, port});
    this.steps = new Set();
  }

  vfunc_prepare(task) {
    this.steps.add('prepare');
    super.vfunc_prepare(task);
  }

  vfunc_pre_start_check() {
    this.steps.add('pre_start_check');
    return super.vfunc_pre_start_check();
  }

  vfunc_after_start_check() {
    this.steps.add('after_start_check');
    return super.vfunc_after_start_check();
  }

  vfunc_cleanup(task) {
    this.steps.add('cleanup');
    super.vfunc_cleanup(task);
  }
});

const Failing = GObject.registerClass(class MkTestFailing extends Mk.SimpleExecutor {
  _init(step, how) {
    super._init({command: service(), startTimeout: how === 'silence' ? 200 : 10000});
    Object.assign(this, {step, how, cleanedUp: false});
  }

  take(step, task) {
    if (step !== this.step)
      task.return_boolean(true);
    else if (this.how === 'silence')
      this.kept = task;
    else if (this.how === 'error')
      task.return_error(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.NO_SPACE, 'full'));
  }

  vfunc_prepare(task) {
    this.take('prepare', task);
  }

  vfunc_started(task) {
    this.take('started', task);
  }

  vfunc_cleanup(task) {
    this.cleanedUp = true;
    this.take('cleanup', task);
  }
});

const Checking = GObject.registerClass(class MkTestChecking extends Mk.Executor {
  _init(error) {
    super._init({command: service()});
    Object.assign(this, {checks: 0, error});
  }

  vfunc_pre_start_check() {
    return false;
  }

  vfunc_after_start_check() {
    if (++this.checks === 2 && this.error)
      throw this.error;
    return this.checks >= 3;
  }
});

const GentleStop = GObject.registerClass(class MkTestGentleStop extends Mk.SimpleExecutor {
  _init() {
    super._init({command: service('--echo', '--deaf'), stdinMode: Mk.StdioMode.PIPE});
  }

  vfunc_request_stop(task) {
    this.dup_stdin().close(null);
    task.return_boolean(true);
  }
});

testBothWays('chains up to what takes time', async call => {
  const executor = new OneMore(freePort());
  assert(await call(executor, 'start', null), 'started');
  assert(executor.nReady > 2, `${executor.nReady} answers`);
  assert(await call(executor, 'stop', null), 'stopped');
});

testBothWays('steps', async call => {
  const executor = new Recorder();
  await call(executor, 'start', null);
  assertEqual(executor.steps, ['prepare', 'build_command', 'started']);
  await until(() => outputOf(executor).includes('built in JavaScript\n'), 'the built command runs');
  await call(executor, 'stop', null);
  assertEqual(executor.steps.at(-1), 'cleanup');
});

testBothWays('chaining up', async call => {
  const executor = new ChainUp(freePort());
  await call(executor, 'start', null);
  await call(executor, 'stop', null);
  assertEqual([...executor.steps], ['pre_start_check', 'prepare', 'after_start_check', 'cleanup']);
});

testBothWays('a step fails', async call => {
  for (const step of ['prepare', 'started']) {
    const executor = new Failing(step, 'error');
    const mark = marker(executor);
    let message = '';
    await call(executor, 'start', null).catch(error => ({message} = error));
    assert(message.includes('full'), message);
    assert(executor.cleanedUp, 'cleanup ran');
    assertEqual(executor.state, Mk.ExecutorState.STOPPED);
    assertEqual(processes(mark), []);
  }
});

testBothWays('a step never returns its task', async call => {
  for (const step of ['prepare', 'started']) {
    const executor = new Failing(step, 'silence');
    const mark = marker(executor);
    await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(executor, 'start', null));
    assertEqual(executor.state, Mk.ExecutorState.STOPPED);
    assertEqual(processes(mark), []);
  }
});

testBothWays('after_start_check throws', async call => {
  for (const error of [
    new Error('this exception is part of the test'),
    new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.BUSY, 'busy'),
  ]) {
    const executor = new Checking(error);
    await call(executor, 'start', null);
    assertEqual(executor.checks, 3);
    await call(executor, 'stop', null);
  }
});

testBothWays('after_start_check refuses', async call => {
  const executor = new Checking(new GLib.Error(Mk.Error, Mk.Error.FAILED, 'never ever'));
  const mark = marker(executor);
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => call(executor, 'start', null));
  assert(error.message.includes('never ever'), error.message);
  assertEqual(processes(mark), []);
});

testBothWays('request_stop', async call => {
  const executor = new GentleStop();
  await call(executor, 'start', null);
  await call(executor, 'stop', null);
  assertEqual(executor.exit_status, 0);
});

/* Throws in the steps that are named, and is an ordinary executor otherwise. */
const Throwing = GObject.registerClass(class MkTestThrowing extends Mk.Executor {
  _init(...steps) {
    super._init();
    Object.assign(this, {steps, options: []});
  }

  attempt(step, otherwise) {
    if (this.steps.includes(step))
      throw new Error(`this exception of ${step} is part of the test`);
    return otherwise();
  }

  vfunc_pre_start_check() {
    return this.attempt('pre_start_check', () => false);
  }

  vfunc_prepare(task) {
    this.attempt('prepare', () => super.vfunc_prepare(task));
  }

  vfunc_build_command() {
    return this.attempt('build_command', () => service(...this.options));
  }

  vfunc_after_start_check() {
    return this.attempt('after_start_check', () => this.options.length === 0);
  }

  vfunc_check_alive() {
    return this.attempt('check_alive', () => super.vfunc_check_alive());
  }

  vfunc_started(task) {
    this.attempt('started', () => super.vfunc_started(task));
  }

  vfunc_request_stop(task) {
    this.attempt('request_stop', () => super.vfunc_request_stop(task));
  }

  vfunc_cleanup(task) {
    this.attempt('cleanup', () => super.vfunc_cleanup(task));
  }
});

testBothWays('an exception in each step of a start', async call => {
  for (const step of ['pre_start_check', 'prepare', 'build_command', 'check_alive', 'started']) {
    const executor = new Throwing(step);
    const mark = marker(executor);
    let error = null;
    executor.options = step === 'check_alive' ? ['--exit', 0] : [];
    await call(executor, 'start', null).catch(e => (error = e));
    assert(`${error}`.includes(`this exception of ${step} is part of the test`), `${step}: ${error}`);
    assertEqual(executor.state, Mk.ExecutorState.STOPPED);
    assertEqual(processes(mark), []);
  }
});

testBothWays('an exception in after_start_check tells nothing', async call => {
  const executor = new Throwing('after_start_check');
  const mark = marker(executor);
  executor.start_timeout = 300;
  const error = await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(executor, 'start', null));
  assert(error.message.includes('this exception of after_start_check'), error.message);
  assertEqual(processes(mark), []);
});

testBothWays('an exception says where', async call => {
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => call(new Throwing('prepare'), 'start', null));
  assert(/Error: this exception of prepare is part of the test \(test-subclass\.js:\d+\)/.test(error.message),
    error.message);
});

testBothWays('an exception in request_stop: the stop signal is sent', async call => {
  const executor = new Throwing('request_stop');
  const mark = marker(executor);
  executor.stop_timeout = 60000;
  await call(executor, 'start', null);
  const before = GLib.get_monotonic_time();
  await call(executor, 'stop', null);
  assert(GLib.get_monotonic_time() - before < 30000000, 'and at once');
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
  assertEqual(processes(mark), []);
});

testBothWays('an exception in cleanup: the stop fails with it', async call => {
  const executor = new Throwing('cleanup');
  const mark = marker(executor);
  await call(executor, 'start', null);
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => call(executor, 'stop', null));
  assert(error.message.includes('this exception of cleanup'), error.message);
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
  assertEqual(processes(mark), []);
});

testBothWays('exceptions in all steps of the way out', async call => {
  const executor = new Throwing('started', 'request_stop', 'cleanup');
  const mark = marker(executor);
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => call(executor, 'start', null));
  assert(error.message.includes('this exception of started'), error.message);
  assertEqual(processes(mark), []);
});

/* Prepares as it is told to. */
const Preparing = GObject.registerClass(class MkTestPreparing extends Mk.SimpleExecutor {
  _init(how) {
    super._init({command: service()});
    this.how = how;
  }

  vfunc_prepare(task) {
    return this.how(task);
  }
});

const PreparingMore = GObject.registerClass(class MkTestPreparingMore extends Preparing {
  vfunc_prepare(task) {
    try {
      super.vfunc_prepare(task);
    } catch {
      task.return_boolean(true);
    }
  }
});

const Inheriting = GObject.registerClass(class MkTestInheriting extends Preparing {});

function throwError() {
  throw new Error('this exception is part of the test');
}

testBothWays('an exception after the task was returned changes nothing', async call => {
  const executor = new Preparing(task => {
    task.return_boolean(true);
    throwError();
  });
  await call(executor, 'start', null);
  await call(executor, 'stop', null);
});

testBothWays('whatever a step throws', async call => {
  const full = new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.NO_SPACE, 'full');
  for (const [thrown, text] of [[full, 'full'], ['a string', 'a string'], [null, 'null'], [undefined, 'undefined']]) {
    let message = '';
    await call(new Preparing(() => { throw thrown; }), 'start', null).catch(error => ({message} = error));
    assert(message.includes(text), message);
  }
});

testBothWays('a class below sees the exception, and inherits what is done with it', async call => {
  const executor = new PreparingMore(throwError);
  await call(executor, 'start', null);
  await call(executor, 'stop', null);
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => call(new Inheriting(throwError), 'start', null));
  assert(error.message.includes('part of the test'), error.message);
});

test('a step that is an async function', async () => {
  const executor = new Preparing(async task => {
    await null;
    task.return_boolean(true);
  });
  await executor.start_async(null);
  await executor.stop_async(null);
  executor.how = async () => {
    await null;
    throwError();
  };
  const error = await assertError(Mk.Error, Mk.Error.FAILED, () => executor.start_async(null));
  assert(error.message.includes('part of the test'), error.message);
});

await run();
