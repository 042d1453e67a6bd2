# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""chart.py JSON SVG: draws what a benchmark has compared with other ways to do the same, on a logarithmic scale."""

import json
import math
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "docs/images"))
from draw import STYLE, Picture

WIDTH, LEFT, BAR, THICK = 680, 24, 440, 9
LEAST, MOST = 0.01, 10000  # milliseconds
TOP, LABEL, STEP, GAP = 64, 18, 13, 10
# The other peers are floors below parts of an operation, or sizes of the same.
PEERS = ("polled every 100 ms", "fork()", "kill() and waitpid()", "posix_spawn() to main()")
CHART_STYLE = STYLE + """
  .tiny { font-size: 12px; } .mine { fill: #3584e4; } .peer { fill: #b0afac; } .grid { stroke: #deddda; }
  @media (prefers-color-scheme: dark) { .mine { fill: #62a0ea; } .peer { fill: #77767b; } .grid { stroke: #3d3846; } }
"""


def length(milliseconds):
    share = (math.log10(milliseconds) - math.log10(LEAST)) / (math.log10(MOST) - math.log10(LEAST))
    return BAR * min(max(share, 0.005), 1)


def words(milliseconds):
    if milliseconds >= MOST:
        return f"over {MOST / 1000:.0f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def groups(rows):
    """(Label, [(style, milliseconds, name), …]) for what is compared: with a peer, or one way with others."""
    ways, pairs = {}, []
    for row in rows:
        if row["unit"] != "ms":
            continue
        if row.get("peer") in PEERS:
            pairs.append((row["what"], [("mine", row["median"], ""), ("peer", row["peer_median"], row["peer"])]))
        elif way := row.get("way"):
            style = "mine" if way.startswith("mirakuru") else "peer"
            ways.setdefault(row["what"], []).append((style, row["median"], way))
    return [*ways.items(), *pairs]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = groups(json.load(file))
    height = TOP + sum(LABEL + STEP * len(bars) + GAP for _, bars in found)
    picture = Picture(
        WIDTH,
        height + 8,
        "What the library costs, in milliseconds, beside other ways to do the same",
        "; ".join(
            f"{what}: " + ", ".join(f"{name or 'mirakuru-glib'} {words(median)}" for _, median, name in bars)
            for what, bars in found
        )
        + ".",
        CHART_STYLE,
    )
    for style, x, name in (("mine", LEFT, "mirakuru-glib"), ("peer", LEFT + 140, "other ways")):
        picture.rectangle(x, 16, 12, 12, style, 2)
        picture.text(x + 18, 27, name)
    picture.text(WIDTH - 16, 27, "medians in milliseconds, logarithmic", "small end")
    for power in range(round(math.log10(LEAST)), round(math.log10(MOST)) + 1):
        x = LEFT + length(10**power)
        picture.path(f"M{x:.1f},54 V{height}", "grid")
        picture.text(round(x, 1), 48, f"{10**power:g}", "tiny middle")
    y = TOP
    for what, bars in found:
        picture.text(LEFT, y + 12, what)
        y += LABEL
        for style, median, name in bars:
            picture.rectangle(LEFT, y, round(length(median), 1), THICK, style, 2)
            label = words(median) + (f", {name}" if name else "")
            picture.text(round(LEFT + length(median) + 6, 1), y + 9, label, "tiny")
            y += STEP
        y += GAP
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(picture.finish())


if __name__ == "__main__":
    main()
