/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs an asynchronous operation synchronously, on a context of its own that is the thread's default while it
 * lasts. Nothing of the caller's context is run meanwhile.
 *
 * GLib ends the program where it has no file descriptor for a context, or cannot make the thread that comes
 * with its first task, so it is tried first whether that can be done. A program that has none left must be
 * able to stop its services all the same: one context is kept for that. Each is used only once, because an
 * operation may leave sources behind.
 */

#include "mk-sync-private.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mk-descriptor-private.h"
#include "mk-i18n-private.h"

/* How often, and how long each time, the end of a thread is waited for */
#define TRIAL_ROUNDS   100
#define TRIAL_PAUSE_US 100

static GMainContext *spare_context; /* (owned) (nullable) (atomic) */

/* Its file descriptor is the parent's, too. */
static void
sync_forget_spare (void)
{
  spare_context = NULL;
}

/* Keeps a context for the next operation, if that is possible. */
void
mk_sync_prepare (void)
{
  static gsize has_hook;
  GMainContext *context;

  if (g_once_init_enter (&has_hook))
    {
      pthread_atfork (NULL, NULL, sync_forget_spare);
      g_once_init_leave (&has_hook, 1);
    }

  if (g_atomic_pointer_get (&spare_context) != NULL || !mk_descriptor_check (NULL))
    return;

  context = g_main_context_new ();
  if (!g_atomic_pointer_compare_and_exchange (&spare_context, NULL, context))
    g_main_context_unref (context);
}

static gpointer
sync_try_thread (gpointer data)
{
  return GINT_TO_POINTER (syscall (SYS_gettid));
}

/* Makes sure that there can be a GTask, in the calling thread or in another one. */
gboolean
mk_sync_ensure_tasks (GError **error)
{
  GThread *thread;
  int id;

  if (g_type_from_name ("GTask") != 0)
    return TRUE;

  thread = g_thread_try_new ("mk-trial", sync_try_thread, NULL, error);
  if (thread == NULL)
    {
      g_prefix_error (error, _ ("the limit of processes is reached (ulimit -u): "));
      return FALSE;
    }

  id = GPOINTER_TO_INT (g_thread_join (thread));
  /* It counts for a moment more. */
  for (guint i = 0; i < TRIAL_ROUNDS && syscall (SYS_tgkill, getpid (), id, 0) == 0; i++)
    g_usleep (TRIAL_PAUSE_US);
  g_type_ensure (G_TYPE_TASK);
  return TRUE;
}

gboolean
mk_sync_begin (MkSync *self, GError **error)
{
  if (!mk_sync_ensure_tasks (error))
    return FALSE;

  self->result = NULL;
  self->context = g_atomic_pointer_exchange (&spare_context, NULL);
  if (self->context == NULL)
    {
      if (!mk_descriptor_check (error))
        {
          g_prefix_error (error, _ ("No file descriptor is left for a synchronous call: "));
          return FALSE;
        }
      self->context = g_main_context_new ();
    }

  g_main_context_push_thread_default (self->context);
  return TRUE;
}

void
mk_sync_callback (GObject *object, GAsyncResult *result, gpointer user_data)
{
  MkSync *self = user_data;

  self->result = g_object_ref (result);
}

/* Returns: (transfer none) */
GAsyncResult *
mk_sync_wait (MkSync *self)
{
  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);

  return self->result;
}

void
mk_sync_end (MkSync *self)
{
  g_clear_object (&self->result);
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
  mk_sync_prepare ();
}
