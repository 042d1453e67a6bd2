/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without the option linux_features: a source for each descriptor that the worker watches.
 *
 * Threads: everything happens on the worker.
 */

#include "mk-watch-private.h"

#include <glib-unix.h>

#include "mk-worker-private.h"

struct _MkWatch
{
  GSource *source; /* (owned) */
  MkWatchFunc func;
  gpointer data; /* (unowned) */
};

static gboolean
watch_on_ready (int fd, GIOCondition condition, gpointer user_data)
{
  MkWatch *self = user_data;

  self->func (self->data);
  return G_SOURCE_CONTINUE;
}

/* @func: called whenever there is something to read, an end or an error */
MkWatch *
mk_watch_new (int fd, MkWatchFunc func, gpointer data)
{
  MkWatch *self = g_new (MkWatch, 1);

  self->source = g_unix_fd_source_new (fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
  self->func = func;
  self->data = data;
  g_source_set_callback (self->source, G_SOURCE_FUNC (watch_on_ready), self, NULL);
  g_source_attach (self->source, mk_worker_get_context ());
  return self;
}

/* Before the descriptor is closed */
void
mk_watch_free (MkWatch *self)
{
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_free (self);
}
