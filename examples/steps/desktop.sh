#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2046  # several words are what pkg-config prints
set -eu

# [window]
cc -o gtk-postgres gtk-postgres.c $(pkg-config --cflags --libs gtk4 mirakuru-glib-1)
# [end]

cp gnome-suite.c desktop
cd desktop

# [suite]
meson setup _build
meson test -C _build
# [end]
