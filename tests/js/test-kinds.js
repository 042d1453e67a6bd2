// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Each kind of executor and probe: made, started on a real server, stopped; and what its errors say.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import {
  LOCALHOST, Skip, assert, assertEqual, assertError, freePort, listenerOn, lives, marker, processes, run, service,
  testBothWays, text, until,
} from './harness.js';

const NthTime = GObject.registerClass(class MkTestNthTime extends Mk.Probe {
  _init(number) {
    super._init();
    this.number = number;
    this.attempts = 0;
  }

  vfunc_check() {
    return ++this.attempts >= this.number;
  }

  vfunc_describe() {
    return `JavaScript was asked ${this.number} times`;
  }
});

function testInFolder(name, body) {
  testBothWays(name, async call => {
    const folder = GLib.dir_make_tmp('mk-test-XXXXXX');
    try {
      await body(call, folder);
    } finally {
      GLib.spawn_command_line_sync(`rm -r ${folder}`);
    }
  });
}

async function start(call, executor) {
  executor.start_timeout = 20000;
  assert(await call(executor, 'start', null), 'it starts');
  assertEqual(executor.state, Mk.ExecutorState.READY);
}

async function stop(call, executor) {
  assert(await call(executor, 'stop', null), 'it stops');
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
  assertEqual(processes(marker(executor)), []);
}

async function assertStarts(call, executor) {
  await start(call, executor);
  await stop(call, executor);
}

async function assertStartFails(call, code, executor, part = '') {
  const error = await assertError(Mk.Error, code, () => call(executor, 'start', null));
  assert(error.message.includes(part), error.message);
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
}

function redis(folder, ...options) {
  if (!GLib.find_program_in_path('redis-server') || !GLib.find_program_in_path('redis-cli'))
    throw new Skip('redis is not installed');
  return ['redis-server', '--port', '0', '--save', '', '--dir', folder, ...options];
}

testBothWays('http: python3 -m http.server', async call => {
  const port = freePort();
  const command = ['python3', '-m', 'http.server', '--bind', LOCALHOST, `${port}`];
  const executor = Mk.HttpExecutor.new(command, `http://${LOCALHOST}:${port}/`);
  assertEqual([executor.host, executor.port], [LOCALHOST, port]);
  await assertStarts(call, executor);
});

testBothWays('http: what is sent', async call => {
  const port = freePort();
  const executor = new Mk.HttpExecutor({
    command: listenerOn(port, '--http', 'echo'),
    uri: `http://${LOCALHOST}:${port}/`,
    method: 'POST',
    headers: ['X-One: 1', 'X-Two: 2'],
    body: new GLib.Bytes(new TextEncoder().encode('grüße')),
    content_type: 'text/x-test',
    status: '200',
    body_pattern: '(?s)^POST /.*X-One: 1\r\nX-Two: 2\r\n.*\r\ngrüße$',
  });
  await assertStarts(call, executor);
  executor.set_form(['a=1 2', 'b=&']);
  assertEqual(text(executor.body.toArray()), 'a=1+2&b=%26');
  executor.body_pattern = 'a=1\\+2&b=%26$';
  await assertStarts(call, executor);
});

testBothWays('http: probe', async call => {
  const port = freePort();
  const probe = new Mk.HttpProbe({uri: `http://${LOCALHOST}:${port}/`, method: 'GET', headers: ['A: b']});
  assertEqual([probe.method, probe.headers, probe.body], ['GET', ['A: b'], null]);
  assertEqual(await call(probe, 'check', null), false);
  const executor = Mk.Executor.new(listenerOn(port, '--http', 'ok'), probe);
  await start(call, executor);
  probe.status = '503';
  const error = await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 50, null));
  assert(error.message.includes('HTTP 200 OK'), error.message);
  await stop(call, executor);
});

testBothWays('http: mistakes', async call => {
  const uri = `http://${LOCALHOST}:${freePort()}/`;
  for (const properties of [
    {uri: 'http:///path'}, {uri: 'ftp://localhost/'}, {method: 'A B'}, {headers: ['X: a\r\nY: b']}, {status: '('},
    {status: '700'}, {body_pattern: '['}, {uri: 'https://localhost/', ca_file: '/no/such/file'},
  ]) {
    const executor = new Mk.HttpExecutor({command: service(), uri, ...properties});
    await assertStartFails(call, Mk.Error.INVALID_ARGUMENT, executor);
    assertEqual(executor.pid, 0);
  }
});

testInFolder('unix socket', async (call, folder) => {
  const path = `${folder}/redis.sock`;
  const executor = Mk.UnixSocketExecutor.new(redis(folder, '--unixsocket', path), path);
  const probe = new Mk.UnixSocketProbe({path});
  assertEqual(await call(probe, 'check', null), false);
  await start(call, executor);
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  await assertStartFails(call, Mk.Error.ALREADY_RUNNING, Mk.UnixSocketExecutor.new(service(), path),
    `redis-server (pid ${executor.pid})`);
  await stop(call, executor);
  assert(await call(probe, 'wait_gone', 5000, null), 'it is gone');
  for (const wrong of ['', '@', `/${'x'.repeat(200)}`])
    await assertStartFails(call, Mk.Error.INVALID_ARGUMENT, Mk.UnixSocketExecutor.new(service(), wrong));
});

