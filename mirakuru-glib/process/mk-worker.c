/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The private thread with every long-lived source of the library. It is started when it is first needed and
 * lives as long as the program; it never runs code of the user, and holds no reference to what the user
 * holds.
 */

#include "mk-worker-private.h"

#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-waker-private.h"
#include "mk-host-private.h"

static GMutex worker_lock;
static GMainContext *worker_context; /* (owned) (nullable) (locked-by worker_lock) */

/* What takes its time, and is done one by one */
typedef struct
{
  GSourceFunc func;
  gpointer data;
} Job;

static GQueue *worker_jobs;       /* (owned) (element-type Job) (locked-by worker_lock) */
static MkWaker *worker_job_waker; /* (owned) */

static gpointer
worker_run (gpointer data)
{
  GMainContext *context = data;

  g_main_context_push_thread_default (context);
  while (TRUE)
    g_main_context_iteration (context, TRUE);

  return NULL;
}

/*
 * In a forked child the thread does not exist; the next process started there gets a new one, and so does one
 * that is started after the program has closed all of its files. The context cannot be freed: it may have
 * been in use when the fork happened.
 */
static void
worker_forget (void)
{
  g_mutex_init (&worker_lock);
  worker_context = NULL;
  worker_jobs = NULL;
}

static gboolean
worker_do_job (gpointer data)
{
  g_autofree Job *job = NULL;

  g_mutex_lock (&worker_lock);
  job = g_queue_pop_head (worker_jobs);
  if (!g_queue_is_empty (worker_jobs))
    mk_waker_wake (worker_job_waker);
  g_mutex_unlock (&worker_lock);

  if (job != NULL)
    job->func (job->data);
  return G_SOURCE_CONTINUE;
}

/* Makes sure that there is a worker. To be called, and to have succeeded, before anything else here. */
gboolean
mk_worker_ensure (GError **error)
{
  static gboolean has_hook; /* (locked-by worker_lock) */
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (GThread) thread = NULL;

  MK_AUTO_LOCK (&worker_lock);

  if (mk_host_has_closed_files ())
    {
      g_debug ("the program has closed all of its files");
      worker_context = NULL;
      worker_jobs = NULL;
      mk_sync_forget ();
    }
  if (worker_context != NULL)
    return TRUE;
  if (!has_hook)
    mk_platform_on_fork (NULL, NULL, worker_forget);
  has_hook = TRUE;

  if (!mk_descriptor_check (error))
    return FALSE;
  context = g_main_context_new ();
  thread = mk_platform_new_thread ("mk-worker", worker_run, context, error);
  if (thread == NULL)
    {
      g_prefix_error (error, _ ("the limit of processes is reached (ulimit -u): "));
      return FALSE;
    }

  worker_jobs = g_queue_new ();
  worker_job_waker = mk_waker_attach (context, "mk-worker job", worker_do_job, NULL, NULL);
  worker_context = g_steal_pointer (&context);
  mk_sync_prepare ();
  return TRUE;
}

/* Returns: whether there ever was anything for it to do in this program */
gboolean
mk_worker_exists (void)
{
  MK_AUTO_LOCK (&worker_lock);

  return worker_context != NULL;
}

GMainContext *
mk_worker_get_context (void)
{
  MK_AUTO_LOCK (&worker_lock);

  g_assert (worker_context != NULL);
  return worker_context;
}

/* Not g_main_context_invoke(), which may run @func in the calling thread. */
void
mk_worker_invoke (GSourceFunc func, gpointer data)
{
  MkWaker *source = mk_waker_attach (mk_worker_get_context (), "mk-worker order", func, data, NULL);

  mk_waker_wake (source);
  mk_waker_unref (source);
}

/* Of many that are given at once, each waits until what has happened meanwhile is dealt with. */
void
mk_worker_add_job (GSourceFunc func, gpointer data)
{
  Job *job = g_new (Job, 1);

  job->func = func;
  job->data = data;

  MK_AUTO_LOCK (&worker_lock);

  g_queue_push_tail (worker_jobs, job);
  mk_waker_wake (worker_job_waker);
}
