/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that will not say that it is ready is not waited for, and a banner that cannot be seen is told
 * before anything is started.
 */

#include "mk-test-calls.h"
#include "mk-test-output.h"

#define SHORT_MS 200
#define N_TRIES  5

/* When it will not come */

static void
test_exit_with_status (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo no luck; exit 3", "ready");

  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "exited with status 3 after");
}

static void
assert_ends_at_once (const char *script, int code, const char *part)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (script, "ready");
  gint64 begun = g_get_monotonic_time ();

  mk_test_assert_start_fails (executor, code, part);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, MK_TEST_LIMIT_MS * 1000 / 2);
}

static void
test_exit_without_failure (void)
{
  assert_ends_at_once ("echo no luck; exit 0", MK_ERROR_EXITED, "exited with status 0");
  assert_ends_at_once ("echo no luck; exit 0", MK_ERROR_EXITED, "Last output:\nno luck");
}

static void
test_output_closed (void)
{
  assert_ends_at_once ("exec >&-", MK_ERROR_FAILED, "closed its output while");
}

/* Who holds the output may still say it. */
static void
test_said_by_a_daemon (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--daemon", "--after", "50", "--ready", "daemon is up", NULL);
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new ((const char *const *) argv, "daemon is up");

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  g_assert_false (mk_simple_executor_get_running (MK_SIMPLE_EXECUTOR (executor)));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* The last thing it says, without a newline, just before it exits */
static void
test_said_at_the_end (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("printf 'result 42'; exit 0", "result (\\d+)$");

  g_assert_true (mk_test_start (executor, NULL, NULL));
  mk_test_assert_match (executor, "1", "42");
}

/* What was said counts, whichever news comes first. */
static void
test_said_and_exited (void)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready; exit 0", "^ready$");
      g_autoptr (MkOutputExecutor) failing = mk_test_output_new_script ("echo ready; exit 3", "^ready$");
      g_autoptr (GError) error = NULL;

      g_assert_true (mk_test_start (executor, NULL, &error));
      g_assert_no_error (error);
      if (!mk_test_start (failing, NULL, &error))
        {
          g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
          mk_test_assert_contains (error->message, "exited with status 3 right after it printed “ready”");
        }
    }
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

/* Returns: whether the start failed in time, with nothing left */
static gboolean
fails_in_time (const Hung *self)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = hung_argv (self, tag);
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new ((const char *const *) argv, self->banner);
  MkTestLimit limit;
  gboolean in_time;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  mk_test_limit_begin (&limit, SHORT_MS);
  mk_test_assert_start_fails (executor, MK_ERROR_TIMED_OUT, "waiting for its standard output");
  in_time = mk_test_limit_end (&limit);
  mk_test_assert_nothing_left (tag);
  return in_time;
}

/* On a busy machine it is not always the start that is late. */
static void
test_hung (void)
{
  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (hung); i++)
    {
      guint n = 1;

      g_test_message ("%s", hung[i].what);
      while (!fails_in_time (&hung[i]))
        g_assert_cmpuint (n++, <, N_TRIES);
    }
}

static void
test_last_seen (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo one; echo almost", "ready");

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 5 * SHORT_MS);
  mk_test_assert_start_fails (executor, MK_ERROR_TIMED_OUT, "; almost)");
}

/* Failure */

static void
test_failure_pattern (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ERROR: no disk", "ready");

  mk_output_executor_set_failure_pattern (executor, "^ERROR: .*$");
  mk_test_assert_start_fails (executor, MK_ERROR_FAILED, "printed “ERROR: no disk”");
}

/* The same error, whether the end of the process is seen before the words or after them */
static void
test_failure_pattern_and_exit (void)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (MkOutputExecutor) executor =
          mk_test_output_new_script ("echo ERROR: no disk; exit 1", "ready");

      mk_output_executor_set_failure_pattern (executor, "ERROR: .*");
      mk_test_assert_start_fails (executor, MK_ERROR_FAILED, "printed “ERROR: no disk”");
    }
}

static void
test_what_comes_first_counts (void)
{
  g_autoptr (MkOutputExecutor) executor =
      mk_test_output_new_script ("printf 'ready\\nERROR\\nready\\n'", "ready");

  mk_output_executor_set_failure_pattern (executor, "ERROR");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_output_executor_set_occurrences (executor, 2);
  mk_test_assert_start_fails (executor, MK_ERROR_FAILED, "ERROR");
}

/* Bad input: nothing is started */

static void
test_bad_banner (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "rea(dy");

  mk_test_assert_invalid (executor, "banner “rea(dy” is not a regular expression: ");
  mk_output_executor_set_banner (executor, "");
  mk_test_assert_invalid (executor, "no banner");
  mk_output_executor_set_banner (executor, NULL);
  mk_test_assert_invalid (executor, "no banner");
  mk_output_executor_set_banner (executor, "ready");
  mk_output_executor_set_failure_pattern (executor, "[");
  mk_test_assert_invalid (executor, "failure pattern “[”");
  mk_output_executor_set_failure_pattern (executor, NULL);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* A subclass with a check of its own before the start, which does not look at the banner */
typedef MkOutputExecutor Unchecked;
typedef MkOutputExecutorClass UncheckedClass;

static GType unchecked_get_type (void);

