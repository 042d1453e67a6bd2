/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The probe of MkOutputExecutor: has the service printed the banner? It only makes sense with the service of
 * its executor, so it is not public.
 *
 * attach() begins a run: the output of the process, which is about to be spawned, is looked at in the worker
 * as it comes, for the banner and for the failure pattern, until there is a verdict:
 *
 *   OPEN ──> READY, FAILED, BROKEN or ENDED
 *
 * The first verdict stays, and wakes a source on the context of the start, which wakes whoever waits. It is
 * not asked otherwise. What was found stays known until the next start.
 *
 * Threads: the lanes of a run belong to the worker; its verdict is shared. The captures of the process hold
 * the run, and the probe holds both; a run holds neither. A stop detaches the probe in its own thread, while
 * the start may be asking: that is what the lock of the probe is for.
 */

#include "mk-output-probe-private.h"

#include "base/mk-escape-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-waker-private.h"
#include "mk-error.h"
#include "mk-output-matcher-private.h"
#include "probe/mk-probe-private.h"
#include "process/mk-process-message-private.h"
#include "process/mk-worker-private.h"

/* How long a stream has to be silent for a match to count that more output could change. */
#define SETTLE_US (100 * G_TIME_SPAN_MILLISECOND)
/* How often new output alone, without a verdict, wakes whoever waits: only to know the last line of it. */
#define WAKE_INTERVAL_US (100 * G_TIME_SPAN_MILLISECOND)
/* How much of the last line a message shows, in bytes. */
#define LAST_LINE_BYTES 300
/* It may be known only after the end of its output that a process has exited. */
#define EXIT_DELAY_US (500 * G_TIME_SPAN_MILLISECOND)

typedef enum
{
  OUTPUT_OPEN,
  OUTPUT_READY,  /* the banner was printed */
  OUTPUT_FAILED, /* the failure pattern was */
  OUTPUT_BROKEN, /* looking for them went wrong */
  OUTPUT_ENDED,  /* no more output can come */
} OutputVerdict;

typedef struct _OutputRun OutputRun;

/* What one stream is looked through for. */
typedef struct
{
  MkOutputMatcher *banner;  /* (owned) (nullable) until there is a verdict */
  MkOutputMatcher *failure; /* (owned) (nullable) */
  guint n_found;            /* matches of the banner */
} OutputSearch;

/* So many bytes of escape sequences stand before a position in the text without them. */
typedef struct
{
  guint64 position;
  guint64 n_removed;
} OutputGap;

/* One stream of a run. From its first escape sequence on it is also looked through as if it had none. */
typedef struct
{
  OutputRun *run; /* (unowned) */
  MkStream stream;
  OutputSearch printed;
  OutputSearch plain; /* empty before the first escape sequence */
  MkEscapeFilter filter;
  guint64 n_plain;   /* bytes that are no part of an escape sequence */
  guint64 n_removed; /* bytes that are */
  GArray *gaps;      /* (owned) (element-type OutputGap) the latest ones */
  guint n_found;     /* matches of the banner, in whichever of the two has more */
  gint64 settles_at; /* G_MAXINT64: nothing is undecided */
} OutputLane;

/* One process. */
struct _OutputRun
{
  gatomicrefcount ref_count;
  MkWaker *settler; /* (owned) of the worker; holds the run until there is a verdict */

  /* Of the worker, once the process is spawned. */
  OutputLane lanes[2];
  guint n_open;    /* streams that may bring more */
  guint n_missing; /* matches of the banner */
  gint64 wakes_at; /* for the last line of the output */

  GMutex lock;
  OutputVerdict verdict;    /* (locked-by lock) */
  gint64 since;             /* (locked-by lock) monotonic, of the verdict */
  MkStream stream;          /* (locked-by lock) of the verdict, or of the newest output */
  MkOutputMatcher *matched; /* (owned) (nullable) (locked-by lock) of READY and FAILED */
  guint64 end;              /* (locked-by lock) of the match, in what was printed */
  GError *error;            /* (owned) (nullable) (locked-by lock) of BROKEN */
  /* (owned) (nullable) (locked-by lock) until there is a verdict: its context may not live much longer */
  MkWaker *waker;
};

