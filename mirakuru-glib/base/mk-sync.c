/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs an asynchronous operation synchronously, on a context of its own that is the thread's default while it
 * lasts. Nothing of the caller's context is run meanwhile.
 *
 * GLib ends the program where it has no file descriptor for a context, so it is tried first whether there is
 * one. A program that has none left must be able to stop its services all the same: one context is kept for
 * that, and not used as long as there is another. Each is used only once, because an operation may leave
 * sources behind.
 */

#include "mk-sync-private.h"

#include "mk-descriptor-private.h"
#include "mk-i18n-private.h"
#include "mk-platform-private.h"

static GMainContext *spare_context; /* (owned) (nullable) (atomic) */

/* Its file descriptor is the parent's, too, or the program has closed it. */
void
mk_sync_forget (void)
{
  g_atomic_pointer_set (&spare_context, NULL);
}

/* Keeps a context for the next operation, if that is possible. */
void
mk_sync_prepare (void)
{
  static gsize has_hook;
  GMainContext *context;

  if (g_once_init_enter (&has_hook))
    {
      mk_platform_on_fork (NULL, NULL, mk_sync_forget);
      g_once_init_leave (&has_hook, 1);
    }

  if (g_atomic_pointer_get (&spare_context) != NULL || !mk_descriptor_check (NULL))
    return;

  context = g_main_context_new ();
  if (!g_atomic_pointer_compare_and_exchange (&spare_context, NULL, context))
    g_main_context_unref (context);
}

gboolean
mk_sync_begin (MkSync *self, GError **error)
{
  g_autoptr (GError) cause = NULL;

  self->result = NULL;
  if (mk_descriptor_check (&cause))
    self->context = g_main_context_new ();
  else
    self->context = g_atomic_pointer_exchange (&spare_context, NULL);
  if (self->context == NULL)
    {
      g_propagate_prefixed_error (
          error, g_steal_pointer (&cause), _ ("No file descriptor is left for a synchronous call: "));
      return FALSE;
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
