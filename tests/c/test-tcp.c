/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a TCP probe says of ports in all states that a port can be in. One that says "there" too early makes
 * tests fail at random; so does one that is in the way of the service it waits for.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS            (60 * 1000)
#define SUBPROCESS_LIMIT_S 50
#define N_SELF_CHECKS      3000

/* Returns the descriptor; @port 0 becomes one that is free. */
static int
bind_port (int family, guint *port)
{
  struct sockaddr_in v4 = { .sin_family = AF_INET,
                            .sin_port = htons (*port),
                            .sin_addr = { htonl (INADDR_LOOPBACK) } };
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                             .sin6_port = htons (*port),
                             .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  struct sockaddr *address = family == AF_INET ? (struct sockaddr *) &v4 : (struct sockaddr *) &v6;
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd >= 0 && bind (fd, address, family == AF_INET ? sizeof v4 : sizeof v6) < 0)
    {
      close (fd);
      return -1;
    }
  return fd;
}

static int
listen_on_free_port (int family, int backlog, guint *port)
{
  int fd;

  *port = mk_test_free_port ();
  fd = bind_port (family, port);
  if (fd >= 0)
    g_assert_cmpint (listen (fd, backlog), ==, 0);
  return fd;
}

static void
assert_says (const char *host, guint port, gboolean expected)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new (host, port);

  mk_test_assert_probe_says (probe, expected);
}

static void
test_listening (void)
{
  guint port;
  int fd = listen_on_free_port (AF_INET, 8, &port);

  assert_says ("127.0.0.1", port, TRUE);
  assert_says ("localhost", port, TRUE);
  assert_says ("LocalHost", port, TRUE);
  assert_says ("0.0.0.0", port, TRUE);
  assert_says ("::1", port, FALSE);
  close (fd);
  assert_says ("127.0.0.1", port, FALSE);
  assert_says ("localhost", port, FALSE);
}

static void
test_listening_on_v6 (void)
{
  guint port;
  int fd = listen_on_free_port (AF_INET6, 8, &port);

  if (fd < 0)
    {
      g_test_skip ("this machine has no ::1");
      return;
    }
  assert_says ("::1", port, TRUE);
  assert_says ("localhost", port, TRUE);
  assert_says ("127.0.0.1", port, FALSE);
  close (fd);
  assert_says ("::1", port, FALSE);
}

static void
test_bound_but_not_listening (void)
{
  guint port = mk_test_free_port ();
  int fd = bind_port (AF_INET, &port);

  assert_says ("127.0.0.1", port, FALSE);
  assert_says ("localhost", port, FALSE);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  assert_says ("127.0.0.1", port, TRUE);
  close (fd);
}

static int
connect_without_waiting (guint port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr = { htonl (INADDR_LOOPBACK) } };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  (void) !connect (fd, (struct sockaddr *) &address, sizeof address);
  return fd;
}

/* It accepts nobody: a busy server's attempt hangs, and must neither be "there" nor last for ever. */
static void
test_full_backlog (void)
{
  guint port;
  int listener = listen_on_free_port (AF_INET, 0, &port), clients[4];
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", port);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_without_waiting (port);
  g_assert_false (mk_test_probe_wait (probe, 400, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "no answer");
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_USEC_PER_SEC);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  close (listener);
}

static void
test_cancel_attempt_that_hangs (void)
{
  guint port;
  int listener = listen_on_free_port (AF_INET, 0, &port), clients[4];
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", port);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_without_waiting (port);
  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_probe_wait (probe, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  close (listener);
}

static gpointer
listen_later (gpointer fd)
{
  g_usleep (50 * 1000);
  return GINT_TO_POINTER (listen (GPOINTER_TO_INT (fd), 8));
}

static gpointer
close_later (gpointer fd)
{
  g_usleep (50 * 1000);
  return GINT_TO_POINTER (close (GPOINTER_TO_INT (fd)));
}

static void
test_comes_and_goes (void)
{
  guint port = mk_test_free_port ();
  int fd = bind_port (AF_INET, &port);
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("localhost", port);
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("listener", listen_later, GINT_TO_POINTER (fd));

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));
  thread = g_thread_new ("closer", close_later, GINT_TO_POINTER (fd));
  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));
}

