/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks at the output of a service as it comes, in the worker, for a banner and for what tells of a failure.
 *
 *   OPEN ──> READY, FAILED, BROKEN or ENDED
 *
 * The first verdict stays, and after it nothing is looked at any more. It wakes `waker`. In one piece of
 * output what comes first counts.
 *
 * The captures of a process hold the watch, and the probe does; the watch holds neither.
 */

#include "mk-output-watch.h"

#include "mk-scanner.h"
#include "mk-wake-source.h"

/* How long a stream has to be silent for a match to count that more output could change. */
#define SETTLE_US (100 * G_TIME_SPAN_MILLISECOND)

typedef gboolean (*FindFunc) (MkScanner *scanner, GError **error);

typedef struct
{
  MkOutputWatch *watch; /* (unowned) */
  MkStream stream;
  gboolean followed;
  gboolean ended;
  gboolean settled;   /* since the newest output */
  gint64 fed_at;      /* when the newest output came */
  MkScanner *banner;  /* (owned) (nullable) until there is a verdict */
  MkScanner *failure; /* (owned) (nullable) */
} Lane;

struct _MkOutputWatch
{
  gatomicrefcount ref_count;
  GSource *waker; /* (owned) */

  GMutex lock;
  Lane lanes[2];     /* (locked-by lock) */
  guint missing;     /* (locked-by lock) matches of the banner */
  MkOutputNews news; /* (locked-by lock) */
};

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

/* @failure: (nullable) */
MkOutputWatch *
mk_output_watch_new (MkPattern *banner, guint occurrences, MkPattern *failure, GSource *waker)
{
  MkOutputWatch *self = g_new0 (MkOutputWatch, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->waker = g_source_ref (waker);
  self->missing = occurrences;
  lane_init (&self->lanes[0], self, MK_STREAM_STDOUT, banner, failure);
  lane_init (&self->lanes[1], self, MK_STREAM_STDERR, banner, failure);
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
  g_source_unref (self->waker);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
mk_output_news_clear (MkOutputNews *news)
{
  g_clear_pointer (&news->groups, g_ptr_array_unref);
  g_clear_error (&news->error);
}

/* ---- verdicts; call with the lock held ---- */

static void
decide (MkOutputWatch *self, MkOutputVerdict verdict, MkStream stream)
{
  if (self->news.verdict != MK_OUTPUT_OPEN)
    return;

  self->news.verdict = verdict;
  self->news.stream = stream;
  self->news.since = g_get_monotonic_time ();
  lane_clear (&self->lanes[0]);
  lane_clear (&self->lanes[1]);
  mk_wake_source_wake (self->waker);
}

/* Takes the groups now: they point into the bytes that the scanner keeps. */
static void
note_match (MkOutputWatch *self, MkScanner *scanner)
{
  g_clear_pointer (&self->news.groups, g_ptr_array_unref);
  self->news.groups = mk_scanner_dup_groups (scanner);
  self->news.end = mk_scanner_get_match_end (scanner);
}

/* Counts matches of the banner that end before @limit. Returns: whether there were enough */
static gboolean
count_banners (Lane *lane, FindFunc find, guint64 limit)
{
  MkOutputWatch *self = lane->watch;

  while (find (lane->banner, &self->news.error) && mk_scanner_get_match_end (lane->banner) <= limit)
    {
      if (--self->missing == 0)
        {
          note_match (self, lane->banner);
          return TRUE;
        }
      find = mk_scanner_find;
    }

  return FALSE;
}

static void
look (Lane *lane, FindFunc find)
{
  MkOutputWatch *self = lane->watch;
  gboolean failed = lane->failure != NULL && find (lane->failure, &self->news.error);

  if (failed)
    note_match (self, lane->failure);

  if (self->news.error == NULL && count_banners (lane, find, failed ? self->news.end : G_MAXUINT64))
    decide (self, MK_OUTPUT_READY, lane->stream);
  else if (self->news.error != NULL)
    decide (self, MK_OUTPUT_BROKEN, lane->stream);
  else if (failed)
    decide (self, MK_OUTPUT_FAILED, lane->stream);
}

static gboolean
is_over (const Lane *lane)
{
  return !lane->followed || lane->ended;
}

/* ---- in the worker ---- */

static void
feed (Lane *lane, const guint8 *data, gsize length)
{
  lane->watch->news.stream = lane->stream;
  lane->settled = FALSE;
  lane->fed_at = g_get_monotonic_time ();
  mk_scanner_append (lane->banner, data, length);
  if (lane->failure != NULL)
    mk_scanner_append (lane->failure, data, length);
  look (lane, mk_scanner_find);
}

static void
end (Lane *lane)
{
  MkOutputWatch *self = lane->watch;

  lane->ended = TRUE;
  mk_scanner_close (lane->banner);
  if (lane->failure != NULL)
    mk_scanner_close (lane->failure);
  look (lane, mk_scanner_find);
  if (is_over (&self->lanes[0]) && is_over (&self->lanes[1]))
    decide (self, MK_OUTPUT_ENDED, self->news.stream);
}

static void
on_output (const guint8 *data, gsize length, gpointer user_data)
{
  Lane *lane = user_data;
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lane->watch->lock);

  if (lane->watch->news.verdict != MK_OUTPUT_OPEN)
    return;

  if (length > 0)
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

/* @capture: of a service that is not spawned yet */
void
mk_output_watch_follow (MkOutputWatch *self, MkStream stream, MkCapture *capture)
{
  Lane *lane = &self->lanes[stream == MK_STREAM_STDERR ? 1 : 0];

  lane->followed = TRUE;
  g_atomic_ref_count_inc (&self->ref_count);
  mk_capture_set_watcher (capture, on_output, lane, leave);
}

/* Nobody wants to know any more. */
void
mk_output_watch_end (MkOutputWatch *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  decide (self, MK_OUTPUT_ENDED, self->news.stream);
}

static void
settle (Lane *lane)
{
  if (lane->banner == NULL || lane->settled || lane->fed_at == 0 ||
      g_get_monotonic_time () - lane->fed_at < SETTLE_US)
    return;

  lane->settled = TRUE;
  look (lane, mk_scanner_settle);
}

void
mk_output_watch_get_news (MkOutputWatch *self, MkOutputNews *news)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  settle (&self->lanes[0]);
  settle (&self->lanes[1]);

  *news = self->news;
  news->groups = self->news.groups ? g_ptr_array_ref (self->news.groups) : NULL;
  news->error = self->news.error ? g_error_copy (self->news.error) : NULL;
}
