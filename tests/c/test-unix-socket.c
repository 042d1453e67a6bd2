/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that serve a Unix socket, and what the probe says of sockets in all states that one can be in.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG_MS     (60 * 1000)
#define DEADLINE_MS 300

static char *tag;

/* Returns the descriptor of a socket that is bound, and listens if @backlog is not negative. */
static int
open_socket (const char *path, int type, int backlog)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gboolean abstract = path[0] == '@';
  socklen_t length = G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + strlen (path) + !abstract;
  int fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);

  memcpy (address.sun_path, path, MIN (strlen (path), sizeof address.sun_path));
  if (abstract)
    address.sun_path[0] = '\0';
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, length), ==, 0);
  if (backlog >= 0)
    g_assert_cmpint (listen (fd, backlog), ==, 0);
  return fd;
}

static int
connect_without_waiting (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  (void) !connect (fd, (struct sockaddr *) &address, sizeof address);
  return fd;
}

static char *
new_abstract_name (void)
{
  g_autofree char *unique = mk_test_new_tag ();

  return g_strconcat ("@", unique, NULL);
}

static void
assert_says (const char *path, gboolean expected)
{
  g_autoptr (MkUnixSocketProbe) probe = mk_unix_socket_probe_new (path);

  mk_test_assert_probe_says (probe, expected);
}

/* That it is not there, and what the error says of it when the time is up */
static void
assert_not_there (const char *path, const char *seen)
{
  g_autoptr (MkUnixSocketProbe) probe = mk_unix_socket_probe_new (path);

  mk_test_assert_probe_waits_in_vain (probe, path, seen);
}

/* ---- the probe ---- */

static void
test_listening (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  int fd = open_socket (path, SOCK_STREAM, 8);

  assert_says (path, TRUE);
  close (fd);
  assert_not_there (path, "nothing listens");
  g_unlink (path);
  assert_not_there (path, "no such file");
}

static void
test_abstract (void)
{
  g_autofree char *name = new_abstract_name ();
  g_autofree char *longer = g_strconcat (name, "x", NULL);
  int fd = open_socket (name, SOCK_STREAM, 8);

  assert_says (name, TRUE);
  assert_says (longer, FALSE);
  close (fd);
  assert_not_there (name, mk_test_strerror (ECONNREFUSED));
}

static void
test_bound_but_not_listening (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  int fd = open_socket (path, SOCK_STREAM, -1);

  assert_not_there (path, "nothing listens");
  g_assert_cmpint (listen (fd, 8), ==, 0);
  assert_says (path, TRUE);
  close (fd);
}

static void
test_other_files (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *below = g_build_filename (path, "socket", NULL);
  g_autofree char *datagram = g_build_filename (folder, "datagram", NULL);
  int fd = open_socket (datagram, SOCK_DGRAM, -1);

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  assert_not_there (path, "not a socket");
  assert_not_there (folder, "not a socket");
  assert_not_there (below, mk_test_strerror (ENOTDIR));
  assert_not_there (datagram, "wrong type");
  close (fd);
}

/* It accepts nobody, and neither is "there" nor makes anybody wait. */
static void
test_full_backlog (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  int fd = open_socket (path, SOCK_STREAM, 0), clients[4];

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_without_waiting (path);
  assert_not_there (path, "queue is full");
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  close (fd);
}

static void
test_path_lengths (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *fill = g_strnfill (200, 'x');
  g_autofree char *longest = g_strdup_printf ("%s/%.*s", folder, (int) (106 - strlen (folder)), fill);
  g_autofree char *too_long = g_strconcat (longest, "x", NULL);
  const char *invalid[] = { NULL, "", "@", too_long };
  int fd = open_socket (longest, SOCK_STREAM, 8);

  g_assert_cmpuint (strlen (longest), ==, 107);
  assert_says (longest, TRUE);
  close (fd);
  for (guint i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      g_autoptr (MkUnixSocketProbe) probe = mk_unix_socket_probe_new (invalid[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_check (probe, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
    }
}

static gpointer
serve_in_new_folder (gpointer path)
{
  g_autofree char *folder = g_path_get_dirname (path);

  g_usleep (20 * 1000);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  return GINT_TO_POINTER (open_socket (path, SOCK_STREAM, 8));
}

static gpointer
close_later (gpointer fd)
{
  g_usleep (20 * 1000);
  return GINT_TO_POINTER (close (GPOINTER_TO_INT (fd)));
}

static void
test_comes_and_goes (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "not", "yet", "socket", NULL);
  g_autoptr (MkUnixSocketProbe) probe = mk_unix_socket_probe_new (path);
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("server", serve_in_new_folder, path);
  int fd;

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  fd = GPOINTER_TO_INT (g_thread_join (thread));
  thread = g_thread_new ("closer", close_later, GINT_TO_POINTER (fd));
  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));
}

