/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Matches are found in a stream wherever it is cut, in memory that does not grow, and as fast as it comes.
 */

#include <string.h>
#include <time.h>

#include "mk-error.h"
#include "output/mk-scanner-private.h"
#include "mk-test-util.h"

#define CHUNK 65536

static MkScanner *
scanner_new (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkPattern) pattern = mk_pattern_new (text, "banner", &error);

  g_assert_no_error (error);
  return mk_scanner_new (pattern);
}

static void
append (MkScanner *scanner, const char *text)
{
  mk_scanner_append (scanner, (const guint8 *) text, strlen (text));
}

static gboolean
find (MkScanner *scanner)
{
  g_autoptr (GError) error = NULL;
  gboolean found = mk_scanner_find (scanner, &error);

  g_assert_no_error (error);
  return found;
}

static void
assert_group (MkScanner *scanner, guint number, const char *expected)
{
  g_autoptr (GPtrArray) groups = mk_scanner_dup_groups (scanner);

  g_assert_cmpuint (groups->len, >, number);
  g_assert_cmpstr (g_ptr_array_index (groups, number), ==, expected);
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
      g_autoptr (MkScanner) scanner = scanner_new (sample->pattern);
      gboolean found = FALSE;

      for (gsize i = 0; i < length && !found; i += size)
        {
          mk_scanner_append (scanner, (const guint8 *) sample->text + i, MIN (size, length - i));
          found = find (scanner);
        }
      g_assert_true (found);
      g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, sample->end);
      assert_group (scanner, 0, sample->match);
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
        g_autoptr (MkScanner) scanner = scanner_new (patterns[i]);

        for (gsize begin = 0; begin < strlen (text); begin += size)
          {
            gsize length = MIN (size, strlen (text) - begin);

            mk_scanner_append (scanner, (const guint8 *) text + begin, length);
            if (find (scanner))
              g_error ("%s matches in pieces of %" G_GSIZE_FORMAT, patterns[i], size);
          }
      }
}

static void
test_zero_bytes (void)
{
  g_autoptr (MkScanner) scanner = scanner_new ("a\\x00(.)b$");

  mk_scanner_append (scanner, (const guint8 *) "\0\0a\0", 4);
  g_assert_false (find (scanner));
  mk_scanner_append (scanner, (const guint8 *) "\0b\n\0", 4);
  g_assert_true (find (scanner));
  g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, 6);
  assert_group (scanner, 1, "\357\277\275");
}

/* Any text, cut anywhere, against GRegex on the whole of it. For GRegex, unlike here, letters of Latin-1 are
 * letters. */

static GString *
random_text (void)
{
  static const char *const words[] = { "a", "b", "ab", " ", "\n", "\r\n", "\r", "\200", "abba" };
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
  g_autoptr (GRegex) regex =
      g_regex_new (pattern, G_REGEX_RAW | G_REGEX_MULTILINE | G_REGEX_NEWLINE_ANYCRLF, 0, NULL);
  int end;

  g_regex_match_full (regex, text->str, (gssize) text->len, 0, 0, &info, NULL);
  while (g_match_info_fetch_pos (info, 0, NULL, &end))
    {
      guint64 position = (guint64) end;

      g_array_append_val (ends, position);
      g_match_info_next (info, NULL);
    }
  return ends;
}

static void
take_ends (MkScanner *scanner, GArray *ends)
{
  while (find (scanner))
    {
      guint64 end = mk_scanner_get_match_end (scanner);

      g_array_append_val (ends, end);
    }
}

static GArray *
ends_in_pieces (const char *pattern, const GString *text)
{
  GArray *ends = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (MkScanner) scanner = scanner_new (pattern);
  gsize length;

  for (gsize i = 0; i < text->len; i += length)
    {
      length = (gsize) g_test_rand_int_range (1, g_test_rand_bit () ? 20 : 1000);
      length = MIN (length, text->len - i);
      mk_scanner_append (scanner, (const guint8 *) text->str + i, length);
      take_ends (scanner, ends);
    }
  mk_scanner_close (scanner);
  take_ends (scanner, ends);
  return ends;
}

