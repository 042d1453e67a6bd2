/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that a launcher runs somewhere else. Here that is close by: "env" leads to the same place,
 * "unshare --net" into another network. The engines that people have are tried in tests/elsewhere.
 */

#include "mk-test-calls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LEASE_MS      1500
#define AWAY_MS       300
#define FLOOD_BYTES   (8 * 1024 * 1024)
#define INPUT_BYTES   (1024 * 1024)
#define CHUNK         65536
#define N_CONNECTIONS 40

/* It leads to where the test is. The client is the far end: it executes the shell, and that mk-supervisor. */
static const char *const here[] = { "env", NULL };
/* The client waits for the far end, and gives it its own pipes. */
static const char *const behind_a_client[] = { "timeout", "--foreground", "600", NULL };
/* What is appended is a command with its arguments. */
static const char *const other_network[] = { "unshare", "--net", "--",
                                             "sh",      "-c",    "ip link set lo up; exec \"$@\"",
                                             "sh",      NULL };

static gboolean
can_leave_the_network (void)
{
  int status;

  if (g_spawn_command_line_sync ("unshare --net ip link set lo up", NULL, NULL, &status, NULL) && status == 0)
    return TRUE;

  g_test_skip ("no other network can be made here");
  return FALSE;
}

static MkSimpleExecutor *
with_launcher (MkSimpleExecutor *executor, const char *const *launcher)
{
  mk_simple_executor_set_launcher (executor, launcher);
  return executor;
}

static void set_forward (gpointer executor, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
set_forward (gpointer executor, const char *format, ...)
{
  const char *forwards[] = { NULL, NULL };
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  forwards[0] = text;
  mk_simple_executor_set_forwards (executor, forwards);
}

/* One that ends by itself, perhaps at once */
static void
run_to_the_end (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  mk_test_start (executor, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (mk_test_wait (executor, NULL, NULL));
}

/* ---- start and stop ---- */

static void
test_start_stop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (
                         tag, "--children", "2", "--setsid-children", "--orphan", "--lifetime", "60", NULL),
                     here);

  for (guint i = 0; i < 2; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_cmpint (mk_simple_executor_get_pid (executor), >, 0);
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
      g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGTERM);
    }
}

static void
test_kill (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--deaf", "--children", "1", "--lifetime", "60", NULL), here);

  mk_test_assert_starts (executor);
  mk_test_assert_can_be_killed (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
}

/* The last reference is dropped while it runs, and while it starts. */
static void
test_drop (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), here);

  mk_test_assert_starts (executor);
  g_object_unref (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_cancel (void)
{
  const char *const slow[] = { "sh", "-c", "sleep 60; exec \"$@\"", "sh", NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), slow);

  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_nothing_left (tag);
}

static void
test_status (void)
{
  const char *const statuses[] = { "0", "7", "-9", "-11" };

  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      g_autofree char *tag = mk_test_new_tag ();
      g_autoptr (MkSimpleExecutor) executor =
          with_launcher (mk_test_executor_new (tag, "--exit", statuses[i], NULL), here);

      run_to_the_end (executor);
      g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, atoi (statuses[i]));
      mk_test_assert_nothing_left (tag);
    }
}

/* ---- command, directory, environment ---- */

static void
test_environment (void)
{
  const char *const launcher[] = { "env", "THERE=1", "GOES=1", NULL };
  const char *const environment[] = { "ADDED=2", "GOES", NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *output = NULL;
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new (tag,
                                                                               "--print-env",
                                                                               "THERE",
                                                                               "--print-env",
                                                                               "ADDED",
                                                                               "--print-env",
                                                                               "GOES",
                                                                               "--print-cwd",
                                                                               "--exit",
                                                                               "0",
                                                                               NULL),
                                                         launcher);

  mk_simple_executor_set_environment (executor, environment);
  mk_simple_executor_set_cwd (executor, "/usr");
  run_to_the_end (executor);
  output = mk_test_dup_stdout (executor);
  mk_test_assert_contains (output, "THERE=1\nADDED=2\nGOES is not set\n");
  mk_test_assert_contains (output, "/usr");
}

