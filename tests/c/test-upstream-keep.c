/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What users of the Python package mirakuru rely on, one test or more for each: those who come from there
 * find it again here. This is the life of a service.
 */

#include "mk-test-calls.h"

#include <signal.h>
#include <string.h>

#define FIRST_WAIT_MS 1000
#define DEADLINE_MS   1500

static char *tag;

/* ---- helpers ---- */

static gboolean
is_installed (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program);

  if (path == NULL)
    g_test_skip_printf ("%s is not installed", program);
  return path != NULL;
}

static void
assert_start_fails (gpointer executor, int code, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_nothing_left (tag);
}

static void
assert_stop_fails (gpointer executor, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_nothing_left (tag);
}

static char *
dup_output (gpointer executor)
{
  g_autoptr (GBytes) output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  return g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
}

/* ---- command ---- */

static void
test_command_line (void)
{
  g_autofree char *line =
      g_strdup_printf ("'%s' --tag %s --print 'two  words' --exit 0", mk_test_service_path (), tag);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_command_line (line, &error);
  g_autofree char *output = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (mk_simple_executor_get_command (executor)[4], ==, "two  words");
  g_assert_true (mk_test_start (executor, NULL, &error));
  g_assert_true (mk_test_wait (executor, NULL, &error));
  output = dup_output (executor);
  g_assert_cmpstr (output, ==, "two  words\n");
}

/* A list is taken as it is. */
static void
test_command_list (void)
{
  const char *argv[] = { "printf", "%s|", "two  words", "'quoted'", "$HOME", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_autofree char *output = NULL;

  g_assert_true (mk_test_start (executor, NULL, NULL));
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  output = dup_output (executor);
  g_assert_cmpstr (output, ==, "two  words|'quoted'|$HOME|");
}

static void
test_command_in_shell (void)
{
  g_autofree char *script = g_strdup_printf (
      "'%s' --tag %s & '%s' --tag %s; :", mk_test_service_path (), tag, mk_test_service_path (), tag);
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell (script);
  gint64 deadline = g_get_monotonic_time () + MK_TEST_LIMIT_MS * G_TIME_SPAN_MILLISECOND;

  mk_test_assert_starts (executor);
  /* The shell itself has the tag as a part of an argument only. */
  while (mk_test_count_tagged (tag) < 2 && g_get_monotonic_time () < deadline)
    g_usleep (1000);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 2);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* ---- start ---- */

static void
test_start_simple (void)
{
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
test_start_checks_before (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *digits = g_strdup_printf ("%u", port);
  const char *argv[] = { "redis-server", "--port", digits, "--bind", "127.0.0.1", "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (argv, "127.0.0.1", port);
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (GError) error = NULL;

  if (!is_installed ("redis-server"))
    return;
  mk_test_assert_starts (redis);
  g_assert_false (mk_test_start (other, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  g_assert_cmpint (mk_simple_executor_get_pid (other), ==, 0);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  mk_test_assert_stops (redis);
}

static void
test_start_meets_failure (void)
{
  guint port = mk_test_free_port ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--orphan", "--children", "1", "--exit", "3", NULL);
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);

  assert_start_fails (executor, MK_ERROR_EXITED, "exited with status 3");
  g_assert_cmpint (mk_simple_executor_get_exit_status (MK_SIMPLE_EXECUTOR (executor)), ==, 3);
}

/* It becomes ready long after its main process ended with status 0. */
static void
test_start_goes_on_after_success (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--daemon", "--after", "200", NULL);

  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 0);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_start_has_a_deadline (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--bind-only", "--deaf", "--children", "2", NULL);

  mk_simple_executor_set_start_timeout (executor, 200);
  assert_start_fails (executor, MK_ERROR_TIMED_OUT, "accepted connections");
}

/* ---- one deadline ---- */

static void
assert_one_deadline (gint64 begin)
{
  gint64 took_ms = (g_get_monotonic_time () - begin) / G_TIME_SPAN_MILLISECOND;

  g_assert_cmpint (took_ms, >=, DEADLINE_MS);
  g_assert_cmpint (took_ms, <, FIRST_WAIT_MS + DEADLINE_MS);
}

/* First it does not listen, and then it does not answer. */
static void
test_one_deadline_of_http (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_autofree char *after = g_strdup_printf ("%u", FIRST_WAIT_MS);
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--listen", address, "--after", after, "--http", "silent", NULL);
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new ((const char *const *) argv, uri);
  gint64 begin = g_get_monotonic_time ();

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), DEADLINE_MS);
  assert_start_fails (executor, MK_ERROR_TIMED_OUT, "answered");
  assert_one_deadline (begin);
}

static gboolean
has_come (gpointer time, GError **error)
{
  return g_get_monotonic_time () >= *(const gint64 *) time;
}

static gboolean
never (gpointer unused, GError **error)
{
  return FALSE;
}

/* The deadline starts with the spawn, also for what is waited for after the start. */
static void
test_one_deadline_of_wait_for (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  gint64 begin = g_get_monotonic_time (), soon = begin + FIRST_WAIT_MS * G_TIME_SPAN_MILLISECOND;
  g_autoptr (MkCallbackProbe) first = mk_callback_probe_new (has_come, &soon, NULL);
  g_autoptr (MkCallbackProbe) second = mk_callback_probe_new (never, NULL, NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, DEADLINE_MS);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_wait_for (executor, first, NULL, &error));
  g_assert_false (mk_test_wait_for (executor, second, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  assert_one_deadline (begin);
  mk_test_assert_nothing_left (tag);
}

/* ---- stop and kill ---- */

static void
test_stop_nothing (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);

  mk_test_assert_stops (executor);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_stops (executor);
}

static void
test_stop_signals_the_group (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "said", NULL);
  const char *script = "trap 'echo $1 >> $0; exit 0' USR1; echo up; while :; do sleep 0.05; done";
  g_autofree char *both = g_strdup_printf ("set -- child; (%s) & set -- parent; %s", script, script);
  const char *argv[] = { "sh", "-c", both, path, NULL };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "up");
  g_autofree char *said = NULL;

  mk_output_executor_set_occurrences (executor, 2);
  mk_simple_executor_set_stop_signal (MK_SIMPLE_EXECUTOR (executor), SIGUSR1);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_true (g_file_get_contents (path, &said, NULL, NULL));
  mk_test_assert_contains (said, "parent\n");
  mk_test_assert_contains (said, "child\n");
}

