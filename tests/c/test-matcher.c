/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Matches are found in a stream wherever it is cut, in memory that does not grow, and as fast as it comes.
 */

#include <string.h>
#include <time.h>

#include "mk-error.h"
#include "output/mk-output-matcher-private.h"
#include "mk-test-util.h"

#define CHUNK 65536

static MkOutputMatcher *
matcher_new (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GRegex) regex = mk_output_matcher_compile (text, "banner", &error);

  g_assert_no_error (error);
  return mk_output_matcher_new (regex, "The banner");
}

static void
append (MkOutputMatcher *matcher, const char *text)
{
  mk_output_matcher_append (matcher, (const guint8 *) text, strlen (text));
}

static gboolean
find (MkOutputMatcher *matcher)
{
  g_autoptr (GError) error = NULL;
  gboolean found = mk_output_matcher_find (matcher, &error);

  g_assert_no_error (error);
  return found;
}

static void
assert_group (MkOutputMatcher *matcher, guint number, const char *expected)
{
  g_autofree char *name = g_strdup_printf ("%u", number);
  g_autofree char *group = mk_output_matcher_dup_group (matcher, name);

  g_assert_cmpstr (group, ==, expected);
}

typedef struct
{
  const char *pattern;
  const char *text;
  const char *match;
  guint end;
} Sample;

static const Sample samples[] = {
  { "ready", "not yet ready.", "ready", 13 },
  { "^ready$", "already\nready to\nready\n", "ready", 22 },
  { "^ready$", "first\r\nready\r\nmore", "ready", 12 },
  { "port (\\d+)$", "port 63\nport: 1\n", "port 63", 7 },
  { "\\bup\\b", "upper sup up, then", "up", 12 },
  { "(?<=is )ready", "was ready is ready!", "ready", 18 },
  { "one\ntwo", "one\none\ntwo\n", "one\ntwo", 11 },
  { "(?i)READY", "ReAdy", "ReAdy", 5 },
  { "a+b", "aaaaaaaaaaaaaaaac aab", "aab", 21 },
  { "gr\303\274n", "xx gr\303\274n", "gr\303\274n", 8 },
  { "ready", "\377\376\200re\377ready", "ready", 11 },
  { "gr.n", "gr\303\303n gr\303\274n", "gr\303\274n", 11 },
  { "(?i)GR\303\234N", "gr\303\274n", "gr\303\274n", 5 },
  { "a.b.c", "a\303b\200c", "a\357\277\275b\357\277\275c", 5 },
  { ".*done", "12 %\r50 %\rall done\n", "all done", 18 },
  { "\\Agood", "good good", "good", 4 },
  { "ready(?=, steady)", "ready, stead. ready, steady, go", "ready", 19 },
  { "(?<=^ab)c", "zabc\nabc\n", "c", 8 },
  { "(?<=\r\n)c", "c\nc\r\nc", "c", 6 },
  { "ready\\R", "ready?\r\nready\r\n.", "ready\r\n", 15 },
  { "a\\Kb", "aab", "b", 3 },
};

/* Cut into pieces of each size */
static void
test_wherever_it_is_cut (gconstpointer data)
{
  const Sample *sample = data;
  gsize length = strlen (sample->text);

  for (gsize size = 1; size <= length; size++)
    {
      g_autoptr (MkOutputMatcher) matcher = matcher_new (sample->pattern);
      gboolean found = FALSE;

      for (gsize i = 0; i < length && !found; i += size)
        {
          mk_output_matcher_append (matcher, (const guint8 *) sample->text + i, MIN (size, length - i));
          found = find (matcher);
        }
      g_assert_true (found);
      g_assert_cmpuint (mk_output_matcher_get_end (matcher), ==, sample->end);
      assert_group (matcher, 0, sample->match);
    }
}

static void
test_nowhere (void)
{
  static const char *const patterns[] = { "(?<=\\Axab)c", "(?<=^xxxab)c", "\\Aab",    "^abc",
                                          "c(?!\r)$",     "\\bab",        "(?<!x)ab", "^(?!x|y)" };
  const char *text = "yxab xab xabc\r\nxabc\r\n";

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    for (gsize size = 1; size <= strlen (text); size++)
      {
        g_autoptr (MkOutputMatcher) matcher = matcher_new (patterns[i]);

        for (gsize begin = 0; begin < strlen (text); begin += size)
          {
            gsize length = MIN (size, strlen (text) - begin);

            mk_output_matcher_append (matcher, (const guint8 *) text + begin, length);
            if (find (matcher))
              g_error ("%s matches in pieces of %" G_GSIZE_FORMAT, patterns[i], size);
          }
      }
}

