/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Settings that make no sense, programs that cannot be run: each gives an error that names the thing, nothing
 * is started or left, and the executor can be used again.
 */

#include "mk-test-calls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static char *tag;
static char *folder; /* temporary */

static char *
write_file (const char *name, const char *text, int mode)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
  return path;
}

static MkSimpleExecutor *
good_executor (void)
{
  return mk_test_executor_new (tag, NULL);
}

static void assert_start_fails (gpointer executor, MkError code, ...) G_GNUC_NULL_TERMINATED;

/* Fails, and the message has all the parts in it. */
static void
assert_start_fails (gpointer executor, MkError code, ...)
{
  g_autoptr (GError) error = NULL;
  const char *part;
  va_list parts;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, (int) code);
  va_start (parts, code);
  while ((part = va_arg (parts, const char *)) != NULL)
    mk_test_assert_contains (error->message, part);
  va_end (parts);

  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  g_assert_false (mk_simple_executor_get_active (executor));
  mk_test_assert_nothing_left (tag);
  mk_test_assert_stops (executor);
}

static void
assert_usable (MkSimpleExecutor *executor)
{
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
set_program (MkSimpleExecutor *executor, const char *program)
{
  const char *argv[] = { program, "--tag", tag, NULL };

  mk_simple_executor_set_command (executor, argv);
}

/* Commands */

static void
test_empty_command (void)
{
  static const char *const nothing[] = { NULL };
  static const char *const empty[] = { "", "argument", NULL };
  g_autoptr (MkSimpleExecutor) executor = good_executor ();

  mk_simple_executor_set_command (executor, NULL);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "command is empty", NULL);
  mk_simple_executor_set_command (executor, nothing);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "command is empty", NULL);
  mk_simple_executor_set_command (executor, empty);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "command is empty", NULL);
  set_program (executor, mk_test_service_path ());
  assert_usable (executor);
}

static void
test_bad_command_lines (void)
{
  static const char *const lines[] = { "redis-server 'quote", "\"", "trailing\\", "", "   ", "# comment" };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mk_simple_executor_new_for_command_line (lines[i], &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      mk_test_assert_contains (error->message, lines[i]);
    }
}

static void
test_program_not_found (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();

  set_program (executor, "mk-no-such-program");
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, "mk-no-such-program", "PATH", NULL);
  set_program (executor, "/nowhere/mk-program");
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, "/nowhere/mk-program", "no such file", NULL);
  set_program (executor, "/dev/null/mk-program");
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, "/dev/null/mk-program", NULL);
  set_program (executor, mk_test_service_path ());
  assert_usable (executor);
}

static void
test_program_that_cannot_run (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();
  g_autofree char *plain = write_file ("plain", "#!/bin/sh\n", 0644);
  g_autofree char *script = write_file ("script", "#!/nowhere/sh -e\n", 0755);
  g_autofree char *headless = write_file ("headless", "echo hello\n", 0755);
  g_autofree char *windows = write_file ("windows", "#!/bin/sh\r\n", 0755);
  g_autofree char *through_plain_text = g_strdup_printf ("#!%s\n", plain);
  g_autofree char *through_plain = write_file ("through-plain", through_plain_text, 0755);

  set_program (executor, plain);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, plain, "not executable", NULL);
  set_program (executor, folder);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, folder, "directory", NULL);
  set_program (executor, script);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, script, "/nowhere/sh", "interpreter", NULL);
  set_program (executor, windows);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, windows, "carriage return", NULL);
  set_program (executor, through_plain);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, through_plain, plain, "interpreter", NULL);
  set_program (executor, headless);
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, headless, NULL);
  set_program (executor, mk_test_service_path ());
  assert_usable (executor);
}

/* It is the service that is to blame, not the supervisor, whose arguments these are too. */
static void
assert_fails_too_long (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  assert_start_fails (executor,
                      MK_ERROR_SPAWN_FAILED,
                      mk_test_service_path (),
                      "its command or its environment is too long",
                      NULL);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_null (strstr (error->message, "mk-supervisor"));
}

static void
test_arguments_too_long (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();
  g_autofree char *argument = g_strnfill (4 * 1024 * 1024, 'x');
  const char *argv[] = { mk_test_service_path (), argument, NULL };

  mk_simple_executor_set_command (executor, argv);
  assert_fails_too_long (executor);
  set_program (executor, mk_test_service_path ());
  assert_usable (executor);
}

