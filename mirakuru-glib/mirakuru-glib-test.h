/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For test suites that are written with GTest (g_test_add() and similar functions) and need services:
 *
 *   static void
 *   set_up (Fixture *self, gconstpointer data)
 *   {
 *     if (mk_gtest_skip_without ("redis-server"))
 *       return;
 *     self->redis = MK_SIMPLE_EXECUTOR (mk_tcp_executor_new (argv, "127.0.0.1", port));
 *     mk_gtest_start (self->redis);
 *   }
 *
 *   static void
 *   tear_down (Fixture *self, gconstpointer data)
 *   {
 *     mk_gtest_stop (self->redis);
 *     g_clear_object (&self->redis);
 *   }
 *
 * A suite that needs a message bus, a display or a home of its own from its first instruction begins with
 *
 *   mk_gtest_init (&argc, &argv, "home", "session-bus", "xvfb", NULL);
 *
 * in the place of g_test_init(). Everything is in this header, which mirakuru-glib.h does not include.
 */

#pragma once

#include "mirakuru-glib.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

G_BEGIN_DECLS

/* How many lines of each output of a service are shown when a test has failed. */
#define MK_GTEST_LINES 50

/* How much longer everything takes than usual. */
static inline guint
mk_gtest_time_factor (void)
{
#if defined(__SANITIZE_THREAD__)
  return 10;
#elif defined(__SANITIZE_ADDRESS__)
  return 5;
#else
  const char *preload = g_getenv ("LD_PRELOAD");

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return 10;
#elif __has_feature(address_sanitizer)
  return 5;
#endif
#endif
  /* That is how valgrind gets into the programs it runs. */
  return preload != NULL && strstr (preload, "/vgpreload_") != NULL ? 20 : 1;
#endif
}

/*
 * mk_gtest_scale:
 * @time_ms: a time limit in milliseconds, 0 for no limit
 *
 * Increases a time limit if the program runs under valgrind or was built with sanitizers.
 *
 * Returns: @time_ms, or a multiple of it
 */
static inline guint
mk_gtest_scale (guint time_ms)
{
  return (guint) MIN ((guint64) time_ms * mk_gtest_time_factor (), G_MAXUINT);
}

/*
 * mk_gtest_skip_without:
 * @program: the name of a program, which is searched for in `PATH`, or a path
 *
 * Marks the current test case as skipped if a program is missing. The function that calls this must then
 * return. If it is called in a set-up function, GTest still runs the test case and the tear-down function.
 *
 * Returns: %TRUE if @program is missing
 */
static inline gboolean
mk_gtest_skip_without (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program);

  if (path != NULL)
    return FALSE;

  g_test_skip_printf ("%s is not installed", program);
  return TRUE;
}

/* A message of several lines would break the protocol between tests and harness, and what else a service
 * prints must not reach a terminal as it is. */
static inline void
mk_gtest_show_lines (const char *label, const char *text)
{
  g_autofree char *clean = g_strdup (text);
  g_auto (GStrv) lines = NULL;
  guint n;

  for (char *c = clean; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c) && *c != '\n' && *c != '\t')
      *c = ' ';
  lines = g_strsplit (clean, "\n", -1);
  n = g_strv_length (lines);

  if (n > 0 && *lines[n - 1] == '\0')
    n--;
  if (n > 0)
    g_test_message ("%s", label);
  for (guint i = n > MK_GTEST_LINES ? n - MK_GTEST_LINES : 0; i < n; i++)
    g_test_message ("  %s", g_strchomp (lines[i]));
}

/*
 * mk_gtest_show_output:
 * @executor: (type Mk.SimpleExecutor): an executor
 *
 * Shows the last lines that a service has printed, as diagnostics of the current test case.
 */
