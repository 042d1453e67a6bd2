/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that says when it is ready: its words are heard at once, however they come, and nothing that
 * follows them is lost. One that will not say them is not waited for.
 */

#include "mk-test-calls.h"

#include <string.h>

#define SHORT_MS 300
#define LATE_US  (100 * 1000)
#define BOTH     (MK_STREAM_STDOUT | MK_STREAM_STDERR)

static MkOutputExecutor *
executor_new (const char *const *argv, const char *banner)
{
  MkOutputExecutor *executor = mk_output_executor_new (argv, banner);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return executor;
}

/* A script that goes on for ever if it does not say otherwise */
static MkOutputExecutor *
script_new (const char *script, const char *banner)
{
  g_autofree char *whole = g_strconcat (script, "; exec sleep 60", NULL);
  const char *argv[] = { "/bin/sh", "-c", whole, NULL };

  return executor_new (argv, banner);
}

static void
assert_match (MkOutputExecutor *executor, const char *name, const char *expected)
{
  g_autofree char *match = mk_output_executor_dup_match (executor, name);

  g_assert_cmpstr (match, ==, expected);
}

static void
assert_fails (gpointer executor, int code, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, part);
  g_assert_false (mk_simple_executor_get_active (executor));
}

static void
assert_invalid (gpointer executor, const char *part)
{
  assert_fails (executor, MK_ERROR_INVALID_ARGUMENT, part);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
}

static void
assert_ready_after (const char *script, const char *banner, const char *match)
{
  g_autoptr (MkOutputExecutor) executor = script_new (script, banner);

  mk_test_assert_starts (executor);
  assert_match (executor, "0", match);
  mk_test_assert_stops (executor);
}

/* The banner */

static void
test_line (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--print", "hello", "--after", "30", "--ready", "I am up!", NULL);
  g_autoptr (MkOutputExecutor) executor = executor_new ((const char *const *) argv, "^I am (up|there)");

  mk_test_assert_starts (executor);
  assert_match (executor, "1", "up");
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
  g_autoptr (MkOutputExecutor) executor = script_new (
      "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo ready; head -c 3000000 /dev/zero", "^ready$");

  mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), 1000);
  mk_test_assert_starts (executor);
  assert_match (executor, "0", "ready");
  mk_test_assert_stops (executor);
}

static void
test_in_streams (void)
{
  static const struct
  {
    const char *script;
    MkStream stream;
    MkStdioMode error_mode;
  } cases[] = {
    { "echo ready", MK_STREAM_STDOUT, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", MK_STREAM_STDERR, MK_STDIO_MODE_CAPTURE },
    { "echo ready", BOTH, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", BOTH, MK_STDIO_MODE_CAPTURE },
    { "echo ready >&2", MK_STREAM_STDOUT, MK_STDIO_MODE_MERGE },
    { "echo ready >&2", BOTH, MK_STDIO_MODE_MERGE },
    { "echo ready", MK_STREAM_STDOUT, MK_STDIO_MODE_INHERIT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkOutputExecutor) executor = script_new (cases[i].script, "ready");

      mk_output_executor_set_stream (executor, cases[i].stream);
      mk_simple_executor_set_stderr_mode (MK_SIMPLE_EXECUTOR (executor), cases[i].error_mode);
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }
}

static void
test_in_the_other_stream_it_does_not_count (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo ready", "ready");

  mk_output_executor_set_stream (executor, MK_STREAM_STDERR);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  assert_fails (executor, MK_ERROR_TIMED_OUT, "before its standard error matched “ready”");
}

static void
test_occurrences (void)
{
  g_autoptr (MkOutputExecutor) executor =
      script_new ("echo up 1 up 2 >&2; sleep 0.05; echo up 3; echo up 4", "up (\\d)");

  mk_output_executor_set_stream (executor, BOTH);
  mk_output_executor_set_occurrences (executor, 3);
  mk_test_assert_starts (executor);
  assert_match (executor, "1", "3");
  mk_test_assert_stops (executor);
}

static void
test_too_few_occurrences (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo up up", "up");

  mk_output_executor_set_occurrences (executor, 3);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  assert_fails (executor, MK_ERROR_TIMED_OUT, "matched “up” 3 times; last seen: up up");
}

/* What the match consists of */

static void
test_groups (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new (
      "echo listening on 127.0.0.1:6379", "listening on (?<host>[^:]+):(?<port>\\d+)( with TLS)?$");

  assert_match (executor, "0", NULL);
  mk_test_assert_starts (executor);
  assert_match (executor, "0", "listening on 127.0.0.1:6379");
  assert_match (executor, "host", "127.0.0.1");
  assert_match (executor, "2", "6379");
  assert_match (executor, "port", "6379");
  assert_match (executor, "3", NULL);
  assert_match (executor, "4", NULL);
  assert_match (executor, "none", NULL);
  assert_match (executor, "", NULL);
  mk_test_assert_stops (executor);
  assert_match (executor, "port", "6379");
}

/* Of the last start, also if that came to nothing */
static void
test_groups_of_the_last_start (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo run $N", "run (\\d)");
  const char *first[] = { "N=1", NULL }, *second[] = { "N=2", NULL }, *third[] = { "N=none", NULL };

  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), first);
  mk_test_assert_starts (executor);
  assert_match (executor, "1", "1");
  mk_test_assert_stops (executor);
  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), second);
  mk_test_assert_starts (executor);
  assert_match (executor, "1", "2");
  mk_test_assert_stops (executor);
  mk_simple_executor_set_environment (MK_SIMPLE_EXECUTOR (executor), third);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  assert_fails (executor, MK_ERROR_TIMED_OUT, "last seen: run none");
  assert_match (executor, "1", NULL);
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
  g_autoptr (MkOutputExecutor) executor =
      script_new ("echo one >&2; printf 'early\\nit is ready now\\n'; sleep 0.05; echo late", "ready");
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
  g_autoptr (MkOutputExecutor) executor = executor_new (argv, "^1000000$");
  g_autofree char *rest = NULL;

  mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), 0);
  mk_test_assert_starts (executor);
  rest = read_text (executor, MK_STREAM_STDOUT, 17);
  g_assert_cmpstr (rest, ==, "\n1000001\n1000002\n");
  g_assert_true (mk_test_wait (executor, NULL, NULL));
}

