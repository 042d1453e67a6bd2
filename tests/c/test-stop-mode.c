/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which processes of a service get the stop signal, and what is said if that was not enough. */

#include <mirakuru-glib.h>
#include <signal.h>

#include "mk-test-calls.h"

/* How long the server needs after the first SIGTERM, in milliseconds */
#define TERM_DELAY 500

typedef struct
{
  const char *name;
  const char *program; /* that has to be there */
  const char *command; /* %s: the server */
} Parent;

/* They are ready for the signal before the server can be. */
static const Parent parents[] = {
  { "shell", "sh", "sh -c 'trap \"kill -TERM \\$!\" TERM; %s & wait $!; wait $!; exit $?'" },
  { "bash-foreground", "bash", "bash -c 'trap : TERM; %s; exit $?'" },
  { "tini", "tini", "tini -s -- %s" },
  { "tini-group", "tini", "tini -s -g -- %s" },
  { "dumb-init", "dumb-init", "dumb-init %s" },
  { "dumb-init-single-child", "dumb-init", "dumb-init --single-child %s" },
  { "shell-in-tini", "tini", "tini -s -- sh -c 'trap : TERM; %s & wait; wait'" },
};

static MkSimpleExecutor *
new_for_parent (const char *command, const char *tag, const char *stamps, int term_delay)
{
  g_autofree char *server = g_strdup_printf (
      "%s --tag %s --stamp %s --on-term 0 --term-delay %d", mk_test_service_path (), tag, stamps, term_delay);
  g_autofree char *file = g_strdup_printf ("%s --pid-file %s.pid", server, stamps);
  g_autofree char *pid_file = g_strdup_printf ("%s.pid", stamps);
  g_auto (GStrv) parts = g_strsplit (command, "%s", 2);
  g_autofree char *line = g_strconcat (parts[0], file, parts[1], NULL);
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;

  g_shell_parse_argv (line, NULL, &argv, &error);
  g_assert_no_error (error);
  return MK_SIMPLE_EXECUTOR (mk_pid_executor_new ((const char *const *) argv, pid_file));
}

static void
test_one_signal (gconstpointer data)
{
  const Parent *parent = data;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (g_str_equal (parent->name, "shell-in-tini") &&
      !mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  if (!mk_test_has_program (parent->program))
    return;
  executor = new_for_parent (parent->command, tag, stamps, TERM_DELAY);
  /* A parent that does not pass it on has to wait for half of the stop timeout. */
  mk_simple_executor_set_stop_timeout (executor, strstr (parent->command, "trap :") ? 3000 : 0);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "term"), ==, 1);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "exit"), ==, 1);
  g_assert_null (mk_simple_executor_dup_kill_reason (executor));
}

/* What the other tests count can be two: the parent passes the signal on a little later, as two that come at
 * once are one. */
static void
test_whole_tree (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autoptr (MkSimpleExecutor) executor = new_for_parent (
      "sh -c 'trap \"sleep 0.2; kill -TERM \\$!\" TERM; %s & wait $!; wait $!'", tag, stamps, 4 * TERM_DELAY);

  g_assert_cmpint (mk_simple_executor_get_stop_mode (executor), ==, MK_STOP_MODE_LEADER);
  mk_simple_executor_set_stop_mode (executor, MK_STOP_MODE_TREE);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "term"), ==, 2);
}

static const char pool[] = "import concurrent.futures, os, signal, sys, time\n"
                           "ended = []\n"
                           "signal.signal(signal.SIGTERM, lambda *_: ended.append(1))\n"
                           "def begin():\n"
                           "    signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
                           "def work(seconds):\n"
                           "    time.sleep(seconds)\n"
                           "    return os.getpid()\n"
                           "with concurrent.futures.ProcessPoolExecutor(2, initializer=begin) as workers:\n"
                           "    list(workers.map(work, [0.05, 0.05]))\n"
                           "    print('ready', flush=True)\n"
                           "    while not ended:\n"
                           "        time.sleep(0.01)\n"
                           "    done = list(workers.map(work, [0.3, 0.3, 0.3]))\n"
                           "sys.exit(0 if len(done) == 3 else 1)\n";

