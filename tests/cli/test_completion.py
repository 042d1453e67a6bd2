#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completion files know every option that the command has, and bash's works."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "completion"
FILES = ("mirakuru.bash", "_mirakuru", "mirakuru.fish")


def options(command):
    output = subprocess.run(
        [os.environ["MK_TOOL"], command, "--help"], check=True, capture_output=True, text=True, timeout=20
    ).stdout
    return set(re.findall(r"--([a-z-]+)", re.search(r"Application Options:\n(.*?)\n\n", output, re.DOTALL)[1]))


def complete(*words):
    script = """
        . "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _mirakuru 2> /dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    command = ["bash", "-c", script, "bash", FOLDER / "mirakuru.bash", "mirakuru", *words]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, cwd=FOLDER)
    return set(result.stdout.split("\n")) - {""}


class Completion(unittest.TestCase):
    def test_all_options_are_known(self):
        known = options("run") | options("wait")
        self.assertGreater(len(known), 15)
        for name in FILES:
            text = (FOLDER / name).read_text(encoding="utf-8")
            for option in known:
                spelling = f"-l {option}" if name.endswith(".fish") else f"--{option}"
                self.assertRegex(text, rf"{spelling}\b", f"{name} does not know --{option}")

    def test_options_of_each_command(self):
        for command in ("run", "wait"):
            with self.subTest(command=command):
                expected = {f"--{option}" for option in options(command)} | {"--help"}
                self.assertEqual(complete(command, "--"), expected)

    def test_words(self):
        self.assertEqual(complete("w"), {"wait"})
        self.assertEqual(complete(""), {"run", "wait", "templates", "--version", "--help"})
        self.assertEqual(complete("wait", "--file", "mirakuru.b"), {"mirakuru.bash"})
        self.assertEqual(complete("run", "--http", "http://x/", "--method", "G"), {"GET"})
        self.assertEqual(complete("run", "--tcp", ""), set())
        self.assertIn("printf", complete("wait", "--file", "x", "--", "print"))
        self.assertEqual(complete("wait", "--file", "x", "--", "cat", "mirakuru.f"), {"mirakuru.fish"})

    def test_syntax(self):
        for shell, name in (("bash", FILES[0]), ("zsh", FILES[1]), ("fish", FILES[2])):
            if shutil.which(shell):
                subprocess.run([shell, "-n", FOLDER / name], check=True, timeout=20)


unittest.main()
