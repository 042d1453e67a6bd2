// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Many starts: nothing may add up. MK_TEST_CYCLES says how many.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';
import Mk from 'gi://Mk?version=1';
import {assert, run, service, sleep, test, text, until} from './harness.js';

const CYCLES = Number(GLib.getenv('MK_TEST_CYCLES') ?? 1000);
const WARM_UP = Math.ceil(CYCLES / 5);
/* What is lost in each start would come to more; what SpiderMonkey keeps for itself does not. */
const MAX_GROWTH_KB = 2048;

const Subclass = GObject.registerClass(class MkTestSoakExecutor extends Mk.Executor {
  _init() {
    super._init({command: service(), probe: new Probe()});
    this.connect('exited', () => this.describe());
  }

  vfunc_prepare(task) {
    task.return_boolean(true);
  }

  vfunc_started(task) {
    super.vfunc_started(task);
  }
});

const Probe = GObject.registerClass(class MkTestSoakProbe extends Mk.Probe {
  _init() {
    super._init();
    this.attempts = 0;
    this.ballast = 'x'.repeat(10000) + Math.random();
  }

  vfunc_check() {
    return ++this.attempts > 1;
  }
});

function entries(folder) {
  return [...Gio.File.new_for_path(folder).enumerate_children('standard::name', 0, null)].length;
}

function residentKb() {
  return Number(text(GLib.file_get_contents('/proc/self/statm')[1]).split(' ')[1]) * 4;
}

async function settle() {
  for (let i = 0; i < 3; i++) {
    System.gc();
    await sleep(1);
  }
}

/* Runs all cycles, and compares what the process holds after the first few and at the end. */
async function soak(cycle) {
  for (let i = 0; i < WARM_UP; i++)
    await cycle();
  await settle();
  const [memory, fds, threads] = [residentKb(), entries('/proc/self/fd'), entries('/proc/self/task')];
  for (let i = WARM_UP; i < CYCLES; i++) {
    await cycle();
    if (i % 20 === 0)
      await settle();
  }
  await settle();
  const grown = residentKb() - memory;
  print(`# ${CYCLES - WARM_UP} starts, ${memory} KB, ${grown} KB more`);
  await until(() => entries('/proc/self/fd') <= fds, 'no file descriptor is left open');
  assert(entries('/proc/self/task') <= threads, 'no thread is left');
  assert(grown < MAX_GROWTH_KB, `${grown} KB more, at most ${MAX_GROWTH_KB}`);
}

test('the same executor', async () => {
  const executor = Mk.SimpleExecutor.new(service());
  await soak(() => Mk.withExecutor(executor, () => {}));
});

test('new subclasses, and probes of JavaScript', async () => {
  await soak(async () => {
    const executor = new Subclass();
    await Mk.withExecutor(executor, () => {});
  });
});

test('new ones, synchronously, never stopped', async () => {
  await soak(async () => {
    let executor = Mk.SimpleExecutor.new(service());
    executor.start(null);
    executor = null;
    System.gc();
    await sleep(0);
  });
});

await run();
