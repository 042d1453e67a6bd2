/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever else a main loop has to do is done while an operation of this library is under way: no call, no
 * function of a class and no default that is chained up to holds it up.
 *
 * A source that is due every few milliseconds notes the longest time in which it was not run. A thread that
 * does nothing but sleep so long notes the same of itself, for what the machine is to blame for.
 */

#include "mk-test-calls.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS     2
#define MAX_GAP_US  (150 * 1000)
#define PEER_FACTOR 5
#define SHORT_MS    400

typedef struct
{
  gint64 last_us;
  gint64 longest_us;
} Gap;

typedef struct
{
  Gap loop, peer;
  GSource *ticker; /* (owned) */
  GThread *thread; /* (owned) */
  gint is_over;    /* (atomic) */
} Watch;

static void
gap_note (Gap *gap)
{
  gint64 now_us = g_get_monotonic_time ();

  if (gap->last_us > 0)
    gap->longest_us = MAX (gap->longest_us, now_us - gap->last_us);
  gap->last_us = now_us;
}

static gboolean
on_tick (gpointer gap)
{
  gap_note (gap);
  return G_SOURCE_CONTINUE;
}

static gpointer
sleep_and_note (gpointer data)
{
  Watch *watch = data;

  while (!g_atomic_int_get (&watch->is_over))
    {
      gap_note (&watch->peer);
      g_usleep (TICK_MS * 1000);
    }
  return NULL;
}

static void
watch_init (Watch *watch)
{
  watch->ticker = g_timeout_source_new (TICK_MS);
  g_source_set_priority (watch->ticker, G_PRIORITY_HIGH);
  g_source_set_callback (watch->ticker, on_tick, &watch->loop, NULL);
  g_source_attach (watch->ticker, g_main_context_get_thread_default ());
  gap_note (&watch->loop);
  watch->thread = g_thread_new ("peer", sleep_and_note, watch);
}

static void
watch_clear (Watch *watch)
{
  gap_note (&watch->loop);
  g_source_destroy (watch->ticker);
  g_source_unref (watch->ticker);
  g_atomic_int_set (&watch->is_over, TRUE);
  g_thread_join (watch->thread);
  g_test_message ("longest gap of the loop %.1f ms, of the peer %.1f ms",
                  watch->loop.longest_us / 1000.0,
                  watch->peer.longest_us / 1000.0);
  g_assert_cmpint (watch->loop.longest_us, <, MAX_GAP_US + PEER_FACTOR * watch->peer.longest_us);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Watch, watch_clear)

/* ---- starts ---- */

static void
start_and_stop (gpointer executor)
{
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
start_in_vain (gpointer executor)
{
  g_auto (Watch) watch = { 0 };
  g_autoptr (GError) error = NULL;

  watch_init (&watch);
  mk_simple_executor_set_start_timeout (executor, SHORT_MS);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
}

static void
test_start_plain (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);

  start_and_stop (executor);
}

static void
test_start_tcp (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "100", NULL);

  start_and_stop (executor);
}

static void
test_start_tcp_with_full_backlog (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--full-backlog", NULL);

  start_in_vain (executor);
}

static gpointer
new_http (const char *how)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *address = mk_test_service_address (mk_test_free_port ());
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--http", how, NULL);

  return mk_http_executor_new ((const char *const *) argv, uri);
}

static void
test_start_http (void)
{
  g_autoptr (MkHttpExecutor) ready = new_http ("ok");
  g_autoptr (MkHttpExecutor) silent = new_http ("silent");
  g_autoptr (MkHttpExecutor) endless = new_http ("endless-header");

  start_and_stop (ready);
  start_in_vain (silent);
  start_in_vain (endless);
}

/* A subclass that adds a condition to the probe of its parent. */
typedef MkHttpExecutor ChainingExecutor;
typedef MkHttpExecutorClass ChainingExecutorClass;
GType chaining_executor_get_type (void);
G_DEFINE_TYPE (ChainingExecutor, chaining_executor, MK_TYPE_HTTP_EXECUTOR)

