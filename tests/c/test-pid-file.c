/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that make a file when they are ready, most of all daemons with their pid files.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <unistd.h>

#define DEADLINE_MS 300

static char *tag;
static int reserved_fd; /* the lowest that was free at the beginning */

static void
assert_says (const char *path, gboolean expected)
{
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);

  mk_test_assert_probe_says (probe, expected);
}

/* ---- services ---- */

static MkPidExecutor *
with_limit (MkPidExecutor *executor)
{
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return executor;
}

static MkPidExecutor *
new_service (const char *path, const char *option, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  va_list args;

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  va_start (args, option);
  for (; option != NULL; option = va_arg (args, const char *))
    g_strv_builder_add (builder, option);
  va_end (args);
  argv = g_strv_builder_end (builder);
  return with_limit (mk_pid_executor_new ((const char *const *) argv, path));
}

/* A shell script with $0, the tag, and $1, the file */
static MkPidExecutor *
new_script (const char *path, const char *script)
{
  const char *argv[] = { "sh", "-c", script, tag, path, NULL };

  return with_limit (mk_pid_executor_new (argv, path));
}

/* There the supervisor has its control socket, and in a program like any other it is free at times. */
static void
test_descriptor_3_is_free (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service (path, "--pid-file", path, NULL);
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  /* Makes the thread of the library, with descriptors of its own. */
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  g_unlink (path);
  if (reserved_fd != 3)
    g_test_skip ("whoever runs this test has left descriptor 3 open");
  else
    g_assert_cmpint (close (reserved_fd), ==, 0);
  /* A synchronous start would have a context there. */
  mk_simple_executor_start_async (simple, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS * 2));
  g_assert_true (mk_simple_executor_start_finish (simple, result, &error));
  g_assert_no_error (error);
  mk_test_assert_stops (executor);
}

static gboolean
knows_daemon (gpointer executor)
{
  return mk_pid_executor_get_daemon_pid (executor) > 0;
}

/* On a busy machine a service may need longer to write into its file than an empty file is given. */
static int
await_daemon_pid (MkPidExecutor *executor)
{
  g_assert_true (mk_test_poll_until (knows_daemon, executor, MK_TEST_LIMIT_MS));
  return mk_pid_executor_get_daemon_pid (executor);
}

static void
test_foreground (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service (path, "--after", "30", "--pid-file", path, NULL);
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);

  g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_get_running (simple));
  g_assert_cmpint (await_daemon_pid (executor), ==, mk_simple_executor_get_pid (simple));
  mk_test_assert_stops (executor);
  g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
  mk_test_assert_nothing_left (tag);
}

static gboolean
daemon_has_child (gpointer executor)
{
  g_autoptr (GArray) children = mk_test_find_children (mk_pid_executor_get_daemon_pid (executor), FALSE);

  return children->len > 0;
}

static void
assert_daemon_works (MkPidExecutor *executor, gboolean with_child)
{
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
  int pid;

  mk_test_assert_starts (executor);
  pid = await_daemon_pid (executor);
  g_assert_cmpint (pid, !=, mk_simple_executor_get_pid (simple));
  g_assert_true (mk_test_process_lives (pid));
  g_assert_true (mk_test_await_ended (simple));
  g_assert_true (mk_simple_executor_get_active (simple));
  if (with_child)
    g_assert_true (mk_test_poll_until (daemon_has_child, executor, MK_TEST_LIMIT_MS));
  mk_test_assert_stops (executor);
  g_assert_false (mk_test_process_lives (pid));
  g_assert_false (mk_simple_executor_get_active (simple));
  g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
}

static void
test_daemon (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service (path, "--daemon", "--pid-file", path, NULL);
  g_autoptr (MkPidExecutor) scrubbed =
      new_service (path, "--daemon", "--scrub-env", "--pid-file", path, NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  assert_daemon_works (executor, FALSE);
  g_unlink (path);
  assert_daemon_works (scrubbed, FALSE);
  mk_test_assert_nothing_left (tag);
}

/* With the daemon gone the service is, though nobody has stopped it. */
static void
test_daemon_ends (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service (path, "--daemon", "--pid-file", path, NULL);
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_await_ended (simple));
  kill (await_daemon_pid (executor), SIGKILL);
  g_assert_true (mk_test_await_inactive (simple));
  g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
  mk_test_assert_nothing_left (tag);
}

