/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the Python package mirakuru 3.0.2 gets wrong, by the numbers that our list of it has, one test or more
 * for each: none of it may come back. Numbers 1 to 6.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <time.h>

#define SHORT_MS    300
#define N_ROUNDS    25
#define ROUNDS_MS   2500 /* what the stops of so many rounds take where each takes 100 ms */
#define N_TRIES     3
#define N_ATTEMPTS  40 /* in a second: who asks each 100 ms comes to ten */
#define FLOOD_BYTES (4 * 1000 * 1000)

static char *tag;

/* ---- helpers ---- */

static gpointer
with_limit (gpointer executor)
{
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  return executor;
}

static void
assert_start_fails (gpointer executor, int code, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
}

static MkHttpExecutor *
new_http (const char *host, const char *path, const char *how)
{
  g_autofree char *address = g_strdup_printf ("%s:%u", host, mk_test_free_port ());
  g_autofree char *uri = g_strdup_printf ("http://%s%s", address, path);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--after", "20", "--http", how, NULL);

  return with_limit (mk_http_executor_new ((const char *const *) argv, uri));
}

/* A script with $0, the tag, and $1 */
static MkOutputExecutor *
new_script (const char *script, const char *banner)
{
  const char *argv[] = { "sh", "-c", script, tag, NULL };

  return with_limit (mk_output_executor_new (argv, banner));
}

/* ---- 1: polling ---- */

static gboolean
count (gpointer n, GError **error)
{
  ++*(guint *) n;
  return FALSE;
}

static void
test_asks_often (void)
{
  guint n_attempts = 0;
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (count, &n_attempts, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (MK_PROBE (probe), 1000, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_test_message ("%u attempts", n_attempts);
  g_assert_cmpuint (n_attempts, >, N_ATTEMPTS);
}

static MkSimpleExecutor *
new_of_kind (guint kind, const char *folder)
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
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *lifetime = g_strdup_printf ("%u", ROUNDS_MS);
  g_autoptr (MkSimpleExecutor) clock =
      mk_test_executor_new (tag, "--exit-after", lifetime, "--exit", "0", NULL);
  gboolean is_quick;

  mk_test_assert_starts (clock);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = new_of_kind (kind, folder);

      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }
  is_quick = mk_simple_executor_get_running (clock);
  g_assert_true (mk_test_kill (clock, NULL, NULL));
  return is_quick;
}

static void
test_starts_and_stops_at_once (gconstpointer kind)
{
  for (guint i = 0; i < N_TRIES; i++)
    if (rounds_are_quick (GPOINTER_TO_UINT (kind)))
      return;
  g_test_fail_printf ("%u starts and stops take more than %u ms", N_ROUNDS, ROUNDS_MS);
}

/* ---- 2: leaks; test-leaks has all of them ---- */

static gboolean
nothing_is_left (gpointer port)
{
  return mk_test_count_tagged (tag) == 0 && !mk_test_port_accepts (GPOINTER_TO_UINT (port));
}

/* The service has changed its session, and emptied its environment. */
static void
test_leaves_nothing (gconstpointer way)
{
  guint port = mk_test_free_port ();
  g_autoptr (GSubprocess) host =
      mk_test_start_host (way, port, tag, "--daemon --scrub-env --children 1 --setsid-children");

  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 2);
  mk_test_tell_host_to_end (host);
  g_assert_true (mk_test_poll_until (nothing_is_left, GUINT_TO_POINTER (port), MK_TEST_GONE_MS));
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (host), NULL, NULL));
  g_assert_true (g_subprocess_wait (host, NULL, NULL));
}

/* ---- 3: output that nobody reads ---- */

static void
test_output_is_read (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "stamps", NULL);
  g_autofree char *bytes = g_strdup_printf ("%u", FLOOD_BYTES);
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--stamp", path, "--flood", bytes, NULL);
  gint64 deadline = g_get_monotonic_time () + MK_TEST_LIMIT_MS * G_TIME_SPAN_MILLISECOND;

  mk_test_assert_starts (executor);
  while (mk_test_read_stamp (path, "flooded") < 0 && g_get_monotonic_time () < deadline)
    g_usleep (1000);
  g_assert_cmpint (mk_test_read_stamp (path, "flooded"), >, 0);
  mk_test_assert_stops (executor);
}