static gboolean
chaining_executor_pre_start_check (MkExecutor *executor, GError **error)
{
  return MK_EXECUTOR_CLASS (chaining_executor_parent_class)->pre_start_check (executor, error);
}

static gboolean
chaining_executor_after_start_check (MkExecutor *executor, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean there =
      MK_EXECUTOR_CLASS (chaining_executor_parent_class)->after_start_check (executor, &local_error);

  /* One that makes "not yet" of an error is asked again all the same when the answer has come. */
  if (local_error != NULL && g_object_get_data (G_OBJECT (executor), "swallows") == NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return there;
}

static void
chaining_executor_class_init (ChainingExecutorClass *klass)
{
  MK_EXECUTOR_CLASS (klass)->pre_start_check = chaining_executor_pre_start_check;
  MK_EXECUTOR_CLASS (klass)->after_start_check = chaining_executor_after_start_check;
}

static void
chaining_executor_init (ChainingExecutor *self)
{
}

static void
start_chaining (const char *how, gboolean swallows, void (*run) (gpointer executor))
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *address = mk_test_service_address (mk_test_free_port ());
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--http", how, NULL);
  g_autoptr (MkExecutor) executor =
      g_object_new (chaining_executor_get_type (), "command", argv, "uri", uri, NULL);

  g_object_set_data (G_OBJECT (executor), "swallows", GINT_TO_POINTER (swallows));
  run (executor);
}

static void
test_start_that_chains_up (void)
{
  start_chaining ("ok", FALSE, start_and_stop);
  start_chaining ("ok", TRUE, start_and_stop);
  start_chaining ("silent", FALSE, start_in_vain);
  start_chaining ("silent", TRUE, start_in_vain);
}

static void
test_start_pid (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "100", "--pid-file", path, NULL);
  g_autoptr (MkPidExecutor) executor = mk_pid_executor_new ((const char *const *) argv, path);

  start_and_stop (executor);
}

static void
test_start_unix_socket (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "100", "--listen", path, NULL);
  g_auto (GStrv) full = mk_test_service_argv (tag, "--listen", path, "--full-backlog", NULL);
  g_autoptr (MkUnixSocketExecutor) executor = mk_unix_socket_executor_new ((const char *const *) argv, path);

  start_and_stop (executor);
  unlink (path);
  mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (executor), (const char *const *) full);
  start_in_vain (executor);
}

static void
test_start_output (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "100", "--ready", "up", NULL);
  g_auto (GStrv) flood = mk_test_service_argv (tag, "--flood", "2000000000", NULL);
  g_autoptr (MkOutputExecutor) executor = mk_output_executor_new ((const char *const *) argv, "up");

  start_and_stop (executor);
  mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (executor), (const char *const *) flood);
  start_in_vain (executor);
}

static MkProbe *
new_slow_command (void)
{
  static const char *const argv[] = { "sleep", "2", NULL };

  return MK_PROBE (mk_command_probe_new (argv));
}

static void
test_start_command (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "up", NULL);
  g_autoptr (MkProbe) probe = new_slow_command ();
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, probe);
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_MS);
  g_assert_false (mk_test_start (executor, NULL, NULL));
}

static void
test_start_of_missing_program (void)
{
  static const char *const argv[] = { "/nowhere/at/all", NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  g_assert_false (mk_test_start (executor, NULL, NULL));
}

/* ---- stops and waits ---- */

static void
test_slow_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--term-delay", "300", NULL);

  start_and_stop (executor);
}

static void
test_stop_of_the_deaf (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", "--children", "2", NULL);
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_stop_full (executor, SIGTERM, MK_STATUS_NONE, 300, NULL));
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_kill (executor, NULL, NULL));
}

static gboolean
never (gpointer unused, GError **error)
{
  return FALSE;
}

static void
test_waits (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--exit-after", "300", "--exit", "0", NULL);
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (never, NULL, NULL);
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  mk_simple_executor_set_start_timeout (executor, 200);
  mk_test_assert_starts (executor);
  g_assert_false (mk_test_wait_for (executor, probe, NULL, NULL));
}

