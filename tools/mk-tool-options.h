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

#define MK_TOOL_TIME_UNSET G_MAXUINT

/* What the command line says about one service. */
typedef struct
{
  char *command_line;     /* (owned) (type filename) */
  char *name;             /* (owned) (nullable) */
  char *cwd;              /* (owned) (nullable) (type filename) */
  char *banner;           /* (owned) (nullable): what its output has to match */
  GPtrArray *environment; /* (owned) (element-type filename): NAME=VALUE sets, NAME unsets */
  GPtrArray *probes;      /* (owned) (element-type MkProbe) */
  gboolean any;           /* one of the probes is enough */
  MkStdioMode stdin_mode;
  char *stdin_path; /* (owned) (nullable) (type filename) */
  gboolean has_pty;
  MkStopMode stop_mode;
  guint timeout;      /* in milliseconds, 0 for no limit, MK_TOOL_TIME_UNSET for that of all */
  guint stop_timeout; /* likewise */
  int stop_signal;
  int expected_status; /* MK_STATUS_NONE: none but 0 and those of the stop signal */
  gboolean completes;  /* it is ready when it has ended well */
  GPtrArray *requires; /* (owned) (element-type filename): names of other services */
} MkToolServiceOptions;

/* What the command line says; `mirakuru wait` has no services, `mirakuru run` no probes of
 * its own. */
typedef struct
{
  MkToolOptionsFlags commands; /* the one that it is for */
  GPtrArray *services;         /* (owned) (element-type MkToolServiceOptions) */
  GPtrArray *probes;           /* (owned) (element-type MkProbe) */
  GPtrArray *probe_names;      /* (owned) (element-type utf8): as they were given */
  char **command;              /* (owned) (nullable) (array zero-terminated=1) (element-type filename) */
  guint timeout;               /* in milliseconds, 0 for no limit */
  guint stop_timeout;          /* in milliseconds, 0 for no limit */
  gboolean any;
  gboolean gone;
  gboolean isolate;        /* a home for this run alone */
  char *log_dir;           /* (owned) (nullable) (type filename) */
  gboolean stop_when_dead; /* COMMAND ends when a service does */
  gboolean quiet;
  gboolean verbose;
  gboolean version;
} MkToolOptions;

MkToolOptions *mk_tool_options_new_for_run (char **argv, GError **error);
MkToolOptions *mk_tool_options_new_for_wait (char **argv, GError **error);
void mk_tool_options_free (MkToolOptions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkToolOptions, mk_tool_options_free)
gboolean mk_tool_options_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* mk-tool-readiness.c */
MkProbe *mk_tool_readiness_make_tcp (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_http (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_http_unix (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_unix (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_file (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_exec (const char *value, GError **error);
MkProbe *mk_tool_readiness_make_dbus (const char *value, GError **error);
void mk_tool_readiness_set_listening_only (MkTcpProbe *probe);
MkProbe *mk_tool_readiness_make_notify (const char *value, GError **error);
void mk_tool_readiness_add_header (MkHttpProbe *probe, const char *header);
void mk_tool_readiness_set_follow_redirects (MkHttpProbe *probe, const char *unused);
void mk_tool_readiness_set_accept_any_certificate (MkHttpProbe *probe, const char *unused);
gboolean mk_tool_readiness_is_open (MkProbe *probe);
char *mk_tool_readiness_dup_name (const char *option, const char *value);

G_END_DECLS