struct _MkOutputProbe
{
  MkProbe parent_instance;

  MkOutputGoal goal;
  GWeakRef executor; /* that this is the probe of */
  MkOutputDupProcessFunc dup_process;

  GMutex lock;
  GError *trouble;    /* (owned) (nullable) (locked-by lock) why it could not be attached */
  MkProcess *process; /* (owned) (nullable) (locked-by lock) of the last start */
  OutputRun *run;     /* (owned) (nullable) (locked-by lock) likewise */
  MkWaker *waker;     /* (owned) (nullable) (locked-by lock) while attached; of the context of the start */
};

G_DEFINE_FINAL_TYPE (MkOutputProbe, mk_output_probe, MK_TYPE_PROBE)

/* ---- a run ---- */

static gboolean output_run_on_silence (gpointer user_data);

static OutputRun *
output_run_ref (OutputRun *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
output_search_clear (OutputSearch *self)
{
  g_clear_pointer (&self->banner, mk_output_matcher_free);
  g_clear_pointer (&self->failure, mk_output_matcher_free);
}

static void
output_lane_clear (OutputLane *self)
{
  output_search_clear (&self->printed);
  output_search_clear (&self->plain);
  g_clear_pointer (&self->gaps, g_array_unref);
  self->settles_at = G_MAXINT64;
}

static void
output_run_unref (OutputRun *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  output_lane_clear (&self->lanes[0]);
  output_lane_clear (&self->lanes[1]);
  g_clear_pointer (&self->matched, mk_output_matcher_free);
  g_clear_error (&self->error);
  mk_waker_unref (self->settler);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* @failure: (nullable). Call output_run_decide() when the verdict is of no interest any more */
static OutputRun *
output_run_new (GRegex *banner, guint occurrences, GRegex *failure, MkWaker *waker)
{
  static const MkStream streams[] = { MK_STREAM_STDOUT, MK_STREAM_STDERR };
  OutputRun *self = g_new0 (OutputRun, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->n_missing = occurrences;
  self->stream = MK_STREAM_STDOUT;
  self->waker = mk_waker_ref (waker);
  for (guint i = 0; i < 2; i++)
    {
      self->lanes[i].run = self;
      self->lanes[i].stream = streams[i];
      self->lanes[i].settles_at = G_MAXINT64;
      self->lanes[i].printed.banner = mk_output_matcher_new (banner, _ ("The banner"));
      self->lanes[i].printed.failure =
          failure ? mk_output_matcher_new (failure, _ ("The failure pattern")) : NULL;
    }

  self->settler = mk_waker_attach (mk_worker_get_context (),
                                   "MkOutputProbe run",
                                   output_run_on_silence,
                                   output_run_ref (self),
                                   (GDestroyNotify) output_run_unref);
  return self;
}

/*
 * In any thread; the first verdict stays.
 *
 * @matched: (nullable): taken if it is the first
 * @end: of its match, in what was printed
 * @error: (transfer full) (nullable)
 */
static void
output_run_decide (OutputRun *self,
                   OutputVerdict verdict,
                   MkOutputMatcher **matched,
                   guint64 end,
                   GError *error)
{
  g_mutex_lock (&self->lock);
  if (self->verdict == OUTPUT_OPEN)
    {
      self->verdict = verdict;
      self->since = g_get_monotonic_time ();
      self->matched = matched ? g_steal_pointer (matched) : NULL;
      self->end = end;
      self->error = g_steal_pointer (&error);
      mk_waker_wake (self->waker);
      g_clear_pointer (&self->waker, mk_waker_unref);
    }
  g_mutex_unlock (&self->lock);

  g_clear_error (&error);
  mk_waker_destroy (self->settler);
}

static OutputVerdict
output_run_get_verdict (OutputRun *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->verdict;
}

/* ---- a run in the worker ---- */

static gboolean
output_lane_find (MkOutputMatcher *matcher, gboolean settle, GError **error)
{
  return settle ? mk_output_matcher_settle (matcher) : mk_output_matcher_find (matcher, error);
}

/* Returns: where in what was printed the last match of @matcher ends */
static guint64
output_lane_get_end (OutputLane *self, MkOutputMatcher *matcher)
{
  guint64 end = mk_output_matcher_get_end (matcher);
  guint64 n_removed = 0;

  if (matcher == self->printed.banner || matcher == self->printed.failure)
    return end;

  for (guint i = 0; i < self->gaps->len; i++)
    {
      const OutputGap *gap = &g_array_index (self->gaps, OutputGap, i);

      if (gap->position < end)
        n_removed = gap->n_removed;
    }
  return end + n_removed;
}

/*
 * @end: (inout): lowered to where the failure pattern ends, in what was printed
 *
 * Returns: FALSE if it does not match before @end
 */
static gboolean
output_lane_find_failure (OutputLane *self,
                          OutputSearch *search,
                          gboolean settle,
                          guint64 *end,
                          GError **error)
{
  guint64 found;

  if (search->failure == NULL || !output_lane_find (search->failure, settle, error))
    return FALSE;

  found = output_lane_get_end (self, search->failure);
  if (found >= *end)
    return FALSE;
  *end = found;
  return TRUE;
}

/* @end: where the failure pattern ends: a banner behind it comes too late. Returns: whether it has matched
 * often enough */
static gboolean
output_lane_find_banner (OutputLane *self, OutputSearch *search, gboolean settle, guint64 end, GError **error)
{
  OutputRun *run = self->run;

  while (run->n_missing > 0 && output_lane_find (search->banner, settle, error) &&
         output_lane_get_end (self, search->banner) <= end)
    {
      search->n_found++;
      if (search->n_found > self->n_found)
        {
          self->n_found++;
          run->n_missing--;
        }
      settle = FALSE;
    }

  return run->n_missing == 0;
}

static void
output_lane_look (OutputLane *self, gboolean settle)
{
  OutputSearch *searches[] = { &self->printed, &self->plain };
  OutputRun *run = self->run;
  MkOutputMatcher **failure = NULL;
  MkOutputMatcher **banner = NULL;
  guint64 end = G_MAXUINT64;
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (searches) && error == NULL; i++)
    if (output_lane_find_failure (self, searches[i], settle, &end, &error))
      failure = &searches[i]->failure;
  for (guint i = 0; i < G_N_ELEMENTS (searches) && error == NULL && banner == NULL; i++)
    if (searches[i]->banner != NULL && output_lane_find_banner (self, searches[i], settle, end, &error))
      banner = &searches[i]->banner;

  if (error != NULL)
    output_run_decide (run, OUTPUT_BROKEN, NULL, 0, error);
  else if (banner != NULL)
    output_run_decide (run, OUTPUT_READY, banner, output_lane_get_end (self, *banner), NULL);
  else if (failure != NULL)
    output_run_decide (run, OUTPUT_FAILED, failure, end, NULL);
  else
    return;

  output_lane_clear (&run->lanes[0]);
  output_lane_clear (&run->lanes[1]);
}

static void
output_search_append (OutputSearch *self, const guint8 *data, gsize length)
{
  mk_output_matcher_append (self->banner, data, length);
  if (self->failure != NULL)
    mk_output_matcher_append (self->failure, data, length);
}

static void
output_search_close (OutputSearch *self)
{
  if (self->banner != NULL)
    mk_output_matcher_close (self->banner);
  if (self->failure != NULL)
    mk_output_matcher_close (self->failure);
}

static gboolean
output_search_is_undecided (OutputSearch *self)
{
  return (self->banner != NULL && mk_output_matcher_is_undecided (self->banner)) ||
         (self->failure != NULL && mk_output_matcher_is_undecided (self->failure));
}

/* Up to now, there was no difference. */
static void
output_lane_begin_plain (OutputLane *self)
{
  self->plain.banner = mk_output_matcher_copy (self->printed.banner);
  if (self->printed.failure != NULL)
    self->plain.failure = mk_output_matcher_copy (self->printed.failure);
  self->plain.n_found = self->printed.n_found;
  self->gaps = g_array_new (FALSE, FALSE, sizeof (OutputGap));
}

/* A match is never longer than what is remembered here. */
static void
output_lane_note_gap (OutputLane *self)
{
  const OutputGap gap = { self->n_plain, self->n_removed };
  guint n_old = 0;

  while (n_old + 1 < self->gaps->len &&
         g_array_index (self->gaps, OutputGap, n_old + 1).position + 2 * MK_OUTPUT_LONGEST_MATCH <
             self->n_plain)
    n_old++;
  if (n_old > 0)
    g_array_remove_range (self->gaps, 0, n_old);

  if (self->gaps->len > 0 &&
      g_array_index (self->gaps, OutputGap, self->gaps->len - 1).position == gap.position)
    g_array_set_size (self->gaps, self->gaps->len - 1);
  g_array_append_val (self->gaps, gap);
}

static void
output_lane_append_plain (OutputLane *self, const guint8 *data, gsize length)
{
  g_autofree guint8 *plain = g_malloc (length);
  gsize n = 0;

  for (gsize i = 0; i < length; i++)
    {
      if (mk_escape_filter_skip (&self->filter, data[i]))
        {
          self->n_removed++;
          output_lane_note_gap (self);
          continue;
        }
      plain[n++] = data[i];
      self->n_plain++;
    }
  output_search_append (&self->plain, plain, n);
}

static void
output_run_set_settler (OutputRun *self)
{
  mk_waker_wake_at (self->settler, MIN (self->lanes[0].settles_at, self->lanes[1].settles_at));
}

static void
output_lane_feed (OutputLane *self, const guint8 *data, gsize length)
{
  const guint8 *escape = self->plain.banner == NULL ? memchr (data, MK_ESCAPE, length) : NULL;
  gsize n_before = escape != NULL ? (gsize) (escape - data) : length;

  if (self->plain.banner != NULL)
    output_lane_append_plain (self, data, length);
  else
    self->n_plain += n_before;
  output_search_append (&self->printed, data, n_before);
  output_lane_look (self, FALSE);

  if (escape != NULL && self->printed.banner != NULL)
    {
      output_lane_begin_plain (self);
      output_lane_feed (self, escape, length - n_before);
      return;
    }

  self->settles_at = G_MAXINT64;
  if (output_search_is_undecided (&self->printed) || output_search_is_undecided (&self->plain))
    self->settles_at = g_get_monotonic_time () + SETTLE_US;
  output_run_set_settler (self->run);
}

static gboolean
output_run_on_silence (gpointer user_data)
{
  OutputRun *self = user_data;

  for (guint i = 0; i < 2; i++)
    {
      if (g_get_monotonic_time () < self->lanes[i].settles_at)
        continue;
      self->lanes[i].settles_at = G_MAXINT64;
      output_lane_look (&self->lanes[i], TRUE);
    }

  output_run_set_settler (self);
  return G_SOURCE_CONTINUE;
}

static void
output_lane_end (OutputLane *self)
{
  self->settles_at = G_MAXINT64;
  output_search_close (&self->printed);
  output_search_close (&self->plain);
  output_lane_look (self, FALSE);
  if (--self->run->n_open == 0)
    output_run_decide (self->run, OUTPUT_ENDED, NULL, 0, NULL);
}

/* Called with all output as it comes, and with @length 0 at its end. */
static void
output_lane_on_output (const guint8 *data, gsize length, gpointer user_data)
{
  OutputLane *self = user_data;
  OutputRun *run = self->run;
  gint64 now = g_get_monotonic_time ();
  gboolean is_open;

  g_mutex_lock (&run->lock);
  is_open = run->verdict == OUTPUT_OPEN;
  if (is_open && length > 0)
    {
      run->stream = self->stream;
      if (now >= run->wakes_at)
        run->wakes_at = now + WAKE_INTERVAL_US;
      /* Also if it is set already: an event of the process may have used it up. */
      mk_waker_wake_at (run->waker, run->wakes_at);
    }
  g_mutex_unlock (&run->lock);

  if (!is_open)
    output_lane_clear (self);
  else if (length > 0)
    output_lane_feed (self, data, length);
  else
    output_lane_end (self);
}

static void
output_lane_leave (gpointer lane)
{
  output_run_unref (((OutputLane *) lane)->run);
}

/* ---- words ---- */

static const char *
output_probe_name_streams (MkOutputProbe *self)
{
  switch ((guint) self->goal.stream)
    {
    case MK_STREAM_FLAGS_STDOUT:
      /* Translators: stands in “waiting for its standard output to match …” */
      return _ ("its standard output");

    case MK_STREAM_FLAGS_STDERR:
      /* Translators: stands in “waiting for its standard error to match …” */
      return _ ("its standard error");

    default:
      /* Translators: stands in “waiting for its output to match …” */
      return _ ("its output");
    }
}

static char *
mk_output_probe_describe (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  const char *streams = output_probe_name_streams (self);
  g_autofree char *banner = g_utf8_make_valid (self->goal.banner ? self->goal.banner : "", -1);

  if (self->goal.occurrences > 1)
    return g_strdup_printf (
        /* Translators: a clause that stands after “waiting for”; “its output”, a regular expression, how
         * often
         */
        mk_ngettext ("%s to match “%s” %u time", "%s to match “%s” %u times", self->goal.occurrences),
        streams,
        banner,
        self->goal.occurrences);
  /* Translators: a clause that stands after “waiting for”; “its output”, a regular expression */
  return g_strdup_printf (_ ("%s to match “%s”"), streams, banner);
}

/* What the C library does, and others do. */
static gboolean
output_probe_may_be_held_back (MkOutputProbe *self, MkProcess *process)
{
  return (self->goal.stream & MK_STREAM_FLAGS_STDOUT) != 0 &&
         mk_process_get_launch (process)->stdout_mode == MK_STDIO_MODE_CAPTURE &&
         !mk_capture_is_readable (mk_process_get_capture (process, MK_STREAM_STDOUT), 0);
}

static void
output_probe_note_last_line (MkOutputProbe *self, OutputRun *run, MkProcess *process)
{
  g_autofree char *line = NULL;
  g_autofree char *seen = NULL;
  MkStream stream;

  g_mutex_lock (&run->lock);
  stream = run->stream;
  g_mutex_unlock (&run->lock);

  line = mk_capture_dup_last_lines (mk_process_get_capture (process, stream), 1, LAST_LINE_BYTES);
  if (!output_probe_may_be_held_back (self, process))
    {
      mk_probe_set_detail (MK_PROBE (self), line ? line : _ ("no output"));
      return;
    }

  seen = g_strdup_printf (
      /* Translators: “no output”, or the last line of standard error */
      _ ("%s; many programs hold back what they print to a pipe: try stdout-mode=PTY, stdbuf -oL, or "
         "PYTHONUNBUFFERED=1 for Python"),
      line ? line : _ ("no output"));
  mk_probe_set_detail (MK_PROBE (self), seen);
}

/* Returns: (transfer full): what the verdict is about, for a message */
static char *
output_run_dup_match (OutputRun *self)
{
  g_autofree char *match = NULL;
  MK_AUTO_LOCK (&self->lock);

  match = mk_output_matcher_dup_group (self->matched, "0");
  return mk_message_clean (match);
}

static GError *
output_probe_failure_error (MkOutputProbe *self, OutputRun *run, MkProcess *process)
{
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));
  g_autofree char *match = output_run_dup_match (run);

  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      /* Translators: a service, a clause such as “its output to match “ready””, a part of its
                       * output */
                      _ ("%s failed while waiting for %s: it printed “%s”"),
                      service,
                      goal,
                      match);
}

