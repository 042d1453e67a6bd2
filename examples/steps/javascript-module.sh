#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
cp "$(pkg-config --variable=gjs_module mirakuru-glib-1)" .
gjs -m tour.js
