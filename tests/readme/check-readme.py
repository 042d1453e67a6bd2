#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that README and the pages of the manual show the example programs as they are, and
that README names files that exist.

A code block that shows a file follows a line `<!-- path/of/the/file -->`, and has all of the
file but the lines for the machine at its beginning ("#!", SPDX). With `path#part` it has what
is between the lines `[part]` and `[end]`, which are comments of the program.

With --fix the blocks are made what they should be.
"""

import argparse
import pathlib
import re

BLOCK = re.compile(r"^<!-- (examples/\S+) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
FOR_THE_MACHINE = re.compile(r"^(#!|.*SPDX-License-Identifier:)")
EXPECTED = {f"examples/redis.{kind}" for kind in ("sh", "c", "py", "js", "vala")}


def sample(root, name):
    path, _, part = name.partition("#")
    text = (root / path).read_text(encoding="utf-8")
    if part:
        return re.search(rf"^[^\w\n]+\[{part}\][^\w\n]*\n(.*?)^[^\w\n]+\[end\]", text, re.MULTILINE | re.DOTALL)[1]
    lines = text.splitlines(keepends=True)
    while lines and (FOR_THE_MACHINE.match(lines[0]) or not lines[0].strip()):
        lines.pop(0)
    return "".join(lines)


def fix(root, page):
    text = page.read_text(encoding="utf-8")
    fixed = BLOCK.sub(lambda m: f"<!-- {m[1]} -->\n```{m[2]}\n{sample(root, m[1])}```", text)
    page.write_text(fixed, encoding="utf-8")


def differences(root, page):
    for name, _, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if block != sample(root, name):
            yield f"{page}: the block of {name} differs from the file"


def readme_complaints(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    if missing := EXPECTED - {name for name, _, _ in BLOCK.findall(readme)}:
        yield f"not shown: {', '.join(sorted(missing))}"
    for target in LINK.findall(readme):
        if not (root / target).exists():
            yield f"link to {target}, which does not exist"
    for command in ("demo", "check"):
        if f"\n./{command}\n" not in readme:
            yield f"./{command} is not shown on a line of its own"


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--fix", action="store_true")
parser.add_argument("root", type=pathlib.Path)
arguments = parser.parse_args()

pages = [arguments.root / "README.md", *sorted(arguments.root.glob("docs/pages/*.md"))]
found = list(readme_complaints(arguments.root))
for page in pages:
    if arguments.fix:
        fix(arguments.root, page)
    found += differences(arguments.root, page)
print("\n".join(found) or f"{len(pages)} pages show what is there")
raise SystemExit(1 if found else 0)
