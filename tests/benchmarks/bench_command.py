# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command costs beyond the time that the service itself needs, beside other commands that do the same.

bench_command.py JSON: adds rows to those of mk-bench in this file. The other commands are left out where they are not
installed; NODE_BIN is the directory with those of npm.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

TOOL = os.environ["MK_TOOL"]
SERVICE = os.environ["MK_TEST_SERVICE"]
NODE_BIN = os.environ.get("NODE_BIN", "node_modules/.bin")
PORT = 18180
URL = f"http://127.0.0.1:{PORT}/"
DELAY_MS = 300
ROUNDS = 15
LIMIT = 60  # seconds for one command
KILLED_ROUNDS = 3
FAILED_ROUNDS = 3
LEFT_LIMIT = 5  # seconds for processes to end after the command was killed
FAILED_LIMIT = 10  # seconds for a failure to be noticed
TAG = f"bench-command-{os.getpid()}"

service = f"{SERVICE} --listen 127.0.0.1:{PORT} --http ok --after {DELAY_MS}"
# With children that have left their session, as daemons do
family = f"{service} --tag {TAG} --children 2 --setsid-children"
failing = f"{SERVICE} --exit 3"


def ways(service, client):
    by_hand = f"{service} & until curl -sfI -o /dev/null {URL}; do sleep 0.1; done; {client}; kill $!; wait $!; true"

    yield "mirakuru run, HTTP", [TOOL, "run", "--quiet", "-s", service, "--http", URL, "--", *client.split()]
    yield "mirakuru run, TCP", [TOOL, "run", "--quiet", "-s", service, "--tcp", f"127.0.0.1:{PORT}", "--", *client.split()]
    yield "curl and sleep 0.1", ["sh", "-c", by_hand]
    npm = shutil.which("start-server-and-test", path=NODE_BIN)
    if npm:
        yield "start-server-and-test", [npm, service, URL, client]
    npm = shutil.which("wait-on", path=NODE_BIN)
    if npm:
        yield "wait-on", ["sh", "-c", f"{service} & {npm} {URL}; {client}; kill $!; wait $!; true"]


def start_in_session(words):
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def end_session(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def find_family():
    """The pids of the service and of its children."""
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.path.samefile(directory / "exe", SERVICE) and TAG.encode() in (directory / "cmdline").read_bytes():
                yield int(directory.name)
        except OSError:  # It has ended, or belongs to somebody else.
            pass


def is_listening():
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", PORT)) == 0


def wait_until(condition, limit):
    deadline = time.monotonic() + limit
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def count_left(words):
    """How many processes of a service are left after its command was killed with SIGKILL."""
    process = start_in_session(words)
    try:
        if not wait_until(lambda: len(list(find_family())) == 3 and is_listening(), LIMIT):
            sys.exit(f"{words} did not start the service")
        process.kill()
        process.wait()
        wait_until(lambda: not list(find_family()), LEFT_LIMIT)
        return len(list(find_family()))
    finally:
        end_session(process)
        for pid in find_family():
            os.kill(pid, signal.SIGKILL)


def notice_failure_ms(words):
    """How long it takes to end with an error if the service ends at once."""
    begun = time.monotonic()
    process = start_in_session(words)
    # With a timeout, Python would ask every 50 ms whether the command has ended.
    timer = threading.Timer(FAILED_LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    process.wait()
    taken_ms = (time.monotonic() - begun) * 1000
    timer.cancel()
    timer.join()
    end_session(process)
    return taken_ms


def overhead_ms(words):
    begun = time.monotonic()
    # No timeout: with one, Python asks every 50 ms whether the command has ended.
    signal.alarm(LIMIT)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken_ms = (time.monotonic() - begun) * 1000
    signal.alarm(0)
    return taken_ms - DELAY_MS


def measure(what, unit, rounds, measure_one, service, client):
    """A row for each way."""
    figures = {name: [] for name, _ in ways(service, client)}
    for _ in range(rounds):
        for name, words in ways(service, client):
            figures[name].append(measure_one(words))
    for name, ours in figures.items():
        ours.sort()
        row = {
            "what": what,
            "way": name,
            "unit": unit,
            "n": len(ours),
            "median": statistics.median(ours),
            "p95": ours[int(0.95 * (len(ours) - 1) + 0.5)],
            "max": ours[-1],
        }
        label = f"{what}: {name}, {unit}"
        print(f"{label:<86}{len(ours):4}{row['median']:10.1f}{row['p95']:10.1f}{row['max']:10.1f}", flush=True)
        yield row


def main():
    rows = [
        *measure("a command with a service, less the service's own delay", "ms", ROUNDS, overhead_ms, service, "true"),
        *measure("a service that fails at once is noticed after", "ms", FAILED_ROUNDS, notice_failure_ms, failing, "true"),
        *measure("left of three processes when the command is killed", "processes", KILLED_ROUNDS, count_left, family, "sleep 60"),
    ]
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file) + rows
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
