#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that README and the pages of the manual show nothing but what the tests run.

Each code block follows a line that says where it is from:

<!-- examples/FILE -->
    It has all of the file but the lines for the machine at its beginning ("#!", SPDX, shellcheck). With
    `FILE#part` it has what is between the lines `[part]` and `[end]`, which are comments of the
    program and shown nowhere.

<!-- as in FILE -->
    The commands of the block, without "sudo", are in a script of the project, which may give
    them other arguments: `./check` and `meson install` are in `.ci/run` or a test.

<!-- data/templates#services -->, <!-- data/templates#values -->
    A table that is made from the templates: tests/cli/test_templates.py runs each of them.

An example has to be run by examples/meson.build, and examples/README.md has to say what it shows. The links of
the documents beside the sources are looked after here, those of the pages by check-links.py.

With --fix the blocks are made what they should be.
"""

import argparse
import configparser
import pathlib
import re
import textwrap

BLOCK = re.compile(r"^<!-- (examples/\S+) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^<!-- as in (\S+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^<!-- data/templates#(\w+) -->\n\n((?:\|.*\n)*)", re.MULTILINE)
FENCE = re.compile(r"^[ \t]*(?:```|~~~).*\n.*", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"]
FOR_THE_MACHINE = re.compile(r"^(#!|.*SPDX-|# shellcheck )")
MARK = re.compile(r"^[^\w\n]+\[[\w-]+\][^\w\n]*\n", re.MULTILINE)
EXPECTED = {"examples/services.sh", *(f"examples/ping.{kind}" for kind in ("c", "py", "js", "vala"))}


def part_of(text, part):
    begin = re.search(rf"^[^\w\n]+\[{part}\][^\w\n]*\n", text, re.MULTILINE)
    return textwrap.dedent(re.split(r"^[^\w\n]+\[end\]", text[begin.end() :], flags=re.MULTILINE)[0])


def sample(root, name):
    path, _, part = name.partition("#")
    text = (root / path).read_text(encoding="utf-8")
    if part:
        return part_of(text, part)
    lines = MARK.sub("", text).splitlines(keepends=True)
    while lines and (FOR_THE_MACHINE.match(lines[0]) or not lines[0].strip()):
        lines.pop(0)
    return "".join(lines)


def list_of(template, key):
    """The values of a key; `\\;` is a semicolon in one of them."""
    return [part.replace("\\;", ";") for part in re.split(r"(?<!\\);", template.get(key, "")) if part]


def readiness(template):
    """The words for each key that says when the service is ready."""
    phrases = {
        "Notify": lambda value: "it sends `READY=1`",
        "Tcp": lambda value: f"`{value}` accepts connections",
        "Unix": lambda value: f"`{value}` accepts connections",
        "Http": lambda value: f"`{value}` answers" + (f" with `{template['Body']}`" if "Body" in template else ""),
        "Exec": lambda value: f"`{value.split()[0]}` succeeds",
        "DBus": lambda value: "the bus answers",
        "Output": lambda value: f"it prints a line `{value}`",
    }
    return " and ".join(phrases[key](template[key]) for key in phrases if key in template) or "it runs"


def services_row(name, template):
    packages = ", ".join(list_of(template, "Package"))
    return f"| {name} | {template['Description']} | {packages or '–'} | {readiness(template)} |"


def values_row(name, template):
    pairs = [value.split("=", 1) for value in list_of(template, "Values")]
    values = ", ".join(f"`{key}` (`{value}`)" for key, value in pairs)
    exports = ", ".join(f"`{variable.split('=', 1)[0]}`" for variable in list_of(template, "Export"))
    return f"| {name} | {values or '–'} | {exports} |"


HEADS = {
    "services": ("| template | what it starts | Debian package | ready when |\n|---|---|---|---|", services_row),
    "values": ("| template | values you can set (default) | variables for clients |\n|---|---|---|", values_row),
}


def table(root, kind):
    head, row = HEADS[kind]
    rows = [head]
    for path in sorted(root.glob("data/templates/*.ini")):
        parser = configparser.RawConfigParser(delimiters="=", strict=True)
        parser.optionxform = str
        parser.read(path, encoding="utf-8")
        rows.append(row(path.stem, parser[path.stem]))
    return "\n".join(rows) + "\n"


def fix(root, page):
    text = page.read_text(encoding="utf-8")
    text = TABLE.sub(lambda m: f"<!-- data/templates#{m[1]} -->\n\n{table(root, m[1])}", text)
    fixed = BLOCK.sub(lambda m: f"<!-- {m[1]} -->\n```{m[2]}\n{sample(root, m[1])}```", text)
    page.write_text(fixed, encoding="utf-8")


def is_run(root, name):
    """By its name, as one of several (files(f'steps/@name@.sh')), or by the steps of a page."""
    path = pathlib.PurePath(name.partition("#")[0].removeprefix("examples/"))
    build = (root / "examples/meson.build").read_text(encoding="utf-8")
    if f"'{path}'" in build or f"'{path.with_stem('@name@')}'" in build and f"'{path.stem}'" in build:
        return True
    steps = [file.read_text(encoding="utf-8") for file in root.glob("examples/steps/*.sh")]
    return any(path.parts[0] in text.split() for text in steps)


def command_complaints(root, source, block):
    script = (root / source).read_text(encoding="utf-8")
    for line in block.splitlines():
        words = line.partition("#")[0].removeprefix("sudo ").split()
        command = " ".join(words[:2] if words[0] == "meson" else words[:1])
        if not re.search(rf"^\s*{re.escape(command)}(?= |$)", script, re.MULTILINE):
            yield f"{source} does not run {command}"


def complaints(root, page):
    text = page.read_text(encoding="utf-8")
    for name, _, block in BLOCK.findall(text):
        if block != sample(root, name):
            yield f"the block of {name} differs from the file"
        if not is_run(root, name):
            yield f"no test runs {name}"
    for kind, rows in TABLE.findall(text):
        if rows != table(root, kind):
            yield f"the table of {kind} differs from data/templates"
    for source, block in COMMANDS.findall(text):
        yield from command_complaints(root, source, block)
    for lines in FENCE.findall(COMMANDS.sub("", BLOCK.sub("", text))):
        yield f"a block that is from nowhere: {lines!r}"


def anchors_of(text):
    """As the common viewers of Markdown make them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}


