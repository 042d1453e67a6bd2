/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Servers that accept connections and are not ready in every way there is. Each ends in a time-out, in time,
 * that says what was seen last, and nothing is left of it.
 */

#include "mk-test-calls.h"

#include <errno.h>

#define TIMEOUT_MS  350
#define N_CANCELS   10
#define CANCEL_MS   20
#define PATIENCE_MS 20000

/* @option: of the test service, the first of those that follow the address */
static MkHttpExecutor *
new_executor (const char *tag, const char *option, const char *value)
{
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, option, value, NULL);
  MkHttpExecutor *executor = mk_http_executor_new ((const char *const *) argv, uri);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), TIMEOUT_MS);
  return executor;
}

static void
check_hung (const char *how, const char *method, const char *body_pattern, const char *seen)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, "--http", how);

  mk_http_executor_set_method (executor, method);
  mk_http_executor_set_body_pattern (executor, body_pattern);
  mk_test_assert_start_times_out_seeing (executor, seen);
  mk_test_assert_nothing_left (tag);
}

static void
test_silent (void)
{
  check_hung ("silent", "GET", "x", "was not answered in time");
}

/* One limit for both: first it does not listen, then it does not answer. */
static void
test_listens_late_and_is_silent (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *after = g_strdup_printf ("%u", TIMEOUT_MS * 2 / 3);
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--listen", address, "--after", after, "--http", "silent", NULL);
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new ((const char *const *) argv, uri);

  mk_test_assert_start_times_out_seeing (executor, "was not answered in time");
  mk_test_assert_nothing_left (tag);
}

/* Before there can be a request. */
static void
test_silent_over_tls (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, "--http", "silent");
  g_autofree char *uri = NULL;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("GLib has no TLS module here");
      return;
    }
  uri = g_strdup_printf ("https://127.0.0.1:%u/", mk_tcp_executor_get_port (MK_TCP_EXECUTOR (executor)));
  mk_http_executor_set_uri (executor, uri);
  mk_test_assert_start_times_out_seeing (executor, "TLS was not agreed on in time");
  mk_test_assert_nothing_left (tag);
}

static void
test_drips_header (void)
{
  check_hung ("drip", "GET", NULL, "was not answered in time");
}

static void
test_endless_header (void)
{
  check_hung ("endless-header", "GET", NULL, "no HTTP answer");
}

static void
test_endless_continue (void)
{
  check_hung ("endless-continue", "GET", NULL, "only interim answers");
}

static void
test_endless_body (void)
{
  check_hung ("endless-body", "GET", "not there", "HTTP 200 OK with a body that does not match “not there”");
}

static void
test_garbage (void)
{
  check_hung ("garbage", "GET", NULL, "no HTTP answer");
}

static void
test_closes_at_once (void)
{
  check_hung ("close", "GET", NULL, "no HTTP answer");
}

static void
test_always_500 (void)
{
  check_hung ("500 Internal Server Error", "HEAD", NULL, "HTTP 500 Internal Server Error");
}

static void
test_redirect_loop (void)
{
  check_hung ("redirect", "GET", NULL, "HTTP 302 Found to “/again”, which is not followed");
}

static void
check_option (const char *option, const char *value, const char *seen)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, option, value);

  mk_test_assert_start_times_out_seeing (executor, seen);
  mk_test_assert_nothing_left (tag);
}

static void
test_not_http_at_all (void)
{
  check_option (NULL, NULL, "no HTTP answer");
}

static void
test_bound_but_not_listening (void)
{
  check_option ("--bind-only", NULL, mk_test_strerror (ECONNREFUSED));
}

static void
test_never_listens (void)
{
  check_option ("--after", "100000", mk_test_strerror (ECONNREFUSED));
}

/* It serves only when all is said, which takes longer than it has. */
static void
test_floods_output (void)
{
  check_option ("--flood", "2000000000", "was not answered in time");
}

static void
test_stopped (void)
{
  check_option ("--stopped", NULL, "was not answered in time");
}

