/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the Python package mirakuru 3.0.2 gets wrong, by the numbers that our list of it has, one test or more
 * for each: none of it may come back. Numbers 7 to 12.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHORT_MS 300

static char *tag;
static gint wall_clock_jump_s; /* (atomic) at each look at it */

/* These two take the place of the C library's for all of this program, GLib included. */

int
clock_gettime (clockid_t id, struct timespec *now)
{
  static gint shift_s; /* (atomic) */
  int result = syscall (SYS_clock_gettime, id, now);

  if (id == CLOCK_REALTIME)
    {
      g_atomic_int_add (&shift_s, g_atomic_int_get (&wall_clock_jump_s));
      now->tv_sec += g_atomic_int_get (&shift_s);
    }
  return result;
}

int
gettimeofday (struct timeval *now, void *unused)
{
  struct timespec precise;
  int result = clock_gettime (CLOCK_REALTIME, &precise);

  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

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

static gboolean
has_ipv6 (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_STREAM, 0, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);

  return socket != NULL && g_socket_bind (socket, address, TRUE, NULL);
}

/* ---- 7: the sweep ---- */

static GSubprocess *
start_bystander (const char *marker)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  GSubprocess *bystander;
  char said[4] = { 0 };

  g_subprocess_launcher_setenv (launcher, "mirakuru_uuid", marker, TRUE);
  bystander =
      g_subprocess_launcher_spawn (launcher, NULL, "sh", "-c", "echo up; exec sleep 60", marker, NULL);
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (bystander), said, 3, NULL, NULL, NULL);
  g_assert_cmpstr (said, ==, "up\n");
  return bystander;
}

static pid_t
find_supervisor (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, 1);
  return g_array_index (children, pid_t, 0);
}

static char **
make_similar_markers (MkSimpleExecutor *executor)
{
  g_auto (GStrv) environment = mk_simple_executor_dup_environment (executor);
  const char *marker = g_environ_getenv (environment, "mirakuru_uuid");
  g_autofree char *similar = g_strdup_printf ("1%s %s0 %s: x%s %d:%s",
                                              marker,
                                              marker,
                                              marker,
                                              marker,
                                              (int) getpid (), /* as in another container */
                                              "12345678-1234-4123-8123-123456789012");

  return g_strsplit (similar, " ", -1);
}

/* With the supervisor gone, the marker is all that is left to tell whose a process is. */
static void
test_sweep_is_exact (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--daemon", "--children", "1", NULL);
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new ("other", NULL);
  g_autoptr (GPtrArray) bystanders = g_ptr_array_new_with_free_func (g_object_unref);
  g_auto (GStrv) markers = make_similar_markers (executor);
  pid_t supervisor;

  mk_test_assert_starts (executor);
  supervisor = find_supervisor ();
  mk_test_assert_starts (other);
  for (guint i = 0; markers[i] != NULL; i++)
    g_ptr_array_add (bystanders, start_bystander (markers[i]));
  kill (supervisor, SIGKILL);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_GONE_MS));
  mk_test_stop (executor, NULL, NULL);

  g_assert_cmpuint (bystanders->len, ==, 5);
  for (guint i = 0; i < bystanders->len; i++)
    {
      GSubprocess *bystander = g_ptr_array_index (bystanders, i);

      g_assert_true (mk_test_process_lives (atoi (g_subprocess_get_identifier (bystander))));
      g_subprocess_force_exit (bystander);
      g_assert_true (g_subprocess_wait (bystander, NULL, NULL));
    }
  g_assert_true (mk_simple_executor_get_running (other));
  mk_test_assert_stops (other);
}

/* ---- 8: IPv6, https, queries ---- */

