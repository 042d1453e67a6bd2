/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks at the output of a service as it comes, for a banner and for what tells of a failure.
 *
 *   OPEN ──> READY, FAILED, BROKEN or ENDED
 *
 * The first verdict stays, and after it nothing is looked at any more. It wakes `waker`. In one piece of
 * output what comes first counts.
 *
 * All the looking happens in the worker; only the news are shared, so that nobody waits for a look that takes
 * long. The captures of a process hold the watch, and the probe does; the watch holds neither.
 */

#include "mk-output-watch-private.h"

#include "mk-scanner-private.h"
#include "base/mk-wake-source-private.h"
#include "process/mk-worker-private.h"

/* How long a stream has to be silent for a match to count that more output could change. */
#define SETTLE_US (100 * G_TIME_SPAN_MILLISECOND)

typedef gboolean (*FindFunc) (MkScanner *scanner, GError **error);

typedef struct
{
  MkOutputWatch *watch; /* (unowned) */
  MkStream stream;
  gboolean followed; /* does not change once the service is spawned */
  gboolean ended;
  gint64 settles_at;  /* 0: nothing is undecided */
  MkScanner *banner;  /* (owned) (nullable) until there is a verdict */
  MkScanner *failure; /* (owned) (nullable) */
} Lane;

struct _MkOutputWatch
{
  gatomicrefcount ref_count;
  MkWakeSource *settler; /* (owned) of the worker; holds the watch until there is a verdict */

  /* Of the worker. */
  Lane lanes[2];
  guint missing; /* matches of the banner */
  gboolean settler_is_set;

  GMutex lock;
  MkOutputNews news; /* (locked-by lock) */
  /* (owned) (nullable) (locked-by lock) until there is a verdict: its context may not live much longer */
  MkWakeSource *waker;
};

static gboolean on_silence (gpointer user_data);

static void
lane_init (Lane *self, MkOutputWatch *watch, MkStream stream, MkPattern *banner, MkPattern *failure)
{
  self->watch = watch;
  self->stream = stream;
  self->banner = mk_scanner_new (banner);
  self->failure = failure ? mk_scanner_new (failure) : NULL;
}

static void
lane_clear (Lane *self)
{
  g_clear_pointer (&self->banner, mk_scanner_free);
  g_clear_pointer (&self->failure, mk_scanner_free);
}

