/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a service prints can be read while it runs and afterwards, however much it is and whoever reads it;
 * and what it reads can be written.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FLOOD_BYTES   (10 * 1024 * 1024)
#define DEFAULT_LIMIT (1024 * 1024)

static char *
output_text (MkSimpleExecutor *executor, MkStream stream)
{
  g_autoptr (GBytes) bytes = mk_simple_executor_dup_output (executor, stream);

  GString *text = g_string_new (NULL);

  g_string_append_len (text, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return g_string_free (text, FALSE);
}

static void
assert_output (MkSimpleExecutor *executor, MkStream stream, const char *expected)
{
  g_autofree char *text = output_text (executor, stream);

  g_assert_cmpstr (text, ==, expected);
}

/* A service that has said all it has to say */
static void
start_and_wait (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_wait (executor, NULL, &error));
  g_assert_no_error (error);
}

static MkSimpleExecutor *
run_shell (const char *script)
{
  MkSimpleExecutor *executor = mk_simple_executor_new_for_shell (script);

  start_and_wait (executor);
  return executor;
}

/* Numbered lines of 16 bytes, the last of them being the last of all */
static void
assert_newest_lines (GBytes *bytes, gsize total, gsize size)
{
  const char *text = g_bytes_get_data (bytes, NULL);
  guint n_lines = size / 16, first = total / 16 - n_lines;

  g_assert_cmpuint (g_bytes_get_size (bytes), ==, size);
  for (guint i = 0; i < n_lines; i++)
    {
      char line[17];

      g_snprintf (line, sizeof line, "%015u\n", first + i);
      if (memcmp (text + 16 * i, line, 16) != 0)
        g_error ("line %u of %u is not %u", i, n_lines, first + i);
    }
}

/* Reading it all at once */

static void
test_both_streams (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (
      "both", "--print", "one", "--stderr", "two", "--print", "three", "--exit", "0", NULL);

  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "one\nthree\n");
  assert_output (executor, MK_STREAM_STDERR, "two\n");
}

static void
test_of_the_last_run_only (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new ("again", "--print", "once", "--exit", "0", NULL);

  assert_output (executor, MK_STREAM_STDOUT, "");
  start_and_wait (executor);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "once\n");
}

/* Bytes are kept as they are. */
static void
test_any_bytes (void)
{
  g_autoptr (MkSimpleExecutor) executor = run_shell ("printf 'a\\000b\\377\\200c'");
  g_autoptr (GBytes) bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "a\0b\377\200c", 6);
}

static gboolean
has_flooded (gpointer stamp_file)
{
  return mk_test_read_stamp (stamp_file, "flooded") >= 0;
}

/* Nobody reads, and no main loop runs. */
static void
test_flood_after_ready (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stamp_file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--stamp", stamp_file, "--flood", G_STRINGIFY (10485760), NULL);
  g_autoptr (GBytes) bytes = NULL;

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_poll_until (has_flooded, stamp_file, MK_TEST_LIMIT_MS));
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  assert_newest_lines (bytes, FLOOD_BYTES, DEFAULT_LIMIT);
  g_unlink (stamp_file);
}

static void
test_limits (void)
{
  static const gsize limits[] = { 0, 16, 1600, 65536, 16 * 1000 * 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autoptr (MkSimpleExecutor) executor =
          mk_test_executor_new ("limits", "--flood", "2000000", "--exit", "0", NULL);
      g_autoptr (GBytes) bytes = NULL;

      mk_simple_executor_set_output_limit (executor, limits[i]);
      start_and_wait (executor);
      bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
      assert_newest_lines (bytes, 2000000, limits[i] == 0 ? 2000000 : MIN (limits[i], 2000000));
    }
}

/* Where else it can go */

static void
test_merge (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (
      "merge", "--print", "one", "--stderr", "two", "--print", "three", "--exit", "0", NULL);

  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "one\ntwo\nthree\n");
  assert_output (executor, MK_STREAM_STDERR, "");
}

static void
test_null (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new ("null", "--print", "one", "--exit", "0", NULL);

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_NULL);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "");
}

