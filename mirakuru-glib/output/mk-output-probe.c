/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The probe of MkOutputExecutor. It only makes sense with the service of its executor, so it is not public.
 *
 * At attach() it sets a watch on the output of the process, which is about to be spawned; the watch looks at
 * all of it in the worker, and wakes a source on the context of the start when it has come to a verdict. An
 * attempt asks the watch. What was found out stays known until the next start.
 *
 * A stop detaches the probe in its own thread, while the start may be asking: that is what the lock is for.
 */

#include "mk-output-probe-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "process/mk-process-message-private.h"
#include "mk-output-executor.h"
#include "mk-output-watch-private.h"
#include "probe/mk-probe-private.h"
#include "executor/mk-simple-executor-private.h"
#include "base/mk-wake-source-private.h"

/* How much of the last line a message shows, in bytes. */
#define LAST_LINE_BYTES 300
/* The news that a process has exited may come later than the end of its output. */
#define EXIT_NEWS_US (500 * G_TIME_SPAN_MILLISECOND)

struct _MkOutputProbe
{
  MkProbe parent_instance;

  MkOutputGoal goal;
  GWeakRef executor; /* that this is the probe of */

  GMutex lock;
  MkPattern *banner;    /* (owned) (nullable) (locked-by lock) of the last good settings */
  MkPattern *failure;   /* (owned) (nullable) (locked-by lock) likewise */
  gpointer attached_to; /* (unowned) (locked-by lock) only to be compared */
  guint n_attached;     /* (locked-by lock) operations of that executor */
  GError *trouble;      /* (owned) (nullable) (locked-by lock) why it could not be attached */
  MkProcess *process;   /* (owned) (nullable) (locked-by lock) of the last start */
  MkOutputWatch *watch; /* (owned) (nullable) (locked-by lock) likewise */
  MkWakeSource *waker;  /* (owned) (nullable) (locked-by lock) while attached; of the context of the start */
  MkPattern *matched;   /* (owned) (nullable) (locked-by lock) what has matched in the last start */
  GPtrArray *groups;    /* (owned) (nullable) (element-type utf8) (locked-by lock) of the match */
};

G_DEFINE_FINAL_TYPE (MkOutputProbe, mk_output_probe, MK_TYPE_PROBE)

/* ---- words ---- */

static const char *
name_streams (MkStreamFlags streams)
{
  switch ((guint) streams)
    {
    case MK_STREAM_FLAGS_STDOUT:
      /* Translators: stands in “its standard output matched …” */
      return _ ("its standard output");

    case MK_STREAM_FLAGS_STDERR:
      /* Translators: stands in “its standard error matched …” */
      return _ ("its standard error");

    default:
      /* Translators: stands in “its output matched …” */
      return _ ("its output");
    }
}

static char *
mk_output_probe_describe (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autofree char *banner = g_utf8_make_valid (self->goal.banner ? self->goal.banner : "", -1);

  if (self->goal.occurrences > 1)
    return g_strdup_printf (
        /* Translators: a clause in the past tense that stands alone, and after “before” and “until”; “its
         * output”, a regular expression, how often */
        mk_ngettext ("%s matched “%s” %u time", "%s matched “%s” %u times", self->goal.occurrences),
        name_streams (self->goal.stream),
        banner,
        self->goal.occurrences);
  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”; “its output”,
   * a regular expression */
  return g_strdup_printf (_ ("%s matched “%s”"), name_streams (self->goal.stream), banner);
}

static void
note_last_line (MkOutputProbe *self, MkProcess *process, MkStream stream)
{
  g_autofree char *line =
      mk_capture_dup_last_lines (mk_process_get_capture (process, stream), 1, LAST_LINE_BYTES);

  mk_probe_set_detail (MK_PROBE (self), line ? line : _ ("no output"));
}

/* ---- settings ---- */

static gboolean
check_numbers (const MkOutputGoal *goal, GError **error)
{
  if (goal->banner == NULL || *goal->banner == '\0')
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("There is no banner to look for in the output: set one"));
  else if (goal->occurrences == 0)
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("A banner cannot be waited for 0 times: 1 is the least"));
  else if (goal->stream == 0 || ((guint) goal->stream & ~(guint) MK_STREAM_FLAGS_BOTH) != 0)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("The banner “%s” cannot be looked for: %u is no output stream"),
                 goal->banner,
                 (guint) goal->stream);
  else
    return TRUE;

  return FALSE;
}

