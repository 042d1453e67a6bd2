/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-types.h"
#include "mk-forward-private.h"

G_BEGIN_DECLS

/* In the environment of every service: "<host pid>:<uuid>", as upstream has it. */
#define MK_MARKER_NAME "mirakuru_uuid"

/* An open file that the service gets. */
typedef struct
{
  int fd;     /* (owned) */
  int target; /* its number in the service */
} MkLaunchDescriptor;

/* How a service is to be started; not changed any more once it is spawned. */
typedef struct
{
  char **argv;         /* (owned) */
  char **launcher;     /* (owned) (nullable): a command that leads elsewhere */
  GPtrArray *forwards; /* (owned) (element-type MkForward) (nullable): what leads there, too */
  char **environment;  /* (owned) all of it, marker included; with a launcher that of its client */
  char **overlay;      /* (owned) (nullable) with a launcher: what the service gets beside what is there */
  char *notify_socket; /* (owned) (nullable) with a launcher: where its messages go */
  char *marker;        /* (owned) "NAME=value" */
  char *cwd;           /* (owned) (nullable) */
  char *private_directory;  /* (owned) (nullable): removed when the service has been stopped */
  gboolean keeps_directory; /* until the host removes it, or is gone */
  MkStopMode stop_mode;
  int stop_signal;
  int kill_signal;
  guint stop_timeout; /* milliseconds */
  MkStdioMode stdin_mode;
  MkStdioMode stdout_mode;
  MkStdioMode stderr_mode;
  char *stdin_path;    /* (owned) (nullable) */
  char *stdout_path;   /* (owned) (nullable) */
  char *stderr_path;   /* (owned) (nullable) */
  guint n_sockets;     /* among the descriptors */
  GArray *descriptors; /* (owned) (nullable) (element-type MkLaunchDescriptor) */
  gsize output_limit;
  int spawn_errno; /* of the worker: why it was not started, 0 if that is not the system's doing */
} MkLaunch;

/* Whether what the service prints is kept for reading. */
static inline gboolean
mk_launch_captures (MkStdioMode mode)
{
  return mode == MK_STDIO_MODE_CAPTURE || mode == MK_STDIO_MODE_PTY;
}

void mk_launch_free (MkLaunch *self);
gboolean
mk_launch_set_environment (MkLaunch *self, const char *const *overlay, const char *marker, GError **error);
gboolean mk_launch_set_argv (MkLaunch *self, char **argv, GError **error);
gboolean mk_launch_set_launcher (MkLaunch *self, char **launcher, char **forwards, GError **error);
void mk_launch_set_variable (MkLaunch *self, const char *name, const char *value);
gboolean mk_launch_add_socket (MkLaunch *self, int fd, const char *name, GError **error);
gboolean mk_launch_add_descriptor (MkLaunch *self, int fd, int target, GError **error);
gboolean mk_launch_validate (MkLaunch *self, GError **error);
gboolean mk_launch_validate_signal (int number, GError **error);

char *mk_launch_dup_name (MkLaunch *self);
GError *mk_launch_spawn_error (MkLaunch *self, int step, int error_number);
GError *mk_launch_launcher_error (MkLaunch *self, int failure, int b, int c, const char *text);
guint mk_launch_get_lease (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkLaunch, mk_launch_free)

G_END_DECLS