static void
test_file_without_pid_of_service (void)
{
  static const char *const scripts[] = {
    "echo > $1; exec sleep 60",
    "echo no number > $1; exec sleep 60",
    "echo 12x > $1; exec sleep 60",
    "echo -1 > $1; exec sleep 60",
    "echo 0 > $1; exec sleep 60",
    "echo 99999999999999999999 > $1; exec sleep 60",
    "echo 2147483647 > $1; exec sleep 60",
    "echo 1 > $1; exec sleep 60",
    "echo $PPID > $1; exec sleep 60", /* the supervisor */
    "head -c 10000000 /dev/zero > $1; exec sleep 60",
  };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
      g_autofree char *path = g_build_filename (folder, "pid", NULL);
      g_autoptr (MkPidExecutor) executor = new_script (path, scripts[i]);

      mk_test_assert_starts (executor);
      g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
      mk_test_write_file (path, "1");
      g_assert_cmpint (mk_pid_executor_get_daemon_pid (executor), ==, 0);
      mk_test_assert_stops (executor);
    }
}

static gboolean
has_daemon_pid (gpointer executor)
{
  return mk_pid_executor_get_daemon_pid (executor) == mk_simple_executor_get_pid (executor);
}

static void
assert_finds_own_pid (MkPidExecutor *executor)
{
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_poll_until (has_daemon_pid, executor, MK_TEST_LIMIT_MS));
  mk_test_assert_stops (executor);
}

/* In all the ways that programs write files */
static void
test_ways_of_writing (void)
{
  static const char *const scripts[] = {
    "echo \" $$ \" > $1; exec sleep 60",
    "printf $$ > $1; exec sleep 60",
    "echo $$ > $1.new; mv $1.new $1; exec sleep 60",
    "echo $$ > $1.new; ln $1.new $1; exec sleep 60",
    "echo $$ > $1.new; ln -s $1.new $1; exec sleep 60",
    "> $1; sleep 0.1; echo $$ > $1; exec sleep 60",
    "echo 1 > $1; sleep 0.1; echo $$ > $1.new; mv $1.new $1; exec sleep 60",
    "mkdir $1; sleep 0.1; rmdir $1; echo $$ > $1; exec sleep 60",
  };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
      g_autofree char *path = g_build_filename (folder, "pid", NULL);
      g_autoptr (MkPidExecutor) executor = new_script (path, scripts[i]);

      assert_finds_own_pid (executor);
    }
}

static void
test_folder_to_come (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "not", "yet", "pid", NULL);
  g_autoptr (MkPidExecutor) executor =
      new_script (path, "mkdir -p ${1%/*}; sleep 0.1; echo $$ > $1; exec sleep 60");

  assert_finds_own_pid (executor);
}

static void
count (MkPidExecutor *executor, GParamSpec *pspec, guint *n)
{
  *n += 1;
}

static gboolean
is_positive (gpointer n)
{
  return *(guint *) n > 0;
}

static void
test_properties (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service ("other", "--pid-file", path, NULL);
  g_autofree char *filename = NULL;
  guint n_filename = 0, n_daemon_pid = 0;
  int pid;

  g_signal_connect (executor, "notify::filename", G_CALLBACK (count), &n_filename);
  g_signal_connect (executor, "notify::daemon-pid", G_CALLBACK (count), &n_daemon_pid);
  mk_pid_executor_set_filename (executor, path);
  mk_pid_executor_set_filename (executor, path);
  g_assert_cmpuint (n_filename, ==, 1);
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_iterate_until (
      g_main_context_get_thread_default (), is_positive, &n_daemon_pid, MK_TEST_LIMIT_MS));
  await_daemon_pid (executor);
  g_object_get (executor, "filename", &filename, "daemon-pid", &pid, NULL);
  g_assert_cmpstr (filename, ==, path);
  g_assert_cmpint (pid, ==, mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)));
  mk_test_assert_stops (executor);
}

/* ---- real daemons ---- */

static void
test_redis (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "redis.pid", NULL);
  g_autofree char *socket = g_build_filename (folder, "redis.sock", NULL);
  const char *argv[] = {
    "redis-server", "--daemonize", "yes",          "--pidfile", path, "--port", "0", "--save", "",
    "--dir",        folder,        "--unixsocket", socket,      NULL
  };
  g_autoptr (MkPidExecutor) executor = with_limit (mk_pid_executor_new (argv, path));

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  if (!mk_test_has_program ("redis-server"))
    return;
  assert_daemon_works (executor, FALSE);
  /* It removes the file by itself, so it can be started again. */
  assert_says (path, FALSE);
  assert_daemon_works (executor, FALSE);
}

