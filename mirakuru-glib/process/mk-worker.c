/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The private thread with every long-lived source of the library. It is started when it is first needed and
 * lives as long as the program; it never runs code of the user, and holds no reference to what the user
 * holds.
 */

#include "mk-worker-private.h"

#include <signal.h>

#include "mk-host-private.h"
#include "base/mk-resources-private.h"
#include "base/mk-wake-source-private.h"

/* For the contexts of this thread and of GLib's own. */
#define NEEDED_DESCRIPTORS 6

static GMutex worker_lock;
static GMainContext *worker_context; /* (owned) (nullable) (locked-by worker_lock) */

static gpointer
worker_run (gpointer data)
{
  GMainContext *context = data;

  g_main_context_push_thread_default (context);
  while (TRUE)
    g_main_context_iteration (context, TRUE);

  return NULL;
}

/* Makes sure that there is a worker. To be called, and to have succeeded, before anything else here. */
gboolean
mk_worker_ensure (GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&worker_lock);
  sigset_t all, before;

  /* A fork must find the hook that makes its child forget this thread. */
  mk_host_ensure ();
  if (worker_context != NULL)
    return TRUE;
  if (!mk_resources_check_descriptors (NEEDED_DESCRIPTORS, error) || !mk_resources_check_thread (error))
    return FALSE;

  /* Signals are for the threads of the program. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  worker_context = g_main_context_new ();
  g_thread_unref (g_thread_new ("mk-worker", worker_run, worker_context));
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return TRUE;
}

GMainContext *
mk_worker_get_context (void)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&worker_lock);

  g_assert (worker_context != NULL);
  return worker_context;
}

/* Not g_main_context_invoke(), which may run @func in the calling thread. */
void
mk_worker_invoke (GSourceFunc func, gpointer data)
{
  MkWakeSource *source =
      mk_wake_source_attach (mk_worker_get_context (), "mk-worker order", func, data, NULL);

  mk_wake_source_wake (source);
  mk_wake_source_unref (source);
}

/*
 * In a forked child the thread does not exist; the next process started there gets a new one. The context
 * cannot be freed: it may have been in use when the fork happened.
 */
void
mk_worker_forget (void)
{
  g_mutex_init (&worker_lock);
  worker_context = NULL;
}
