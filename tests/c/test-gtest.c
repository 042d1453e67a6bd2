/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The helpers for GTest suites. What they do when something fails is seen from outside: this program runs
 * itself, with one of the cases under /victim, and looks at what it printed.
 */

#include "mirakuru-glib-test.h"
#include "mk-test-util.h"

#define VICTIM "MK_TEST_VICTIM"

static MkSimpleExecutor *
new_executor (const char *option, const char *value, const char *option2, const char *value2)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, option, value, option2, value2, NULL);

  return mk_simple_executor_new ((const char *const *) argv);
}

/* ---- the victims ---- */

static void
victim_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--print", "one\ntwo", "--stderr", "no space left", "--exit", "3", NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", mk_test_free_port ());

  g_assert_false (mk_gtest_start (executor));
  g_assert_false (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (executor)));
}

static void
victim_start_nonfatal (void)
{
  g_test_set_nonfatal_assertions ();
  victim_start ();
}

static void
victim_stop (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_executor ("--print", "dying", "--exit", "7");

  mk_gtest_start (executor);
  mk_simple_executor_wait (executor, NULL, NULL);
  mk_gtest_stop (executor);
}

static void
victim_fails (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_executor ("--print", "what it had to say", "--exit", "0");

  mk_gtest_start (executor);
  mk_simple_executor_wait (executor, NULL, NULL);
  g_test_fail ();
  mk_gtest_stop (executor);
}

static void
victim_asserts (void)
{
  g_autoptr (MkSimpleExecutor) silent = new_executor ("--ready", "not shown", "--stderr", "nor this");
  g_autoptr (MkSimpleExecutor) executor = new_executor ("--print", "seen before the end", "--exit", "0");

  mk_gtest_start (silent);
  mk_gtest_stop (silent);
  mk_gtest_start (executor);
  mk_simple_executor_wait (executor, NULL, NULL);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 1);
}

static void
victim_errors (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_executor ("--print", "seen before the end", "--exit", "0");

  mk_gtest_start (executor);
  mk_simple_executor_wait (executor, NULL, NULL);
  g_error ("out of order");
}

static void
victim_chatty (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_executor ("--flood", "16000", "--exit", "0");

  mk_gtest_start (executor);
  mk_simple_executor_wait (executor, NULL, NULL);
  g_test_fail ();
  mk_gtest_stop (executor);
}

static void
victim_skips (void)
{
  g_assert_false (mk_gtest_skip_without ("sh"));
  g_assert_true (mk_gtest_skip_without ("mk-no-such-program"));
  mk_gtest_stop (NULL);
}

/* ---- from outside ---- */

/* Returns: (transfer full): what the case has printed, all of it TAP */
static char *
run_victim (const char *name, int *status)
{
  g_autofree char *path = g_strconcat ("/victim/", name, NULL);
  const char *argv[] = { "/proc/self/exe", "--tap", "-p", path, NULL };
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), VICTIM, "1", TRUE);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;
  char *output = NULL;

  /* Newer versions of GLib indent what a test within a test prints. */
  environment = g_environ_unsetenv (environment, "G_TEST_ROOT_PROCESS");
  g_spawn_sync (NULL,
                (char **) argv,
                environment,
                G_SPAWN_STDERR_TO_DEV_NULL,
                NULL,
                NULL,
                &output,
                NULL,
                status,
                &error);
  g_assert_no_error (error);

  lines = g_strsplit (output, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (!g_regex_match_simple ("^($|#|ok |not ok |1\\.\\.|TAP version|Bail out!)", lines[i], 0, 0))
      g_error ("not TAP: “%s” in\n%s", lines[i], output);
  return output;
}

static void
assert_shows (const char *output, const char *line)
{
  g_autofree char *pattern = g_strdup_printf ("(?m)^%s$", line);

  if (!g_regex_match_simple (pattern, output, 0, 0))
    g_error ("no line “%s” in\n%s", line, output);
}

static void
test_start_fails (void)
{
  int status;
  g_autofree char *output = run_victim ("start", &status);

  g_assert_cmpint (status, !=, 0);
  assert_shows (output, "# Error:");
  assert_shows (output,
                "#   .*mk-test-service \\(pid \\d+\\) exited with status 3 after .* while waiting for .*");
  assert_shows (output, "# Output:");
  assert_shows (output, "#   one");
  assert_shows (output, "#   two");
  assert_shows (output, "# Error output:");
  assert_shows (output, "#   no space left");
  /* The command is shortened, so the name of its program may be missing where the path is long. Newer
   * versions of GLib say why on the line of the case. */
  assert_shows (output,
                "(Bail out!|not ok).*test-gtest.c:\\d+:victim_start: /.+ \\(stopped\\) did not start.*");
}

static void
test_start_fails_nonfatal (void)
{
  int status;
  g_autofree char *output = run_victim ("start-nonfatal", &status);

  g_assert_cmpint (status, !=, 0);
  assert_shows (output, "#   no space left");
  assert_shows (output, "not ok .*/victim/start-nonfatal.*");
}

