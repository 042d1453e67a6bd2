// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import Gio from 'gi://Gio';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';

const PingProbe = GObject.registerClass(class PingProbe extends Mk.Probe {
    constructor(port) {
        super();
        this.port = port;
    }

    // Satisfied when redis answers PING, which it does not while it loads its data.
    vfunc_check() {
        try {
            const client = new Gio.SocketClient({timeout: 1, enableProxy: false});
            const connection = client.connect_to_host('127.0.0.1', this.port, null);
            connection.outputStream.write_all('PING\r\n', null);
            const answer = connection.inputStream.read_bytes(7, null).toArray();
            connection.close(null);
            return new TextDecoder().decode(answer) === '+PONG\r\n';
        } catch (error) {
            return false; // not yet
        }
    }

    vfunc_describe() {
        return `redis on port ${this.port} to answer PING`;
    }
});

const listener = new Gio.SocketListener();
const port = listener.add_any_inet_port(null);
listener.close();

const redis = Mk.Executor.new(['redis-server', '--port', `${port}`, '--save', ''], new PingProbe(port));
redis.start(null);
print('redis answered: PONG');
redis.stop(null);
