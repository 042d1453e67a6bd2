/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The matcher of output, which comes in pieces, against GRegex, which gets the whole.
 *
 * The first line makes the expression: each byte stands for a part of one, so that most of them are valid.
 * The second one says how long the pieces are. The output follows.
 */

#include "mk-fuzz.h"

#include "output/mk-output-matcher-private.h"

static const char *const parts[] = { "a",     "b",      ".",        "\\d",       "[^a]",   "\\w",   "\\s",
                                     "\\n",   "\\r\\n", "\303\251", "^",         "$",      "\\b",   "\\B",
                                     "(?:",   "(",      ")",        "|",         "*",      "+",     "?",
                                     "{2}",   "{1,3}",  "*?",       "(?=",       "(?!",    "(?<=",  "(?<!",
                                     "(?i)",  "(?s)",   "\\1",      "\\A",       "[a\\n]", "\\x00", "ready",
                                     "port ", " ",      "1",        "(?<p>\\d+)" };

static char *
take_pattern (const uint8_t **data, size_t *size)
{
  g_autofree char *line = mk_fuzz_take_line (data, size);
  GString *pattern = g_string_new (NULL);

  for (const char *c = line; *c != '\0'; c++)
    g_string_append (pattern, parts[(guint8) (*c - '0') % G_N_ELEMENTS (parts)]);
  return g_string_free (pattern, FALSE);
}

/* A "^" behind a line end cannot match before more has come. What else can match does so then, without it. */
static gboolean
may_match_too_early (const char *pattern)
{
  if (strpbrk (pattern, "|?*{") == NULL)
    return FALSE;

  for (const char *c = pattern; (c = strchr (c, '^')) != NULL; c++)
    {
      if (c > pattern && c[-1] != '[')
        return TRUE;
    }
  return FALSE;
}

/* Whether a line begins between "\r" and "\n" depends, for GRegex, on how it has come there. */
static gboolean
may_begin_in_line_end (GRegex *regex, const uint8_t *data, size_t size)
{
  return g_regex_get_has_cr_or_lf (regex) && strchr (g_regex_get_pattern (regex), '^') != NULL &&
         memmem (data, size, "\r\n", 2) != NULL;
}

/* Returns: FALSE where there is nothing to compare with: GRegex gives up, or takes nothing for a match, and
 * goes on in another way then */
static gboolean
match_whole (const char *pattern, const uint8_t *data, size_t size, GArray *ends)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE | G_REGEX_NEWLINE_ANYCRLF, 0, NULL);
  g_autofree char *valid = g_memdup2 (data, size);
  g_autoptr (GMatchInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  const char *bad = valid;
  int begin, end;

  /* What is not valid stands for itself, one byte after the other. */
  while (!g_utf8_validate_len (bad, size - (gsize) (bad - valid), &bad))
    valid[bad++ - valid] = '\0';

  g_regex_match_full (regex, valid, (gssize) size, 0, 0, &info, &error);
  while (error == NULL && g_match_info_fetch_pos (info, 0, &begin, &end))
    {
      if (begin >= end)
        return FALSE;
      g_array_append_vals (ends, &(guint64){ (guint64) end }, 1);
      g_match_info_next (info, &error);
    }
  return error == NULL;
}

/* Returns: FALSE if it was given up */
static gboolean
take_ends (MkOutputMatcher *matcher, GArray *ends)
{
  g_autoptr (GError) error = NULL;

  while (mk_output_matcher_find (matcher, &error))
    g_array_append_vals (ends, &(guint64){ mk_output_matcher_get_end (matcher) }, 1);
  return error == NULL;
}

static gboolean
match_pieces (GRegex *regex, const char *lengths, const uint8_t *data, size_t size, GArray *ends)
{
  g_autoptr (MkOutputMatcher) matcher = mk_output_matcher_new (regex, "The banner");

  for (size_t i = 0, n = 0; i < size; n++)
    {
      size_t length = *lengths != '\0' ? (guint8) lengths[n % strlen (lengths)] : size;
      g_autofree guint8 *piece = NULL;

      length = MIN (length, size - i);
      piece = g_memdup2 (data + i, length);
      mk_output_matcher_append (matcher, piece, length);
      if (!take_ends (matcher, ends))
        return FALSE;
      i += length;
    }
  mk_output_matcher_close (matcher);
  return take_ends (matcher, ends);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *pattern = take_pattern (&data, &size);
  g_autofree char *lengths = mk_fuzz_take_line (&data, &size);
  g_autoptr (GRegex) regex = mk_output_matcher_compile (pattern, "The banner", NULL);
  g_autoptr (GArray) whole = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (guint64));

  if (regex == NULL || size == 0 || size > MK_OUTPUT_LONGEST_MATCH || may_match_too_early (pattern) ||
      may_begin_in_line_end (regex, data, size))
    return 0;
  if (!match_whole (pattern, data, size, whole) || !match_pieces (regex, lengths, data, size, pieces))
    return 0;

  if (whole->len != pieces->len ||
      (whole->len > 0 && memcmp (whole->data, pieces->data, 8 * whole->len) != 0))
    {
      g_printerr ("“%s” in pieces: %u matches, in the whole: %u\n", pattern, pieces->len, whole->len);
      abort ();
    }
  return 0;
}