static void
test_leaves_no_sockets (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  int fd = open_socket (path, SOCK_STREAM, 256);
  guint n_before;

  assert_says (path, TRUE);
  n_before = mk_test_count_entries ("/proc/self/fd");
  for (guint i = 0; i < 100; i++)
    {
      assert_says (path, TRUE);
      assert_says (folder, FALSE);
    }
  g_assert_cmpuint (mk_test_count_entries ("/proc/self/fd"), ==, n_before);
  close (fd);
}

static void
test_path_property (void)
{
  const char *argv[] = { "true", NULL };
  g_autoptr (MkUnixSocketExecutor) executor = mk_unix_socket_executor_new (argv, "/a");
  g_autofree char *path = NULL;
  guint n_notified = 0;

  g_signal_connect_swapped (executor, "notify::path", G_CALLBACK (g_atomic_int_inc), &n_notified);
  mk_unix_socket_executor_set_path (executor, "/a");
  g_assert_cmpuint (n_notified, ==, 0);
  g_object_set (executor, "path", "/b", NULL);
  g_assert_cmpuint (n_notified, ==, 1);
  g_object_get (executor, "path", &path, NULL);
  g_assert_cmpstr (path, ==, "/b");
}

/* ---- services ---- */

static MkSimpleExecutor *
new_service (const char *path, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  MkUnixSocketExecutor *executor;
  const char *option;
  va_list args;

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  va_start (args, path);
  while ((option = va_arg (args, const char *)) != NULL)
    g_strv_builder_add (builder, option);
  va_end (args);
  argv = g_strv_builder_end (builder);
  executor = mk_unix_socket_executor_new ((const char *const *) argv, path);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return MK_SIMPLE_EXECUTOR (executor);
}

static MkSimpleExecutor *
new_server (const char *path, const char *const *argv)
{
  MkUnixSocketExecutor *executor;

  if (!mk_test_has_program (argv[0]))
    return NULL;
  executor = mk_unix_socket_executor_new (argv, path);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return MK_SIMPLE_EXECUTOR (executor);
}

static MkSimpleExecutor *
new_redis (const char *folder, const char *path)
{
  const char *argv[] = { "redis-server", "--port", "0",     "--unixsocket", path,
                         "--save",       "",       "--dir", folder,         NULL };

  return new_server (path, argv);
}

/* What a server says to @request. */
static char *
ask (const char *path, const char *request)
{
  char answer[128] = { 0 };
  int fd = connect_without_waiting (path);
  struct timeval limit = { MK_TEST_LIMIT_MS / 1000, 0 };
  int flags = fcntl (fd, F_GETFL);

  fcntl (fd, F_SETFL, flags & ~O_NONBLOCK);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  g_assert_cmpint (send (fd, request, strlen (request), MSG_NOSIGNAL), ==, (int) strlen (request));
  g_assert_cmpint (recv (fd, answer, sizeof answer - 1, 0), >, 0);
  close (fd);
  return g_strdup (answer);
}

static void
test_service (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_service (path, "--after", "30", "--listen", path, NULL);

  mk_test_assert_starts (executor);
  assert_says (path, TRUE);
  mk_test_assert_stops (executor);
  assert_says (path, FALSE);
  mk_test_assert_nothing_left (tag);
}

static void
test_abstract_service (void)
{
  g_autofree char *name = new_abstract_name ();
  g_autoptr (MkSimpleExecutor) executor = new_service (name, "--listen", name, NULL);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  assert_says (name, FALSE);
  mk_test_assert_nothing_left (tag);
}

static void
test_redis (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "redis.sock", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_redis (folder, path);
  g_autofree char *answer = NULL;

  if (executor == NULL)
    return;
  mk_test_assert_starts (executor);
  answer = ask (path, "PING\r\n");
  g_assert_cmpstr (answer, ==, "+PONG\r\n");
  mk_test_assert_stops (executor);
  assert_says (path, FALSE);
}

static void
test_memcached (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "memcached.sock", NULL);
  const char *argv[] = { "memcached", "-u", g_get_user_name (), "-s", path, NULL };
  g_autoptr (MkSimpleExecutor) executor = new_server (path, argv);
  g_autofree char *answer = NULL;

  if (executor == NULL)
    return;
  mk_test_assert_starts (executor);
  answer = ask (path, "version\r\n");
  mk_test_assert_contains (answer, "VERSION");
  mk_test_assert_stops (executor);
}

