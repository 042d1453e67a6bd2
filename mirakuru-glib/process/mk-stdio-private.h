/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-launch-private.h"

G_BEGIN_DECLS

/* File descriptors for one launch, or −1. */
typedef struct
{
  int service[3]; /* the service's ends */
  int host[3];    /* the other ends of its pipes */
  int copies[2];  /* files of the host, for what comes out of those of standard output and standard error */
} MkStdio;

gboolean mk_stdio_open (MkStdio *self, MkLaunch *launch, GError **error);
void mk_stdio_close (MkStdio *self);

G_END_DECLS
