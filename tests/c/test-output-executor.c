/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that says when it is ready: its words are heard at once, however they come, and nothing that
 * follows them is lost. One that will not say them is not waited for.
 */

#include "mk-test-calls.h"
#include "mk-test-output.h"

#include <string.h>
#include <time.h>

static void
assert_fails_while_ready (gpointer executor, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
}

static void
assert_ready_after (const char *script, const char *banner, const char *match)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (script, banner);

  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "0", match);
  mk_test_assert_stops (executor);
}

/* The banner */

static void
test_line (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--print", "hello", "--after", "30", "--ready", "I am up!", NULL);
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new ((const char *const *) argv, "^I am (up|there)");

  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "1", "up");
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_without_newline (void)
{
  assert_ready_after ("printf 'login: '", "login: ", "login: ");
}

/* What more could change counts when no more comes. */
static void
test_without_an_end (void)
{
  assert_ready_after ("printf 'port 6379'", "port \\d+", "port 6379");
}

static void
test_in_pieces (void)
{
  assert_ready_after ("printf 'rea'; sleep 0.03; printf 'dy on 6'; sleep 0.03; printf '379\\n'",
                      "ready on (\\d+)$",
                      "ready on 6379");
}

static void
test_among_bytes_that_are_no_text (void)
{
  assert_ready_after (
      "printf '\\377\\000\\200 gr\\303ready\\344\\n'", "gr.ready.", "gr\357\277\275ready\357\277\275");
}

/* More than is kept */
static void
test_after_megabytes (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo ready; head -c 3000000 /dev/zero", "^ready$");

  mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), 1000);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "0", "ready");
  mk_test_assert_stops (executor);
}

static void
test_in_streams (void)
{
  static const struct
  {
    const char *script;
    MkStreamFlags stream;
    MkStdioMode error_mode;
  } cases[] = {
    { "echo ready", MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", MK_STREAM_FLAGS_STDERR, MK_STDIO_MODE_CAPTURE },
    { "echo ready", MK_STREAM_FLAGS_BOTH, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", MK_STREAM_FLAGS_BOTH, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_MERGE },
    { "echo ready >&2", MK_STREAM_FLAGS_BOTH, MK_STDIO_MODE_MERGE },
    { "echo ready", MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_INHERIT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (cases[i].script, "ready");

      mk_output_executor_set_stream (executor, cases[i].stream);
      mk_simple_executor_set_stderr_mode (MK_SIMPLE_EXECUTOR (executor), cases[i].error_mode);
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }
}

static void
test_in_the_other_stream_it_does_not_count (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready; exit 0", "ready");

  mk_output_executor_set_stream (executor, MK_STREAM_FLAGS_STDERR);
  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "its standard error");
}

static void
test_occurrences (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("echo up 1 up 2 >&2; sleep 0.05; echo up 3; echo up 4", "up (\\d)");

  mk_output_executor_set_stream (executor, MK_STREAM_FLAGS_BOTH);
  mk_output_executor_set_occurrences (executor, 3);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "1", "3");
  mk_test_assert_stops (executor);
}

static void
test_too_few_occurrences (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo up up; exit 0", "up");

  mk_output_executor_set_occurrences (executor, 3);
  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "to match “up” 3 times");
}

/* What the match consists of */

static void
test_groups (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "echo listening on 127.0.0.1:6379", "listening on (?<host>[^:]+):(?<port>\\d+)( with TLS)?$");

  mk_test_assert_match (executor, "0", NULL);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "0", "listening on 127.0.0.1:6379");
  mk_test_assert_match (executor, "host", "127.0.0.1");
  mk_test_assert_match (executor, "2", "6379");
  mk_test_assert_match (executor, "port", "6379");
  mk_test_assert_match (executor, "3", NULL);
  mk_test_assert_match (executor, "4", NULL);
  mk_test_assert_match (executor, "none", NULL);
  mk_test_assert_match (executor, "", NULL);
  mk_test_assert_stops (executor);
  mk_test_assert_match (executor, "port", "6379");
}

/* Of the last start, also if that came to nothing */
static void
test_groups_of_the_last_start (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("echo run $N; [ $N != none ] || exit 0", "run (\\d)");
  const char *first[] = { "N=1", NULL }, *second[] = { "N=2", NULL }, *third[] = { "N=none", NULL };

  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), first);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "1", "1");
  mk_test_assert_stops (executor);
  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), second);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "1", "2");
  mk_test_assert_stops (executor);
  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), third);
  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "Last output:\nrun none");
  mk_test_assert_match (executor, "1", NULL);
}

/* Of several groups of one name the one that took part */
static void
test_groups_of_one_name (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("echo tcp 17", "(?J)udp (?<port>\\d+)$|tcp (?<port>\\d+)$");

  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "port", "17");
  mk_test_assert_match (executor, "1", NULL);
  mk_test_assert_stops (executor);
}