static gboolean
check_mode (MkStream stream, MkStdioMode mode, GError **error)
{
  if (mode == MK_STDIO_MODE_CAPTURE)
    return TRUE;

  g_set_error_literal (
      error,
      MK_ERROR,
      MK_ERROR_INVALID_ARGUMENT,
      stream == MK_STREAM_STDOUT
          ? _ ("The banner cannot be looked for in standard output, which is not captured: set the mode of "
               "standard output, or look in another stream")
          : _ ("The banner cannot be looked for in standard error, which is not captured: set the mode of "
               "standard error, or look in another stream"));
  return FALSE;
}

static gboolean
check_modes (MkOutputProbe *self, GError **error)
{
  g_autoptr (MkSimpleExecutor) executor = g_weak_ref_get (&self->executor);
  MkStreamFlags streams = self->goal.stream;
  MkStdioMode error_mode;

  if (executor == NULL)
    return TRUE;

  error_mode = mk_simple_executor_get_stderr_mode (executor);
  if ((streams & MK_STREAM_FLAGS_STDOUT) &&
      !check_mode (MK_STREAM_STDOUT, mk_simple_executor_get_stdout_mode (executor), error))
    return FALSE;

  /* Merged into a stream that is looked at */
  if ((streams & MK_STREAM_FLAGS_STDOUT) && error_mode == MK_STDIO_MODE_MERGE)
    return TRUE;

  return !(streams & MK_STREAM_FLAGS_STDERR) || check_mode (MK_STREAM_STDERR, error_mode, error);
}

/* Errors are MK_ERROR_INVALID_ARGUMENT. */
static gboolean
validate (MkOutputProbe *self, GError **error)
{
  const MkOutputGoal *goal = &self->goal;
  g_autoptr (MkPattern) banner = NULL;
  g_autoptr (MkPattern) failure = NULL;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = NULL;

  if (!check_numbers (goal, error) || !check_modes (self, error) ||
      !(banner = mk_pattern_new (goal->banner, _ ("The banner"), error)))
    return FALSE;
  if (goal->failure_pattern != NULL &&
      !(failure = mk_pattern_new (goal->failure_pattern, _ ("The failure pattern"), error)))
    return FALSE;

  locker = g_mutex_locker_new (&self->lock);
  g_clear_pointer (&self->banner, mk_pattern_unref);
  g_clear_pointer (&self->failure, mk_pattern_unref);
  self->banner = g_steal_pointer (&banner);
  self->failure = g_steal_pointer (&failure);
  return TRUE;
}

/* Before a start nothing can be in the way of it: the output will be its own. */
static MkProbe *
mk_output_probe_dup_before_start (MkProbe *probe, GError **error)
{
  return validate (MK_OUTPUT_PROBE (probe), error) ? MK_PROBE (mk_output_probe_new (NULL)) : NULL;
}

/* ---- an attempt ---- */

/* Returns: FALSE, perhaps with an error, if there is nothing to ask */
static gboolean
get_news (MkOutputProbe *self, MkOutputNews *news, MkProcess **process, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->trouble != NULL)
    g_propagate_error (error, g_error_copy (self->trouble));
  if (self->trouble != NULL || self->watch == NULL)
    return FALSE;

  mk_output_watch_get_news (self->watch, news);
  *process = mk_process_ref (self->process);
  return self->n_attached > 0 || (news->verdict == MK_OUTPUT_READY && !mk_process_get_news (*process).gone);
}

static gboolean
take_match (MkOutputProbe *self, MkProcess *process, MkOutputNews *news)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  mk_capture_set_beginning (mk_process_get_capture (process, news->stream), news->end);
  if (process == self->process && self->groups == NULL)
    self->groups = g_steal_pointer (&news->groups);
  return TRUE;
}

static GError *
failure_error (MkOutputProbe *self, MkProcess *process, MkOutputNews *news)
{
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));
  MkProcessNews process_news = mk_process_get_news (process);
  g_autofree char *status = process_news.exited ? mk_message_status (process_news.status) : NULL;
  const char *line = g_ptr_array_index (news->groups, 0);

  if (status != NULL)
    return g_error_new (MK_ERROR,
                        MK_ERROR_FAILED,
                        /* Translators: a service, a part of its output, a clause in the past tense, “exited
                         * with status 1” or “was ended by signal 9 (Killed)” */
                        _ ("%s printed “%s”, which tells of a failure, before %s; it %s"),
                        service,
                        line,
                        goal,
                        status);

  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      /* Translators: a service, a part of its output, a clause in the past tense */
                      _ ("%s printed “%s”, which tells of a failure, before %s"),
                      service,
                      line,
                      goal);
}

