#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks who includes whom in the library.

- A folder includes itself and the folders above it in ORDER.
- No header includes itself by way of others, and no module (mk-foo.c with its headers) needs one that needs it.
- A private header ends in -private.h; an installed one is included by its name alone, as it is installed, and
  includes no private one.

Usage: check-includes.py MIRAKURU_GLIB_FOLDER INSTALLED_HEADER...
"""

import pathlib
import re
import sys

# "" holds what all of the library shares. The helper program in supervisor/ is not part of the library; what it has
# in common with it is the protocol.
ORDER = ["", "base", "process", "probe", "http", "output", "executor", "service"]
PROTOCOL = "mk-supervisor-protocol-private.h"
GENERATED = {"mk-enum-types.h", "mk-version.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def module(path):
    """mk-foo.c, mk-foo.h and mk-foo-private.h are one."""
    return path.stem.removesuffix("-private")


def cycle(graph):
    """The first cycle in a graph of name to names, as a list; else nothing."""
    done, trail = set(), []

    def visit(name):
        if name in trail:
            return trail[trail.index(name) :] + [name]
        if name in done:
            return None
        trail.append(name)
        found = next(filter(None, map(visit, sorted(graph.get(name, ())))), None)
        trail.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def complaints(root, installed):
    files = {path.name: path for path in sorted(root.rglob("*.[ch]"))}
    umbrella = {"mirakuru-glib.h", "mirakuru-glib-test.h"}
    modules, headers = {}, {}

    for path in files.values():
        here = path.relative_to(root)
        folder = "" if here.parent.name == "" else here.parts[0]
        if path.suffix == ".h" and path.name not in installed and not path.stem.endswith("-private"):
            yield f"{here} is not installed, so its name must end in -private.h"
        if path.name in umbrella or folder == "supervisor":
            continue
        if folder not in ORDER:
            yield f"{here}: the folder is not in the ORDER of this test"
            continue

        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            other = files.get(pathlib.PurePath(name).name)
            if pathlib.PurePath(name).name in GENERATED:
                continue
            if other is None:
                yield f'{here} includes "{name}", which is no file of the library'
                continue
            other_folder = "" if other.parent == root else other.relative_to(root).parts[0]
            if other.name in umbrella:
                yield f"{here} includes {other.name}, which is for users"
            if other_folder == "supervisor":
                if other.name != PROTOCOL:
                    yield f"{here} includes {name}: only {PROTOCOL} is shared with the helper program"
            elif ORDER.index(other_folder) > ORDER.index(folder):
                yield f'{here} includes {name}, of a folder below "{folder}"'
            if other.name in installed:
                wanted = other.name
                headers.setdefault(path.name, set()).add(other.name)
            else:
                wanted = other.name if other.parent == path.parent else other.relative_to(root).as_posix()
                if path.name in installed:
                    yield f"{here} is installed, but includes {name}, which is not"
            if name != wanted:
                yield f'{here} includes "{name}": write "{wanted}"'
            if path.suffix == ".h":
                headers.setdefault(path.name, set()).add(other.name)
            if module(path) != module(other):
                modules.setdefault(module(path), set()).add(module(other))

    for kind, graph in (("headers", headers), ("modules", modules)):
        if found := cycle(graph):
            yield f"a cycle of {kind}: {' -> '.join(found)}"


found = list(complaints(pathlib.Path(sys.argv[1]), {pathlib.Path(name).name for name in sys.argv[2:]}))
print("\n".join(found) or "every include goes the right way")
sys.exit(1 if found else 0)