static void
test_stop_kills_the_deaf (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);

  mk_simple_executor_set_stop_timeout (executor, 100);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
  mk_test_assert_nothing_left (tag);
}

static void
test_stop_finds_leftovers (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--orphan", "--children", "1", "--setsid-children", NULL);

  mk_test_assert_starts (executor);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 3);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_stop_judges_the_status (void)
{
  static const struct
  {
    const char *on_term;
    int expected;
    gboolean is_fine;
  } cases[] = { { "0", MK_STATUS_NONE, TRUE },
                { "-15", MK_STATUS_NONE, TRUE },
                { "7", MK_STATUS_NONE, FALSE },
                { "-6", MK_STATUS_NONE, FALSE },
                { "7", 7, TRUE },
                { "0", 7, TRUE },
                { "8", 7, FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkSimpleExecutor) executor =
          mk_test_executor_new_tcp (tag, mk_test_free_port (), "--on-term", cases[i].on_term, NULL);

      mk_simple_executor_set_expected_status (executor, cases[i].expected);
      mk_test_assert_starts (executor);
      if (cases[i].is_fine)
        mk_test_assert_stops (executor);
      else
        assert_stop_fails (executor, cases[i].on_term[0] == '-' ? "signal 6" : "exited with status");
    }
}

static void
test_stop_tells_of_an_earlier_death (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);

  mk_test_assert_starts (executor);
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_await_ended (executor));
  assert_stop_fails (executor, "signal 9");
}