static void
test_missing_program (void)
{
  const char *const argv[] = { "no-such-program", NULL };
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_simple_executor_new (argv), here);

  mk_test_assert_start_fails (
      executor,
      MK_ERROR_SPAWN_FAILED,
      "Cannot run “no-such-program”: there is no such program where the launcher runs it");
}

static void
test_missing_directory (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new (tag, NULL), here);

  mk_simple_executor_set_cwd (executor, "/no/such");
  mk_test_assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, "in the directory “/no/such”");
}

/* ---- streams ---- */

/* Both streams in one keep their order; apart they stay apart. */
static void
test_merge (void)
{
  const char *const argv[] = {
    "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo out$i; echo err$i >&2; done", NULL
  };
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_simple_executor_new (argv), here);
  g_autofree char *apart = NULL;
  g_autofree char *merged = NULL;

  run_to_the_end (executor);
  apart = mk_test_dup_stdout (executor);
  g_assert_cmpstr (apart, ==, "out1\nout2\nout3\nout4\nout5\nout6\nout7\nout8\nout9\n");

  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  run_to_the_end (executor);
  merged = mk_test_dup_stdout (executor);
  g_assert_true (g_str_has_prefix (merged, "out1\nerr1\nout2\nerr2\n"));
}

/* Nothing of it is lost, although the service ends right behind it. */
static void
test_flood (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "output", NULL);
  g_autofree char *bytes = g_strdup_printf ("%d", FLOOD_BYTES);
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--flood", bytes, "--exit", "0", NULL), here);
  GStatBuf info;

  mk_simple_executor_set_stdout_path (executor, path);
  run_to_the_end (executor);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_size, ==, FLOOD_BYTES);
}

static void
test_input (void)
{
  const char *const argv[] = { "wc", "-c", NULL };
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_simple_executor_new (argv), here);
  g_autoptr (GOutputStream) input = NULL;
  g_autofree char *bytes = g_strnfill (INPUT_BYTES, 'x');
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_test_assert_starts (executor);
  input = mk_simple_executor_dup_stdin (executor);
  g_output_stream_write_all (input, bytes, INPUT_BYTES, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (input, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_wait (executor, NULL, NULL));
  output = mk_test_dup_stdout (executor);
  g_assert_cmpint (atoi (output), ==, INPUT_BYTES);
}

