// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// What the override adds to the typelib: promises, and services that are stopped whatever happens.

import Gio from 'gi://Gio';
import GIRepository from 'gi://GIRepository?version=2.0';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import {
  LOCALHOST, assert, assertEqual, assertError, freePort, listenerOn, marker, ping, processes, redisExecutor,
  run, service, test, until,
} from './harness.js';

const {
  ALREADY_RUNNING, EXITED, FAILED, FINISHED_WITH_ERROR, INVALID_ARGUMENT, SPAWN_FAILED, SUPERVISOR, TIMED_OUT,
} = Mk.Error;

const RefusingProbe = GObject.registerClass(class MkTestRefusing extends Mk.Probe {
  vfunc_check() {
    throw new GLib.Error(Mk.Error, FAILED, 'never ever');
  }
});

/* The names of the asynchronous methods that the typelib describes, as [class, method]. */
function asyncMethods() {
  const found = [];
  const repository = GIRepository.Repository.get_default();
  for (let i = 0; i < repository.get_n_infos('Mk'); i++) {
    const info = repository.get_info('Mk', i);
    if (info.get_type() !== GIRepository.InfoType.OBJECT)
      continue;
    for (let j = 0; j < GIRepository.object_info_get_n_methods(info); j++) {
      const name = GIRepository.object_info_get_method(info, j).get_name();
      if (name.endsWith('_async'))
        found.push([info.get_name(), name]);
    }
  }
  return found;
}

async function failure(body) {
  try {
    await body();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/* ---- promises ---- */

test('a group around a function', async () => {
  const group = Mk.ExecutorGroup.new();
  group.add('db', Mk.TcpExecutor.new([...service(), '--listen', `${LOCALHOST}:{port}`], LOCALHOST, 0));
  group.add('web', Mk.OutputExecutor.new([...service(), '--ready', 'db is {db.port}'], 'db is (?<seen>\\d+)\\n'));
  const port = await Mk.withGroup(group, () => {
    assertEqual(group.get_state(), Mk.ExecutorState.READY);
    assertEqual(group.dup_value('web.seen'), group.dup_value('db.port'));
    return group.expand('{db.port}');
  });
  assert(Number(port) > 0);
  assertEqual(group.get_state(), Mk.ExecutorState.STOPPED);
});

test('all asynchronous methods return promises', () => {
  const methods = asyncMethods();
  assert(methods.length >= 9, `${methods.length} methods`);
  for (const [type, name] of methods)
    assert(Mk[type].prototype[`_original_${name}`], `${type}.${name} is promisified`);
});

test('the cancellable can be left out', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  const probe = Mk.CallbackProbe.new(() => true);
  assert(await executor.start_async(), 'started');
  assert(await executor.wait_for_async(probe), 'it is there');
  assert(await executor.stop_full_async(15, Mk.STATUS_NONE, 10000), 'stopped');
  assert(await executor.stop_async() && await executor.kill_async() && await executor.wait_async(), 'nothing to do');
  assert(await probe.check_async() && await probe.wait_async(5000), 'it is there');
  assert(await Mk.CallbackProbe.new(() => false).wait_gone_async(5000), 'it is gone');
  for (const wrong of [() => probe.wait_async(), () => executor.wait_for_async(), () => executor.start_async(7)])
    assert(await failure(async () => wrong()) instanceof Error, `${wrong} throws`);
});

test('a callback can be given all the same', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  let result = null;
  assertEqual(executor.start_async(null, (_, r) => (result = r)), undefined);
  await until(() => result !== null, 'the callback is called');
  assert(executor.start_finish(result), 'started');
  await executor.stop_async(null);
});

test('promises are rejected with the codes of Mk.Error', async () => {
  const port = freePort();
  const start = executor => executor.start_async(null);
  await assertError(Mk.Error, INVALID_ARGUMENT, () => start(Mk.SimpleExecutor.new([])));
  await assertError(Mk.Error, SPAWN_FAILED, () => start(Mk.SimpleExecutor.new(['mk-no-such-program'])));
  await assertError(Mk.Error, EXITED, () => start(Mk.TcpExecutor.new(service('--exit', 3), LOCALHOST, port)));

  const late = new Mk.TcpExecutor({command: service(), host: LOCALHOST, port, startTimeout: 100});
  await assertError(Mk.Error, TIMED_OUT, () => start(late));

  const first = Mk.TcpExecutor.new(listenerOn(port), LOCALHOST, port);
  await start(first);
  await assertError(Mk.Error, ALREADY_RUNNING, () => start(Mk.TcpExecutor.new(service(), LOCALHOST, port)));
  await assertError(Mk.Error, ALREADY_RUNNING, () => start(first));
  await first.stop_async(null);

  const rude = Mk.SimpleExecutor.new(service('--on-term', 7, '--ready', 'up'));
  await start(rude);
  await rude.wait_for_async(Mk.CallbackProbe.new(() => rude.dup_output(Mk.Stream.STDOUT).get_size() > 0), null);
  await assertError(Mk.Error, FINISHED_WITH_ERROR, () => rude.stop_async(null));

  await assertError(Mk.Error, FAILED, () => new RefusingProbe().wait_async(5000, null));
  await assertError(Mk.Error, TIMED_OUT, () => Mk.TcpProbe.new(LOCALHOST, port).wait_async(30, null));
});

