/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Suites that run under services: mk_gtest_init() and what goes with it. This program runs itself as such a
 * suite, and looks at what it printed, at how it ended, and at what it has left.
 */

#define _GNU_SOURCE
#include "mirakuru-glib-test.h"
#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <sys/wait.h>

/* Which suite the program is. */
#define SUITE "MK_TEST_SUITE"

/* ---- the suites ---- */

static void
inner_environment (void)
{
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  g_autoptr (GDBusConnection) system = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  const char *home = g_getenv ("HOME");

  g_assert_nonnull (bus);
  g_assert_null (system);
  g_assert_null (g_getenv (MK_GTEST_INNER));
  g_assert_cmpstr (g_getenv ("GSETTINGS_BACKEND"), ==, "memory");
  g_assert_true (g_str_has_prefix (g_get_user_config_dir (), home));
  g_assert_true (g_file_test (g_get_user_data_dir (), G_FILE_TEST_IS_DIR));
  g_test_message ("home: %s", home);
}

static void
inner_fails (void)
{
  g_test_fail ();
}

static void
inner_exits (void)
{
  exit (3);
}

static void
inner_dies (void)
{
  signal (SIGTERM, SIG_DFL);
  raise (SIGTERM);
}

static void
inner_hangs (void)
{
  g_test_message ("home: %s", g_getenv ("HOME"));
  g_usleep (60 * G_USEC_PER_SEC);
}

static void
inner_leaves (void)
{
  const char *argv[] = { "sh", "-c", "trap '' HUP; sleep 60 & exit 0", NULL };

  g_assert_true (
      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

static int
run_inner_suite (int argc, char **argv)
{
  mk_gtest_init (&argc, &argv, "home", "session-bus", NULL);

  g_test_add_func ("/inner/environment", inner_environment);
  g_test_add_func ("/inner/fails", inner_fails);
  g_test_add_func ("/inner/exits", inner_exits);
  g_test_add_func ("/inner/dies", inner_dies);
  g_test_add_func ("/inner/hangs", inner_hangs);
  g_test_add_func ("/inner/leaves", inner_leaves);
  return g_test_run ();
}

static int
run_unknown_suite (int argc, char **argv)
{
  mk_gtest_init (&argc, &argv, "no-such-template", NULL);
  return g_test_run ();
}

static void
isolated_service (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag,
                                              "--print-env",
                                              "HOME",
                                              "--print-env",
                                              "XDG_CONFIG_HOME",
                                              "--print-env",
                                              "XDG_DATA_HOME",
                                              "--exit",
                                              "0",
                                              NULL);
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new ((const char *const *) argv);
  g_autoptr (GBytes) output = NULL;
  g_autofree char *text = NULL;
  g_autofree char *expected = NULL;

  mk_simple_executor_set_completes (executor, TRUE);
  mk_gtest_start (executor);
  output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  text = g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  expected = g_strdup_printf ("HOME=%s\nXDG_CONFIG_HOME=%s\nXDG_DATA_HOME=%s\n",
                              g_get_home_dir (),
                              g_get_user_config_dir (),
                              g_get_user_data_dir ());
  g_assert_cmpstr (text, ==, expected);
  g_assert_null (strstr (text, "/dev/null"));
  mk_gtest_stop (executor);
}

static int
run_isolated_suite (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/isolated/service", isolated_service);
  return g_test_run ();
}

/* @holds: whether the connection is dropped too late */
static void
use_bus (gconstpointer holds)
{
  MkExecutorGroup *bus = mk_gtest_start_template ("session-bus", NULL);
  GDBusConnection *connection;
  g_auto (GStrv) environment = NULL;

  if (bus == NULL)
    return;

  environment = mk_executor_group_dup_environment (bus, NULL);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", g_environ_getenv (environment, "DBUS_SESSION_BUS_ADDRESS"), TRUE);
  connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  g_assert_nonnull (connection);
  if (holds == NULL)
    g_clear_object (&connection);
  mk_gtest_stop_service (bus);
  g_clear_object (&connection);
}

static int
run_bus_suite (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/bus/dropped", NULL, use_bus);
  g_test_add_data_func ("/bus/dropped-again", NULL, use_bus);
  g_test_add_data_func ("/bus/held", "yes", use_bus);
  return g_test_run ();
}

/* ---- from outside ---- */

typedef struct
{
  char *tag;
  GSubprocess *process;
} Suite;

/* All of the suite has the tag in its environment. */
static guint
suite_count (Suite *self)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  g_autofree char *entry = g_strconcat ("MK_TEST_TAG=", self->tag, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc", name, "environ", NULL);
      g_autofree char *environment = NULL;
      gsize length = 0;

      if (g_file_get_contents (path, &environment, &length, NULL) &&
          memmem (environment, length, entry, strlen (entry)) != NULL)
        n++;
    }
  return n;
}

