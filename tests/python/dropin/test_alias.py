# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The distribution `mirakuru` that is the drop-in: for whatever imports mirakuru, before anybody could say otherwise."""

import os
import subprocess
import sys
import tempfile
import unittest
from importlib import metadata
from pathlib import Path

import mirakuru
import mirakuru_glib

NAME, VERSION = "mirakuru", "3.0.2"

PLUGIN = """
import pytest
from mirakuru import TCPExecutor
from mirakuru.exceptions import TimeoutExpired

@pytest.fixture
def kinds():
    return TCPExecutor, TimeoutExpired
"""
TEST = """
import mirakuru_glib

def test_kinds(kinds):
    assert kinds == (mirakuru_glib.TCPExecutor, mirakuru_glib.TimeoutExpired)
"""


def run_python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def make_distribution(folder, name, requires, entry_points=""):
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\nRequires-Dist: {requires}\n")
    (info / "RECORD").write_text(f"{name}.py,,\n")
    (info / "entry_points.txt").write_text(entry_points)


class Alias(unittest.TestCase):
    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="mk-alias-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def assert_runs(self, *arguments, **options):
        answer = run_python(*arguments, **options)
        self.assertEqual(answer.returncode, 0, answer.stdout)
        return answer.stdout

    def test_is_the_drop_in(self):
        self.assertIs(mirakuru, mirakuru_glib)

    def test_in_whatever_order(self):
        for statements in (
            "import mirakuru.tcp",
            "from mirakuru import *",
            "from mirakuru.base import SimpleExecutor",
            "import mirakuru_glib, mirakuru",
            "import importlib.util; assert importlib.util.find_spec('mirakuru.base_env')",
            "import importlib, mirakuru; importlib.reload(mirakuru)",
            "import pkgutil; assert 'tcp' in [m.name for m in pkgutil.iter_modules(__import__('mirakuru').__path__)]",
        ):
            with self.subTest(statements):
                self.assert_runs(
                    "-c",
                    f"{statements}\n"
                    "import sys, mirakuru, mirakuru_glib, mirakuru.unixsocket, mirakuru.base_env\n"
                    "assert mirakuru is mirakuru_glib\n"
                    "assert mirakuru.unixsocket is sys.modules['mirakuru_glib.unixsocket']\n"
                    "assert mirakuru.base_env is mirakuru_glib.base_env\n",
                )

    def test_metadata(self):
        self.assertEqual(metadata.version(NAME), VERSION)
        self.assertEqual(mirakuru.__version__, VERSION)
        self.assertEqual(metadata.requires(NAME), ["mirakuru-glib"])
        self.assertTrue(metadata.version("mirakuru-glib"))

    def test_pip(self):
        if run_python("-m", "pip", "--version").returncode != 0:
            self.skipTest("pip is not installed")
        folder = self.folder()
        make_distribution(folder, "user", f"{NAME}<4,>=2.6.0")
        environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"}
        self.assertIn(f"Version: {VERSION}\n", self.assert_runs("-m", "pip", "show", NAME))
        # Others that are installed here may lack something.
        checked = run_python("-m", "pip", "check", env=environment).stdout
        self.assertNotIn("mirakuru", checked)
        self.assertNotIn("user", checked)
        arguments = ("--no-index", "--dry-run", "--no-build-isolation", "--break-system-packages", "user", NAME)
        self.assertIn("already satisfied", self.assert_runs("-m", "pip", "install", *arguments, env=environment))

    def test_plugin_of_pytest(self):
        """Such plugins are loaded before any conftest.py."""
        folder = self.folder()
        make_distribution(folder, "user", NAME, "[pytest11]\nuser = user_plugin\n")
        (folder / "user_plugin.py").write_text(PLUGIN)
        (folder / "test_it.py").write_text(TEST)
        environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"}
        arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
        if run_python("-c", "import pytest").returncode != 0:
            self.skipTest("pytest is not installed")
        self.assertIn("1 passed", self.assert_runs(*arguments, env=environment, cwd=folder))


if __name__ == "__main__":
    unittest.main()
