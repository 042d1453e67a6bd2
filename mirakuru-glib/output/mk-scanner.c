/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the matches of a pattern in a stream that comes in pieces.
 *
 * Bytes that have been looked at are forgotten, but for those that a match still under way may consist of
 * (`next` is where it begins), and the few before it that a pattern may look back at. So each byte is looked
 * at about once, and memory is bounded: when more than MAX_UNDECIDED bytes are kept, the older ones are given
 * up, so that a match of at most MK_SCANNER_LONGEST_MATCH bytes is found wherever it is.
 *
 * Where more bytes could change a match, as with "port \d+" after "port 63", there is none until they come,
 * the stream ends, or the caller decides that it has waited long enough (mk_scanner_settle()).
 */

#include "mk-scanner-private.h"

#include <string.h>
#include <time.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"

#define MAX_UNDECIDED (2 * MK_SCANNER_LONGEST_MATCH)
#define PADDING       64
#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024)

/*
 * What bounds the time that is spent on one piece of the stream. PCRE2 cannot be interrupted, and counts its
 * steps for one beginning of a match at a time. So it is given few bytes at once; where a match under way
 * needs many, it is given few beginnings at once, which is slower.
 */
#define MATCH_LIMIT    1000000
#define HEAP_LIMIT_KIB (64 * 1024)
#define STEP           512
#define MIN_BEGINNINGS 1
#define MAX_BEGINNINGS 256
#define QUICK_US       1000
#define STEPS_PER_LOOK 8 /* at the clock */
#define TIME_LIMIT_US  G_USEC_PER_SEC
/* For matches that may be missed: when nothing comes, and while more does. */
#define SETTLE_LIMIT_US (100 * G_TIME_SPAN_MILLISECOND)
#define COURTESY_US     (10 * G_TIME_SPAN_MILLISECOND)

struct _MkScanner
{
  MkPattern *pattern;           /* (owned) */
  pcre2_match_data *match;      /* (owned) */
  pcre2_match_context *context; /* (owned) */
  pcre2_jit_stack *stack;       /* (owned) (nullable) */
  gsize lookbehind;
  gboolean splits_line_ends;

  GByteArray *window;     /* (owned) */
  guint64 position;       /* of the window in the stream */
  gsize next;             /* where in the window the next match may begin */
  gsize seen;             /* how much of the window was looked at */
  gboolean after_nothing; /* the match before ended at `next`, and was empty */
  gboolean is_costly;     /* to look for matches behind the beginning of others */
  gboolean closed;
};

/* PCRE2's machine code reads whole words, a little past the end too: the bytes there count for nothing, but
 * they are to be bytes of ours, and have a value. */
static void
add_padding (GByteArray *window)
{
  guint length = window->len;

  g_byte_array_set_size (window, length + PADDING);
  memset (window->data + length, 0, PADDING);
  g_byte_array_set_size (window, length);
}

MkScanner *
mk_scanner_new (MkPattern *pattern)
{
  MkScanner *self = g_new0 (MkScanner, 1);

  self->pattern = mk_pattern_ref (pattern);
  self->match = pcre2_match_data_create_from_pattern (mk_pattern_get_code (pattern), NULL);
  self->context = pcre2_match_context_create (NULL);
  pcre2_set_match_limit (self->context, MATCH_LIMIT);
  pcre2_set_heap_limit (self->context, HEAP_LIMIT_KIB);
  self->stack = pcre2_jit_stack_create (JIT_STACK_MIN, JIT_STACK_MAX, NULL);
  if (self->stack != NULL)
    pcre2_jit_stack_assign (self->context, NULL, self->stack);
  self->lookbehind = mk_pattern_get_lookbehind (pattern);
  self->splits_line_ends = mk_pattern_splits_line_ends (pattern);
  self->window = g_byte_array_new ();
  add_padding (self->window);
  return self;
}

void
mk_scanner_free (MkScanner *self)
{
  g_byte_array_unref (self->window);
  pcre2_match_data_free (self->match);
  pcre2_match_context_free (self->context);
  pcre2_jit_stack_free (self->stack);
  mk_pattern_unref (self->pattern);
  g_free (self);
}

