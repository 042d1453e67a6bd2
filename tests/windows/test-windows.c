/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a user relies on, on Windows. Started as "test-windows --host WAY PIDS" this is a program that starts
 * a service with a child, both of which write their process IDs to the file PIDS, and that ends in the given
 * way.
 */

#include <glib/gstdio.h>
#include <mirakuru-glib.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define LIMIT_MS   20000
#define GONE_MS    4000
#define N_CYCLES   200
#define N_MEASURED 20

/* Windows crashes are the signals of other systems, and -15 is what the library has terminated to stop it. */
#define TERMINATED         -15
#define SEGMENTATION_FAULT -11

static const char *
service_path (void)
{
  return g_getenv ("MK_TEST_SERVICE");
}

static guint
free_port (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkPortLease) lease = mk_port_lease_new (&error);

  g_assert_no_error (error);
  return mk_port_lease_get_port (lease);
}

/* ---- directories and processes ---- */

typedef char Directory;

static void
directory_free (Directory *self)
{
  g_autoptr (GDir) directory = g_dir_open (self, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (self, name, NULL);

      g_remove (path);
    }
  g_clear_pointer (&directory, g_dir_close);
  g_rmdir (self);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Directory, directory_free)

static Directory *
directory_new (void)
{
  g_autoptr (GError) error = NULL;
  char *path = g_dir_make_tmp ("mk test ä XXXXXX", &error);

  g_assert_no_error (error);
  return path;
}

static gboolean
process_lives (DWORD pid)
{
  HANDLE process = OpenProcess (SYNCHRONIZE, FALSE, pid);
  gboolean lives = process != NULL && WaitForSingleObject (process, 0) == WAIT_TIMEOUT;

  if (process != NULL)
    CloseHandle (process);
  return lives;
}

/* Returns: how many of the processes in the file live; @n_told: (out) (optional): how many are in it */
static guint
count_living (const char *pids, guint *n_told)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n_living = 0;
  guint n = 0;

  if (g_file_get_contents (pids, &text, NULL, NULL))
    {
      lines = g_strsplit (text, "\n", -1);
      for (char **line = lines; *line != NULL; line++)
        {
          if (**line == '\0')
            continue;
          n++;
          n_living += process_lives (strtoul (*line, NULL, 10));
        }
    }
  if (n_told != NULL)
    *n_told = n;
  return n_living;
}

static gboolean
wait_until_told (const char *pids, guint wanted)
{
  gint64 end = g_get_monotonic_time () + LIMIT_MS * G_TIME_SPAN_MILLISECOND;
  guint n_told;

  while (count_living (pids, &n_told), n_told < wanted && g_get_monotonic_time () < end)
    g_usleep (5000);
  return n_told >= wanted;
}

static gboolean
wait_until_none_lives (const char *pids)
{
  gint64 end = g_get_monotonic_time () + GONE_MS * G_TIME_SPAN_MILLISECOND;

  while (count_living (pids, NULL) > 0 && g_get_monotonic_time () < end)
    g_usleep (2000);
  return count_living (pids, NULL) == 0;
}

/* ---- executors ---- */

static void
store_result (GObject *object, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
await (GAsyncResult **result)
{
  gint64 end = g_get_monotonic_time () + LIMIT_MS * G_TIME_SPAN_MILLISECOND;

  while (*result == NULL && g_get_monotonic_time () < end)
    {
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (500);
    }
  g_assert_nonnull (*result);
}

static gboolean
start (gpointer executor, gboolean async, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!async)
    return mk_simple_executor_start (executor, NULL, error);

  mk_simple_executor_start_async (executor, NULL, store_result, &result);
  await (&result);
  return mk_simple_executor_start_finish (executor, result, error);
}

static gboolean
stop (gpointer executor, gboolean async, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!async)
    return mk_simple_executor_stop (executor, NULL, error);

  mk_simple_executor_stop_async (executor, NULL, store_result, &result);
  await (&result);
  return mk_simple_executor_stop_finish (executor, result, error);
}

static void
assert_starts (gpointer executor, gboolean async)
{
  g_autoptr (GError) error = NULL;

  start (executor, async, &error);
  g_assert_no_error (error);
  g_assert_true (process_lives ((DWORD) mk_simple_executor_get_pid (executor)));
}

