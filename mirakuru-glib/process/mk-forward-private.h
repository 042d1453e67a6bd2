/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A way from an address of this machine to one at the far end of a launcher. */
typedef struct
{
  guint near_port;  /* 0 if near_path counts */
  char *near_path;  /* (owned) (nullable) */
  char *target;     /* (owned) "6379", "db:5432", "[::1]:5432" or a path */
  gboolean is_same; /* so that it would be of no use on this machine */
} MkForward;

MkForward *mk_forward_parse (const char *text, GError **error);
void mk_forward_free (MkForward *self);
gboolean mk_forward_open (MkForward *self, GArray *fds, GPtrArray *targets, GError **error);
void mk_forward_remove_file (MkForward *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkForward, mk_forward_free)

G_END_DECLS
