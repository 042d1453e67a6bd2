#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the README shows the example programs as they are, and names files that exist.

A code block of the README that shows a file follows a line `<!-- path/of/the/file -->`, and
has all of the file but the lines for the machine at its beginning ("#!", SPDX).
"""

import pathlib
import re
import sys

SHOWN = re.compile(r"^<!-- (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
FOR_THE_MACHINE = re.compile(r"^(#!|.*SPDX-License-Identifier:)")
EXPECTED = {f"examples/redis.{kind}" for kind in ("sh", "c", "py", "js")}


def program(path):
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    while lines and FOR_THE_MACHINE.match(lines[0]):
        lines.pop(0)
    return "".join(lines)


def complaints(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    blocks = dict(SHOWN.findall(readme))
    if missing := EXPECTED - blocks.keys():
        yield f"not shown: {', '.join(sorted(missing))}"
    for name, block in blocks.items():
        if block != program(root / name):
            yield f"the block of {name} differs from the file"
    for target in LINK.findall(readme):
        if not (root / target).exists():
            yield f"link to {target}, which does not exist"
    for command in ("demo", "check"):
        if f"\n./{command}\n" not in readme:
            yield f"./{command} is not shown on a line of its own"


found = list(complaints(pathlib.Path(sys.argv[1])))
print("\n".join(found) or "README.md shows what is there")
sys.exit(1 if found else 0)
