// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Checked by tsc with the declarations, and never run: what is right passes, what is marked is refused.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import Unversioned from 'gi://Mk';

const redis = Mk.TcpExecutor.new(['redis-server', '--port', '{port}'], '127.0.0.1', 0);
redis.start(null);
redis.start(new Gio.Cancellable());
const port: number = redis.get_port();
const value: string | null = redis.dup_value('port');
const same: Unversioned.SimpleExecutor = redis;
const old: typeof Mk = imports.gi.Mk;

const executor = new Mk.SimpleExecutor({
  command: ['true'],
  environment: ['A=b'],
  start_timeout: 1000,
  stopTimeout: 1000,
  stdoutMode: Mk.StdioMode.CAPTURE,
});
executor.cwd = '/';
executor.cwd = null;
const state: Mk.ExecutorState = executor.state;
const ready: boolean = state === Mk.ExecutorState.READY;
const bytes: Uint8Array = executor.dup_output(Mk.Stream.STDOUT).toArray();
executor.connect('line', (self, stream, text) => {
  const source: Mk.SimpleExecutor = self;
  const from: Mk.Stream = stream;
  return text.toUpperCase();
});
redis.connect('notify::port', self => self.port.toFixed());

// Promises, and callbacks as in C.
const started: boolean = await executor.start_async();
await Promise.all([redis.wait_async(null), executor.stop_full_async(Mk.StopMode.TREE, 15, 0, null)]);
executor.stop_async(null, (source, result) => executor.stop_finish(result));
const found: Promise<boolean> = Mk.FileProbe.new('/a').wait_async(5000);

// What the override adds.
const length: number = await Mk.withExecutor(redis, async server => server.get_port());
await Mk.withExecutor(redis, () => {}, new Gio.Cancellable());
const text: string = await Mk.withGroup(Mk.ExecutorGroup.new(), group => group.expand('{redis.port}'));
await Mk.whileStopped(redis, () => print('stopped'));

const [parsed, milliseconds]: [boolean, number] = Mk.parse_duration('5s');
new Mk.HttpProbe({uri: 'http://localhost', body: new Uint8Array(), headers: ['A: b']});
Mk.AllProbe.new([Mk.FileProbe.new('/a'), new Mk.TcpProbe({host: 'h', port: 1}), Mk.CallbackProbe.new(() => true)]);
const executors: (Mk.SimpleExecutor | null)[] = [Mk.ExecutorGroup.new().get_item(0)];

try {
  await redis.start_async();
} catch (error) {
  if (error instanceof Mk.Error && error.matches(Mk.Error, Mk.Error.EXITED))
    print(error.message);
}
const failure: GLib.Error = new Mk.Error({code: Mk.Error.FAILED, message: 'no'});

const Own = GObject.registerClass(class Own extends Mk.TcpExecutor {
  override async vfunc_prepare(task: Gio.Task): Promise<void> {
    this.cwd = GLib.dir_make_tmp('own-XXXXXX');
    task.return_boolean(true);
  }

  override vfunc_build_command(): string[] {
    return ['redis-server', '--port', `${this.port}`];
  }
});
Mk.withExecutor(new Own({host: 'localhost', port: 1}), own => own.cwd);

const Ping = GObject.registerClass(class Ping extends Mk.Probe {
  override vfunc_check(): boolean {
    return true;
  }
});
redis.set_probe(new Ping());

// @ts-expect-error: the arguments are in another order
Mk.TcpExecutor.new(['true'], 1, 'localhost');
// @ts-expect-error: gjs requires the cancellable
redis.start();
// @ts-expect-error: there is no such property
new Mk.TcpExecutor({commands: ['true']});
// @ts-expect-error: a command is an array
new Mk.SimpleExecutor({command: 'true'});
// @ts-expect-error: it is in milliseconds, a number
executor.start_timeout = '5s';
// @ts-expect-error: it cannot be set
executor.state = Mk.ExecutorState.READY;
// @ts-expect-error: it may be null
redis.dup_value('port').length;
// @ts-expect-error: there is no such method
executor.begin();
// @ts-expect-error: it is a promise
const notAwaited: boolean = executor.start_async();
// @ts-expect-error: the call takes probes
Mk.AllProbe.new(['port 1']);
// @ts-expect-error: it is abstract
new Mk.Probe();
// @ts-expect-error: there is no such code
Mk.Error.NO_SUCH_CODE;
// @ts-expect-error: a group cannot be stopped for a while
Mk.whileStopped(Mk.ExecutorGroup.new(), () => {});
GObject.registerClass(class extends Mk.Probe {
  // @ts-expect-error: a check says yes or no
  override vfunc_check(): string {
    return 'yes';
  }
});