/* When it will not come */

static void
test_exit_with_status (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo no luck; exit 3", "ready");

  assert_fails (executor, MK_ERROR_EXITED, "exited with status 3 before its standard output matched “ready”");
}

static void
assert_ends_at_once (const char *script, int code, const char *part)
{
  g_autoptr (MkOutputExecutor) executor = script_new (script, "ready");
  gint64 begun = g_get_monotonic_time ();

  assert_fails (executor, code, part);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, MK_TEST_LIMIT_MS * 1000 / 2);
}

static void
test_exit_without_failure (void)
{
  assert_ends_at_once ("echo no luck; exit 0", MK_ERROR_EXITED, "exited with status 0 before");
  assert_ends_at_once ("echo no luck; exit 0", MK_ERROR_EXITED, "Last output: no luck");
}

static void
test_output_closed (void)
{
  assert_ends_at_once ("exec >&-", MK_ERROR_FAILED, "closed its output before");
}

/* Who holds the output may still say it. */
static void
test_said_by_a_daemon (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--daemon", "--after", "50", "--ready", "daemon is up", NULL);
  g_autoptr (MkOutputExecutor) executor = executor_new ((const char *const *) argv, "daemon is up");

  mk_test_assert_starts (executor);
  g_assert_false (mk_simple_executor_get_running (MK_SIMPLE_EXECUTOR (executor)));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* The last thing it says, without a newline, just before it exits */
static void
test_said_at_the_end (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("printf 'result 42'; exit 0", "result (\\d+)$");

  g_assert_true (mk_test_start (executor, NULL, NULL));
  assert_match (executor, "1", "42");
}

typedef struct
{
  const char *what;
  const char *options[6];
  const char *banner;
} Hung;

static const Hung hung[] = {
  { "silent", { NULL }, "ready" },
  { "stopped", { "--stopped", NULL }, "ready" },
  { "deaf", { "--deaf", "--print", "red", NULL }, "ready" },
  { "nearly", { "--no-newline", "--print", "read", NULL }, "ready" },
  { "children", { "--children", "2", "--setsid-children", "--print", "rea dy", NULL }, "ready" },
  { "flood", { "--flood", "2000000000", NULL }, "ready" },
  { "flood-that-nearly-matches", { "--flood", "2000000000", NULL }, "(?s)0.*x" },
};

static char **
hung_argv (const Hung *self, const char *tag)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  g_strv_builder_addv (builder, (const char **) self->options);
  return g_strv_builder_end (builder);
}

static void
test_hung (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hung); i++)
    {
      g_autofree char *tag = mk_test_new_tag ();
      g_auto (GStrv) argv = hung_argv (&hung[i], tag);
      g_autoptr (MkOutputExecutor) executor = executor_new ((const char *const *) argv, hung[i].banner);
      gint64 begun = g_get_monotonic_time ();

      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
      assert_fails (executor, MK_ERROR_TIMED_OUT, "before its standard output matched");
      g_test_message (
          "%s: %.0f ms late", hung[i].what, (g_get_monotonic_time () - begun) / 1000.0 - SHORT_MS);
      g_assert_cmpint (g_get_monotonic_time () - begun, <, SHORT_MS * 1000 + LATE_US);
      mk_test_assert_nothing_left (tag);
    }
}

/* Failure */

static void
test_failure_pattern (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo ERROR: no disk", "ready");

  mk_output_executor_set_failure_pattern (executor, "^ERROR: .*$");
  assert_fails (executor, MK_ERROR_FAILED, "printed “ERROR: no disk”, which tells of a failure");
}

/* The same error, whether the end of the process is seen before the words or after them */
static void
test_failure_pattern_and_exit (void)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (MkOutputExecutor) executor = script_new ("echo ERROR: no disk; exit 1", "ready");

      mk_output_executor_set_failure_pattern (executor, "ERROR: .*");
      assert_fails (executor, MK_ERROR_FAILED, "printed “ERROR: no disk”");
    }
}

