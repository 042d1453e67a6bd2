# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The type stubs tell of all there is, and of nothing else."""

import ast
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv

from mktest import LIMIT, GObject, Mk

STUBS = os.environ["MK_STUBS"]

# As much of other stubs as is needed here.
OTHERS = {
    "Gio": "class Cancellable: ...\nclass Task: ...\nclass AsyncResult: ...\n"
    "class InputStream: ...\nclass OutputStream: ...\n",
    "GLib": "class Error(RuntimeError): ...\nclass Bytes: ...\n",
    "GObject": "class Object:\n    class Props: ...\nclass GEnum(int): ...\nclass GFlags(int): ...\n",
}


def names_of(nodes):
    for node in nodes:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id


class Stubs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(STUBS, encoding="utf-8") as file:
            cls.tree = ast.parse(file.read())
        cls.classes = {node.name: node for node in cls.tree.body if isinstance(node, ast.ClassDef)}

    def public(self, names):
        return {name for name in names if not name.startswith("_")}

    def test_names(self):
        # Structs of classes and types of functions are of no use in Python.
        there = {
            name
            for name in self.public(dir(Mk))
            if not name.endswith("Class") and not name.startswith("GObject") and not name == "ProbeFunc"
        }
        told = self.public(names_of(self.tree.body))
        self.assertEqual(told - there, set())
        self.assertEqual({name for name in there - told if hasattr(getattr(Mk, name), "__info__")}, set())

    def test_members(self):
        for name, node in self.classes.items():
            if name.startswith("_"):
                continue
            class_ = getattr(Mk, name)
            told = self.public(names_of(node.body)) - {"Props"}
            with self.subTest(name):
                self.assertEqual({member for member in told if not hasattr(class_, member)} - {"message", "domain", "code"}, set())
                if issubclass(class_, GObject.Object):
                    own = {n for c in class_.__mro__ if c.__name__ == name for n in self.public(vars(c))}
                    private = {n for n in own if n.startswith("do_") and n not in told}
                    self.assertEqual(own - told - private - {"parent_instance"}, set())

    def test_properties(self):
        for name, node in self.classes.items():
            props = next((child for child in node.body if getattr(child, "name", "") == "Props"), None)
            if props is None:
                continue
            with self.subTest(name):
                told = set(names_of(props.body))
                class_ = getattr(Mk, name)
                there = {p.name.replace("-", "_") for p in class_.list_properties() if p.owner_type == class_.__gtype__}
                self.assertEqual(told, there)

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_sample(self):
        """The file works beside the stubs of PyGObject, of which this folder has the layout."""
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder)
            packages = next(pathlib.Path(folder, "lib").glob("python3*/site-packages"))
            stubs = packages / "gi-stubs" / "repository"
            stubs.mkdir(parents=True)
            (stubs.parent / "__init__.pyi").touch()
            for name, text in OTHERS.items():
                (stubs / f"{name}.pyi").write_text(text)
            shutil.copy(STUBS, stubs)
            sample = pathlib.Path(__file__).with_name("sample_types.py")
            command = ["mypy", "--strict", "--python-executable", f"{folder}/bin/python", "--cache-dir", f"{folder}/cache"]
            done = subprocess.run([*command, str(sample)], capture_output=True, text=True, timeout=3 * LIMIT)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
