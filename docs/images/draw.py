#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws the diagrams of the manual, for light and for dark screens.

    draw.py           writes them beside this script
    draw.py --check   fails if those that are there differ from what it would write

What a picture repeats is read where it is said: the states in mk-types.h and in the page lifecycle.md, the order of
the directories in check-includes.py, and what they are for in CONTRIBUTING.md. record.py makes the other pictures.
"""

import argparse
import ast
import html
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# The colours of the phases are those of `mirakuru run --timeline`. Each picture has a background of its own, because
# the page around it may be light where the screen is dark.
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #241f31; }
  text { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .head { font-weight: bold; } .small { font-size: 13px; } .middle { text-anchor: middle; } .end { text-anchor: end; }
  .back { fill: #ffffff; } .frame { fill: none; stroke: #c0bfbc; stroke-width: 1.5; }
  .box { fill: #ffffff; stroke: #9a9996; stroke-width: 1.5; } .part { stroke-dasharray: 5 3; }
  .ours { stroke: #1c71d8; } .other { stroke: #9141ac; }
  .start { stroke: #e5a50a; } .ready { stroke: #26a269; } .stop { stroke: #986a44; } .bad { stroke: #e01b24; }
  .arrow, .rule { fill: none; stroke: #5e5c64; stroke-width: 1.5; } .rule { stroke-dasharray: 3 4; stroke-width: 1; }
  .tip { fill: #5e5c64; } .bar { fill: #2ec27e; } .signal { fill: #e5a50a; stroke: #241f31; }
  .killed { fill: none; stroke: #e01b24; stroke-width: 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f6f5f4; stroke: #1e1e1e; }
    .back { fill: #1e1e1e; } .frame { stroke: #5e5c64; }
    .box { fill: #1e1e1e; stroke: #9a9996; } .ours { stroke: #62a0ea; } .other { stroke: #c061cb; }
    .start { stroke: #f5c211; } .ready { stroke: #33d17a; } .stop { stroke: #cdab8f; } .bad { stroke: #ff7b63; }
    .arrow, .rule { stroke: #c0bfbc; } .tip { fill: #c0bfbc; } .bar { fill: #26a269; }
    .signal { fill: #f5c211; stroke: #1e1e1e; } .killed { stroke: #ff7b63; }
  }
"""


class Picture:
    """The lines of an SVG file. Its title and description are for those who do not see it."""

    def __init__(self, width, height, title, description, style=STYLE):
        self.lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" aria-labelledby="title desc">',
            "<!-- SPDX-FileCopyrightText: mirakuru-glib contributors -->",
            "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->",
            f'<title id="title">{html.escape(title)}</title>',
            f'<desc id="desc">{html.escape(description)}</desc>',
            f"<style>{style}</style>",
            '<marker id="tip" markerWidth="9" markerHeight="9" refX="8" refY="4.5" orient="auto" '
            'markerUnits="userSpaceOnUse"><path class="tip" d="M0,0 L9,4.5 L0,9 z"/></marker>',
        ]
        self.rectangle(0, 0, width, height, "back", 8)

    def rectangle(self, x, y, width, height, style, radius=6):
        self.lines.append(
            f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}"/>'
        )

    def text(self, x, y, text, style="small"):
        self.lines.append(f'<text class="{style}" x="{x:g}" y="{y:g}">{html.escape(text, quote=False)}</text>')

    def path(self, path, style):
        self.lines.append(f'<path class="{style}" d="{path}"/>')

    def arrow(self, path, x=0, y=0, label="", style="small"):
        self.lines.append(f'<path class="arrow" marker-end="url(#tip)" d="{path}"/>')
        if label:
            self.text(x, y, label, style)

    def box(self, x, y, width, height, style, head, *lines):
        """(x, y) is its centre."""
        self.rectangle(x - width / 2, y - height / 2, width, height, f"box {style}")
        top = y + 5 - 9 * len(lines)
        self.text(x, top, head, "head middle")
        for number, line in enumerate(lines):
            self.text(x, top + 18 * (number + 1), line, "small middle")

    def finish(self):
        return "\n".join([*self.lines, "</svg>\n"])


