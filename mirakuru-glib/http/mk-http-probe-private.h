/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-http-probe.h"

G_BEGIN_DECLS

void mk_http_probe_install_properties (GObjectClass *object_class);
GUri *mk_http_probe_dup_parsed_uri (MkHttpProbe *self);

G_END_DECLS