static void
assert_stops (gpointer executor, gboolean async)
{
  g_autoptr (GError) error = NULL;
  DWORD pid = (DWORD) mk_simple_executor_get_pid (executor);

  stop (executor, async, &error);
  g_assert_no_error (error);
  g_assert_false (process_lives (pid));
}

static char *
dup_output (gpointer executor, MkStream stream)
{
  g_autoptr (GBytes) bytes = mk_simple_executor_dup_output (executor, stream);

  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  return g_strndup (text != NULL ? text : "", length);
}

static MkSimpleExecutor *
executor_new (const char *option, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  va_list options;

  g_strv_builder_add (builder, service_path ());
  va_start (options, option);
  for (; option != NULL; option = va_arg (options, const char *))
    g_strv_builder_add (builder, option);
  va_end (options);
  argv = g_strv_builder_end (builder);
  return mk_simple_executor_new ((const char *const *) argv);
}

/* ---- the five executors ---- */

typedef struct
{
  const char *kind;
  gboolean async;
} Kind;

static MkSimpleExecutor *
kind_new_executor (const Kind *kind, const char *directory)
{
  guint port = free_port ();
  g_autofree char *listen = g_strdup_printf ("--listen=%u", port);
  g_autofree char *http = g_strdup_printf ("--http=%u", port);
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", port);
  g_autofree char *pid_path = g_build_filename (directory, "service.pid", NULL);
  g_autofree char *pid_file = g_strconcat ("--pid-file=", pid_path, NULL);
  const char *tcp_argv[] = { service_path (), "--sleep=100", listen, NULL };
  const char *http_argv[] = { service_path (), "--sleep=100", http, NULL };
  const char *pid_argv[] = { service_path (), "--sleep=100", pid_file, NULL };
  const char *output_argv[] = { service_path (), "--sleep=100", "--out=the service is ready now", NULL };

  if (g_str_equal (kind->kind, "simple"))
    return executor_new ("--sleep=100", NULL);
  if (g_str_equal (kind->kind, "tcp"))
    return MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (tcp_argv, "127.0.0.1", port));
  if (g_str_equal (kind->kind, "localhost"))
    return MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (tcp_argv, "localhost", port));
  if (g_str_equal (kind->kind, "http"))
    return MK_SIMPLE_EXECUTOR (mk_http_executor_new (http_argv, uri));
  if (g_str_equal (kind->kind, "pid"))
    return MK_SIMPLE_EXECUTOR (mk_pid_executor_new (pid_argv, pid_path));
  if (g_str_equal (kind->kind, "output"))
    return MK_SIMPLE_EXECUTOR (mk_output_executor_new (output_argv, "is ready"));
  return MK_SIMPLE_EXECUTOR (mk_executor_new (tcp_argv, MK_PROBE (mk_tcp_probe_new ("127.0.0.1", port))));
}

static void
test_kind (gconstpointer data)
{
  const Kind *kind = data;
  g_autoptr (Directory) directory = directory_new ();
  g_autoptr (MkSimpleExecutor) executor = kind_new_executor (kind, directory);

  for (guint i = 0; i < 3; i++)
    {
      assert_starts (executor, kind->async);
      assert_stops (executor, kind->async);
      g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, TERMINATED);
      /* What is terminated does not remove its file itself. */
      if (MK_IS_PID_EXECUTOR (executor))
        g_remove (mk_pid_executor_get_filename (MK_PID_EXECUTOR (executor)));
    }
}

/* ---- the tree ---- */

static void
test_tree (gconstpointer data)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *pids = g_build_filename (directory, "pids", NULL);
  g_autofree char *child = g_strconcat ("--child=", pids, NULL);
  g_autoptr (MkSimpleExecutor) executor = executor_new (child, NULL);

  if (GPOINTER_TO_INT (data))
    mk_simple_executor_set_stop_mode (executor, MK_STOP_MODE_TREE);
  assert_starts (executor, FALSE);
  g_assert_true (wait_until_told (pids, 2));
  g_assert_cmpuint (count_living (pids, NULL), ==, 2);
  assert_stops (executor, FALSE);
  g_assert_cmpuint (count_living (pids, NULL), ==, 0);
}

