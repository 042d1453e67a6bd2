// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// [module]
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';

const command = ['redis-server', '--port', '0', '--save', '', '--unixsocket', './redis.socket'];
const redis = Mk.UnixSocketExecutor.new(command, 'redis.socket');

await Mk.withExecutor(redis, async () => {
    print(new TextDecoder().decode(GLib.spawn_command_line_sync('redis-cli -s redis.socket ping')[1]));
    await Mk.whileStopped(redis, () => print('edit its files, for example'));
}); // nothing of it is left
// [end]

// [promises]
const probe = Mk.FileProbe.new('there');
const found = probe.wait_async(5000, null);
GLib.file_set_contents('there', '');
await found;
// [end]

// [group]
const group = Mk.ExecutorGroup.new();
group.add_template('redis', 'redis');
group.add('filled', new Mk.SimpleExecutor({
    command: ['redis-cli', '-p', '{redis.port}', 'set', 'tea', 'green'], completes: true,
}));
group.add('web', Mk.HttpExecutor.new(
    ['python3', '-m', 'http.server', '{port}', '--bind', '127.0.0.1'], 'http://127.0.0.1:{port}/'));
group.add_dependency('web', 'filled'); // no setting of "web" mentions "filled"

await Mk.withGroup(group, () => {
    print(`the web server listens on port ${group.dup_value('web.port')}`);
    print(group.dup_report());
});
// [end]

// Presses Ctrl-C as soon as something waits.
GLib.idle_add(GLib.PRIORITY_HIGH, () => {
    Gio.Subprocess.new(['kill', '-INT', `${new Gio.Credentials().get_unix_pid()}`], 0).wait(null);
    return GLib.SOURCE_REMOVE;
});
let used = false;

// [cancel]
const SIGINT = 2;
const addSignal = GLib['unix_signal_add'] ?? imports.gi['GLibUnix'].signal_add; // it has moved in GLib 2.86
const cancellable = new Gio.Cancellable();
addSignal(GLib.PRIORITY_DEFAULT, SIGINT, () => {
    cancellable.cancel();
    return GLib.SOURCE_CONTINUE;
});

try {
    await Mk.withGroup(group, () => (used = true), cancellable);
} catch (error) {
    if (!error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
        throw error;
    print('it was cancelled, and nothing is left');
}
// [end]
if (used || !cancellable.is_cancelled())
    throw new Error('Ctrl-C has not cancelled the start');

// [lines]
Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');

const numbers = Mk.SimpleExecutor.new(['seq', '3']);
await Mk.withExecutor(numbers, async () => {
    const lines = Gio.DataInputStream.new(numbers.open_output(Mk.Stream.STDOUT));
    for (;;) {
        const [line] = await lines.read_line_async(GLib.PRIORITY_DEFAULT, null);
        if (line === null)
            break;
        print(line);
    }
});
// [end]

// [errors]
const broken = Mk.TcpExecutor.new(['redis-server', '--port', 'none'], '127.0.0.1', 1);
try {
    await broken.start_async(null);
} catch (error) {
    if (!error.matches?.(Mk.Error, Mk.Error.EXITED))
        throw error;
    print(`it is misconfigured: ${error.message}`);
}

const both = Mk.ExecutorGroup.new();
both.add_template('redis', 'redis');
both.add('broken', broken);
try {
    await both.start_async();
} catch (error) {
    print(error.message); // "broken: redis-server (pid …) exited with status 1 …"
}
// [end]
if (both.state !== Mk.ExecutorState.STOPPED)
    throw new Error('a group that has failed is not stopped');

// [steps]
const OwnDirectory = GObject.registerClass(class OwnDirectory extends Mk.SimpleExecutor {
    vfunc_prepare(task) {
        this.cwd = GLib.dir_make_tmp('service-XXXXXX');
        task.return_boolean(true);
    }

    vfunc_cleanup(task) {
        GLib.rmdir(this.cwd);
        task.return_boolean(true);
    }
});
// [end]

const sleeper = new OwnDirectory({command: ['sleep', '60']});
await Mk.withExecutor(sleeper, () => print(`it runs in ${sleeper.cwd}`));
if (GLib.file_test(sleeper.cwd, GLib.FileTest.EXISTS))
    throw new Error(`${sleeper.cwd} is left`);