static void
test_stop_fails (void)
{
  int status;
  g_autofree char *output = run_victim ("stop", &status);

  g_assert_cmpint (status, !=, 0);
  assert_shows (output, "#   .* exited with status 7.*");
  assert_shows (output, "#   dying");
  assert_shows (output, "(Bail out!|not ok).*victim_stop: .* did not stop as it should.*");
}

static void
test_output_of_failed (void)
{
  int status;
  g_autofree char *output = run_victim ("fails", &status);

  g_assert_cmpint (status, !=, 0);
  assert_shows (output, "# Output:");
  assert_shows (output, "#   what it had to say");
  g_assert_null (strstr (output, "Error output"));
  assert_shows (output, "not ok .*/victim/fails.*");
}

static void
test_output_is_shortened (void)
{
  int status;
  g_autofree char *output = run_victim ("chatty", &status);
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);

  g_assert_cmpint (status, !=, 0);
  g_assert_cmpuint (g_strv_length (lines), >=, MK_GTEST_LINES);
  g_assert_cmpuint (g_strv_length (lines), <, MK_GTEST_LINES + 20);
}

/* The case does not come to the point where it stops the service. */
static void
test_output_at_an_assertion (void)
{
  const char *victims[] = { "asserts", "errors" };

  for (guint i = 0; i < G_N_ELEMENTS (victims); i++)
    {
      int status;
      g_autofree char *output = run_victim (victims[i], &status);

      g_assert_cmpint (status, !=, 0);
      assert_shows (output, "# Output:");
      assert_shows (output, "#   seen before the end");
      g_assert_null (strstr (output, "not shown"));
      g_assert_null (strstr (output, "nor this"));
    }
}

static void
test_skip (void)
{
  int status;
  g_autofree char *output = run_victim ("skips", &status);

  g_assert_cmpint (status, ==, 0);
  assert_shows (output, "ok .*/victim/skips # SKIP mk-no-such-program is not installed");
}

/* ---- when nothing fails ---- */

static void
test_start_stop (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_executor (NULL, NULL, NULL, NULL);

  g_assert_true (mk_gtest_stop (executor)); /* there is nothing to stop */
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (mk_gtest_start (executor));
      g_assert_cmpint (mk_simple_executor_get_state (executor), ==, MK_EXECUTOR_STATE_READY);
      g_assert_true (mk_gtest_stop (executor));
      g_assert_false (mk_simple_executor_get_active (executor));
    }
}

/* With a sanitizer the times are scaled already; otherwise it is done as if valgrind ran this. */
static void
pretend_valgrind (void)
{
  g_setenv ("LD_PRELOAD", "/nowhere/vgpreload_core-amd64-linux.so", TRUE);
}

static void
test_scale (void)
{
  guint factor;

  pretend_valgrind ();
  factor = mk_gtest_scale (1);
  g_assert_cmpuint (factor, >=, 5);
  g_assert_cmpuint (mk_gtest_scale (1000), ==, 1000 * factor);
  g_assert_cmpuint (mk_gtest_scale (0), ==, 0);
  g_assert_cmpuint (mk_gtest_scale (G_MAXUINT - 1), ==, G_MAXUINT);
  g_unsetenv ("LD_PRELOAD");
}

/* The service needs longer than the start timeout. */
static void
test_start_is_scaled (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "600", "--listen", address, NULL);
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);

  pretend_valgrind ();
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 500);
  g_assert_true (mk_gtest_start (executor));
  g_assert_cmpuint (mk_simple_executor_get_start_timeout (MK_SIMPLE_EXECUTOR (executor)), ==, 500);
  g_assert_true (mk_gtest_stop (executor));
  g_unsetenv ("LD_PRELOAD");
}

static void
add_victims (void)
{
  g_test_add_func ("/victim/start", victim_start);
  g_test_add_func ("/victim/start-nonfatal", victim_start_nonfatal);
  g_test_add_func ("/victim/stop", victim_stop);
  g_test_add_func ("/victim/fails", victim_fails);
  g_test_add_func ("/victim/chatty", victim_chatty);
  g_test_add_func ("/victim/asserts", victim_asserts);
  g_test_add_func ("/victim/errors", victim_errors);
  g_test_add_func ("/victim/skips", victim_skips);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  if (g_getenv (VICTIM) != NULL)
    {
      add_victims ();
      return g_test_run ();
    }

  g_test_add_func ("/gtest/fails/start", test_start_fails);
  g_test_add_func ("/gtest/fails/start-nonfatal", test_start_fails_nonfatal);
  g_test_add_func ("/gtest/fails/stop", test_stop_fails);
  g_test_add_func ("/gtest/fails/case", test_output_of_failed);
  g_test_add_func ("/gtest/fails/output-is-shortened", test_output_is_shortened);
  g_test_add_func ("/gtest/fails/assertion", test_output_at_an_assertion);
  g_test_add_func ("/gtest/skip", test_skip);
  g_test_add_func ("/gtest/start-stop", test_start_stop);
  g_test_add_func ("/gtest/time/scale", test_scale);
  g_test_add_func ("/gtest/time/start", test_start_is_scaled);
  return g_test_run ();
}