/* Its first process ends and leaves one behind; a stop ends that, too. */
static void
test_left_behind (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *pids = g_build_filename (directory, "pids", NULL);
  g_autofree char *child = g_strconcat ("--child=", pids, NULL);
  g_autoptr (MkSimpleExecutor) executor = executor_new (child, "--exit=0", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (wait_until_told (pids, 2));
  g_assert_true (mk_simple_executor_stop (executor, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_living (pids, NULL), ==, 0);
}

/* ---- the end of the host ---- */

static int
run_host (const char *way, const char *pids)
{
  g_autofree char *child = g_strconcat ("--child=", pids, NULL);
  g_autoptr (MkSimpleExecutor) executor = executor_new (child, NULL);
  g_autoptr (GError) error = NULL;
  const char *argv[] = { service_path (), child, NULL };

  if (g_str_equal (way, "inherit"))
    {
      g_autoptr (MkSimpleExecutor) echoing = executor_new ("--echo", "--err=and this", "--exit=0", NULL);

      mk_simple_executor_set_stdin_mode (echoing, MK_STDIO_MODE_INHERIT);
      mk_simple_executor_set_stdout_mode (echoing, MK_STDIO_MODE_INHERIT);
      mk_simple_executor_set_stderr_mode (echoing, MK_STDIO_MODE_INHERIT);
      return mk_simple_executor_start (echoing, NULL, NULL) && mk_simple_executor_wait (echoing, NULL, NULL)
                 ? 0
                 : 81;
    }
  if (g_str_equal (way, "control"))
    {
      g_autoptr (GSubprocess) bare = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, &error);

      g_assert_no_error (error);
      wait_until_told (pids, 2);
      TerminateProcess (GetCurrentProcess (), 3);
    }

  if (!mk_simple_executor_start (executor, NULL, &error) || !wait_until_told (pids, 2))
    return 80;
  if (g_str_equal (way, "exit"))
    exit (0);
  if (g_str_equal (way, "abort"))
    abort ();
  if (g_str_equal (way, "crash"))
    *(volatile int *) NULL = 1;
  if (g_str_equal (way, "terminate"))
    TerminateProcess (GetCurrentProcess (), 3);
  if (g_str_equal (way, "exit-process"))
    ExitProcess (0);
  if (g_str_equal (way, "hang"))
    Sleep (INFINITE);
  /* return: and nothing is dropped before */
  g_steal_pointer (&executor);
  return 0;
}

static GSubprocess *
start_host (const char *way, const char *pids)
{
  g_autofree char *self = g_strdup (g_getenv ("MK_TEST_HOST"));
  g_autoptr (GError) error = NULL;
  GSubprocess *host = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                                        &error,
                                        self,
                                        "--host",
                                        way,
                                        pids,
                                        NULL);

  g_assert_no_error (error);
  return host;
}

static void
test_host_ends (gconstpointer data)
{
  const char *way = data;
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *pids = g_build_filename (directory, "pids", NULL);
  g_autoptr (GSubprocess) host = start_host (way, pids);
  guint n_told;

  g_assert_true (wait_until_told (pids, 2));
  if (g_str_equal (way, "hang"))
    g_subprocess_force_exit (host);
  g_subprocess_wait (host, NULL, NULL);

  /* What exits in a way that it knows of has nothing left when it is gone. */
  if (g_str_equal (way, "return") || g_str_equal (way, "exit"))
    g_assert_cmpuint (count_living (pids, NULL), ==, 0);
  g_assert_true (wait_until_none_lives (pids));
  count_living (pids, &n_told);
  g_assert_cmpuint (n_told, ==, 2);
}