/* ---- 4: probes without a limit; test-hung has all of them ---- */

static void
test_probe_has_a_limit (gconstpointer how)
{
  g_autoptr (MkHttpExecutor) executor = new_http ("127.0.0.1", "/", how);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  assert_start_fails (executor, MK_ERROR_TIMED_OUT, "answered");
  mk_test_assert_nothing_left (tag);
}

/* ---- 5: an hour to start, and to stop ---- */

static void
test_time_limits (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);
  g_autoptr (MkSimpleExecutor) fresh = mk_simple_executor_new (NULL);

  g_assert_cmpuint (mk_simple_executor_get_start_timeout (fresh), ==, 60 * 1000);
  g_assert_cmpuint (mk_simple_executor_get_stop_timeout (fresh), ==, 10 * 1000);
  mk_simple_executor_set_start_timeout (executor, 60 * 60 * 1000);
  mk_simple_executor_set_stop_timeout (executor, SHORT_MS);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
}

/* ---- 6: banners ---- */

static void
test_exit_before_the_banner (void)
{
  g_autoptr (MkOutputExecutor) executor = new_script ("echo sorry; exit 0", "ready");

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 0);
  assert_start_fails (executor, MK_ERROR_EXITED, "sorry");
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
  g_autoptr (MkOutputExecutor) silent = new_script ("exec sleep 60", "ready");
  g_autoptr (MkOutputExecutor) closed = new_script ("exec sleep 60 >&- 2>&-", "ready");
  double begin = get_cpu_ms ();

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (silent), 1000);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (closed), 1000);
  assert_start_fails (silent, MK_ERROR_TIMED_OUT, "ready");
  g_assert_false (mk_test_start (closed, NULL, NULL));
  g_test_message ("%.0f ms of CPU", get_cpu_ms () - begin);
  g_assert_cmpfloat (get_cpu_ms () - begin, <, 500);
}

static void
test_banner_without_newline (void)
{
  g_autoptr (MkOutputExecutor) executor = new_script ("printf 'ready> '; exec sleep 60", "^ready> ");

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_banner_in_pieces (void)
{
  g_autoptr (MkOutputExecutor) executor =
      new_script ("for i in r e a d y; do printf $i; sleep 0.02; done; echo; exec sleep 60", "^ready$");

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

int
main (int argc, char **argv)
{
  static const char *const kinds[] = { "tcp", "pid", "unix-socket", "output" };
  static const char *const ways[] = { "stop", "sigkill", "sigsegv", "_exit", "exec" };
  g_autofree char *unique = mk_test_new_tag ();

  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  tag = unique;

  mk_test_add ("/upstream/mend/01-notices-at-once/asks-often", test_asks_often);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strconcat ("/upstream/mend/01-notices-at-once/", kinds[i], NULL);

      mk_test_add_with_data (path, test_starts_and_stops_at_once, GUINT_TO_POINTER (i));
    }
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *path = g_strconcat ("/upstream/mend/02-leaves-nothing/", ways[i], NULL);

      g_test_add_data_func (path, ways[i], test_leaves_nothing);
    }
  mk_test_add ("/upstream/mend/03-output-is-read", test_output_is_read);
  mk_test_add_with_data ("/upstream/mend/04-probe-has-a-limit/silent", test_probe_has_a_limit, "silent");
  mk_test_add_with_data ("/upstream/mend/04-probe-has-a-limit/drip", test_probe_has_a_limit, "drip");
  mk_test_add ("/upstream/mend/05-time-limits", test_time_limits);
  mk_test_add ("/upstream/mend/06-banner/exit-before-it", test_exit_before_the_banner);
  mk_test_add ("/upstream/mend/06-banner/takes-no-cpu", test_waiting_takes_no_cpu);
  mk_test_add ("/upstream/mend/06-banner/without-newline", test_banner_without_newline);
  mk_test_add ("/upstream/mend/06-banner/in-pieces", test_banner_in_pieces);

  return g_test_run ();
}