static void
test_environment_too_long (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();
  g_autofree char *value = g_strnfill (4 * 1024 * 1024, 'x');
  g_autofree char *entry = g_strconcat ("MK_TEST_LONG=", value, NULL);
  const char *environment[] = { entry, NULL };

  mk_simple_executor_set_environment (executor, environment);
  assert_fails_too_long (executor);
  mk_simple_executor_set_environment (executor, NULL);
  assert_usable (executor);
}

static void
test_missing_working_directory (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();

  mk_simple_executor_set_cwd (executor, "/nowhere/at/all");
  assert_start_fails (executor,
                      MK_ERROR_SPAWN_FAILED,
                      mk_test_service_path (),
                      "/nowhere/at/all",
                      mk_test_strerror (ENOENT),
                      NULL);
  mk_simple_executor_set_cwd (executor, mk_test_service_path ());
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, mk_test_strerror (ENOTDIR), NULL);
  mk_simple_executor_set_cwd (executor, "/");
  assert_usable (executor);
}

/* Other settings */

static void
test_environment_entries (void)
{
  static const char *const empty[] = { "GOOD=1", "", NULL };
  static const char *const no_name[] = { "=value", NULL };
  g_autoptr (MkSimpleExecutor) executor = good_executor ();
  g_auto (GStrv) environment = NULL;

  mk_simple_executor_set_environment (executor, empty);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "“”", "NAME=value", NULL);
  environment = mk_simple_executor_dup_environment (executor);
  g_assert_nonnull (g_environ_getenv (environment, "mirakuru_uuid"));
  mk_simple_executor_set_environment (executor, no_name);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "=value", NULL);
  mk_simple_executor_set_environment (executor, NULL);
  assert_usable (executor);
}

static void
test_signal_numbers (void)
{
  static const int numbers[] = { 0, -1, 4711 };
  g_autoptr (MkSimpleExecutor) executor = good_executor ();

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *text = g_strdup_printf ("%d is not a signal", numbers[i]);
      g_autoptr (GError) error = NULL;

      mk_simple_executor_set_kill_signal (executor, numbers[i]);
      g_assert_false (mk_test_start (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      mk_test_assert_contains (error->message, text);
      mk_simple_executor_set_kill_signal (executor, SIGKILL);
      g_clear_error (&error);

      mk_simple_executor_set_stop_signal (executor, numbers[i]);
      g_assert_false (mk_test_start (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      mk_test_assert_contains (error->message, text);
      mk_simple_executor_set_stop_signal (executor, SIGTERM);
    }
  assert_usable (executor);
}

/* A stop with such a signal changes nothing either. */
static void
test_stop_full_signal (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_assert_false (mk_test_stop_full (executor, 0, MK_STATUS_NONE, 1000, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
  mk_test_assert_stops (executor);
}

static void
test_stream_modes (void)
{
  g_autoptr (MkSimpleExecutor) executor = good_executor ();

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_CAPTURE);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Standard input", NULL);
  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_FILE);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Standard input", NULL);
  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_NULL);

  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_PIPE);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Standard output", "PIPE", NULL);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_MERGE);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Standard output", NULL);
  mk_simple_executor_set_stdout_mode (executor, MK_STDIO_MODE_CAPTURE);

  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_FILE);
  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "Standard error", "path", NULL);
  mk_simple_executor_set_stderr_path (executor, "/nowhere/log");
  assert_start_fails (executor, MK_ERROR_SPAWN_FAILED, "/nowhere/log", mk_test_strerror (ENOENT), NULL);
  mk_simple_executor_set_stderr_path (executor, NULL);
  mk_simple_executor_set_stderr_mode (executor, MK_STDIO_MODE_CAPTURE);
  assert_usable (executor);
}

/* 0 means none; a negative one comes in as a very large one. */
static void
test_time_limits (void)
{
  static const guint limits[] = { 0, 1000 * 1000, G_MAXINT, (guint) -1 };
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autoptr (GError) error = NULL;

      mk_simple_executor_set_start_timeout (executor, limits[i]);
      mk_simple_executor_set_stop_timeout (executor, limits[i]);
      assert_usable (executor);
      mk_test_assert_starts (executor);
      g_assert_true (mk_test_stop_full (executor, SIGTERM, MK_STATUS_NONE, limits[i], &error));
      g_assert_no_error (error);
    }
}

static void
test_executor_without_probe (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, NULL };
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, NULL);

  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "no probe", NULL);
}

