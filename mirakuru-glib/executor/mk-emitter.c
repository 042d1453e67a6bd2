/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emits the signals of an executor in the context in which it was constructed.
 *
 * The operations and the worker only say that something changed; what changed is found out when the context
 * runs. So nothing is queued up while no main loop runs: states that came and went meanwhile are not told,
 * and of the output only what is still kept.
 *
 * The worker holds the emitter, never the executor: the last reference to that must not be dropped in the
 * worker.
 */

#include "mk-emitter-private.h"

#include <string.h>

#include "process/mk-host-private.h"
#include "mk-simple-executor-private.h"
#include "base/mk-wake-source-private.h"

#define LINE_CHUNK 1024
/* A longer line is told in pieces. */
#define LINE_LIMIT 65536
/* How long one turn of the context may take, so that a flood of output leaves time for others. */
#define TURN_LIMIT_US 2000

typedef struct
{
  guint64 position;
  GString *partial; /* (owned) */
} LineReader;

struct _MkEmitter
{
  gatomicrefcount ref_count;
  guint fork_generation;
  GWeakRef executor;
  GMainContext *context;      /* (owned): the executor may be dropped in another thread */
  MkWakeSource *state_source; /* (owned) */
  MkWakeSource *line_source;  /* (owned) */

  GMutex lock;
  MkSimpleExecutor *listened; /* (unowned) (nullable) (locked-by lock) until the executor is disposed */

  /* Of the context. */
  MkSnapshot told;
  MkProcess *process; /* (owned) (nullable) whose lines are told */
  LineReader readers[2];
};

/* @length: how much of what was read of the line to tell */
static void
tell (MkSimpleExecutor *executor, MkStream stream, LineReader *reader, gsize length)
{
  mk_simple_executor_emit_line (executor, stream, reader->partial->str, length);
  g_string_erase (reader->partial, 0, (gssize) length);
}

/* A character that has not come as a whole stays for the next piece. */
static gsize
length_of_piece (const GString *text)
{
  const char *end = text->str + text->len;
  const char *last = g_utf8_find_prev_char (text->str, end);

  if (last != NULL && g_utf8_get_char_validated (last, end - last) == (gunichar) -2)
    return (gsize) (last - text->str);
  return text->len;
}

static void
add_text (MkSimpleExecutor *executor, MkStream stream, LineReader *reader, const char *begin, const char *end)
{
  while (begin < end)
    {
      const char *newline = memchr (begin, '\n', (gsize) (end - begin));

      g_string_append_len (reader->partial, begin, (newline ? newline : end) - begin);
      begin = newline ? newline + 1 : end;
      if (newline != NULL)
        tell (executor, stream, reader, reader->partial->len);
      else if (reader->partial->len >= LINE_LIMIT)
        tell (executor, stream, reader, length_of_piece (reader->partial));
    }
}

/* Returns: whether there may be more */
static gboolean
read_lines (MkEmitter *self, MkSimpleExecutor *executor, MkStream stream)
{
  LineReader *reader = &self->readers[stream == MK_STREAM_STDERR ? 1 : 0];
  MkCapture *capture = mk_process_get_capture (self->process, stream);
  gint64 end = g_get_monotonic_time () + TURN_LIMIT_US;
  char chunk[LINE_CHUNK];
  gssize n;

  while ((n = mk_capture_read (capture, &reader->position, chunk, sizeof chunk)) > 0)
    {
      add_text (executor, stream, reader, chunk, chunk + n);
      if (g_get_monotonic_time () >= end)
        return TRUE;
    }

  if (n == 0 && reader->partial->len > 0)
    tell (executor, stream, reader, reader->partial->len);

  return FALSE;
}

static void
follow_process (MkEmitter *self, MkProcess *process)
{
  if (self->process == process)
    return;

  g_clear_pointer (&self->process, mk_process_unref);
  self->process = process ? mk_process_ref (process) : NULL;
  for (guint i = 0; i < 2; i++)
    {
      self->readers[i].position = 0;
      g_string_truncate (self->readers[i].partial, 0);
    }
}