test('a promise is rejected when the supervisor is killed', async () => {
  const executor = Mk.TcpExecutor.new(service(), LOCALHOST, freePort());
  const mark = marker(executor);
  const start = executor.start_async(null);
  await until(() => executor.running, 'the service runs');
  const stat = new TextDecoder().decode(GLib.file_get_contents(`/proc/${executor.get_pid()}/stat`)[1]);
  GLib.spawn_command_line_sync(`kill -KILL ${stat.slice(stat.lastIndexOf(')')).split(' ')[2]}`);
  await assertError(Mk.Error, SUPERVISOR, () => start);
  assertEqual(processes(mark), []);
});

/* ---- withExecutor ---- */

test('withExecutor: the service runs meanwhile, and no longer', async () => {
  const redis = redisExecutor();
  const mark = marker(redis);
  const answer = await Mk.withExecutor(redis, async executor => {
    assertEqual(executor, redis);
    assertEqual(redis.state, Mk.ExecutorState.READY);
    return ping(redis.port);
  });
  assertEqual(answer, 'PONG');
  assertEqual(redis.state, Mk.ExecutorState.STOPPED);
  assertEqual(processes(mark), []);
});

test('withExecutor: whatever is thrown', async () => {
  const executor = Mk.SimpleExecutor.new(service('--children', 2));
  for (const thrown of [new Error('on purpose'), new GLib.Error(Gio.IOErrorEnum, 0, 'too'), 'a string', null]) {
    for (const body of [() => { throw thrown; }, async () => { throw thrown; }]) {
      assertEqual(await failure(() => Mk.withExecutor(executor, body)), thrown);
      assertEqual(executor.state, Mk.ExecutorState.STOPPED);
    }
  }
});

test('withExecutor: what is no function', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  for (const wrong of [undefined, null, 7, Promise.resolve()]) {
    assert(await failure(() => Mk.withExecutor(executor, wrong)) instanceof TypeError, 'a TypeError');
    assertEqual(executor.active, false);
  }
});

test('withExecutor: the start fails', async () => {
  let called = false;
  const executor = Mk.TcpExecutor.new(service('--exit', 3), LOCALHOST, freePort());
  await assertError(Mk.Error, EXITED, () => Mk.withExecutor(executor, () => (called = true)));
  assertEqual(called, false);
});

test('withExecutor: the start is cancelled', async () => {
  const cancellable = new Gio.Cancellable();
  const executor = Mk.TcpExecutor.new(service(), LOCALHOST, freePort());
  const mark = marker(executor);
  const all = Mk.withExecutor(executor, () => {}, cancellable);
  await until(() => executor.running, 'the service runs');
  cancellable.cancel();
  await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => all);
  assertEqual(processes(mark), []);
});

test('withExecutor: the service ends by itself', async () => {
  const executor = Mk.SimpleExecutor.new(service('--exit', 4));
  const wait = () => executor.wait_async(null);
  await assertError(Mk.Error, FINISHED_WITH_ERROR, () => Mk.withExecutor(executor, wait));
  const error = await failure(() => Mk.withExecutor(executor, async () => {
    await wait();
    throw new Error('told first');
  }));
  assertEqual(error.message, 'told first');
});

test('withExecutor: one within the other', async () => {
  const [outer, inner] = [Mk.SimpleExecutor.new(service()), Mk.SimpleExecutor.new(service())];
  await failure(() => Mk.withExecutor(outer, () => Mk.withExecutor(inner, () => {
    assert(outer.active && inner.active, 'both run');
    throw new Error('on purpose');
  })));
  assert(!outer.active && !inner.active, 'none runs');
});

test('withExecutor: with a subclass', async () => {
  const steps = [];
  const Subclass = GObject.registerClass(class MkTestWithSubclass extends Mk.SimpleExecutor {
    vfunc_prepare(task) {
      steps.push('prepare');
      task.return_boolean(true);
    }

    vfunc_cleanup(task) {
      steps.push('cleanup');
      task.return_boolean(true);
    }
  });
  await Mk.withExecutor(new Subclass({command: service()}), () => steps.push('body'));
  assertEqual(steps, ['prepare', 'body', 'cleanup']);
});

/* ---- whileStopped ---- */

test('whileStopped: started again, whatever happens', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  await Mk.withExecutor(executor, async () => {
    const pid = executor.get_pid();
    assertEqual(await Mk.whileStopped(executor, async () => executor.active), false);
    assertEqual(executor.state, Mk.ExecutorState.READY);
    assert(executor.get_pid() !== pid, 'another process');
    const error = await failure(() => Mk.whileStopped(executor, () => {
      throw new Error('on purpose');
    }));
    assertEqual(error.message, 'on purpose');
    assertEqual(executor.state, Mk.ExecutorState.READY);
  });
});

test('whileStopped: what did not run is not started', async () => {
  const executor = Mk.SimpleExecutor.new(service('--exit', 0));
  const {STOPPED, EXITED} = Mk.ExecutorState;
  assertEqual(await Mk.whileStopped(executor, () => 'done'), 'done');
  assertEqual(executor.state, STOPPED);
  executor.start(null);
  await executor.wait_async(null);
  assertEqual(executor.state, EXITED);
  await Mk.whileStopped(executor, () => {});
  assertEqual(executor.state, STOPPED);
  await failure(() => Mk.whileStopped(executor, () => { throw new Error('on purpose'); }));
  assertEqual(executor.state, STOPPED);
});

await run();