/* Nobody reads what it prints, and it never stops printing: a stop must not wait for that. */
static void
test_full_output (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (
      mk_test_executor_new (tag, "--flood", "2000000000", "--lifetime", "60", NULL), behind_a_client);
  g_autoptr (GInputStream) output = NULL;

  mk_simple_executor_set_lossless (executor, TRUE);
  mk_simple_executor_set_output_limit (executor, CHUNK);
  mk_test_assert_starts (executor);
  output = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* ---- forwards ---- */

/* Who talks to it through the forward, in turn and all at once */
static void
talk_to (guint port)
{
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;

  g_socket_client_set_enable_proxy (client, FALSE);
  for (guint i = 0; i < N_CONNECTIONS; i++)
    {
      g_ptr_array_add (connections,
                       g_socket_client_connect_to_host (client, "127.0.0.1", (guint16) port, NULL, &error));
      g_assert_no_error (error);
    }
  for (guint i = 0; i < N_CONNECTIONS; i++)
    {
      GInputStream *stream = g_io_stream_get_input_stream (g_ptr_array_index (connections, i));
      char answer[3] = { 0 };
      gsize length;

      g_assert_true (g_input_stream_read_all (stream, answer, 2, &length, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (answer, ==, "ok");
    }
}

static void
test_other_network (void)
{
  guint near_port = mk_test_free_port ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *after = g_strdup_printf ("%d", AWAY_MS);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", "127.0.0.1:6379", "--after", after, NULL);
  g_autoptr (MkTcpExecutor) executor =
      mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", near_port);

  if (!can_leave_the_network ())
    return;
  with_launcher (MK_SIMPLE_EXECUTOR (executor), other_network);
  set_forward (executor, "%u:6379", near_port);
  for (guint i = 0; i < 2; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_cmpint (mk_simple_executor_get_ready_time (MK_SIMPLE_EXECUTOR (executor)), >=, AWAY_MS * 1000);
      talk_to (near_port);
      talk_to (near_port);
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
      g_assert_false (mk_test_port_accepts (near_port));
    }
}

/* The names are those of there. */
static void
test_names (void)
{
  const char *const hosts[] = { "localhost", "127.0.0.1", "[127.0.0.1]" };

  if (!can_leave_the_network ())
    return;
  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      guint near_port = mk_test_free_port ();
      g_autofree char *tag = mk_test_new_tag ();
      g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", "127.0.0.1:6379", NULL);
      g_autoptr (MkTcpExecutor) executor =
          mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", near_port);

      with_launcher (MK_SIMPLE_EXECUTOR (executor), other_network);
      set_forward (executor, "%u:%s:6379", near_port, hosts[i]);
      mk_test_assert_starts (executor);
      talk_to (near_port);
      mk_test_assert_stops (executor);
      mk_test_assert_nothing_left (tag);
    }
}

/* Both ends are the same: the service itself listens. */
static void
test_same_network (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new_tcp (tag, port, NULL), here);

  set_forward (executor, "%u", port);
  mk_test_assert_starts (executor);
  talk_to (port);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_unix_sockets (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *near_path = g_build_filename (folder, "near", NULL);
  g_autofree char *far_path = g_build_filename (folder, "far", NULL);
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", far_path, NULL);
  g_autoptr (MkUnixSocketExecutor) executor =
      mk_unix_socket_executor_new ((const char *const *) argv, near_path);

  with_launcher (MK_SIMPLE_EXECUTOR (executor), here);
  set_forward (executor, "%s:%s", near_path, far_path);
  mk_test_assert_starts (executor);
  g_assert_true (g_file_test (near_path, G_FILE_TEST_EXISTS));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_false (g_file_test (near_path, G_FILE_TEST_EXISTS));
}

/* Before anything is launched */
static void
test_taken_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *trace = g_build_filename (folder, "launched", NULL);
  const char *launcher[] = { "sh", "-c", "touch \"$0\"; exec \"$@\"", trace, NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), launcher);
  guint port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);

  set_forward (executor, "%u:6379", port);
  mk_test_assert_start_fails (executor, MK_ERROR_ALREADY_RUNNING, "cannot be forwarded");
  g_assert_false (g_file_test (trace, G_FILE_TEST_EXISTS));
}

static void
test_bad_forwards (void)
{
  const char *const bad[] = { "", "0", "70000", "a", "1:2:3:x", ":80", "80:", "80:db:", "80:[::1]", "-1:80" };
  const char *const argv[] = { "true", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_simple_executor_new (argv), here);

      set_forward (executor, "%s", bad[i]);
      mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "is not a forward");
    }
}

/* One that leads elsewhere is a mistake without a launcher; one that does not has nothing to do. */
static void
test_forward_without_launcher (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);

  set_forward (executor, "%u:6379", port);
  mk_test_assert_start_fails (
      executor, MK_ERROR_INVALID_ARGUMENT, "leads to another address, which needs a launcher");
  set_forward (executor, "%u", port);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* ---- launchers that do not do ---- */

typedef struct
{
  const char *launcher; /* words */
  const char *message;
} BadLauncher;

static const BadLauncher bad_launchers[] = {
  { "no-such-launcher", "with the launcher “no-such-launcher”: there is no such program" },
  { "true", "it ended and printed nothing" },
  { "false", "it exited with status 1 before there was a connection" },
  { "sh -c cat", "it opens a terminal" },
  { "setarch i686", "has the architecture “i686”, but there is no mk-supervisor-i686" },
  { "/no/such/folder/mk-supervisor", "there is no such program" },
};