static void
test_ipv6 (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *address = g_strdup_printf ("[::1]:%u", port);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--after", "20", NULL);
  g_autoptr (MkTcpExecutor) by_address = mk_tcp_executor_new ((const char *const *) argv, "::1", port);
  g_autoptr (MkTcpExecutor) by_name = mk_tcp_executor_new ((const char *const *) argv, "localhost", port);
  g_autoptr (MkHttpExecutor) http = new_http ("[::1]", "/", "ok");
  gpointer executors[] = { by_address, by_name, http };

  if (!has_ipv6 ())
    {
      g_test_skip ("this machine has no ::1");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (executors); i++)
    {
      with_limit (executors[i]);
      mk_test_assert_starts (executors[i]);
      mk_test_assert_stops (executors[i]);
    }
}

static void
test_https (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *uri = g_strdup_printf ("https://127.0.0.1:%u/", port);
  g_autofree char *script = g_strdup_printf (
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -keyout key "
      "-out cert 2>&1 && exec openssl s_server -www -accept 127.0.0.1:%u -key key -cert cert",
      port);
  const char *argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, uri);
  g_autofree char *openssl = g_find_program_in_path ("openssl");

  if (openssl == NULL || !g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("openssl is not installed, or GLib has no TLS module");
      return;
    }
  with_limit (executor);
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), folder);
  mk_http_executor_set_method (executor, "GET");
  mk_http_executor_set_accept_any_certificate (executor, TRUE);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_query (void)
{
  g_autoptr (MkHttpExecutor) executor = new_http ("127.0.0.1", "/ready?a=1&b=%20", "echo");

  mk_http_executor_set_method (executor, "GET");
  mk_http_executor_set_body_pattern (executor, "^GET /ready\\?a=1&b=%20 HTTP");
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* ---- 9: who is there already ---- */

static void
assert_names_holder (gpointer holder, gpointer executor, const char *place)
{
  g_autofree char *who =
      g_strdup_printf ("mk-test-service (pid %d)", (int) mk_simple_executor_get_pid (holder));

  assert_start_fails (executor, MK_ERROR_ALREADY_RUNNING, who);
  assert_start_fails (executor, MK_ERROR_ALREADY_RUNNING, place);
}

static gboolean
is_written (gpointer path)
{
  GStatBuf status;

  return g_stat (path, &status) == 0 && status.st_size > 0;
}

static void
test_already_running (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *socket = g_build_filename (folder, "socket", NULL);
  g_autofree char *pid_file = g_build_filename (folder, "pid", NULL);
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--pid-file", pid_file, NULL);
  g_auto (GStrv) local_argv = mk_test_service_argv (tag, "--listen", socket, NULL);
  const char *const *command = (const char *const *) argv, *const *local = (const char *const *) local_argv;
  g_autoptr (MkTcpExecutor) holder = mk_tcp_executor_new (command, "127.0.0.1", port);
  g_autoptr (MkTcpExecutor) tcp = mk_tcp_executor_new (command, "127.0.0.1", port);
  g_autoptr (MkPidExecutor) pid = mk_pid_executor_new (command, pid_file);
  g_autoptr (MkUnixSocketExecutor) local_holder = mk_unix_socket_executor_new (local, socket);
  g_autoptr (MkUnixSocketExecutor) unix_socket = mk_unix_socket_executor_new (local, socket);

  mk_test_assert_starts (holder);
  assert_names_holder (holder, tcp, address);
  /* The file comes after the socket. */
  g_assert_true (mk_test_poll_until (is_written, pid_file, MK_TEST_LIMIT_MS));
  assert_names_holder (holder, pid, pid_file);
  mk_test_assert_stops (holder);
  mk_test_assert_starts (local_holder);
  assert_names_holder (local_holder, unix_socket, socket);
  mk_test_assert_stops (local_holder);
}

/* ---- 10: stopping what does not run, and clocks ---- */

static void
test_stop_what_does_not_run (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--exit", "0", NULL);

  mk_test_assert_stops (executor);
  g_assert_true (mk_test_start (executor, NULL, NULL));
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  mk_test_assert_stops (executor);
}

static void
test_wall_clock (gconstpointer jump_s)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "100", NULL);
  g_autoptr (MkSimpleExecutor) late =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", NULL);
  gint64 begin = g_get_real_time (), jumped_us;

  g_atomic_int_set (&wall_clock_jump_s, GPOINTER_TO_INT (jump_s));
  jumped_us = g_get_real_time () - begin;
  g_assert_cmpint (ABS (jumped_us), >, G_GINT64_CONSTANT (3000) * G_USEC_PER_SEC);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_simple_executor_set_start_timeout (late, SHORT_MS);
  assert_start_fails (late, MK_ERROR_TIMED_OUT, "accepted connections");
  g_atomic_int_set (&wall_clock_jump_s, 0);
}

