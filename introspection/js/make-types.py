#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the TypeScript declarations of the namespace Mk, as overrides/Mk.js makes it, from the GIR.

The file declares modules only. So it works where it is installed: it takes the types of GLib from the
packages @girs/… of the program that uses it.

Usage: make-types.py GIR OUTPUT
"""

import re
import sys
import textwrap

from gir import (
    CORE,
    GLIB,
    is_nullable,
    is_private,
    methods_of,
    namespace_of,
    nullable_property,
    parameters_in,
    parameters_out,
    returned,
)

C = "{http://www.gtk.org/introspection/c/1.0}"

HEAD = """\
// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
// Made by make-types.py from the GIR.

declare module 'gi://Mk?version=1' {
  import Gio from 'gi://Gio?version=2.0';
  import GLib from 'gi://GLib?version=2.0';
  import GObject from 'gi://GObject?version=2.0';

  // No class statement: the static new() of a class takes other arguments than that of its parent.
  interface Common<T> {
    readonly $gtype: GObject.GType<T>;
    readonly prototype: T;
  }
  type Class<T, P> = Common<T> & (new (properties?: Partial<P>) => T);
  type AbstractClass<T, P> = Common<T> & (abstract new (properties?: Partial<P>) => T);

  namespace Mk {
"""

TAIL = """\
  }
  export default Mk;
}

declare module 'gi://Mk' {
  import Mk from 'gi://Mk?version=1';
  export default Mk;
}

// imports.gi.Mk
interface GjsGiImports {
  Mk: typeof import('gi://Mk?version=1').default;
}
"""

# What the override adds.
HELPERS = """\
/**
 * Starts a service, or the services of a group, calls `body` once all is ready, and stops what was started,
 * whatever `body` does. Fails as the start does, then as `body` does, then as the stop does.
 */
function withExecutor<E extends SimpleExecutor | ExecutorGroup, T>(
  executor: E, body: (executor: E) => T | PromiseLike<T>, cancellable?: Gio.Cancellable | null): Promise<T>;

/** Like `Mk.withExecutor()`. */
function withGroup<T>(
  group: ExecutorGroup, body: (group: ExecutorGroup) => T | PromiseLike<T>,
  cancellable?: Gio.Cancellable | null): Promise<T>;

/**
 * Stops a service, calls `body`, and starts the service again, whatever `body` does. A service that was not
 * running is not started.
 */
function whileStopped<E extends SimpleExecutor, T>(
  executor: E, body: (executor: E) => T | PromiseLike<T>): Promise<T>;
"""

CONNECTIONS = """\
$signals: {name}.SignalSignatures;
connect<K extends keyof {name}.SignalSignatures>(
  signal: K, callback: GObject.SignalCallback<this, {name}.SignalSignatures[K]>): number;
connect(signal: string, callback: (...args: any[]) => any): number;
connect_after<K extends keyof {name}.SignalSignatures>(
  signal: K, callback: GObject.SignalCallback<this, {name}.SignalSignatures[K]>): number;
