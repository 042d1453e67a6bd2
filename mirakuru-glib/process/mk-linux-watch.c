/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only: one source for all descriptors that the worker watches. A source for each would make each turn
 * of its loop longer with each service, and the starts of many services at once take the square of the time.
 *
 * Threads: everything happens on the worker.
 */

#include "mk-watch-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/epoll.h>

#include "mk-worker-private.h"

/* So that orders have their turn, too */
#define CALLS_PER_DISPATCH 64
/* How often to look at what the kernel has no room for */
#define POLL_INTERVAL_US (10 * G_TIME_SPAN_MILLISECOND)

typedef struct _WatchSource WatchSource;

struct _MkWatch
{
  WatchSource *source; /* (unowned) */
  int fd;
  MkWatchFunc func;
  gpointer data;      /* (unowned) */
  gboolean is_polled; /* the kernel has no room for it */
};

struct _WatchSource
{
  GSource source;
  int epoll_fd;
  gpointer tag;
  gboolean is_broken;  /* there are watches that it does not know, or the other way round */
  GHashTable *watches; /* (owned) (element-type MkWatch) */
  guint n_polled;      /* of them */
};

static WatchSource *watch_source; /* (owned) (nullable) */

static void
watch_set_polled (MkWatch *self, gboolean is_polled)
{
  if (is_polled && !self->is_polled)
    self->source->n_polled++;
  else if (!is_polled && self->is_polled)
    self->source->n_polled--;
  self->is_polled = is_polled;
}

/* Returns: FALSE if one of the two is not what it was */
static gboolean
watch_add (MkWatch *self)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = self };
  gboolean is_known = epoll_ctl (self->source->epoll_fd, EPOLL_CTL_ADD, self->fd, &event) == 0;

  /* A user may have so many watches, and no more: /proc/sys/fs/epoll/max_user_watches. */
  watch_set_polled (self, !is_known && (errno == ENOSPC || errno == ENOMEM || self->source->epoll_fd < 0));
  return is_known || self->is_polled;
}

static void
watch_source_open (WatchSource *self)
{
  self->is_broken = FALSE;
  g_source_set_ready_time (&self->source, -1);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->tag = self->epoll_fd >= 0 ? g_source_add_unix_fd (&self->source, self->epoll_fd, G_IO_IN) : NULL;
}

/* The program has closed descriptors that are not its own. Who finds that its own is gone, too, says so. The
 * old one is not closed: it may be the program's by now. */
static void
watch_source_reopen (WatchSource *self)
{
  g_autofree gpointer *watches = g_hash_table_get_keys_as_array (self->watches, NULL);

  g_debug ("the descriptors of services are watched anew");
  if (self->tag != NULL)
    g_source_remove_unix_fd (&self->source, self->tag);
  watch_source_open (self);
  for (guint i = 0; watches[i] != NULL; i++)
    {
      MkWatch *watch = watches[i];

      if (g_hash_table_contains (self->watches, watch) && !watch_add (watch))
        watch->func (watch->data);
    }
}

/* Looks at those that the kernel has no room for, and tries again. */
static void
watch_source_poll (WatchSource *self)
{
  g_autofree gpointer *watches = g_hash_table_get_keys_as_array (self->watches, NULL);

  if (self->epoll_fd < 0)
    watch_source_open (self);
  for (guint i = 0; watches[i] != NULL; i++)
    {
      MkWatch *watch = watches[i];

      if (!g_hash_table_contains (self->watches, watch) || !watch->is_polled)
        continue;
      self->is_broken = self->is_broken || !watch_add (watch);
      watch->func (watch->data);
    }
}

static void
watch_source_poll_later (WatchSource *self)
{
  if (self->n_polled > 0)
    g_source_set_ready_time (&self->source, g_get_monotonic_time () + POLL_INTERVAL_US);
  else
    g_source_set_ready_time (&self->source, -1);
}

/* One event at a time: a call may free other watches. */
static gboolean
watch_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  WatchSource *self = (WatchSource *) source;
  int n = self->epoll_fd >= 0 ? 1 : 0;

  if (self->n_polled > 0)
    watch_source_poll (self);
  for (guint i = 0; i < CALLS_PER_DISPATCH && n == 1 && !self->is_broken; i++)
    {
      struct epoll_event event;
      MkWatch *watch;

      n = epoll_wait (self->epoll_fd, &event, 1, 0);
      watch = n == 1 ? event.data.ptr : NULL;
      if ((n == 1 && !g_hash_table_contains (self->watches, watch)) || (n < 0 && errno != EINTR))
        self->is_broken = TRUE;
      else if (n == 1)
        watch->func (watch->data);
    }
  if (self->is_broken)
    watch_source_reopen (self);
  watch_source_poll_later (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_source_funcs = { NULL, NULL, watch_source_dispatch, NULL, NULL, NULL };

/* There is a new worker in a forked child, which shares the old descriptor with its parent, or after the
 * program has closed all of its files. */
static void
watch_source_ensure (void)
{
  GSource *source;

  if (watch_source != NULL && g_source_get_context (&watch_source->source) == mk_worker_get_context ())
    return;

  source = g_source_new (&watch_source_funcs, sizeof (WatchSource));
  g_source_set_static_name (source, "mk-worker watch");
  watch_source = (WatchSource *) source;
  watch_source->watches = g_hash_table_new (NULL, NULL);
  watch_source_open (watch_source);
  g_source_attach (source, mk_worker_get_context ());
}

/* @func: called whenever there is something to read, an end or an error */
MkWatch *
mk_watch_new (int fd, MkWatchFunc func, gpointer data)
{
  MkWatch *self = g_new (MkWatch, 1);

  watch_source_ensure ();
  *self = (MkWatch){ .source = watch_source, .fd = fd, .func = func, .data = data };
  g_hash_table_add (watch_source->watches, self);
  watch_source->is_broken = !watch_add (self) || watch_source->is_broken;
  if (watch_source->is_broken || self->is_polled)
    g_source_set_ready_time (&watch_source->source, 0);
  return self;
}

/* Before the descriptor is closed */
void
mk_watch_free (MkWatch *self)
{
  if (g_hash_table_remove (self->source->watches, self) && !self->is_polled)
    epoll_ctl (self->source->epoll_fd, EPOLL_CTL_DEL, self->fd, NULL);
  else
    watch_set_polled (self, FALSE);
  g_free (self);
}
