// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// The TypeScript declarations describe all that programs can use, and nothing else.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mk from 'gi://Mk?version=1';
import {assert, assertEqual, run, test} from './harness.js';

const [, bytes] = GLib.file_get_contents(GLib.getenv('MK_TYPES'));
const text = new TextDecoder().decode(bytes);

/* What the types of JavaScript and Gio.ListModel have. */
const FROM_ELSEWHERE = ['constructor', 'get_item', 'get_item_type', 'get_n_items', 'items_changed'];

/* Structs of classes are of no use in JavaScript. */
const names = Object.keys(Mk).filter(name => !name.endsWith('Class'));

/* The names that the lines of a block begin with, without comments. */
function declared(pattern, indent) {
  const block = text.match(new RegExp(`^${indent}${pattern} [^]*?^${indent}}`, 'm'))[0];
  const lines = block.matchAll(new RegExp(`^${indent}  (?:(?:static|readonly) )*(\\w+)\\??(?=[(:<])`, 'gm'));
  return new Set([...lines].map(match => match[1]));
}

function sorted(values) {
  return [...new Set(values)].sort();
}

test('all names of the namespace are declared', () => {
  const found = text.matchAll(/^ {4}(?:class|const|enum|function) (\w+)/gm);
  assertEqual(sorted([...found].map(match => match[1])), sorted(names));
});

for (const name of names.filter(key => Mk[key].prototype instanceof GObject.Object)) {
  test(`all members of ${name} are declared`, () => {
    const members = declared(`interface ${name}`, ' {4}');
    const {prototype} = Mk[name];
    const own = Object.getOwnPropertyNames(prototype).filter(key => !key.startsWith('_') && !FROM_ELSEWHERE.includes(key));
    assertEqual(own.filter(key => !members.has(key)), []);
    assertEqual([...members].filter(key => !(key in prototype) && key !== '$signals'), []);
  });
}

test('the declarations have values of enumerations', () => {
  assert(text.includes(`EXITED: ${Mk.Error.EXITED};`));
  assert(text.includes(`TREE = ${Mk.StopMode.TREE},`));
});

await run();