/* A banner set since has nothing to do with it, even if a start with it was tried. */
static void
test_groups_and_the_next_banner (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo 1 2", "(?<one>\\d) (?<two>\\d)$");

  mk_test_assert_starts (executor);
  mk_output_executor_set_banner (executor, "(?<zero>x)?(?<two>\\d) (?<one>\\d)$");
  assert_fails_while_ready (executor, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_match (executor, "one", "1");
  mk_test_assert_match (executor, "two", "2");
  mk_test_assert_match (executor, "zero", NULL);
  mk_test_assert_stops (executor);
  mk_test_assert_starts (executor);
  mk_test_assert_match (executor, "one", "2");
  mk_test_assert_stops (executor);
}

/* What follows it */

static char *
read_text (MkOutputExecutor *executor, MkStream stream, gsize length)
{
  g_autoptr (GInputStream) input = mk_simple_executor_open_output (MK_SIMPLE_EXECUTOR (executor), stream);
  g_autoptr (GError) error = NULL;
  char *text = g_malloc0 (length + 1);

  g_assert_true (g_input_stream_read_all (input, text, length, NULL, NULL, &error));
  g_assert_no_error (error);
  return text;
}

static void
test_rest_is_left_to_read (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "echo one >&2; printf 'early\\nit is ready now\\n'; sleep 0.05; echo late", "ready");
  g_autofree char *rest = NULL;
  g_autofree char *other = NULL;
  g_autoptr (GBytes) all = NULL;

  mk_test_assert_starts (executor);
  rest = read_text (executor, MK_STREAM_STDOUT, strlen (" now\nlate\n"));
  g_assert_cmpstr (rest, ==, " now\nlate\n");
  other = read_text (executor, MK_STREAM_STDERR, strlen ("one\n"));
  g_assert_cmpstr (other, ==, "one\n");
  all = mk_simple_executor_dup_output (MK_SIMPLE_EXECUTOR (executor), MK_STREAM_STDOUT);
  g_assert_cmpmem (
      g_bytes_get_data (all, NULL), g_bytes_get_size (all), "early\nit is ready now\nlate\n", 27);
  mk_test_assert_stops (executor);
}

/* In the middle of a flood, of which it is the only line that is a multiple of a million */
static void
test_rest_of_a_flood (void)
{
  const char *argv[] = { "seq", "500000", "1500000", NULL };
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new (argv, "^1000000$");
  g_autofree char *rest = NULL;

  mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), 0);
  mk_test_assert_starts (executor);
  rest = read_text (executor, MK_STREAM_STDOUT, 17);
  g_assert_cmpstr (rest, ==, "\n1000001\n1000002\n");
  g_assert_true (mk_test_wait (executor, NULL, NULL));
}

/* Each start begins anew, and so does what is left. */
static void
test_rest_of_each_start (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("echo a ready b; echo ready c >&2", "ready");

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *rest = NULL;
      MkStream stream = i % 2 ? MK_STREAM_STDERR : MK_STREAM_STDOUT;

      mk_output_executor_set_stream (executor, i % 2 ? MK_STREAM_FLAGS_STDERR : MK_STREAM_FLAGS_STDOUT);
      mk_test_assert_starts (executor);
      rest = read_text (executor, stream, 3);
      g_assert_cmpstr (rest, ==, i % 2 ? " c\n" : " b\n");
      mk_test_assert_stops (executor);
    }
}

/* Colours do not count, unless the banner has them. */
static void
test_colours (void)
{
  assert_ready_after ("printf '\\033[32mser\\033[1mver\\033[0m up\\033[m\\n'", "^server up$", "server up");
  assert_ready_after ("printf '\\033[32mup\\033[0m\\n'", "\\x1b\\[32mup", "\033[32mup");
  assert_ready_after ("echo first; printf 'p\\033]0;title'; sleep 0.1; printf '\\007ort \\033['; sleep 0.1; "
                      "printf '1m63\\033[m79\\n'",
                      "^port \\d+$",
                      "port 6379");
}

static void
test_rest_after_colours (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "printf 'early\\n\\033[1mit is \\033[32mrea\\033[mdy\\033[m now\\n'; sleep 0.05; echo late", "ready");
  g_autofree char *rest = NULL;

  mk_test_assert_starts (executor);
  rest = read_text (executor, MK_STREAM_STDOUT, strlen ("\033[m now\nlate\n"));
  g_assert_cmpstr (rest, ==, "\033[m now\nlate\n");
  mk_test_assert_stops (executor);
}

