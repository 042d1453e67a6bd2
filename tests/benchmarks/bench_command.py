# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command costs beyond the time that the service itself needs, beside other commands that do the same.

bench_command.py JSON: adds rows to those of mk-bench in this file. The other commands are left out where they are not
installed; NODE_BIN is the directory with those of npm.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

TOOL = os.environ["MK_TOOL"]
SERVICE = os.environ["MK_TEST_SERVICE"]
NODE_BIN = os.environ.get("NODE_BIN", "node_modules/.bin")
PORT = 18180
URL = f"http://127.0.0.1:{PORT}/"
DELAY_MS = 300
ROUNDS = 15
LIMIT = 60  # seconds for one command

service = f"{SERVICE} --listen 127.0.0.1:{PORT} --http ok --after {DELAY_MS}"
by_hand = (
    f"{service} & until curl -sfI -o /dev/null {URL}; do sleep 0.1; done; true; kill $!; wait $!; true"
)


def ways():
    yield "mirakuru run, HTTP", [TOOL, "run", "--quiet", "-s", service, "--http", URL, "--", "true"]
    yield "mirakuru run, TCP", [TOOL, "run", "--quiet", "-s", service, "--tcp", f"127.0.0.1:{PORT}", "--", "true"]
    yield "curl and sleep 0.1", ["sh", "-c", by_hand]
    npm = shutil.which("start-server-and-test", path=NODE_BIN)
    if npm:
        yield "start-server-and-test", [npm, service, URL, "true"]
    npm = shutil.which("wait-on", path=NODE_BIN)
    if npm:
        yield "wait-on", ["sh", "-c", f"{service} & {npm} {URL}; true; kill $!; wait $!; true"]


def overhead_ms(words):
    begun = time.monotonic()
    # No timeout: with one, Python asks every 50 ms whether the command has ended.
    signal.alarm(LIMIT)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.monotonic() - begun) * 1000 - DELAY_MS


def main():
    times = {name: [] for name, _ in ways()}
    for _ in range(ROUNDS):
        for name, words in ways():
            times[name].append(overhead_ms(words))

    rows = []
    for name, figures in times.items():
        figures.sort()
        rows.append(
            {
                "what": f"a command with a service, less the service's own delay: {name}",
                "unit": "ms",
                "n": len(figures),
                "median": statistics.median(figures),
                "p95": figures[int(0.95 * (len(figures) - 1) + 0.5)],
                "max": figures[-1],
            }
        )
        print(f"{rows[-1]['what']:<86}{len(figures):4}{rows[-1]['median']:10.1f}{rows[-1]['p95']:10.1f}{figures[-1]:10.1f}")
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file) + rows
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