static inline void
mk_gtest_show_output (gpointer executor)
{
  static const char *const labels[] = { "Output:", "Error output:" };
  static const MkStream streams[] = { MK_STREAM_STDOUT, MK_STREAM_STDERR };
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (executor);

  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      g_autoptr (GBytes) output = mk_simple_executor_dup_output (self, streams[i]);
      gsize size = 0;
      const char *data = (const char *) g_bytes_get_data (output, &size);
      g_autofree char *text = g_utf8_make_valid (data != NULL ? data : "", (gssize) size);

      mk_gtest_show_lines (labels[i], text);
    }
}

static inline gboolean
mk_gtest_fail (gpointer executor,
               const char *what,
               const GError *error,
               const char *file,
               int line,
               const char *function)
{
  g_autofree char *description = mk_simple_executor_describe (MK_SIMPLE_EXECUTOR (executor));
  g_autofree char *message = g_strdup_printf ("%s did not %s", description, what);

  mk_gtest_show_lines ("Error:", error->message);
  mk_gtest_show_output (executor);
  g_assertion_message (G_LOG_DOMAIN, file, line, function, message);
  return FALSE; /* only after g_test_set_nonfatal_assertions() */
}

/* The services that run (unowned), in this file of the test program. */
static inline GPtrArray *
mk_gtest_get_running (void)
{
  static GPtrArray *running = NULL;

  if (running == NULL)
    running = g_ptr_array_new ();
  return running;
}

static inline void
mk_gtest_on_disposed (gpointer unused G_GNUC_UNUSED, GObject *executor)
{
  g_ptr_array_remove (mk_gtest_get_running (), executor);
}

/* Assertions, and g_error(), end the program from within the test case, before it stops its services. */
static inline void
mk_gtest_on_abort (int number)
{
  GPtrArray *running = mk_gtest_get_running ();

  signal (number, SIG_DFL);
  for (guint i = 0; i < running->len; i++)
    {
      gpointer executor = g_ptr_array_index (running, i);
      g_autofree char *description = mk_simple_executor_describe (MK_SIMPLE_EXECUTOR (executor));

      g_test_message ("%s", description);
      mk_gtest_show_output (executor);
    }
  raise (number);
}

static inline void
mk_gtest_watch_aborts (void)
{
  static const int signals[] = { SIGABRT, SIGTRAP };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      struct sigaction action;

      if (sigaction (signals[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        continue;

      memset (&action, 0, sizeof action);
      action.sa_handler = mk_gtest_on_abort;
      sigaction (signals[i], &action, NULL);
    }
}

static inline void
mk_gtest_note_running (gpointer executor, gboolean is_running)
{
  GPtrArray *running = mk_gtest_get_running ();
  gboolean is_noted = g_ptr_array_find (running, executor, NULL);

  if (is_running && !is_noted)
    {
      g_object_weak_ref (G_OBJECT (executor), mk_gtest_on_disposed, NULL);
      g_ptr_array_add (running, executor);
      mk_gtest_watch_aborts ();
    }
  else if (!is_running && is_noted)
    {
      g_object_weak_unref (G_OBJECT (executor), mk_gtest_on_disposed, NULL);
      g_ptr_array_remove (running, executor);
    }
}

/* With %G_TEST_OPTION_ISOLATE_DIRS, GLib has directories for each case, but the environment says /dev/null.
 * A service would take that for its home. */
static inline void
mk_gtest_give_directories (MkSimpleExecutor *self)
{
  const struct
  {
    const char *name;
    const char *path;
  } directories[] = {
    { "HOME", g_get_home_dir () },
    { "XDG_CACHE_HOME", g_get_user_cache_dir () },
    { "XDG_CONFIG_HOME", g_get_user_config_dir () },
    { "XDG_DATA_HOME", g_get_user_data_dir () },
    { "XDG_STATE_HOME", g_get_user_state_dir () },
    { "XDG_RUNTIME_DIR", g_get_user_runtime_dir () },
  };
  g_auto (GStrv) environment = g_strdupv ((char **) mk_simple_executor_get_environment (self));
  gboolean is_changed = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      const char *path = directories[i].path;
      guint n = environment != NULL ? g_strv_length (environment) : 0;

      if (g_strcmp0 (g_getenv (directories[i].name), "/dev/null") != 0 ||
          g_strcmp0 (path, "/dev/null") == 0 || g_environ_getenv (environment, directories[i].name) != NULL ||
          g_mkdir_with_parents (path, 0700) != 0)
        continue;
      environment = g_renew (char *, environment, n + 2);
      environment[n] = g_strconcat (directories[i].name, "=", path, NULL);
      environment[n + 1] = NULL;
      is_changed = TRUE;
    }

  if (is_changed)
    mk_simple_executor_set_environment (self, (const char *const *) environment);
}

static inline gboolean
mk_gtest_start_full (gpointer executor, const char *file, int line, const char *function)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (executor);
  guint timeout_ms = mk_simple_executor_get_start_timeout (self);
  g_autoptr (GError) error = NULL;
  gboolean started;

  mk_gtest_give_directories (self);
  mk_simple_executor_set_start_timeout (self, mk_gtest_scale (timeout_ms));
  started = mk_simple_executor_start (self, NULL, &error);
  mk_simple_executor_set_start_timeout (self, timeout_ms);

  if (!started)
    return mk_gtest_fail (executor, "start", error, file, line, function);
  mk_gtest_note_running (executor, TRUE);
  return TRUE;
}