/* Without the library something is left: so the tests above can fail. */
static void
test_control (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *pids = g_build_filename (directory, "pids", NULL);
  g_autoptr (GSubprocess) host = start_host ("control", pids);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_true (wait_until_told (pids, 2));
  g_subprocess_wait (host, NULL, NULL);
  g_usleep (500 * 1000);
  g_assert_cmpuint (count_living (pids, NULL), ==, 2);

  g_assert_true (g_file_get_contents (pids, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++)
    {
      HANDLE process = OpenProcess (PROCESS_TERMINATE | SYNCHRONIZE, FALSE, strtoul (*line, NULL, 10));

      TerminateProcess (process, 1);
      WaitForSingleObject (process, LIMIT_MS);
      CloseHandle (process);
    }
}

/* ---- streams ---- */

static void
test_output (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--out=größer", "--err=wrong", "--exit=0", NULL);
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  g_assert_true (mk_simple_executor_wait (executor, NULL, &error));
  g_assert_no_error (error);
  out = dup_output (executor, MK_STREAM_STDOUT);
  err = dup_output (executor, MK_STREAM_STDERR);
  g_assert_cmpstr (out, ==, "größer\n");
  g_assert_cmpstr (err, ==, "wrong\n");
}

static void
test_merge (void)
{
  g_autoptr (MkSimpleExecutor) executor =
      executor_new ("--out=one", "--err=two", "--out=three", "--exit=0", NULL);
  g_autofree char *out = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpstr (out, ==, "one\ntwo\nthree\n");
}

static void
test_file (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *path = g_build_filename (directory, "log", NULL);
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--out=one", "--err=two", "--exit=0", NULL);
  g_autofree char *text = NULL;

  g_assert_true (g_file_set_contents (path, "old", -1, NULL));
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, path);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_MERGE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "one\ntwo\n");
}

static void
test_input (void)
{
  const char text[] = "through and back\n";
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--echo", "--exit=0", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GOutputStream) input = NULL;
  g_autofree char *out = NULL;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  g_assert_no_error (error);
  input = mk_simple_executor_dup_stdin (executor);
  g_output_stream_write_all (input, text, strlen (text), NULL, NULL, &error);
  g_assert_no_error (error);
  g_output_stream_close (input, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (mk_simple_executor_wait (executor, NULL, &error));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpstr (out, ==, text);
}

/* A service uses the streams of its host, which are pipes here. */
static void
test_inherit (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  g_autoptr (GSubprocess) host = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
      &error,
      g_getenv ("MK_TEST_HOST"),
      "--host",
      "inherit",
      "-",
      NULL);

  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (host, "passed on\n", NULL, &out, &err, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (out, ==, "passed on\n");
  g_assert_nonnull (strstr (err, "and this\n"));
}

/* Nothing holds the service up, and the last of it is kept. */
static void
test_flood (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--flood=16777216", "--out=end", "--exit=0", NULL);
  g_autofree char *out = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_true (g_str_has_suffix (out, "xend\n"));
}

/* ---- what a service gets ---- */

static void
test_arguments (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new (
      "--args", "a b", "", "q\"uote", "ba\\ck\\", "both \\\" \\\\", "größe", "日本", "tab\there", "", NULL);
  g_autofree char *out = NULL;

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpstr (
      out, ==, "<a b>\n<>\n<q\"uote>\n<ba\\ck\\>\n<both \\\" \\\\>\n<größe>\n<日本>\n<tab\there>\n<>\n");
}

static void
test_command_line (void)
{
  g_autofree char *line =
      g_strdup_printf ("\"%s\" --args C:\\a\\b \"two words\" \"\" 'single' x\"y z\"", service_path ());
  g_autoptr (GError) error = NULL;
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_command_line (line, &error);
  g_autofree char *out = NULL;

  g_assert_no_error (error);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpstr (out, ==, "<C:\\a\\b>\n<two words>\n<>\n<'single'>\n<xy z>\n");
}

static void
test_surroundings (void)
{
  const char *environment[] = { "MK_WORD=größe", NULL };
  g_autoptr (Directory) directory = directory_new ();
  g_autoptr (MkSimpleExecutor) executor =
      executor_new ("--variable=MK_WORD", "--variable=MK_NONE", "--directory", "--exit=0", NULL);
  g_autofree char *expected = g_strdup_printf ("größe\n(none)\n%s\n", directory);
  g_autofree char *out = NULL;

  mk_simple_executor_set_environment (executor, environment);
  mk_simple_executor_set_cwd (executor, directory);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  out = dup_output (executor, MK_STREAM_STDOUT);
  g_assert_cmpstr (out, ==, expected);
}

/* ---- what goes wrong ---- */

static void
assert_fails (gpointer executor, MkError code, const char *words)
{
  for (guint async = 0; async < 2; async++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (start (executor, (gboolean) async, &error));
      g_assert_error (error, MK_ERROR, (int) code);
      if (strstr (error->message, words) == NULL)
        g_error ("“%s” has no “%s”", error->message, words);
    }
}

static void
test_missing_program (void)
{
  const char *by_name[] = { "no-such-program-at-all", NULL };
  const char *by_path[] = { "C:\\no\\such.exe", NULL };
  g_autoptr (MkSimpleExecutor) named = mk_simple_executor_new (by_name);
  g_autoptr (MkSimpleExecutor) pathed = mk_simple_executor_new (by_path);

  assert_fails (named, MK_ERROR_SPAWN_FAILED, "PATH");
  assert_fails (pathed, MK_ERROR_SPAWN_FAILED, "no such file");
}

static void
test_batch_file (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *path = g_build_filename (directory, "service.bat", NULL);
  const char *argv[] = { path, NULL };
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new (argv);

  g_assert_true (g_file_set_contents (path, "exit 0\r\n", -1, NULL));
  assert_fails (executor, MK_ERROR_SPAWN_FAILED, "cmd.exe /c");
}

static void
test_bad_directory (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--sleep=1", NULL);

  mk_simple_executor_set_cwd (executor, "C:\\no\\such\\directory");
  assert_fails (executor, MK_ERROR_SPAWN_FAILED, "no\\such\\directory");
}

static void
test_bad_file (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--sleep=1", NULL);

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_FILE);
  mk_simple_executor_set_stdout_path (executor, "C:\\no\\such\\log");
  assert_fails (executor, MK_ERROR_SPAWN_FAILED, "such\\log");
}

