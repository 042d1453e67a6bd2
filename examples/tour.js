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
// [end]

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
