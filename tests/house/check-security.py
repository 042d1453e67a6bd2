#!/usr/bin/env python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Checks that the tests which SECURITY.md names exist: /leaks/stop/deaf is one that test-leaks lists."""

import argparse
import pathlib
import re
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("document", type=pathlib.Path)
parser.add_argument("programs", type=pathlib.Path, help="the directory with the test programs")
arguments = parser.parse_args()


def list_tests(name):
    run = subprocess.run([arguments.programs / f"test-{name}", "-l"], capture_output=True, text=True, check=True)
    return run.stdout.split()


rows = [line for line in arguments.document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
named = {name for row in rows for name in re.findall(r"`(/[^`]+)`", row.split("|")[3])}
listed = {test for program in {name.split("/")[1] for name in named} for test in list_tests(program)}
missing = [name for name in sorted(named) if not any(f"{test}/".startswith(f"{name}/") for test in listed)]
for name in missing:
    print(f"{arguments.document.name}: there is no test {name}")
sys.exit(1 if missing or not named else 0)