/* Nothing can come any more. That of a process that failed is for the start to tell. */
static void
check_end (MkOutputProbe *self, MkProcess *process, MkOutputNews *news, GError **error)
{
  MkProcessNews process_news = mk_process_get_news (process);
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));

  if (process_news.exited && process_news.status == 0)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_EXITED,
        /* Translators: a service, a clause in the past tense */ _ ("%s exited with status 0 before %s"),
        service,
        goal);
  else if (!process_news.exited && g_get_monotonic_time () - news->since > EXIT_NEWS_US)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_FAILED,
        /* Translators: a service, a clause in the past tense */ _ ("%s closed its output before %s"),
        service,
        goal);
}

static gboolean
mk_output_probe_check (MkProbe *probe, GError **error)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (MkProcess) process = NULL;
  g_auto (MkOutputNews) news = { 0 };

  if (!get_news (self, &news, &process, error))
    return FALSE;

  switch (news.verdict)
    {
    case MK_OUTPUT_READY:
      return take_match (self, process, &news);

    case MK_OUTPUT_FAILED:
      g_propagate_error (error, failure_error (self, process, &news));
      return FALSE;

    case MK_OUTPUT_BROKEN:
      g_propagate_error (error, g_steal_pointer (&news.error));
      return FALSE;

    case MK_OUTPUT_ENDED:
      check_end (self, process, &news, error);
      break;

    case MK_OUTPUT_OPEN:
    default:
      break;
    }

  note_last_line (self, process, news.stream);
  return FALSE;
}

static gboolean
mk_output_probe_is_met (MkProbe *probe)
{
  g_autoptr (MkProcess) process = NULL;
  g_auto (MkOutputNews) news = { 0 };

  return get_news (MK_OUTPUT_PROBE (probe), &news, &process, NULL) && news.verdict == MK_OUTPUT_READY;
}

/* What the service said before it exited tells more than its status. */
static GError *
mk_output_probe_explain_exit (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (MkProcess) process = NULL;
  g_auto (MkOutputNews) news = { 0 };
  g_autofree char *service = NULL;
  g_autofree char *status = NULL;
  g_autofree char *goal = NULL;

  if (!get_news (self, &news, &process, NULL))
    return NULL;
  if (news.verdict == MK_OUTPUT_FAILED)
    return failure_error (self, process, &news);
  if (news.verdict != MK_OUTPUT_READY)
    return NULL;

  service = mk_process_message_service (process);
  status = mk_message_status (mk_process_get_news (process).status);
  goal = mk_output_probe_describe (probe);
  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      /* Translators: a service, “exited with status 1” or “was ended by signal 9 (Killed)”, a
                         clause in the past tense */
                      _ ("%s %s just after %s"),
                      service,
                      status,
                      goal);
}

/* ---- a start ---- */

static gboolean
on_woken (gpointer user_data)
{
  mk_probe_wake (user_data);
  return G_SOURCE_CONTINUE;
}

/* Call with the lock held. */
static void
forget_last_start (MkOutputProbe *self)
{
  g_clear_pointer (&self->watch, mk_output_watch_unref);
  g_clear_pointer (&self->process, mk_process_unref);
  g_clear_pointer (&self->matched, mk_pattern_unref);
  g_clear_pointer (&self->groups, g_ptr_array_unref);
}

/* What a forked child has copies of it leaves alone. */
static void
forget_inheritance (MkOutputProbe *self)
{
  if (self->process == NULL || !mk_process_is_foreign (self->process))
    return;

  self->n_attached = 0;
  self->waker = NULL;
  self->watch = NULL;
  self->process = NULL;
}

/* Call with the lock held. */
static void
unwatch_process (MkOutputProbe *self)
{
  mk_process_remove_listener (self->process, self->waker);
  mk_output_watch_end (self->watch);
  mk_wake_source_leave (&self->waker);
}

static gboolean
follow (MkOutputProbe *self, MkStreamFlags flag, MkStream stream, MkStdioMode mode)
{
  return !(self->goal.stream & flag) || mode != MK_STDIO_MODE_CAPTURE ||
         mk_output_watch_follow (self->watch, stream, self->process);
}