static void
test_bad_launcher (gconstpointer data)
{
  const BadLauncher *bad = data;
  g_auto (GStrv) launcher = g_strsplit (bad->launcher, " ", -1);
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), (const char *const *) launcher);

  mk_test_assert_start_fails (executor, MK_ERROR_LAUNCHER, bad->message);
  mk_test_assert_nothing_left (tag);
}

/* What it says stands in the message. */
static void
test_talking_launcher (void)
{
  const char *const launcher[] = { "sh", "-c", "echo 'no route to far' >&2; exit 255", NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new (tag, NULL), launcher);

  mk_test_assert_start_fails (executor,
                              MK_ERROR_LAUNCHER,
                              "it exited with status 255 before there was a connection: no route to far");
}

/* And what it says may be anything. */
static void
test_launcher_talks_garbage (void)
{
  const char *const launcher[] = {
    "sh", "-c", "printf 'no\\033[2J \\351\\033]0;x\\007\\374' >&2; exit 1", NULL
  };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new (tag, NULL), launcher);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_LAUNCHER);
  g_assert_true (g_str_has_suffix (error->message, "connection: no \357\277\275\357\277\275"));
}

/* What logs in may greet first. */
static void
test_banner (void)
{
  const char *const launcher[] = {
    "sh", "-c", "echo Welcome; echo MK- MK-FAR 'MK-BOOT'; exec \"$@\"", "sh", NULL
  };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), launcher);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* No shell is needed where mk-supervisor is there already. */
static void
test_supervisor_of_there (void)
{
  const char *launcher[] = { "env", g_getenv ("MIRAKURU_GLIB_SUPERVISOR"), NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      with_launcher (mk_test_executor_new (tag, "--lifetime", "60", NULL), launcher);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* ---- what does not go there ---- */

static void
test_refused (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = with_launcher (mk_test_executor_new (tag, NULL), here);
  g_autoptr (MkSimpleExecutor) with_terminal = with_launcher (mk_test_executor_new (tag, NULL), here);
  const char *const empty[] = { "", NULL };

  mk_simple_executor_add_socket (executor, socket, "web");
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "cannot be given sockets");
  mk_simple_executor_set_stdout_mode (with_terminal, MK_STDIO_MODE_PTY);
  mk_test_assert_start_fails (with_terminal, MK_ERROR_INVALID_ARGUMENT, "cannot be given a terminal");
  with_launcher (with_terminal, empty);
  mk_test_assert_start_fails (with_terminal, MK_ERROR_INVALID_ARGUMENT, "The launcher is empty");
}

static void
test_notify (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *status = NULL;
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--notify", "STATUS=All is well\nREADY=1", "--lifetime", "60", NULL);
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));

  with_launcher (MK_SIMPLE_EXECUTOR (executor), here);
  mk_test_assert_starts (executor);
  status = mk_notify_probe_dup_status_text (probe);
  g_assert_cmpstr (status, ==, "All is well");
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* To close a socket may take as long as its owner has set. */
static void
test_lingering_descriptor (void)
{
  static const char script[] = MK_TEST_LINGERING_SCRIPT ("STATUS=first") "s.send(b'STATUS=more\\nREADY=1')\n"
                                                                         "time.sleep(60)\n";
  const char *const argv[] = { "python3", "-c", script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;
  g_autofree char *status = NULL;

  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  with_launcher (MK_SIMPLE_EXECUTOR (executor), here);
  mk_test_assert_starts (executor);
  status = mk_notify_probe_dup_status_text (probe);
  g_assert_cmpstr (status, ==, "more");
  mk_test_assert_stops (executor);
}

static void
test_command_probe (void)
{
  const char *const command[] = { "sh", "-c", "[ \"$THERE\" = 1 ]", NULL };
  const char *const launcher[] = { "env", "THERE=1", NULL };
  const char *const not_yet[] = { "false", NULL };
  const char *const missing[] = { "no-such-launcher", NULL };
  g_autoptr (MkCommandProbe) probe = mk_command_probe_new (command);
  g_autoptr (GError) error = NULL;

  mk_test_assert_probe_says (probe, FALSE);
  mk_command_probe_set_launcher (probe, launcher);
  mk_test_assert_probe_says (probe, TRUE);
  /* A container may come to be there. */
  mk_command_probe_set_launcher (probe, not_yet);
  mk_test_assert_probe_says (probe, FALSE);
  mk_command_probe_set_launcher (probe, missing);
  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_LAUNCHER);
}

