#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks with tsc that the declarations are what programs need: those of the sample, and the examples.

Usage: check-types.py TSC DECLARATIONS AMBIENT SAMPLE EXAMPLE…

The types of GLib are where scripts/setup installs them. Without them the test is skipped.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODULES = CACHE / "mirakuru-glib" / "node_modules"
LIMIT = 240

INSTALLED = "/usr/share/mirakuru-glib-1/mk-1.d.ts"

STRICT = {
    "strict": True,
    "noEmit": True,
    "target": "es2022",
    "lib": ["es2022"],
    "module": "node16",
    "moduleResolution": "node16",
    "types": [],
}
# JavaScript does not say what is null, nor what arguments are.
EXAMPLES = {
    **STRICT,
    "checkJs": True,
    "strictNullChecks": False,
    "noImplicitAny": False,
    "useUnknownInCatchVariables": False,
}


def check(tsc, folder, options, files):
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": files}))
    done = subprocess.run([tsc, "--project", str(folder)], capture_output=True, text=True, timeout=LIMIT)
    print(done.stdout + done.stderr, end="")
    return done.returncode == 0


def main(tsc, declarations, ambient, sample, *examples):
    if not (MODULES / "@girs" / "gio-2.0").exists():
        print(f"skipped: @girs/gio-2.0 is not in {MODULES}; see scripts/setup ci")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "node_modules").symlink_to(MODULES)
        (folder / "package.json").write_text('{"type": "module"}')
        text = pathlib.Path(ambient).read_text(encoding="utf-8")
        (folder / "ambient.d.ts").write_text(text.replace(INSTALLED, str(pathlib.Path(declarations).resolve())))
        for file in (sample, *examples):
            shutil.copy(file, folder)
        good = check(tsc, folder, STRICT, ["ambient.d.ts", pathlib.Path(sample).name])
        good = check(tsc, folder, EXAMPLES, ["ambient.d.ts", *(pathlib.Path(file).name for file in examples)]) and good
    return 0 if good else 1


sys.exit(main(*sys.argv[1:]))