/* Nothing can come any more. A process that failed is reported by the start. */
static void
output_probe_check_end (MkOutputProbe *self, OutputRun *run, MkProcess *process, GError **error)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *goal = mk_output_probe_describe (MK_PROBE (self));

  if (news.exited && news.status == 0)
    {
      /* Translators: a service, a clause such as “its output to match “ready”” */
      g_autofree char *sentence =
          g_strdup_printf (_ ("%s exited with status 0 while waiting for %s"), service, goal);

      g_propagate_error (error, mk_process_message_ended_error (process, sentence));
    }
  else if (!news.exited && g_get_monotonic_time () >= run->since + EXIT_DELAY_US)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_FAILED,
                 /* Translators: a service, a clause such as “its output to match “ready”” */
                 _ ("%s closed its output while waiting for %s"),
                 service,
                 goal);
}

/* ---- settings ---- */

static gboolean
output_goal_check (const MkOutputGoal *goal, GError **error)
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
                         _ ("A banner cannot be waited for 0 times: the minimum is 1"));
  else if (goal->stream == 0 || ((guint) goal->stream & ~(guint) MK_STREAM_FLAGS_BOTH) != 0)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("The banner “%s” cannot be looked for: %u is not a set of output streams"),
                 goal->banner,
                 (guint) goal->stream);
  else
    return TRUE;

  return FALSE;
}

