#!/bin/bash
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# In `meson devenv` what was just built is what is used: library, typelib, supervisor, command.
# Usage: test-devenv.sh BUILD_FOLDER PYTHON|'' GJS|''
set -euo pipefail
build=$1 python=$2 gjs=$3
unset MIRAKURU_GLIB_SUPERVISOR MIRAKURU_GLIB_LOCALEDIR GI_TYPELIB_PATH GJS_PATH LD_LIBRARY_PATH PYTHONPATH

in_devenv () {
  meson devenv -C "$build" "$@" < /dev/null
}

command=$(in_devenv bash -c 'command -v mirakuru')
[ "$(realpath "$command")" = "$(realpath "$build/tools/mirakuru")" ]
in_devenv mirakuru run --quiet --service 'sleep 60' -- echo 'the command works' |
  grep -x 'the command works'

# shellcheck disable=SC2016
in_devenv bash -c 'cc -fsyntax-only -include mirakuru-glib.h $(pkg-config --cflags mirakuru-glib-1) -x c /dev/null'

if [ -n "$python" ]; then
  in_devenv "$python" -c '
import gi
gi.require_version("Mk", "1")
from gi.repository import Mk
executor = Mk.SimpleExecutor.new(["sleep", "60"])
executor.start(None)
assert executor.get_state() == Mk.ExecutorState.READY
executor.stop(None)
with Mk.SimpleExecutor(command="sleep 60") as executor:
    assert executor.get_running()
import importlib.metadata
assert [e for e in importlib.metadata.entry_points(group="pytest11") if e.value == "pytest_mirakuru_glib"]
print("Python works")' | grep -x 'Python works'
fi

if [ -n "$gjs" ]; then
  in_devenv "$gjs" -c '
imports.gi.versions.Mk = "1";
const {GLib, Mk} = imports.gi;
const executor = Mk.SimpleExecutor.new(["sleep", "60"]);
executor.start(null);
executor.stop(null);
const loop = new GLib.MainLoop(null, false);
Mk.withExecutor(executor, () => print("JavaScript works")).catch(logError).finally(() => loop.quit());
loop.run();' | grep -x 'JavaScript works'
fi