/* @data: what follows. Ask for matches before more is appended */
void
mk_scanner_append (MkScanner *self, const guint8 *data, gsize length)
{
  gsize decided = self->next > self->lookbehind ? self->next - self->lookbehind : 0;

  if (decided > 0)
    {
      g_byte_array_remove_range (self->window, 0, (guint) decided);
      self->position += decided;
      self->next -= decided;
      self->seen -= decided;
    }
  g_byte_array_append (self->window, data, (guint) length);
  add_padding (self->window);
}

/* Nothing follows: what was undecided can be decided. */
void
mk_scanner_close (MkScanner *self)
{
  self->closed = TRUE;
}

/* What this thread has used, in microseconds: it is no fault of the pattern when others are busy. */
static gint64
get_cpu_time (void)
{
  struct timespec now = { 0 };

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* No match begins before @next. */
static void
advance (MkScanner *self, gsize next)
{
  if (next <= self->next)
    return;

  self->next = next;
  self->after_nothing = FALSE;
}

/* As on its way through a subject PCRE2 does not try what begins between the two bytes of "\r\n". */
static void
leave_line_end (MkScanner *self)
{
  const guint8 *next = self->window->data + self->next;

  if (!self->splits_line_ends && self->next > 0 && self->next < self->window->len && next[-1] == '\r' &&
      next[0] == '\n')
    advance (self, self->next + 1);
}

static int
match_once (MkScanner *self, const pcre2_code *code, guint32 options)
{
  return pcre2_match (code, self->window->data, self->seen, self->next, options, self->match, self->context);
}

/* Where no line has begun yet "^" is only good for more than nothing. */
static gboolean
is_after_all (MkScanner *self)
{
  const gsize *bounds = pcre2_get_ovector_pointer (self->match);
  const guint8 *end = self->window->data + self->seen;

  return bounds[0] == self->seen && bounds[1] == self->seen && self->seen > 0 &&
         (end[-1] == '\n' || end[-1] == '\r');
}

/* In what was seen. Returns: as pcre2_match() */
static int
match (MkScanner *self, const pcre2_code *code, guint32 options)
{
  int result;

  /* Before the window there is something, if not in it. */
  if (self->position > 0)
    options |= PCRE2_NOTBOL;
  if (self->after_nothing)
    options |= PCRE2_NOTEMPTY_ATSTART;

  result = match_once (self, code, options);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT)
    result = match_once (self, code, options | PCRE2_NO_JIT);
  return result >= 0 && is_after_all (self) ? PCRE2_ERROR_NOMATCH : result;
}

static guint32
get_options (MkScanner *self)
{
  return self->closed && self->seen == self->window->len ? 0 : PCRE2_PARTIAL_HARD;
}

/* Looks at a little more. Returns: as pcre2_match() */
static int
search_step (MkScanner *self)
{
  int result;

  self->seen = MIN (self->seen + STEP, self->window->len);
  leave_line_end (self);
  pcre2_set_offset_limit (self->context, PCRE2_UNSET);
  result = match (self, mk_pattern_get_code (self->pattern), get_options (self));
  if (result == PCRE2_ERROR_NOMATCH)
    advance (self, self->seen);
  return result;
}

/*
 * Looks at all there is, for a match that does not begin after @last.
 *
 * Returns: as pcre2_match(); PCRE2_ERROR_MATCHLIMIT also if it takes too long
 */
static int
search_all (MkScanner *self, guint32 options, gsize last, gint64 deadline)
{
  gsize n_beginnings = MIN_BEGINNINGS;
  gint64 now = get_cpu_time ();

  self->seen = self->window->len;
  while (now < deadline)
    {
      gint64 begun = now;
      gsize end;
      int result;

      leave_line_end (self);
      end = MIN (self->next + n_beginnings, last);
      pcre2_set_offset_limit (self->context, end);
      result = match (self, mk_pattern_get_limitable_code (self->pattern), options);
      if (result != PCRE2_ERROR_NOMATCH)
        return result;

      advance (self, MIN (end + 1, self->seen));
      if (end >= last)
        return PCRE2_ERROR_NOMATCH;

      now = get_cpu_time ();
      n_beginnings = now - begun < QUICK_US ? MIN (2 * n_beginnings, MAX_BEGINNINGS) : MIN_BEGINNINGS;
    }

  return PCRE2_ERROR_MATCHLIMIT;
}

static void
take_match (MkScanner *self)
{
  const gsize *bounds = pcre2_get_ovector_pointer (self->match);

  self->after_nothing = bounds[0] == bounds[1];
  self->next = MAX (self->next, bounds[1]);
}