/* Whether what is looked at is captured. */
static gboolean
output_probe_check_modes (MkOutputProbe *self, GError **error)
{
  g_autoptr (GObject) executor = g_weak_ref_get (&self->executor);
  gboolean wants_output = (self->goal.stream & MK_STREAM_FLAGS_STDOUT) != 0;
  gboolean wants_errors = (self->goal.stream & MK_STREAM_FLAGS_STDERR) != 0;
  MkStdioMode output_mode, error_mode;

  if (executor == NULL)
    return TRUE;

  g_object_get (executor, "stdout-mode", &output_mode, "stderr-mode", &error_mode, NULL);
  if (wants_output && !mk_launch_captures (output_mode))
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("The banner cannot be looked for in standard output, which is not captured: set "
                            "the mode of standard output, or look in another stream"));
  else if (wants_errors && !mk_launch_captures (error_mode) &&
           !(wants_output && error_mode == MK_STDIO_MODE_MERGE))
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("The banner cannot be looked for in standard error, which is not captured: set "
                            "the mode of standard error, or look in another stream"));
  else
    return TRUE;

  return FALSE;
}

/*
 * Errors are MK_ERROR_INVALID_ARGUMENT.
 *
 * @banner: (out) (transfer full)
 * @failure: (out) (transfer full) (nullable)
 */
