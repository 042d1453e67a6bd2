/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Executors whose port is 0: each start has a free port, which the settings name by a placeholder.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static char *tag;

static void
assert_value (gpointer executor, const char *key, const char *expected)
{
  g_autofree char *value = mk_simple_executor_dup_value (executor, key);

  g_assert_cmpstr (value, ==, expected);
}

static guint
get_port (gpointer executor, const char *key)
{
  g_autofree char *value = mk_simple_executor_dup_value (executor, key);

  g_assert_nonnull (value);
  return (guint) g_ascii_strtoull (value, NULL, 10);
}

static MkSimpleExecutor *
new_service (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, "--listen", "127.0.0.1:{port}", NULL };

  return MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "127.0.0.1", 0));
}

static void
test_port (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_service ();
  g_autoptr (MkSimpleExecutor) other = new_service ();
  g_autofree char *pid = NULL;
  guint port;

  assert_value (executor, "port", NULL);
  mk_test_assert_starts (executor);
  mk_test_assert_starts (other);
  port = get_port (executor, "port");
  g_assert_cmpuint (port, !=, get_port (other, "port"));
  g_assert_true (mk_test_answers (port));
  assert_value (executor, "host", "127.0.0.1");
  assert_value (executor, "name", NULL);
  assert_value (executor, "dir", NULL);
  assert_value (executor, "nonsense", NULL);
  pid = g_strdup_printf ("%d", (int) mk_simple_executor_get_pid (executor));
  assert_value (executor, "pid", pid);
  /* The setting stays, so that the next start has a port of its own. */
  g_assert_cmpuint (mk_tcp_executor_get_port (MK_TCP_EXECUTOR (executor)), ==, 0);

  mk_test_assert_stops (executor);
  mk_test_assert_stops (other);
  assert_value (executor, "port", NULL);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_answers (get_port (executor, "port")));
  mk_test_assert_stops (executor);
}

static void
test_a_given_port_is_no_placeholder (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *number = g_strdup_printf ("%u", port);
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--print", "{port} {dir} {{port}}", NULL);
  g_autofree char *output = NULL;

  mk_test_assert_starts (executor);
  assert_value (executor, "port", number);
  assert_value (executor, "dir", NULL);
  mk_test_assert_stops (executor);
  output = mk_test_dup_stdout (executor);
  mk_test_assert_contains (output, "{port} {dir} {{port}}");
}

/* Everything that a user would write them in. */
static void
test_everywhere (void)
{
  const char *argv[] = { "sh",
                         "-c",
                         "pwd; echo \"$ADDRESS {port:admin} ${port} {{port}}\"; exec \"$0\" \"$@\"",
                         mk_test_service_path (),
                         "--tag",
                         tag,
                         "--listen",
                         "127.0.0.1:{port}",
                         "--http",
                         "ok",
                         NULL };
  const char *environment[] = { "ADDRESS={host}:{port}", NULL };
  g_autoptr (MkHttpExecutor) http = mk_http_executor_new (argv, "http://localhost:{port}/");
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (http);
  g_autofree char *directory = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *log = NULL;
  g_autofree char *text = NULL;

  mk_simple_executor_set_environment (executor, environment);
  mk_simple_executor_set_cwd (executor, "{dir}");
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, "{dir}/log");
  mk_test_assert_starts (executor);

  directory = mk_simple_executor_dup_value (executor, "dir");
  log = g_build_filename (directory, "log", NULL);
  expected = g_strdup_printf ("%s\nlocalhost:%u %u  {port}\n",
                              directory,
                              get_port (executor, "port"),
                              get_port (executor, "port:admin"));
  g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);

  mk_test_assert_stops (executor);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
}

static void
test_probe_of_a_plain_executor (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag",       tag,      "--listen",
                         "{dir}/socket",          "--print-env", "{port}", NULL };
  const char *both[] = { mk_test_service_path (), "--tag", tag, "--listen", "127.0.0.1:{port}", NULL };
  g_autoptr (MkUnixSocketProbe) unix_probe = mk_unix_socket_probe_new ("{dir}/socket");
  g_autoptr (MkTcpProbe) tcp_probe = mk_tcp_probe_new ("127.0.0.1", 0);
  MkProbe *parts[] = { MK_PROBE (unix_probe), MK_PROBE (tcp_probe) };
  g_autoptr (MkAnyProbe) any = mk_any_probe_new (parts, 2);
  g_autoptr (MkExecutor) on_socket = mk_executor_new (argv, MK_PROBE (any));
  g_autoptr (MkExecutor) on_port = mk_executor_new (both, MK_PROBE (any));
  g_autoptr (MkUnixSocketExecutor) on_path = mk_unix_socket_executor_new (argv, "{dir}/socket");

  mk_test_assert_starts (on_socket);
  mk_test_assert_starts (on_port);
  mk_test_assert_starts (on_path);
  g_assert_true (mk_test_answers (get_port (on_port, "port")));
  mk_test_assert_stops (on_socket);
  mk_test_assert_stops (on_port);
  mk_test_assert_stops (on_path);
}