/* ---- 11: leftovers that are deaf ---- */

static void
test_leftovers_are_killed (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--daemon", "--deaf", "--children", "2", "--setsid-children", NULL);

  mk_simple_executor_set_stop_timeout (executor, SHORT_MS);
  mk_test_assert_starts (executor);
  g_assert_cmpuint (mk_test_count_tagged (tag), >=, 3);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* ---- 12: output in errors, no blocking, and news of a death ---- */

static void
test_output_in_errors (void)
{
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--print", "no licence", "--stderr", "giving up", "--exit", "1", NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", mk_test_free_port ());

  assert_start_fails (executor, MK_ERROR_EXITED, "no licence");
  assert_start_fails (executor, MK_ERROR_EXITED, "giving up");
}

static gboolean
tick (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

/* Whatever else the main loop has to do is done while a service starts. */
static void
test_does_not_block (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "200", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  guint n_ticks = 0, source = g_timeout_add (5, tick, &n_ticks);

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (executor, result, NULL));
  g_source_remove (source);
  g_assert_cmpuint (n_ticks, >, 5);
  mk_test_assert_stops (executor);
}

static void
store_status (MkSimpleExecutor *executor, int status, int *where)
{
  *where = status;
}

static gboolean
is_told (gpointer status)
{
  return *(int *) status != MK_STATUS_NONE;
}

static void
test_tells_of_a_death (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  int status = MK_STATUS_NONE;

  g_signal_connect (executor, "exited", G_CALLBACK (store_status), &status);
  mk_test_assert_starts (executor);
  kill (mk_simple_executor_get_pid (executor), SIGKILL);
  g_assert_true (mk_test_iterate_until (NULL, is_told, &status, MK_TEST_LIMIT_MS));
  g_assert_cmpint (status, ==, -SIGKILL);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_EXITED);
}

int
main (int argc, char **argv)
{
  g_autofree char *unique = mk_test_new_tag ();

  g_test_init (&argc, &argv, NULL);
  tag = unique;

  mk_test_add ("/upstream/mend/07-sweep-is-exact", test_sweep_is_exact);
  mk_test_add ("/upstream/mend/08-addresses/ipv6", test_ipv6);
  mk_test_add ("/upstream/mend/08-addresses/https", test_https);
  mk_test_add ("/upstream/mend/08-addresses/query", test_query);
  mk_test_add ("/upstream/mend/09-already-running", test_already_running);
  mk_test_add ("/upstream/mend/10-stop-what-does-not-run", test_stop_what_does_not_run);
  mk_test_add_with_data ("/upstream/mend/10-wall-clock/ahead", test_wall_clock, GINT_TO_POINTER (3600));
  mk_test_add_with_data ("/upstream/mend/10-wall-clock/back", test_wall_clock, GINT_TO_POINTER (-3600));
  mk_test_add ("/upstream/mend/11-leftovers-are-killed", test_leftovers_are_killed);
  mk_test_add ("/upstream/mend/12-output-in-errors", test_output_in_errors);
  mk_test_add_once ("/upstream/mend/12-does-not-block", test_does_not_block);
  mk_test_add ("/upstream/mend/12-tells-of-a-death", test_tells_of_a_death);

  return g_test_run ();
}