static gboolean
output_probe_compile (MkOutputProbe *self, GRegex **banner, GRegex **failure, GError **error)
{
  const MkOutputGoal *goal = &self->goal;

  if (!output_goal_check (goal, error) || !output_probe_check_modes (self, error))
    return FALSE;

  *banner = mk_output_matcher_compile (goal->banner, _ ("The banner"), error);
  if (*banner == NULL || goal->failure_pattern == NULL)
    return *banner != NULL;

  *failure = mk_output_matcher_compile (goal->failure_pattern, _ ("The failure pattern"), error);
  return *failure != NULL;
}

/* Before a start nothing can be in the way of it: the output will be its own. */
static MkProbe *
mk_output_probe_dup_before_start (MkProbe *probe, GError **error)
{
  g_autoptr (GRegex) banner = NULL;
  g_autoptr (GRegex) failure = NULL;

  if (!output_probe_compile (MK_OUTPUT_PROBE (probe), &banner, &failure, error))
    return NULL;

  return MK_PROBE (mk_output_probe_new (NULL, NULL));
}

/* ---- a start ---- */

static gboolean
output_probe_on_woken (gpointer user_data)
{
  MkOutputProbe *self = user_data;
  gint64 time;

  mk_probe_wake (MK_PROBE (self));

  /* Asked again when it is clear whether the process has exited, too. */
  g_mutex_lock (&self->lock);
  if (self->waker != NULL && output_run_get_verdict (self->run) == OUTPUT_ENDED)
    {
      time = self->run->since + EXIT_DELAY_US;
      if (g_get_monotonic_time () < time)
        mk_waker_wake_at (self->waker, time);
    }
  g_mutex_unlock (&self->lock);
  return G_SOURCE_CONTINUE;
}