# ---- the pieces ----


def draw_pieces():
    picture = Picture(
        680,
        410,
        "The pieces of mirakuru-glib",
        "In your program, an executor has a probe. The wait polls the probe, which finds out whether the service is "
        "ready. The worker thread sends orders to mk-supervisor, a process of its own, and gets events from it. "
        "mk-supervisor is the parent of the service. The worker reads the output of the service.",
    )
    picture.rectangle(16, 16, 596, 250, "frame", 10)
    picture.text(32, 40, "your program")
    for x, y, style, *words in (
        (146, 88, "ours", "executor", "start, stop, output"),
        (466, 88, "ours", "probe", "is it ready?"),
        (146, 214, "part", "worker thread", "reads the output"),
        (466, 214, "part", "wait", "when to poll again"),
        (146, 356, "other", "mk-supervisor", "parent of the service"),
        (466, 356, "ready", "the service", "and all its children"),
    ):
        picture.box(x, y, 200, 60, style, *words)
    picture.arrow("M246,88 H362", 304, 80, "has", "small middle")
    picture.arrow("M466,184 V122", 476, 156, "polls")
    picture.arrow("M146,184 V122", 156, 156, "events")
    picture.arrow("M126,244 V322", 32, 296, "orders")
    picture.arrow("M166,326 V248", 176, 296, "events")
    picture.arrow("M246,356 H362", 304, 348, "starts, signals,", "small middle")
    picture.text(304, 376, "reaps", "small middle")
    picture.arrow("M420,326 C400,280 330,236 250,224", 300, 284, "output")
    picture.arrow("M566,88 C660,110 660,330 570,352", 614, 300, "is it ready?", "small end")
    return picture


# ---- the states ----

STATES = {
    "STOPPED": (96, 200, ""),
    "STARTING": (276, 50, "start"),
    "READY": (426, 200, "ready"),
    "STOPPING": (276, 350, "stop"),
    "EXITED": (594, 200, "bad"),
}
TRANSITIONS = (
    ("STOPPED", "STARTING", "M76,174 C76,90 120,50 208,50", 70, 84, "start()", "small end"),
    ("STARTING", "STOPPED", "M226,76 L146,170", 196, 136, "fails", "small"),
    ("STARTING", "READY", "M320,76 L392,170", 366, 124, "ready", "small"),
    ("STARTING", "STOPPING", "M276,76 V322", 284, 204, "stop()", "small"),
    ("READY", "STOPPING", "M396,226 L324,320", 370, 286, "stop()", "small"),
    ("READY", "EXITED", "M492,200 H526", 510, 164, "ends by itself", "small middle"),
    ("STOPPING", "STOPPED", "M210,350 C120,350 76,310 76,230", 92, 290, "nothing is left", "small"),
    ("EXITED", "STARTING", "M594,174 C594,80 480,50 344,50", 570, 84, "start()", "small"),
    ("EXITED", "STOPPING", "M594,226 C594,320 480,350 344,350", 570, 330, "stop()", "small"),
)


def check_states():
    """That the picture has the states of the code, and the transitions that the page describes."""
    code = (ROOT / "mirakuru-glib/mk-types.h").read_text(encoding="utf-8")
    states = set(re.findall(r"^  MK_EXECUTOR_STATE_(\w+),$", code, re.MULTILINE))
    page = (ROOT / "docs/pages/lifecycle.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]+)` \|[^|]*\|([^|]*)\|$", page, re.MULTILINE)
    described = {(state, target) for state, targets in rows for target in re.findall(r"`([A-Z]+)`", targets)}
    drawn = {transition[:2] for transition in TRANSITIONS}
    if states != set(STATES):
        sys.exit(f"The states in mk-types.h are others than those in {__file__}: {sorted(states)}")
    if described != drawn:
        sys.exit(f"Either lifecycle.md or {__file__} has not these transitions: {sorted(described ^ drawn)}")