def link_complaints(root, name):
    for target in LINK.findall((root / name).read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            if not re.match(r"https?://[\w-]+\.[\w.-]+", target):
                yield f"{name}: {target} is no address"
            continue
        file = (root / name).parent / path if path else root / name
        if not file.exists():
            yield f"{name}: link to {path}, which does not exist"
        elif anchor and anchor not in anchors_of(file.read_text(encoding="utf-8")):
            yield f"{name}: link to {target}, where there is no such section"


def example_complaints(root):
    """Each example is in the list, from which the manual takes it."""
    listed = set(LINK.findall((root / "examples/README.md").read_text(encoding="utf-8")))
    for file in sorted((root / "examples").rglob("*")):
        name = file.relative_to(root / "examples").as_posix()
        is_example = file.suffix in (".build", ".c", ".h", ".ini", ".js", ".py", ".sh", ".ts", ".vala")
        if is_example and name != "meson.build" and not name.startswith("steps/") and name not in listed:
            yield f"examples/README.md does not say what {name} shows"


def readme_complaints(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    shown = {name.partition("#")[0] for name, _, _ in BLOCK.findall(readme)}
    if missing := EXPECTED - shown:
        yield f"not shown: {', '.join(sorted(missing))}"
    for command in ("demo", "check"):
        if f"\n./{command}\n" not in readme:
            yield f"./{command} is not shown on a line of its own"


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--fix", action="store_true")
parser.add_argument("root", type=pathlib.Path)
arguments = parser.parse_args()

pages = [arguments.root / "README.md", *sorted(arguments.root.glob("docs/pages/*.md"))]
found = [*readme_complaints(arguments.root), *example_complaints(arguments.root)]
for name in DOCUMENTS:
    found += link_complaints(arguments.root, name)
for page in pages:
    if arguments.fix:
        fix(arguments.root, page)
    found += [f"{page}: {complaint}" for complaint in complaints(arguments.root, page)]
print("\n".join(found) or f"{len(pages)} pages show what is there")
raise SystemExit(1 if found else 0)
