/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The signals of an executor, emitted in the context that was the thread-default when it was constructed.
 *
 * The operations and the worker only say that something changed; what changed is found out when the context
 * runs. So nothing is queued up while no main loop runs: states that came and went meanwhile are not told,
 * and of the output only what is still kept.
 *
 * An operation on the same context returns its task here, once what it changed has been told: `notify` comes
 * before the callback. A handler or a callback may run the context, and wait there for the next operation, so
 * the source of the states can recurse.
 *
 * The worker holds these signals, never the executor: the last reference to that must not be dropped in the
 * worker.
 */

#include "mk-simple-executor-private.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-waker-private.h"
#include "mk-enum-types.h"

#define LINE_CHUNK 1024
/* A longer line is told in pieces. */
#define LINE_LIMIT 65536
/* How long one turn of the context may take, so that a flood of output leaves time for others. */
#define TURN_LIMIT_US 2000

enum
{
  SIGNAL_LINE,
  SIGNAL_EXITED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

typedef struct
{
  guint64 position;
  GString *partial; /* (owned) */
} LineReader;

/* An operation that has come to its end. */
typedef struct
{
  GTask *task;   /* (owned) */
  GError *error; /* (owned) (nullable) */
} Completion;

struct _MkSignals
{
  gatomicrefcount ref_count;
  GWeakRef executor;
  GMainContext *context; /* (owned): the executor may be dropped in another thread */
  MkWaker *state_source; /* (owned) */
  MkWaker *line_source;  /* (owned) */

  GMutex lock;
  MkSimpleExecutor *listened; /* (unowned) (nullable) (locked-by lock) until the executor is disposed */
  gboolean is_holding;        /* (locked-by lock) the service waits for those who are told its lines */

