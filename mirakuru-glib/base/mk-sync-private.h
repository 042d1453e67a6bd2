/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  GMainContext *context; /* (owned) */
  GAsyncResult *result;  /* (owned) (nullable) */
} MkSync;

void mk_sync_prepare (void);
void mk_sync_forget (void);

gboolean mk_sync_begin (MkSync *self, GError **error);
void mk_sync_callback (GObject *object, GAsyncResult *result, gpointer user_data);
GAsyncResult *mk_sync_wait (MkSync *self);
void mk_sync_end (MkSync *self);

/* The synchronous form of an operation is the asynchronous one on a context of its own. */
#define MK_SYNC(operation, self, error, ...)                                                                 \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    MkSync _sync;                                                                                            \
    gboolean _done;                                                                                          \
                                                                                                             \
    if (!mk_sync_begin (&_sync, error))                                                                      \
      return FALSE;                                                                                          \
    operation##_async (self, __VA_ARGS__, mk_sync_callback, &_sync);                                         \
    _done = operation##_finish (self, mk_sync_wait (&_sync), error);                                         \
    mk_sync_end (&_sync);                                                                                    \
    return _done;                                                                                            \
  }                                                                                                          \
  G_STMT_END

G_END_DECLS