static void
test_not_supported (void)
{
  const char *launcher[] = { "ssh", "host", NULL };
  g_autoptr (MkSimpleExecutor) launched = executor_new ("--sleep=1", NULL);
  g_autoptr (MkSimpleExecutor) terminal = executor_new ("--sleep=1", NULL);

  mk_simple_executor_set_launcher (launched, launcher);
  mk_simple_executor_set_stdout_mode (terminal, MK_STDIO_MODE_PTY);
  assert_fails (launched, MK_ERROR_INVALID_ARGUMENT, "launcher");
  assert_fails (terminal, MK_ERROR_INVALID_ARGUMENT, "PTY");
}

static void
test_no_supervisor (void)
{
  g_autofree char *path = g_strdup (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"));
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--sleep=1", NULL);

  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", "C:\\no\\mk-supervisor.exe", TRUE);
  assert_fails (executor, MK_ERROR_SUPERVISOR, "MIRAKURU_GLIB_SUPERVISOR");
  /* One that is another program */
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", service_path (), TRUE);
  assert_fails (executor, MK_ERROR_SUPERVISOR, "Check that it is mk-supervisor");
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", path, TRUE);
  assert_starts (executor, FALSE);
  assert_stops (executor, FALSE);
}

static void
test_ends_early (gconstpointer data)
{
  const char *option = data;
  const char *argv[] = { service_path (), "--err=out of cheese", option, NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", free_port ());
  const char *words = g_str_equal (option, "--crash") ? "signal 11" : "status 3";

  assert_fails (executor, MK_ERROR_EXITED, words);
  assert_fails (executor, MK_ERROR_EXITED, "out of cheese");
  g_assert_cmpint (mk_simple_executor_get_exit_status (MK_SIMPLE_EXECUTOR (executor)),
                   ==,
                   g_str_equal (option, "--crash") ? SEGMENTATION_FAULT : 3);
}

static void
test_times_out (void)
{
  const char *argv[] = { service_path (), NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", free_port ());

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 300);
  assert_fails (executor, MK_ERROR_TIMED_OUT, "not ready within");
}

static void
test_already_running (void)
{
  guint port = free_port ();
  g_autofree char *listen = g_strdup_printf ("--listen=%u", port);
  const char *argv[] = { service_path (), listen, NULL };
  g_autoptr (MkTcpExecutor) first = mk_tcp_executor_new (argv, "127.0.0.1", port);
  g_autoptr (MkTcpExecutor) second = mk_tcp_executor_new (argv, "127.0.0.1", port);

  assert_starts (first, FALSE);
  assert_fails (second, MK_ERROR_ALREADY_RUNNING, "127.0.0.1");
  assert_stops (first, FALSE);
}

static void
test_cancelled (void)
{
  const char *argv[] = { service_path (), NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", free_port ());
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gint64 end = g_get_monotonic_time () + LIMIT_MS * G_TIME_SPAN_MILLISECOND;
  DWORD pid;

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (executor), cancellable, store_result, &result);
  while (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)) == 0 && g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, FALSE);
  pid = (DWORD) mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor));
  g_assert_true (process_lives (pid));
  g_cancellable_cancel (cancellable);
  await (&result);
  g_assert_false (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (executor), result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (process_lives (pid));
}

