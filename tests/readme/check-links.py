#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the links between the pages of the built manual lead somewhere, to the right section too.

Usage: check-links.py FOLDER
"""

import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.add(value)
            elif name in ("id", "name"):
                self.anchors.add(value)


def is_dead(pages, source, target):
    url = urllib.parse.urlsplit(target)
    if url.scheme or url.netloc:
        return False
    path = (source.parent / urllib.parse.unquote(url.path)).resolve() if url.path else source
    if path not in pages:
        return not path.is_file()
    return bool(url.fragment) and urllib.parse.unquote(url.fragment) not in pages[path].anchors


folder = pathlib.Path(sys.argv[1]).resolve()
pages = {path: Page(path) for path in folder.glob("**/*.html")}
dead = [
    f"{source.relative_to(folder)}: {target}"
    for source, page in sorted(pages.items())
    for target in sorted(page.targets)
    if is_dead(pages, source, target)
]
print("\n".join(dead) or f"no dead links in {len(pages)} pages")
sys.exit(1 if dead or not pages else 0)
