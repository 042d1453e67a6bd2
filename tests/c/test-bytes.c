/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Paths, arguments and variables are bytes to the system, and not always valid UTF-8. What users read is.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ODD "d\351"

static char *
make_odd_folder (const char *folder)
{
  char *path = g_build_filename (folder, ODD, NULL);

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  return path;
}

static char *
dup_output (MkSimpleExecutor *executor)
{
  g_autoptr (GBytes) bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  return g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
run (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_wait_check (executor, NULL, &error));
  g_assert_no_error (error);
}

static void
test_command_and_cwd (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *cwd = make_odd_folder (folder);
  const char *argv[] = { "/bin/sh", "-c", "pwd; echo \"$1\"; echo \"$ODD\"", "sh", ODD, NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autofree char *expected = g_strdup_printf ("%s\n%s\n%s\n", cwd, ODD, ODD);
  g_autofree char *output = NULL;
  g_autofree char *description = mk_simple_executor_describe (executor);

  mk_simple_executor_set_cwd (executor, cwd);
  mk_simple_executor_set_environment (executor, (const char *const[]){ "ODD=" ODD, NULL });
  run (executor);
  output = dup_output (executor);
  g_assert_cmpstr (output, ==, expected);
  g_assert_true (g_utf8_validate (description, -1, NULL));
}

static void
test_environment (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("env");
  g_auto (GStrv) entries = NULL;
  g_auto (GStrv) environment = NULL;
  g_autofree char *output = NULL;

  g_assert_true (g_setenv ("MK_TEST_INHERITED", ODD, TRUE));
  g_assert_true (g_setenv ("MK_TEST_UNWANTED", "1", TRUE));
  mk_simple_executor_set_environment (
      executor, (const char *const[]){ "MK_TEST_UNWANTED", "MK_TEST_UNHEARD_OF", "MK_TEST_OWN=", NULL });
  environment = mk_simple_executor_dup_environment (executor);
  g_assert_cmpstr (g_environ_getenv (environment, "MK_TEST_INHERITED"), ==, ODD);
  g_assert_null (g_environ_getenv (environment, "MK_TEST_UNWANTED"));
  g_assert_cmpstr (g_environ_getenv (environment, "MK_TEST_OWN"), ==, "");

  run (executor);
  output = dup_output (executor);
  entries = g_strsplit (output, "\n", -1);
  g_assert_true (g_strv_contains ((const char *const *) entries, "MK_TEST_INHERITED=" ODD));
  g_assert_true (g_strv_contains ((const char *const *) entries, "MK_TEST_OWN="));
  g_assert_null (strstr (output, "MK_TEST_UNWANTED"));
  g_unsetenv ("MK_TEST_INHERITED");
  g_unsetenv ("MK_TEST_UNWANTED");
}

static void
test_stdio_paths (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *odd = make_odd_folder (folder);
  g_autofree char *in = g_build_filename (odd, "in", NULL);
  g_autofree char *out = g_build_filename (odd, "out", NULL);
  g_autofree char *contents = NULL;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new ((const char *const[]){ "cat", NULL });

  g_assert_true (g_file_set_contents (in, ODD "\n", -1, NULL));
  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdin_path (executor, in);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, out);
  run (executor);
  g_assert_true (g_file_get_contents (out, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, ODD "\n");
  g_unlink (in);
  g_unlink (out);
}

/* Each message is valid, whatever it names. */
static void
assert_fails_in_words (gpointer executor, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_messages (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *missing = g_build_filename (folder, ODD, ODD, NULL);
  g_autofree char *output = g_build_filename (folder, ODD "out", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) no_program = mk_simple_executor_new ((const char *const[]){ missing, NULL });
  g_autoptr (MkSimpleExecutor) no_cwd = mk_simple_executor_new ((const char *const[]){ "true", NULL });
  g_autoptr (MkSimpleExecutor) no_input = mk_simple_executor_new ((const char *const[]){ "cat", NULL });
  g_autoptr (MkPidExecutor) not_ready =
      mk_pid_executor_new ((const char *const[]){ "/bin/sh", "-c", "exit 3", ODD, NULL }, missing);

  mk_simple_executor_set_cwd (no_cwd, missing);
  mk_simple_executor_set_stdin_mode (no_input, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdin_path (no_input, missing);
  assert_fails_in_words (no_program, MK_ERROR_SPAWN_FAILED);
  assert_fails_in_words (no_cwd, MK_ERROR_SPAWN_FAILED);
  assert_fails_in_words (no_input, MK_ERROR_SPAWN_FAILED);
  assert_fails_in_words (not_ready, MK_ERROR_EXITED);

  mk_simple_executor_set_stdin_path (no_input, NULL);
  assert_fails_in_words (no_input, MK_ERROR_INVALID_ARGUMENT);

  mk_simple_executor_set_stdout_mode (MK_SIMPLE_EXECUTOR (not_ready), MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (MK_SIMPLE_EXECUTOR (not_ready), output);
  assert_fails_in_words (not_ready, MK_ERROR_EXITED);
  g_unlink (output);

  g_assert_null (mk_simple_executor_new_for_command_line ("'" ODD, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_pid_file (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *odd = make_odd_folder (folder);
  g_autofree char *path = g_build_filename (odd, ODD, NULL);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--pid-file", path, NULL);
  g_autoptr (MkPidExecutor) executor = mk_pid_executor_new ((const char *const *) argv, path);

  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor),
                   ==,
                   mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)));
  mk_test_assert_stops (executor);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/bytes/command-and-cwd", test_command_and_cwd);
  mk_test_add ("/bytes/environment", test_environment);
  mk_test_add ("/bytes/stdio-paths", test_stdio_paths);
  mk_test_add ("/bytes/messages", test_messages);
  mk_test_add ("/bytes/pid-file", test_pid_file);

  return g_test_run ();
}
