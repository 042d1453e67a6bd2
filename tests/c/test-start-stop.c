/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service is started, used and stopped; again, and once more; with good ends and bad ones.
 */

#include "mk-test-calls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define N_ROUNDS  25
#define ROUNDS_MS 2500 /* what the stops of so many rounds take where each takes 100 ms */
#define N_TRIES   3

/* A start and a stop */

static gboolean
redis_answers (guint port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GError) error = NULL;
  char answer[8] = { 0 };
  gsize length;

  g_socket_client_set_timeout (client, MK_TEST_LIMIT_MS / 1000);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_write_all (
      g_io_stream_get_output_stream (G_IO_STREAM (connection)), "PING\r\n", 6, &length, NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (
      g_io_stream_get_input_stream (G_IO_STREAM (connection)), answer, 7, &length, NULL, &error);
  g_assert_no_error (error);
  return g_str_equal (answer, "+PONG\r\n");
}

static void
test_redis (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  g_autofree char *tag = mk_test_new_tag ();
  /* The tag is to be seen in the arguments of the process, which redis writes over otherwise. */
  const char *argv[] = { "redis-server", "--port", port_text,          "--bind", "127.0.0.1", "--save", "",
                         "--dbfilename", tag,      "--set-proc-title", "no",     NULL };
  g_autoptr (MkTcpExecutor) executor = NULL;

  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_tcp_executor_new (argv, "127.0.0.1", port);
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), g_get_tmp_dir ());
  mk_test_assert_starts (executor);
  g_assert_true (redis_answers (port));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 1);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_tcp_service (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, "--children", "2", NULL);

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_answers (port));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 3);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_false (mk_test_answers (port));
}

static void
test_simple_service (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);

  g_assert_false (mk_simple_executor_get_running (executor));
  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_get_running (executor));
  g_assert_true (mk_test_process_lives (mk_simple_executor_get_pid (executor)));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 1);
  mk_test_assert_stops (executor);
  g_assert_false (mk_simple_executor_get_running (executor));
  mk_test_assert_nothing_left (tag);
}

/* What a service forks when it is told to end was not told, and the service itself may not wait for it. A
 * signal that comes between fork and exec is lost to the handler of the shell, so there is a program first.
 */
static void
test_fork_at_the_end (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *file = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_autofree char *service = g_strdup_printf ("%s --tag %s", mk_test_service_path (), tag);
  g_autofree char *script =
      g_strdup_printf ("trap '%s --pid-file %s & while [ ! -s %s ]; do sleep 0.01; done; exit 0' TERM; "
                       "%s --ready up & wait",
                       service,
                       file,
                       file,
                       service);
  const char *const argv[] = { "sh", "-c", script, NULL };

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "up");

      mk_simple_executor_set_stop_timeout (MK_SIMPLE_EXECUTOR (executor), 0);
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
      g_unlink (file);
    }
}

static gboolean
has_two_processes (gpointer tag)
{
  return mk_test_count_tagged (tag) == 2;
}

static void
test_shell_service (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *script = g_strdup_printf (
      "'%s' --tag %s & '%s' --tag %s", mk_test_service_path (), tag, mk_test_service_path (), tag);
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell (script);

  mk_test_assert_starts (executor);
  /* The shell itself has the tag as a part of an argument only. */
  g_assert_true (mk_test_poll_until (has_two_processes, tag, MK_TEST_LIMIT_MS));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_command_line_service (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *line =
      g_strdup_printf ("'%s' --tag %s --print \"two  words\" --exit 0", mk_test_service_path (), tag);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_command_line (line, &error);
  g_autoptr (GBytes) output = NULL;

  g_assert_no_error (error);
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpmem (g_bytes_get_data (output, NULL), g_bytes_get_size (output), "two  words\n", 11);
}

static void
test_arguments_are_taken_as_they_are (void)
{
  const char *argv[] = { "printf", "%s|", "two  words", "'quoted'", "$HOME", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autofree char *output = NULL;

  g_assert_true (mk_test_start (executor, NULL, NULL));
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  output = mk_test_dup_stdout (executor);
  g_assert_cmpstr (output, ==, "two  words|'quoted'|$HOME|");
}

static void
test_two_services (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port (), other_port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new_tcp (tag, other_port, NULL);

  mk_test_assert_starts (executor);
  mk_test_assert_starts (other);
  mk_test_assert_stops (executor);
  g_assert_true (mk_test_answers (other_port));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 1);
  mk_test_assert_stops (other);
  mk_test_assert_nothing_left (tag);
}

/* Again */

static void
test_start_twice_changes_nothing (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  GPid pid;

  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, pid);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 1);
  mk_test_assert_stops (executor);
}

