# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What surrounds the package: types, warnings, a Python without PyGObject."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import unittest
import venv

from dropintest import LIMIT, DropInTest

SUITE = """
    import socket
    import sys
    import mirakuru_glib
    sys.modules["mirakuru"] = mirakuru_glib
    from mirakuru import OutputExecutor, SimpleExecutor, TCPExecutor
    from pytest_mirakuru_glib import mk_service

    sleeper = mk_service("sleep 60")

    def test_kinds(sleeper):
        assert sleeper.get_running()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        with TCPExecutor(command, "127.0.0.1", port, timeout=30) as executor:
            assert executor.running()
        with OutputExecutor("sh -c 'echo up; sleep 60'", "up", timeout=30) as executor:
            executor.output().fileno()
        executor = SimpleExecutor("sh -c 'echo a; echo b >&2'", stderr=-1).start()
        assert executor.process.communicate(timeout=20) == ("a\\n", "b\\n")
        executor.stop()
        del executor
    """


class Packaging(DropInTest):
    def run_python(self, python, *arguments, **options):
        return subprocess.run(
            [python, *arguments], capture_output=True, text=True, timeout=3 * LIMIT, check=False, **options
        )

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_types(self):
        """As installed, by both names."""
        folder = self.folder()
        venv.create(folder / "venv")
        packages = next((folder / "venv").glob("lib/python3*/site-packages"))
        python = pathlib.Path(importlib.util.find_spec("mirakuru_glib").origin).parents[1]
        for package in ("mirakuru_glib", "pytest_mirakuru_glib", "alias/mirakuru"):
            shutil.copytree(python / package, packages / os.path.basename(package))
        sample = pathlib.Path(__file__).with_name("sample_types.py").read_text()
        (folder / "by_name.py").write_text(sample)
        (folder / "by_alias.py").write_text(sample.replace("from mirakuru_glib", "from mirakuru"))
        done = subprocess.run(
            ["mypy", "--strict", "--python-executable", folder / "venv" / "bin" / "python", "by_name.py", "by_alias.py"],
            capture_output=True, text=True, timeout=3 * LIMIT, cwd=folder, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(importlib.util.find_spec("pytest"), "pytest is not installed")
    def test_no_warnings(self):
        folder = self.folder()
        (folder / "test_it.py").write_text(textwrap.dedent(SUITE))
        done = self.run_python(sys.executable, "-W", "error", "-m", "pytest", "-W", "error", "-p", "no:cacheprovider",
                               cwd=folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("warning", done.stdout)

    def test_bytes_are_not_compared_with_text(self):
        program = """if True:
            import os, mirakuru_glib
            environment = {b"PATH": os.environb[b"PATH"], b"X": b"\\xff", "Y": "z"}
            for options in ({"popen_kwargs": {"env": environment}}, {"envvars": environment, "cwd": b"/"}):
                executor = mirakuru_glib.SimpleExecutor([b"env"], **options).start()
                printed = executor.output().buffer.read().splitlines()
                assert b"X=\\xff" in printed and b"Y=z" in printed, printed
                executor.stop()
            """
        done = self.run_python(sys.executable, "-bb", "-W", "error", "-c", program)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_without_pygobject(self):
        folder = self.folder()
        venv.create(folder)
        done = self.run_python(folder / "bin" / "python", "-c", "import mirakuru_glib")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.splitlines()[-1], "^ImportError: mirakuru_glib needs PyGObject .*python3-gi")


if __name__ == "__main__":
    unittest.main()
