/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-http-settings-private.h"
#include "probe/mk-probe-private.h"

G_BEGIN_DECLS

typedef struct _MkHttpDoor MkHttpDoor;

MkProbe *mk_http_door_new_probe (const MkHttpSettings *settings);

MkHttpDoor *mk_http_door_new (const MkHttpSettings *settings);
void mk_http_door_free (MkHttpDoor *self);
gboolean mk_http_door_is_open (MkHttpDoor *self);
char *mk_http_door_dup_detail (MkHttpDoor *self);

G_END_DECLS