/* Call with the lock held. */
static void
output_probe_leave (MkOutputProbe *self)
{
  if (self->waker == NULL)
    return;

  mk_process_remove_listener (self->process, self->waker);
  output_run_decide (self->run, OUTPUT_ENDED, NULL, 0, NULL);
  mk_waker_clear (&self->waker);
}

/* Call with the lock held. */
static void
output_probe_forget (MkOutputProbe *self)
{
  g_clear_pointer (&self->run, output_run_unref);
  g_clear_pointer (&self->process, mk_process_unref);
}

/* Call with the lock held. */
static void
output_probe_follow (MkOutputProbe *self, MkStreamFlags flag, OutputLane *lane, MkStdioMode mode)
{
  if (!(self->goal.stream & flag) || !mk_launch_captures (mode) ||
      !mk_process_watch_output (self->process, lane->stream, output_lane_on_output, lane, output_lane_leave))
    return;

  output_run_ref (self->run);
  self->run->n_open++;
}

/* What goes wrong here is for the check to say: a subclass with checks of its own may ask only then. */
static void
mk_output_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (MkProcess) process = self->dup_process (executor);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr (GRegex) banner = NULL;
  g_autoptr (GRegex) failure = NULL;
  g_autoptr (GError) error = NULL;
  MkLaunch *launch = mk_process_get_launch (process);
  gboolean is_valid = output_probe_compile (self, &banner, &failure, &error);

  g_mutex_lock (&self->lock);
  output_probe_leave (self);
  output_probe_forget (self);
  g_clear_error (&self->trouble);
  self->trouble = g_steal_pointer (&error);
  if (is_valid)
    {
      self->process = g_steal_pointer (&process);
      self->waker = mk_waker_attach (
          context, "MkOutputProbe", output_probe_on_woken, g_object_ref (self), g_object_unref);
      self->run = output_run_new (banner, self->goal.occurrences, failure, self->waker);
      output_probe_follow (self, MK_STREAM_FLAGS_STDOUT, &self->run->lanes[0], launch->stdout_mode);
      output_probe_follow (self, MK_STREAM_FLAGS_STDERR, &self->run->lanes[1], launch->stderr_mode);
      /* Its end is worth asking too. */
      mk_process_add_listener (self->process, self->waker);
    }
  g_mutex_unlock (&self->lock);
}

