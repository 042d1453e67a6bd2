// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
/// <reference path="/usr/share/mirakuru-glib-1/mk-1.d.ts" />
import '@girs/gjs';
import '@girs/gjs/dom';
import '@girs/gio-2.0/ambient';
import '@girs/glib-2.0/ambient';
import '@girs/gobject-2.0/ambient';
