/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MkCapture MkCapture;

/* Called in the worker with all that comes, as it comes, and with @length 0 at the end. */
typedef void (*MkCaptureFunc) (const guint8 *data, gsize length, gpointer user_data);

MkCapture *mk_capture_new (gsize limit);
MkCapture *mk_capture_ref (MkCapture *self);
void mk_capture_unref (MkCapture *self);

void mk_capture_append (MkCapture *self, const guint8 *data, gsize length);
void mk_capture_close (MkCapture *self);

void mk_capture_begin_hold (MkCapture *self);
gboolean mk_capture_move_hold (MkCapture *self, guint64 position);
gsize mk_capture_get_room (MkCapture *self);

gssize mk_capture_read (MkCapture *self, guint64 *position, void *buffer, gsize count);
gboolean mk_capture_is_readable (MkCapture *self, guint64 position);
gboolean
mk_capture_wait_readable (MkCapture *self, guint64 position, GCancellable *cancellable, GError **error);
GBytes *mk_capture_dup_bytes (MkCapture *self);
char *mk_capture_dup_last_lines (MkCapture *self, guint max_lines, gsize max_bytes);

gboolean mk_capture_set_watcher (MkCapture *self, MkCaptureFunc func, gpointer data, GDestroyNotify destroy);
void mk_capture_set_beginning (MkCapture *self, guint64 position);
guint64 mk_capture_get_beginning (MkCapture *self);
void mk_capture_add_waker (MkCapture *self, GSource *waker);
void mk_capture_remove_waker (MkCapture *self, GSource *waker);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkCapture, mk_capture_unref)

G_END_DECLS
