/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A command as the probe: what its exit status says, what is told of it, and that nothing of it is ever left,
 * whatever it does and whoever loses patience.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>

#define LONG_MS (60 * 1000)
/* Long enough for a command to begin on a busy machine. */
#define HUNG_MS 250
/* How late a wait whose time is up may be, on a machine that is busy with other tests. */

static MkCommandProbe *
new_shell_probe (const char *script)
{
  const char *argv[] = { "sh", "-c", script, NULL };

  return mk_command_probe_new (argv);
}

/* A test service as the command: it does not end by itself unless it is told to. */
static MkCommandProbe *
new_service_probe (const char *tag, const char *option)
{
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "still thinking", option, NULL);

  return mk_command_probe_new ((const char *const *) argv);
}

static char *
new_path (void)
{
  g_autofree char *tag = mk_test_new_tag ();

  return g_build_filename (g_get_tmp_dir (), tag, NULL);
}

/* ---- one attempt ---- */

static void
assert_check (const char *script, gboolean expected)
{
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mk_test_check (probe, NULL, &error), ==, expected);
  g_assert_no_error (error);
}

static void
test_status (void)
{
  assert_check ("exit 0", TRUE);
  assert_check ("exit 1", FALSE);
  assert_check ("kill -9 $$", FALSE);
}

static void
test_environment (void)
{
  const char *environment[] = { "MK_TEST_A=one two", "MK_TEST_B=", NULL };
  g_autoptr (MkCommandProbe) probe = new_shell_probe ("[ \"$MK_TEST_A\" = 'one two' ] && [ -n \"$PATH\" ]");

  g_assert_false (mk_test_check (probe, NULL, NULL));
  mk_command_probe_set_environment (probe, environment);
  g_assert_true (mk_test_check (probe, NULL, NULL));
}

/* It must not eat what the program's own input is, nor wait for it. */
static void
test_no_input (void)
{
  assert_check ("[ -z \"$(cat)\" ]", TRUE);
}

/* More than a pipe holds */
static void
test_much_output (void)
{
  assert_check ("yes | head -c 1000000; yes | head -c 1000000 >&2", TRUE);
}

static void
test_leaves_nothing (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv =
      mk_test_service_argv (tag, "--children", "2", "--setsid-children", "--daemon", "--print", "done", NULL);
  g_autoptr (MkCommandProbe) probe = mk_command_probe_new ((const char *const *) argv);
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  g_assert_true (mk_test_check (probe, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_nothing_left (tag);
}

/* ---- waiting ---- */

static void
test_comes_and_goes (void)
{
  g_autofree char *path = new_path ();
  g_autofree char *script = g_strdup_printf ("echo x >> %s; [ $(wc -l < %s) -ge 3 ]", path, path);
  g_autofree char *gone_script = g_strdup_printf ("echo x >> %s; [ $(wc -l < %s) -lt 6 ]", path, path);
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_autoptr (MkCommandProbe) gone = new_shell_probe (gone_script);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mk_test_probe_wait_gone (gone, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_unlink (path);
}

static void
test_expiry_tells_the_last_output (void)
{
  g_autoptr (MkCommandProbe) probe =
      new_shell_probe ("seq 100; echo 'no response' >&2; printf 'try \\377 later\\n'; exit 2");
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, 600, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "” to succeed");
  mk_test_assert_contains (error->message, "(sh exited with status 2: 100 / no response / try");
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

/* The last attempt had no time left: what those before it said is worth more. */
static void
test_attempt_that_is_cut_short (void)
{
  g_autoptr (MkCommandProbe) probe = new_shell_probe ("echo 'no response'; sleep 0.2; exit 2");
  g_autoptr (GError) error = NULL;

  /* The third one would begin at 900 ms. */
  g_assert_false (mk_test_probe_wait (probe, 1000, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "exited with status 2: no response");
}

static void
assert_times_out (const char *option)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkCommandProbe) probe = new_service_probe (tag, option);

  mk_test_assert_wait_times_out (probe, HUNG_MS, "was killed: it had not ended after", "still thinking");
  mk_test_assert_soon_nothing_left (tag);
}

static void
test_hung_command (void)
{
  assert_times_out ("--deaf");
  assert_times_out ("--stopped");
  if (mk_test_has_linux_features ("processes that leave their group are found"))
    assert_times_out ("--setsid-children");
}

/* The limit of an attempt ends that only: the wait goes on, and the next attempt may do better. */
static void
test_limit_of_an_attempt (void)
{
  g_autofree char *path = new_path ();
  g_autofree char *script =
      g_strdup_printf ("[ -e %s ] && exit 0; touch %s; echo started; sleep 60 & wait", path, path);
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  mk_command_probe_set_timeout (probe, 200);
  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 200 * G_TIME_SPAN_MILLISECOND);
  g_unlink (path);
}

static void
test_too_slow_is_not_yet (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkCommandProbe) probe = new_service_probe (tag, "--deaf");
  g_autoptr (GError) error = NULL;

  mk_command_probe_set_timeout (probe, 100);
  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_soon_nothing_left (tag);
}