static void
test_start_twice_with_probe_is_an_error (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autofree char *pid = NULL;
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  pid = g_strdup_printf ("pid %d", mk_simple_executor_get_pid (executor));
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "mk-test-service");
  mk_test_assert_contains (error->message, pid);

  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_stop_twice (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_stops (executor);
}

static void
test_stop_nothing (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("nothing", NULL);
  g_autoptr (GError) error = NULL;

  mk_test_assert_stops (executor);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_wait (executor, NULL, &error));
  g_assert_no_error (error);
}

static void
test_restart_after_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);

  for (guint i = 0; i < 5; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_true (mk_test_answers (port));
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
    }
}

/* What the first run left goes before the second one begins. */
static void
test_restart_after_exit (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--children", "1", "--setsid-children", NULL);
  GPid pid;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  kill (pid, SIGKILL);
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));

  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), !=, pid);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, MK_STATUS_NONE);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 2);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_restart_after_failed_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *address = NULL;
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, "--after", "60000", NULL);
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, 50);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);

  address = mk_test_service_address (port);
  argv = mk_test_service_argv (tag, "--listen", address, NULL);
  mk_simple_executor_set_command (executor, (const char *const *) argv);
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* Starts that fail */

static void
test_exit_before_ready (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autofree char *goal = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = { mk_test_service_path (),
                         "--tag",
                         tag,
                         "--print",
                         "the reason",
                         "--stderr",
                         "a warning",
                         "--children",
                         "1",
                         "--exit",
                         "3",
                         NULL };
  guint port = mk_test_free_port ();
  gint64 begin = g_get_monotonic_time ();

  executor = MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "127.0.0.1", port));
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  goal = g_strdup_printf ("while waiting for 127.0.0.1:%u", port);
  mk_test_assert_contains (error->message, "mk-test-service (pid ");
  mk_test_assert_contains (error->message, "exited with status 3");
  mk_test_assert_contains (error->message, goal);
  mk_test_assert_contains (error->message, "the reason");
  mk_test_assert_contains (error->message, "a warning");

  /* And not when the time is up */
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 3);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  mk_test_assert_nothing_left (tag);
}

static void
test_not_ready_in_time (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--print", "one moment", "--after", "60000", "--deaf", NULL);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time (), took;

  mk_simple_executor_set_start_timeout (executor, 400);
  g_assert_false (mk_test_start (executor, NULL, &error));
  took = g_get_monotonic_time () - begin;
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "mk-test-service (pid ");
  mk_test_assert_contains (error->message, "to accept connections");
  mk_test_assert_contains (error->message, mk_test_strerror (ECONNREFUSED));
  mk_test_assert_contains (error->message, "one moment");

  g_assert_cmpint (took, >=, 400 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (took, <, 5 * G_USEC_PER_SEC);
  mk_test_assert_nothing_left (tag);
}

/* Its main process may have put the service into the background: as long as anything is left, it may get
 * ready. */
static void
test_exit_with_success_is_waited_out (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--orphan", "--exit", "0", NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", mk_test_free_port ());
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 1500);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "exited with status 0");
  mk_test_assert_nothing_left (tag);
}

static void
test_exit_with_success_that_leaves_nothing (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--exit", "0", NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", mk_test_free_port ());
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "exited with status 0");
  mk_test_assert_nothing_left (tag);
}

static void
test_daemon (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, "--daemon", NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  /* The daemon may be the faster of the two. */
  g_assert_true (mk_test_await_ended (executor));
  g_assert_true (mk_simple_executor_get_active (executor));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  g_assert_false (mk_simple_executor_get_active (executor));
  mk_test_assert_nothing_left (tag);
}