/* ---- the private directory ---- */

static void
test_directory (void)
{
  g_autofree char *folder = NULL;
  const char *const settings[] = { "Prepare=echo prepared > {dir}/file",
                                   "Shell=cat {dir}/file; pwd; exec sleep 60",
                                   "Output=prepared",
                                   "Cwd={dir}",
                                   "Launcher=env",
                                   NULL };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor = mk_executor_group_add_service (group, "one", settings, &error);

  g_assert_no_error (error);
  mk_executor_group_start (group, NULL, &error);
  g_assert_no_error (error);
  folder = mk_simple_executor_dup_value (executor, "dir");
  g_assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
  mk_executor_group_stop (group, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

/* ---- what breaks ---- */

static GPid
find_child (GPid parent)
{
  g_autoptr (GArray) children = mk_test_find_children (parent, FALSE);

  return children->len == 1 ? g_array_index (children, pid_t, 0) : 0;
}

typedef struct
{
  GPid near;
  GPid client;
  GPid far;
  GPid supervisor;
} Chain;

/* Of a service that runs behind a client. The test has no other children. */
static Chain
find_chain (void)
{
  Chain chain = { 0 };

  chain.near = find_child (getpid ());
  chain.client = find_child (chain.near);
  chain.far = find_child (chain.client);
  chain.supervisor = find_child (chain.far);
  g_assert_cmpint (chain.near, >, 1);
  g_assert_cmpint (chain.client, >, 1);
  g_assert_cmpint (chain.far, >, 1);
  g_assert_cmpint (chain.supervisor, >, 1);
  return chain;
}

static MkSimpleExecutor *
start_behind_a_client (const char *tag)
{
  MkSimpleExecutor *executor =
      with_launcher (mk_test_executor_new (
                         tag, "--children", "2", "--setsid-children", "--orphan", "--lifetime", "60", NULL),
                     behind_a_client);

  mk_test_assert_starts (executor);
  return executor;
}

static void
assert_lost (MkSimpleExecutor *executor, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));
  g_assert_false (mk_test_stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_LAUNCHER);
  mk_test_assert_contains (error->message, message);
}

/* What is sent still gets there. */
static void
test_client_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();

  kill (chain.client, SIGKILL);
  g_assert_true (mk_test_wait_dead (chain.client, MK_TEST_GONE_MS));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_near_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();
  g_autoptr (GError) error = NULL;

  kill (chain.near, SIGKILL);
  mk_test_assert_soon_nothing_left (tag);
  g_assert_true (mk_test_wait_dead (chain.far, MK_TEST_GONE_MS));
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));
  g_assert_false (mk_test_stop (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_SUPERVISOR);
}

static void
test_far_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();

  kill (chain.far, SIGKILL);
  mk_test_assert_soon_nothing_left (tag);
  assert_lost (executor, "was lost: it ended. ");
}

static void
test_supervisor_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();

  kill (chain.supervisor, SIGKILL);
  mk_test_assert_soon_nothing_left (tag);
  g_assert_true (mk_test_await_state (executor, MK_EXECUTOR_STATE_EXITED));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGKILL);
}

/* What carries the marker is found when the host goes there once more. */
static void
test_both_killed (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();

  kill (chain.supervisor, SIGSTOP);
  kill (chain.far, SIGKILL);
  kill (chain.supervisor, SIGKILL);
  mk_test_assert_soon_nothing_left (tag);
  assert_lost (executor, "was lost: it ended. ");
}