/* Whether somebody else than this function holds the connection to the session bus that g_bus_get_sync()
 * shares, and that is a process of @executor. When that ends, GLib would end this program, without a word. */
static inline gboolean
mk_gtest_is_bus_held (MkSimpleExecutor *self)
{
  const char *const *command = mk_simple_executor_get_command (self);
  int bus = mk_simple_executor_get_pid (self);
  g_autofree char *program = command != NULL && command[0] != NULL ? g_path_get_basename (command[0]) : NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GCredentials) credentials = NULL;
  GIOStream *stream;

  if (program == NULL || !g_str_has_prefix (program, "dbus-") || bus == 0 ||
      g_getenv ("DBUS_SESSION_BUS_ADDRESS") == NULL)
    return FALSE;

  connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  stream = connection != NULL ? g_dbus_connection_get_stream (connection) : NULL;
  if (stream != NULL && G_IS_SOCKET_CONNECTION (stream))
    credentials =
        g_socket_get_credentials (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)), NULL);
  if (credentials == NULL || g_credentials_get_unix_pid (credentials, NULL) != bus)
    return FALSE;

  g_dbus_connection_set_exit_on_close (connection, FALSE);
  /* What was dropped before may be held by an idle source for a moment. */
  for (guint i = 0; i < 100 && G_OBJECT (connection)->ref_count > 1; i++)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  return G_OBJECT (connection)->ref_count > 1;
}

static inline gboolean
mk_gtest_stop_full (gpointer executor, const char *file, int line, const char *function)
{
  MkSimpleExecutor *self;
  guint timeout_ms;
  g_autoptr (GError) error = NULL;
  gboolean is_held;
  gboolean stopped;

  if (executor == NULL)
    return TRUE;

  self = MK_SIMPLE_EXECUTOR (executor);
  is_held = mk_gtest_is_bus_held (self);
  mk_gtest_note_running (executor, FALSE);
  timeout_ms = mk_simple_executor_get_stop_timeout (self);
  mk_simple_executor_set_stop_timeout (self, mk_gtest_scale (timeout_ms));
  stopped = mk_simple_executor_stop (self, NULL, &error);
  mk_simple_executor_set_stop_timeout (self, timeout_ms);

  if (!stopped)
    return mk_gtest_fail (executor, "stop as it should", error, file, line, function);
  if (is_held)
    {
      g_assertion_message (
          G_LOG_DOMAIN,
          file,
          line,
          function,
          "the case still holds the connection to its session bus, which has been stopped: drop "
          "what g_bus_get_sync() and the like have returned, and what uses it, first");
      return FALSE;
    }
  if (g_test_failed ())
    mk_gtest_show_output (executor);
  return TRUE;
}

