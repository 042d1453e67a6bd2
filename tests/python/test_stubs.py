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

PACKAGES = pathlib.Path(__file__).parents[2] / "introspection" / "python"

# Those that are correct as they are; the others have functions without annotations, or do not look for None.
EXAMPLES = ["dropin-alias", "free-port", "group", "port-lease", "template", "pytest/conftest"]

# As much of other stubs as is needed here.
OTHERS = {
    "Gio": "class Cancellable: ...\nclass Task: ...\nclass AsyncResult: ...\nclass File: ...\n"
    "class InputStream: ...\nclass ListModel: ...\nclass OutputStream: ...\nclass Socket: ...\n",
    "GLib": "class Error(RuntimeError): ...\nclass Bytes: ...\nclass Variant: ...\n",
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
        cls.cache = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.cache.cleanup)
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

    def install(self, folder):
        """What `meson install` makes of the stubs, in a directory that a new virtual environment looks into."""
        venv.create(folder / "venv")
        packages = next(folder.glob("venv/lib/python3*/site-packages"))
        stubs = folder / "installed" / "gi-stubs"
        shutil.copytree(PACKAGES / "gi-stubs", stubs)
        shutil.copy(STUBS, stubs / "repository")
        (stubs / "py.typed").write_text("partial\n")
        for name in ("mirakuru_glib", "pytest_mirakuru_glib", "alias/mirakuru"):
            shutil.copytree(PACKAGES / name, folder / "installed" / pathlib.Path(name).name)
        (packages / "mk.pth").write_text(f"{folder}/installed\n")
        return packages

    def check(self, folder, *files):
        command = ["mypy", "--strict", "--python-executable", f"{folder}/venv/bin/python", "--cache-dir", self.cache.name]
        done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=8 * LIMIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_sample(self):
        """Beside the stubs of PyGObject, whose layout this has."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            stubs = self.install(folder) / "gi-stubs" / "repository"
            stubs.mkdir(parents=True)
            (stubs.parent / "__init__.pyi").touch()
            for module, text in OTHERS.items():
                (stubs / f"{module}.pyi").write_text(text)
            self.check(folder, "--no-silence-site-packages", pathlib.Path(__file__).with_name("sample_types.py"))

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_examples(self):
        """Without the stubs of PyGObject."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.install(folder)
            self.check(folder, *(PACKAGES.parents[1] / "examples" / f"{example}.py" for example in EXAMPLES))


if __name__ == "__main__":
    unittest.main()