def draw_states():
    check_states()
    picture = Picture(
        680,
        400,
        "The states of an executor",
        "; ".join(f"{begin} to {end}: {label}" for begin, end, *_, label, _ in TRANSITIONS) + ".",
    )
    for state, (x, y, style) in STATES.items():
        picture.box(x, y, 132, 52, style, state)
    for _, _, path, x, y, label, style in TRANSITIONS:
        picture.arrow(path, x, y, label, style)
    return picture


# ---- one start ----

LINES = {
    "caller": (82, "", "your code", "the caller"),
    "executor": (232, "ours", "executor", "caller's context"),
    "worker": (392, "part", "worker", "thread"),
    "supervisor": (552, "other", "mk-supervisor", "process"),
    "service": (700, "ready", "service", "process"),
}
# From, to, what; without "to", it is what happens there.
STEPS = (
    ("caller", "executor", "start_async()"),
    ("executor", None, "is the probe satisfied already? Then the start fails"),
    ("executor", None, "prepare(), build_command()"),
    ("executor", "worker", "spawn"),
    ("worker", "supervisor", "posix_spawn()"),
    ("supervisor", "service", "fork(), exec()"),
    ("supervisor", "worker", "spawned, pid"),
    ("worker", "executor", "wakes it"),
    ("service", "worker", "output, from now on"),
    ("executor", "service", "polls: is it ready? After a millisecond, again"),
    ("service", "executor", "yes, it listens"),
    ("executor", None, "does it live, is it the one that answers, has it settled?"),
    ("executor", None, "started(), then the state is READY: notify::state"),
    ("executor", "caller", "callback"),
    ("caller", "executor", "start_finish()"),
)


def draw_start():
    step, top = 36, 112
    bottom = top + step * len(STEPS)
    picture = Picture(
        776,
        bottom + 24,
        "One start, in the order in which things happen",
        "; ".join(f"{begin} to {end}: {what}" if end else f"{begin}: {what}" for begin, end, what in STEPS) + ".",
    )
    picture.rectangle(8, 8, 458, bottom + 8, "frame", 10)
    picture.text(20, 28, "your program")
    for x, style, *words in LINES.values():
        picture.path(f"M{x},88 V{bottom}", "rule")
        picture.box(x, 64, 124, 48, style, *words)
    for number, (begin, end, what) in enumerate(STEPS):
        x, y = LINES[begin][0], top + step * number
        if end is None:
            width = 20 + 7.4 * len(what)
            picture.rectangle(x - 10, y - 9, width, 24, "box ours", 12)
            picture.text(x, y + 7, what)
            continue
        target = LINES[end][0]
        left = min(x, target)
        picture.arrow(f"M{x},{y + 10} H{target + (4 if target < x else -4)}", left + 10, y + 4, what)
    return picture


# ---- the stop modes ----

BEGIN, ZERO, HALF, END = 196, 236, 426, 616
# What there is, when it gets the signal, when it ends by that, if it does, and why then.
MODES = (
    (
        "LEADER, the default",
        ("first process", ZERO, 290, ""),
        ("its child", 290, 320, "once the first process has ended"),
        ("a child that ignores it", 290, None, ""),
    ),
    (
        "LEADER, and the first process ignores the stop signal",
        ("first process", ZERO, None, ""),
        ("its child", HALF, 456, "after half of the time"),
    ),
    (
        "TREE",
        ("first process", ZERO, 290, ""),
        ("its child", ZERO, 270, "at once"),
        ("a child that ignores it", ZERO, None, ""),
    ),
)


def draw_mark(picture, x, y, killed):
    if killed:
        picture.path(f"M{x - 7},{y - 7} l14,14 m0,-14 l-14,14", "killed")
    else:
        picture.path(f"M{x - 7},{y - 12} h14 l-7,13 z", "signal")


