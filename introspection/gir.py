# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the GIR for the type declarations of the bindings."""

import xml.etree.ElementTree

CORE = "{http://www.gtk.org/introspection/core/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"


def namespace_of(path):
    return xml.etree.ElementTree.parse(path).getroot().find(f"{CORE}namespace")


def is_private(element):
    return element.get("introspectable") == "0"


def is_nullable(element):
    return element.get("nullable") == "1"


def returned(function):
    return function.find(f"{CORE}return-value")


def hidden(function, parameters):
    """The positions of what the bindings fill in: lengths of arrays, and how callbacks are kept."""
    positions = set()
    for parameter in [*parameters, returned(function)]:
        array = parameter.find(f"{CORE}array")
        if array is not None and array.get("length"):
            positions.add(int(array.get("length")))
        if parameter.get("destroy"):
            positions.add(int(parameter.get("destroy")))
    return positions


def parameters_in(function):
    parameters = function.findall(f"{CORE}parameters/{CORE}parameter")
    left_out = hidden(function, parameters)
    return [
        parameter
        for position, parameter in enumerate(parameters)
        if position not in left_out and parameter.get("direction") != "out"
    ]


def parameters_out(function):
    parameters = function.findall(f"{CORE}parameters/{CORE}parameter")
    left_out = hidden(function, parameters)
    return [
        parameter
        for position, parameter in enumerate(parameters)
        if position not in left_out and parameter.get("direction") == "out"
    ]


def nullable_property(element, methods):
    """As the getter says; the property itself does not."""
    getter = methods.get(f"get_{element.get('name').replace('-', '_')}")
    return getter is not None and is_nullable(returned(getter))


def methods_of(element):
    return {method.get("name"): method for method in element.findall(f"{CORE}method")}
