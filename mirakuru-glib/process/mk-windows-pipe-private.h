/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows only. */

#pragma once

#include <gio/gio.h>
#include <windows.h>

G_BEGIN_DECLS

typedef struct _MkPipe MkPipe;

/* Called in the worker. @length: 0 at the end */
typedef void (*MkPipeFunc) (gpointer data, guint number, const guint8 *bytes, gsize length);
/* Returns: how many bytes are wanted for now, 0 until mk_pipe_resume() is called */
typedef gsize (*MkPipeRoomFunc) (gpointer data, guint number);

HANDLE mk_pipe_create (DWORD access, char **name, GError **error);

MkPipe *mk_pipe_new (HANDLE handle, MkPipeRoomFunc room, MkPipeFunc func, gpointer data, guint number);
void mk_pipe_resume (MkPipe *self);
void mk_pipe_read_now (MkPipe *self);
gboolean mk_pipe_has_ended (MkPipe *self, gboolean is_final);
gboolean mk_pipe_write (HANDLE handle, gconstpointer bytes, gsize length);
void mk_pipe_free (MkPipe *self);

G_END_DECLS