/* @failure: (nullable). Call mk_output_watch_end() when the news are of no interest any more */
MkOutputWatch *
mk_output_watch_new (MkPattern *banner, guint occurrences, MkPattern *failure, MkWakeSource *waker)
{
  MkOutputWatch *self = g_new0 (MkOutputWatch, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->waker = mk_wake_source_ref (waker);
  self->missing = occurrences;
  lane_init (&self->lanes[0], self, MK_STREAM_STDOUT, banner, failure);
  lane_init (&self->lanes[1], self, MK_STREAM_STDERR, banner, failure);
  self->settler = mk_wake_source_attach (mk_worker_get_context (),
                                         "MkOutputWatch",
                                         on_silence,
                                         mk_output_watch_ref (self),
                                         (GDestroyNotify) mk_output_watch_unref);
  return self;
}

MkOutputWatch *
mk_output_watch_ref (MkOutputWatch *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_output_watch_unref (MkOutputWatch *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  lane_clear (&self->lanes[0]);
  lane_clear (&self->lanes[1]);
  mk_output_news_clear (&self->news);
  mk_wake_source_unref (self->settler);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
mk_output_news_clear (MkOutputNews *news)
{
  g_clear_pointer (&news->groups, g_ptr_array_unref);
  g_clear_error (&news->error);
}

/* In any thread. @news: what is in it is taken, if it is the first verdict */
static void
decide (MkOutputWatch *self, MkOutputNews *news)
{
  g_mutex_lock (&self->lock);
  if (self->news.verdict == MK_OUTPUT_OPEN)
    {
      self->news = *news;
      self->news.since = g_get_monotonic_time ();
      *news = (MkOutputNews){ 0 };
      mk_wake_source_wake (self->waker);
      g_clear_pointer (&self->waker, mk_wake_source_unref);
    }
  g_mutex_unlock (&self->lock);

  mk_wake_source_destroy (self->settler);
}

/* ---- in the worker ---- */

/* @stream: where something came, 0 for nothing. Returns: whether there is still something to look for */
static gboolean
is_open (MkOutputWatch *self, guint stream)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->news.verdict != MK_OUTPUT_OPEN)
    return FALSE;

  if (stream != 0)
    self->news.stream = stream;
  return TRUE;
}

/* Takes the groups now: they point into the bytes that the scanner keeps. */
static void
note_match (MkOutputNews *news, MkScanner *scanner)
{
  g_clear_pointer (&news->groups, g_ptr_array_unref);
  news->groups = mk_scanner_dup_groups (scanner);
  news->end = mk_scanner_get_match_end (scanner);
}

/* Counts matches of the banner that end before @limit. Returns: whether there were enough */
static gboolean
count_banners (Lane *lane, FindFunc find, guint64 limit, MkOutputNews *news)
{
  while (find (lane->banner, &news->error) && mk_scanner_get_match_end (lane->banner) <= limit)
    {
      if (--lane->watch->missing == 0)
        {
          note_match (news, lane->banner);
          return TRUE;
        }
      find = mk_scanner_find;
    }

  return FALSE;
}

/* Returns: the verdict */
static MkOutputVerdict
judge (Lane *lane, FindFunc find, MkOutputNews *news)
{
  gboolean failed = lane->failure != NULL && find (lane->failure, &news->error);

  if (failed)
    note_match (news, lane->failure);

  if (news->error == NULL && count_banners (lane, find, failed ? news->end : G_MAXUINT64, news))
    return MK_OUTPUT_READY;
  if (news->error != NULL)
    return MK_OUTPUT_BROKEN;
  return failed ? MK_OUTPUT_FAILED : MK_OUTPUT_OPEN;
}

static void
look (Lane *lane, FindFunc find)
{
  MkOutputWatch *self = lane->watch;
  g_auto (MkOutputNews) news = { .stream = lane->stream };

  news.verdict = judge (lane, find, &news);
  if (news.verdict == MK_OUTPUT_OPEN)
    return;

  decide (self, &news);
  lane_clear (&self->lanes[0]);
  lane_clear (&self->lanes[1]);
}

/* One that is set already is left alone: when it goes off it is set again for what is due later. */
static void
set_settler (MkOutputWatch *self, gint64 time)
{
  if (self->settler_is_set)
    return;

  self->settler_is_set = TRUE;
  mk_wake_source_wake_at (self->settler, time);
}

static gboolean
is_undecided (Lane *lane)
{
  return lane->banner != NULL && (mk_scanner_is_undecided (lane->banner) ||
                                  (lane->failure != NULL && mk_scanner_is_undecided (lane->failure)));
}

static void
feed (Lane *lane, const guint8 *data, gsize length)
{
  mk_scanner_append (lane->banner, data, length);
  if (lane->failure != NULL)
    mk_scanner_append (lane->failure, data, length);
  look (lane, mk_scanner_find);

  lane->settles_at = is_undecided (lane) ? g_get_monotonic_time () + SETTLE_US : 0;
  if (lane->settles_at != 0)
    set_settler (lane->watch, lane->settles_at);
}

static gboolean
on_silence (gpointer user_data)
{
  MkOutputWatch *self = user_data;

  self->settler_is_set = FALSE;
  for (guint i = 0; i < 2; i++)
    {
      Lane *lane = &self->lanes[i];

      if (lane->banner == NULL || lane->settles_at == 0)
        continue;
      if (g_get_monotonic_time () < lane->settles_at)
        {
          set_settler (self, lane->settles_at);
          continue;
        }
      lane->settles_at = 0;
      look (lane, mk_scanner_settle);
    }

  return G_SOURCE_CONTINUE;
}

static gboolean
is_over (const Lane *lane)
{
  return !lane->followed || lane->ended;
}

static void
end (Lane *lane)
{
  MkOutputWatch *self = lane->watch;

  lane->ended = TRUE;
  lane->settles_at = 0;
  mk_scanner_close (lane->banner);
  if (lane->failure != NULL)
    mk_scanner_close (lane->failure);
  look (lane, mk_scanner_find);
  if (is_over (&self->lanes[0]) && is_over (&self->lanes[1]))
    mk_output_watch_end (self);
}

static void
on_output (const guint8 *data, gsize length, gpointer user_data)
{
  Lane *lane = user_data;

  if (!is_open (lane->watch, length > 0 ? lane->stream : 0))
    lane_clear (lane);
  else if (length > 0)
    feed (lane, data, length);
  else
    end (lane);
}

static void
leave (gpointer lane)
{
  mk_output_watch_unref (((Lane *) lane)->watch);
}

/* ---- for the probe ---- */

/* Returns: FALSE if @stream of @process cannot be followed: it was spawned already, or somebody else does */
gboolean
mk_output_watch_follow (MkOutputWatch *self, MkStream stream, MkProcess *process)
{
  Lane *lane = &self->lanes[stream == MK_STREAM_STDERR ? 1 : 0];

  lane->followed = TRUE;
  if (mk_process_watch_output (process, stream, on_output, lane, leave))
    {
      g_atomic_ref_count_inc (&self->ref_count);
      return TRUE;
    }
  return FALSE;
}

/* Nothing can come any more, or nobody wants to know. */
void
mk_output_watch_end (MkOutputWatch *self)
{
  MkOutputNews news = { .verdict = MK_OUTPUT_ENDED };

  g_mutex_lock (&self->lock);
  news.stream = self->news.stream;
  g_mutex_unlock (&self->lock);
  decide (self, &news);
}

void
mk_output_watch_get_news (MkOutputWatch *self, MkOutputNews *news)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  *news = self->news;
  news->groups = self->news.groups ? g_ptr_array_ref (self->news.groups) : NULL;
  news->error = self->news.error ? g_error_copy (self->news.error) : NULL;
}
