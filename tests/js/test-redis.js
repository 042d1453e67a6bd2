// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// A real redis-server is started, used and stopped, with and without a main loop.

import Mk from 'gi://Mk?version=1';
import {
  assert, assertEqual, assertError, lives, marker, ping, processes, redisExecutor, run, test, testBothWays,
} from './harness.js';

testBothWays('start, use, stop', async call => {
  const redis = redisExecutor();
  await call(redis, 'start', null);
  const mark = marker(redis);
  assertEqual(ping(redis.port), 'PONG');
  assertEqual(redis.state, Mk.ExecutorState.READY);
  const pid = redis.get_pid();
  assert(lives(pid), 'the process runs');
  await call(redis, 'stop', null);
  assertEqual(redis.state, Mk.ExecutorState.STOPPED);
  assertEqual(redis.exitStatus, 0);
  assert(!lives(pid), 'the process has ended');
  assertEqual(processes(mark), []);
});

testBothWays('elsewhere', async call => {
  const redis = redisExecutor();
  redis.launcher = ['env', 'THERE=1'];
  redis.forwards = [`${redis.port}`];
  await call(redis, 'start', null);
  assertEqual(ping(redis.port), 'PONG');
  await call(redis, 'stop', null);
  assertEqual(redis.exitStatus, 0);
  redis.launcher = ['false'];
  await assertError(Mk.Error, Mk.Error.LAUNCHER, () => call(redis, 'start', null));
});

testBothWays('start again', async call => {
  const redis = redisExecutor();
  const pids = new Set();
  for (let i = 0; i < 3; i++) {
    await call(redis, 'start', null);
    assertEqual(ping(redis.port), 'PONG');
    pids.add(redis.get_pid());
    await call(redis, 'stop', null);
  }
  assertEqual(pids.size, 3);
});

testBothWays('kill', async call => {
  const redis = redisExecutor();
  await call(redis, 'start', null);
  const mark = marker(redis);
  await call(redis, 'kill', null);
  assertEqual(redis.exitStatus, -9);
  assertEqual(processes(mark), []);
});

testBothWays('port is held', async call => {
  const first = redisExecutor();
  await call(first, 'start', null);
  const second = redisExecutor(first.port);
  const error = await assertError(Mk.Error, Mk.Error.ALREADY_RUNNING, () => call(second, 'start', null));
  assert(error.message.includes(`${first.get_pid()}`), error.message);
  assert(error.message.includes('redis-server'), error.message);
  await call(first, 'stop', null);
});

test('several side by side', async () => {
  const all = [redisExecutor(), redisExecutor(), redisExecutor()];
  await Promise.all(all.map(redis => redis.start_async(null)));
  assertEqual(all.map(redis => ping(redis.port)), ['PONG', 'PONG', 'PONG']);
  await Promise.all(all.map(redis => redis.stop_async(null)));
  assertEqual(all.map(redis => redis.active), [false, false, false]);
});

await run();
