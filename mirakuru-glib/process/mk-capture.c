/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The newest bytes that a service wrote to one of its streams.
 *
 * The worker appends, any thread reads. Bytes have positions, counted from the first one written; a reader
 * that is too slow goes on at the oldest byte that is still there. Nothing here ever makes the service wait.
 */

#include "mk-capture-private.h"

#include <string.h>

#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-waker-private.h"

#define FIRST_CAPACITY 4096
/* What is looked at beside the text itself */
#define MAX_CONTROL_BYTES 16384

struct _MkCapture
{
  gatomicrefcount ref_count;
  gsize limit;           /* 0: none */
  MkCaptureFunc watcher; /* (nullable) does not change once the service is spawned */
  gpointer watcher_data; /* (owned) by way of watcher_destroy */
  GDestroyNotify watcher_destroy;

  GMutex lock;
  GCond changed;

  guint8 *ring;      /* (owned) (nullable) (locked-by lock) */
  gsize capacity;    /* (locked-by lock) */
  gsize start;       /* (locked-by lock) of the oldest byte in the ring */
  gsize length;      /* (locked-by lock) */
  guint64 total;     /* (locked-by lock) bytes ever written */
  guint64 beginning; /* (locked-by lock) where readers begin */
  guint64 hold;     /* (locked-by lock) what is kept from here on, whatever the limit; G_MAXUINT64: nothing */
  gboolean is_full; /* (locked-by lock) because of that */
  gboolean closed;  /* (locked-by lock) */
  GPtrArray *wakers; /* (owned) (element-type GSource) (locked-by lock) that others own */
};

/* @limit: how many bytes to keep, 0 for all */
MkCapture *
mk_capture_new (gsize limit)
{
  MkCapture *self = g_new0 (MkCapture, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->limit = limit;
  self->hold = G_MAXUINT64;
  self->wakers = g_ptr_array_new ();
  return self;
}

MkCapture *
mk_capture_ref (MkCapture *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_capture_unref (MkCapture *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->watcher != NULL)
    self->watcher_destroy (self->watcher_data);
  g_ptr_array_unref (self->wakers);
  g_free (self->ring);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
capture_copy_out (MkCapture *self, gsize offset, void *buffer, gsize count)
{
  gsize begin = (self->start + offset) % MAX (self->capacity, 1);
  gsize first = MIN (count, self->capacity - begin);

  if (count == 0)
    return;
  memcpy (buffer, self->ring + begin, first);
  memcpy ((guint8 *) buffer + first, self->ring, count - first);
}

/* @limit: 0 for none */
static void
capture_make_room (MkCapture *self, gsize extra, gsize limit)
{
  gsize wanted = self->length + extra;
  gsize capacity = MAX (self->capacity, FIRST_CAPACITY);
  guint8 *ring;

  if (wanted <= self->capacity || (limit != 0 && self->capacity >= limit))
    return;

  while (capacity < wanted)
    capacity *= 2;
  if (limit != 0 && capacity > limit)
    capacity = limit;

  ring = g_malloc (capacity);
  capture_copy_out (self, 0, ring, self->length);
  g_free (self->ring);
  self->ring = ring;
  self->capacity = capacity;
  self->start = 0;
}

static void
capture_drop_oldest (MkCapture *self, gsize count)
{
  self->start = (self->start + count) % self->capacity;
  self->length -= count;
}

static void
capture_wake_all (MkCapture *self)
{
  for (guint i = 0; i < self->wakers->len; i++)
    g_source_set_ready_time (g_ptr_array_index (self->wakers, i), 0);

  g_cond_broadcast (&self->changed);
}

static void
capture_append (MkCapture *self, const guint8 *data, gsize length)
{
  MK_AUTO_LOCK (&self->lock);
  gsize limit = self->limit;
  gsize end, first;

  if (length == 0)
    return;

  self->total += length;
  if (limit != 0 && self->hold < self->total)
    limit = MAX (limit, self->total - self->hold);
  if (limit != 0 && length > limit)
    {
      data += length - limit;
      length = limit;
    }

  capture_make_room (self, length, limit);
  if (self->length + length > self->capacity)
    capture_drop_oldest (self, self->length + length - self->capacity);

  end = (self->start + self->length) % self->capacity;
  first = MIN (length, self->capacity - end);
  memcpy (self->ring + end, data, first);
  memcpy (self->ring, data + first, length - first);
  self->length += length;

  capture_wake_all (self);
}

void
mk_capture_append (MkCapture *self, const guint8 *data, gsize length)
{
  capture_append (self, data, length);
  if (self->watcher != NULL)
    self->watcher (data, length, self->watcher_data);
}

/* End of file. */
void
mk_capture_close (MkCapture *self)
{
  gboolean was_closed;

  g_mutex_lock (&self->lock);
  was_closed = self->closed;
  self->closed = TRUE;
  capture_wake_all (self);
  g_ptr_array_set_size (self->wakers, 0);
  g_mutex_unlock (&self->lock);

  if (self->watcher != NULL && !was_closed)
    self->watcher (NULL, 0, self->watcher_data);
}

/* See mk_process_watch_output(). Returns: FALSE if there is one already */
gboolean
mk_capture_set_watcher (MkCapture *self, MkCaptureFunc func, gpointer data, GDestroyNotify destroy)
{
  if (self->watcher != NULL)
    return FALSE;

  self->watcher = func;
  self->watcher_data = data;
  self->watcher_destroy = destroy;
  return TRUE;
}

/* Readers that begin from now on begin at @position. */
void
mk_capture_set_beginning (MkCapture *self, guint64 position)
{
  MK_AUTO_LOCK (&self->lock);

  self->beginning = position;
}

guint64
mk_capture_get_beginning (MkCapture *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->beginning;
}

/* From now on, nothing that was not read is dropped: whoever appends has to respect mk_capture_get_room(). */
void
mk_capture_begin_hold (MkCapture *self)
{
  MK_AUTO_LOCK (&self->lock);

  self->hold = self->total;
}

/*
 * @position: up to which all was read; G_MAXUINT64 to hold nothing any more
 *
 * Returns: whether there is room again
 */
gboolean
mk_capture_move_hold (MkCapture *self, guint64 position)
{
  MK_AUTO_LOCK (&self->lock);
  gboolean was_full = self->is_full;

  if (self->hold == G_MAXUINT64)
    return FALSE;

  self->hold = position;
  if (position == G_MAXUINT64 || self->total - position <= self->limit / 2)
    self->is_full = FALSE;
  return was_full && !self->is_full;
}

/* Returns: how many bytes may be appended. Once that is 0, mk_capture_move_hold() says when there is room. */
gsize
mk_capture_get_room (MkCapture *self)
{
  MK_AUTO_LOCK (&self->lock);
  gsize used;

  if (self->limit == 0 || self->hold == G_MAXUINT64)
    return G_MAXSIZE;

  used = self->total - self->hold;
  self->is_full = self->is_full || used >= self->limit;
  return self->is_full ? 0 : self->limit - used;
}

static gboolean
capture_is_readable (MkCapture *self, guint64 position)
{
  return self->closed || position < self->total;
}

gboolean
mk_capture_is_readable (MkCapture *self, guint64 position)
{
  MK_AUTO_LOCK (&self->lock);

  return capture_is_readable (self, position);
}

/*
 * Copies what follows @position and moves it on.
 *
 * Returns: the number of bytes, 0 at the end of the stream, -1 if there is nothing yet
 */
gssize
mk_capture_read (MkCapture *self, guint64 *position, void *buffer, gsize count)
{
  MK_AUTO_LOCK (&self->lock);
  guint64 oldest = self->total - self->length;
  gsize offset;

  if (*position >= self->total)
    return self->closed ? 0 : -1;

  offset = *position > oldest ? (gsize) (*position - oldest) : 0;
  count = MIN (count, self->length - offset);
  capture_copy_out (self, offset, buffer, count);
  *position = oldest + offset + count;
  return (gssize) count;
}

static void
capture_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  MkCapture *self = user_data;
  MK_AUTO_LOCK (&self->lock);

  g_cond_broadcast (&self->changed);
}

/* Blocks. */
gboolean
mk_capture_wait_readable (MkCapture *self, guint64 position, GCancellable *cancellable, GError **error)
{
  gulong handler = 0;
  gboolean readable;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (capture_on_cancelled), self, NULL);

  g_mutex_lock (&self->lock);
  while (!(readable = capture_is_readable (self, position)) && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);

  g_cancellable_disconnect (cancellable, handler);
  return readable || !g_cancellable_set_error_if_cancelled (cancellable, error);
}

