/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The probe of MkOutputExecutor. It only makes sense with a service of its own, so it is not public.
 *
 * At attach() it sets a watch on the output of the process, which is about to be spawned; the watch looks at
 * all of it in the worker, and wakes a source on the context of the start when it has come to a verdict. An
 * attempt asks the watch.
 */

#include "mk-output-probe.h"

#include "mk-error.h"
#include "mk-message.h"
#include "mk-output-watch.h"
#include "mk-probe-private.h"
#include "mk-simple-executor-private.h"
#include "mk-wake-source.h"

/* How much of the last line a message shows, in bytes. */
#define LAST_LINE_BYTES 300
/* The news that a process has exited may come later than the end of its output. */
#define EXIT_NEWS_US (250 * G_TIME_SPAN_MILLISECOND)

struct _MkOutputProbe
{
  MkProbe parent_instance;

  MkOutputGoal goal;

  /* While attached; of the context of the start. */
  MkProcess *process;   /* (owned) (nullable) */
  MkOutputWatch *watch; /* (owned) (nullable) */
  GSource *waker;       /* (owned) (nullable) */

  GMutex lock;
  MkPattern *banner;  /* (owned) (nullable) (locked-by lock) */
  MkPattern *failure; /* (owned) (nullable) (locked-by lock) */
  GPtrArray *groups;  /* (owned) (nullable) (element-type utf8) (locked-by lock) of the match */
};

G_DEFINE_FINAL_TYPE (MkOutputProbe, mk_output_probe, MK_TYPE_PROBE)

/* ---- words ---- */

static const char *
name_stream (MkStream stream)
{
  switch ((guint) stream)
    {
    case MK_STREAM_STDOUT:
      return "standard output";

    case MK_STREAM_STDERR:
      return "standard error";

    default:
      return "output";
    }
}

static char *
mk_output_probe_describe (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autofree char *banner = g_utf8_make_valid (self->goal.banner ? self->goal.banner : "", -1);

  if (self->goal.occurrences > 1)
    return g_strdup_printf (
        "its %s matched “%s” %u times", name_stream (self->goal.stream), banner, self->goal.occurrences);
  return g_strdup_printf ("its %s matched “%s”", name_stream (self->goal.stream), banner);
}

static void
note_last_line (MkOutputProbe *self, MkStream stream)
{
  g_autofree char *line =
      mk_capture_dup_last_lines (mk_process_get_capture (self->process, stream), 1, LAST_LINE_BYTES);

  mk_probe_set_detail (MK_PROBE (self), line ? line : "no output");
}

/* ---- an attempt ---- */

static gboolean
take_match (MkOutputProbe *self, MkOutputNews *news)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  mk_capture_set_beginning (mk_process_get_capture (self->process, news->stream), news->end);
  self->groups = g_steal_pointer (&news->groups);
  return TRUE;
}

static GError *
failure_error (MkOutputProbe *self, MkOutputNews *news)
{
  g_autofree char *service = mk_message_service (self->process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));
  MkProcessNews process_news = mk_process_get_news (self->process);
  g_autofree char *status = process_news.exited ? mk_message_status (process_news.status) : NULL;

  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      "%s printed “%s”, which tells of a failure, before %s%s%s",
                      service,
                      (const char *) g_ptr_array_index (news->groups, 0),
                      goal,
                      status ? "; it " : "",
                      status ? status : "");
}

/* Nothing can come any more. That of a process that failed is for the start to tell. */
static void
check_end (MkOutputProbe *self, MkOutputNews *news, GError **error)
{
  MkProcessNews process_news = mk_process_get_news (self->process);
  g_autofree char *service = mk_message_service (self->process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));

  if (process_news.exited && process_news.status == 0)
    g_set_error (error, MK_ERROR, MK_ERROR_EXITED, "%s exited with status 0 before %s", service, goal);
  else if (!process_news.exited && g_get_monotonic_time () - news->since > EXIT_NEWS_US)
    g_set_error (error, MK_ERROR, MK_ERROR_FAILED, "%s closed its output before %s", service, goal);
}

static gboolean
mk_output_probe_check (MkProbe *probe, GError **error)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_auto (MkOutputNews) news = { 0 };

  if (self->watch == NULL)
    return FALSE;

  mk_output_watch_get_news (self->watch, &news);
  switch (news.verdict)
    {
    case MK_OUTPUT_READY:
      return take_match (self, &news);

    case MK_OUTPUT_FAILED:
      g_propagate_error (error, failure_error (self, &news));
      return FALSE;

    case MK_OUTPUT_BROKEN:
      g_propagate_error (error, g_steal_pointer (&news.error));
      return FALSE;

    case MK_OUTPUT_ENDED:
      check_end (self, &news, error);
      break;

    case MK_OUTPUT_OPEN:
    default:
      break;
    }

  note_last_line (self, news.stream);
  return FALSE;
}

/* What the service said before it exited tells more than its status. */
static GError *
mk_output_probe_explain_exit (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_auto (MkOutputNews) news = { 0 };

  if (self->watch == NULL)
    return NULL;

  mk_output_watch_get_news (self->watch, &news);
  return news.verdict == MK_OUTPUT_FAILED ? failure_error (self, &news) : NULL;
}