/* The first process has long exited when the service is ready. */
/* It becomes ready long after its main process ended with status 0. */
static void
test_daemon_that_takes_its_time (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--daemon", "--after", "200", NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* Starts and stops that follow each other at once */

static gpointer
with_limit (gpointer executor)
{
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  return executor;
}

static MkSimpleExecutor *
new_of_kind (guint kind, const char *tag, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_auto (GStrv) argv = NULL;

  g_unlink (path);
  switch (kind)
    {
    case 0:
      return mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
    case 1:
      argv = mk_test_service_argv (tag, "--pid-file", path, NULL);
      return with_limit (mk_pid_executor_new ((const char *const *) argv, path));
    case 2:
      argv = mk_test_service_argv (tag, "--listen", path, NULL);
      return with_limit (mk_unix_socket_executor_new ((const char *const *) argv, path));
    default:
      argv = mk_test_service_argv (tag, "--print", "ready", NULL);
      return with_limit (mk_output_executor_new ((const char *const *) argv, "ready"));
    }
}

/* Whether the rounds were over before another service had lived its time */
static gboolean
rounds_are_quick (guint kind)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *lifetime = g_strdup_printf ("%u", ROUNDS_MS);
  g_autoptr (MkSimpleExecutor) clock =
      mk_test_executor_new (tag, "--exit-after", lifetime, "--exit", "0", NULL);
  gboolean is_quick;

  mk_test_assert_starts (clock);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = new_of_kind (kind, tag, folder);

      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }
  is_quick = mk_simple_executor_get_running (clock);
  g_assert_true (mk_test_kill (clock, NULL, NULL));
  return is_quick;
}

static void
test_no_lost_time (gconstpointer kind)
{
  for (guint i = 0; i < N_TRIES; i++)
    if (rounds_are_quick (GPOINTER_TO_UINT (kind)))
      return;
  g_test_fail_printf ("%u starts and stops take more than %u ms", N_ROUNDS, ROUNDS_MS);
}

/* What a service is given */

static char *
run_and_read (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  g_assert_no_error (error);
  return mk_test_dup_stdout (executor);
}

static void
test_environment (void)
{
  static const char *const overlay[] = {
    "MK_TEST_ONE=1=one", "HOME=/nowhere", "MK_TEST_EMPTY=", "MK_TEST_ABSENT", "MALLOC_CHECK_", NULL,
  };
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("environment",
                                                                "--print-env",
                                                                "MK_TEST_ONE",
                                                                "--print-env",
                                                                "HOME",
                                                                "--print-env",
                                                                "MK_TEST_EMPTY",
                                                                "--print-env",
                                                                "MALLOC_CHECK_",
                                                                "--print-env",
                                                                "LC_ALL",
                                                                "--print-env",
                                                                "mirakuru_uuid",
                                                                "--exit",
                                                                "0",
                                                                NULL);
  g_autofree char *output = NULL;
  g_autofree char *expected = NULL;
  g_auto (GStrv) environment = NULL;
  const char *marker;

  mk_simple_executor_set_environment (executor, overlay);
  environment = mk_simple_executor_dup_environment (executor);
  marker = g_environ_getenv (environment, "mirakuru_uuid");
  g_assert_nonnull (marker);
  g_assert_null (g_environ_getenv (environment, "MALLOC_CHECK_"));
  g_assert_cmpint (g_ascii_strtoll (marker, NULL, 10), ==, getpid ());
  g_assert_true (g_uuid_string_is_valid (strchr (marker, ':') + 1));

  output = run_and_read (executor);
  expected = g_strdup_printf ("MK_TEST_ONE=1=one\nHOME=/nowhere\nMK_TEST_EMPTY=\nMALLOC_CHECK_ is not set\n"
                              "LC_ALL=%s\nmirakuru_uuid=%s\n",
                              g_getenv ("LC_ALL"),
                              marker);
  g_assert_cmpstr (output, ==, expected);
}

/* The service gets what the host has when it is started. In a process of its own: to change the environment
 * is not for a program with threads. */
static void
test_environment_of_the_moment (void)
{
  static const char *const overlay[] = { "MK_TEST_B=overlay", NULL };
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_auto (GStrv) environment = NULL;
  g_autofree char *expected = NULL, *output = NULL;
  const char *marker;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 50 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  executor = mk_test_executor_new ("environment",
                                   "--print-env",
                                   "MK_TEST_A",
                                   "--print-env",
                                   "MK_TEST_B",
                                   "--print-env",
                                   "mirakuru_uuid",
                                   "--exit",
                                   "0",
                                   NULL);
  mk_simple_executor_set_environment (executor, overlay);
  g_setenv ("MK_TEST_A", "host at start", TRUE);
  g_setenv ("MK_TEST_B", "host at start", TRUE);
  environment = mk_simple_executor_dup_environment (executor);
  marker = g_environ_getenv (environment, "mirakuru_uuid");
  g_assert_cmpint (g_ascii_strtoll (marker, NULL, 10), ==, getpid ());
  g_assert_true (g_uuid_string_is_valid (strchr (marker, ':') + 1));
  g_assert_cmpint (strchr (marker, ':')[15], ==, '4');

  g_assert_true (mk_test_start (executor, NULL, NULL));
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  output = mk_test_dup_stdout (executor);
  expected = g_strdup_printf ("MK_TEST_A=host at start\nMK_TEST_B=overlay\nmirakuru_uuid=%s\n", marker);
  g_assert_cmpstr (output, ==, expected);
}

