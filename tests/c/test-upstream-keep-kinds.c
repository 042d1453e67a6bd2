/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What users of the Python package mirakuru rely on, one test or more for each: those who come from there
 * find it again here. This is
 * about kinds of services, and what a service is given.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SEEN_MS 1000 /* by then the service has answered, however busy the machine is */

static char *tag;

/* ---- helpers ---- */

static void
assert_start_fails (gpointer executor, int code, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_nothing_left (tag);
}

static char *
dup_output (gpointer executor)
{
  g_autoptr (GBytes) output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  return g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
}

static MkHttpExecutor *
new_http (guint port, const char *path, const char *how)
{
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s%s", address, path);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--after", "20", "--http", how, NULL);
  MkHttpExecutor *executor = mk_http_executor_new ((const char *const *) argv, uri);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return executor;
}

static MkPidExecutor *
new_pid (const char *filename, const char *option)
{
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--pid-file", filename, option, NULL);
  MkPidExecutor *executor = mk_pid_executor_new ((const char *const *) argv, filename);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return executor;
}

/* ---- http ---- */

static void
test_http_server (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *digits = g_strdup_printf ("%u", port);
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", port);
  const char *argv[] = { "python3", "-m", "http.server", "--bind", "127.0.0.1", digits, NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, uri);

  g_assert_true (MK_IS_TCP_EXECUTOR (executor));
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* A code, or a regular expression that matches at the start; the method is HEAD. */
static void
test_http_status (void)
{
  static const struct
  {
    const char *answer, *status;
    gboolean matches;
  } cases[] = { { "200 OK", NULL, TRUE },         { "404 Not Found", NULL, FALSE },
                { "404 Not Found", "404", TRUE }, { "204 No", "20", TRUE },
                { "422 No", "22", FALSE },        { "503 Busy", "^(200|503)$", TRUE },
                { "503 Busy", "\\d\\d4", FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MkHttpExecutor) executor = new_http (mk_test_free_port (), "/", cases[i].answer);

      g_assert_cmpstr (mk_http_executor_get_method (executor), ==, "HEAD");
      if (cases[i].status != NULL)
        mk_http_executor_set_status (executor, cases[i].status);
      if (cases[i].matches)
        {
          mk_test_assert_starts (executor);
          mk_test_assert_stops (executor);
          continue;
        }
      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SEEN_MS);
      assert_start_fails (executor, MK_ERROR_TIMED_OUT, cases[i].answer);
    }
}