static gboolean
tell_lines (MkEmitter *self, MkSimpleExecutor *executor)
{
  g_autoptr (MkProcess) process = NULL;
  gboolean more;

  if (!mk_simple_executor_has_line_handler (executor))
    return FALSE;

  process = mk_simple_executor_dup_process (executor);
  follow_process (self, process);
  if (process == NULL)
    return FALSE;

  more = read_lines (self, executor, MK_STREAM_STDOUT);
  more = read_lines (self, executor, MK_STREAM_STDERR) || more;
  return more;
}

static gboolean
on_lines (gpointer user_data)
{
  MkEmitter *self = user_data;
  g_autoptr (MkSimpleExecutor) executor = g_weak_ref_get (&self->executor);

  if (executor != NULL && tell_lines (self, executor))
    mk_wake_source_wake (self->line_source);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_state (gpointer user_data)
{
  MkEmitter *self = user_data;
  g_autoptr (MkSimpleExecutor) executor = g_weak_ref_get (&self->executor);
  MkSnapshot before = self->told, now;

  if (executor == NULL)
    return G_SOURCE_CONTINUE;

  /* The last lines come before the news that there will be no more, but leave time for others. */
  now = mk_simple_executor_get_snapshot (executor);
  if (!now.active && tell_lines (self, executor))
    {
      mk_wake_source_wake (self->state_source);
      return G_SOURCE_CONTINUE;
    }

  self->told = now;
  mk_simple_executor_announce (executor, &before, &self->told);
  return G_SOURCE_CONTINUE;
}

MkEmitter *
mk_emitter_new (MkSimpleExecutor *executor)
{
  MkEmitter *self = g_new0 (MkEmitter, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->fork_generation = mk_host_get_fork_generation ();
  g_mutex_init (&self->lock);
  g_weak_ref_init (&self->executor, executor);
  self->listened = executor;
  self->context = g_main_context_ref_thread_default ();
  self->told.exit_status = MK_STATUS_NONE;
  for (guint i = 0; i < 2; i++)
    self->readers[i].partial = g_string_new (NULL);

  self->state_source = mk_wake_source_attach (
      self->context, "MkEmitter state", on_state, mk_emitter_ref (self), (GDestroyNotify) mk_emitter_unref);
  self->line_source = mk_wake_source_attach (
      self->context, "MkEmitter lines", on_lines, mk_emitter_ref (self), (GDestroyNotify) mk_emitter_unref);
  return self;
}

MkEmitter *
mk_emitter_ref (MkEmitter *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_emitter_unref (MkEmitter *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_weak_ref_clear (&self->executor);
  g_clear_pointer (&self->process, mk_process_unref);
  for (guint i = 0; i < 2; i++)
    g_string_free (self->readers[i].partial, TRUE);
  mk_wake_source_unref (self->state_source);
  mk_wake_source_unref (self->line_source);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* In a forked child, where nobody holds what was locked in its parent. */
void
mk_emitter_renew_locks (MkEmitter *self)
{
  g_mutex_init (&self->lock);
}

/* When the executor is disposed: nothing is emitted any more. */
void
mk_emitter_detach (MkEmitter *self)
{
  g_mutex_lock (&self->lock);
  self->listened = NULL;
  g_mutex_unlock (&self->lock);

  /* It holds the emitter in turn. Whoever reads it holds the executor, so nobody does. */
  g_clear_pointer (&self->process, mk_process_unref);
  /* The worker of the parent may have held the lock of the context when the fork happened. */
  if (self->fork_generation != mk_host_get_fork_generation ())
    return;

  mk_wake_source_destroy (self->state_source);
  mk_wake_source_destroy (self->line_source);
  g_clear_pointer (&self->context, g_main_context_unref);
}

/* Returns: (transfer none): to be woken when the properties may have changed */
MkWakeSource *
mk_emitter_get_waker (MkEmitter *self)
{
  return self->state_source;
}

void
mk_emitter_wake (MkEmitter *self)
{
  mk_wake_source_wake (self->state_source);
}

/* In the worker. The context is only woken for lines if somebody wants them. */
void
mk_emitter_on_output (gpointer user_data)
{
  MkEmitter *self = user_data;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->listened != NULL && mk_simple_executor_has_line_handler (self->listened))
    mk_wake_source_wake (self->line_source);
}