static void
mk_output_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  MK_AUTO_LOCK (&self->lock);

  output_probe_leave (self);
}

/* ---- an attempt ---- */

/* Returns: FALSE, perhaps with an error, if there is nothing to ask */
static gboolean
output_probe_dup_run (MkOutputProbe *self, OutputRun **run, MkProcess **process, GError **error)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->trouble != NULL)
    g_propagate_error (error, g_error_copy (self->trouble));
  if (self->trouble != NULL || self->run == NULL)
    return FALSE;
  if (self->waker == NULL && mk_process_get_news (self->process).gone)
    return FALSE;

  *run = output_run_ref (self->run);
  *process = mk_process_ref (self->process);
  return TRUE;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (OutputRun, output_run_unref)

/* What the service prints after the banner is left to be read. */
static void
output_run_leave_rest (OutputRun *self, MkProcess *process)
{
  MK_AUTO_LOCK (&self->lock);

  mk_capture_set_beginning (mk_process_get_capture (process, self->stream), self->end);
}

static gboolean
mk_output_probe_check (MkProbe *probe, GError **error)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (OutputRun) run = NULL;
  g_autoptr (MkProcess) process = NULL;

  if (!output_probe_dup_run (self, &run, &process, error))
    return FALSE;

  switch (output_run_get_verdict (run))
    {
    case OUTPUT_READY:
      output_run_leave_rest (run, process);
      return TRUE;

    case OUTPUT_FAILED:
      g_propagate_error (error, output_probe_failure_error (self, run, process));
      return FALSE;

    case OUTPUT_BROKEN:
      g_propagate_error (error, g_error_copy (run->error));
      return FALSE;

    case OUTPUT_ENDED:
      output_probe_check_end (self, run, process, error);
      break;

    case OUTPUT_OPEN:
    default:
      break;
    }

  output_probe_note_last_line (self, run, process);
  return FALSE;
}