static void
test_file (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (
      tag, "--print", "one", "--stderr", "two", "--print", "three", "--exit", "0", NULL);
  g_autofree char *text = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, path);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stderr_path (executor, path);
  start_and_wait (executor);
  /* Emptied at each start */
  start_and_wait (executor);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "one\ntwo\nthree\n");
  assert_output (executor, MK_STREAM_STDOUT, "");
  g_unlink (path);
}

static void
test_descriptor (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new ("descriptor", "--print", "one", "--stderr", "two", "--exit", "0", NULL);
  g_autofree char *path = NULL;
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);

  g_assert_cmpint (write (fd, "before\n", 7), ==, 7);
  name = g_strdup_printf ("/dev/fd/%d", fd);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, name);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  start_and_wait (executor);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "before\none\ntwo\n");
  g_assert_cmpint (write (fd, "after\n", 6), ==, 6);
  close (fd);
  g_unlink (path);
}

static void
test_closed_descriptor (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("descriptor", NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, "/dev/fd/987654");
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED);
  mk_test_assert_contains (error->message, "/dev/fd/987654");
}

static void
test_failure_names_the_file (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--exit", "3", NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", mk_test_free_port ());
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stdout_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (MK_SIMPLE_EXECUTOR (executor), path);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, path);
  g_unlink (path);
}

static void
test_inherit (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (
          "inherit", "--print", "to stdout", "--stderr", "to stderr", "--exit", "0", NULL);

      mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_INHERIT);
      mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_INHERIT);
      start_and_wait (executor);
      return;
    }
  g_test_trap_subprocess (NULL, MK_TEST_LIMIT_MS * 1000, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stdout ("*to stdout\n*");
  g_test_trap_assert_stderr ("*to stderr\n*");
}

static void
ignore_log (const char *domain, GLogLevelFlags level, const char *message, gpointer user_data)
{
}

/* Who reads the output of the host must not have to wait for the end of a service. */
static void
test_service_does_not_hold_the_streams_of_the_host (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--children", "1", "--setsid-children", NULL);
  int fds[2], saved_stdout = fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  int saved_stderr = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
  GLogFunc handler;
  char byte;

  if (mk_test_is_under_valgrind ())
    {
      g_test_skip ("what valgrind prints would be taken for what is left");
      return;
    }

  /* The end of this pipe comes when nobody holds the other end any more. */
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
  dup2 (fds[1], STDOUT_FILENO);
  dup2 (fds[1], STDERR_FILENO);
  /* GTest prints them to standard output. */
  handler = g_log_set_default_handler (ignore_log, NULL);
  mk_test_assert_starts (executor);
  g_log_set_default_handler (handler, NULL);
  dup2 (saved_stdout, STDOUT_FILENO);
  dup2 (saved_stderr, STDERR_FILENO);
  close (fds[1]);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 0);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
  close (fds[0]);
  close (saved_stdout);
  close (saved_stderr);
}

/* No other descriptor of the host is passed on, whether it has the close-on-exec flag or not. */
static void
test_service_gets_no_other_descriptors (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("ls /proc/self/fd | wc -l");
  int fd = open ("/dev/null", O_RDONLY);
  int high = fcntl (fd, F_DUPFD, 200);

  start_and_wait (executor);
  close (fd);
  close (high);
  /* Three, and the one with which ls reads the folder */
  assert_output (executor, MK_STREAM_STDOUT, "4\n");
}

/* A terminal */

static MkSimpleExecutor *
new_on_terminal (const char *script)
{
  MkSimpleExecutor *executor = mk_simple_executor_new_for_shell (script);

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_PTY);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_PTY);
  return executor;
}

/* What it prints is captured as it is: no carriage returns are added. */
static void
test_terminal (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      new_on_terminal ("test -t 0 || printf 'a\\tb\\n\\nc'; test -t 1 && test -t 2 && echo two >&2");

  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "a\tb\n\nc");
  assert_output (executor, MK_STREAM_STDERR, "two\n");
}

static void
test_terminal_of_both (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_on_terminal ("echo one; test -t 2 && echo two >&2");

  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "one\ntwo\n");
  assert_output (executor, MK_STREAM_STDERR, "");
}

