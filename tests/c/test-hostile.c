/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service that turns against the supervisor, the program that has started it, or what either of them
 * touches: what it gains, and what it does not. SECURITY.md lists these tests.
 *
 * The scripts are for sh. $PPID is the supervisor there, and "$@" a service with the tag.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <unistd.h>

#define START_TIMEOUT_MS 1000
#define STOP_TIMEOUT_MS  300
/* Whom nobody obeys is given up this long after the last time limit; and what a busy machine needs more */
#define GIVE_UP_MS 4500
#define MARGIN_MS  2500

static MkSimpleExecutor *
new_script (const char *tag, const char *script)
{
  const char *argv[] = { "sh", "-c", script, "sh", mk_test_service_path (), "--tag", tag, NULL };
  MkSimpleExecutor *executor = mk_simple_executor_new (argv);

  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  return executor;
}

/* Its end may come during the start or after it. */
static void
start_and_stop (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  if (mk_test_start (executor, NULL, &error))
    mk_test_await_inactive (executor);
  mk_test_stop (executor, NULL, NULL);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

/* ---- the supervisor ---- */

static void
test_kills_its_supervisor (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      new_script (tag, "\"$@\" & setsid \"$@\" --deaf & kill -KILL $PPID; wait");

  if (!mk_test_has_linux_features ("processes are found by their marker"))
    return;
  start_and_stop (executor);
  mk_test_assert_nothing_left (tag);
}

/* The one way out of the tree that is a service's own: nothing tells whose process that was. */
static void
test_kills_its_supervisor_and_hides (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      new_script (tag, "setsid env -i sh -c \"kill -KILL $PPID; exec \\\"\\$@\\\"\" sh \"$@\" & wait");

  if (!mk_test_has_linux_features ("a service dies with its supervisor"))
    return;
  start_and_stop (executor);
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 1);
  mk_test_kill_tagged (tag);
}

static gboolean
one_is_left (gpointer tag)
{
  return mk_test_count_tagged (tag) == 1;
}

/* Nobody is left who could look for the marker. */
static void
test_kills_its_host_and_supervisor (void)
{
  static const char script[] = "read -r _ _ _ host _ < /proc/$PPID/stat; setsid \"$@\" & "
                               "kill -STOP $PPID; kill -KILL $host $PPID; wait";
  const char *argv[] = { mk_test_host_path (),    "--way", "stop", "--", "sh", "-c", script, "sh",
                         mk_test_service_path (), NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GSubprocess) host = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("a service dies with its supervisor"))
    return;
  g_subprocess_launcher_setenv (launcher, "MK_TEST_TAG", tag, TRUE);
  host = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait (host, NULL, NULL));
  g_assert_true (g_subprocess_get_if_signaled (host));
  /* The first process ends with the supervisor. */
  g_assert_true (mk_test_poll_until (one_is_left, tag, MK_TEST_GONE_MS));
  mk_test_kill_tagged (tag);
}

/* It may do so before the start knows of it. */
static void
test_stops_its_supervisor (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      new_script (tag, "trap '' TERM; \"$@\" --deaf & while :; do kill -STOP $PPID; done");
  const guint limit_ms = STOP_TIMEOUT_MS + GIVE_UP_MS + MARGIN_MS;
  gint64 begin;

  if (!mk_test_has_linux_features ("a service dies with its supervisor"))
    return;
  mk_simple_executor_set_start_timeout (executor, START_TIMEOUT_MS);
  mk_test_start (executor, NULL, NULL);
  begin = g_get_monotonic_time ();
  mk_test_stop (executor, NULL, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, limit_ms * G_TIME_SPAN_MILLISECOND);
  mk_test_assert_nothing_left (tag);
}

/* ---- what messages show ---- */

static void
test_paints_in_errors (void)
{
  static const char script[] =
      "printf '\\033[2J\\033]0;title\\007\\233 31m\\342\\200\\256evil\\b\\b\\000\\377\\n' >&2; "
      "exit 3";
  const char *argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", mk_test_free_port ());
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_contains (error->message, "ev");
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  for (const char *c = error->message; *c != '\0'; c = g_utf8_next_char (c))
    g_assert_true (*c == '\n' || (!g_unichar_iscntrl (g_utf8_get_char (c)) && g_utf8_get_char (c) != 0x202e));
}

/* ---- its directory ---- */

static void
test_replaces_its_directory (void)
{
  static const char script[] = "stat -c %a \"$1\"; rmdir \"$1\"; ln -s \"$2\" \"$1\"; shift 2; exec \"$@\"";
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *precious = g_build_filename (folder, "precious", NULL);
  const char *argv[] = { "sh",
                         "-c",
                         script,
                         "sh",
                         "{dir}",
                         folder,
                         mk_test_service_path (),
                         "--tag",
                         tag,
                         "--listen",
                         "127.0.0.1:{port}",
                         NULL };
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  g_autofree char *directory = NULL;
  g_autofree char *output = NULL;

  mk_test_write_file (precious, "");
  mk_test_assert_starts (executor);
  directory = mk_simple_executor_dup_value (MK_SIMPLE_EXECUTOR (executor), "dir");
  g_assert_true (g_file_test (directory, G_FILE_TEST_IS_SYMLINK));
  mk_test_assert_stops (executor);
  output = mk_test_dup_stdout (executor);
  g_assert_cmpstr (output, ==, "700\n");
  g_assert_false (g_file_test (directory, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_test (precious, G_FILE_TEST_EXISTS));
  mk_test_assert_nothing_left (tag);
}

/* ---- its port ---- */

/* What no executor has started may listen for a service, as programs do that start containers. */
static void
test_stranger_takes_its_port (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *stranger_tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  const char *argv[] = { mk_test_service_path (), "--tag", tag, NULL };
  g_auto (GStrv) stranger_argv = mk_test_service_argv (stranger_tag, "--listen", address, NULL);
  g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", port);
  g_autoptr (GSubprocess) stranger = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (executor), NULL, mk_test_store_result, &result);
  while (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)) == 0)
    g_main_context_iteration (NULL, TRUE);
  stranger = g_subprocess_newv ((const char *const *) stranger_argv, G_SUBPROCESS_FLAGS_NONE, &error);
  g_assert_no_error (error);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (executor), result, &error));
  g_assert_no_error (error);

  mk_test_assert_stops (executor);
  g_assert_cmpuint (mk_test_count_tagged (stranger_tag), ==, 1);
  g_subprocess_force_exit (stranger);
  g_subprocess_wait (stranger, NULL, NULL);
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  mk_test_adopt_orphans ();
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/hostile/kills-its-supervisor", test_kills_its_supervisor);
  mk_test_add ("/hostile/kills-its-supervisor-and-hides", test_kills_its_supervisor_and_hides);
  mk_test_add_once ("/hostile/kills-its-host-and-supervisor", test_kills_its_host_and_supervisor);
  mk_test_add ("/hostile/stops-its-supervisor", test_stops_its_supervisor);
  mk_test_add ("/hostile/paints-in-errors", test_paints_in_errors);
  mk_test_add ("/hostile/replaces-its-directory", test_replaces_its_directory);
  mk_test_add_once ("/hostile/stranger-takes-its-port", test_stranger_takes_its_port);

  return g_test_run ();
}
