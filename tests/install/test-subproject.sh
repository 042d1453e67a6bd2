#!/bin/bash
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A project that has mirakuru-glib as a subproject configures, builds, and runs.
# Usage: test-subproject.sh SOURCE_FOLDER
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -r "$source/tests/install/consumer" "$work/consumer"
mkdir "$work/consumer/subprojects"
ln -s "$source" "$work/consumer/subprojects/mirakuru-glib"
cd "$work/consumer"

# Whatever is installed on this machine must not stand in.
meson setup build --wrap-mode=forcefallback --buildtype=plain -Dmirakuru-glib:tests=false \
  -Dmirakuru-glib:introspection=disabled -Dmirakuru-glib:vapi=disabled < /dev/null
ninja -C build
unset MIRAKURU_GLIB_SUPERVISOR MIRAKURU_GLIB_LOCALEDIR LD_LIBRARY_PATH
meson test -C build --no-rebuild --suite consumer --print-errorlogs

# And outside of a test, as it is and with what `meson devenv` sets up.
./build/consumer | grep -x 'started and stopped'
meson devenv -C build ./consumer | grep -x 'started and stopped'