static void
test_zero_bytes (void)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("a\\x00(.)b$");

  mk_output_matcher_append (matcher, (const guint8 *) "\0\0a\0", 4);
  g_assert_false (find (matcher));
  mk_output_matcher_append (matcher, (const guint8 *) "\0b\n\0", 4);
  g_assert_true (find (matcher));
  g_assert_cmpuint (mk_output_matcher_get_end (matcher), ==, 6);
  assert_group (matcher, 1, "\357\277\275");
}

/* Any text, cut anywhere, against GRegex on the whole of it */

static GString *
random_text (void)
{
  static const char *const words[] = { "a",  "b",    "ab",   " ",        "\n",  "\r\n",
                                       "\r", "\200", "abba", "\303\251", "\303" };
  GString *text = g_string_new (NULL);
  gsize length = (gsize) g_test_rand_int_range (1, 1500);

  while (text->len < length)
    g_string_append (text, words[g_test_rand_int_range (0, G_N_ELEMENTS (words))]);
  return text;
}

static GArray *
ends_by_regex (const char *pattern, const GString *text)
{
  GArray *ends = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GMatchInfo) info = NULL;
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE | G_REGEX_NEWLINE_ANYCRLF, 0, NULL);
  g_autofree char *valid = g_memdup2 (text->str, text->len);
  const char *bad = valid;
  int end;

  /* What is not valid stands for itself, one byte after the other. */
  while (!g_utf8_validate_len (bad, text->len - (gsize) (bad - valid), &bad))
    valid[bad++ - valid] = '\1';

  g_regex_match_full (regex, valid, (gssize) text->len, 0, 0, &info, NULL);
  while (g_match_info_fetch_pos (info, 0, NULL, &end))
    {
      guint64 position = (guint64) end;

      g_array_append_val (ends, position);
      g_match_info_next (info, NULL);
    }
  return ends;
}

static void
take_ends (MkOutputMatcher *matcher, GArray *ends)
{
  while (find (matcher))
    {
      guint64 end = mk_output_matcher_get_end (matcher);

      g_array_append_val (ends, end);
    }
}

static GArray *
ends_in_pieces (const char *pattern, const GString *text)
{
  GArray *ends = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (MkOutputMatcher) matcher = matcher_new (pattern);
  gsize length;

  for (gsize i = 0; i < text->len; i += length)
    {
      length = (gsize) g_test_rand_int_range (1, g_test_rand_bit () ? 20 : 1000);
      length = MIN (length, text->len - i);
      mk_output_matcher_append (matcher, (const guint8 *) text->str + i, length);
      take_ends (matcher, ends);
    }
  mk_output_matcher_close (matcher);
  take_ends (matcher, ends);
  return ends;
}

static void
test_any_text_cut_anywhere (void)
{
  /* None that matches nothing at all: what comes after that, GRegex takes in another way. */
  static const char *const patterns[] = {
    "ab+a",    "^a.*b$",   "^[^\r\n]+$",    "(?<=b)a",       "(?<!a)b+", "\\bab\\b",
    "\\Bb",    "a(?=b)",   "a(?!b)",        "a[^b]*b",       "(a|b)\\1", "a\r\nb",
    "\\n^a",   "a$",       "\\s+b",         "(?s)b.*?a",     "(?<=^a)b", ".+",
    "(a+b)+ ", "\\x{e9}.", "(?i)\303\211+", "[^\\x{e9}\\s]+"
  };

  for (guint n = 0; n < 60; n++)
    {
      g_autoptr (GString) text = random_text ();

      for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
        {
          g_autoptr (GArray) expected = ends_by_regex (patterns[i], text);
          g_autoptr (GArray) ends = ends_in_pieces (patterns[i], text);

          g_test_message ("%s", patterns[i]);
          g_assert_cmpmem (ends->data, ends->len * 8, expected->data, expected->len * 8);
        }
    }
}

/* As when a buffer was flushed in the middle of a number */
static void
test_more_may_change_it (void)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("port (\\d+)");

  append (matcher, "port 63");
  g_assert_false (find (matcher));
  append (matcher, "79");
  g_assert_false (find (matcher));
  append (matcher, ".");
  g_assert_true (find (matcher));
  assert_group (matcher, 1, "6379");
  g_assert_false (find (matcher));
}