/* ---- a start ---- */

static gboolean
on_woken (gpointer user_data)
{
  g_signal_emit_by_name (user_data, "wake");
  return G_SOURCE_CONTINUE;
}

static void
follow (MkOutputProbe *self, MkStream stream, MkStdioMode mode)
{
  if ((self->goal.stream & stream) && mode == MK_STDIO_MODE_CAPTURE)
    mk_output_watch_follow (self->watch, stream, mk_process_get_capture (self->process, stream));
}

static void
mk_output_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);

  if (self->watch == NULL)
    return;

  mk_process_remove_listener (self->process, self->waker);
  mk_output_watch_end (self->watch);
  mk_wake_source_clear (&self->waker);
  g_clear_pointer (&self->watch, mk_output_watch_unref);
  g_clear_pointer (&self->process, mk_process_unref);
}

static void
mk_output_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;
  MkLaunch *launch;

  mk_output_probe_detach (probe, executor);
  locker = g_mutex_locker_new (&self->lock);
  g_clear_pointer (&self->groups, g_ptr_array_unref);
  if (self->banner == NULL)
    return;

  self->process = mk_simple_executor_dup_process (executor);
  self->waker =
      mk_wake_source_attach (context, "MkOutputProbe", on_woken, g_object_ref (self), g_object_unref);
  self->watch = mk_output_watch_new (self->banner, self->goal.occurrences, self->failure, self->waker);
  launch = mk_process_get_launch (self->process);
  follow (self, MK_STREAM_STDOUT, launch->stdout_mode);
  follow (self, MK_STREAM_STDERR, launch->stderr_mode);
  /* Its end is worth asking too. */
  mk_process_add_listener (self->process, self->waker);
}

/* ---- the object ---- */

static void
mk_output_probe_finalize (GObject *object)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (object);

  g_clear_pointer (&self->banner, mk_pattern_unref);
  g_clear_pointer (&self->failure, mk_pattern_unref);
  g_clear_pointer (&self->groups, g_ptr_array_unref);
  g_free (self->goal.banner);
  g_free (self->goal.failure_pattern);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mk_output_probe_parent_class)->finalize (object);
}

static void
mk_output_probe_class_init (MkOutputProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  object_class->finalize = mk_output_probe_finalize;

  probe_class->check = mk_output_probe_check;
  probe_class->describe = mk_output_probe_describe;
  probe_class->attach = mk_output_probe_attach;
  probe_class->detach = mk_output_probe_detach;
  probe_class->explain_exit = mk_output_probe_explain_exit;
}

static void
mk_output_probe_init (MkOutputProbe *self)
{
  g_mutex_init (&self->lock);
  self->goal.stream = MK_STREAM_STDOUT;
  self->goal.occurrences = 1;
}

MkOutputProbe *
mk_output_probe_new (void)
{
  return g_object_new (MK_TYPE_OUTPUT_PROBE, NULL);
}

/* Returns: (transfer none): to be read and changed by the executor; takes effect with
 * mk_output_probe_validate() */
MkOutputGoal *
mk_output_probe_get_goal (MkOutputProbe *self)
{
  return &self->goal;
}

static gboolean
check_numbers (const MkOutputGoal *goal, GError **error)
{
  const guint streams = MK_STREAM_STDOUT | MK_STREAM_STDERR;

  if (goal->banner == NULL || *goal->banner == '\0')
    g_set_error_literal (
        error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "There is no banner to look for in the output: set one");
  else if (goal->occurrences == 0)
    g_set_error_literal (
        error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "A banner cannot be waited for 0 times: 1 is the least");
  else if (goal->stream == 0 || ((guint) goal->stream & ~streams) != 0)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 "The banner “%s” cannot be looked for: %u is no output stream",
                 goal->banner,
                 (guint) goal->stream);
  else
    return TRUE;

  return FALSE;
}

/* To be called in each start before anything happens. Errors are MK_ERROR_INVALID_ARGUMENT. */
gboolean
mk_output_probe_validate (MkOutputProbe *self, GError **error)
{
  const MkOutputGoal *goal = &self->goal;
  g_autoptr (MkPattern) banner = NULL;
  g_autoptr (MkPattern) failure = NULL;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;

  if (!check_numbers (goal, error) || !(banner = mk_pattern_new (goal->banner, "banner", error)))
    return FALSE;
  if (goal->failure_pattern != NULL &&
      !(failure = mk_pattern_new (goal->failure_pattern, "failure pattern", error)))
    return FALSE;

  locker = g_mutex_locker_new (&self->lock);
  g_clear_pointer (&self->banner, mk_pattern_unref);
  g_clear_pointer (&self->failure, mk_pattern_unref);
  self->banner = g_steal_pointer (&banner);
  self->failure = g_steal_pointer (&failure);
  return TRUE;
}

/* In any thread. Returns: (transfer full) (nullable) */
char *
mk_output_probe_dup_match (MkOutputProbe *self, const char *name_or_number)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->groups ? g_strdup (mk_pattern_find_group (self->banner, self->groups, name_or_number)) : NULL;
}
