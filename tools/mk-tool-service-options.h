/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tool-options.h"

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

void mk_tool_service_options_free (MkToolServiceOptions *self);
void mk_tool_service_options_add_to_group (GOptionGroup *group);
MkSimpleExecutor *mk_tool_service_options_make_executor (const MkToolServiceOptions *self,
                                                         const MkToolOptions *options,
                                                         GError **error);

G_END_DECLS