static void
suite_assert_nothing_left (Suite *self)
{
  for (guint i = 0; i < 4000 && suite_count (self) > 0; i++)
    g_usleep (1000);
  g_assert_cmpuint (suite_count (self), ==, 0);
}

static void
suite_clear (Suite *self)
{
  g_clear_object (&self->process);
  suite_assert_nothing_left (self);
  g_free (self->tag);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Suite, suite_clear)

/* @path: (nullable): what PATH is */
static void
suite_start (Suite *self, const char *name, const char *path, const char *option, const char *value)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GError) error = NULL;

  self->tag = mk_test_new_tag ();
  /* Newer versions of GLib indent what a test within a test prints. */
  g_subprocess_launcher_unsetenv (launcher, "G_TEST_ROOT_PROCESS");
  g_subprocess_launcher_setenv (launcher, SUITE, name, TRUE);
  g_subprocess_launcher_setenv (launcher, "MK_TEST_TAG", self->tag, TRUE);
  if (path != NULL)
    g_subprocess_launcher_setenv (launcher, "PATH", path, TRUE);
  self->process =
      g_subprocess_launcher_spawn (launcher, &error, "/proc/self/exe", "--tap", option, value, NULL);
  g_assert_no_error (error);
}

/* Returns: (transfer full): what it has printed */
static char *
suite_finish (Suite *self)
{
  char *output = NULL;
  g_autoptr (GError) error = NULL;

  g_subprocess_communicate_utf8 (self->process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  return output;
}

static char *
find_home (const char *output)
{
  const char *begin = strstr (output, "# home: ");

  g_assert_nonnull (begin);
  begin += strlen ("# home: ");
  return g_strndup (begin, strcspn (begin, "\n"));
}

static void
assert_in (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in “%s”", part, text);
}

static gboolean
has_bus (void)
{
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();

  return mk_executor_group_add_template (group, "bus", "session-bus", NULL) != NULL;
}

static void
test_environment (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;
  g_autofree char *home = NULL;

  if (!has_bus ())
    {
      g_test_skip ("dbus-daemon is not installed");
      return;
    }
  suite_start (&suite, "inner", NULL, "-p", "/inner/environment");
  output = suite_finish (&suite);
  g_assert_true (g_subprocess_get_successful (suite.process));
  assert_in (output, "ok 1 /inner/environment");
  home = find_home (output);
  g_assert_false (g_file_test (home, G_FILE_TEST_EXISTS));
}

static void
test_ends (void)
{
  static const struct
  {
    const char *path;
    int status;
    int signal;
  } ends[] = { { "/inner/leaves", 0, 0 },
               { "/inner/exits", 3, 0 },
               { "/inner/fails", 0, SIGABRT },
               { "/inner/dies", 0, SIGTERM } };

  for (gsize i = 0; i < G_N_ELEMENTS (ends) && has_bus (); i++)
    {
      g_auto (Suite) suite = { 0 };
      g_autofree char *output = NULL;

      suite_start (&suite, "inner", NULL, "-p", ends[i].path);
      output = suite_finish (&suite);
      if (ends[i].signal != 0)
        {
          g_assert_true (g_subprocess_get_if_signaled (suite.process));
          g_assert_cmpint (g_subprocess_get_term_sig (suite.process), ==, ends[i].signal);
        }
      else
        {
          g_assert_true (g_subprocess_get_if_exited (suite.process));
          g_assert_cmpint (g_subprocess_get_exit_status (suite.process), ==, ends[i].status);
        }
    }
}

static void
test_lists (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;

  if (!has_bus ())
    return;
  suite_start (&suite, "inner", NULL, "-l", NULL);
  output = suite_finish (&suite);
  assert_in (output, "/inner/environment\n");
}

/* In the middle of a case: the program that was started is killed, and the other one, and the services go. */
static void
test_killed (gconstpointer number)
{
  g_auto (Suite) suite = { 0 };
  g_autoptr (GString) output = g_string_new (NULL);
  g_autofree char *home = NULL;
  char buffer[512];

  if (!has_bus ())
    return;
  suite_start (&suite, "inner", NULL, "-p", "/inner/hangs");
  while (strstr (output->str, "# home: ") == NULL || !g_str_has_suffix (output->str, "\n"))
    {
      gssize n = g_input_stream_read (
          g_subprocess_get_stdout_pipe (suite.process), buffer, sizeof buffer, NULL, NULL);

      g_assert_cmpint (n, >, 0);
      g_string_append_len (output, buffer, n);
    }
  g_assert_cmpuint (suite_count (&suite), >, 3);
  g_subprocess_send_signal (suite.process, GPOINTER_TO_INT (number));
  g_subprocess_wait (suite.process, NULL, NULL);
  g_assert_cmpint (g_subprocess_get_term_sig (suite.process), ==, GPOINTER_TO_INT (number));

  suite_assert_nothing_left (&suite);
  home = find_home (output->str);
  for (guint i = 0; i < 2000 && g_file_test (home, G_FILE_TEST_EXISTS); i++)
    g_usleep (1000);
  g_assert_false (g_file_test (home, G_FILE_TEST_EXISTS));
}

static void
test_missing (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;

  suite_start (&suite, "inner", "/nonexistent", "-p", "/inner/environment");
  output = suite_finish (&suite);
  g_assert_true (g_subprocess_get_successful (suite.process));
  assert_in (output, "1..0 # SKIP ");
  assert_in (output, "dbus-daemon");
}

static void
test_unknown (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;

  suite_start (&suite, "unknown", NULL, NULL, NULL);
  output = suite_finish (&suite);
  g_assert_false (g_subprocess_get_successful (suite.process));
  assert_in (output, "Bail out! There is no template “no-such-template”");
}

static void
test_isolated_directories (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;

  suite_start (&suite, "isolated", NULL, NULL, NULL);
  output = suite_finish (&suite);
  assert_in (output, "\nok 1 /isolated/service");
  g_assert_true (g_subprocess_get_successful (suite.process));
}

static void
test_held_bus (void)
{
  g_auto (Suite) suite = { 0 };
  g_autofree char *output = NULL;

  if (!has_bus ())
    return;
  suite_start (&suite, "bus", NULL, NULL, NULL);
  output = suite_finish (&suite);
  assert_in (output, "\nok 1 /bus/dropped");
  assert_in (output, "\nok 2 /bus/dropped-again");
  assert_in (output, "the case still holds the connection to its session bus");
  g_assert_false (g_subprocess_get_successful (suite.process));
}

int
main (int argc, char *argv[])
{
  const char *suite = g_getenv (SUITE);

  if (g_strcmp0 (suite, "inner") == 0)
    return run_inner_suite (argc, argv);
  if (g_strcmp0 (suite, "unknown") == 0)
    return run_unknown_suite (argc, argv);
  if (g_strcmp0 (suite, "isolated") == 0)
    return run_isolated_suite (argc, argv);
  if (g_strcmp0 (suite, "bus") == 0)
    return run_bus_suite (argc, argv);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gtest-suite/environment", test_environment);
  g_test_add_func ("/gtest-suite/ends", test_ends);
  g_test_add_func ("/gtest-suite/lists", test_lists);
  g_test_add_data_func ("/gtest-suite/killed/kill", GINT_TO_POINTER (SIGKILL), test_killed);
  g_test_add_data_func ("/gtest-suite/killed/int", GINT_TO_POINTER (SIGINT), test_killed);
  g_test_add_func ("/gtest-suite/missing", test_missing);
  g_test_add_func ("/gtest-suite/unknown", test_unknown);
  g_test_add_func ("/gtest-suite/isolated-directories", test_isolated_directories);
  g_test_add_func ("/gtest-suite/held-bus", test_held_bus);
  return g_test_run ();
}
