/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the matches of a regular expression in output that comes in pieces.
 *
 * What has been looked at is forgotten, except for what a match under way may consist of, at most
 * MK_OUTPUT_LONGEST_MATCH bytes, and the few characters before it at which an expression may look back. Where
 * more output could change a match, as with "port \d+" after "port 63", the match waits until that output
 * comes, the output ends, or the caller has waited long enough (mk_output_matcher_settle()).
 *
 * GRegex cannot be interrupted, and limits only the steps for one beginning of a match. To bound the
 * time that an expression may take, it is given little text at once; where a match under way is longer than
 * that, it is given one beginning after the other, with a look at the clock in between.
 */

#include "mk-output-matcher-private.h"

#include <string.h>
#include <time.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"

#define FLAGS         (G_REGEX_MULTILINE | G_REGEX_NEWLINE_ANYCRLF)
#define STEP          512
#define TIME_LIMIT_US G_USEC_PER_SEC

typedef enum
{
  MATCHER_NOTHING,
  MATCHER_PARTIAL, /* more output could make a match of it */
  MATCHER_FOUND,
  MATCHER_FAILED, /* it takes too many steps, or too long */
} MatcherResult;

struct _MkOutputMatcher
{
  GRegex *regex;    /* (owned) */
  GRegex *anchored; /* (owned) (nullable) the same, for matches that begin at `next` */
  const char *role;
  GMatchInfo *info;       /* (owned) (nullable) of the last match */
  GString *text;          /* (owned) with a zero byte for each byte that is not valid UTF-8 */
  guint64 position;       /* of the text in the output */
  gsize n_valid;          /* of the text: without the beginning of a character at its end */
  gsize n_seen;           /* of those: what was looked at */
  gsize next;             /* where in the text the next match may begin */
  gboolean crosses_lines; /* "^" may follow a line end of the match */
  guint64 last_end;       /* of the last match, in the output */
  gboolean after_nothing; /* the last match ended at `next`, and was empty */
  gboolean closed;
  gint64 deadline; /* of the search under way */
  gint64 cpu_deadline;
};

/*
 * @role: what @pattern is, for the message: "The banner"
 *
 * Returns: (transfer full) (nullable): the regular expression
 */
GRegex *
mk_output_matcher_compile (const char *pattern, const char *role, GError **error)
{
  g_autofree char *valid = g_utf8_make_valid (pattern, -1);
  g_autoptr (GError) reason = NULL;
  GRegex *regex = NULL;

  if (g_utf8_validate (pattern, -1, NULL))
    regex = g_regex_new (pattern, FLAGS | G_REGEX_OPTIMIZE, 0, &reason);
  if (regex == NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 /* Translators: “The banner” or “The failure pattern”, its text, why */
                 _ ("%s “%s” is not a regular expression: %s"),
                 role,
                 valid,
                 reason ? reason->message : _ ("it is not valid UTF-8"));
  return regex;
}

/* Whether there may be a "^" behind what matches a line end, as in "ready\s^" */
static gboolean
matcher_may_cross_lines (const char *pattern)
{
  for (const char *c = pattern; (c = strchr (c, '^')) != NULL; c++)
    {
      if (c > pattern && c[-1] != '[')
        return TRUE;
    }

  return FALSE;
}

/* @role: (not nullable): what @regex is, for a message; a literal */
MkOutputMatcher *
mk_output_matcher_new (GRegex *regex, const char *role)
{
  MkOutputMatcher *self = g_new0 (MkOutputMatcher, 1);

  self->regex = g_regex_ref (regex);
  self->role = role;
  self->text = g_string_new (NULL);
  self->crosses_lines = matcher_may_cross_lines (g_regex_get_pattern (regex));
  return self;
}

/* Returns: (transfer full): one that has seen the same, but has no match to tell of */
MkOutputMatcher *
mk_output_matcher_copy (MkOutputMatcher *self)
{
  MkOutputMatcher *copy = g_new (MkOutputMatcher, 1);

  *copy = *self;
  copy->regex = g_regex_ref (self->regex);
  copy->anchored = self->anchored != NULL ? g_regex_ref (self->anchored) : NULL;
  copy->info = NULL;
  copy->text = g_string_new_len (self->text->str, (gssize) self->text->len);
  return copy;
}

void
mk_output_matcher_free (MkOutputMatcher *self)
{
  g_clear_pointer (&self->info, g_match_info_unref);
  g_string_free (self->text, TRUE);
  g_regex_unref (self->regex);
  g_clear_pointer (&self->anchored, g_regex_unref);
  g_free (self);
}

/* Returns: @offset, or that of the beginning of the character that it is in */
static gsize
matcher_align (MkOutputMatcher *self, gsize offset)
{
  while (offset > 0 && offset < self->n_valid && (self->text->str[offset] & 0xc0) == 0x80)
    offset--;
  return offset;
}

