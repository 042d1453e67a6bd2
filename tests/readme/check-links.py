#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the links between the pages of the built manual lead somewhere, to the right section too.

The search has to lead somewhere, too, and links to elsewhere have to be whole. Each page that somebody reads
in order names the next one.

Usage: check-links.py FOLDER
"""

import html.parser
import json
import pathlib
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src"):
                self.targets.add(value or "")
            elif name in ("id", "name"):
                self.anchors.add(value)


def is_dead(pages, source, target):
    url = urllib.parse.urlsplit(target)
    if url.scheme or url.netloc:
        return url.scheme in ("", "http", "https") and "." not in url.netloc
    if not target:
        return True
    path = (source.parent / urllib.parse.unquote(url.path)).resolve() if url.path else source
    if path not in pages:
        return not path.is_file()
    return bool(url.fragment) and urllib.parse.unquote(url.fragment) not in pages[path].anchors


def text_of(path):
    return re.sub("<[^>]*>", "", path.read_text(encoding="utf-8"))


folder = pathlib.Path(sys.argv[1]).resolve()
pages = {path: Page(path) for path in folder.glob("**/*.html")}
index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
found = [(folder / "index.json", symbol["href"]) for symbol in index["symbols"] if "href" in symbol]
links = [(source, target) for source, page in sorted(pages.items()) for target in sorted(page.targets)]
dead = [
    f"{source.relative_to(folder)}: {target}"
    for source, target in links + found
    if is_dead(pages, source, target)
]
dead += [
    f"{target}: no link to the next page"
    for _, target in found
    if "#" not in target and "\nNext: " not in text_of(folder / target)
]
print("\n".join(dead) or f"no dead links in {len(pages)} pages")
sys.exit(1 if dead or not pages else 0)