static void
test_pool (gconstpointer data)
{
  MkStopMode mode = GPOINTER_TO_INT (data);
  const char *const argv[] = { "python3", "-c", pool, NULL };
  g_autoptr (MkOutputExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_output_executor_new (argv, "ready");
  mk_simple_executor_set_stop_mode (MK_SIMPLE_EXECUTOR (executor), mode);
  mk_test_assert_starts (executor);
  if (mode == MK_STOP_MODE_LEADER)
    {
      mk_test_assert_stops (executor);
      g_assert_cmpint (mk_simple_executor_get_exit_status (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
    }
  else
    {
      g_assert_false (mk_test_stop (executor, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
    }
}

/* The first process never ends by the signal; the others get it when half of the time has passed. */
static void
test_deaf_parent (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autoptr (MkSimpleExecutor) executor =
      new_for_parent ("sh -c 'trap \"\" TERM; %s'", tag, stamps, TERM_DELAY);

  mk_simple_executor_set_stop_timeout (executor, 2000);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "exit"), ==, 1);
}

/* Without a limit, so that only the end of the first process can be what sends the signal to the others. */
static void
test_rest_of_the_tree (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autoptr (MkSimpleExecutor) executor =
      new_for_parent ("sh -c '%s & exec sleep 120'", tag, stamps, TERM_DELAY);

  mk_simple_executor_set_stop_timeout (executor, 0);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "term"), ==, 1);
  g_assert_cmpuint (mk_test_count_stamps (stamps, "exit"), ==, 1);
}

static void
assert_kill_reason (MkSimpleExecutor *executor, const char *expected)
{
  g_autofree char *reason = mk_simple_executor_dup_kill_reason (executor);
  g_autofree char *description = mk_simple_executor_describe (executor);

  g_assert_cmpstr (reason, ==, expected);
  if (expected != NULL)
    mk_test_assert_contains (description, expected);
  else
    g_assert_null (strstr (description, "killed"));
}

static void
test_kill_reason (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--deaf", NULL);

  mk_simple_executor_set_stop_timeout (executor, 500);
  mk_test_assert_starts (executor);
  assert_kill_reason (executor, NULL);
  mk_test_assert_stops (executor);
  assert_kill_reason (executor, "killed, because it had not ended 0.5 s after SIGTERM");
  mk_test_assert_nothing_left (tag);

  /* The next start knows nothing of it; nor is it said of what was asked for. */
  mk_test_assert_starts (executor);
  assert_kill_reason (executor, NULL);
  g_assert_true (mk_test_kill (executor, NULL, NULL));
  assert_kill_reason (executor, NULL);

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_stop_full (executor, SIGINT, MK_STATUS_NONE, 700, NULL));
  assert_kill_reason (executor, "killed, because it had not ended 0.7 s after SIGINT");
}

static gboolean
has_ended (gpointer executor)
{
  return mk_simple_executor_get_exit_status (executor) != MK_STATUS_NONE;
}

/* A signal that is not handled ends what gets it. */
static void
test_send_signal (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--children", "2", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_simple_executor_send_signal_to_group (executor, SIGUSR1, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_clear_error (&error);

  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_send_signal (executor, SIGUSR1, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_poll_until (has_ended, executor, MK_TEST_LIMIT_MS));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 2);

  /* There is no first process any more. */
  g_assert_false (mk_simple_executor_send_signal (executor, SIGUSR1, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_clear_error (&error);

  g_assert_true (mk_simple_executor_send_signal_to_group (executor, SIGUSR1, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_await_inactive (executor));
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_EXITED);
  g_assert_cmpint (mk_simple_executor_get_exit_status (executor), ==, -SIGUSR1);
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (parents); i++)
    {
      g_autofree char *path = g_strconcat ("/stop-mode/one-signal/", parents[i].name, NULL);

      mk_test_add_with_data (path, test_one_signal, &parents[i]);
    }
  mk_test_add ("/stop-mode/whole-tree", test_whole_tree);
  mk_test_add_with_data ("/stop-mode/pool/leader", test_pool, GINT_TO_POINTER (MK_STOP_MODE_LEADER));
  mk_test_add_with_data ("/stop-mode/pool/tree", test_pool, GINT_TO_POINTER (MK_STOP_MODE_TREE));
  mk_test_add ("/stop-mode/deaf-parent", test_deaf_parent);
  mk_test_add ("/stop-mode/rest-of-the-tree", test_rest_of_the_tree);
  mk_test_add ("/stop-mode/kill-reason", test_kill_reason);
  mk_test_add ("/stop-mode/send-signal", test_send_signal);
  return g_test_run ();
}
