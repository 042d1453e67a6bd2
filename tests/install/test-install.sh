#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `meson install` lays down works by itself: programs are compiled with pkg-config, and
# the supervisor, the typelib, the vapi and the command are found where they were installed.
# Usage: test-install.sh SOURCE_FOLDER PYTHON|'' VALAC|'' GJS|''
set -euo pipefail
source=$1 python=$2 valac=$3 gjs=$4
unset MIRAKURU_GLIB_SUPERVISOR MIRAKURU_GLIB_LOCALEDIR GI_TYPELIB_PATH LD_LIBRARY_PATH PYTHONPATH DESTDIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

enabled () {
  if [ -n "$1" ]; then echo enabled; else echo disabled; fi
}

meson setup "$work/build" "$source" --prefix="$prefix" --libdir=lib --buildtype=plain \
  -Dtests=false "-Dintrospection=$(enabled "$python$gjs")" "-Dvapi=$(enabled "$valac")" < /dev/null
meson compile -C "$work/build"
meson install -C "$work/build" --no-rebuild --quiet
rm -rf "$work/build"
(cd "$prefix" && find . -type f | sort)

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
pkg-config --exists --print-errors mirakuru-glib-1

# shellcheck disable=SC2046  # several words are what pkg-config prints
cc -Wall -Wextra -Werror -o "$work/consumer" "$source/tests/install/consumer/main.c" \
  $(pkg-config --cflags --libs mirakuru-glib-1)
"$work/consumer" | grep -x 'started and stopped'
# shellcheck disable=SC2046
cc -Wall -Wextra -Wno-unused-parameter -Werror -o "$work/suite" "$source/examples/redis-test.c" \
  $(pkg-config --cflags --libs mirakuru-glib-1)
"$work/suite" -l | grep -x /redis/ping

[ -s "$prefix/share/man/man1/mirakuru.1" ]
"$prefix/bin/mirakuru" --version | grep -F "$(pkg-config --modversion mirakuru-glib-1)"
"$prefix/bin/mirakuru" run --quiet --service 'sleep 60' -- echo 'the command works' |
  grep -x 'the command works'

# gettext does not translate in the locales C and C.UTF-8; this is the latter under another name.
utf8=$(compgen -G '/usr/lib*/locale/C.[uU][tT][fF]*8' | head -n 1) || true
if [ -n "$utf8" ] && command -v msgfmt > /dev/null; then
  mkdir "$work/locale"
  ln -s "$utf8" "$work/locale/de_DE.UTF-8"
  grep -v '^\(#\|$\)' "$source/po/LINGUAS" | while read -r language; do
    [ -s "$prefix/share/locale/$language/LC_MESSAGES/mirakuru-glib-1.mo" ]
    help=$(LOCPATH=$work/locale LC_ALL=de_DE.UTF-8 LANGUAGE=$language "$prefix/bin/mirakuru" run --help)
    grep -F -- '--service=' <<< "$help"
    if grep ' Start this service' <<< "$help"; then exit 1; fi
  done
fi

if [ -n "$python" ]; then
  export GI_TYPELIB_PATH=$prefix/lib/girepository-1.0
  "$python" -c '
import gi
gi.require_version("Mk", "1")
from gi.repository import Mk
executor = Mk.SimpleExecutor.new(["sleep", "60"])
executor.start(None)
executor.stop(None)
print("Python works")' | grep -x 'Python works'

  PYTHONPATH=$(dirname "$(find "$prefix" -name pytest_mirakuru_glib.py)")
  export PYTHONPATH
  "$python" -c '
from gi.repository import Mk
with Mk.SimpleExecutor(command="sleep 60") as executor:
    assert executor.get_running()
print("the override works")' | grep -x 'the override works'
  [ -s "$PYTHONPATH/gi-stubs/repository/Mk.pyi" ]

  cat > "$work/test_plugin.py" << 'END'
from pytest_mirakuru_glib import mk_service
service = mk_service("sleep 60")
def test_it(service, request):
    assert service.get_running()
    assert request.config.pluginmanager.has_plugin("mirakuru_glib")
END
  if "$python" -c 'import pytest' 2> /dev/null; then
    "$python" -m pytest -q -p no:cacheprovider "$work/test_plugin.py" | grep '^1 passed'
  fi
  "$python" -c '
import mirakuru_glib as mirakuru
with mirakuru.SimpleExecutor("sleep 60") as executor:
    assert executor.running()
print("The drop-in module works")' | grep -x 'The drop-in module works'
fi

if [ -n "$gjs" ]; then
  GI_TYPELIB_PATH=$prefix/lib/girepository-1.0 "$gjs" -m "$source/tests/install/consumer/main.js" \
    "$(pkg-config --variable=gjs_module mirakuru-glib-1)" | grep -x 'started and stopped'
fi

if [ -n "$valac" ]; then
  "$valac" --fatal-warnings -X -w --vapidir="$prefix/share/vala/vapi" --pkg mirakuru-glib-1 \
    -d "$work" -o vala-consumer "$source/tests/install/consumer/main.vala"
  "$work/vala-consumer" | grep -x 'started and stopped'
fi
