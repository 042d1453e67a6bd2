#!/bin/bash
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# `meson install` lays down what `installed-files` names, no more and no less, and the same with DESTDIR as
# without; and that works by itself: see use-prefix.sh.
# Usage: test-install.sh SOURCE_FOLDER PYTHON|'' VALAC|'' GJS|'' GI_DOCGEN|''
set -euo pipefail
source=$1 python=$2 valac=$3 gjs=$4 docgen=$5
unset DESTDIR
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
docs=share/doc/mirakuru-glib-1

enabled () {
  if [ -n "$1" ]; then echo enabled; else echo disabled; fi
}

build_and_install () {
  meson setup "$work/build" "$source" --prefix="$prefix" --libdir=lib --buildtype=plain -Dtests=false \
    -Ddocs="$([ -n "$docgen" ] && echo true || echo false)" \
    -Dintrospection="$(enabled "$python$gjs")" -Dvapi="$(enabled "$valac")" \
    -Dpython_dropin_alias="$([ -n "$python" ] && echo true || echo false)" < /dev/null
  meson compile -C "$work/build"
  meson install -C "$work/build" --no-rebuild --quiet
  meson install -C "$work/build" --no-rebuild --quiet --destdir "$work/image"
  version=$(meson introspect "$work/build" --projectinfo | sed 's/.*"version": "\([^"]*\)".*/\1/')
}

expected_files () {
  local parts='library' python_folder
  python_folder=$(cd "$prefix" && find lib -name pytest_mirakuru_glib -printf '%h\n')
  [ -z "$python$gjs" ] || parts="$parts|introspection"
  [ -z "$python" ] || parts="$parts|python"
  [ -z "$valac" ] || parts="$parts|vapi"
  sed -nE "s/^($parts) +//p" "$source/tests/install/installed-files" |
    sed "s,^PYTHON/,$python_folder/,; s,VERSION,$version,"
  if [ -f "$source/po/LINGUAS" ] && command -v msgfmt > /dev/null; then
    sed '/^#/d' "$source/po/LINGUAS" | xargs printf 'share/locale/%s/LC_MESSAGES/mirakuru-glib-1.mo\n'
  fi
}

# The reference, by what it is about.
check_reference () {
  {
    echo index
    find "$source/docs/pages" -name '*.md' -printf '%f\n' | sed 's/\.md$//'
    sed -nE 's/^ *<class name="([A-Za-z]+)".*/class.\1/p' "$prefix/share/gir-1.0/Mk-1.gir"
  } | while read -r page; do
    [ -s "$prefix/$docs/$page.html" ] || { echo "$page is not in the reference"; return 1; }
  done
}

check_files () {
  local bad
  (cd "$prefix" && find . \( -type f -o -type l \) -printf '%P\n' | grep -v "^$docs/" | sort) > "$work/installed"
  echo 'What was installed (>) and what tests/install/installed-files expects (<):'
  diff <(expected_files | sort) "$work/installed"
  diff -r "$prefix" "$work/image$prefix"
  [ -z "$(find "$work/image" -type f -not -path "$work/image$prefix/*")" ]
  bad=$(find "$prefix" -type f -empty -print; grep -rlF "$work/build" "$prefix" || :)
  [ -z "$bad" ] || { echo "without contents, or with the path of the build folder: $bad"; return 1; }
  # With it debuggers find the symbols that packages have elsewhere.
  readelf --notes "$prefix/libexec/mirakuru-glib-1/mk-supervisor" | grep -F 'Build ID:'
  if [ -n "$docgen" ]; then
    check_reference
  else
    [ ! -e "$prefix/$docs" ]
  fi
}

build_and_install
check_files
rm -rf "$work/build" "$work/image"

# A program that is installed has none of the sources around it, and nothing in its environment but this.
mkdir "$work/home"
cp -r "$source/examples" "$source/tests/install/consumer" "$work/home"
env -i -C "$work/home" HOME="$work/home" TMPDIR="$work/home" LC_ALL=C.UTF-8 \
  PATH="$work/home/bin:$prefix/bin:/usr/bin:/bin:/usr/sbin:/sbin" \
  LD_LIBRARY_PATH="$prefix/lib" \
  PKG_CONFIG_PATH="$prefix/lib/pkgconfig" \
  GI_TYPELIB_PATH="$prefix/lib/girepository-1.0" \
  XDG_DATA_DIRS="$prefix/share:/usr/share" \
  PYTHONPATH="$(find "$prefix" -name pytest_mirakuru_glib -printf '%h\n')" PYTHONDONTWRITEBYTECODE=1 \
  bash "$source/tests/install/use-prefix.sh" "$prefix" "$python" "$valac" "$gjs"
