// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Settings, errors, signals, output and the end of executors, through the raw typelib.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';
import System from 'system';
import {
  LOCALHOST, assert, assertEqual, assertError, freePort, listenerOn, marker, outputOf, processes, run,
  service, sleep, test, testBothWays, until,
} from './harness.js';

test('properties', () => {
  const executor = new Mk.TcpExecutor({
    command: ['true'],
    cwd: '/tmp',
    environment: ['A=b'],
    startTimeout: 1000,
    stopTimeout: 2000,
    stopSignal: 2,
    expectedStatus: 3,
    stderrMode: Mk.StdioMode.MERGE,
    outputLimit: 4096,
    host: 'localhost',
    port: 1234,
  });
  assertEqual(executor.get_command(), ['true']);
  assertEqual(executor.cwd, '/tmp');
  assertEqual(executor.environment, ['A=b']);
  assertEqual([executor.start_timeout, executor.stop_timeout], [1000, 2000]);
  assertEqual([executor.stop_signal, executor.expected_status], [2, 3]);
  assertEqual(executor.stderr_mode, Mk.StdioMode.MERGE);
  assertEqual(executor.output_limit, 4096);
  assertEqual([executor.host, executor.port], ['localhost', 1234]);
  assertEqual(executor.exit_status, Mk.STATUS_NONE);
  assert(executor.probe instanceof Mk.TcpProbe, 'has a probe');
});

test('notify', () => {
  const executor = Mk.SimpleExecutor.new(['true']);
  let notified = 0;
  executor.connect('notify::cwd', () => notified++);
  executor.cwd = '/tmp';
  executor.set_cwd('/tmp');
  assertEqual(notified, 1);
});

test('command line', async () => {
  assertEqual(Mk.SimpleExecutor.new_for_command_line('sh -c "a b" c').command, ['sh', '-c', 'a b', 'c']);
  await assertError(Mk.Error, Mk.Error.INVALID_ARGUMENT,
    () => Mk.SimpleExecutor.new_for_command_line('sh "a'));
});

test('wrong types', () => {
  const executor = Mk.SimpleExecutor.new(['true']);
  for (const wrong of [
    () => Mk.SimpleExecutor.new(7),
    () => executor.start('now'),
    () => Mk.Executor.new(['true'], 'probe'),
    () => new Mk.TcpExecutor({command: 7}),
  ]) {
    let error = null;
    try {
      wrong();
    } catch (e) {
      error = e;
    }
    assert(error !== null, `${wrong} throws`);
  }
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
});

testBothWays('bad input', async call => {
  const {INVALID_ARGUMENT, SPAWN_FAILED} = Mk.Error;
  for (const [code, executor] of [
    [INVALID_ARGUMENT, Mk.SimpleExecutor.new([])],
    [INVALID_ARGUMENT, new Mk.SimpleExecutor({command: ['true'], environment: ['=value']})],
    [INVALID_ARGUMENT, Mk.TcpExecutor.new(['true'], LOCALHOST, 0)],
    [INVALID_ARGUMENT, Mk.TcpExecutor.new(['true'], LOCALHOST, 70000)],
    [SPAWN_FAILED, Mk.SimpleExecutor.new(['mk-no-such-program'])],
    [SPAWN_FAILED, new Mk.SimpleExecutor({command: ['true'], cwd: '/no/such/folder'})],
  ]) {
    await assertError(Mk.Error, code, () => call(executor, 'start', null));
    assertEqual(executor.state, Mk.ExecutorState.STOPPED);
  }
});

testBothWays('exits before it is ready', async call => {
  const command = service('--stderr', 'no space left', '--exit', 3);
  const executor = Mk.TcpExecutor.new(command, LOCALHOST, freePort());
  const error = await assertError(Mk.Error, Mk.Error.EXITED, () => call(executor, 'start', null));
  assert(error.message.includes('no space left'), error.message);
  assertEqual(executor.exit_status, 3);
});

testBothWays('is never ready', async call => {
  const executor = Mk.TcpExecutor.new(service(), LOCALHOST, freePort());
  executor.startTimeout = 100;
  await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(executor, 'start', null));
  assertEqual(executor.active, false);
});

test('exited', async () => {
  const executor = Mk.SimpleExecutor.new(service('--exit', 4, '--exit-after', 20));
  const seen = [];
  executor.connect('exited', (_, status) => seen.push(status));
  await executor.start_async(null);
  await until(() => seen.length > 0, 'exited is emitted');
  assertEqual(seen, [4]);
  assertEqual(executor.state, Mk.ExecutorState.EXITED);
  await assertError(Mk.Error, Mk.Error.FINISHED_WITH_ERROR, () => executor.stop(null));
});