static gboolean
mk_output_probe_is_met (MkProbe *probe)
{
  g_autoptr (OutputRun) run = NULL;
  g_autoptr (MkProcess) process = NULL;

  return output_probe_dup_run (MK_OUTPUT_PROBE (probe), &run, &process, NULL) &&
         output_run_get_verdict (run) == OUTPUT_READY;
}

/* What the service said before it exited says more than its status. */
static GError *
mk_output_probe_explain_exit (MkProbe *probe)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (probe);
  g_autoptr (OutputRun) run = NULL;
  g_autoptr (MkProcess) process = NULL;
  g_autofree char *service = NULL;
  g_autofree char *status = NULL;
  g_autofree char *match = NULL;

  if (!output_probe_dup_run (self, &run, &process, NULL))
    return NULL;
  if (output_run_get_verdict (run) == OUTPUT_FAILED)
    return output_probe_failure_error (self, run, process);
  if (output_run_get_verdict (run) != OUTPUT_READY)
    return NULL;

  service = mk_process_message_service (process);
  status = mk_message_status (mk_process_get_news (process).status);
  match = output_run_dup_match (run);
  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      /* Translators: a service, “exited with status 1” or “was ended by signal 9 (Killed)”, a
                         part of its output */
                      _ ("%s %s right after it printed “%s”"),
                      service,
                      status,
                      match);
}

/* ---- the object ---- */

static void
mk_output_probe_finalize (GObject *object)
{
  MkOutputProbe *self = MK_OUTPUT_PROBE (object);

  output_probe_forget (self);
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
  mk_probe_set_pace (MK_PROBE (self), MK_PROBE_PACE_WOKEN);
}

/* @executor: (nullable): the one whose service it is for; it is not held */
MkOutputProbe *
mk_output_probe_new (MkSimpleExecutor *executor, MkOutputDupProcessFunc dup_process)
{
  MkOutputProbe *self = g_object_new (MK_TYPE_OUTPUT_PROBE, NULL);

  g_weak_ref_set (&self->executor, executor);
  self->dup_process = dup_process;
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
  g_autoptr (OutputRun) run = NULL;
  char *match = NULL;

  g_mutex_lock (&self->lock);
  run = self->run ? output_run_ref (self->run) : NULL;
  g_mutex_unlock (&self->lock);
  if (run == NULL)
    return NULL;

  g_mutex_lock (&run->lock);
  if (run->verdict == OUTPUT_READY)
    match = mk_output_matcher_dup_group (run->matched, name_or_number);
  g_mutex_unlock (&run->lock);
  return match;
}
