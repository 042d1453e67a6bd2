#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2046  # several words are what pkg-config prints
cc -o redis redis.c $(pkg-config --cflags --libs mirakuru-glib-1)
./redis
