#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the pictures of real runs: terminal.svg shows what the command prints, timeline.svg what --timeline draws.

    meson devenv -C _build "$PWD/docs/images/record.py" [DIRECTORY]

It runs `mirakuru`, redis and Python's web server, and writes beside itself, or into DIRECTORY.
"""

import fcntl
import html
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

sys.dont_write_bytecode = True
from draw import HERE, ROOT, STYLE, Picture

COLUMNS, ROW, CHARACTER = 84, 19, 7.9
LIMIT = 60  # seconds for one command
SPDX = """<!-- SPDX-FileCopyrightText: mirakuru-glib contributors -->
<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
"""
# A command, and the status with which it has to end.
SCENES = (
    (["mirakuru", "run", "--template", "redis", "--", "redis-cli", "-p", "{redis.port}", "ping"], 0),
    (["mirakuru", "run", "-s", "redis-server --port {port} --maxmemory lots", "--tcp", "{port}", "--", "true"], 125),
)
TIMELINE = ["mirakuru", "run", "--file", "services.ini", "--timeline", "timeline.svg", "--"]
TIMELINE += ["redis-cli", "-u", "{redis.url}", "get", "tea"]
TERMINAL_STYLE = STYLE + """
  .line { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; white-space: pre; stroke: none; }
  .c31 { fill: #c01c28; } .c32 { fill: #26a269; } .c36 { fill: #1c71d8; } .prompt { fill: #77767b; }
  .typed { font-weight: bold; } .button { fill: #c0bfbc; }
  @media (prefers-color-scheme: dark) {
    .c31 { fill: #ff7b63; } .c32 { fill: #57e389; } .c36 { fill: #62a0ea; } .prompt { fill: #9a9996; }
    .button { fill: #5e5c64; }
  }
"""
TOKEN = re.compile(r"\x1b\[(\d*)([A-Zm])|(\r)|(\n)|([^\x1b\r\n])")


def run_in_terminal(words, expected):
    """What a command prints to a terminal."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        ["timeout", str(LIMIT), *words], stdin=far, stdout=far, stderr=far, env=environment, start_new_session=True
    )
    os.close(far)
    data = b""
    try:
        while chunk := os.read(near, 65536):
            data += chunk
    except OSError:  # The last one who had the terminal open has gone.
        pass
    os.close(near)
    text = data.decode()
    if process.wait() != expected:
        sys.exit(f"{words} ended with {process.returncode}, not {expected}:\n{text}")
    return text


def show(text):
    """The rows of a terminal that was sent this text: each is a list of (character, colour)."""
    rows, x, y, colour = [[]], 0, 0, ""
    for number, order, back, line, character in TOKEN.findall(text):
        if order == "m":
            colour = number
        elif order == "A":
            y = max(y - int(number or 1), 0)
        elif order == "K":
            del rows[y][x:]
        elif order == "J":
            del rows[y + 1 :], rows[y][x:]
        elif order:
            sys.exit(f"The terminal of {__file__} does not know the sequence {number}{order}")
        elif back:
            x = 0
        elif line or x == COLUMNS:
            x, y = 0, y + 1
            if y == len(rows):
                rows.append([])
        if character:
            rows[y][x : x + 1] = [(character, colour)]
            x += 1
    while rows and not rows[-1]:
        rows.pop()
    return rows


def spans(row):
    """A row as SVG, with one element for each run of a colour."""
    parts = [("", "")]
    for character, colour in row:
        if colour == parts[-1][1]:
            parts[-1] = (parts[-1][0] + character, colour)
        else:
            parts.append((character, colour))
    return "".join(
        f'<tspan class="c{colour}">{html.escape(text, quote=False)}</tspan>' if colour else html.escape(text, quote=False)
        for text, colour in parts
    )


def quote(words):
    """A command as somebody would type it."""
    return " ".join(f"'{word}'" if re.search(r"[ {]", word) else word for word in words)


def draw_terminal():
    lines = []
    for words, expected in SCENES:
        command = html.escape(quote(words), quote=False)
        lines.append(f'<tspan class="prompt">$</tspan> <tspan class="typed">{command}</tspan>')
        lines += [spans(row) for row in show(run_in_terminal(words, expected))]
        lines.append("")
    picture = Picture(
        int((COLUMNS + 2) * CHARACTER) + 40,
        48 + ROW * len(lines),
        "Two runs of the command mirakuru in a terminal",
        "The first starts redis, runs a client, and stops redis. In the second redis cannot read its settings: the "
        "message says which process exited, when, what it was waited for, and what it printed last.",
        TERMINAL_STYLE,
    )
    for number in range(3):
        picture.lines.append(f'<circle class="button" cx="{22 + 18 * number}" cy="20" r="5"/>')
    for number, line in enumerate(lines):
        if line:
            picture.lines.append(f'<text class="line" x="20" y="{54 + ROW * number}" xml:space="preserve">{line}</text>')
    return picture.finish()


def draw_timeline(directory):
    path = directory / "timeline.svg"
    words = [str(path) if word == path.name else word for word in TIMELINE]
    subprocess.run(
        words,
        cwd=ROOT / "examples",
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=LIMIT,
        env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": ""},
    )
    head, rest = path.read_text(encoding="utf-8").split("\n", 1)
    title = f"<title>{html.escape(quote(TIMELINE), quote=False)}</title>"
    return f"{head}\n{SPDX}{title}\n{rest}"


def main():
    if missing := [name for name in ("mirakuru", "redis-server", "redis-cli") if not shutil.which(name)]:
        print(f"{', '.join(missing)}: not found")
        sys.exit(77)
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "terminal.svg").write_text(draw_terminal(), encoding="utf-8")
    (directory / "timeline.svg").write_text(draw_timeline(directory.resolve()), encoding="utf-8")


if __name__ == "__main__":
    main()