connect_after(signal: string, callback: (...args: any[]) => any): number;
"""

TYPES = {
    **dict.fromkeys(("utf8", "filename"), "string"),
    **dict.fromkeys(("gint", "guint", "gsize", "guint64", "gdouble", "GLib.Pid", "GLib.Quark"), "number"),
    "gboolean": "boolean",
    "gpointer": "any",
    "none": "void",
    "Gio.AsyncReadyCallback": "Gio.AsyncReadyCallback<this>",
    "Gio.ListModel": "Gio.ListModel<Probe>",
}

# The names that comments have for C, filled in by main().
CONSTANTS = {"TRUE": "true", "FALSE": "false", "NULL": "null"}


def type_of(element):
    array = element.find(f"{CORE}array")
    if array is not None:
        return f"{type_of(array)}[]"
    name = element.find(f"{CORE}type").get("name")
    return TYPES.get(name, name)


def nullable_type(element):
    return f"{type_of(element)} | null" if is_nullable(element) else type_of(element)


def taken_type(element):
    """gjs makes bytes of an array."""
    text = nullable_type(element)
    return f"Uint8Array | {text}" if text.startswith("GLib.Bytes") else text


def indent(lines):
    return [f"  {line}" for line in lines]


def documentation(element):
    """The first paragraph of the comment, with the names that it links to."""
    text = element.findtext(f"{CORE}doc")
    if text is None:
        return
    text = text.strip().partition("\n\n")[0]
    text = re.sub(r"\[\w+@([\w.:-]+)\]", r"`\1`", text)
    text = re.sub(r"[%@](\w+)", lambda match: f"`{CONSTANTS.get(match[1], match[1])}`", text)
    yield from ["/**", *(f" * {line}" for line in text.replace("*/", "* /").splitlines()), " */"]


def arguments(function):
    return [
        f"{parameter.get('name')}: {taken_type(parameter)}"
        for parameter in parameters_in(function)
        if parameter.get("name") != "user_data"
    ]


def result(function):
    if others := parameters_out(function):
        return f"[{', '.join(map(nullable_type, [returned(function), *others]))}]"
    return nullable_type(returned(function))


def write_function(function, head=""):
    # Without quotes it would be what `new` calls.
    name = function.get("name") if function.get("name") != "new" else "'new'"
    yield from documentation(function)
    yield f"{head}{name}({', '.join(arguments(function))}): {result(function)};"


def write_async(function, finish):
    """With a callback as in C; without one it is a promise, and the cancellable may be left out."""
    texts = arguments(function)
    awaited = [text.replace("cancellable:", "cancellable?:") for text in texts if not text.startswith("callback:")]
    called = [text.removesuffix(" | null") if text.startswith("callback:") else text for text in texts]
    yield from documentation(function)
    yield f"{function.get('name')}({', '.join(awaited)}): Promise<{result(finish)}>;"
    yield f"{function.get('name')}({', '.join(called)}): void;"


def write_method(method, methods):
    name = method.get("name")
    if name.endswith("_async"):
        return write_async(method, methods[name.removesuffix("_async") + "_finish"])
    return write_function(method)


def write_hook(function):
    """One that returns a task may be an async function."""
    takes_task = any(type_of(parameter) == "Gio.Task" for parameter in parameters_in(function))
    text = "void | Promise<void>" if takes_task and result(function) == "void" else result(function)
    yield from documentation(function)
    yield f"vfunc_{function.get('name')}({', '.join(arguments(function))}): {text};"


def names_of(property_):
    words = property_.get("name").split("-")
    yield "_".join(words)
    if len(words) > 1:
        yield words[0] + "".join(map(str.capitalize, words[1:]))


def property_type(property_, methods):
    return type_of(property_) + (" | null" if nullable_property(property_, methods) else "")


def write_property(property_, methods):
    fixed = property_.get("writable") != "1" or property_.get("construct-only") == "1"
    for name in names_of(property_):
        yield from documentation(property_)
        yield f"{'readonly ' if fixed else ''}{name}: {property_type(property_, methods)};"


def write_instance(element, parents):
    name, methods = element.get("name"), methods_of(element)
    yield from documentation(element)
    yield f"interface {name} extends {', '.join(parents)} {{"
    for property_ in element.findall(f"{CORE}property"):
        yield from indent(write_property(property_, methods))
    for method in methods.values():
        if not is_private(method):
            yield from indent(write_method(method, methods))
    for function in element.findall(f"{CORE}virtual-method"):
        if not is_private(function):
            yield from indent(write_hook(function))
    yield from indent(CONNECTIONS.replace("{name}", name).splitlines())
    yield "}"


def write_signals(element, parent):
    yield f"interface SignalSignatures extends {parent}.SignalSignatures {{"
    for signal in element.findall(f"{GLIB}signal"):
        yield from indent(documentation(signal))
        yield f"  '{signal.get('name')}': ({', '.join(arguments(signal))}) => {result(signal)};"
    for property_ in element.findall(f"{CORE}property"):
        yield f"  'notify::{property_.get('name')}': (pspec: GObject.ParamSpec) => void;"
    yield "}"


def write_properties(element, parent):
    methods = methods_of(element)
    yield f"interface ConstructorProps extends {parent}.ConstructorProps {{"
    for property_ in element.findall(f"{CORE}property"):
        if property_.get("writable") == "1":
            text = property_type(property_, methods)
            text = f"Uint8Array | {text}" if text.startswith("GLib.Bytes") else text
            yield from (f"  {name}: {text};" for name in names_of(property_))
    yield "}"


def write_statics(element):
    name = element.get("name")
    kind = "AbstractClass" if element.get("abstract") == "1" else "Class"
    yield f"const {name}: {kind}<{name}, {name}.ConstructorProps> & {{"
    for kind in ("constructor", "function"):
        for function in element.findall(f"{CORE}{kind}"):
            yield from indent(write_function(function))
    yield "};"


def write_class(element):
    parent = element.get("parent")
    parents = [parent, *(interface.get("name") for interface in element.findall(f"{CORE}implements"))]
    yield from write_instance(element, [name.replace("Gio.ListModel", "Gio.ListModel<SimpleExecutor>") for name in parents])
    yield f"namespace {element.get('name')} {{"
    yield from indent([*write_signals(element, parent), *write_properties(element, parent)])
    yield "}"
    yield from write_statics(element)


def write_members(element, form):
    for member in element.findall(f"{CORE}member"):
        yield from documentation(member)
        yield form.format(member.get("name").upper(), member.get("value"))


def write_enum(element):
    yield from documentation(element)
    yield f"enum {element.get('name')} {{"
    yield from indent(write_members(element, "{} = {},"))
    yield "}"


def write_error(element):
    yield from documentation(element)
    yield f"class {element.get('name')} extends GLib.Error {{"
    yield "  constructor(properties: {code: number, message: string});"
    yield "  static quark(): number;"
    yield from indent(write_members(element, "static readonly {}: {};"))
    yield "}"


def write_callback(element):
    yield from documentation(element)
    yield f"type {element.get('name')} = ({', '.join(arguments(element))}) => {result(element)};"


def write(element):
    tag = element.tag.removeprefix(CORE)
    if tag in ("enumeration", "bitfield"):
        return write_error(element) if element.get(f"{GLIB}error-domain") else write_enum(element)
    if tag == "constant":
        return [*documentation(element), f"const {element.get('name')}: {type_of(element)};"]
    if tag == "function" and not is_private(element):
        return write_function(element, "function ")
    return {"class": write_class, "callback": write_callback}.get(tag, lambda _: [])(element)


def main(gir, output):
    namespace = namespace_of(gir)
    for enum in namespace:
        for member in enum.findall(f"{CORE}member"):
            CONSTANTS[member.get(f"{C}identifier")] = f"Mk.{enum.get('name')}.{member.get('name').upper()}"
    parts = ["\n".join(write(element)) for element in namespace]
    body = "\n\n".join([*filter(None, parts), HELPERS])
    with open(output, "w", encoding="utf-8") as file:
        file.write(HEAD + textwrap.indent(body, "    ") + TAIL)


main(*sys.argv[1:])