/* A character that has not come as a whole is left for later, unless nothing follows. */
static void
matcher_validate (MkOutputMatcher *self)
{
  char *text = self->text->str;
  gsize length = self->text->len;
  gsize i = self->n_valid;

  while (i < length)
    {
      gunichar character = (guint8) text[i];

      if (character < 0x80)
        {
          i++;
          continue;
        }
      character = g_utf8_get_char_validated (text + i, (gssize) (length - i));
      if (character == (gunichar) -2 && !self->closed)
        break;
      if (character == (gunichar) -1 || character == (gunichar) -2)
        text[i] = '\0';
      i += (gsize) g_utf8_skip[(guint8) text[i]];
    }
  self->n_valid = i;
}

/* @data: what follows. Ask for matches before more is appended. */
void
mk_output_matcher_append (MkOutputMatcher *self, const guint8 *data, gsize length)
{
  /* GRegex does not count the line end at which "^" looks back. */
  gsize lookbehind = 4 * (gsize) g_regex_get_max_lookbehind (self->regex) + 2;
  gsize decided = matcher_align (self, self->next - MIN (self->next, lookbehind));

  g_string_erase (self->text, 0, (gssize) decided);
  self->position += decided;
  self->n_valid -= decided;
  self->n_seen -= decided;
  self->next -= decided;
  g_string_append_len (self->text, (const char *) data, (gssize) length);
  matcher_validate (self);
}

/* Nothing follows: what was undecided can be decided. */
void
mk_output_matcher_close (MkOutputMatcher *self)
{
  self->closed = TRUE;
  matcher_validate (self);
}

/* What this thread has used, in microseconds: an expression is not expensive because others are busy. */
static gint64
matcher_get_cpu_time (void)
{
  struct timespec now = { 0 };

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void
matcher_start_clock (MkOutputMatcher *self)
{
  self->deadline = g_get_monotonic_time () + TIME_LIMIT_US;
  self->cpu_deadline = matcher_get_cpu_time () + TIME_LIMIT_US;
}

/* The clock that is quick to read comes first. */
static gboolean
matcher_is_late (MkOutputMatcher *self)
{
  return g_get_monotonic_time () >= self->deadline && matcher_get_cpu_time () >= self->cpu_deadline;
}

/* No match begins before @next. */
static void
matcher_advance (MkOutputMatcher *self, gsize next)
{
  if (next <= self->next)
    return;

  self->next = next;
  self->after_nothing = FALSE;
}

/* Asks GRegex once, about what was seen. */
static MatcherResult
matcher_try (MkOutputMatcher *self, GRegex **regex, GRegexMatchFlags options)
{
  const char *text = self->text->str;
  g_autoptr (GError) error = NULL;
  GRegexCompileFlags flags = g_regex_get_compile_flags (*regex);
  GRegex *plain;

  /* As in one piece of text no match begins between the two bytes of "\r\n", unless one ended there. */
  if (self->next > 0 && self->position + self->next != self->last_end && self->next < self->n_seen &&
      text[self->next - 1] == '\r' && text[self->next] == '\n' && !g_regex_get_has_cr_or_lf (*regex))
    matcher_advance (self, self->next + 1);
  if (self->position > 0)
    options |= G_REGEX_MATCH_NOTBOL;
  if (self->after_nothing)
    options |= G_REGEX_MATCH_NOTEMPTY_ATSTART;

  g_clear_pointer (&self->info, g_match_info_unref);
  if (g_regex_match_full (
          *regex, text, (gssize) self->n_seen, (int) self->next, options, &self->info, &error))
    return MATCHER_FOUND;
  if (error == NULL)
    return g_match_info_is_partial_match (self->info) ? MATCHER_PARTIAL : MATCHER_NOTHING;
  if (!(flags & G_REGEX_OPTIMIZE))
    return MATCHER_FAILED;

  /* GRegex's machine code has a small stack. Without it, matching is slower. */
  plain = g_regex_new (g_regex_get_pattern (*regex), FLAGS | (flags & G_REGEX_ANCHORED), 0, NULL);
  g_regex_unref (*regex);
  *regex = plain;
  return matcher_try (self, regex, options);
}

/* Searches what was seen with each beginning by itself. */
static MatcherResult
matcher_try_each (MkOutputMatcher *self, GRegexMatchFlags options)
{
  const GRegexCompileFlags flags = FLAGS | G_REGEX_OPTIMIZE | G_REGEX_ANCHORED;

  if (self->anchored == NULL)
    self->anchored = g_regex_new (g_regex_get_pattern (self->regex), flags, 0, NULL);

  while (TRUE)
    {
      MatcherResult result = matcher_try (self, &self->anchored, options);

      if (result != MATCHER_NOTHING || self->next >= self->n_seen)
        return result;
      if (matcher_is_late (self))
        return MATCHER_FAILED;
      matcher_advance (self, self->next + (gsize) g_utf8_skip[(guint8) self->text->str[self->next]]);
    }
}

static gboolean
matcher_is_line_end (char c)
{
  return c == '\n' || c == '\r';
}

/* A few bytes more, as far as the end of a line if there is one in them: few matches go on after that. */
static gsize
matcher_choose_end (MkOutputMatcher *self)
{
  gsize n_more = MAX (STEP, (self->n_seen - self->next) / 2);
  gsize end = self->n_seen + MIN (n_more, self->n_valid - self->n_seen);
  const char *text = self->text->str;

  for (gsize i = self->crosses_lines ? 0 : end; i > self->n_seen; i--)
    {
      if (text[i - 1] == '\n')
        return i;
    }
  return matcher_align (self, end);
}

/* Searches a little more. */
static MatcherResult
matcher_search (MkOutputMatcher *self)
{
  gsize n_undecided = self->n_seen - self->next;
  GRegexMatchFlags options = G_REGEX_MATCH_PARTIAL_HARD;
  MatcherResult result;
  gsize next = self->next;
  gboolean after_nothing = self->after_nothing;

  self->n_seen = matcher_choose_end (self);
  if (self->closed && self->n_seen == self->n_valid)
    options = 0;

  result = n_undecided <= STEP ? matcher_try (self, &self->regex, options) : matcher_try_each (self, options);

  /* At the end of a text "^" does not match yet. */
  if (result == MATCHER_NOTHING && self->crosses_lines && self->n_seen > next &&
      matcher_is_line_end (self->text->str[self->n_seen - 1]))
    {
      self->next = next;
      self->after_nothing = after_nothing;
      result = MATCHER_PARTIAL;
    }

  /* More might make the match under way longer, but it may be long enough already. */
  if (result == MATCHER_PARTIAL && self->n_seen - self->next > MK_OUTPUT_LONGEST_MATCH)
    {
      result = matcher_try (self, &self->anchored, G_REGEX_MATCH_NOTEOL);
      if (result == MATCHER_NOTHING)
        matcher_advance (self, matcher_align (self, self->n_seen - MK_OUTPUT_LONGEST_MATCH));
    }
  else if (result == MATCHER_NOTHING)
    matcher_advance (self, self->n_seen);
  return result;
}

static gboolean
matcher_take_match (MkOutputMatcher *self)
{
  int begin, end;

  g_match_info_fetch_pos (self->info, 0, &begin, &end);
  self->after_nothing = begin == end;
  self->next = MAX (self->next, (gsize) end);
  self->last_end = self->position + self->next;
  return TRUE;
}

/* Finds the next match that nothing can change any more. Call again until there are no more. */
gboolean
mk_output_matcher_find (MkOutputMatcher *self, GError **error)
{
  MatcherResult result;

  matcher_start_clock (self);
  do
    {
      result = matcher_search (self);
      if (result == MATCHER_FOUND)
        return matcher_take_match (self);
    }
  while (result != MATCHER_FAILED && self->n_seen < self->n_valid && !matcher_is_late (self));

  if (result == MATCHER_FAILED || self->n_seen < self->n_valid)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_FAILED,
                 /* Translators: “The banner” or “The failure pattern”, its text */
                 _ ("%s “%s” is too expensive to match with the output: make the regular expression simpler"),
                 self->role,
                 g_regex_get_pattern (self->regex));
  return FALSE;
}