/* Hosts and ports */

static void
assert_port_is_invalid (const char *host, guint port, const char *message_part)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, host, port);
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new (host, port);
  g_autoptr (GError) error = NULL;

  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, message_part, NULL);
  g_assert_false (mk_test_probe_wait (probe, MK_TEST_LIMIT_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, message_part);
}

static void
test_ports_and_hosts (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, "{dir}", NULL };
  g_autoptr (MkTcpExecutor) unaware = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  g_autoptr (MkTcpProbe) nowhere = mk_tcp_probe_new ("127.0.0.1", 0);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (nowhere, MK_TEST_LIMIT_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "0 is not a TCP port");
  assert_start_fails (unaware, MK_ERROR_INVALID_ARGUMENT, "port is 0", "write {port}", NULL);
  assert_port_is_invalid ("127.0.0.1", 70000, "70000 is not a TCP port");
  assert_port_is_invalid ("127.0.0.1", G_MAXUINT, "4294967295 is not a TCP port");
  assert_port_is_invalid (NULL, 80, "host is empty");
  assert_port_is_invalid ("", 80, "host is empty");
}

static void
test_unknown_host (void)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "host.invalid", 80);

  assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "host.invalid", NULL);
}

static int
hold_port (guint port, gboolean listens)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons (port),
                                 .sin_addr = { htonl (INADDR_LOOPBACK) } };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  if (listens)
    g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static void
test_held_port (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", port);
  g_autofree char *pid = g_strdup_printf ("pid %d", (int) getpid ());
  int fd = hold_port (port, TRUE);

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  assert_start_fails (executor, MK_ERROR_ALREADY_RUNNING, address, pid, "test-bad-input", NULL);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
  close (fd);
  assert_usable (executor);
}

/* The holder is a service of another executor. */
static void
test_port_held_by_a_service (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *holder_tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) holder = mk_test_executor_new_tcp (holder_tag, port, NULL);
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  g_autofree char *pid = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  mk_test_assert_starts (holder);
  pid = g_strdup_printf ("mk-test-service (pid %d)", mk_simple_executor_get_pid (holder));
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, pid);
  mk_test_assert_state (holder, MK_EXECUTOR_STATE_READY);
  g_assert_true (mk_test_answers (port));
  mk_test_assert_stops (holder);
  assert_usable (executor);
}

/* Nobody answers there, so this comes out when the service wants the port. */
static void
test_port_held_without_listening (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, port, NULL);
  int fd = hold_port (port, FALSE);

  assert_start_fails (executor, MK_ERROR_EXITED, "Address already in use", NULL);
  close (fd);
  assert_usable (executor);
}

static void
remove_folder (void)
{
  static const char *const names[] = { "plain", "script", "headless" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  tag = mk_test_new_tag ();
  folder = g_dir_make_tmp ("mk-test-XXXXXX", NULL);
  g_assert_nonnull (folder);

  mk_test_add ("/bad-input/command/empty", test_empty_command);
  mk_test_add_once ("/bad-input/command/line", test_bad_command_lines);
  mk_test_add ("/bad-input/command/not-found", test_program_not_found);
  mk_test_add ("/bad-input/command/cannot-run", test_program_that_cannot_run);
  mk_test_add ("/bad-input/command/too-long", test_arguments_too_long);
  mk_test_add ("/bad-input/environment/too-long", test_environment_too_long);
  mk_test_add ("/bad-input/working-directory", test_missing_working_directory);
  mk_test_add ("/bad-input/environment", test_environment_entries);
  mk_test_add ("/bad-input/signals", test_signal_numbers);
  mk_test_add ("/bad-input/signal-of-stop-full", test_stop_full_signal);
  mk_test_add ("/bad-input/streams", test_stream_modes);
  mk_test_add ("/bad-input/time-limits", test_time_limits);
  mk_test_add ("/bad-input/no-probe", test_executor_without_probe);
  mk_test_add ("/bad-input/ports-and-hosts", test_ports_and_hosts);
  mk_test_add ("/bad-input/unknown-host", test_unknown_host);
  mk_test_add ("/bad-input/held-port", test_held_port);
  mk_test_add ("/bad-input/port-held-by-a-service", test_port_held_by_a_service);
  mk_test_add ("/bad-input/port-held-without-listening", test_port_held_without_listening);

  status = g_test_run ();
  remove_folder ();
  g_free (tag);
  return status;
}