static void
test_occurrences_in_colours (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "echo up; printf '\\033[1mup\\033[m\\n'; sleep 0.1; printf 'u\\033[1mp\\033[m now\\n'", "up");

  mk_output_executor_set_occurrences (executor, 3);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_failure_in_colours (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("printf 'fa\\033[31mtal\\033[m\\n'; echo ready", "ready");
  g_autoptr (GError) error = NULL;

  mk_output_executor_set_failure_pattern (executor, "fatal");
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
}

/* The object */

static void
on_notify (GObject *object, GParamSpec *pspec, gpointer n_notified)
{
  ++*(guint *) n_notified;
}

static void
test_properties (void)
{
  g_autoptr (MkOutputExecutor) executor = g_object_new (MK_TYPE_OUTPUT_EXECUTOR,
                                                        "banner",
                                                        "a",
                                                        "stream",
                                                        MK_STREAM_FLAGS_BOTH,
                                                        "occurrences",
                                                        2,
                                                        "failure-pattern",
                                                        "b",
                                                        NULL);
  guint n_notified = 0;

  g_assert_cmpstr (mk_output_executor_get_banner (executor), ==, "a");
  g_assert_cmpint (mk_output_executor_get_stream (executor), ==, MK_STREAM_FLAGS_BOTH);
  g_assert_cmpuint (mk_output_executor_get_occurrences (executor), ==, 2);
  g_assert_cmpstr (mk_output_executor_get_failure_pattern (executor), ==, "b");
  g_signal_connect (executor, "notify", G_CALLBACK (on_notify), &n_notified);
  g_object_set (executor,
                "banner",
                "a",
                "stream",
                MK_STREAM_FLAGS_BOTH,
                "occurrences",
                2,
                "failure-pattern",
                "b",
                NULL);
  g_assert_cmpuint (n_notified, ==, 0);
  g_object_set (executor,
                "banner",
                "c",
                "stream",
                MK_STREAM_FLAGS_STDOUT,
                "occurrences",
                1,
                "failure-pattern",
                NULL,
                NULL);
  g_assert_cmpuint (n_notified, ==, 4);
}

static double
get_cpu_ms (void)
{
  return clock () * 1000.0 / CLOCKS_PER_SEC;
}

/* Neither while it says nothing, nor when it has closed its output */
static void
test_waiting_takes_no_cpu (void)
{
  g_autoptr (MkOutputExecutor) silent = mk_test_output_new_script (":", "ready");
  g_autoptr (MkOutputExecutor) closed = mk_test_output_new_script ("exec >&- 2>&-", "ready");
  double begin = get_cpu_ms ();

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (silent), 1000);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (closed), 1000);
  mk_test_assert_start_fails (silent, MK_ERROR_TIMED_OUT, "ready");
  g_assert_false (mk_test_start (closed, NULL, NULL));
  g_test_message ("%.0f ms of CPU", get_cpu_ms () - begin);
  g_assert_cmpfloat (get_cpu_ms () - begin, <, 500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/output-executor/banner/line", test_line);
  mk_test_add ("/output-executor/banner/without-newline", test_without_newline);
  mk_test_add ("/output-executor/banner/without-an-end", test_without_an_end);
  mk_test_add ("/output-executor/banner/in-pieces", test_in_pieces);
  mk_test_add ("/output-executor/banner/among-bytes-that-are-no-text", test_among_bytes_that_are_no_text);
  mk_test_add ("/output-executor/banner/after-megabytes", test_after_megabytes);
  mk_test_add ("/output-executor/banner/streams", test_in_streams);
  mk_test_add ("/output-executor/banner/other-stream", test_in_the_other_stream_it_does_not_count);
  mk_test_add ("/output-executor/occurrences/enough", test_occurrences);
  mk_test_add ("/output-executor/occurrences/too-few", test_too_few_occurrences);
  mk_test_add ("/output-executor/match/groups", test_groups);
  mk_test_add ("/output-executor/match/groups-of-one-name", test_groups_of_one_name);
  mk_test_add ("/output-executor/match/and-the-next-banner", test_groups_and_the_next_banner);
  mk_test_add ("/output-executor/match/of-the-last-start", test_groups_of_the_last_start);
  mk_test_add ("/output-executor/rest/left-to-read", test_rest_is_left_to_read);
  mk_test_add ("/output-executor/rest/of-a-flood", test_rest_of_a_flood);
  mk_test_add ("/output-executor/rest/of-each-start", test_rest_of_each_start);
  mk_test_add ("/output-executor/colours/banner", test_colours);
  mk_test_add ("/output-executor/colours/rest", test_rest_after_colours);
  mk_test_add ("/output-executor/colours/occurrences", test_occurrences_in_colours);
  mk_test_add ("/output-executor/colours/failure", test_failure_in_colours);
  mk_test_add ("/output-executor/waiting-takes-no-cpu", test_waiting_takes_no_cpu);
  mk_test_add_once ("/output-executor/properties", test_properties);

  return g_test_run ();
}