/* An executor that is dropped ends its service. */
static void
test_dropped (void)
{
  MkSimpleExecutor *executor = executor_new (NULL);
  gint64 end = g_get_monotonic_time () + GONE_MS * G_TIME_SPAN_MILLISECOND;
  DWORD pid;

  assert_starts (executor, FALSE);
  pid = (DWORD) mk_simple_executor_get_pid (executor);
  g_object_unref (executor);
  while (process_lives (pid) && g_get_monotonic_time () < end)
    g_usleep (2000);
  g_assert_false (process_lives (pid));
}

/* ---- signals ---- */

static void
test_status (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new ("--exit=3000000", NULL);

  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 3000000);
}

static void
test_signals (void)
{
  g_autoptr (MkSimpleExecutor) executor = executor_new (NULL);
  g_autoptr (GError) error = NULL;

  assert_starts (executor, FALSE);
  g_assert_false (mk_simple_executor_send_signal (executor, 1, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_true (mk_simple_executor_send_signal (executor, 15, &error));
  g_assert_no_error (error);
  g_assert_true (mk_simple_executor_wait (executor, NULL, &error));
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, TERMINATED);
}

/* Where the service has a console, it is asked to end, and given its time. */
static void
test_ctrl_break (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *path = g_build_filename (directory, "broken", NULL);
  g_autofree char *option = g_strconcat ("--ctrl-break=", path, NULL);
  g_autoptr (MkSimpleExecutor) executor = executor_new (option, "--out=set up", NULL);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_stop_timeout (executor, 2000);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
  g_assert_true (mk_simple_executor_start (executor, NULL, &error));
  for (guint i = 0; i < LIMIT_MS / 10; i++)
    {
      g_autofree char *out = dup_output (executor, MK_STREAM_STDOUT);

      if (*out != '\0')
        break;
      g_usleep (10000);
    }
  mk_simple_executor_stop (executor, NULL, &error);
  g_clear_error (&error);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("CTRL_BREAK does not get there: Wine 8 does not pass it on");
      return;
    }
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, 7);
}

/* ---- several ---- */

static void
test_group (void)
{
  guint port = free_port ();
  g_autofree char *listen = g_strdup_printf ("--listen=%u", port);
  const char *argv[] = { service_path (), "--sleep=100", listen, NULL };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (MkTcpExecutor) database = mk_tcp_executor_new (argv, "127.0.0.1", port);
  g_autoptr (MkSimpleExecutor) web = executor_new (NULL);
  g_autoptr (GError) error = NULL;
  DWORD pid;

  mk_executor_group_add (group, "database", MK_SIMPLE_EXECUTOR (database), &error);
  mk_executor_group_add (group, "web", web, &error);
  mk_executor_group_add_dependency (group, "web", "database", &error);
  g_assert_no_error (error);
  mk_executor_group_start (group, NULL, &error);
  g_assert_no_error (error);
  pid = (DWORD) mk_simple_executor_get_pid (web);
  g_assert_true (process_lives (pid));
  mk_executor_group_stop (group, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (process_lives (pid));
}

/* More services than handles can be waited for at once */
static void
test_many (void)
{
  g_autoptr (GPtrArray) executors = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 24; i++)
    {
      g_autofree char *name = g_strdup_printf ("service-%u", i);
      MkSimpleExecutor *executor = executor_new ("--out=here", NULL);

      g_ptr_array_add (executors, executor);
      mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);
      mk_executor_group_add (group, name, executor, &error);
    }
  mk_executor_group_start (group, NULL, &error);
  g_assert_no_error (error);
  mk_executor_group_stop (group, NULL, &error);
  g_assert_no_error (error);
}

