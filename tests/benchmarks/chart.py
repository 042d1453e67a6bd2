# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""chart.py JSON SVG: draws the rows of a benchmark that have something to compare with, on a logarithmic scale."""

import html
import json
import math
import sys

WIDTH, LABEL, BAR, ROW = 1000, 430, 400, 34
LEAST, MOST = 0.01, 10000  # milliseconds
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">
<!-- SPDX-FileCopyrightText: mirakuru-glib contributors -->
<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<title>What the library costs, in milliseconds (medians), beside other ways to do the same</title>
<style>
  text {{ fill: #222; }} .peer {{ fill: #666; }}
  .ours-bar {{ fill: #3584e4; }} .peer-bar {{ fill: #b0b0b0; }} line {{ stroke: #ccc; }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #eee; }} .peer {{ fill: #aaa; }} .peer-bar {{ fill: #777; }} line {{ stroke: #444; }}
  }}
</style>"""


def length(milliseconds):
    share = (math.log10(milliseconds) - math.log10(LEAST)) / (math.log10(MOST) - math.log10(LEAST))
    return BAR * min(max(share, 0.005), 1)


def text(milliseconds):
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def bar(y, milliseconds, style, peer=""):
    width = length(milliseconds)
    name = html.escape(text(milliseconds) + (f", {peer}" if peer else ""))
    return (
        f'<rect class="{style}-bar" x="{LABEL}" y="{y}" width="{width:.1f}" height="11"/>'
        f'<text class="{style}" x="{LABEL + width + 5:.1f}" y="{y + 10}" font-size="11">{name}</text>'
    )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [row for row in json.load(file) if row["unit"] == "ms" and row["median"] > 0]
    pairs = [row for row in rows if row.get("peer_median", 0) > 0]
    others = [row for row in rows if row["what"].startswith("a command with a service")]

    lines, y = [], 30
    for row in pairs:
        lines.append(f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{html.escape(row["what"])}</text>')
        lines.append(bar(y, row["median"], "ours"))
        lines.append(bar(y + 13, row["peer_median"], "peer", row["peer"]))
        y += ROW
    for row in others:
        what = row["what"].replace("a command with a service, less the service's own delay", "command")
        style = "ours" if "mirakuru" in what else "peer"
        lines.append(f'<text x="{LABEL - 8}" y="{y + 10}" text-anchor="end">{html.escape(what)}</text>')
        lines.append(bar(y, row["median"], style))
        y += ROW // 2 + 3

    scale = []
    for power in range(int(math.log10(LEAST)), int(math.log10(MOST)) + 1):
        x = LABEL + length(10**power)
        scale.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{y}"/>')
        scale.append(f'<text x="{x:.1f}" y="15" text-anchor="middle" font-size="11">{10**power:g}</text>')
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join([HEAD.format(width=WIDTH, height=y + 10), *scale, *lines, "</svg>\n"]))


if __name__ == "__main__":
    main()
