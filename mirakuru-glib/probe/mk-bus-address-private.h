/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

char *mk_bus_address_resolve (const char *bus, GError **error);
char *mk_bus_address_dup_name (const char *bus);
char *mk_bus_address_dup_socket (const char *address);

G_END_DECLS