static void
test_any_text_cut_anywhere (void)
{
  /* None that matches nothing at all: what comes after that, GRegex takes in another way. */
  static const char *const patterns[] = { "ab+a",      "^a.*b$",   "^[^\r\n]+$", "(?<=b)a", "(?<!a)b+",
                                          "\\bab\\b",  "\\Bb",     "a(?=b)",     "a(?!b)",  "a[^b]*b",
                                          "(a|b)\\1",  "a\r\nb",   "\\n^a",      "a$",      "\\s+b",
                                          "(?s)b.*?a", "(?<=^a)b", ".+",         "(a+b)+ ", "\\x{80}." };

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
  g_autoptr (MkScanner) scanner = scanner_new ("port (\\d+)");

  append (scanner, "port 63");
  g_assert_false (find (scanner));
  append (scanner, "79");
  g_assert_false (find (scanner));
  append (scanner, ".");
  g_assert_true (find (scanner));
  assert_group (scanner, 1, "6379");
  g_assert_false (find (scanner));
}

static void
test_settled (void)
{
  g_autoptr (MkScanner) scanner = scanner_new ("port (\\d+)|up");

  append (scanner, "a port 63");
  g_assert_false (find (scanner));
  g_assert_true (mk_scanner_settle (scanner, NULL));
  assert_group (scanner, 1, "63");
  g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, 9);
  g_assert_false (mk_scanner_settle (scanner, NULL));
  append (scanner, "79 up");
  g_assert_true (find (scanner));
  assert_group (scanner, 1, NULL);
}

/* The end of a line is not there before it is. */
static void
test_line_does_not_end_by_waiting (void)
{
  g_autoptr (MkScanner) scanner = scanner_new ("port (\\d+)$");

  append (scanner, "port 63");
  g_assert_false (find (scanner));
  g_assert_false (mk_scanner_settle (scanner, NULL));
  mk_scanner_close (scanner);
  g_assert_true (find (scanner));
  assert_group (scanner, 1, "63");
}

static guint
count (const char *pattern, const char *text, gsize size)
{
  g_autoptr (MkScanner) scanner = scanner_new (pattern);
  gsize length = strlen (text);
  guint n = 0;

  for (gsize i = 0; i < length; i += size)
    {
      mk_scanner_append (scanner, (const guint8 *) text + i, MIN (size, length - i));
      while (find (scanner))
        n++;
    }
  mk_scanner_close (scanner);
  while (find (scanner))
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
      g_autoptr (MkScanner) scanner = scanner_new (patterns[i]);

      for (guint n = 0; n < 24; n++)
        {
          append (scanner, chunk);
          g_assert_false (find (scanner));
        }
      append (scanner, "ready");
      g_assert_true (find (scanner) || mk_scanner_settle (scanner, NULL));
      g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, 24 * CHUNK + 5);
    }
}

/* Behind the beginning of another one, which never ends */
static void
test_hidden (void)
{
  g_autoptr (MkScanner) scanner = scanner_new ("(?s)begin.*end|ready");

  append (scanner, "begin\nready\n");
  g_assert_false (find (scanner));
  g_assert_true (mk_scanner_settle (scanner, NULL));
  assert_group (scanner, 0, "ready");
}

/* However much follows it */
static void
test_hidden_in_a_large_piece (void)
{
  g_autoptr (GString) text = g_string_new ("begin\nready\n");
  g_autoptr (MkScanner) scanner = scanner_new ("(?s)begin.*end|ready");

  if (mk_test_is_under_valgrind ())
    {
      g_test_skip ("this takes so long under valgrind that the scanner does not do it");
      return;
    }

  fill (text, CHUNK, "and so on\n");
  mk_scanner_append (scanner, (const guint8 *) text->str, CHUNK);
  g_assert_true (find (scanner));
  assert_group (scanner, 0, "ready");
  g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, 11);
}