static void
test_port_lease (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) leases = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < 100; i++)
    {
      MkPortLease *lease = mk_port_lease_new (NULL);

      g_assert_nonnull (lease);
      g_ptr_array_add (leases, lease);
      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (mk_port_lease_get_port (lease))));
    }
}

/* Windows counts no handles under Wine. The numbers of new ones are the lowest that are free. */
static guint
find_next_handle (void)
{
  HANDLE events[20];
  guint highest = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    {
      events[i] = CreateEventW (NULL, TRUE, FALSE, NULL);
      highest = MAX (highest, GPOINTER_TO_UINT (events[i]));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (events); i++)
    CloseHandle (events[i]);
  return highest / 4;
}

static void
test_cycles (void)
{
  guint port = free_port ();
  g_autofree char *listen = g_strdup_printf ("--listen=%u", port);
  const char *argv[] = { service_path (), listen, NULL };
  guint before = 0;
  guint after;

  for (guint i = 0; i < N_CYCLES; i++)
    {
      g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", port);

      mk_simple_executor_set_stdout_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_CAPTURE);
      assert_starts (executor, i % 2 == 0);
      assert_stops (executor, i % 2 == 0);
      /* Threads of pools come and go in the first ones. */
      if (i == N_CYCLES / 4)
        before = find_next_handle ();
    }
  after = find_next_handle ();
  g_test_message ("the next handle after %d cycles: %u, after %d: %u", N_CYCLES / 4, before, N_CYCLES, after);
  g_assert_cmpuint (after, <, before + 20);
}

/* ---- figures, which nothing depends on ---- */

static int
compare_times (gconstpointer a, gconstpointer b)
{
  return *(const gint64 *) a < *(const gint64 *) b ? -1 : 1;
}

/* Returns: how long ago that was, in microseconds */
static gint64
read_age (const char *path)
{
  FILETIME now;
  g_autofree char *text = NULL;
  gint64 end = g_get_monotonic_time () + LIMIT_MS * G_TIME_SPAN_MILLISECOND;

  GetSystemTimeAsFileTime (&now);
  /* It is written after the service listens. */
  while ((!g_file_get_contents (path, &text, NULL, NULL) || *text == '\0') && g_get_monotonic_time () < end)
    {
      g_clear_pointer (&text, g_free);
      g_usleep (1000);
    }
  g_assert_nonnull (text);
  return ((gint64) ((guint64) now.dwHighDateTime << 32 | now.dwLowDateTime) -
          g_ascii_strtoll (text, NULL, 10)) /
         10;
}

static void
test_figures (void)
{
  g_autoptr (Directory) directory = directory_new ();
  g_autofree char *path = g_build_filename (directory, "time", NULL);
  g_autofree char *time = g_strconcat ("--time=", path, NULL);
  guint port = free_port ();
  g_autofree char *listen = g_strdup_printf ("--listen=%u", port);
  const char *argv[] = { service_path (), "--sleep=100", listen, time, NULL };
  gint64 bare[N_MEASURED], simple[N_MEASURED], lag[N_MEASURED], stopped[N_MEASURED];

  for (guint i = 0; i < N_MEASURED; i++)
    {
      g_autoptr (MkTcpExecutor) tcp = mk_tcp_executor_new (argv, "127.0.0.1", port);
      g_autoptr (MkSimpleExecutor) sleeping = executor_new (NULL);
      gint64 begun = g_get_monotonic_time ();
      g_autoptr (GSubprocess) process =
          g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_INHERIT_FDS,
                            NULL,
                            service_path (),
                            "--exit=0",
                            NULL);

      bare[i] = g_get_monotonic_time () - begun;
      g_subprocess_wait (process, NULL, NULL);

      begun = g_get_monotonic_time ();
      assert_starts (sleeping, FALSE);
      simple[i] = g_get_monotonic_time () - begun;
      assert_stops (sleeping, FALSE);

      g_remove (path);
      assert_starts (tcp, FALSE);
      lag[i] = read_age (path);
      begun = g_get_monotonic_time ();
      assert_stops (tcp, FALSE);
      stopped[i] = g_get_monotonic_time () - begun;
    }

  qsort (bare, N_MEASURED, sizeof *bare, compare_times);
  qsort (simple, N_MEASURED, sizeof *simple, compare_times);
  qsort (lag, N_MEASURED, sizeof *lag, compare_times);
  qsort (stopped, N_MEASURED, sizeof *stopped, compare_times);
  g_test_message ("medians of %d in ms: GSubprocess %.1f, start %.1f, listen() to start() %.1f, stop %.1f",
                  N_MEASURED,
                  bare[N_MEASURED / 2] / 1000.0,
                  simple[N_MEASURED / 2] / 1000.0,
                  lag[N_MEASURED / 2] / 1000.0,
                  stopped[N_MEASURED / 2] / 1000.0);
}

