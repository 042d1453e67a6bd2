// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// What the JavaScript tests share: checks, a runner that speaks TAP, and services to start.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';
import Mk from 'gi://Mk?version=1';

const SERVICE = GLib.getenv('MK_TEST_SERVICE');
const LIMIT_MS = 30000; // no wait of a test lasts longer
const tests = [];

export const LOCALHOST = '127.0.0.1';

/* What gjs says about exceptions in callbacks is critical too, but a part of the tests. */
for (const domain of ['mirakuru-glib', 'GLib', 'GLib-GObject', 'GLib-GIO']) {
  const {FLAG_FATAL, LEVEL_CRITICAL, LEVEL_ERROR, LEVEL_WARNING} = GLib.LogLevelFlags;
  GLib.log_set_fatal_mask(domain, FLAG_FATAL | LEVEL_CRITICAL | LEVEL_ERROR | LEVEL_WARNING);
}

/* The two ways to call an operation; a test that can be run both ways is. */
const callers = {
  sync: (thing, name, ...args) => thing[name](...args),
  async: (thing, name, ...args) => thing[`${name}_async`](...args),
};

export function test(name, body) {
  tests.push([name, body]);
}

export function testBothWays(name, body) {
  for (const [way, call] of Object.entries(callers))
    test(`${name} (${way})`, async () => {
      await body(async (...args) => call(...args));
    });
}

export class Skip extends Error {}

export function assert(condition, what = 'condition') {
  if (!condition)
    throw new Error(`failed: ${what}`);
}

export function assertEqual(actual, expected) {
  const [a, b] = [actual, expected].map(value => JSON.stringify(value));
  if (a !== b)
    throw new Error(`got ${a}, expected ${b}`);
}

/* Returns the error, so that its message can be looked at. */
export async function assertError(domain, code, body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof GLib.Error) || !error.matches(domain, code))
      throw error;
    return error;
  }
  throw new Error(`no error of ${domain} ${code}`);
}

export function sleep(ms) {
  return new Promise(resolve => GLib.timeout_add(GLib.PRIORITY_DEFAULT, ms, () => {
    resolve();
    return GLib.SOURCE_REMOVE;
  }));
}

export async function until(condition, what) {
  const deadline = GLib.get_monotonic_time() + LIMIT_MS * 1000;
  while (!condition()) {
    if (GLib.get_monotonic_time() > deadline)
      throw new Error(`not in ${LIMIT_MS} ms: ${what}`);
    await sleep(2);
  }
}

export function freePort() {
  const listener = new Gio.SocketListener();
  const port = listener.add_any_inet_port(null);
  listener.close();
  return port;
}

export function service(...options) {
  return [SERVICE, '--lifetime', '60', ...options.map(String)];
}

export function listenerOn(port, ...options) {
  return service('--listen', `${LOCALHOST}:${port}`, ...options);
}

export function redisExecutor(port = freePort()) {
  if (!GLib.find_program_in_path('redis-server') || !GLib.find_program_in_path('redis-cli'))
    throw new Skip('redis is not installed');
  const command = ['redis-server', '--bind', LOCALHOST, '--port', `${port}`, '--save', ''];
  return Mk.TcpExecutor.new(command, LOCALHOST, port);
}

export function lives(pid) {
  return GLib.file_test(`/proc/${pid}`, GLib.FileTest.EXISTS);
}

export function ping(port) {
  return text(GLib.spawn_command_line_sync(`redis-cli -h ${LOCALHOST} -p ${port} ping`)[1]).trim();
}

export function text(bytes) {
  return new TextDecoder().decode(bytes);
}

export function outputOf(executor, stream = Mk.Stream.STDOUT) {
  return text(executor.dup_output(stream).toArray());
}

export function marker(executor) {
  return executor.dup_environment().find(entry => entry.startsWith('mirakuru_uuid='));
}

function environmentOf(pid) {
  try {
    return text(GLib.file_get_contents(`/proc/${pid}/environ`)[1]).split('\0');
  } catch {
    return [];
  }
}

/* The ids of the processes that carry a marker. */
export function processes(mark) {
  const pids = [];
  for (const entry of Gio.File.new_for_path('/proc').enumerate_children('standard::name', 0, null)) {
    if (/^\d+$/.test(entry.get_name()) && environmentOf(entry.get_name()).includes(mark))
      pids.push(Number(entry.get_name()));
  }
  return pids;
}

async function runTest(body) {
  try {
    await body();
    return ['ok', ''];
  } catch (error) {
    if (error instanceof Skip)
      return ['ok', ` # SKIP ${error.message}`];
    for (const line of `${error}\n${error.stack}`.trim().split('\n'))
      print(`# ${line}`);
    return ['not ok', ''];
  }
}

/* Runs all tests, or those whose name holds the word given on the command line. */
export async function run() {
  const [word = ''] = System.programArgs;
  const chosen = tests.filter(([name]) => name.includes(word));
  let failed = 0;
  print(`1..${chosen.length}`);
  for (const [index, [name, body]] of chosen.entries()) {
    const [verdict, rest] = await runTest(body);
    print(`${verdict} ${index + 1} ${name}${rest}`);
    failed += verdict === 'ok' ? 0 : 1;
    System.gc();
  }
  if (failed > 0)
    System.exit(1);
}
