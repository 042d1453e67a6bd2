/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tool.h"

G_BEGIN_DECLS

/* Which of the commands an option is for. */
typedef enum
{
  MK_TOOL_OPTIONS_RUN = 1 << 0,
  MK_TOOL_OPTIONS_WAIT = 1 << 1,
} MkToolOptionsFlags;

typedef enum
{
  MK_TOOL_SOURCE_COMMAND,
  MK_TOOL_SOURCE_TEMPLATE,
  MK_TOOL_SOURCE_FILE,
} MkToolSource;

/* What the command line says about one service, or a file of services. */
typedef struct
{
  MkToolSource kind;
  char *source;        /* (owned) (type filename): the command, the name of the template, or the file */
  char *name;          /* (owned) (nullable) */
  GPtrArray *settings; /* (owned) (element-type filename): "Key=value", with the keys of services files */
  GPtrArray *requires; /* (owned) (element-type filename): names of other services */
} MkToolServiceOptions;

/* What the command line says; `mirakuru wait` has no services, `mirakuru run` no probes of
 * its own. */
typedef struct
{
  MkToolOptionsFlags commands; /* the one that it is for */
  GPtrArray *services;         /* (owned) (element-type MkToolServiceOptions) */
  GPtrArray *defaults;         /* (owned) (element-type filename): "Key=value", of all services */
  GPtrArray *overrides;        /* (owned) (element-type filename): "NAME.KEY=VALUE" */
  GPtrArray *conditions;       /* (owned) (element-type GPtrArray): the settings of each of the probes */
  GPtrArray *probes;           /* (owned) (element-type MkProbe) */
  GPtrArray *probe_names;      /* (owned) (element-type utf8): as they were given */
  char **command;              /* (owned) (nullable) (array zero-terminated=1) (element-type filename) */
  guint timeout;               /* in milliseconds, 0 for no limit */
  guint stop_timeout;          /* in milliseconds, 0 for no limit */
  gboolean any;
  gboolean gone;
  gboolean isolate;        /* a home for this run alone */
  char *log_dir;           /* (owned) (nullable) (type filename) */
  char *report;            /* (owned) (nullable) (type filename) */
  char *timeline;          /* (owned) (nullable) (type filename) */
  gboolean stop_when_dead; /* COMMAND ends when a service does */
  gboolean quiet;
  gboolean verbose;
  gboolean version;
} MkToolOptions;

MkToolOptions *mk_tool_options_new_for_run (char **argv, GError **error);
MkToolOptions *mk_tool_options_new_for_wait (char **argv, GError **error);
void mk_tool_options_free (MkToolOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkToolOptions, mk_tool_options_free)
char *mk_tool_options_rename_key (const char *message);
gboolean mk_tool_options_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