static void
test_cancelled (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkCommandProbe) probe = new_service_probe (tag, "--deaf");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 100);
  g_assert_false (mk_test_probe_wait (probe, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_soon_nothing_left (tag);
}

/* As soon as it has ended it is run again, unless the user has said how long to pause. */
static guint
count_runs (guint interval_ms)
{
  g_autofree char *path = new_path ();
  g_autofree char *script = g_strdup_printf ("echo x >> %s; sleep 0.02; exit 1", path);
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_autofree char *text = NULL;
  gsize length = 0;

  mk_probe_set_interval (MK_PROBE (probe), interval_ms);
  g_assert_false (mk_test_probe_wait (probe, 1000, NULL, NULL));
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  g_unlink (path);
  return length / 2;
}

static void
test_how_often_it_is_run (void)
{
  guint n_by_hand = count_runs (250);

  g_assert_cmpuint (n_by_hand, >=, 2);
  g_assert_cmpuint (n_by_hand, <=, 5);
  g_assert_cmpuint (count_runs (0), >, n_by_hand);
}

/* ---- bad settings ---- */

static void
assert_fails_for_good (MkCommandProbe *probe, int code, const char *message_part)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--deaf", NULL);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  g_clear_error (&error);

  /* An executor finds out before it starts anything. */
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  g_assert_cmpint (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
}

static void
test_bad_settings (void)
{
  const char *nothing[] = { NULL }, *empty[] = { "", "x", NULL };
  const char *missing[] = { "mk-no-such-program", "x", NULL }, *folder[] = { "/tmp", NULL };
  const char *bad_environment[] = { "=value", NULL };
  g_autoptr (MkCommandProbe) unset = g_object_new (MK_TYPE_COMMAND_PROBE, NULL);
  g_autoptr (MkCommandProbe) no_words = mk_command_probe_new (nothing);
  g_autoptr (MkCommandProbe) empty_word = mk_command_probe_new (empty);
  g_autoptr (MkCommandProbe) not_found = mk_command_probe_new (missing);
  g_autoptr (MkCommandProbe) no_program = mk_command_probe_new (folder);
  g_autoptr (MkCommandProbe) environment = new_shell_probe ("exit 0");

  mk_command_probe_set_environment (environment, bad_environment);
  assert_fails_for_good (unset, MK_ERROR_INVALID_ARGUMENT, "The command is empty");
  assert_fails_for_good (no_words, MK_ERROR_INVALID_ARGUMENT, "The command is empty");
  assert_fails_for_good (empty_word, MK_ERROR_INVALID_ARGUMENT, "The command is empty");
  assert_fails_for_good (environment, MK_ERROR_INVALID_ARGUMENT, "NAME=value");
  assert_fails_for_good (not_found, MK_ERROR_SPAWN_FAILED, "mk-no-such-program");
  assert_fails_for_good (no_program, MK_ERROR_SPAWN_FAILED, "is a directory");
}

/* ---- as the probe of an executor ---- */

static MkExecutor *
new_redis (guint port)
{
  g_autofree char *digits = g_strdup_printf ("%u", port);
  const char *argv[] = { "redis-server", "--port", digits, "--save", "", NULL };
  const char *ping[] = { "redis-cli", "-p", digits, "-e", "ping", NULL };
  g_autoptr (MkCommandProbe) probe = mk_command_probe_new (ping);

  return mk_executor_new (argv, MK_PROBE (probe));
}

static void
test_redis (void)
{
  guint port = mk_test_free_port ();
  g_autoptr (MkExecutor) redis = NULL;
  g_autoptr (MkExecutor) other = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_program ("redis-server") || !mk_test_has_program ("redis-cli"))
    return;

  redis = new_redis (port);
  other = new_redis (port);
  mk_test_assert_starts (redis);

  g_assert_false (mk_test_start (other, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "redis-cli -p");
  mk_test_assert_contains (error->message, "succeeded before the service was started");

  mk_test_assert_stops (redis);
}

static void
test_start_with_hung_command (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = new_path ();
  g_autofree char *script =
      g_strdup_printf ("[ -e %s ] || { touch %s; exit 1; }; echo asked; exec %s --tag %s --deaf",
                       path,
                       path,
                       mk_test_service_path (),
                       tag);
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "up", NULL);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;
  gboolean is_good = FALSE;

  /* On a busy machine the command may not come to say anything. */
  for (guint round = 1; round <= 3 && !is_good; round++)
    {
      guint timeout_ms = 500 * round * round;
      MkTestLimit limit;

      g_clear_error (&error);
      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), timeout_ms);
      mk_test_limit_begin (&limit, timeout_ms);
      g_assert_false (mk_test_start (executor, NULL, &error));
      is_good = mk_test_limit_end (&limit);
      g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
      mk_test_assert_soon_nothing_left (tag);
      is_good = is_good && strstr (error->message, "asked") != NULL;
      g_unlink (path);
    }
  mk_test_assert_contains (error->message, "asked");
  g_assert_true (is_good);
}