/*
 * mk_gtest_start:
 * @executor: (type Mk.SimpleExecutor): an executor
 *
 * Starts a service and waits until it is ready. If this fails, the current test case fails, as with
 * g_assert_no_error(). The diagnostics contain the error and the output of the service. Time limits are
 * scaled with mk_gtest_scale(). If an assertion fails before mk_gtest_stop(), the output of the running
 * services is shown, too.
 *
 * Returns: %TRUE; %FALSE if the start failed and assertions are not fatal
 */
#define mk_gtest_start(executor) (mk_gtest_start_full ((executor), __FILE__, __LINE__, G_STRFUNC))

/*
 * mk_gtest_stop:
 * @executor: (type Mk.SimpleExecutor) (nullable): an executor
 *
 * Stops a service. If this fails, for example because the service has crashed, the current test case fails.
 * If the test case has already failed, the output of the service is shown in its diagnostics.
 *
 * Returns: %TRUE; %FALSE if the stop failed and assertions are not fatal
 */
#define mk_gtest_stop(executor) (mk_gtest_stop_full ((executor), __FILE__, __LINE__, G_STRFUNC))

/* ---- services by name ---- */

/* The test program that runs under the services has it in its environment. */
#define MK_GTEST_INNER "MK_GTEST_INNER"

/* Leaves the program because a service cannot be had. A missing program skips the suite: GTest prints TAP,
 * also without --tap. */