static void
test_longest_match (void)
{
  g_autofree char *middle = g_strnfill (MK_SCANNER_LONGEST_MATCH - 12, '.');
  g_autofree char *chunk = g_strnfill (1000, '.');
  g_autoptr (MkScanner) scanner = scanner_new ("(?s)begin.*end");
  gboolean found = FALSE;

  for (guint i = 0; i < 100; i++)
    append (scanner, "-\n");
  append (scanner, "begin");
  for (gsize i = 0; i < strlen (middle); i += 1000)
    {
      g_autofree char *piece = g_strndup (middle + i, 1000);

      append (scanner, piece);
      g_assert_false (find (scanner));
    }
  append (scanner, "end.");
  for (guint i = 0; i < 200 && !found; i++)
    {
      append (scanner, chunk);
      found = find (scanner);
    }
  g_assert_true (found);
  g_assert_cmpuint (mk_scanner_get_match_end (scanner), ==, 200 + 5 + strlen (middle) + 3);
}

/* Where there are far too many ways to match it says so, and does not take for ever. */
static void
test_too_many_ways (void)
{
  g_autofree char *text = g_strnfill (60, 'a');
  g_autoptr (MkScanner) scanner = scanner_new ("(a?){60}(a?){60}(a+)+c");
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  append (scanner, text);
  append (scanner, "b\n");
  g_assert_false (mk_scanner_find (scanner, &error));
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
      g_autoptr (MkScanner) scanner = scanner_new (patterns[i]);
      g_autoptr (GError) error = NULL;
      gint64 begun = get_cpu_time ();

      mk_scanner_append (scanner, (const guint8 *) text, lengths[i]);
      mk_scanner_append (scanner, (const guint8 *) "\n", 1);
      g_assert_false (mk_scanner_find (scanner, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
      g_test_message ("%s: given up after %.2f s", patterns[i], (get_cpu_time () - begun) / 1e6);
      /* Under valgrind, all of it takes twenty times as long. */
      g_assert_cmpint (get_cpu_time () - begun, <, 30 * G_USEC_PER_SEC);
    }
}

static void
test_no_regular_expression (void)
{
  static const struct
  {
    const char *text;
    const char *position;
  } bad[] = {
    { "a(b", "after 3 " }, { "\303\244\303\244[", "after 3 " }, { "*", "after 0 " }, { "(*UTF)a", "" }
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mk_pattern_new (bad[i].text, "banner", &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i].text));
      g_assert_nonnull (strstr (error->message, bad[i].position));
    }
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
      g_autoptr (MkScanner) scanner = scanner_new (patterns[i]);
      gint64 begun = g_get_monotonic_time ();

      for (guint n = 0; n < 400; n++)
        {
          mk_scanner_append (scanner, (const guint8 *) text->str, CHUNK);
          g_assert_false (find (scanner));
        }
      g_test_message ("%s: %.0f MB/s", patterns[i], 400.0 * CHUNK / (g_get_monotonic_time () - begun));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autofree char *path = g_strdup_printf ("/scanner/cut/%u", i);

      g_test_add_data_func (path, &samples[i], test_wherever_it_is_cut);
    }
  g_test_add_func ("/scanner/nowhere", test_nowhere);
  g_test_add_func ("/scanner/zero-bytes", test_zero_bytes);
  g_test_add_func ("/scanner/any-text-cut-anywhere", test_any_text_cut_anywhere);
  g_test_add_func ("/scanner/more-may-change-it", test_more_may_change_it);
  g_test_add_func ("/scanner/settled", test_settled);
  g_test_add_func ("/scanner/line-does-not-end-by-waiting", test_line_does_not_end_by_waiting);
  g_test_add_func ("/scanner/each-match-counts-once", test_each_match_counts_once);
  g_test_add_func ("/scanner/endless-lines", test_endless_lines);
  g_test_add_func ("/scanner/hidden", test_hidden);
  g_test_add_func ("/scanner/hidden-in-a-large-piece", test_hidden_in_a_large_piece);
  g_test_add_func ("/scanner/longest-match", test_longest_match);
  g_test_add_func ("/scanner/too-many-ways", test_too_many_ways);
  g_test_add_func ("/scanner/too-long", test_too_long);
  g_test_add_func ("/scanner/no-regular-expression", test_no_regular_expression);
  g_test_add_func ("/scanner/speed", test_speed);

  return g_test_run ();
}
