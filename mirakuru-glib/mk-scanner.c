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

#include "mk-scanner.h"

#include <string.h>

#include "mk-error.h"

#define MAX_UNDECIDED (2 * MK_SCANNER_LONGEST_MATCH)
/* Among more than this many bytes a match is only looked for where one is under way: to look for it from each
 * of them on can take time that grows with the square. */
#define MAX_SETTLED   4096
#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (1024 * 1024)

struct _MkScanner
{
  MkPattern *pattern;           /* (owned) */
  pcre2_match_data *match;      /* (owned) */
  pcre2_match_context *context; /* (owned) */
  pcre2_jit_stack *stack;       /* (owned) (nullable) */
  gsize lookbehind;

  GByteArray *window;     /* (owned) */
  guint64 position;       /* of the window in the stream */
  gsize next;             /* where in the window the next match may begin */
  gboolean after_nothing; /* the match before ended at `next`, and was empty */
  gboolean closed;
};

MkScanner *
mk_scanner_new (MkPattern *pattern)
{
  MkScanner *self = g_new0 (MkScanner, 1);

  self->pattern = mk_pattern_ref (pattern);
  self->match = pcre2_match_data_create_from_pattern (mk_pattern_get_code (pattern), NULL);
  self->context = pcre2_match_context_create (NULL);
  self->stack = pcre2_jit_stack_create (JIT_STACK_MIN, JIT_STACK_MAX, NULL);
  if (self->stack != NULL)
    pcre2_jit_stack_assign (self->context, NULL, self->stack);
  self->lookbehind = mk_pattern_get_lookbehind (pattern);
  self->window = g_byte_array_new ();
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
    }
  g_byte_array_append (self->window, data, (guint) length);
}

/* Nothing follows: what was undecided can be decided. */
void
mk_scanner_close (MkScanner *self)
{
  self->closed = TRUE;
}

static int
match_once (MkScanner *self, guint32 options)
{
  return pcre2_match (mk_pattern_get_code (self->pattern),
                      self->window->data ? self->window->data : (PCRE2_SPTR) "",
                      self->window->len,
                      self->next,
                      options,
                      self->match,
                      self->context);
}

/* Returns: as pcre2_match() */
static int
match (MkScanner *self, guint32 options)
{
  int result;

  /* Before the window there is something, if not in it. */
  if (self->position > 0)
    options |= PCRE2_NOTBOL;
  if (self->after_nothing)
    options |= PCRE2_NOTEMPTY_ATSTART;

  result = match_once (self, options);
  return result == PCRE2_ERROR_JIT_STACKLIMIT ? match_once (self, options | PCRE2_NO_JIT) : result;
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
  if (result == PCRE2_ERROR_NOMATCH || result == PCRE2_ERROR_PARTIAL)
    return FALSE;

  pcre2_get_error_message (result, (PCRE2_UCHAR *) reason, sizeof reason);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_FAILED,
               "Looking for “%s” in the output was given up: %s. Make the regular expression simpler",
               mk_pattern_get_text (self->pattern),
               reason);
  return FALSE;
}

/*
 * Takes what matches by now, though more bytes might change it. For when none have come for a while.
 *
 * Returns: whether there is a match; then ask mk_scanner_find() for further ones
 */
gboolean
mk_scanner_settle (MkScanner *self, GError **error)
{
  gsize undecided = self->window->len - self->next;
  guint32 options = undecided > MAX_SETTLED ? PCRE2_NOTEOL | PCRE2_ANCHORED : PCRE2_NOTEOL;

  return undecided > 0 && take_result (self, match (self, options), error);
}

/* Finds the next match that nothing can change any more. Call again until there is none. */
gboolean
mk_scanner_find (MkScanner *self, GError **error)
{
  int result;

  if (self->closed)
    return take_result (self, match (self, 0), error);

  while ((result = match (self, PCRE2_PARTIAL_HARD)) == PCRE2_ERROR_PARTIAL)
    {
      gsize begin = pcre2_get_ovector_pointer (self->match)[0];

      self->after_nothing = self->after_nothing && begin <= self->next;
      self->next = MAX (self->next, begin);
      if (self->window->len - self->next <= MAX_UNDECIDED)
        return FALSE;
      if (mk_scanner_settle (self, error))
        return TRUE;
      if (error != NULL && *error != NULL)
        return FALSE;

      self->next = self->window->len - MK_SCANNER_LONGEST_MATCH;
      self->after_nothing = FALSE;
    }

  if (result == PCRE2_ERROR_NOMATCH)
    {
      self->after_nothing = self->after_nothing && self->next == self->window->len;
      self->next = self->window->len;
    }
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
