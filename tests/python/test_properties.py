# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comment of each property gives its true default and range, the unit of a number, and its version."""

import os
import re
import unittest
import xml.etree.ElementTree

from mktest import GObject, Mk

CORE = "{http://www.gtk.org/introspection/core/1.0}"
LINE = re.compile(r"^Default: (.+?)\.(?: Range: (\S+) to (\S+)\.)?$", re.MULTILINE)
UNITS = {"output-limit": "bytes", "ready-time": "microseconds"}
TIMES = ("timeout", "interval", "stable-for")
CONSTANTS = {
    "%G_MAXINT": 2**31 - 1,
    "%G_MAXUINT": 2**32 - 1,
    "%G_MAXUINT64": 2**64 - 1,
    "%MK_STATUS_NONE": Mk.STATUS_NONE,
    "SIGTERM (15)": 15,
    "SIGKILL (9)": 9,
}


def number(text):
    return CONSTANTS[text] if text in CONSTANTS else float(text.replace("−", "-"))


def default_text(spec):
    """As the comment of a property that is no number has it."""
    value = getattr(spec, "default_value", None)
    if spec.value_type.name == "GListModel":
        return "an empty list"
    if value is None:
        return "%NULL"
    if isinstance(value, bool):
        return "%TRUE" if value else "%FALSE"
    return f"`{value}`" if isinstance(value, str) else "%" + (value.value_names[0] if hasattr(value, "value_names") else value.value_name)


class Properties(unittest.TestCase):
    def check_number(self, spec, default, low, high):
        unit = "milliseconds" if spec.name.endswith(TIMES) else UNITS.get(spec.name)
        if unit:
            self.assertTrue(default.endswith(f" {unit}"), f"{default} has no unit")
            default = default.removesuffix(f" {unit}")
        self.assertEqual((number(default), number(low), number(high)), (spec.default_value, spec.minimum, spec.maximum))

    def test_comments(self):
        namespace = xml.etree.ElementTree.parse(os.environ["MK_GIR"]).getroot().find(f"{CORE}namespace")
        count = 0
        for class_ in namespace.findall(f"{CORE}class"):
            type_ = getattr(Mk, class_.get("name"))
            for property_ in class_.findall(f"{CORE}property"):
                count += 1
                spec = type_.find_property(property_.get("name"))
                with self.subTest(f"{class_.get('name')}:{spec.name}"):
                    self.assertIsNotNone(property_.get("version"), "no Since:")
                    found = LINE.findall(property_.findtext(f"{CORE}doc"))
                    self.assertEqual(len(found), 1, "no line with the default")
                    default, low, high = found[0]
                    if hasattr(spec, "minimum"):
                        self.check_number(spec, default, low, high)
                    else:
                        self.assertEqual((default, low), (default_text(spec), ""))
        self.assertGreater(count, 50)


if __name__ == "__main__":
    unittest.main()