/* With all of the time to stop left */
static void
test_kill (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--deaf", "--orphan", "--children", "2", "--setsid-children", NULL);
  g_autoptr (GError) error = NULL;
  GPid pid;

  mk_simple_executor_set_stop_timeout (executor, 0);
  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (mk_test_process_lives (pid));
  mk_test_assert_nothing_left (tag);
}

/* ---- dropped, host exits ---- */

static void
test_dropped (void)
{
  MkSimpleExecutor *executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--orphan", "--children", "1", NULL);

  mk_test_assert_starts (executor);
  g_assert_finalize_object (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_host_exits (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (GSubprocess) host = mk_test_start_host ("exit", port, tag, "--orphan --children 1");

  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 3);
  mk_test_tell_host_to_end (host);
  g_assert_true (g_subprocess_wait_check (host, NULL, NULL));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  g_assert_false (mk_test_port_accepts (port));
}

/* ---- running ---- */

static void
test_running (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "redis.pid", NULL);
  const char *argv[] = { "redis-server", "--port",       "0",          "--daemonize", "yes",  "--pidfile",
                         path,           "--unixsocket", "redis.sock", "--dir",       folder, NULL };
  g_autoptr (MkPidExecutor) daemon = mk_pid_executor_new (argv, path);
  g_autoptr (MkSimpleExecutor) plain = mk_test_executor_new (tag, NULL);

  g_assert_false (mk_simple_executor_get_running (plain));
  mk_test_assert_starts (plain);
  g_assert_true (mk_simple_executor_get_running (plain));
  mk_test_assert_stops (plain);
  g_assert_false (mk_simple_executor_get_running (plain));

  if (!is_installed ("redis-server"))
    return;
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (daemon), folder);
  mk_test_assert_starts (daemon);
  g_assert_true (mk_test_await_ended (MK_SIMPLE_EXECUTOR (daemon)));
  g_assert_true (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (daemon)));
  mk_test_assert_stops (daemon);
  g_assert_false (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (daemon)));
  mk_test_assert_nothing_left (path);
}

int
main (int argc, char **argv)
{
  g_autofree char *unique = mk_test_new_tag ();

  g_test_init (&argc, &argv, NULL);
  tag = unique;

  mk_test_add ("/upstream/keep/command/line", test_command_line);
  mk_test_add ("/upstream/keep/command/list", test_command_list);
  mk_test_add ("/upstream/keep/command/shell", test_command_in_shell);
  mk_test_add ("/upstream/keep/start-simple", test_start_simple);
  mk_test_add ("/upstream/keep/start-checking/there-before", test_start_checks_before);
  mk_test_add ("/upstream/keep/start-checking/exits-non-zero", test_start_meets_failure);
  mk_test_add ("/upstream/keep/start-checking/exits-zero", test_start_goes_on_after_success);
  mk_test_add ("/upstream/keep/start-checking/deadline", test_start_has_a_deadline);
  mk_test_add ("/upstream/keep/one-deadline/tcp-then-http", test_one_deadline_of_http);
  mk_test_add ("/upstream/keep/one-deadline/start-then-wait", test_one_deadline_of_wait_for);
  mk_test_add ("/upstream/keep/stop/nothing-started", test_stop_nothing);
  mk_test_add ("/upstream/keep/stop/signals-the-group", test_stop_signals_the_group);
  mk_test_add ("/upstream/keep/stop/expiry-kills", test_stop_kills_the_deaf);
  mk_test_add ("/upstream/keep/stop/leftovers", test_stop_finds_leftovers);
  mk_test_add ("/upstream/keep/stop/exit-status", test_stop_judges_the_status);
  mk_test_add ("/upstream/keep/stop/died-before", test_stop_tells_of_an_earlier_death);
  mk_test_add ("/upstream/keep/kill", test_kill);
  mk_test_add_once ("/upstream/keep/dropped", test_dropped);
  mk_test_add_once ("/upstream/keep/host-exits", test_host_exits);
  mk_test_add ("/upstream/keep/running", test_running);

  return g_test_run ();
}
