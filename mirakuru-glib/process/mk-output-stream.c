/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input stream over a capture: what is kept, then what comes, then end of file. It is pollable, so that
 * GIO reads it asynchronously without a thread. It tells its position, so that a reader sees what it has
 * missed.
 */

#include "mk-output-stream-private.h"

#include "base/mk-i18n-private.h"

struct _MkOutputStream
{
  GInputStream parent_instance;

  MkCapture *capture; /* (owned) */
  guint64 position;
};

static void mk_output_stream_pollable_init (GPollableInputStreamInterface *iface);
static void mk_output_stream_seekable_init (GSeekableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkOutputStream,
                               mk_output_stream,
                               G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      mk_output_stream_pollable_init)
                                   G_IMPLEMENT_INTERFACE (G_TYPE_SEEKABLE, mk_output_stream_seekable_init))

static void
mk_output_stream_finalize (GObject *object)
{
  MkOutputStream *self = MK_OUTPUT_STREAM (object);

  g_clear_pointer (&self->capture, mk_capture_unref);

  G_OBJECT_CLASS (mk_output_stream_parent_class)->finalize (object);
}

static gssize
mk_output_stream_read (GInputStream *stream,
                       void *buffer,
                       gsize count,
                       GCancellable *cancellable,
                       GError **error)
{
  MkOutputStream *self = MK_OUTPUT_STREAM (stream);
  gssize n;

  while ((n = mk_capture_read (self->capture, &self->position, buffer, count)) < 0)
    {
      if (!mk_capture_wait_readable (self->capture, self->position, cancellable, error))
        return -1;
    }

  return n;
}

static gboolean
mk_output_stream_is_readable (GPollableInputStream *stream)
{
  MkOutputStream *self = MK_OUTPUT_STREAM (stream);

  return mk_capture_is_readable (self->capture, self->position);
}

static gssize
mk_output_stream_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  MkOutputStream *self = MK_OUTPUT_STREAM (stream);
  gssize n = mk_capture_read (self->capture, &self->position, buffer, count);

  if (n < 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, _ ("No output yet"));
  return n;
}

/* ---- a source that is ready for as long as the stream is readable ---- */

typedef struct
{
  GSource source;
  MkOutputStream *stream; /* (owned) */
  gboolean is_waker;      /* the capture knows it */
} ReadableSource;

static gboolean
readable_source_prepare (GSource *source, int *timeout)
{
  ReadableSource *self = (ReadableSource *) source;

  /* Not before it is attached: what is attached is always destroyed before it is freed. */
  if (!self->is_waker)
    mk_capture_add_waker (self->stream->capture, source);
  self->is_waker = TRUE;

  *timeout = -1;
  return mk_output_stream_is_readable (G_POLLABLE_INPUT_STREAM (self->stream));
}

static gboolean
readable_source_check (GSource *source)
{
  return mk_output_stream_is_readable (G_POLLABLE_INPUT_STREAM (((ReadableSource *) source)->stream));
}

static gboolean
readable_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  /* The capture wakes it by this. */
  g_source_set_ready_time (source, -1);
  return G_SOURCE_CONTINUE;
}

/* Never called: dispatch() does what there is to do. */
static gboolean
readable_source_callback (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Called when the source is destroyed, while its context is still there: waking the source uses that. */
static void
readable_source_destroyed (gpointer user_data)
{
  ReadableSource *self = user_data;

  if (self->is_waker)
    mk_capture_remove_waker (self->stream->capture, &self->source);
}

static void
readable_source_finalize (GSource *source)
{
  ReadableSource *self = (ReadableSource *) source;

  /* One that another thread destroyed before it was prepared the first time */
  if (self->is_waker)
    mk_capture_remove_waker (self->stream->capture, source);
  g_object_unref (self->stream);
}

static GSourceFuncs readable_source_funcs = {
  readable_source_prepare,
  readable_source_check,
  readable_source_dispatch,
  readable_source_finalize,
  NULL,
  NULL,
};

static GSource *
mk_output_stream_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  MkOutputStream *self = MK_OUTPUT_STREAM (stream);
  g_autoptr (GSource) readable = g_source_new (&readable_source_funcs, sizeof (ReadableSource));
  GSource *source = g_pollable_source_new (G_OBJECT (stream));

  g_source_set_static_name (readable, "MkOutputStream");
  ((ReadableSource *) readable)->stream = g_object_ref (self);
  g_source_set_callback (readable, readable_source_callback, readable, readable_source_destroyed);
  g_source_add_child_source (source, readable);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancel_source = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancel_source);
      g_source_add_child_source (source, cancel_source);
    }

  return source;
}

static void
mk_output_stream_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = mk_output_stream_is_readable;
  iface->create_source = mk_output_stream_create_source;
  iface->read_nonblocking = mk_output_stream_read_nonblocking;
}

static goffset
mk_output_stream_tell (GSeekable *seekable)
{
  return (goffset) MK_OUTPUT_STREAM (seekable)->position;
}

static gboolean
mk_output_stream_can_seek (GSeekable *seekable)
{
  return FALSE;
}

static void
mk_output_stream_seekable_init (GSeekableIface *iface)
{
  iface->tell = mk_output_stream_tell;
  iface->can_seek = mk_output_stream_can_seek;
  iface->can_truncate = mk_output_stream_can_seek;
}

static void
mk_output_stream_class_init (MkOutputStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  object_class->finalize = mk_output_stream_finalize;

  stream_class->read_fn = mk_output_stream_read;
}

static void
mk_output_stream_init (MkOutputStream *self)
{
}

GInputStream *
mk_output_stream_new (MkCapture *capture)
{
  MkOutputStream *self = g_object_new (MK_TYPE_OUTPUT_STREAM, NULL);

  self->capture = mk_capture_ref (capture);
  self->position = mk_capture_get_beginning (capture);
  return G_INPUT_STREAM (self);
}
