#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the library exports what its GIR describes and nothing else, each with a Since.

Usage: check-symbols.py LIBRARY GIR
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

CORE = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"

CALLABLES = {CORE + kind for kind in ("constructor", "function", "method")}
DATED = CALLABLES | {
    CORE + kind
    for kind in ("bitfield", "callback", "class", "constant", "enumeration", "interface", "property")
}
DATED |= {CORE + "virtual-method", GLIB + "signal"}


def exported(library):
    """The symbols that a program can link with."""
    lines = subprocess.run(
        ["nm", "--dynamic", "--defined-only", library], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {line.split()[2] for line in lines}


def described(namespace):
    """The symbols that the GIR speaks of."""
    for element in namespace.iter():
        if element.tag in CALLABLES:
            yield element.get(C + "identifier")
        if element.get(GLIB + "get-type", "intern") != "intern":
            yield element.get(GLIB + "get-type")


def undated(namespace):
    """The names of what does not say since when it is there."""
    parents = {child: parent for parent in namespace.iter() for child in parent}
    for element in namespace.iter():
        inline = element.tag == CORE + "callback" and parents[element].tag == CORE + "field"
        if element.tag in DATED and not inline and element.get("version") is None:
            yield f"{parents[element].get('name')}.{element.get('name')}"


def complaints(library, gir):
    namespace = ElementTree.parse(gir).getroot().find(CORE + "namespace")
    in_library, in_gir = exported(library), set(described(namespace))
    for symbol in sorted(in_library - in_gir):
        yield f"exported, but not in the GIR: {symbol}"
    for symbol in sorted(in_gir - in_library):
        yield f"in the GIR, but not exported: {symbol}"
    for name in undated(namespace):
        yield f"no Since: {name}"
    if not in_library:
        yield "nothing is exported"


found = list(complaints(*sys.argv[1:]))
print("\n".join(found) or "what is exported is what is described")
sys.exit(1 if found else 0)