/* Call with the lock held. Returns: FALSE if the process runs already */
static gboolean
watch_process (MkOutputProbe *self, MkProcess *process)
{
  MkLaunch *launch = mk_process_get_launch (process);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  /* A start that a stop overtook may have left it. */
  if (self->waker != NULL)
    unwatch_process (self);
  forget_last_start (self);
  self->process = mk_process_ref (process);
  self->matched = mk_pattern_ref (self->banner);
  self->waker =
      mk_wake_source_attach (context, "MkOutputProbe", on_woken, g_object_ref (self), g_object_unref);
  self->watch = mk_output_watch_new (self->banner, self->goal.occurrences, self->failure, self->waker);
  /* Its end is worth asking too. */
  mk_process_add_listener (process, self->waker);

  return follow (self, MK_STREAM_FLAGS_STDOUT, MK_STREAM_STDOUT, launch->stdout_mode) &&
         follow (self, MK_STREAM_FLAGS_STDERR, MK_STREAM_STDERR, launch->stderr_mode);
}

/* Call with the lock held. Returns: FALSE if @process runs already, and was not watched from its beginning */
static gboolean
attach (MkOutputProbe *self, MkProcess *process)
{
  if (process != self->process && !watch_process (self, process))
    {
      unwatch_process (self);
      forget_last_start (self);
      return FALSE;
    }

  self->n_attached++;
  return TRUE;
}

static gboolean
has_patterns (MkOutputProbe *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->banner != NULL;
}

/* The check tells of what goes wrong here. */
static void
mk_output_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (MkSimpleExecutor) own = g_weak_ref_get (&self->executor);
  g_autoptr (MkProcess) process = mk_simple_executor_dup_process (executor);
  g_autoptr (GError) error = NULL;
  /* A subclass with checks of its own may ask only now. */
  gboolean is_valid = has_patterns (self) || validate (self, &error);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  forget_inheritance (self);
  g_clear_error (&self->trouble);
  if (!is_valid)
    self->trouble = g_steal_pointer (&error);
  else if (executor == own && process != NULL && attach (self, process))
    self->attached_to = executor;
  else
    self->trouble =
        g_error_new_literal (MK_ERROR,
                             MK_ERROR_INVALID_ARGUMENT,
                             _ ("The probe of an output executor can only be used by the start of "
                                "that executor, which sees its output from the beginning"));
}

static void
mk_output_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (executor != self->attached_to)
    {
      g_clear_error (&self->trouble);
      return;
    }
  if (--self->n_attached > 0)
    return;

  self->attached_to = NULL;
  if (self->waker != NULL)
    unwatch_process (self);
}

/* ---- the object ---- */

static void
mk_output_probe_finalize (GObject *object)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (object);

  forget_last_start (self);
  g_clear_pointer (&self->banner, mk_pattern_unref);
  g_clear_pointer (&self->failure, mk_pattern_unref);
  g_clear_error (&self->trouble);
  g_free (self->goal.banner);
  g_free (self->goal.failure_pattern);
  g_weak_ref_clear (&self->executor);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mk_output_probe_parent_class)->finalize (object);
}

static void
mk_output_probe_class_init (MkOutputProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_output_probe_finalize;

  probe_class->check = mk_output_probe_check;
  probe_class->describe = mk_output_probe_describe;
  probe_class->attach = mk_output_probe_attach;
  probe_class->detach = mk_output_probe_detach;
  class_private->dup_before_start = mk_output_probe_dup_before_start;
  class_private->is_met = mk_output_probe_is_met;
  class_private->explain_exit = mk_output_probe_explain_exit;
}

static void
mk_output_probe_init (MkOutputProbe *self)
{
  g_mutex_init (&self->lock);
  g_weak_ref_init (&self->executor, NULL);
  self->goal.stream = MK_STREAM_FLAGS_STDOUT;
  self->goal.occurrences = 1;
}

/* @executor: (nullable): the one whose service it is for; it is not held */
MkOutputProbe *
mk_output_probe_new (MkOutputExecutor *executor)
{
  MkOutputProbe *self = g_object_new (MK_TYPE_OUTPUT_PROBE, NULL);

  g_weak_ref_set (&self->executor, executor);
  return self;
}

/* Returns: (transfer none): to be read and changed by the executor; takes effect at the next start */
MkOutputGoal *
mk_output_probe_get_goal (MkOutputProbe *self)
{
  return &self->goal;
}

/* In any thread. Returns: (transfer full) (nullable) */
char *
mk_output_probe_dup_match (MkOutputProbe *self, const char *name_or_number)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->groups ? g_strdup (mk_pattern_find_group (self->matched, self->groups, name_or_number)) : NULL;
}