/* A killed server leaves its socket behind; what nobody listens on is not running. */
static void
test_starts_over_stale_socket (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "redis.sock", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_redis (folder, path);
  g_autoptr (GError) error = NULL;

  if (executor == NULL)
    return;
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_kill (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
assert_is_held (MkSimpleExecutor *holder, const char *path)
{
  g_autoptr (MkSimpleExecutor) executor = new_service (path, "--listen", path, NULL);
  g_autofree char *who =
      g_strdup_printf ("mk-test-service (pid %d)", (int) mk_simple_executor_get_pid (holder));
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, path);
  mk_test_assert_contains (error->message, who);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
}

static void
test_already_running (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autofree char *link_path = g_build_filename (folder, "link", NULL);
  g_autofree char *name = new_abstract_name ();
  g_autoptr (MkSimpleExecutor) holder = new_service (path, "--listen", path, NULL);
  g_autoptr (MkSimpleExecutor) abstract_holder = new_service (name, "--listen", name, NULL);

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  mk_test_assert_starts (holder);
  assert_is_held (holder, path);
  g_assert_cmpint (symlink (path, link_path), ==, 0);
  assert_is_held (holder, link_path);
  mk_test_assert_stops (holder);

  mk_test_assert_starts (abstract_holder);
  assert_is_held (abstract_holder, name);
  mk_test_assert_stops (abstract_holder);
  mk_test_assert_nothing_left (tag);
}

static void
test_bad_paths_start_nothing (void)
{
  g_autofree char *fill = g_strnfill (200, 'x');
  const char *paths[] = { NULL, "", "@", fill };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (MkSimpleExecutor) executor = new_service (paths[i], "--after", "100", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_start (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
    }
}

/* ---- services that never get ready ---- */

static void
test_never_listens (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autoptr (MkSimpleExecutor) silent = new_service (path, NULL);
  g_autoptr (MkSimpleExecutor) bound = new_service (path, "--listen", path, "--bind-only", NULL);
  g_autoptr (MkSimpleExecutor) deaf = new_service (path, "--deaf", "--children", "2", NULL);

  mk_test_assert_start_times_out (silent, DEADLINE_MS, tag, "no such file");
  mk_test_assert_start_times_out (bound, DEADLINE_MS, tag, "nothing listens");
  mk_test_assert_start_times_out (deaf, DEADLINE_MS, tag, "nothing listens");
}

static void
test_stopped (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_service (path, "--stopped", "--children", "1", NULL);

  mk_test_assert_start_times_out (executor, DEADLINE_MS, tag, "no such file");
}

static void
test_floods (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_service (path, "--flood", "2000000000", NULL);

  mk_test_assert_start_times_out (executor, DEADLINE_MS, tag, "no such file");
}

static void
test_busy_folder (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autofree char *script = g_strdup_printf ("while :; do : > '%s'; rm -f '%s'; done # %s", path, path, tag);
  const char *argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MkSimpleExecutor) executor = new_server (path, argv);

  mk_test_assert_start_times_out (executor, DEADLINE_MS, tag, "file");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  tag = mk_test_new_tag ();

  mk_test_add_everywhere ("/unix-socket/probe/listening", test_listening);
  mk_test_add ("/unix-socket/probe/abstract", test_abstract);
  mk_test_add ("/unix-socket/probe/bound-but-not-listening", test_bound_but_not_listening);
  mk_test_add ("/unix-socket/probe/other-files", test_other_files);
  mk_test_add ("/unix-socket/probe/full-backlog", test_full_backlog);
  mk_test_add ("/unix-socket/probe/path-lengths", test_path_lengths);
  mk_test_add_everywhere ("/unix-socket/probe/comes-and-goes", test_comes_and_goes);
  mk_test_add ("/unix-socket/probe/leaves-no-sockets", test_leaves_no_sockets);
  mk_test_add_once ("/unix-socket/path-property", test_path_property);
  mk_test_add_everywhere ("/unix-socket/service", test_service);
  mk_test_add ("/unix-socket/abstract-service", test_abstract_service);
  mk_test_add ("/unix-socket/redis", test_redis);
  mk_test_add ("/unix-socket/memcached", test_memcached);
  mk_test_add ("/unix-socket/starts-over-stale-socket", test_starts_over_stale_socket);
  mk_test_add ("/unix-socket/already-running", test_already_running);
  mk_test_add ("/unix-socket/bad-paths-start-nothing", test_bad_paths_start_nothing);
  mk_test_add ("/unix-socket/times-out/never-listens", test_never_listens);
  mk_test_add ("/unix-socket/times-out/stopped", test_stopped);
  mk_test_add ("/unix-socket/times-out/floods", test_floods);
  mk_test_add ("/unix-socket/times-out/busy-folder", test_busy_folder);

  return g_test_run ();
}
