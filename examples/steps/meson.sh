#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu
cp redis.c redis-test.c program
cd program

# [build]
meson setup _build
meson compile -C _build
_build/redis
# [end]

# [test]
meson test -C _build
# [end]
