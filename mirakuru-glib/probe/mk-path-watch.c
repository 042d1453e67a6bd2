/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Wakes a probe when something happens to a path: it appears, goes, or is replaced. The path need not exist,
 * nor its folder: what is watched is the nearest folder above it that does, until the next one appears.
 *
 * This is inotify itself, not GFileMonitor, which holds its news back for some milliseconds, and looks for a
 * folder that is not there every four seconds only. There is one inotify instance for the program, which is
 * never closed, because closing one takes up to 20 ms. Where nothing can be watched (no descriptor or no
 * watch is left, a folder may not be read, a symbolic link leads elsewhere) nothing is told: the timer of the
 * poller finds the file then, a little later.
 *
 * Threads: mk_path_watch_follow() is called by the checks of the probe, in the context of whoever asks; the
 * worker reads the news and wakes the probe. One lock guards it all, for it
 * is held for moments only and never while other code is called.
 */

#include "mk-path-watch-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "mk-probe-private.h"
#include "process/mk-worker-private.h"

#define EVENTS                                                                                               \
  (IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF |            \
   IN_MOVE_SELF | IN_ONLYDIR)
/* A folder that comes and goes while we look for it must not keep us for ever. */
#define MAX_LOOKS 8

struct _MkPathWatch
{
  MkProbe *probe;     /* (unowned) it owns this */
  guint generation;   /* (locked-by lock) of the instance that watches */
  char *path;         /* (owned) (nullable) (locked-by lock) */
  char *awaited;      /* (owned) (nullable) (locked-by lock) the name in the folder that counts */
  int wd;             /* (locked-by lock) of the folder, −1 if none is watched */
  gboolean is_parent; /* (locked-by lock) the folder is the one that the path is in */
  gboolean stale;     /* (locked-by lock) perhaps another folder is the nearest now */
};

static GMutex lock;
static int instance = -1;   /* (locked-by lock) */
static guint generation;    /* (locked-by lock) changes with the instance */
static GHashTable *watches; /* (owned) (nullable) (locked-by lock) wd → GPtrArray of MkPathWatch */

/* ---- the instance ---- */

/* @name: (nullable): of the file in the folder, %NULL for the folder itself */
static void
wake_those (GPtrArray *those, const char *name)
{
  for (guint i = 0; i < those->len; i++)
    {
      MkPathWatch *watch = g_ptr_array_index (those, i);

      if (name != NULL && !g_str_equal (name, watch->awaited))
        continue;

      watch->stale = watch->stale || name == NULL || !watch->is_parent;
      mk_probe_wake (watch->probe);
    }
}

static void
note_event (const struct inotify_event *event)
{
  GPtrArray *those = g_hash_table_lookup (watches, GINT_TO_POINTER (event->wd));
  GHashTableIter iter;
  gpointer value;

  if (those != NULL)
    wake_those (those, event->len > 0 ? event->name : NULL);
  if ((event->mask & IN_Q_OVERFLOW) == 0)
    return;

  g_hash_table_iter_init (&iter, watches);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    wake_those (value, NULL);
}

/* On the worker */
static gboolean
on_events (int fd, GIOCondition condition, gpointer user_data)
{
  union
  {
    struct inotify_event event;
    char bytes[16384];
  } buffer;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  ssize_t n = read (fd, &buffer, sizeof buffer);
  ssize_t at = 0;

  while (at < n)
    {
      const struct inotify_event *event = (const struct inotify_event *) (buffer.bytes + at);

      note_event (event);
      at += (ssize_t) (sizeof *event + event->len);
    }

  return G_SOURCE_CONTINUE;
}

/* The worker of the parent does not exist in a forked child, and the instance is the parent's. */
static void
forget_instance (void)
{
  g_mutex_init (&lock);
  if (instance >= 0)
    close (instance);
  instance = -1;
  generation++;
  watches = NULL;
}

static void
forget_instance_in_children (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;

  pthread_atfork (NULL, NULL, forget_instance);
  g_once_init_leave (&done, 1);
}