/* Each of them open for a moment only: none is left over. */
static void
test_leaves_no_sockets (void)
{
  guint port, closed_port = mk_test_free_port (), n_before;
  int fd = listen_on_free_port (AF_INET, 128, &port);

  assert_says ("127.0.0.1", port, TRUE);
  n_before = mk_test_count_entries ("/proc/self/fd");
  for (guint i = 0; i < 100; i++)
    {
      assert_says ("localhost", port, TRUE);
      assert_says ("localhost", closed_port, FALSE);
    }
  g_assert_cmpuint (mk_test_count_entries ("/proc/self/fd"), ==, n_before);
  close (fd);
}

/* A proxy in the environment must not make a dead port look alive, nor a living one dead. */
static void
test_no_proxy (void)
{
  guint port, proxy_port;
  int fd = listen_on_free_port (AF_INET, 8, &port), proxy = listen_on_free_port (AF_INET, 8, &proxy_port);
  g_autofree char *url = NULL;

  if (!g_test_subprocess ())
    {
      close (fd);
      close (proxy);
      g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  url = g_strdup_printf ("http://127.0.0.1:%u", proxy_port);
  g_setenv ("http_proxy", url, TRUE);
  g_setenv ("all_proxy", url, TRUE);
  assert_says ("127.0.0.1", port, TRUE);
  close (fd);
  assert_says ("127.0.0.1", port, FALSE);
  close (proxy);
}

static void
test_invalid (void)
{
  static const guint ports[] = { 0, 65536, 70000, G_MAXUINT };

  for (guint i = 0; i < G_N_ELEMENTS (ports); i++)
    {
      g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", ports[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_check (probe, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
    }
}

/* That it cannot be found is an error of the check, and of the wait only when the time is up. */
static void
test_unknown_host (void)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("host.invalid", 80);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_true (error != NULL && error->domain == G_RESOLVER_ERROR);
  mk_test_assert_contains (error->message, "host.invalid");
  g_clear_error (&error);
  g_assert_false (mk_test_probe_wait (probe, 100, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
}

/*
 * Self-connections, in a network of its own with ten ports for clients only. A client that connects to one
 * of them, where nobody listens, is given that very port sooner or later, and TCP connects it to itself.
 */

static gboolean
bring_loopback_up (void)
{
  struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  gboolean is_up;

  strcpy (request.ifr_name, "lo");
  is_up = ioctl (fd, SIOCSIFFLAGS, &request) == 0;
  close (fd);
  return is_up;
}

/* Not g_file_set_contents(), which would put another file in the place of this one. */
static gboolean
write_setting (const char *path, const char *text)
{
  FILE *file = fopen (path, "we");
  gboolean is_written = file != NULL && fputs (text, file) >= 0;

  return file != NULL && fclose (file) == 0 && is_written;
}

static gboolean
enter_narrow_network (void)
{
  return unshare (CLONE_NEWNET) == 0 && bring_loopback_up () &&
         write_setting ("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009");
}

static gboolean
may_enter_narrow_network (void)
{
  int status = -1;
  pid_t child = fork ();

  if (child == 0)
    _exit (!enter_narrow_network ());
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return status == 0;
}

/* Returns whether this is the subprocess that has entered it. */
static gboolean
continue_in_narrow_network (void)
{
  if (g_test_subprocess ())
    {
      g_assert_true (enter_narrow_network ());
      return TRUE;
    }

  if (!may_enter_narrow_network ())
    g_test_skip ("a network of its own is not permitted here");
  else
    {
      g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
  return FALSE;
}

/* Makes sure that what the probe must not fall for does happen here. */
static gboolean
plain_client_meets_itself (guint port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr = { htonl (INADDR_LOOPBACK) } };
  struct linger linger = { 1, 0 };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean connected = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close (fd);
  return connected;
}

static guint
count_self_connections (guint port)
{
  guint n = 0;

  for (guint i = 0; i < 1000; i++)
    n += plain_client_meets_itself (port);
  return n;
}

/* As a service does, and with SO_REUSEADDR as nearly all of them do */
static gboolean
service_can_bind (guint port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr = { htonl (INADDR_LOOPBACK) } };
  int one = 1, fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean bound;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  bound = bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, 8) == 0;
  close (fd);
  return bound;
}