static void
test_working_directory (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("cwd", "--print-cwd", "--exit", "0", NULL);
  g_autofree char *output = NULL;

  mk_simple_executor_set_cwd (executor, "/proc/self/../..");
  output = run_and_read (executor);
  g_assert_cmpstr (output, ==, "/\n");
}

/* The mask in a line "SigIgn:\t…", less the two signals that the C library keeps to itself and does not touch
 */
static guint64
signal_mask (const char *output, const char *name)
{
  const char *line = strstr (output, name);
  guint64 private = G_GUINT64_CONSTANT (3) << 31;

  g_assert_nonnull (line);
  return g_ascii_strtoull (line + strlen (name), NULL, 16) & ~private;
}

/* Whatever the host ignores or blocks */
static void
test_signals_are_as_at_login (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new ("signals", "--print-signals", "--exit", "0", NULL);
  g_autofree char *output = NULL;
  sigset_t blocked, before;

  signal (SIGPIPE, SIG_IGN);
  signal (SIGUSR2, SIG_IGN);
  sigemptyset (&blocked);
  sigaddset (&blocked, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &blocked, &before);
  output = run_and_read (executor);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  signal (SIGUSR2, SIG_DFL);
  g_assert_cmphex (signal_mask (output, "SigIgn:"), ==, 0);
  g_assert_cmphex (signal_mask (output, "SigBlk:"), ==, 0);
}

static void
test_session_of_its_own (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  GPid pid;

  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  g_assert_cmpint (getsid (pid), ==, pid);
  g_assert_cmpint (getpgid (pid), ==, pid);
  mk_test_assert_stops (executor);
}

int
main (int argc, char **argv)
{
  static const char *const kinds[] = { "tcp", "pid-file", "unix-socket", "output" };

  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/start-stop/redis", test_redis);
  mk_test_add_everywhere ("/start-stop/tcp-service", test_tcp_service);
  mk_test_add_everywhere ("/start-stop/simple-service", test_simple_service);
  mk_test_add ("/start-stop/fork-at-the-end", test_fork_at_the_end);
  mk_test_add ("/start-stop/shell-service", test_shell_service);
  mk_test_add ("/start-stop/command-line-service", test_command_line_service);
  mk_test_add ("/start-stop/arguments-are-taken-as-they-are", test_arguments_are_taken_as_they_are);
  mk_test_add_everywhere ("/start-stop/two-services", test_two_services);

  mk_test_add ("/start-stop/again/start-twice-changes-nothing", test_start_twice_changes_nothing);
  mk_test_add ("/start-stop/again/start-twice-with-probe-is-an-error",
               test_start_twice_with_probe_is_an_error);
  mk_test_add ("/start-stop/again/stop-twice", test_stop_twice);
  mk_test_add ("/start-stop/again/stop-nothing", test_stop_nothing);
  mk_test_add_everywhere ("/start-stop/again/restart-after-stop", test_restart_after_stop);
  mk_test_add ("/start-stop/again/restart-after-exit", test_restart_after_exit);
  mk_test_add ("/start-stop/again/restart-after-failed-start", test_restart_after_failed_start);

  mk_test_add ("/start-stop/not-ready/exit-before-ready", test_exit_before_ready);
  mk_test_add ("/start-stop/not-ready/not-in-time", test_not_ready_in_time);
  mk_test_add ("/start-stop/not-ready/exit-with-success-is-waited-out", test_exit_with_success_is_waited_out);
  mk_test_add ("/start-stop/not-ready/exit-with-success-that-leaves-nothing",
               test_exit_with_success_that_leaves_nothing);
  mk_test_add_everywhere ("/start-stop/daemon", test_daemon);
  mk_test_add ("/start-stop/daemon-that-takes-its-time", test_daemon_that_takes_its_time);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strconcat ("/start-stop/no-lost-time/", kinds[i], NULL);

      mk_test_add_with_data (path, test_no_lost_time, GUINT_TO_POINTER (i));
    }

  mk_test_add ("/start-stop/given/environment", test_environment);
  mk_test_add_once ("/start-stop/given/environment-of-the-moment", test_environment_of_the_moment);
  mk_test_add ("/start-stop/given/working-directory", test_working_directory);
  mk_test_add ("/start-stop/given/signals-are-as-at-login", test_signals_are_as_at_login);
  mk_test_add ("/start-stop/given/session-of-its-own", test_session_of_its_own);

  return g_test_run ();
}