static void
test_settled (void)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("port (\\d+)|up");

  append (matcher, "a port 63");
  g_assert_false (find (matcher));
  g_assert_true (mk_output_matcher_settle (matcher));
  assert_group (matcher, 1, "63");
  g_assert_cmpuint (mk_output_matcher_get_end (matcher), ==, 9);
  g_assert_false (mk_output_matcher_settle (matcher));
  append (matcher, "79 up");
  g_assert_true (find (matcher));
  assert_group (matcher, 1, NULL);
}

/* The end of a line is not there before it is. */
static void
test_line_does_not_end_by_waiting (void)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("port (\\d+)$");

  append (matcher, "port 63");
  g_assert_false (find (matcher));
  g_assert_false (mk_output_matcher_settle (matcher));
  mk_output_matcher_close (matcher);
  g_assert_true (find (matcher));
  assert_group (matcher, 1, "63");
}

static guint
count (const char *pattern, const char *text, gsize size)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new (pattern);
  gsize length = strlen (text);
  guint n = 0;

  for (gsize i = 0; i < length; i += size)
    {
      mk_output_matcher_append (matcher, (const guint8 *) text + i, MIN (size, length - i));
      while (find (matcher))
        n++;
    }
  mk_output_matcher_close (matcher);
  while (find (matcher))
    n++;
  return n;
}

static void
test_each_match_counts_once (void)
{
  for (gsize size = 1; size < 12; size++)
    {
      g_assert_cmpuint (count ("ab", "ab abab ab", size), ==, 4);
      g_assert_cmpuint (count ("a+", "aa baaa ca", size), ==, 3);
      g_assert_cmpuint (count ("^$", "a\n\nb\n\nc", size), ==, 2);
      g_assert_cmpuint (count ("x*", "axxb", size), ==, 4);
      g_assert_cmpuint (count ("^.*$", "one\ntwo\nthree", size), ==, 3);
      g_assert_cmpuint (count ("^.*$", "one\r\ntwo\r\n", size), ==, 2);
      g_assert_cmpuint (count ("^$", "a\r\nb\r\n", size), ==, 0);
    }
}

static void
fill (GString *text, gsize length, const char *line)
{
  while (text->len < length)
    g_string_append (text, line);
}

/* One that may begin anywhere, in lines that never end: what is kept does not grow. */
static void
test_endless_lines (void)
{
  static const char *const patterns[] = { ".*ready", "x+y|ready", "(?s)x[xz]+y|ready" };
  g_autofree char *chunk = g_strnfill (CHUNK, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autoptr (MkOutputMatcher) matcher = matcher_new (patterns[i]);

      for (guint n = 0; n < 24; n++)
        {
          append (matcher, chunk);
          g_assert_false (find (matcher));
        }
      append (matcher, "ready");
      g_assert_true (find (matcher) || mk_output_matcher_settle (matcher));
      g_assert_cmpuint (mk_output_matcher_get_end (matcher), ==, 24 * CHUNK + 5);
    }
}

/* Behind the beginning of another one, which never ends */
static void
test_hidden (void)
{
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("(?s)begin.*end|ready");

  append (matcher, "begin\nready\n");
  g_assert_false (find (matcher));
  g_assert_true (mk_output_matcher_settle (matcher));
  assert_group (matcher, 0, "ready");
}

static void
test_longest_match (void)
{
  g_autofree char *middle = g_strnfill (MK_OUTPUT_LONGEST_MATCH - 12, '.');
  g_autofree char *chunk = g_strnfill (1000, '.');
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("(?s)begin.*end");
  gboolean found = FALSE;

  for (guint i = 0; i < 100; i++)
    append (matcher, "-\n");
  append (matcher, "begin");
  for (gsize i = 0; i < strlen (middle); i += 1000)
    {
      g_autofree char *piece = g_strndup (middle + i, 1000);

      append (matcher, piece);
      g_assert_false (find (matcher));
    }
  append (matcher, "end.");
  for (guint i = 0; i < 200 && !found; i++)
    {
      append (matcher, chunk);
      found = find (matcher);
    }
  g_assert_true (found);
  g_assert_cmpuint (mk_output_matcher_get_end (matcher), ==, 200 + 5 + strlen (middle) + 3);
}

/* More than the machine code of GRegex has a stack for */
static void
test_many_repetitions (void)
{
  g_autofree char *text = g_strnfill (8000, 'x');
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("(.|\\n)*(end)");

  append (matcher, text);
  g_assert_false (find (matcher));
  append (matcher, "end");
  mk_output_matcher_close (matcher);
  g_assert_true (find (matcher));
  assert_group (matcher, 2, "end");
}