static void
test_what_comes_first_counts (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("printf 'ready\\nERROR\\nready\\n'", "ready");

  mk_output_executor_set_failure_pattern (executor, "ERROR");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_output_executor_set_occurrences (executor, 2);
  assert_fails (executor, MK_ERROR_FAILED, "ERROR");
}

/* Bad input: nothing is started */

static void
test_bad_banner (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo ready", "rea(dy");

  assert_invalid (executor,
                  "banner “rea(dy” is not a regular expression: missing closing parenthesis (after 6 ");
  mk_output_executor_set_banner (executor, "");
  assert_invalid (executor, "no banner");
  mk_output_executor_set_banner (executor, NULL);
  assert_invalid (executor, "no banner");
  mk_output_executor_set_banner (executor, "ready");
  mk_output_executor_set_failure_pattern (executor, "[");
  assert_invalid (executor, "failure pattern “[”");
  mk_output_executor_set_failure_pattern (executor, NULL);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_bad_stream (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo ready", "ready");
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);

  mk_output_executor_set_stream (executor, 0);
  assert_invalid (executor, "no output stream");
  mk_output_executor_set_stream (executor, MK_STREAM_STDOUT);
  mk_simple_executor_set_stdout_mode (simple, MK_STDIO_MODE_NULL);
  assert_invalid (executor, "standard output, which is not captured");
  mk_simple_executor_set_stdout_mode (simple, MK_STDIO_MODE_CAPTURE);
  mk_output_executor_set_stream (executor, MK_STREAM_STDERR);
  mk_simple_executor_set_stderr_mode (simple, MK_STDIO_MODE_MERGE);
  assert_invalid (executor, "standard error, which is not captured");
  mk_output_executor_set_stream (executor, MK_STREAM_STDOUT);
  mk_output_executor_set_occurrences (executor, 0);
  assert_invalid (executor, "0 times");
}

static void
test_too_costly (void)
{
  g_autoptr (MkOutputExecutor) executor =
      script_new ("printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\\n'", "(a+)+c|(a+)*d");

  assert_fails (executor, MK_ERROR_FAILED, "Make the regular expression simpler");
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
  g_autoptr (MkOutputExecutor) executor = g_object_new (
      MK_TYPE_OUTPUT_EXECUTOR, "banner", "a", "stream", BOTH, "occurrences", 2, "failure-pattern", "b", NULL);
  guint n_notified = 0;

  g_assert_cmpstr (mk_output_executor_get_banner (executor), ==, "a");
  g_assert_cmpint (mk_output_executor_get_stream (executor), ==, BOTH);
  g_assert_cmpuint (mk_output_executor_get_occurrences (executor), ==, 2);
  g_assert_cmpstr (mk_output_executor_get_failure_pattern (executor), ==, "b");
  g_signal_connect (executor, "notify", G_CALLBACK (on_notify), &n_notified);
  g_object_set (executor, "banner", "a", "stream", BOTH, "occurrences", 2, "failure-pattern", "b", NULL);
  g_assert_cmpuint (n_notified, ==, 0);
  g_object_set (
      executor, "banner", "c", "stream", MK_STREAM_STDOUT, "occurrences", 1, "failure-pattern", NULL, NULL);
  g_assert_cmpuint (n_notified, ==, 4);
}

static void
test_cancel (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo not yet", "ready");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (executor)));
}

static void
test_ready_again (void)
{
  g_autoptr (MkOutputExecutor) executor = script_new ("echo ready", "ready");

  for (guint i = 0; i < 10; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_true (mk_test_kill (executor, NULL, NULL));
    }
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
  mk_test_add ("/output-executor/match/of-the-last-start", test_groups_of_the_last_start);
  mk_test_add ("/output-executor/rest/left-to-read", test_rest_is_left_to_read);
  mk_test_add ("/output-executor/rest/of-a-flood", test_rest_of_a_flood);

  mk_test_add ("/output-executor/end/exit-with-status", test_exit_with_status);
  mk_test_add ("/output-executor/end/exit-without-failure", test_exit_without_failure);
  mk_test_add ("/output-executor/end/output-closed", test_output_closed);
  mk_test_add ("/output-executor/end/said-by-a-daemon", test_said_by_a_daemon);
  mk_test_add ("/output-executor/end/said-at-the-end", test_said_at_the_end);
  mk_test_add ("/output-executor/hung", test_hung);
  mk_test_add ("/output-executor/failure/pattern", test_failure_pattern);
  mk_test_add ("/output-executor/failure/pattern-and-exit", test_failure_pattern_and_exit);
  mk_test_add ("/output-executor/failure/what-comes-first-counts", test_what_comes_first_counts);

  mk_test_add ("/output-executor/bad/banner", test_bad_banner);
  mk_test_add ("/output-executor/bad/stream", test_bad_stream);
  mk_test_add ("/output-executor/bad/too-costly", test_too_costly);
  mk_test_add_once ("/output-executor/properties", test_properties);
  mk_test_add ("/output-executor/cancelled", test_cancel);
  mk_test_add ("/output-executor/again", test_ready_again);

  return g_test_run ();
}