/* ---- probes ---- */

static void
ask_in_vain (gpointer probe)
{
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  g_assert_false (mk_test_probe_wait (probe, SHORT_MS, NULL, NULL));
  mk_test_check (probe, NULL, NULL);
}

/* Returns the socket of a port that answers nobody. */
static int
listen_with_full_backlog (guint port, int *clients, guint n_clients)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr = { htonl (INADDR_LOOPBACK) } };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 0), ==, 0);
  for (guint i = 0; i < n_clients; i++)
    {
      clients[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void) !connect (clients[i], (struct sockaddr *) &address, sizeof address);
    }
  return fd;
}

static void
test_probes_of_ports (void)
{
  guint port = mk_test_free_port (), full_port = mk_test_free_port ();
  int clients[4], fd = listen_with_full_backlog (full_port, clients, G_N_ELEMENTS (clients));
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", full_port);
  g_autoptr (MkProbe) closed = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", port));
  g_autoptr (MkProbe) named = MK_PROBE (mk_tcp_probe_new ("localhost", port));
  g_autoptr (MkProbe) full = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", full_port));
  g_autoptr (MkProbe) http = MK_PROBE (mk_http_probe_new (uri));
  g_autoptr (MkAllProbe) all = mk_all_probe_new ((MkProbe *[]){ full, closed, http }, 3);
  g_autoptr (MkAnyProbe) any = mk_any_probe_new ((MkProbe *[]){ full, closed, http }, 3);

  ask_in_vain (closed);
  ask_in_vain (named);
  ask_in_vain (full);
  ask_in_vain (http);
  ask_in_vain (all);
  ask_in_vain (any);
  close (fd);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
}

static void
test_probes_of_paths (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "not", "yet", NULL);
  g_autoptr (MkFileProbe) file = mk_file_probe_new (path);
  g_autoptr (MkUnixSocketProbe) unix_socket = mk_unix_socket_probe_new (path);

  ask_in_vain (file);
  ask_in_vain (unix_socket);
}

static void
test_probe_of_command (void)
{
  g_autoptr (MkProbe) probe = new_slow_command ();
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  g_assert_false (mk_test_probe_wait (probe, SHORT_MS, NULL, NULL));
}

static void
test_wait_gone (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", port);
  g_auto (Watch) watch = { 0 };

  watch_init (&watch);
  mk_test_assert_starts (executor);
  g_assert_false (mk_test_probe_wait_gone (probe, SHORT_MS, NULL, NULL));
  mk_test_assert_stops (executor);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_async ("/main-loop/start/plain", test_start_plain);
  mk_test_add_async ("/main-loop/start/tcp", test_start_tcp);
  mk_test_add_async ("/main-loop/start/tcp-with-full-backlog", test_start_tcp_with_full_backlog);
  mk_test_add_async ("/main-loop/start/http", test_start_http);
  mk_test_add_async ("/main-loop/start/that-chains-up", test_start_that_chains_up);
  mk_test_add_async ("/main-loop/start/pid", test_start_pid);
  mk_test_add_async ("/main-loop/start/unix-socket", test_start_unix_socket);
  mk_test_add_async ("/main-loop/start/output", test_start_output);
  mk_test_add_async ("/main-loop/start/command", test_start_command);
  mk_test_add_async ("/main-loop/start/of-missing-program", test_start_of_missing_program);
  mk_test_add_async ("/main-loop/stop/slow", test_slow_stop);
  mk_test_add_async ("/main-loop/stop/of-the-deaf", test_stop_of_the_deaf);
  mk_test_add_async ("/main-loop/waits", test_waits);
  mk_test_add_async ("/main-loop/probe/ports", test_probes_of_ports);
  mk_test_add_async ("/main-loop/probe/paths", test_probes_of_paths);
  mk_test_add_async ("/main-loop/probe/command", test_probe_of_command);
  mk_test_add_async ("/main-loop/probe/wait-gone", test_wait_gone);

  return g_test_run ();
}
