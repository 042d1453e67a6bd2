#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the type stubs of the namespace Mk, as gi/overrides/Mk.py makes it, from the GIR.

Usage: make-stubs.py GIR OUTPUT
"""

import sys

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

HEAD = '''\
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# Made by make-stubs.py from the GIR.
# Each class has a new() with arguments of its own.
# mypy: disable-error-code="override"

import asyncio
import contextlib
import datetime
import os
import types
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from gi.repository import Gio, GLib, GObject

_Text = str | bytes | os.PathLike[str] | os.PathLike[bytes]
# A string is split as a shell would.
_Command = str | Iterable[_Text]
_Pairs = Mapping[Any, _Text] | Iterable[_Text]
# None unsets a variable.
_Environment = Mapping[Any, _Text | None] | Iterable[_Text]
# Milliseconds.
_Time = int | datetime.timedelta
_Bytes = bytes | bytearray | memoryview | GLib.Bytes
_Self = TypeVar("_Self")

class _Lines(Iterator[str], AsyncIterator[str]):
    def __next__(self) -> str: ...
    async def __anext__(self) -> str: ...

class ServiceError(GLib.Error):
    CODE: Error
    message: str
    domain: str
    code: int
    def __init__(self, message: str = ..., domain: str = ..., code: int | None = ...) -> None: ...
    def matches(self, domain: int | str, code: int) -> bool: ...
'''

# What the override has for executors and groups.
RUNNING = '''\
def __enter__(self: _Self) -> _Self: ...
def __exit__(
    self, kind: type[BaseException] | None, exception: BaseException | None, trace: types.TracebackType | None
) -> None: ...
async def __aenter__(self: _Self) -> _Self: ...
async def __aexit__(
    self, kind: type[BaseException] | None, exception: BaseException | None, trace: types.TracebackType | None
) -> None: ...
'''

EXTRAS = {
    "ExecutorGroup": '''\
def __getitem__(self, key: str | int) -> SimpleExecutor: ...
def __contains__(self, key: object) -> bool: ...
def __len__(self) -> int: ...
def __iter__(self) -> Iterator[SimpleExecutor]: ...
''' + RUNNING,
    "PortLease": '''\
def __enter__(self: _Self) -> _Self: ...
def __exit__(
    self, kind: type[BaseException] | None, exception: BaseException | None, trace: types.TracebackType | None
) -> None: ...
''',
    "SimpleExecutor": '''\
def lines(self, stream: Stream = ...) -> _Lines: ...
def stopped(self: _Self) -> contextlib.AbstractContextManager[_Self]: ...
''' + RUNNING,
}

# What the override takes, by the name of the argument or property.
TAKEN = {
    **dict.fromkeys(("argv", "command", "launcher"), "_Command"),
    "forwards": "Iterable[str]",
    **dict.fromkeys(("headers", "fields"), "_Pairs"),
    "environment": "_Environment",
    **dict.fromkeys(("start_timeout", "stop_timeout", "timeout", "timeout_ms"), "_Time"),
    **dict.fromkeys(("interval", "interval_ms", "attempt_timeout", "attempt_timeout_ms"), "_Time"),
    **dict.fromkeys(("cwd", "path", "filename", "socket_path", "ca_file", "certificate_file"), "_Text"),
    **dict.fromkeys(("stdin_path", "stdout_path", "stderr_path"), "_Text"),
    "body": "_Bytes",
    "probes": "Iterable[Probe]",
}

TYPES = {
    **dict.fromkeys(("utf8", "filename"), "str"),
    **dict.fromkeys(("gint", "guint", "gsize", "guint64", "GLib.Pid", "GLib.Quark"), "int"),
    "gboolean": "bool",
    "gdouble": "float",
    "gpointer": "Any",
    "none": "None",
    "Gio.AsyncReadyCallback": "Callable[..., object]",
    "ProbeFunc": "Callable[..., bool]",
}


def type_of(element):
    array = element.find(f"{CORE}array")
    if array is not None:
        return f"list[{type_of(array)}]"
    name = element.find(f"{CORE}type").get("name")
    return TYPES.get(name, name)


def taken_type(element):
    name = element.get("name").replace("-", "_")
    known = TAKEN.get(name) or type_of(element)
    return f"{known} | None" if is_nullable(element) else known


def arguments(function):
    # What may be left out is what may be None to the very end.
    optional, texts = True, []
    for parameter in reversed(parameters_in(function)):
        name = parameter.get("name")
        if name == "user_data":
            texts.append("*user_data: Any")
            continue
        optional = optional and is_nullable(parameter)
        texts.append(f"{name}: {taken_type(parameter)}{' = ...' if optional else ''}")
    return texts[::-1]


def result(function):
    element = returned(function)
    text = type_of(element)
    if function.tag == f"{CORE}virtual-method" and text == "list[str]":
        text = "_Command"
    if others := parameters_out(function):
        return f"tuple[{', '.join([text, *map(type_of, others)])}]"
    return f"{text} | None" if is_nullable(element) else text


def ancestors(element, classes):
    while (element := classes.get(element.get("parent"))) is not None:
        yield element


def write_constructor(function, owner):
    texts = ", ".join(["cls", *arguments(function)])
    return ["@classmethod", f"def {function.get('name')}({texts}) -> {owner}: ..."]


def write_function(function, is_method=False, prefix=""):
    name = prefix + function.get("name")
    texts = arguments(function)
    if not is_method:
        return [f"def {name}({', '.join(texts)}) -> {result(function)}: ..."]
    if name.endswith("_async"):
        return write_async(name, texts)
    return [f"def {name}({', '.join(['self', *texts])}) -> {result(function)}: ..."]


def write_async(name, texts):
    """With a callback as in C; without one it can be awaited."""
    others = [text for text in texts if not text.startswith(("callback:", "*"))]
    required = [text.removesuffix(" = ...") for text in others]
    awaited = ", ".join(["self", *others, "callback: None = ..."])
    called = ", ".join(["self", *required, "callback: Callable[..., object]", "*user_data: Any"])
    return [
        "@overload",
        f"def {name}({awaited}) -> asyncio.Task[bool]: ...",
        "@overload",
        f"def {name}({called}) -> None: ...",
    ]


def write_class(element, classes):
    name, parent = element.get("name"), element.get("parent")
    methods = methods_of(element)
    lines, inherited = [], parent in classes
    lines.append(f"class Props{f'({parent}.Props)' if inherited else '(GObject.Object.Props)'}:")
    for property_ in element.findall(f"{CORE}property"):
        text = type_of(property_) + (" | None" if nullable_property(property_, methods) else "")
        lines.append(f"    {property_.get('name').replace('-', '_')}: {text}")
    if lines[-1].startswith("class"):
        lines[-1] += " ..."
    lines += ["@property", f"def props(self) -> {name}.Props: ..."]
    lines += write_init(element, classes)
    for function in element.findall(f"{CORE}constructor"):
        lines += write_constructor(function, name)
    for function in element.findall(f"{CORE}function"):
        lines += ["@staticmethod", *write_function(function)]
    for kind, prefix in (("method", ""), ("virtual-method", "do_")):
        for function in element.findall(f"{CORE}{kind}"):
            if not is_private(function):
                lines += write_function(function, True, prefix)
    lines += EXTRAS.get(name, "").splitlines()
    return [f"class {name}({parent}):", *(f"    {line}" for line in lines)]


def write_init(element, classes):
    keywords = []
    for element in (element, *ancestors(element, classes)):
        methods = methods_of(element)
        for property_ in element.findall(f"{CORE}property"):
            if property_.get("writable") == "1":
                text = taken_type(property_) + (" | None" if nullable_property(property_, methods) else "")
                keywords.append(f"{property_.get('name').replace('-', '_')}: {text} = ...")
    return [f"def __init__(self{', *, ' if keywords else ''}{', '.join(keywords)}) -> None: ..."]


def write_enum(element, base):
    lines = [f"class {element.get('name')}({base}):"]
    for member in element.findall(f"{CORE}member"):
        lines.append(f"    {member.get('name').upper()}: {element.get('name')}")
    return lines


def write_errors(enum):
    for member in enum.findall(f"{CORE}member"):
        words = member.get("name").split("_")
        name = "".join(map(str.capitalize, words)) + ("" if words[-1] == "error" else "Error")
        yield from [f"class {name}(ServiceError): ...", ""]


def write(namespace):
    classes = {element.get("name"): element for element in namespace.findall(f"{CORE}class")}
    yield HEAD
    for element in namespace:
        if element.tag == f"{CORE}constant":
            yield f"{element.get('name')}: {type_of(element)}"
        elif element.tag in (f"{CORE}enumeration", f"{CORE}bitfield"):
            yield from write_enum(element, "GObject.GFlags" if element.tag.endswith("bitfield") else "GObject.GEnum")
            if element.get(f"{GLIB}error-domain"):
                yield ""
                yield from write_errors(element)
        elif element.tag == f"{CORE}class":
            yield from write_class(element, classes)
        elif element.tag == f"{CORE}function" and not is_private(element):
            yield from write_function(element)
        else:
            continue
        yield ""


def main(gir, output):
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(write(namespace_of(gir))).rstrip() + "\n")


main(*sys.argv[1:])