/* It overlooks a SIGTERM that comes after it has made its pid file, and before its workers. */
static void
test_nginx (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "run", "nginx.pid", NULL);
  g_autofree char *configuration = g_build_filename (folder, "nginx.conf", NULL);
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  g_autofree char *text = g_strdup_printf ("pid %s;\n"
                                           "error_log stderr;\n"
                                           "events {}\n"
                                           "http {\n"
                                           "  access_log off;\n"
                                           "  client_body_temp_path body;\n"
                                           "  proxy_temp_path proxy;\n"
                                           "  fastcgi_temp_path fastcgi;\n"
                                           "  uwsgi_temp_path uwsgi;\n"
                                           "  scgi_temp_path scgi;\n"
                                           "  server { listen unix:%s/nginx.sock; }\n"
                                           "}\n",
                                           path,
                                           run);
  const char *argv[] = { "nginx", "-c", configuration, "-p", folder, "-e", "stderr", NULL };
  g_autoptr (MkPidExecutor) executor = with_limit (mk_pid_executor_new (argv, path));

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  if (!mk_test_has_program ("nginx"))
    return;
  mk_test_write_file (configuration, text);
  g_mkdir (run, 0755);
  assert_daemon_works (executor, TRUE);
}

/* ---- what is there already ---- */

/* @other_part: (nullable): must not be in the message */
static void
assert_already_running (const char *text, const char *message_part, const char *other_part)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_service (path, "--pid-file", path, NULL);
  g_autoptr (GError) error = NULL;

  mk_test_write_file (path, text);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, path);
  mk_test_assert_contains (error->message, message_part);
  g_assert_null (other_part ? strstr (error->message, other_part) : NULL);
  g_assert_cmpint (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
}

static void
test_already_running (void)
{
  g_autofree char *own = g_strdup_printf (" %d\n", (int) getpid ());
  g_autofree char *more = g_strdup_printf ("%d\nmore\n", (int) getpid ());
  g_autofree char *own_name = g_strdup_printf ("test-pid-file (pid %d), which is running", (int) getpid ());

  if (!mk_test_has_linux_features ("processes have names"))
    return;
  assert_already_running (own, own_name, NULL);
  /* Nothing of these names a process. */
  assert_already_running (more, "already exists. Remove it", "names");
  assert_already_running ("1", "already exists. Remove it", "names");
  assert_already_running ("2147483647\n", "already exists. Remove it", "names");
  assert_already_running ("", "already exists. Remove it", "names");
  assert_already_running ("ready", "already exists. Remove it", "names");
}

static void
test_bad_names_start_nothing (void)
{
  g_autofree char *fill = g_strnfill (5000, 'x');
  const char *names[] = { NULL, "", fill };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (MkPidExecutor) executor = new_service (names[i], "--after", "100", NULL);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_start (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_cmpint (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
    }
}

/* ---- services that never get ready ---- */

static void
test_ends_before (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) executor = new_script (path, "echo no disk >&2; exit 3");
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "status 3");
  mk_test_assert_contains (error->message, "no disk");
}

static void
test_times_out (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "pid", NULL);
  g_autoptr (MkPidExecutor) silent = new_service (path, "--deaf", NULL);
  g_autoptr (MkPidExecutor) daemon = new_service (path, "--daemon", "--children", "2", NULL);
  g_autoptr (MkPidExecutor) stopped = new_service (path, "--stopped", NULL);
  g_autoptr (MkPidExecutor) floods = new_service (path, "--flood", "2000000000", NULL);
  g_autoptr (MkPidExecutor) flickers = new_script (path, "while :; do mkdir $1; rmdir $1; done");

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_start_times_out (silent, DEADLINE_MS, tag, "no such file");
  mk_test_assert_start_times_out (daemon, DEADLINE_MS, tag, "its first process exited with status 0");
  mk_test_assert_start_times_out (stopped, DEADLINE_MS, tag, "no such file");
  mk_test_assert_start_times_out (floods, DEADLINE_MS, tag, "no such file");
  mk_test_assert_start_times_out (flickers, DEADLINE_MS, tag, "file");
}

int
main (int argc, char **argv)
{
  reserved_fd = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  g_test_init (&argc, &argv, NULL);
  tag = mk_test_new_tag ();

  mk_test_add_once ("/pid-file/descriptor-3-is-free", test_descriptor_3_is_free);
  mk_test_add_everywhere ("/pid-file/foreground", test_foreground);
  mk_test_add_everywhere ("/pid-file/daemon", test_daemon);
  mk_test_add ("/pid-file/daemon-ends", test_daemon_ends);
  mk_test_add ("/pid-file/without-pid-of-service", test_file_without_pid_of_service);
  mk_test_add ("/pid-file/ways-of-writing", test_ways_of_writing);
  mk_test_add ("/pid-file/folder-to-come", test_folder_to_come);
  mk_test_add ("/pid-file/properties", test_properties);
  mk_test_add ("/pid-file/redis", test_redis);
  mk_test_add ("/pid-file/nginx", test_nginx);
  mk_test_add ("/pid-file/already-running", test_already_running);
  mk_test_add ("/pid-file/bad-names-start-nothing", test_bad_names_start_nothing);
  mk_test_add ("/pid-file/ends-before", test_ends_before);
  mk_test_add ("/pid-file/times-out", test_times_out);

  return g_test_run ();
}