  /* Of the context. */
  MkSnapshot told;
  GQueue completions; /* (owned) (element-type Completion) to be returned once all is told */
  MkProcess *process; /* (owned) (nullable) whose lines are told */
  gboolean telling_lines;
  LineReader readers[2];
};

void
mk_simple_executor_install_signals (MkSimpleExecutorClass *klass)
{
  /**
   * MkSimpleExecutor::line:
   * @self: the executor
   * @stream: the stream
   * @text: the line without its end, made valid UTF-8
   *
   * Emitted when the service has printed a line to a captured stream. If the last line has no line end, the
   * signal is emitted when the stream ends. A very long line is emitted in pieces.
   *
   * All lines of a service are emitted before the callback of its stop. The output of the scripts `Prepare`,
   * `Started` and `Cleanup` of a services file is not emitted.
   *
   * If handlers are slower than the service, up to [property@Mk.SimpleExecutor:output-limit] bytes wait for
   * them. Older bytes are dropped, and a line "[1.2 MB of the output were missed here]" takes their place.
   * With [property@Mk.SimpleExecutor:lossless], the service waits instead.
   *
   * Since: 1.0
   */
  signals[SIGNAL_LINE] = g_signal_new ("line",
                                       G_TYPE_FROM_CLASS (klass),
                                       G_SIGNAL_RUN_LAST,
                                       0,
                                       NULL,
                                       NULL,
                                       NULL,
                                       G_TYPE_NONE,
                                       2,
                                       MK_TYPE_STREAM,
                                       G_TYPE_STRING);

  /**
   * MkSimpleExecutor::exited:
   * @self: the executor
   * @status: 0 to 255, or the negative number of a signal
   *
   * Emitted when a service that was ready has ended by itself. This means that its first process has ended
   * with a status other than 0, or that no process is left. The state is %MK_EXECUTOR_STATE_EXITED until the
   * executor is stopped or started again. The callback of the start is always called before this signal is
   * emitted.
   *
   * Since: 1.0
   */
  signals[SIGNAL_EXITED] = g_signal_new ("exited",
                                         G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST,
                                         0,
                                         NULL,
                                         NULL,
                                         NULL,
                                         G_TYPE_NONE,
                                         1,
                                         G_TYPE_INT);
}

/* ---- lines ---- */

/* @skipped: how much of the end of the line is not told */
static void
signals_emit_line (MkSimpleExecutor *executor,
                   MkStream stream,
                   LineReader *reader,
                   gsize length,
                   gsize skipped)
{
  g_autofree char *valid = g_utf8_make_valid (reader->partial->str, (gssize) length);

  g_string_erase (reader->partial, 0, (gssize) (length + skipped));
  g_signal_emit (executor, signals[SIGNAL_LINE], 0, stream, valid);
}

/* A character that has not come as a whole stays for the next piece. */
static gsize
signals_length_of_piece (const GString *text)
{
  const char *end = text->str + text->len;
  const char *last = g_utf8_find_prev_char (text->str, end);

  if (last != NULL && g_utf8_get_char_validated (last, end - last) == (gunichar) -2)
    return (gsize) (last - text->str);
  return text->len;
}

/* What comes next does not belong to the line that has begun. */
static void
signals_tell_missed (MkSimpleExecutor *executor, MkStream stream, LineReader *reader, guint64 n_bytes)
{
  g_autofree char *size = g_format_size (n_bytes);
  /* Translators: stands in the output of a service. A size such as “1.2 MB” */
  g_autofree char *text = g_strdup_printf (_ ("[%s of the output were missed here]"), size);

  if (reader->partial->len > 0)
    signals_emit_line (executor, stream, reader, reader->partial->len, 0);
  g_signal_emit (executor, signals[SIGNAL_LINE], 0, stream, text);
}

/* Returns: whether there may be more */
static gboolean
signals_read_lines (MkSignals *self, MkSimpleExecutor *executor, MkStream stream)
{
  LineReader *reader = &self->readers[stream == MK_STREAM_STDERR ? 1 : 0];
  GString *partial = reader->partial;
  MkCapture *capture = mk_process_get_capture (self->process, stream);
  gint64 end = g_get_monotonic_time () + TURN_LIMIT_US;
  char chunk[LINE_CHUNK];
  const char *newline;
  gssize n = 0;

  while (TRUE)
    {
      guint64 expected = reader->position;

      n = mk_capture_read (capture, &reader->position, chunk, sizeof chunk);
      mk_process_note_read (self->process, stream, reader->position);
      if (n <= 0)
        break;
      if (reader->position - (guint64) n > expected)
        signals_tell_missed (executor, stream, reader, reader->position - (guint64) n - expected);

      g_string_append_len (partial, chunk, n);
      while ((newline = memchr (partial->str, '\n', partial->len)) != NULL)
        signals_emit_line (executor, stream, reader, (gsize) (newline - partial->str), 1);
      if (partial->len >= LINE_LIMIT)
        signals_emit_line (executor, stream, reader, signals_length_of_piece (partial), 0);
      if (g_get_monotonic_time () >= end)
        return TRUE;
    }

  if (n == 0 && partial->len > 0)
    signals_emit_line (executor, stream, reader, partial->len, 0);

  return FALSE;
}

static void
signals_follow_process (MkSignals *self, MkProcess *process)
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

/* May be called while @executor is being disposed. */
static gboolean
signals_has_line_handler (MkSimpleExecutor *executor)
{
  return g_signal_has_handler_pending (executor, signals[SIGNAL_LINE], 0, FALSE);
}

/*
 * A handler that runs the context gets its next line when it has returned: else there would be no end to
 * that.
 *
 * Returns: whether there may be more
 */
static gboolean
signals_tell_lines (MkSignals *self, MkSimpleExecutor *executor)
{
  g_autoptr (MkProcess) process = NULL;
  gboolean more;

  if (self->telling_lines)
    return FALSE;

  process = mk_simple_executor_dup_process (executor);
  if (process != NULL && !signals_has_line_handler (executor))
    {
      mk_process_note_read (process, MK_STREAM_STDOUT, G_MAXUINT64);
      mk_process_note_read (process, MK_STREAM_STDERR, G_MAXUINT64);
      return FALSE;
    }
  signals_follow_process (self, process);
  if (process == NULL)
    return FALSE;

  self->telling_lines = TRUE;
  more = signals_read_lines (self, executor, MK_STREAM_STDOUT);
  more = signals_read_lines (self, executor, MK_STREAM_STDERR) || more;
  self->telling_lines = FALSE;
  return more;
}

static gboolean
signals_on_lines (gpointer user_data)
{
  MkSignals *self = user_data;
  g_autoptr (MkSimpleExecutor) executor = g_weak_ref_get (&self->executor);

  if (executor != NULL && signals_tell_lines (self, executor))
    mk_waker_wake (self->line_source);

  return G_SOURCE_CONTINUE;
}

/* ---- states ---- */

/* Returns: whether the service has ended by itself since the last time */
static gboolean
signals_tell_state (MkSignals *self, MkSimpleExecutor *executor)
{
  GObject *object = G_OBJECT (executor);
  MkSnapshot now = mk_simple_executor_get_snapshot (executor);
  MkSnapshot before = self->told;

  self->told = now;
  g_object_freeze_notify (object);
  if (before.pid != now.pid)
    g_object_notify (object, "pid");
  if (before.running != now.running)
    g_object_notify (object, "running");
  if (before.active != now.active)
    g_object_notify (object, "active");
  if (before.exit_status != now.exit_status)
    g_object_notify (object, "exit-status");
  if (before.ready_time != now.ready_time)
    g_object_notify (object, "ready-time");
  if (before.state != now.state)
    g_object_notify (object, "state");
  g_object_thaw_notify (object);

  return now.state == MK_EXECUTOR_STATE_EXITED && before.state != MK_EXECUTOR_STATE_EXITED;
}

/* @error: (transfer full) (nullable) */
static void
signals_return_task (GTask *task, GError *error)
{
  if (g_task_get_source_tag (task) == mk_simple_executor_start_async)
    mk_simple_executor_end_start (task);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
signals_return_tasks (MkSignals *self, gboolean only_starts)
{
  Completion *completion;

  while ((completion = g_queue_peek_head (&self->completions)) != NULL &&
         (!only_starts || g_task_get_source_tag (completion->task) == mk_simple_executor_start_async))
    {
      g_queue_pop_head (&self->completions);
      signals_return_task (completion->task, completion->error);
      g_free (completion);
    }
}

static gboolean
signals_on_state (gpointer user_data)
{
  MkSignals *self = user_data;
  g_autoptr (MkSimpleExecutor) executor = g_weak_ref_get (&self->executor);
  gboolean has_exited;

  if (executor == NULL)
    return G_SOURCE_CONTINUE;

  /* The last lines come before the news that there will be no more, but leave time for others. */
  if (!mk_simple_executor_get_snapshot (executor).active && signals_tell_lines (self, executor))
    {
      mk_waker_wake (self->state_source);
      return G_SOURCE_CONTINUE;
    }

  has_exited = signals_tell_state (self, executor);
  /* A service that ended right after it was ready was ready first. */
  signals_return_tasks (self, TRUE);
  if (has_exited)
    g_signal_emit (executor, signals[SIGNAL_EXITED], 0, self->told.exit_status);
  signals_return_tasks (self, FALSE);
  return G_SOURCE_CONTINUE;
}

/*
 * Ends an operation. Called in its context.
 *
 * @self: (nullable): in a forked child there are none
 * @task: (transfer full)
 * @error: (transfer full) (nullable): %NULL returns %TRUE
 */
void
mk_signals_return (MkSignals *self, GTask *task, GError *error)
{
  Completion *completion;

  if (self != NULL)
    mk_signals_wake (self);
  if (self == NULL || g_task_get_context (task) != self->context)
    {
      signals_return_task (task, error);
      return;
    }

  completion = g_new (Completion, 1);
  completion->task = task;
  completion->error = error;
  g_queue_push_tail (&self->completions, completion);
}

/* ---- life ---- */

MkSignals *
mk_signals_new (MkSimpleExecutor *executor)
{
  MkSignals *self = g_new0 (MkSignals, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_weak_ref_init (&self->executor, executor);
  self->listened = executor;
  self->context = g_main_context_ref_thread_default ();
  self->told.exit_status = MK_STATUS_NONE;
  for (guint i = 0; i < 2; i++)
    self->readers[i].partial = g_string_new (NULL);

  self->state_source = mk_waker_attach (self->context,
                                        "MkSignals state",
                                        signals_on_state,
                                        mk_signals_ref (self),
                                        (GDestroyNotify) mk_signals_unref);
  self->line_source = mk_waker_attach (self->context,
                                       "MkSignals lines",
                                       signals_on_lines,
                                       mk_signals_ref (self),
                                       (GDestroyNotify) mk_signals_unref);
  mk_waker_allow_recursion (self->state_source);
  return self;
}

MkSignals *
mk_signals_ref (MkSignals *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_signals_unref (MkSignals *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_weak_ref_clear (&self->executor);
  g_clear_pointer (&self->process, mk_process_unref);
  for (guint i = 0; i < 2; i++)
    g_string_free (self->readers[i].partial, TRUE);
  mk_waker_unref (self->state_source);
  mk_waker_unref (self->line_source);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* When the executor is disposed: nothing is emitted any more. */
void
mk_signals_detach (MkSignals *self)
{
  g_mutex_lock (&self->lock);
  self->listened = NULL;
  g_mutex_unlock (&self->lock);

  /* It holds these signals in turn. Whoever reads it holds the executor, so nobody does. */
  g_clear_pointer (&self->process, mk_process_unref);
  mk_waker_destroy (self->state_source);
  mk_waker_destroy (self->line_source);
  g_clear_pointer (&self->context, g_main_context_unref);
  signals_return_tasks (self, FALSE);
}

/* Returns: (transfer none): to be woken when the properties may have changed */
MkWaker *
mk_signals_get_waker (MkSignals *self)
{
  return self->state_source;
}

void
mk_signals_wake (MkSignals *self)
{
  mk_waker_wake (self->state_source);
}

/* Makes the service wait for those who are told its lines, if there are any, while @process runs. */
void
mk_signals_hold_output (MkSignals *self, MkSimpleExecutor *executor, MkProcess *process)
{
  gboolean is_holding = mk_simple_executor_get_lossless (executor) && signals_has_line_handler (executor);

  g_mutex_lock (&self->lock);
  self->is_holding = is_holding;
  g_mutex_unlock (&self->lock);

  if (!is_holding)
    return;

  mk_capture_begin_hold (mk_process_get_capture (process, MK_STREAM_STDOUT));
  mk_capture_begin_hold (mk_process_get_capture (process, MK_STREAM_STDERR));
}

/* In the worker. The context is only woken for lines if somebody wants them, or did so. */
void
mk_signals_on_output (gpointer user_data)
{
  MkSignals *self = user_data;

  MK_AUTO_LOCK (&self->lock);
  if (self->listened != NULL && (self->is_holding || signals_has_line_handler (self->listened)))
    mk_waker_wake (self->line_source);
}