testBothWays('wait_check', async call => {
  for (const status of [0, 4]) {
    const executor = Mk.SimpleExecutor.new(service('--exit', status, '--exit-after', 20));
    await call(executor, 'start', null);
    const wait = () => call(executor, 'wait_check', null);
    await (status === 0 ? wait() : assertError(Mk.Error, Mk.Error.FINISHED_WITH_ERROR, wait));
    assertEqual(executor.exitStatus, status);
  }
});

test('unset and files', async () => {
  const path = GLib.build_filenamev([GLib.dir_make_tmp('mk-js-XXXXXX'), 'input']);
  GLib.file_set_contents(path, 'from a file\n');
  GLib.setenv('MK_TEST_UNWANTED', 'here', true);
  const executor = Mk.SimpleExecutor.new(['sh', '-c', 'cat; echo ${MK_TEST_UNWANTED-unset} $MK_TEST']);
  Object.assign(executor, {
    environment: ['MK_TEST_UNWANTED', 'MK_TEST=set'], stdinMode: Mk.StdioMode.FILE, stdinPath: path,
  });
  executor.start(null);
  executor.wait_check(null);
  const output = executor.dup_output(Mk.Stream.STDOUT).toArray();
  assertEqual(new TextDecoder().decode(output), 'from a file\nunset set\n');
  GLib.unlink(path);
  GLib.rmdir(GLib.path_get_dirname(path));
});

test('line', async () => {
  const executor = Mk.SimpleExecutor.new(service('--print', 'first', '--stderr', 'warning'));
  const seen = [];
  executor.connect('line', (_, stream, line) => seen.push([stream, line]));
  executor.start(null);
  await until(() => seen.length >= 2, 'lines are told');
  seen.sort();
  assertEqual(seen, [[Mk.Stream.STDOUT, 'first'], [Mk.Stream.STDERR, 'warning']]);
  executor.stop(null);
});

test('notify::state', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  const seen = [];
  executor.connect('notify::state', () => seen.push(executor.state));
  await executor.start_async(null);
  await until(() => seen.at(-1) === Mk.ExecutorState.READY, 'the state is told');
  await executor.stop_async(null);
  await until(() => seen.at(-1) === Mk.ExecutorState.STOPPED, 'the state is told');
});

test('output', () => {
  const executor = Mk.SimpleExecutor.new(service('--print', 'a', '--print', 'b', '--stderr', 'c', '--exit', 0));
  executor.start(null);
  const stream = new Gio.DataInputStream({base_stream: executor.open_output(Mk.Stream.STDOUT)});
  const lines = [1, 2, 3].map(() => stream.read_line_utf8(null)[0]);
  assertEqual(lines, ['a', 'b', null]);
  executor.wait(null);
  assertEqual(outputOf(executor), 'a\nb\n');
  assertEqual(outputOf(executor, Mk.Stream.STDERR), 'c\n');
});

test('standard input', () => {
  const executor = new Mk.SimpleExecutor({command: service('--echo'), stdinMode: Mk.StdioMode.PIPE});
  executor.start(null);
  executor.dup_stdin().write_all(new TextEncoder().encode('hello\n'), null);
  executor.dup_stdin().close(null);
  executor.wait(null);
  assertEqual(outputOf(executor), 'hello\n');
});

test('last reference', async () => {
  let executor = Mk.SimpleExecutor.new(service('--children', 2, '--setsid-children'));
  executor.start(null);
  const mark = marker(executor);
  assert(processes(mark).length > 0, 'the service runs');
  executor = null;
  await sleep(0);
  await until(() => {
    System.gc();
    return processes(mark).length === 0;
  }, 'the collected executor left nothing');
});

test('cancellation', async () => {
  const port = freePort();
  const executor = Mk.TcpExecutor.new(service(), LOCALHOST, port);
  const mark = marker(executor);
  const cancellable = new Gio.Cancellable();
  const start = executor.start_async(cancellable);
  sleep(20).then(() => cancellable.cancel());
  await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => start);
  assertEqual(executor.state, Mk.ExecutorState.STOPPED);
  assertEqual(processes(mark), []);
  await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => executor.start(cancellable));
});

test('start twice, stop during start', async () => {
  const executor = Mk.TcpExecutor.new(service(), LOCALHOST, freePort());
  const start = executor.start_async(null);
  await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.PENDING, () => executor.start_async(null));
  await executor.stop_async(null);
  await assertError(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED, () => start);
});

test('the main loop goes on during a start', async () => {
  const port = freePort();
  const executor = Mk.TcpExecutor.new(listenerOn(port, '--after', 200), LOCALHOST, port);
  let ticks = 0;
  const source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 2, () => {
    ticks++;
    return GLib.SOURCE_CONTINUE;
  });
  await executor.start_async(null);
  GLib.source_remove(source);
  assert(ticks > 10, `${ticks} ticks`);
  await executor.stop_async(null);
});

test('send a signal, wait', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  await executor.start_async(null);
  executor.send_signal(9);
  await executor.wait_async(null);
  assertEqual(executor.exit_status, -9);
});


await run();