testInFolder('pid file', async (call, folder) => {
  const path = `${folder}/redis.pid`;
  const options = ['--daemonize', 'yes', '--pidfile', path, '--unixsocket', `${folder}/socket`];
  const executor = Mk.PidExecutor.new(redis(folder, ...options), path);
  assertEqual(executor.daemon_pid, 0);
  await start(call, executor);
  // It makes the file first, and writes into it then.
  await until(() => executor.daemon_pid > 0, 'the pid is known');
  const pid = executor.daemon_pid;
  assert(lives(pid) && executor.active, 'the daemon lives');
  await stop(call, executor);
  assert(!lives(pid), 'the daemon is gone');
  GLib.file_set_contents(path, '');
  await assertStartFails(call, Mk.Error.ALREADY_RUNNING, executor, path);
  await assertStartFails(call, Mk.Error.INVALID_ARGUMENT, Mk.PidExecutor.new(service(), ''));
});

testInFolder('file', async (call, folder) => {
  const path = `${folder}/file`;
  const probe = Mk.FileProbe.new(path);
  assertEqual([probe.path, await call(probe, 'check', null)], [path, false]);
  await assertStarts(call, Mk.Executor.new(service('--pid-file', path), probe));
  assertEqual(await call(probe, 'check', null), true);
});

testBothWays('output', async call => {
  const executor = Mk.OutputExecutor.new(service('--print', 'listening on port 8080'), 'port (?<port>\\d+)');
  assertEqual(executor.dup_match('port'), null);
  await start(call, executor);
  assertEqual(['0', '1', 'port', 'other'].map(name => executor.dup_match(name)), ['port 8080', '8080', '8080', null]);
  await stop(call, executor);
});

testBothWays('output: both streams', async call => {
  const stream = Mk.StreamFlags.BOTH;
  const command = service('--print', 'up', '--stderr', 'up');
  const executor = new Mk.OutputExecutor({command, banner: '^up$', stream, occurrences: 2});
  assertEqual(executor.stream, stream);
  await assertStarts(call, executor);
});

testBothWays('output: failures', async call => {
  const command = service('--print', 'FATAL: no disk');
  const failing = new Mk.OutputExecutor({command, banner: 'ready', failure_pattern: 'FATAL'});
  await assertStartFails(call, Mk.Error.FAILED, failing, 'FATAL: no disk');
  const ending = Mk.OutputExecutor.new(service('--print', 'bye', '--exit', '0'), 'ready');
  await assertStartFails(call, Mk.Error.EXITED, ending, 'bye');
  await assertStartFails(call, Mk.Error.INVALID_ARGUMENT, Mk.OutputExecutor.new(service(), '('));
});

testInFolder('command', async (call, folder) => {
  const path = `${folder}/redis.sock`;
  const probe = Mk.CommandProbe.new(['redis-cli', '-e', '-s', path, 'ping']);
  await assertStarts(call, Mk.Executor.new(redis(folder, '--unixsocket', path), probe));
});

testBothWays('command: settings', async call => {
  const probe = new Mk.CommandProbe({command: ['sh', '-c', 'test "$MK_TEST" = 1'], environment: ['MK_TEST=1']});
  assertEqual(await call(probe, 'check', null), true);
  probe.environment = ['MK_TEST=2'];
  assertEqual(await call(probe, 'check', null), false);
  await assertError(Mk.Error, Mk.Error.INVALID_ARGUMENT, () => call(new Mk.CommandProbe(), 'check', null));
  const missing = Mk.Executor.new(service(), Mk.CommandProbe.new(['mk-no-such-program']));
  await assertStartFails(call, Mk.Error.SPAWN_FAILED, missing, 'mk-no-such-program');
});

for (const kind of [Mk.AllProbe, Mk.AnyProbe]) {
  testBothWays(`${kind.$gtype.name}: parts`, async call => {
    const parts = [Mk.TcpProbe.new(LOCALHOST, 1), Mk.FileProbe.new('/file')];
    const probe = kind.new(parts);
    assert(probe.get_probes().every((part, i) => part === parts[i]), 'they are the same');
    probe.add(new NthTime(1));
    assertEqual(probe.get_probes().length, 3);
    assert(probe.describe().includes('JavaScript was asked'), probe.describe());
    assertEqual(new kind({probes: probe.probes}).get_probes().length, 3);
    await assertError(Mk.Error, Mk.Error.INVALID_ARGUMENT, () => call(new kind(), 'check', null));
  });
}

testInFolder('all', async (call, folder) => {
  const [port, path, third] = [freePort(), `${folder}/file`, new NthTime(3)];
  const probe = Mk.AllProbe.new([Mk.TcpProbe.new(LOCALHOST, port), Mk.FileProbe.new(path), third]);
  await assertStarts(call, Mk.Executor.new(listenerOn(port, '--pid-file', path), probe));
  assert(third.attempts >= 3, `${third.attempts} attempts`);
});

testBothWays('all but one', async call => {
  const probe = Mk.AllProbe.new([new NthTime(1), new NthTime(1e9)]);
  const error = await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 100, null));
  assert(error.message.includes('JavaScript was asked 1000000000 times'), error.message);
});

testBothWays('any', async call => {
  const third = new NthTime(3);
  const probe = Mk.AnyProbe.new([new NthTime(1e9), Mk.AllProbe.new([third])]);
  await assertStarts(call, Mk.Executor.new(service(), probe));
  assertEqual(third.attempts, 3);
  const there = Mk.AnyProbe.new([Mk.FileProbe.new('/no/such/file'), new NthTime(1)]);
  await assertStartFails(call, Mk.Error.ALREADY_RUNNING, Mk.Executor.new(service(), there), 'JavaScript was asked');
});

await run();