def draw_stop_modes():
    row, gap = 30, 48
    height = 84 + sum(gap + row * len(rows) for _, *rows in MODES)
    picture = Picture(
        680,
        height,
        "Which processes get the stop signal, and when",
        "LEADER: the first process gets the stop signal at once, the others when it has ended, or after half of the "
        "stop timeout if it does not end. TREE: all get it at once. In both modes, what is left at the end of the stop "
        "timeout is killed.",
    )
    for x, words in ((ZERO, "stop()"), (HALF, "half of stop-timeout"), (END, "stop-timeout")):
        picture.path(f"M{x},36 V{height - 48}", "rule")
        picture.text(x, 26, words, "small middle")
    y = 36
    for mode, *rows in MODES:
        picture.text(20, y + 26, mode, "head")
        y += gap
        for name, signal, end, why in rows:
            picture.text(36, y + 4, name)
            picture.rectangle(BEGIN, y - 7, (end or END) - BEGIN, 14, "bar", 3)
            if why:
                picture.text(end + 10, y + 4, why)
            draw_mark(picture, signal, y, killed=False)
            if end is None:
                draw_mark(picture, END, y, killed=True)
            y += row
    draw_mark(picture, 160, height - 20, killed=False)
    picture.text(176, height - 18, "gets the stop signal")
    draw_mark(picture, 356, height - 24, killed=True)
    picture.text(372, height - 18, "is killed")
    picture.rectangle(466, height - 31, 24, 14, "bar", 3)
    picture.text(498, height - 18, "runs")
    return picture


# ---- the directories ----


def read_directories():
    """(Name, what it is for) of each directory of the library, in the order in which they may include each other."""
    test = (ROOT / "tests/house/check-includes.py").read_text(encoding="utf-8")
    order = ast.literal_eval(re.search(r"^ORDER = (\[.*\])$", test, re.MULTILINE)[1])
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    words = dict(re.findall(r"^\| `mirakuru-glib/(\w*)/?` \| (.*) \|$", page, re.MULTILINE))
    return [(name, words[name].replace("`", "")) for name in order], words["supervisor"].replace("`", "")


def draw_house():
    directories, supervisor = read_directories()
    row, top = 58, 30
    below = top + row * len(directories)
    picture = Picture(
        680,
        below + 184,
        "The directories of the library",
        "Each directory includes only files of its own and of those above it: "
        + ", ".join(f"{name or 'mirakuru-glib'}/" for name, _ in directories)
        + ". The supervisor is a program of its own. The command and the bindings use the public headers.",
    )

    def draw_row(y, style, name, what):
        picture.rectangle(84, y, 580, 46, f"box {style}")
        picture.text(98, y + 28, name, "head")
        lines = textwrap.wrap(what, 66)
        for number, line in enumerate(lines):
            picture.text(220, y + 28 - 9 * (len(lines) - 1) + 18 * number, line)

    for number, (name, what) in enumerate(directories):
        draw_row(top + row * number, "ours", f"{name or 'mirakuru-glib'}/", what)
    picture.arrow(f"M56,{below - 20} V{top + 4}")
    picture.lines.append(
        f'<text class="small middle" transform="translate(42 {(below + top) / 2:g}) rotate(-90)">'
        "a file includes only files of its directory and of those above it</text>"
    )
    draw_row(below + 26, "part", "users", "tools/, introspection/, examples/: only the public headers, <mirakuru-glib.h>")
    picture.arrow(f"M374,{below + 26} V{below - 10}", 384, below + 14, "include")
    draw_row(below + 102, "other", "supervisor/", supervisor)
    picture.text(98, below + 166, "shares only mk-supervisor-protocol-private.h with process/, which starts it", "small")
    return picture


PICTURES = {
    "pieces": draw_pieces,
    "states": draw_states,
    "start": draw_start,
    "stop-modes": draw_stop_modes,
    "house": draw_house,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    bad = 0
    for name, draw in PICTURES.items():
        path, text = HERE / f"{name}.svg", draw().finish()
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what it should be: run {__file__}")
            bad = 1
    sys.exit(bad)


if __name__ == "__main__":
    main()