/* Where there are far too many ways to match it says so, and does not take for ever. */
static void
test_too_many_ways (void)
{
  g_autofree char *text = g_strnfill (60, 'a');
  g_autoptr (MkOutputMatcher) matcher = matcher_new ("(a?){60}(a?){60}(a+)+c");
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  append (matcher, text);
  append (matcher, "b\n");
  g_assert_false (mk_output_matcher_find (matcher, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "simpler"));
  g_test_message ("given up after %.3f s", (g_get_monotonic_time () - begun) / 1e6);
}

static gint64
get_cpu_time (void)
{
  struct timespec now;

  g_assert_cmpint (clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now), ==, 0);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Each step is allowed, but there is no end of them. */
static void
test_too_long (void)
{
  static const char *const patterns[] = { "(x|z)+?(x|z)+?[yw]", "(x+)\\1(x+)[yw]", "(?:x|xx)+[yw]" };
  static const gsize lengths[] = { 2000, 20000, 60000 };
  g_autofree char *text = g_strnfill (60000, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autoptr (MkOutputMatcher) matcher = matcher_new (patterns[i]);
      g_autoptr (GError) error = NULL;
      gint64 begun = get_cpu_time ();

      mk_output_matcher_append (matcher, (const guint8 *) text, lengths[i]);
      mk_output_matcher_append (matcher, (const guint8 *) "\n", 1);
      g_assert_false (mk_output_matcher_find (matcher, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
      g_test_message ("%s: given up after %.2f s", patterns[i], (get_cpu_time () - begun) / 1e6);
      /* Under valgrind, all of it takes twenty times as long. */
      g_assert_cmpint (get_cpu_time () - begun, <, 30 * G_USEC_PER_SEC);
    }
}

static void
test_no_regular_expression (void)
{
  static const char *const bad[] = { "a(b", "\303\244\303\244[", "*" };
  g_autoptr (GError) invalid = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mk_output_matcher_compile (bad[i], "The banner", &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i]));
    }

  g_assert_null (mk_output_matcher_compile ("a\377", "The banner", &invalid));
  g_assert_error (invalid, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
}

/* Not a limit here, where other tests run beside it: the benchmark has that. */
static void
test_speed (void)
{
  static const char *const patterns[] = {
    "ready to accept connections", "listening on port (\\d+)$", "^.*ready$", "(?i)ready|started"
  };
  g_autoptr (GString) text = g_string_new (NULL);

  fill (text, CHUNK, "2024-05-01 12:00:00.000 [4711] LOG: request 17 from 127.0.0.1 took 12.3 ms\n");
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autoptr (MkOutputMatcher) matcher = matcher_new (patterns[i]);
      gint64 begun = get_cpu_time ();

      for (guint n = 0; n < 400; n++)
        {
          mk_output_matcher_append (matcher, (const guint8 *) text->str, CHUNK);
          g_assert_false (find (matcher));
        }
      g_test_message ("%s: %.0f MB/s", patterns[i], 400.0 * CHUNK / (get_cpu_time () - begun));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autofree char *path = g_strdup_printf ("/matcher/cut/%u", i);

      g_test_add_data_func (path, &samples[i], test_wherever_it_is_cut);
    }
  g_test_add_func ("/matcher/nowhere", test_nowhere);
  g_test_add_func ("/matcher/zero-bytes", test_zero_bytes);
  g_test_add_func ("/matcher/any-text-cut-anywhere", test_any_text_cut_anywhere);
  g_test_add_func ("/matcher/more-may-change-it", test_more_may_change_it);
  g_test_add_func ("/matcher/settled", test_settled);
  g_test_add_func ("/matcher/line-does-not-end-by-waiting", test_line_does_not_end_by_waiting);
  g_test_add_func ("/matcher/each-match-counts-once", test_each_match_counts_once);
  g_test_add_func ("/matcher/endless-lines", test_endless_lines);
  g_test_add_func ("/matcher/hidden", test_hidden);
  g_test_add_func ("/matcher/longest-match", test_longest_match);
  g_test_add_func ("/matcher/many-repetitions", test_many_repetitions);
  g_test_add_func ("/matcher/too-many-ways", test_too_many_ways);
  g_test_add_func ("/matcher/too-long", test_too_long);
  g_test_add_func ("/matcher/no-regular-expression", test_no_regular_expression);
  g_test_add_func ("/matcher/speed", test_speed);

  return g_test_run ();
}