/* Linux gives clients ports of one parity first; which, is a matter of version. */
static void
check_closed_port (guint port)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", port);

  for (guint i = 0; i < N_SELF_CHECKS; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_probe_check (MK_PROBE (probe), NULL, &error));
      g_assert_no_error (error);
      g_assert_true (i % 10 != 0 || service_can_bind (port));
    }
}

static void
test_closed_port_among_those_of_clients (void)
{
  guint even, odd;

  if (!continue_in_narrow_network ())
    return;
  even = count_self_connections (40004);
  odd = count_self_connections (40005);
  g_test_message ("plain clients met themselves %u and %u times in 1000", even, odd);
  g_assert_cmpuint (even + odd, >, 50);
  check_closed_port (even > odd ? 40004 : 40005);
}

/* The whole of it: services that are waited for on such a port start all the same. */
static void
test_service_among_ports_of_clients (void)
{
  g_autofree char *tag = mk_test_new_tag ();

  if (!continue_in_narrow_network ())
    return;
  for (guint i = 0; i < 30; i++)
    {
      g_autoptr (MkSimpleExecutor) executor =
          mk_test_executor_new_tcp (tag, 40000 + i % 10, "--after", "20", NULL);

      mk_test_assert_starts (executor);
      g_assert_true (mk_simple_executor_kill (executor, NULL, NULL));
    }
  mk_test_assert_nothing_left (tag);
}

/* ---- listening-only ---- */

static MkTcpProbe *
new_listening_only (const char *host, guint port)
{
  return g_object_new (MK_TYPE_TCP_PROBE, "host", host, "port", port, "listening-only", TRUE, NULL);
}

static void
assert_listened_on (const char *host, guint port, gboolean expected)
{
  g_autoptr (MkTcpProbe) probe = new_listening_only (host, port);

  mk_test_assert_probe_says (probe, expected);
}

/* It looks, and does not connect. */
static void
test_listening_only (void)
{
  guint port = mk_test_free_port ();
  int fd = bind_port (AF_INET, &port);
  g_autoptr (MkTcpProbe) probe = new_listening_only ("localhost", port);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  assert_listened_on ("127.0.0.1", port, FALSE);
  thread = g_thread_new ("listener", listen_later, GINT_TO_POINTER (fd));
  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));

  assert_listened_on ("127.0.0.1", port, TRUE);
  assert_listened_on ("0.0.0.0", port, TRUE);
  assert_listened_on ("::1", port, FALSE);
  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
  g_assert_cmpint (accept (fd, NULL, NULL), <, 0);
  g_assert_cmpint (errno, ==, EAGAIN);

  close (fd);
  assert_listened_on ("localhost", port, FALSE);
}

static void
test_listening_only_elsewhere (void)
{
  g_autoptr (MkTcpProbe) probe = new_listening_only ("host.invalid", 80);
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "host.invalid");
}

/* ---- whose port it is ---- */

static MkSimpleExecutor *
new_without_listener (const char *tag, guint port, gboolean asks_http)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, "--lifetime", "60", NULL };
  g_autofree char *url = g_strdup_printf ("http://localhost:%u/", port);

  return asks_http ? MK_SIMPLE_EXECUTOR (mk_http_executor_new (argv, url))
                   : MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "localhost", port));
}

static void
assert_somebody_else_has_it (MkSimpleExecutor *executor, GAsyncResult **result, guint port, GPid holder)
{
  g_autofree char *pid = g_strdup_printf ("(pid %d)", (int) holder);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_await_result (NULL, result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (executor, *result, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, pid);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_object_unref (*result);
}

/* What one of them started is no answer for the other. */
static void
test_two_services_for_one_port (gconstpointer http)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *other_tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, port, "--after", "100", http, "ok", NULL);
  g_autoptr (MkSimpleExecutor) other = new_without_listener (other_tag, port, http != NULL);
  GAsyncResult *result = NULL, *other_result = NULL;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  mk_simple_executor_start_async (other, NULL, mk_test_store_result, &other_result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (executor, result, NULL));
  g_object_unref (result);

  assert_somebody_else_has_it (other, &other_result, port, mk_simple_executor_get_pid (executor));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  mk_test_assert_nothing_left (other_tag);
}