G_DEFINE_TYPE (Unchecked, unchecked, MK_TYPE_OUTPUT_EXECUTOR)

static gboolean
unchecked_pre_start_check (MkExecutor *executor, GError **error)
{
  return FALSE;
}

static void
unchecked_class_init (UncheckedClass *klass)
{
  MK_EXECUTOR_CLASS (klass)->pre_start_check = unchecked_pre_start_check;
}

static void
unchecked_init (Unchecked *self)
{
}

/* Not the banner of the start before */
static void
test_bad_banner_of_the_second_start (void)
{
  const char *const argv[] = { "sh", "-c", "echo ready; exec sleep 60", NULL };
  g_autoptr (MkOutputExecutor) executor =
      g_object_new (unchecked_get_type (), "command", argv, "banner", "ready", NULL);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_output_executor_set_banner (executor, "rea(dy");
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "banner “rea(dy”");
}

static void
test_bad_stream (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "ready");

  mk_output_executor_set_stream (executor, 0);
  mk_test_assert_invalid (executor, "not a set of output streams");
  mk_output_executor_set_stream (executor, 4 | MK_STREAM_FLAGS_STDOUT);
  mk_test_assert_invalid (executor, "not a set of output streams");
  mk_output_executor_set_stream (executor, MK_STREAM_FLAGS_STDOUT);
  mk_output_executor_set_occurrences (executor, 0);
  mk_test_assert_invalid (executor, "0 times");
}

/* The banner cannot be seen where the output goes elsewhere. */
static void
test_not_captured (void)
{
  static const struct
  {
    MkStreamFlags stream;
    MkStdioMode output_mode, error_mode;
    const char *name;
  } cases[] = {
    { MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_NULL, MK_STDIO_MODE_CAPTURE, "output" },
    { MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_INHERIT, MK_STDIO_MODE_CAPTURE, "output" },
    { MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_FILE, MK_STDIO_MODE_CAPTURE, "output" },
    { MK_STREAM_FLAGS_STDOUT, MK_STDIO_MODE_NULL, MK_STDIO_MODE_MERGE, "output" },
    { MK_STREAM_FLAGS_STDERR, MK_STDIO_MODE_CAPTURE, MK_STDIO_MODE_NULL, "error" },
    { MK_STREAM_FLAGS_STDERR, MK_STDIO_MODE_CAPTURE, MK_STDIO_MODE_INHERIT, "error" },
    { MK_STREAM_FLAGS_STDERR, MK_STDIO_MODE_CAPTURE, MK_STDIO_MODE_FILE, "error" },
    { MK_STREAM_FLAGS_STDERR, MK_STDIO_MODE_CAPTURE, MK_STDIO_MODE_MERGE, "error" },
    { MK_STREAM_FLAGS_BOTH, MK_STDIO_MODE_NULL, MK_STDIO_MODE_CAPTURE, "output" },
    { MK_STREAM_FLAGS_BOTH, MK_STDIO_MODE_CAPTURE, MK_STDIO_MODE_INHERIT, "error" },
  };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "ready");
      MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
      g_autofree char *part = g_strdup_printf ("standard %s, which is not captured", cases[i / 2].name);

      mk_output_executor_set_stream (executor, cases[i / 2].stream);
      mk_simple_executor_set_stdout_mode (simple, cases[i / 2].output_mode);
      mk_simple_executor_set_stdout_path (simple, "/dev/null");
      mk_simple_executor_set_stderr_mode (simple, cases[i / 2].error_mode);
      mk_simple_executor_set_stderr_path (simple, "/dev/null");
      if (i % 2)
        mk_test_ask_together (executor);
      mk_test_assert_invalid (executor, part);
    }
}

static void
test_too_costly (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (
      "printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\\n'", "(a+)+c|(a+)*d");

  mk_test_assert_start_fails (executor, MK_ERROR_FAILED, "make the regular expression simpler");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/output-failure/end/exit-with-status", test_exit_with_status);
  mk_test_add ("/output-failure/end/exit-without-failure", test_exit_without_failure);
  mk_test_add ("/output-failure/end/output-closed", test_output_closed);
  mk_test_add ("/output-failure/end/said-by-a-daemon", test_said_by_a_daemon);
  mk_test_add ("/output-failure/end/said-at-the-end", test_said_at_the_end);
  mk_test_add ("/output-failure/end/said-and-exited", test_said_and_exited);
  mk_test_add ("/output-failure/hung", test_hung);
  mk_test_add ("/output-failure/last-seen", test_last_seen);
  mk_test_add ("/output-failure/failure/pattern", test_failure_pattern);
  mk_test_add ("/output-failure/failure/pattern-and-exit", test_failure_pattern_and_exit);
  mk_test_add ("/output-failure/failure/what-comes-first-counts", test_what_comes_first_counts);
  mk_test_add ("/output-failure/bad/banner", test_bad_banner);
  mk_test_add ("/output-failure/bad/banner-of-the-second-start", test_bad_banner_of_the_second_start);
  mk_test_add ("/output-failure/bad/stream", test_bad_stream);
  mk_test_add ("/output-failure/bad/not-captured", test_not_captured);
  mk_test_add ("/output-failure/bad/too-costly", test_too_costly);

  return g_test_run ();
}