/* Call with the lock held. */
static gboolean
ensure_instance (void)
{
  g_autoptr (GSource) source = NULL;

  if (instance >= 0)
    return TRUE;
  if (!mk_worker_ensure (NULL))
    return FALSE;

  forget_instance_in_children ();
  instance = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (instance < 0)
    return FALSE;

  watches = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  source = g_unix_fd_source_new (instance, G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (on_events), NULL, NULL);
  g_source_attach (source, mk_worker_get_context ());
  return TRUE;
}

/* ---- one watch; call with the lock held ---- */

static void
release_folder (MkPathWatch *self)
{
  int wd = self->wd;
  GPtrArray *those;

  self->wd = -1;
  if (wd < 0 || self->generation != generation)
    return;

  those = g_hash_table_lookup (watches, GINT_TO_POINTER (wd));
  g_ptr_array_remove_fast (those, self);
  if (those->len > 0)
    return;

  g_hash_table_remove (watches, GINT_TO_POINTER (wd));
  inotify_rm_watch (instance, wd);
}

static void
adopt_folder (MkPathWatch *self, int wd)
{
  GPtrArray *those = g_hash_table_lookup (watches, GINT_TO_POINTER (wd));

  if (those == NULL)
    {
      those = g_ptr_array_new ();
      g_hash_table_insert (watches, GINT_TO_POINTER (wd), those);
    }
  g_ptr_array_add (those, self);
  self->wd = wd;
  self->generation = generation;
}

/* Watches the nearest folder above the path. Returns: FALSE if the next one has appeared meanwhile */
static gboolean
look_for_folder (MkPathWatch *self)
{
  g_autofree char *folder = g_path_get_dirname (self->path);
  g_autofree char *child = g_strdup (self->path);
  int wd;

  self->is_parent = TRUE;
  while ((wd = inotify_add_watch (instance, folder, EVENTS)) < 0 && (errno == ENOENT || errno == ENOTDIR) &&
         !g_str_equal (folder, "/") && !g_str_equal (folder, "."))
    {
      g_free (child);
      child = folder;
      folder = g_path_get_dirname (child);
      self->is_parent = FALSE;
    }

  g_free (self->awaited);
  self->awaited = g_path_get_basename (child);
  if (wd >= 0)
    adopt_folder (self, wd);
  return wd < 0 || self->is_parent || !g_file_test (child, G_FILE_TEST_IS_DIR);
}

static void
arm (MkPathWatch *self)
{
  for (guint i = 0; i < MAX_LOOKS; i++)
    {
      release_folder (self);
      if (look_for_folder (self))
        break;
    }

  self->stale = FALSE;
}

/* ---- for probes ---- */

MkPathWatch *
mk_path_watch_new (MkProbe *probe)
{
  MkPathWatch *self = g_new0 (MkPathWatch, 1);

  self->probe = probe;
  self->wd = -1;
  return self;
}

void
mk_path_watch_free (MkPathWatch *self)
{
  mk_path_watch_stop (self);
  g_free (self);
}

/* Call with the lock held. Returns: whether there is nothing to do */
static gboolean
is_following (MkPathWatch *self, const char *path)
{
  return self->generation == generation && !self->stale && g_strcmp0 (self->path, path) == 0;
}

/*
 * To be called by each check before it looks, so that nothing is missed in between. Does nothing unless
 * somebody waits for the probe to wake up.
 */
void
mk_path_watch_follow (MkPathWatch *self, const char *path)
{
  g_autoptr (GMutexLocker) locker = NULL;

  if (!mk_probe_has_wakers (self->probe))
    return;

  locker = g_mutex_locker_new (&lock);
  if (is_following (self, path) || !ensure_instance ())
    return;

  if (g_strcmp0 (self->path, path) != 0)
    {
      g_free (self->path);
      self->path = g_strdup (path);
    }
  arm (self);
  self->generation = generation;
}

void
mk_path_watch_stop (MkPathWatch *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  release_folder (self);
  g_clear_pointer (&self->awaited, g_free);
  g_clear_pointer (&self->path, g_free);
}