/* The end of the service ends the wait at once, and the command with it. */
static void
test_service_exits_while_command_runs (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = new_path ();
  g_autofree char *script = g_strdup_printf ("[ -e %s ] || { touch %s; exit 1; }; exec %s --tag %s --deaf",
                                             path,
                                             path,
                                             mk_test_service_path (),
                                             tag);
  g_autoptr (MkCommandProbe) probe = new_shell_probe (script);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--exit", "3", "--exit-after", "150", NULL);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  mk_test_assert_soon_nothing_left (tag);
  g_unlink (path);
}

/* ---- properties ---- */

static void
count_notify (GObject *object, GParamSpec *pspec, gpointer count)
{
  ++*(guint *) count;
}

static void
test_properties (void)
{
  const char *argv[] = { "redis-cli", "ping me", NULL }, *other[] = { "true", NULL };
  g_autoptr (MkCommandProbe) probe = mk_command_probe_new (argv);
  g_autofree char *description = mk_probe_describe (MK_PROBE (probe));
  guint count = 0;

  g_assert_cmpstr (description, ==, "“redis-cli 'ping me'” to succeed");
  g_assert_cmpuint (mk_command_probe_get_timeout (probe), ==, 10000);
  g_assert_true (g_strv_equal (mk_command_probe_get_command (probe), argv));
  g_assert_null (mk_command_probe_get_environment (probe));

  g_signal_connect (probe, "notify", G_CALLBACK (count_notify), &count);
  mk_command_probe_set_command (probe, argv);
  mk_command_probe_set_environment (probe, NULL);
  mk_command_probe_set_timeout (probe, 10000);
  g_assert_cmpuint (count, ==, 0);
  g_object_set (probe, "command", other, "environment", other, "timeout", 5, NULL);
  g_assert_cmpuint (count, ==, 3);
}

int
main (int argc, char **argv)
{
  mk_test_adopt_orphans ();
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/command-probe/check/status", test_status);
  mk_test_add ("/command-probe/check/environment", test_environment);
  mk_test_add ("/command-probe/check/no-input", test_no_input);
  mk_test_add ("/command-probe/check/much-output", test_much_output);
  mk_test_add ("/command-probe/check/leaves-nothing", test_leaves_nothing);
  mk_test_add ("/command-probe/check/too-slow-is-not-yet", test_too_slow_is_not_yet);

  mk_test_add ("/command-probe/wait/comes-and-goes", test_comes_and_goes);
  mk_test_add ("/command-probe/wait/expiry-tells-the-last-output", test_expiry_tells_the_last_output);
  mk_test_add_once ("/command-probe/wait/attempt-that-is-cut-short", test_attempt_that_is_cut_short);
  mk_test_add ("/command-probe/wait/hung-command", test_hung_command);
  mk_test_add ("/command-probe/wait/limit-of-an-attempt", test_limit_of_an_attempt);
  mk_test_add ("/command-probe/wait/cancelled", test_cancelled);
  mk_test_add_once ("/command-probe/wait/how-often-it-is-run", test_how_often_it_is_run);
  mk_test_add ("/command-probe/bad-settings", test_bad_settings);

  mk_test_add ("/command-probe/executor/redis", test_redis);
  mk_test_add ("/command-probe/executor/hung-command", test_start_with_hung_command);
  mk_test_add ("/command-probe/executor/service-exits", test_service_exits_while_command_runs);
  mk_test_add_once ("/command-probe/properties", test_properties);

  return g_test_run ();
}