static void
test_http_payload (void)
{
  static const char *const fields[] = { "name=a b&c", "empty=", NULL };
  g_autoptr (MkHttpExecutor) executor = new_http (mk_test_free_port (), "/", "echo");

  mk_http_executor_set_method (executor, "POST");
  mk_http_executor_set_form (executor, fields);
  mk_http_executor_set_body_pattern (executor, "(?s)^POST / .*\r\n\r\nname=a\\+b%26c&empty=$");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* Names are sent as they were written: there are servers that care. */
static void
test_http_headers (void)
{
  static const char *const headers[] = { "X-Auth-Token: a: b", "x-other: c", NULL };
  g_autoptr (MkHttpExecutor) executor = new_http (mk_test_free_port (), "/", "echo");

  mk_http_executor_set_method (executor, "GET");
  mk_http_executor_set_headers (executor, headers);
  mk_http_executor_set_body_pattern (executor, "\r\nX-Auth-Token: a: b\r\nx-other: c\r\n");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_http_url (void)
{
  const char *argv[] = { "true", NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, "http://localhost/path");

  g_assert_cmpstr (mk_tcp_executor_get_host (MK_TCP_EXECUTOR (executor)), ==, "localhost");
  g_assert_cmpuint (mk_tcp_executor_get_port (MK_TCP_EXECUTOR (executor)), ==, 80);
  mk_http_executor_set_uri (executor, "http:///path");
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "no host");
}

/* ---- pid ---- */

static void
test_pid (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  const char *toucher[] = { "sh", "-c", "mkdir $1; rmdir $1; > $1; exec sleep 60", "sh", path, NULL };
  g_autoptr (MkPidExecutor) nameless = new_pid ("", NULL);
  g_autoptr (MkPidExecutor) executor = new_pid (path, NULL);
  g_autoptr (MkPidExecutor) empty_file = mk_pid_executor_new (toucher, path);

  assert_start_fails (nameless, MK_ERROR_INVALID_ARGUMENT, "");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
  assert_start_fails (executor, MK_ERROR_ALREADY_RUNNING, path);
  g_unlink (path);
  mk_test_assert_starts (empty_file);
  mk_test_assert_stops (empty_file);
}

/* ---- output ---- */

static void
test_output (void)
{
  const char *argv[] = {
    "sh", "-c", "echo two 2 >&2; echo one 1; echo two 22; echo rest; exec sleep 60", NULL
  };
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new (argv, "^two \\d+\n");
  g_autoptr (GInputStream) stream = NULL;
  char rest[6] = { 0 };

  g_assert_cmpint (mk_output_executor_get_stream (executor), ==, MK_STREAM_FLAGS_STDOUT);
  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (MK_SIMPLE_EXECUTOR (executor), MK_STREAM_STDOUT);
  g_assert_true (g_input_stream_read_all (stream, rest, 5, NULL, NULL, NULL));
  g_assert_cmpstr (rest, ==, "rest\n");
  mk_test_assert_stops (executor);

  mk_output_executor_set_stream (executor, MK_STREAM_FLAGS_STDERR);
  mk_output_executor_set_banner (executor, "2$");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* ---- environment, session, description ---- */

/* In a process of its own: to change the environment is not for a program with threads. */
static void
test_environment (void)
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
  executor = mk_test_executor_new (tag,
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
  output = dup_output (executor);
  expected = g_strdup_printf ("MK_TEST_A=host at start\nMK_TEST_B=overlay\nmirakuru_uuid=%s\n", marker);
  g_assert_cmpstr (output, ==, expected);
}

static void
test_session (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  GPid pid;

  mk_test_assert_starts (executor);
  pid = mk_simple_executor_get_pid (executor);
  g_assert_cmpint (getsid (pid), ==, pid);
  g_assert_cmpint (getpgid (pid), ==, pid);
  mk_test_assert_stops (executor);
}

/* What repr() and str() tell: the command; and what is waited for, which has the address. */
static void
test_description (void)
{
  const char *argv[] = { "redis-server", "--port", "6379", NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", 6379);
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", 6379);
  g_autofree char *description = mk_simple_executor_describe (MK_SIMPLE_EXECUTOR (executor));
  g_autofree char *goal = mk_probe_describe (MK_PROBE (probe));

  mk_test_assert_contains (description, "redis-server --port 6379");
  mk_test_assert_contains (description, "stopped");
  g_assert_cmpstr (goal, ==, "127.0.0.1:6379 accepted connections");
}

int
main (int argc, char **argv)
{
  g_autofree char *unique = mk_test_new_tag ();

  g_test_init (&argc, &argv, NULL);
  tag = unique;

  mk_test_add ("/upstream/keep/http/server", test_http_server);
  mk_test_add ("/upstream/keep/http/status", test_http_status);
  mk_test_add ("/upstream/keep/http/payload", test_http_payload);
  mk_test_add ("/upstream/keep/http/headers", test_http_headers);
  mk_test_add ("/upstream/keep/http/url", test_http_url);
  mk_test_add ("/upstream/keep/pid", test_pid);
  mk_test_add ("/upstream/keep/output", test_output);
  mk_test_add_once ("/upstream/keep/environment", test_environment);
  mk_test_add ("/upstream/keep/session", test_session);
  mk_test_add_once ("/upstream/keep/repr-and-str", test_description);

  return g_test_run ();
}