/* Returns: (transfer full): all that is kept */
GBytes *
mk_capture_dup_bytes (MkCapture *self)
{
  MK_AUTO_LOCK (&self->lock);
  guint8 *data = g_malloc (self->length);

  capture_copy_out (self, 0, data, self->length);
  return g_bytes_new_take (data, self->length);
}

/*
 * Progress bars and colours may take most of what is looked at.
 *
 * Returns: (transfer full) (nullable): text for a message, valid UTF-8, without control sequences, empty
 * lines at its ends and white space at its end
 */
char *
mk_capture_dup_last_lines (MkCapture *self, guint max_lines, gsize max_bytes)
{
  g_autofree char *tail = NULL;
  g_autofree char *text = NULL;
  g_autofree char *clean = NULL;
  const char *begin;
  gsize length;

  g_mutex_lock (&self->lock);
  length = MIN (max_bytes + MAX_CONTROL_BYTES, self->length);
  tail = g_malloc (length + 1);
  capture_copy_out (self, self->length - length, tail, length);
  g_mutex_unlock (&self->lock);

  text = g_utf8_make_valid (tail, (gssize) length);
  clean = mk_message_clean (text);
  g_strchomp (clean);
  length = strlen (clean);
  for (begin = clean + length; begin > clean && (gsize) (clean + length - begin) < max_bytes; begin--)
    {
      if (begin[-1] == '\n' && --max_lines == 0)
        break;
    }
  while (*begin != '\0' && (*begin == '\n' || ((guchar) *begin & 0xc0) == 0x80))
    begin++;

  return *begin != '\0' ? g_strdup (begin) : NULL;
}

/*
 * @waker: a source; woken at each change from now on, until it is removed. That has to be before its context
 * may go, so there is no reference to it here: it would be dropped at any time.
 */
void
mk_capture_add_waker (MkCapture *self, GSource *waker)
{
  MK_AUTO_LOCK (&self->lock);

  if (!self->closed)
    g_ptr_array_add (self->wakers, waker);
}

void
mk_capture_remove_waker (MkCapture *self, GSource *waker)
{
  MK_AUTO_LOCK (&self->lock);

  g_ptr_array_remove_fast (self->wakers, waker);
}