/* Returns: whether more output could make a match of what is at the end */
gboolean
mk_output_matcher_is_undecided (MkOutputMatcher *self)
{
  return self->next < self->n_valid;
}

/*
 * Takes what matches by now, though more output might change it. For when none has come for a while. What is
 * too expensive to settle stays undecided.
 *
 * Returns: whether there is a match; then ask mk_output_matcher_find() for further ones
 */
gboolean
mk_output_matcher_settle (MkOutputMatcher *self)
{
  gsize next = self->next;
  gboolean after_nothing = self->after_nothing;

  matcher_start_clock (self);
  if (matcher_try_each (self, G_REGEX_MATCH_NOTEOL) == MATCHER_FOUND)
    return matcher_take_match (self);

  self->next = next;
  self->after_nothing = after_nothing;
  return FALSE;
}

/* Returns: the position in the output right after the last match */
guint64
mk_output_matcher_get_end (MkOutputMatcher *self)
{
  return self->position + self->next;
}

/*
 * Of the last match, until more is appended.
 *
 * Returns: (transfer full) (nullable): valid UTF-8; NULL if there is no such group, or it did not take part
 */
char *
mk_output_matcher_dup_group (MkOutputMatcher *self, const char *name_or_number)
{
  guint64 number;
  int begin = -1, end = -1;

  if (g_ascii_string_to_unsigned (name_or_number, 10, 0, G_MAXINT, &number, NULL))
    g_match_info_fetch_pos (self->info, (int) number, &begin, &end);
  else
    g_match_info_fetch_named_pos (self->info, name_or_number, &begin, &end);

  return begin >= 0 && begin <= end ? g_utf8_make_valid (self->text->str + begin, end - begin) : NULL;
}