/* The directory goes whatever ends the service; the port is free for others. */
static void
test_nothing_is_left (gconstpointer data)
{
  const char *way = data;
  const char *argv[] = { "sh",
                         "-c",
                         "mkdir -p {dir}/a/b; : > {dir}/a/file; exec \"$0\" \"$@\"",
                         mk_test_service_path (),
                         "--tag",
                         tag,
                         "--listen",
                         "127.0.0.1:{port}",
                         NULL };
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "127.0.0.1", 0));
  g_autofree char *directory = NULL;
  g_autoptr (GError) error = NULL;
  guint port;

  mk_test_assert_starts (executor);
  directory = mk_simple_executor_dup_value (executor, "dir");
  port = get_port (executor, "port");
  g_assert_true (g_file_test (directory, G_FILE_TEST_IS_DIR));

  if (g_str_equal (way, "stop"))
    mk_test_assert_stops (executor);
  else if (g_str_equal (way, "kill"))
    g_assert_true (mk_test_kill (executor, NULL, &error));
  else if (g_str_equal (way, "exit"))
    {
      kill (mk_simple_executor_get_pid (executor), SIGKILL);
      g_assert_true (mk_test_await_inactive (executor));
      /* It may hold what explains the end. */
      g_assert_true (g_file_test (directory, G_FILE_TEST_IS_DIR));
      mk_test_stop (executor, NULL, NULL);
    }
  if (g_str_equal (way, "drop"))
    g_clear_object (&executor);
  g_assert_no_error (error);

  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
  g_assert_false (mk_test_answers (port));
  g_clear_object (&executor);
}

static void
test_failed_start (void)
{
  const char *argv[] = { "sh", "-c", "echo {dir}; exit 3", "", "--tag", tag, "{port}", NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  g_autofree char *output = NULL;

  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "exited with status 3");
  output = mk_test_dup_stdout (executor);
  g_assert_true (g_path_is_absolute (output));
  g_assert_false (g_file_test (g_strchomp (output), G_FILE_TEST_EXISTS));
  assert_value (executor, "port", NULL);
}

/* What a banner has captured is a value, too. */
static void
test_captured_groups (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, "--print", "on port 4711", "--echo", NULL };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "on port (?<port>[0-9]+)(?<rest>x?)");

  mk_simple_executor_set_stdin_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_PIPE);
  mk_test_assert_starts (executor);
  assert_value (executor, "port", "4711");
  assert_value (executor, "rest", "");
  assert_value (executor, "0", NULL);
  mk_test_assert_stops (executor);
  assert_value (executor, "port", NULL);
}

/* A host that is killed leaves neither service nor directory. */
static void
test_killed_host (void)
{
  g_autoptr (GSubprocess) host = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autofree char *directory = NULL;
  g_autoptr (GError) error = NULL;

  host = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, g_get_prgname (), "--host", tag, NULL);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (host));
  directory = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (directory);
  g_assert_true (g_file_test (directory, G_FILE_TEST_IS_DIR));

  g_subprocess_force_exit (host);
  g_subprocess_wait (host, NULL, NULL);
  mk_test_assert_soon_nothing_left (tag);
  for (guint i = 0; i < MK_TEST_LIMIT_MS / 10 && g_file_test (directory, G_FILE_TEST_EXISTS); i++)
    g_usleep (10 * 1000);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
}

static int
run_host (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag",      tag,         "--listen",
                         "127.0.0.1:{port}",      "--pid-file", "{dir}/pid", NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  g_autofree char *directory = NULL;

  if (!mk_simple_executor_start (MK_SIMPLE_EXECUTOR (executor), NULL, NULL))
    return 1;
  directory = mk_simple_executor_dup_value (MK_SIMPLE_EXECUTOR (executor), "dir");
  g_print ("%s\n", directory);
  pause ();
  return 0;
}

int
main (int argc, char **argv)
{
  int status;

  if (argc == 3 && g_str_equal (argv[1], "--host"))
    {
      tag = argv[2];
      return run_host ();
    }

  g_set_prgname (argv[0]);
  g_test_init (&argc, &argv, NULL);
  tag = mk_test_new_tag ();

  mk_test_add ("/placeholders/port", test_port);
  mk_test_add ("/placeholders/given-port", test_a_given_port_is_no_placeholder);
  mk_test_add ("/placeholders/everywhere", test_everywhere);
  mk_test_add ("/placeholders/probe", test_probe_of_a_plain_executor);
  mk_test_add_with_data ("/placeholders/nothing-left/stop", test_nothing_is_left, "stop");
  mk_test_add_with_data ("/placeholders/nothing-left/kill", test_nothing_is_left, "kill");
  mk_test_add_with_data ("/placeholders/nothing-left/exit", test_nothing_is_left, "exit");
  mk_test_add_with_data ("/placeholders/nothing-left/drop", test_nothing_is_left, "drop");
  mk_test_add ("/placeholders/failed-start", test_failed_start);
  mk_test_add ("/placeholders/captured-groups", test_captured_groups);
  mk_test_add_once ("/placeholders/killed-host", test_killed_host);

  status = g_test_run ();
  mk_test_assert_nothing_left (tag);
  g_free (tag);
  return status;
}