static gboolean
has_pid (gpointer executor)
{
  return mk_simple_executor_get_pid (executor) != 0;
}

static void
test_port_of_this_program (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = new_without_listener (tag, port, FALSE);
  GAsyncResult *result = NULL;
  int fd;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_iterate_until (NULL, has_pid, executor, MK_TEST_LIMIT_MS));
  fd = bind_port (AF_INET, &port);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  assert_somebody_else_has_it (executor, &result, port, getpid ());
  mk_test_assert_nothing_left (tag);
  close (fd);
}

/* "The service and what it depends on answer": the one that is somebody else's may begin to meanwhile. */
static void
test_port_of_another_on_purpose (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port (), other_port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  MkProbe *probes[] = { MK_PROBE (mk_tcp_probe_new ("127.0.0.1", port)),
                        MK_PROBE (mk_tcp_probe_new ("127.0.0.1", other_port)) };
  g_autoptr (MkAllProbe) all = mk_all_probe_new (probes, G_N_ELEMENTS (probes));
  GAsyncResult *result = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (all));
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_iterate_until (NULL, has_pid, executor, MK_TEST_LIMIT_MS));
  fd = bind_port (AF_INET, &other_port);
  /* Nobody accepts: each attempt stays in the queue until the service listens, too. */
  g_assert_cmpint (listen (fd, SOMAXCONN), ==, 0);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  mk_simple_executor_start_finish (executor, result, &error);
  g_assert_no_error (error);

  mk_test_assert_stops (executor);
  g_object_unref (result);
  g_object_unref (probes[0]);
  g_object_unref (probes[1]);
  close (fd);
}

/* The look after the wait does not count again from the beginning. */
static void
test_report_counts_attempts (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--after", "200", NULL);
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);
  g_autoptr (GVariant) dict = NULL;
  g_autoptr (GVariant) probes = NULL;
  g_autoptr (GVariant) probe = NULL;
  guint attempts = 0;

  mk_test_assert_starts (executor);
  dict = mk_simple_executor_dup_report_dict (MK_SIMPLE_EXECUTOR (executor));
  probes = g_variant_lookup_value (dict, "probes", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_nonnull (probes);
  probe = g_variant_get_child_value (probes, 0);
  g_assert_true (g_variant_lookup (probe, "attempts", "u", &attempts));
  g_assert_cmpuint (attempts, >=, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/tcp/listening", test_listening);
  mk_test_add ("/tcp/listening-on-v6", test_listening_on_v6);
  mk_test_add ("/tcp/bound-but-not-listening", test_bound_but_not_listening);
  mk_test_add ("/tcp/full-backlog", test_full_backlog);
  mk_test_add ("/tcp/cancel-attempt-that-hangs", test_cancel_attempt_that_hangs);
  mk_test_add ("/tcp/comes-and-goes", test_comes_and_goes);
  mk_test_add ("/tcp/leaves-no-sockets", test_leaves_no_sockets);
  mk_test_add_once ("/tcp/no-proxy", test_no_proxy);
  mk_test_add ("/tcp/invalid", test_invalid);
  mk_test_add ("/tcp/listening-only", test_listening_only);
  mk_test_add ("/tcp/listening-only/elsewhere", test_listening_only_elsewhere);
  mk_test_add ("/tcp/unknown-host", test_unknown_host);
  mk_test_add_with_data ("/tcp/whose/two-services/tcp", test_two_services_for_one_port, NULL);
  mk_test_add_with_data ("/tcp/whose/two-services/http", test_two_services_for_one_port, "--http");
  mk_test_add_once ("/tcp/whose/this-program", test_port_of_this_program);
  mk_test_add_once ("/tcp/whose/on-purpose", test_port_of_another_on_purpose);
  mk_test_add ("/tcp/report-counts-attempts", test_report_counts_attempts);
  mk_test_add_once ("/tcp/self-connection/closed-port", test_closed_port_among_those_of_clients);
  mk_test_add_once ("/tcp/self-connection/service", test_service_among_ports_of_clients);

  return g_test_run ();
}
