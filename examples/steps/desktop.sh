#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

cp gnome-suite.c desktop
cd desktop

# [suite]
meson setup _build
meson test -C _build
# [end]
