/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs an asynchronous operation synchronously, on a context of its own that is the thread's default while it
 * lasts. Nothing of the caller's context is run meanwhile.
 */

#include "mk-sync-private.h"

#include "mk-i18n-private.h"
#include "mk-resources-private.h"

gboolean
mk_sync_begin (MkSync *self, GError **error)
{
  if (!mk_resources_check_descriptors (2, error))
    {
      g_prefix_error (error, _ ("No file descriptor is left for a synchronous call: "));
      return FALSE;
    }

  self->result = NULL;
  self->context = g_main_context_new ();
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
}
