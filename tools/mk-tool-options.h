/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tool.h"

G_BEGIN_DECLS

/* What the command line says about one service. */
typedef struct
{
  char *command_line;     /* (owned) (type filename) */
  char *name;             /* (owned) (nullable) */
  char *cwd;              /* (owned) (nullable) (type filename) */
  char *banner;           /* (owned) (nullable): what its output has to match */
  GPtrArray *environment; /* (owned) (element-type filename): NAME=VALUE */
  GPtrArray *probes;      /* (owned) (element-type MkProbe) */
} MkToolServiceOptions;

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
gboolean mk_tool_options_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
gboolean mk_tool_options_parse_seconds (const char *option_name,
                                        const char *value,
                                        guint *milliseconds,
                                        GError **error);

/* mk-tool-readiness.c */
void mk_tool_readiness_add_options (GOptionGroup *group, GOptionArgFunc func);
gboolean
mk_tool_readiness_parse (const char *option_name, const char *value, GPtrArray *probes, GError **error);
char *mk_tool_readiness_dup_name (const char *option_name, const char *value);

G_END_DECLS
