/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

gboolean mk_descriptor_check (GError **error);
char *mk_descriptor_explain (int error_number);
int mk_descriptor_dup (int fd);
void mk_descriptor_set_blocking (int fd);
int mk_descriptor_open_for_reading (const char *path);

G_END_DECLS