static void
test_terminal_size (void)
{
  static const char *const larger[] = { "COLUMNS=132", "LINES=50", NULL };
  static const char *const nonsense[] = { "COLUMNS=0", "LINES=many", NULL };
  static const char *const none[] = { "COLUMNS", "LINES", NULL };
  g_autoptr (MkSimpleExecutor) executor = new_on_terminal ("stty size <&1; stty size <&2");

  mk_simple_executor_set_environment (executor, none);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "24 80\n24 80\n");
  mk_simple_executor_set_environment (executor, larger);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "50 132\n50 132\n");
  mk_simple_executor_set_environment (executor, nonsense);
  start_and_wait (executor);
  assert_output (executor, MK_STREAM_STDOUT, "24 80\n24 80\n");
}

/* The C library keeps what is printed to a pipe until there is enough of it. */
static void
test_terminal_shows_lines_at_once (void)
{
  static const char *const argv[] = { "sh", "-c", "(echo now ready; sleep 60) | grep ready", NULL };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "^now ready$");
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  mk_simple_executor_set_stdout_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_PTY);
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_stops (executor);
}

static gboolean
has_ended (gpointer executor)
{
  return !mk_simple_executor_get_running (executor);
}

/* The end of the first process neither ends the output nor the others, and the end of all of them does. */
static void
test_terminal_ends_with_the_last (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *fifo = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_autofree char *script = g_strdup_printf ("mkfifo %s; { cat %s; echo late; } & echo early", fifo, fifo);
  g_autoptr (MkSimpleExecutor) executor = new_on_terminal (script);
  g_autoptr (GInputStream) output = NULL;
  g_autoptr (GError) error = NULL;
  char text[64] = { 0 };
  gsize length;

  mk_test_assert_starts (executor);
  output = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  g_assert_true (g_input_stream_read_all (output, text, strlen ("early\n"), &length, NULL, NULL));
  g_assert_true (mk_test_poll_until (has_ended, executor, MK_TEST_LIMIT_MS));
  close (open (fifo, O_WRONLY | O_CLOEXEC));
  g_assert_true (g_input_stream_read_all (output, text, sizeof text - 1, &length, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (text, length, "late\n", 5);
  mk_test_assert_stops (executor);
  g_unlink (fifo);
}

static void
test_terminal_takes_floods (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new ("flood", "--flood", "2000000", "--exit", "0", NULL);
  g_autoptr (GBytes) bytes = NULL;

  mk_simple_executor_set_output_limit (executor, 0);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_PTY);
  start_and_wait (executor);
  bytes = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  assert_newest_lines (bytes, 2000000, 2000000);
}

static void
test_terminal_and_signals (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      new_on_terminal ("trap 'echo size' WINCH; trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done");
  g_autoptr (GInputStream) output = NULL;
  g_autoptr (GError) error = NULL;
  char text[16] = { 0 };

  mk_test_assert_starts (executor);
  output = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  g_assert_true (g_input_stream_read_all (output, text, strlen ("up\n"), NULL, NULL, NULL));
  g_assert_true (mk_simple_executor_send_signal (executor, SIGWINCH, &error));
  g_assert_no_error (error);
  g_assert_true (g_input_stream_read_all (output, text, strlen ("size\n"), NULL, NULL, NULL));
  g_assert_cmpstr (text, ==, "size\n");
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
}

/* Standard input */

static void
test_input (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--echo", "--exit", "0", NULL);
  g_autoptr (GInputStream) output = NULL;
  g_autoptr (GError) error = NULL;
  char buffer[8] = { 0 };
  g_autoptr (GOutputStream) input = NULL;
  gsize length;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  g_assert_null (mk_simple_executor_dup_stdin (executor));
  mk_test_assert_starts (executor);
  input = mk_simple_executor_dup_stdin (executor);
  output = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  g_assert_true (g_output_stream_write_all (input, "hello\n", 6, &length, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_input_stream_read_all (output, buffer, 6, &length, NULL, &error));
  g_assert_cmpstr (buffer, ==, "hello\n");

  g_assert_true (g_output_stream_close (input, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
}

/* More than the pipes in both directions hold, though nobody reads meanwhile */
static void
test_large_input (void)
{
  g_autoptr (GOutputStream) stream = NULL;
  const char *argv[] = { "cat", NULL };
  const gsize length = 2000 * 1000;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autofree char *input = g_malloc (length);
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < length; i++)
    input[i] = (char) (i % 251);
  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_simple_executor_set_output_limit (executor, 0);
  mk_test_assert_starts (executor);
  stream = mk_simple_executor_dup_stdin (executor);
  g_assert_true (g_output_stream_write_all (stream, input, length, NULL, NULL, &error));
  g_assert_true (g_output_stream_close (stream, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpmem (g_bytes_get_data (output, NULL), g_bytes_get_size (output), input, length);
}

static void
test_no_input (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--echo", "--exit", "0", NULL);

  start_and_wait (executor);
  g_assert_null (mk_simple_executor_dup_stdin (executor));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
}

/* To a service that has ended: an error, and no SIGPIPE */
static void
test_input_of_the_dead (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--exit", "0", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GOutputStream) input = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, MK_TEST_LIMIT_MS * 1000, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  /* A program that has not touched GSocket, which ignores the signal */
  signal (SIGPIPE, SIG_DFL);
  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  start_and_wait (executor);
  input = mk_simple_executor_dup_stdin (executor);
  g_assert_false (g_output_stream_write_all (input, "x", 1, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* A message */

static void
test_last_lines_are_in_errors (void)
{
  const char *argv[] = { "/bin/sh",
                         "-c",
                         "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line-$i; done; "
                         "printf 'cut \\303'; exit 3",
                         NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", mk_test_free_port ());
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "line-11\nline-12\ncut \357\277\275");
  g_assert_null (strstr (error->message, "line-1\n"));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

/* Both at once are not a stream. */
static void
test_not_a_stream (void)
{
  static const MkStream bad[] = { (MkStream) 0, (MkStream) MK_STREAM_FLAGS_BOTH };
  static const char *const argv[] = { "true", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_CRITICAL, "*stream*");
      g_assert_null (mk_simple_executor_dup_output (executor, bad[i]));
      g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_CRITICAL, "*stream*");
      g_assert_null (mk_simple_executor_open_output (executor, bad[i]));
      g_test_assert_expected_messages ();
    }
}

/* ---- copies ---- */

static void
test_copy_in_a_file (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "copy", NULL);
  g_autofree char *text = NULL;
  g_autofree char *kept = NULL;
  const char *argv[] = { "sh", "-c", "seq 200000; echo oops >&2", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_output_limit (executor, 1000);
  mk_simple_executor_set_stdout_path (executor, path);
  mk_simple_executor_set_stderr_path (executor, path);
  for (guint i = 0; i < 2; i++)
    {
      gsize length;

      g_clear_pointer (&text, g_free);
      mk_test_assert_starts (executor);
      g_assert_true (mk_test_wait (executor, NULL, NULL));
      g_assert_true (g_file_get_contents (path, &text, &length, NULL));
      /* 9 numbers of one digit, 90 of two … and a newline each */
      g_assert_cmpuint (
          length, ==, 9 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 90000 * 6 + 100001 * 7 + strlen ("oops\n"));
      mk_test_assert_contains (text, "oops\n");
      mk_test_assert_contains (text, "\n100000\n");
    }
  kept = output_text (executor, MK_STREAM_STDERR);
  g_assert_cmpstr (kept, ==, "oops\n");

  mk_simple_executor_set_stdout_path (executor, "/dev/null");
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "“/dev/null” is not a regular file");
}

/* ---- lines that are told late ---- */

typedef struct
{
  guint n_numbers;
  guint n_missed; /* how often */
  gboolean is_complete;
} Lines;

static void
on_late_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer user_data)
{
  Lines *lines = user_data;

  if (g_str_has_suffix (text, " of the output were missed here]"))
    lines->n_missed++;
  else
    lines->n_numbers++;
  lines->is_complete = g_str_equal (text, "100000");
}

/* @lossless: whether the service waits for those who are told its lines */
static void
tell_lines_late (gboolean lossless, Lines *lines)
{
  const char *argv[] = { "seq", "100000", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  g_signal_connect (executor, "line", G_CALLBACK (on_late_line), lines);
  mk_simple_executor_set_output_limit (executor, 65536);
  mk_simple_executor_set_lossless (executor, lossless);
  mk_test_assert_starts (executor);
  if (!lossless)
    g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  while (!lines->is_complete)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
}

static void
test_missed_lines (void)
{
  Lines lines = { 0 };

  tell_lines_late (FALSE, &lines);
  g_assert_cmpuint (lines.n_missed, >=, 1);
  g_assert_cmpuint (lines.n_numbers, <, 100000);
}

static void
test_lossless_lines (void)
{
  Lines lines = { 0 };

  tell_lines_late (TRUE, &lines);
  g_assert_cmpuint (lines.n_missed, ==, 0);
  g_assert_cmpuint (lines.n_numbers, ==, 100000);
}

static void
on_first_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer user_data)
{
  g_signal_handlers_disconnect_by_func (executor, on_first_line, NULL);
}

/* Nobody is told any line (any more), so nobody is waited for: it may end before the start has returned. */
static void
test_lossless_without_handler (void)
{
  g_autoptr (GError) error = NULL;
  const char *argv[] = { "seq", "100000", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  mk_simple_executor_set_output_limit (executor, 65536);
  mk_simple_executor_set_lossless (executor, TRUE);
  mk_test_start (executor, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (mk_test_await_inactive (executor));

  g_signal_connect (executor, "line", G_CALLBACK (on_first_line), NULL);
  mk_test_start (executor, NULL, &error);
  g_assert_no_error (error);
  while (mk_simple_executor_get_active (executor))
    g_main_context_iteration (NULL, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/output/both-streams", test_both_streams);
  mk_test_add ("/output/of-the-last-run-only", test_of_the_last_run_only);
  mk_test_add ("/output/any-bytes", test_any_bytes);
  mk_test_add ("/output/flood-after-ready", test_flood_after_ready);
  mk_test_add ("/output/limits", test_limits);

  mk_test_add ("/output/mode/merge", test_merge);
  mk_test_add ("/output/mode/null", test_null);
  mk_test_add ("/output/mode/file", test_file);
  mk_test_add ("/output/mode/descriptor", test_descriptor);
  mk_test_add ("/output/mode/closed-descriptor", test_closed_descriptor);
  mk_test_add ("/output/mode/failure-names-the-file", test_failure_names_the_file);
  mk_test_add_once ("/output/mode/inherit", test_inherit);
  mk_test_add_once ("/output/host/streams-are-not-held", test_service_does_not_hold_the_streams_of_the_host);
  mk_test_add ("/output/host/no-other-descriptors", test_service_gets_no_other_descriptors);

  mk_test_add ("/output/terminal/captured", test_terminal);
  mk_test_add ("/output/terminal/of-both", test_terminal_of_both);
  mk_test_add ("/output/terminal/size", test_terminal_size);
  mk_test_add ("/output/terminal/lines-at-once", test_terminal_shows_lines_at_once);
  mk_test_add ("/output/terminal/ends-with-the-last", test_terminal_ends_with_the_last);
  mk_test_add ("/output/terminal/floods", test_terminal_takes_floods);
  mk_test_add ("/output/terminal/signals", test_terminal_and_signals);

  mk_test_add ("/output/input/pipe", test_input);
  mk_test_add ("/output/input/large", test_large_input);
  mk_test_add ("/output/input/none", test_no_input);
  mk_test_add_once ("/output/input/of-the-dead", test_input_of_the_dead);
  mk_test_add ("/output/last-lines-are-in-errors", test_last_lines_are_in_errors);
  mk_test_add_once ("/output/not-a-stream", test_not_a_stream);
  mk_test_add_once ("/output/copy", test_copy_in_a_file);
  mk_test_add_once ("/output/lines/missed", test_missed_lines);
  mk_test_add ("/output/lines/lossless", test_lossless_lines);
  mk_test_add ("/output/lines/lossless-without-handler", test_lossless_without_handler);

  return g_test_run ();
}
