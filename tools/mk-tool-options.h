/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

/* What the command line says; `mirakuru wait` has no services, `mirakuru run` no probes of
 * its own. */
typedef struct
{
  GPtrArray *services;    /* (owned) (element-type MkToolServiceOptions) */
  GPtrArray *probes;      /* (owned) (element-type MkProbe) */
  GPtrArray *probe_names; /* (owned) (element-type utf8): as they were given */
  char **command;         /* (owned) (nullable) (array zero-terminated=1) (element-type filename) */
  guint timeout;          /* in milliseconds, 0 for no limit */
  guint stop_timeout;     /* in milliseconds, 0 for no limit */
  gboolean gone;
  gboolean quiet;
  gboolean verbose;
  gboolean version;
} MkToolOptions;

MkToolOptions *mk_tool_options_new_for_run (char **argv, GError **error);
MkToolOptions *mk_tool_options_new_for_wait (char **argv, GError **error);
void mk_tool_options_free (MkToolOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkToolOptions, mk_tool_options_free)

G_END_DECLS