/* The far end is held, so nothing comes from it; then it finds itself alone. */
static void
test_silence (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  Chain chain = find_chain ();

  kill (chain.far, SIGSTOP);
  assert_lost (executor, "was lost: nothing was received for 1.5 s. ");
  mk_test_assert_soon_nothing_left (tag);
  kill (chain.far, SIGCONT);
  g_assert_true (mk_test_wait_dead (chain.far, MK_TEST_GONE_MS));
}

/* A connection that is not used lives on. */
static void
test_idle (void)
{
  const char *const sleep_argv[] = { "sleep", "5", NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = start_behind_a_client (tag);
  g_autoptr (MkSimpleExecutor) clock = mk_simple_executor_new (sleep_argv);
  g_autoptr (GError) error = NULL;

  /* Longer than the lease */
  mk_simple_executor_set_completes (clock, TRUE);
  mk_simple_executor_start (clock, NULL, &error);
  g_assert_no_error (error);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  mk_test_need_linux_features ("launchers");
  g_setenv ("MIRAKURU_GLIB_LEASE_MS", G_STRINGIFY (LEASE_MS), TRUE);
  g_test_init (&argc, &argv, NULL);
  mk_test_adopt_orphans ();

  mk_test_add ("/launcher/start-stop", test_start_stop);
  mk_test_add ("/launcher/kill", test_kill);
  mk_test_add_once ("/launcher/drop", test_drop);
  mk_test_add_once ("/launcher/cancel", test_cancel);
  mk_test_add ("/launcher/status", test_status);
  mk_test_add ("/launcher/environment", test_environment);
  mk_test_add ("/launcher/missing-program", test_missing_program);
  mk_test_add ("/launcher/missing-directory", test_missing_directory);
  mk_test_add ("/launcher/merge", test_merge);
  mk_test_add ("/launcher/flood", test_flood);
  mk_test_add ("/launcher/input", test_input);
  mk_test_add ("/launcher/full-output", test_full_output);
  mk_test_add ("/launcher/forward/other-network", test_other_network);
  mk_test_add_once ("/launcher/forward/names", test_names);
  mk_test_add ("/launcher/forward/same-network", test_same_network);
  mk_test_add ("/launcher/forward/unix-sockets", test_unix_sockets);
  mk_test_add ("/launcher/forward/taken-port", test_taken_port);
  mk_test_add_once ("/launcher/forward/bad", test_bad_forwards);
  mk_test_add_once ("/launcher/forward/without-launcher", test_forward_without_launcher);
  for (guint i = 0; i < G_N_ELEMENTS (bad_launchers); i++)
    {
      g_autofree char *path = g_strdup_printf ("/launcher/bad/%u", i);

      mk_test_add_with_data (path, test_bad_launcher, &bad_launchers[i]);
    }
  mk_test_add ("/launcher/talking", test_talking_launcher);
  mk_test_add ("/launcher/talks-garbage", test_launcher_talks_garbage);
  mk_test_add ("/launcher/banner", test_banner);
  mk_test_add ("/launcher/supervisor-of-there", test_supervisor_of_there);
  mk_test_add_once ("/launcher/refused", test_refused);
  mk_test_add ("/launcher/notify", test_notify);
  mk_test_add ("/launcher/lingering-descriptor", test_lingering_descriptor);
  mk_test_add ("/launcher/command-probe", test_command_probe);
  mk_test_add_once ("/launcher/directory", test_directory);
  mk_test_add_once ("/launcher/broken/client-killed", test_client_killed);
  mk_test_add_once ("/launcher/broken/near-killed", test_near_killed);
  mk_test_add_once ("/launcher/broken/far-killed", test_far_killed);
  mk_test_add_once ("/launcher/broken/supervisor-killed", test_supervisor_killed);
  mk_test_add_once ("/launcher/broken/both-killed", test_both_killed);
  mk_test_add_once ("/launcher/broken/silence", test_silence);
  mk_test_add_once ("/launcher/broken/idle", test_idle);
  return g_test_run ();
}
