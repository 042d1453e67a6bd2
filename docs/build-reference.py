#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the reference with gi-docgen, and what gi-docgen does not do by itself.

- Each page of the manual ends with a link to the next one.
- A page describes the helpers for test suites, which are not in the GIR, and the search finds them.
- A page has all examples, with the sentences of examples/README.md.
- Wide samples and tables scroll instead of widening the page, or hiding behind the button that copies them.
- The table of the first page has no empty rows.

Usage: build-reference.py GI_DOCGEN CONFIG GIR OUTPUT PAGE…

The pages are in the order in which they are to be read; those that are made here are named like the others.
"""

import ast
import html.parser
import inspect
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
LANGUAGES = {".d.ts": "ts", ".js": "js", ".py": "python", ".h": "c", ".sh": "sh", ".build": "meson"}
STYLE = """
/* mirakuru-glib */
.content { min-width: 0; overflow-wrap: break-word; }
.content h1, .content a, .toc a { overflow-wrap: anywhere; }
.docblock table { display: block; overflow-x: auto; }
@media (max-width: 700px) { .copy-button { display: none; } }
@media print { pre { white-space: pre-wrap; } }
"""


def read(*names):
    return ROOT.joinpath(*names).read_text(encoding="utf-8")


def page(title, *parts):
    return "\n\n".join([f"Title: {title}\n", f"# {title}", *parts]) + "\n"


# --- Helpers for test suites


def c_text(text):
    """Markdown of a comment without its stars."""
    text = re.sub(r"^ \* ?", "", text, flags=re.MULTILINE).strip()
    text = re.sub(r"^(@[\w.]+:|Returns:)(?: \([^)]*\))+:", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"[%@](\w+|\.\.\.)", r"`\1`", text)


def c_helpers():
    """What has a comment that begins with its name."""
    pattern = r"/\*\n \* (mk_gtest_\w+):\n(.*?)\n \*/\n(?:#define (\w+\([^)]*\))|static inline (.*?\)))\s"
    for name, comment, macro, function in re.findall(pattern, read("mirakuru-glib/mirakuru-glib-test.h"), re.DOTALL):
        arguments, _, text = c_text(comment).partition("\n\n")
        if not arguments.startswith("`"):
            arguments, text = "", c_text(comment)
        arguments = re.sub(r"^`", "- `", arguments, flags=re.MULTILINE)
        yield f"{name}()", [f"```c\n{macro or ' '.join(function.split())}\n```", arguments, text]


def signature(node):
    """With an argument a line, which Python takes apart again where it is needed."""
    keywords = [ast.arguments([], [argument], None, [], [], None, [default] if default else [])
                for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults)]
    first = ast.arguments([], node.args.args, None, [], [], None, node.args.defaults)
    lines = [*map(ast.unparse, [first]), "*", *map(ast.unparse, keywords), f"**{ast.unparse(node.args.kwarg)}"]
    return "\n".join([f"def {node.name}(", *(f"    {line}," for line in lines), ")"])


def python_helpers():
    """What pytest sees of the plugin: the function that makes fixtures, and the fixtures."""
    for node in ast.parse(read("introspection/python/pytest_mirakuru_glib/__init__.py")).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        text = inspect.cleandoc(ast.get_docstring(node) or "")
        if any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list):
            yield node.name, ["A fixture.", text]
        elif not node.name.startswith("pytest_"):
            yield f"{node.name}()", [f"```python\n{signature(node)}\n```", text]


def javascript_helpers():
    """What the override adds to the namespace."""
    source = read("introspection/js/overrides/Mk.js")
    added = re.search(r"Object\.assign\(Mk, \{(.*?)\}\)", source)[1]
    for item in added.split(", "):
        name, _, function = item.partition(": ")
        comment, parameters = re.search(
            rf"/\*\*\n((?: \*[^\n]*\n)*?) \*/\nasync function {function or name}\((.*?)\)", source
        ).groups()
        text = re.sub(r"^ \* ?", "", comment, flags=re.MULTILINE)
        text = re.sub(r"^@template.*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^@param \{.*\} (\w+) ", r"- `\1`: ", text, flags=re.MULTILINE)
        text = re.sub(r"^@returns \{(.*)\} ", r"\nReturns: ", text, flags=re.MULTILINE)
        yield f"Mk.{name}()", [f"```js\nasync function {name}({parameters})\n```", text.strip()]


def helpers_page():
    parts, names = ["What is in these modules is not in the list of classes. [Test suites](testing.html) shows how to use it."], []
    for title, helpers in (
        ("GTest: mirakuru-glib-test.h", c_helpers()),
        ("pytest: pytest_mirakuru_glib", python_helpers()),
        ("gjs", javascript_helpers()),
    ):
        parts.append(f"## {title}")
        for name, texts in helpers:
            names.append(name)
            parts += [f"### {name}", *filter(None, texts)]
    return page("Test helpers", *parts), names


# --- Examples


def fence(path):
    text = "\n".join(line for line in read("examples", path).splitlines() if "SPDX-" not in line).strip()
    suffix = "".join(pathlib.PurePath(path).suffixes[-2:])
    return f"```{LANGUAGES.get(suffix, suffix[1:])}\n{text}\n```"


def anchor_of(path):
    return re.sub(r"[^\w-]", "", path).lower()


def examples_page():
    """README, with the source of each file that it links to."""
    text = read("examples/README.md").partition("# Examples\n")[2].strip()
    text = re.sub(r"\]\(\.\./README\.md[^)]*\)", "](getting-started.html)", text)
    paths = re.findall(r"\]\((?!getting-started)([^)]+)\)", text)
    for path in paths:
        text = text.replace(f"]({path})", f"](#{anchor_of(path)})")
    return page("Examples", text, *(part for path in paths for part in (f"## {path}", fence(path))))


# --- The order of pages


def title_of(text):
    return re.match(r"Title: (.*)", text)[1].strip()


def link_pages(names, texts):
    following = dict(zip(names, names[1:]))
    for name, text in texts.items():
        if name in following:
            title, target = title_of(texts[following[name]]), following[name]
        else:
            title, target = "the classes", "index"
        yield name, f"{text.rstrip()}\n\n---\n\nNext: [{title}]({target}.html)\n"


# --- What gi-docgen has written


class Headings(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.anchor = {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.anchor = dict(attrs).get("id") if tag == "h3" else self.anchor

    def handle_data(self, data):
        if self.anchor:
            self.anchors.setdefault(data.strip(), self.anchor)
            self.anchor = None


def index_helpers(output, names):
    anchors = Headings((output / "test-helpers.html").read_text(encoding="utf-8")).anchors
    path = output / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for name in names:
        href = f"test-helpers.html#{anchors[name]}"
        index["symbols"].append({"type": "content", "name": name, "href": href, "summary": "A helper for test suites."})
    path.write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")


def mend(output, config):
    with (output / "style.css").open("a", encoding="utf-8") as file:
        file.write(STYLE)
    library = tomllib.loads(config.read_text(encoding="utf-8"))["library"]
    path = output / "index.html"
    text = path.read_text(encoding="utf-8")
    for key, label in (("website_url", "Website"), ("browse_url", "Source")):
        if not library.get(key):
            text = re.sub(rf"\s*<tr><td><em>{label}</em></td>.*?</tr>", "", text)
    path.write_text(text, encoding="utf-8")


def main(docgen, config, gir, output, *names):
    helpers, helper_names = helpers_page()
    made = {"test-helpers": helpers, "examples": examples_page()}
    texts = {name: made.get(name) or read("docs", "pages", f"{name}.md") for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in link_pages(names, texts):
            pathlib.Path(folder, f"{name}.md").write_text(text, encoding="utf-8")
        command = [docgen, "generate", "--quiet", "--fatal-warnings", "--no-namespace-dir", f"--config={config}"]
        command += [f"--content-dir={folder}", f"--content-dir={ROOT}/docs/images", f"--output-dir={output}", gir]
        shutil.rmtree(output, ignore_errors=True)
        subprocess.run(command, check=True)
    index_helpers(pathlib.Path(output), helper_names)
    mend(pathlib.Path(output), pathlib.Path(config))


main(*sys.argv[1:])
