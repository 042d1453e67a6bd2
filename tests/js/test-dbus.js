// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Names on a message bus, which is a dbus-daemon of its own.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mk from 'gi://Mk?version=1';
import { Skip, assert, assertEqual, assertError, run, testBothWays } from './harness.js';

const NAME = 'org.example.MirakuruTest';
const BUS_NAME = 'org.freedesktop.DBus';

function newBus() {
  if (!GLib.find_program_in_path('dbus-daemon'))
    throw new Skip('dbus-daemon is not installed');
  const folder = GLib.dir_make_tmp('mk-test-XXXXXX');
  const address = `unix:path=${folder}/bus`;
  const command = ['dbus-daemon', '--session', '--nofork', '--nopidfile', `--address=${address}`];
  const daemon = Mk.Executor.new(command, Mk.DBusProbe.new(address, BUS_NAME));
  return {folder, address, daemon};
}

function connect(address) {
  const {AUTHENTICATION_CLIENT, MESSAGE_BUS_CONNECTION} = Gio.DBusConnectionFlags;
  return Gio.DBusConnection.new_for_address_sync(
    address, AUTHENTICATION_CLIENT | MESSAGE_BUS_CONNECTION, null, null);
}

function callBus(connection, method, parameters) {
  connection.call_sync(BUS_NAME, '/org/freedesktop/DBus', BUS_NAME, method, parameters, null,
    Gio.DBusCallFlags.NONE, 10000, null);
}

testBothWays('comes and goes', async call => {
  const {folder, address, daemon} = newBus();
  const probe = Mk.DBusProbe.new(address, NAME);
  assertEqual(await call(probe, 'check', null), false);
  await call(daemon, 'start', null);
  assertEqual(await call(probe, 'check', null), false);
  await assertError(Mk.Error, Mk.Error.TIMED_OUT, () => call(probe, 'wait', 50, null));
  const connection = connect(address);
  callBus(connection, 'RequestName', new GLib.Variant('(su)', [NAME, 0]));
  assert(await call(probe, 'wait', 5000, null), 'it is there');
  callBus(connection, 'ReleaseName', new GLib.Variant('(s)', [NAME]));
  assert(await call(probe, 'wait_gone', 5000, null), 'it is gone');
  await call(daemon, 'stop', null);
  assertEqual(await call(probe, 'check', null), false);
  GLib.spawn_command_line_sync(`rm -r ${folder}`);
});

testBothWays('settings', async call => {
  const probe = new Mk.DBusProbe({bus: 'session', name: NAME});
  assertEqual([probe.bus, probe.get_name()], ['session', NAME]);
  assertEqual(probe.describe(), `${NAME} to have an owner on the session bus`);
  for (const [bus, name] of [[null, NAME], ['no address', NAME], ['system', null], ['system', ':1.1']]) {
    await assertError(Mk.Error, Mk.Error.INVALID_ARGUMENT,
      () => call(new Mk.DBusProbe({bus, name}), 'check', null));
  }
});

await run();