/* Returns: FALSE with an error if @result is one */
static gboolean
take_result (MkScanner *self, int result, GError **error)
{
  char reason[256];

  if (result >= 0)
    {
      take_match (self);
      return TRUE;
    }
  if (result == PCRE2_ERROR_NOMATCH)
    return FALSE;

  pcre2_get_error_message (result, (PCRE2_UCHAR *) reason, sizeof reason);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_FAILED,
               _ ("Looking for “%s” in the output was given up: %s. Make the regular expression simpler"),
               mk_pattern_get_text (self->pattern),
               reason);
  return FALSE;
}

/* Returns: whether more bytes could make a match of those at the end */
gboolean
mk_scanner_is_undecided (MkScanner *self)
{
  return self->next < self->window->len;
}

/*
 * Takes what matches by now, though more bytes might change it. For when none have come for a while.
 *
 * Returns: whether there is a match; then ask mk_scanner_find() for further ones
 */
gboolean
mk_scanner_settle (MkScanner *self, GError **error)
{
  gsize next = self->next;
  gboolean after_nothing = self->after_nothing;
  int result;

  if (!mk_scanner_is_undecided (self))
    return FALSE;

  result = search_all (self, PCRE2_NOTEOL, self->window->len, get_cpu_time () + SETTLE_LIMIT_US);
  if (result >= 0)
    return take_result (self, result, error);

  self->next = next;
  self->after_nothing = after_nothing;
  return FALSE;
}

static int
search_rest (MkScanner *self, gint64 deadline)
{
  self->seen = self->window->len;
  return search_all (self, get_options (self), self->seen, deadline);
}

/* The match under way is too long, but shorter ones may hide behind its beginning: they are looked for,
 * unless that is known to be costly. */
static int
give_up (MkScanner *self)
{
  gsize end = self->window->len - MK_SCANNER_LONGEST_MATCH;
  int result = PCRE2_ERROR_NOMATCH;

  if (!self->is_costly)
    result = search_all (self, PCRE2_NOTEOL, end, get_cpu_time () + COURTESY_US);
  if (result >= 0)
    return result;

  self->is_costly = self->is_costly || result == PCRE2_ERROR_MATCHLIMIT;
  advance (self, end);
  return PCRE2_ERROR_NOMATCH;
}

/* Finds the next match that nothing can change any more. Call again until there is none. */
gboolean
mk_scanner_find (MkScanner *self, GError **error)
{
  gint64 deadline = get_cpu_time () + TIME_LIMIT_US;
  guint n_steps = 0;
  int result;

  do
    {
      if (self->seen < self->next + STEP)
        result = search_step (self);
      else
        result = search_rest (self, deadline);

      if (result == PCRE2_ERROR_PARTIAL)
        {
          advance (self, pcre2_get_ovector_pointer (self->match)[0]);
          result = self->seen - self->next > MAX_UNDECIDED ? give_up (self) : PCRE2_ERROR_NOMATCH;
        }
      if (result == PCRE2_ERROR_NOMATCH && ++n_steps % STEPS_PER_LOOK == 0 && get_cpu_time () >= deadline)
        result = PCRE2_ERROR_MATCHLIMIT;
    }
  while (result == PCRE2_ERROR_NOMATCH && self->seen < self->window->len);

  return take_result (self, result, error);
}

/* Returns: the position in the stream right after the last match */
guint64
mk_scanner_get_match_end (MkScanner *self)
{
  return self->position + self->next;
}

static char *
dup_group (MkScanner *self, guint number)
{
  const gsize *bounds = pcre2_get_ovector_pointer (self->match) + 2 * number;

  if (bounds[0] == PCRE2_UNSET || bounds[0] > bounds[1])
    return NULL;
  return g_utf8_make_valid ((const char *) self->window->data + bounds[0], (gssize) (bounds[1] - bounds[0]));
}

/* Call right after a match was found. Returns: (transfer full) (element-type utf8): valid UTF-8, NULL where a
 * group did not take part */
GPtrArray *
mk_scanner_dup_groups (MkScanner *self)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func (g_free);
  guint n_groups = pcre2_get_ovector_count (self->match);

  for (guint i = 0; i < n_groups; i++)
    g_ptr_array_add (groups, dup_group (self, i));
  return groups;
}
