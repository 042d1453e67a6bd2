/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Wakes a probe when something happens to a path. A wait makes one when it begins and frees it when it ends,
 * in its own context.
 *
 * It is a GFileMonitor of the directory, not of the file: GLib ignores everything for 100 ms after an event
 * that no monitor is for, such as that of the temporary file that is then renamed into place. Nothing depends
 * on its events. A probe also looks every millisecond at first, which finds what GFileMonitor reports late: a
 * directory that is new, the target of a symbolic link, files of other machines.
 */

#include "mk-path-monitor-private.h"

#include "mk-probe-private.h"
#include "process/mk-host-private.h"

/* After so many events for other files the directory is too busy to be worth it. */
#define MAX_OTHERS 1000

struct _MkPathMonitor
{
  MkProbe *probe;        /* (unowned) whoever waits keeps it */
  GFile *file;           /* (owned) (nullable) until it is needed */
  GFileMonitor *monitor; /* (owned) (nullable) until it is needed, or where there cannot be one */
  guint n_others;
};

MkPathMonitor *
mk_path_monitor_new (MkProbe *probe)
{
  MkPathMonitor *self = g_new0 (MkPathMonitor, 1);

  self->probe = probe;
  return self;
}

void
mk_path_monitor_free (MkPathMonitor *self)
{
  if (self->monitor != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->monitor, self);
      g_file_monitor_cancel (self->monitor);
      g_object_unref (self->monitor);
    }
  g_clear_object (&self->file);
  g_free (self);
}

static void
path_monitor_on_changed (GFileMonitor *monitor,
                         GFile *file,
                         GFile *other_file,
                         GFileMonitorEvent event,
                         gpointer user_data)
{
  MkPathMonitor *self = user_data;

  if (g_file_equal (file, self->file))
    mk_probe_wake (self->probe);
  else if (++self->n_others == MAX_OTHERS)
    {
      g_debug ("%s: not monitored any more: its directory is busy", g_file_peek_path (self->file));
      g_file_monitor_cancel (monitor);
    }
}

static void
path_monitor_begin (MkPathMonitor *self, const char *path)
{
  g_autoptr (GFile) directory = NULL;

  self->file = g_file_new_for_path (path);
  directory = g_file_get_parent (self->file);
  if (directory != NULL)
    self->monitor = g_file_monitor_directory (directory, G_FILE_MONITOR_NONE, NULL, NULL);
  g_debug ("%s: %s", path, self->monitor ? "monitored" : "cannot be monitored");
  if (self->monitor == NULL)
    return;

  g_file_monitor_set_rate_limit (self->monitor, 0);
  g_signal_connect (self->monitor, "changed", G_CALLBACK (path_monitor_on_changed), self);
}

/*
 * To be called by each attempt before it looks, so that nothing is missed in between. It begins to monitor if
 * somebody waits, but never in a forked child: GLib has no thread there, and would use what belongs to the
 * parent.
 */
void
mk_path_monitor_prepare (MkPathMonitor *self, const char *path)
{
  if (self->file == NULL && mk_probe_has_wakers (self->probe) && mk_host_get_fork_generation () == 0)
    path_monitor_begin (self, path);
}