static void
test_full_backlog (void)
{
  g_autoptr (GSocket) listener =
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any_port = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MkHttpProbe) probe = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;
  gint64 begin = g_get_monotonic_time ();

  g_socket_set_listen_backlog (listener, 0);
  g_assert_true (g_socket_bind (listener, any_port, TRUE, NULL) && g_socket_listen (listener, NULL));
  address = g_socket_get_local_address (listener, NULL);
  uri = g_strdup_printf ("http://127.0.0.1:%u/",
                         g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
  for (guint i = 0; i < 4; i++)
    {
      GSocket *client =
          g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);

      g_ptr_array_add (clients, client);
      g_socket_set_blocking (client, FALSE);
      g_socket_connect (client, address, NULL, NULL);
    }

  probe = mk_http_probe_new (uri);
  g_assert_false (mk_test_probe_wait (probe, TIMEOUT_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "the connection was not accepted in time");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, MK_TEST_LIMIT_MS * 1000);
}

/* A body that does not end is no reason not to be ready, where nobody asked for the body. */
static void
test_endless_body_nobody_asked_for (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, "--http", "endless-body");

  mk_http_executor_set_method (executor, "GET");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* It takes longer for an answer than an attempt is given at first. */
static void
test_slow_server_is_given_time (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, "--http", "slow");

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), PATIENCE_MS);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* Attempts that were cut off leave no descriptors behind, synchronous ones as well. */
static void
test_cancel_leaves_no_sockets (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkHttpExecutor) executor = new_executor (tag, "--http", "silent");
  g_autoptr (MkSimpleExecutor) service = NULL;
  g_autoptr (MkHttpProbe) probe = mk_http_probe_new (mk_http_executor_get_uri (executor));
  guint n_before;

  service =
      MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (mk_simple_executor_get_command (MK_SIMPLE_EXECUTOR (executor)),
                                               "127.0.0.1",
                                               mk_tcp_executor_get_port (MK_TCP_EXECUTOR (executor))));
  mk_test_assert_starts (service);
  g_assert_false (mk_test_probe_wait (probe, CANCEL_MS, NULL, NULL));
  n_before = mk_test_count_entries ("/proc/self/fd");

  for (guint i = 0; i < N_CANCELS; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_probe_wait (probe, CANCEL_MS, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
      g_clear_error (&error);
      mk_test_cancel_later (cancellable, CANCEL_MS);
      g_assert_false (mk_test_probe_wait (probe, PATIENCE_MS, cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  g_assert_true (mk_test_wait_descriptors (n_before));
  mk_test_assert_stops (service);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/http-hung/accepts-and-never-answers", test_silent);
  mk_test_add ("/http-hung/listens-late-and-is-silent", test_listens_late_and_is_silent);
  mk_test_add ("/http-hung/accepts-and-is-silent-over-tls", test_silent_over_tls);
  mk_test_add ("/http-hung/drips-header", test_drips_header);
  mk_test_add ("/http-hung/endless-header", test_endless_header);
  mk_test_add ("/http-hung/endless-continue", test_endless_continue);
  mk_test_add ("/http-hung/endless-body", test_endless_body);
  mk_test_add ("/http-hung/garbage", test_garbage);
  mk_test_add ("/http-hung/closes-at-once", test_closes_at_once);
  mk_test_add ("/http-hung/always-500", test_always_500);
  mk_test_add ("/http-hung/redirect-loop", test_redirect_loop);
  mk_test_add ("/http-hung/not-http-at-all", test_not_http_at_all);
  mk_test_add ("/http-hung/bound-but-not-listening", test_bound_but_not_listening);
  mk_test_add ("/http-hung/never-listens", test_never_listens);
  mk_test_add ("/http-hung/floods-output", test_floods_output);
  mk_test_add ("/http-hung/stopped", test_stopped);
  mk_test_add ("/http-hung/full-backlog", test_full_backlog);
  mk_test_add ("/http-hung/endless-body-nobody-asked-for", test_endless_body_nobody_asked_for);
  /* Nothing of it depends on how it is waited for, and it takes seconds. */
  mk_test_add_once ("/http-hung/slow-server-is-given-time", test_slow_server_is_given_time);
  mk_test_add ("/http-hung/cancel-leaves-no-sockets", test_cancel_leaves_no_sockets);

  return g_test_run ();
}