static inline void
mk_gtest_give_up (const GError *error)
{
  gboolean is_skipped = g_error_matches (error, MK_ERROR, MK_ERROR_SPAWN_FAILED);
  g_auto (GStrv) lines = g_strsplit (error->message, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    g_printerr ("# %s\n", *line);
  g_print (is_skipped ? "1..0 # SKIP %s\n" : "Bail out! %s\n", lines[0]);
  g_clear_pointer (&lines, g_strfreev);
  exit (is_skipped ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Adds the services. All live in the home, if there is one. */
static inline gboolean
mk_gtest_add_templates (MkExecutorGroup *group, const char *const *templates, GError **error)
{
  gboolean has_home = g_strv_contains (templates, "home");

  if (has_home && mk_executor_group_add_template (group, "home", "home", error) == NULL)
    return FALSE;

  for (; *templates != NULL; templates++)
    {
      MkSimpleExecutor *executor;

      if (g_str_equal (*templates, "home"))
        continue;
      executor = mk_executor_group_add_template (group, *templates, *templates, error);
      if (executor == NULL ||
          (has_home && !mk_executor_group_add_dependency (group, *templates, "home", error)))
        return FALSE;
      mk_simple_executor_set_start_timeout (executor,
                                            mk_gtest_scale (mk_simple_executor_get_start_timeout (executor)));
    }

  return TRUE;
}

/* Runs the program again, and ends as that does. A service of its own, so that it ends with this one. */
static inline void
mk_gtest_run_inner (MkExecutorGroup *group, int argc, char **argv)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree const char **command = g_new0 (const char *, argc + 1);
  g_auto (GStrv) environment = mk_executor_group_dup_environment (group, NULL);
  g_autoptr (MkSimpleExecutor) inner = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  for (int i = 0; i < argc; i++)
    command[i] = i == 0 && program != NULL ? program : argv[i];
  environment = g_environ_setenv (environment, MK_GTEST_INNER, "1", TRUE);
  inner = mk_simple_executor_new (command);
  mk_simple_executor_set_environment (inner, (const char *const *) environment);
  /* exit() frees nothing. */
  g_clear_pointer (&environment, g_strfreev);
  g_clear_pointer (&command, g_free);
  g_clear_pointer (&program, g_free);
  mk_simple_executor_set_stdin_mode (inner, MK_STDIO_MODE_INHERIT);
  mk_simple_executor_set_stdout_mode (inner, MK_STDIO_MODE_INHERIT);
  mk_simple_executor_set_stderr_mode (inner, MK_STDIO_MODE_INHERIT);
  if (!mk_simple_executor_start (inner, NULL, &error))
    mk_gtest_give_up (error);

  while (mk_simple_executor_get_running (inner))
    g_main_context_iteration (NULL, TRUE);
  status = mk_simple_executor_get_exit_status (inner);
  /* What it has left in the background. A start that waits for the end would kill that if the program has
   * failed, and with it the supervisors of its services, which remove their directories. */
  mk_simple_executor_set_stop_timeout (inner, mk_gtest_scale (3000));
  mk_simple_executor_stop (inner, NULL, NULL);
  if (!mk_executor_group_stop (group, NULL, &error))
    {
      g_printerr ("# %s\n", error->message);
      status = status == 0 ? EXIT_FAILURE : status;
    }
  g_clear_object (&inner);
  g_object_unref (group);
  if (status >= 0)
    exit (status);

  signal (-status, SIG_DFL);
  raise (-status);
  exit (128 - status);
}

/*
 * mk_gtest_init:
 * @argc: (inout): the argument count of main()
 * @argv: (inout): the arguments of main()
 * @...: names of templates, such as "session-bus", "xvfb" or "home", then %NULL
 *
 * Starts services for the whole test program. Call it instead of g_test_init(), first in main().
 *
 * It starts the services and runs the program again with their environment, as dbus-run-session does. The
 * environment is therefore complete when main() begins. With the template "home", the program and its
 * services get a new home directory with empty settings, and do not find the message buses of this machine.
 * When the program has ended, in any way, nothing of the services is left.
 *
 * If a program that a service needs is missing, the suite is skipped. A debugger must follow the child
 * process. You can also run the program in the debugger under `mirakuru run --template …`, with
 * `MK_GTEST_INNER=1` set.
 */
static inline void mk_gtest_init (int *argc, char ***argv, ...) G_GNUC_NULL_TERMINATED;

static inline void
mk_gtest_init (int *argc, char ***argv, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) templates = NULL;
  MkExecutorGroup *group;
  g_autoptr (GError) error = NULL;
  const char *name;
  va_list names;

  va_start (names, argv);
  while ((name = va_arg (names, const char *)) != NULL)
    g_strv_builder_add (builder, name);
  va_end (names);
  templates = g_strv_builder_end (builder);

  if (g_getenv (MK_GTEST_INNER) != NULL)
    {
      g_unsetenv (MK_GTEST_INNER);
      (g_test_init) (argc, argv, NULL);
      return;
    }

  group = mk_executor_group_new ();
  if (!mk_gtest_add_templates (group, (const char *const *) templates, &error) ||
      !mk_executor_group_start (group, NULL, &error))
    mk_gtest_give_up (error);
  mk_gtest_run_inner (group, *argc, *argv);
}

/*
 * mk_gtest_isolate:
 * @argc: (inout): the argument count of main()
 * @argv: (inout): the arguments of main()
 *
 * Gives the program a new home directory, without services. It is the same as mk_gtest_init() with "home".
 */
#define mk_gtest_isolate(argc, argv) (mk_gtest_init ((argc), (argv), "home", NULL))

static inline MkExecutorGroup *mk_gtest_start_service_full (const char *file,
                                                            int line,
                                                            const char *function,
                                                            const char *name,
                                                            const char *template_name,
                                                            ...) G_GNUC_NULL_TERMINATED;

/* @template_name: (nullable) */
static inline MkExecutorGroup *
mk_gtest_start_service_full (const char *file,
                             int line,
                             const char *function,
                             const char *name,
                             const char *template_name,
                             ...)
{
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (GPtrArray) settings = g_ptr_array_new ();
  g_autofree char *first = template_name != NULL ? g_strconcat ("Template=", template_name, NULL) : NULL;
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor;
  char *setting;
  va_list list;

  if (first != NULL)
    g_ptr_array_add (settings, first);
  va_start (list, template_name);
  while ((setting = va_arg (list, char *)) != NULL)
    g_ptr_array_add (settings, setting);
  va_end (list);
  g_ptr_array_add (settings, NULL);

  executor = mk_executor_group_add_service (group, name, (const char *const *) settings->pdata, &error);
  if (g_error_matches (error, MK_ERROR, MK_ERROR_SPAWN_FAILED))
    {
      g_test_skip (error->message);
      return NULL;
    }
  if (executor != NULL)
    {
      mk_gtest_give_directories (executor);
      mk_simple_executor_set_start_timeout (executor,
                                            mk_gtest_scale (mk_simple_executor_get_start_timeout (executor)));
      mk_executor_group_start (group, NULL, &error);
    }
  if (error != NULL)
    {
      g_autofree char *message = g_strdup_printf ("the service %s did not start", name);

      mk_gtest_show_lines ("Error:", error->message);
      g_assertion_message (G_LOG_DOMAIN, file, line, function, message);
      return NULL;
    }

  mk_gtest_note_running (executor, TRUE);
  return g_steal_pointer (&group);
}

/*
 * mk_gtest_start_service:
 * @name: the name of the service
 * @...: settings, with the keys of services files: `Command=my-server --port {port}`, `Tcp={port}`; then
 * %NULL
 *
 * Starts a service for the current test case. If this fails, the test case fails. If a program that the
 * settings require is missing, the test case is skipped. Clients of the service can use
 * `mk_executor_group_dup_value (group, "NAME.port")` and mk_executor_group_dup_environment().
 *
 * Returns: (transfer full) (nullable): a group with this service, for mk_gtest_stop_service(); %NULL if the
 *   test case is skipped, or has failed and assertions are not fatal
 */
#define mk_gtest_start_service(name, ...)                                                                    \
  (mk_gtest_start_service_full (__FILE__, __LINE__, G_STRFUNC, (name), NULL, __VA_ARGS__))

/*
 * mk_gtest_start_template:
 * @template_name: the name of a template, such as "postgresql"; it is also the name of the service
 * @...: settings, such as `Values=database=test`, then %NULL
 *
 * Starts the service of a template for the current test case. See mk_gtest_start_service().
 *
 * Returns: (transfer full) (nullable): a group with this service, for mk_gtest_stop_service(); %NULL if the
 * test case is skipped, or has failed and assertions are not fatal
 */
#define mk_gtest_start_template(template_name, ...)                                                          \
  (mk_gtest_start_service_full (__FILE__, __LINE__, G_STRFUNC, (template_name), (template_name), __VA_ARGS__))

static inline gboolean
mk_gtest_stop_service_full (MkExecutorGroup *group, const char *file, int line, const char *function)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;
  gboolean is_good;

  if (group == NULL)
    return TRUE;

  executor = MK_SIMPLE_EXECUTOR (g_list_model_get_item (G_LIST_MODEL (group), 0));
  is_good = mk_gtest_stop_full (executor, file, line, function);
  mk_executor_group_stop (group, NULL, NULL);
  g_object_unref (group);
  return is_good;
}

/*
 * mk_gtest_stop_service:
 * @group: (transfer full) (nullable): the group that mk_gtest_start_service() has returned
 *
 * Stops the service. If this fails, the current test case fails, as with mk_gtest_stop().
 */
#define mk_gtest_stop_service(group) (mk_gtest_stop_service_full ((group), __FILE__, __LINE__, G_STRFUNC))

G_END_DECLS