int
main (int argc, char **argv)
{
  static const Kind kinds[] = {
    { "simple", FALSE }, { "simple", TRUE },    { "tcp", FALSE },     { "tcp", TRUE }, { "localhost", FALSE },
    { "http", FALSE },   { "http", TRUE },      { "pid", FALSE },     { "pid", TRUE }, { "output", FALSE },
    { "output", TRUE },  { "executor", FALSE }, { "executor", TRUE },
  };
  static const char *const ways[] = {
    "return", "exit", "exit-process", "abort", "crash", "terminate", "hang"
  };

  SetErrorMode (SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  if (argc == 4 && g_str_equal (argv[1], "--host"))
    {
      g_auto (GStrv) utf8_argv = g_win32_get_command_line ();

      return run_host (utf8_argv[2], utf8_argv[3]);
    }

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *name =
          g_strdup_printf ("/windows/kinds/%s/%s", kinds[i].kind, kinds[i].async ? "async" : "sync");

      g_test_add_data_func (name, &kinds[i], test_kind);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *name = g_strdup_printf ("/windows/host-ends/%s", ways[i]);

      g_test_add_data_func (name, ways[i], test_host_ends);
    }
  g_test_add_func ("/windows/host-ends/control", test_control);
  g_test_add_data_func ("/windows/tree/leader", GINT_TO_POINTER (FALSE), test_tree);
  g_test_add_data_func ("/windows/tree/tree", GINT_TO_POINTER (TRUE), test_tree);
  g_test_add_func ("/windows/tree/left-behind", test_left_behind);
  g_test_add_func ("/windows/streams/output", test_output);
  g_test_add_func ("/windows/streams/merge", test_merge);
  g_test_add_func ("/windows/streams/file", test_file);
  g_test_add_func ("/windows/streams/input", test_input);
  g_test_add_func ("/windows/streams/inherit", test_inherit);
  g_test_add_func ("/windows/streams/flood", test_flood);
  g_test_add_func ("/windows/gets/arguments", test_arguments);
  g_test_add_func ("/windows/gets/command-line", test_command_line);
  g_test_add_func ("/windows/gets/surroundings", test_surroundings);
  g_test_add_func ("/windows/errors/missing-program", test_missing_program);
  g_test_add_func ("/windows/errors/batch-file", test_batch_file);
  g_test_add_func ("/windows/errors/bad-directory", test_bad_directory);
  g_test_add_func ("/windows/errors/bad-file", test_bad_file);
  g_test_add_func ("/windows/errors/not-supported", test_not_supported);
  g_test_add_func ("/windows/errors/no-supervisor", test_no_supervisor);
  g_test_add_data_func ("/windows/errors/ends-early/status", "--exit=3", test_ends_early);
  g_test_add_data_func ("/windows/errors/ends-early/crash", "--crash", test_ends_early);
  g_test_add_func ("/windows/errors/times-out", test_times_out);
  g_test_add_func ("/windows/errors/already-running", test_already_running);
  g_test_add_func ("/windows/errors/cancelled", test_cancelled);
  g_test_add_func ("/windows/ends/dropped", test_dropped);
  g_test_add_func ("/windows/ends/status", test_status);
  g_test_add_func ("/windows/ends/signals", test_signals);
  g_test_add_func ("/windows/ends/ctrl-break", test_ctrl_break);
  g_test_add_func ("/windows/several/group", test_group);
  g_test_add_func ("/windows/several/many", test_many);
  g_test_add_func ("/windows/several/port-lease", test_port_lease);
  g_test_add_func ("/windows/several/cycles", test_cycles);
  g_test_add_func ("/windows/several/figures", test_figures);
  return g_test_run ();
}
