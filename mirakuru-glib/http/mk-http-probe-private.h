/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-http-probe.h"
#include "mk-http-settings-private.h"
#include "probe/mk-probe-private.h"

G_BEGIN_DECLS

struct _MkHttpProbe
{
  MkProbe parent_instance;

  MkHttpSettings settings;
  gint attempt_limit_ms; /* (atomic) of the next attempt */
  gint was_free;         /* (atomic) nothing listened when the start began */

  GMutex lock;
  GSocketAddress *answers; /* (owned) (nullable) (locked-by lock): where the last request was answered */
};

enum
{
  PROP_URI = 1,
  PROP_STATUS,
  PROP_METHOD,
  PROP_HEADERS,
  PROP_BODY,
  PROP_CONTENT_TYPE,
  PROP_BODY_PATTERN,
  PROP_ACCEPT_ANY_CERTIFICATE,
  PROP_CA_FILE,
  PROP_SOCKET_PATH,
  N_PROPS
};

extern GParamSpec *mk_http_probe_props[N_PROPS];

void mk_http_install_properties (GObjectClass *object_class, GParamSpec **props);
void mk_http_probe_forget (MkHttpProbe *self);

G_END_DECLS
