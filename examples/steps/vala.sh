#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
valac -X -w --pkg mirakuru-glib-1 redis.vala
./redis
