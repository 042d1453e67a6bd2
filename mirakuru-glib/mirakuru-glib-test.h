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
 * Everything is in this header, which mirakuru-glib.h does not include.
 */

#pragma once

#include "mirakuru-glib.h"

#include <signal.h>
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
 * @time_ms: a time limit in milliseconds, 0 for none
 *
 * Adapts a time limit for an ordinary run to valgrind and the sanitizers.
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
 * @program: a program, as it is looked for in `PATH`, or a path
 *
 * Marks the running test case as skipped if a program is missing. The case must return then;
 * after a set-up that did so, the case and the tear-down are run nevertheless.
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
 * Shows the last lines that a service has printed, as diagnostics of the running test case.
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

static inline gboolean
mk_gtest_start_full (gpointer executor, const char *file, int line, const char *function)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (executor);
  guint timeout_ms = mk_simple_executor_get_start_timeout (self);
  g_autoptr (GError) error = NULL;
  gboolean started;

  mk_simple_executor_set_start_timeout (self, mk_gtest_scale (timeout_ms));
  started = mk_simple_executor_start (self, NULL, &error);
  mk_simple_executor_set_start_timeout (self, timeout_ms);

  if (!started)
    return mk_gtest_fail (executor, "start", error, file, line, function);
  mk_gtest_note_running (executor, TRUE);
  return TRUE;
}

static inline gboolean
mk_gtest_stop_full (gpointer executor, const char *file, int line, const char *function)
{
  MkSimpleExecutor *self;
  guint timeout_ms;
  g_autoptr (GError) error = NULL;
  gboolean stopped;

  if (executor == NULL)
    return TRUE;

  self = MK_SIMPLE_EXECUTOR (executor);
  mk_gtest_note_running (executor, FALSE);
  timeout_ms = mk_simple_executor_get_stop_timeout (self);
  mk_simple_executor_set_stop_timeout (self, mk_gtest_scale (timeout_ms));
  stopped = mk_simple_executor_stop (self, NULL, &error);
  mk_simple_executor_set_stop_timeout (self, timeout_ms);

  if (!stopped)
    return mk_gtest_fail (executor, "stop as it should", error, file, line, function);
  if (g_test_failed ())
    mk_gtest_show_output (executor);
  return TRUE;
}

/*
 * mk_gtest_start:
 * @executor: (type Mk.SimpleExecutor): an executor
 *
 * Starts a service and waits until it is ready, or fails the running test case as g_assert_no_error()
 * does, with the error and what the service has printed as diagnostics. Time limits are scaled. If the case
 * fails before mk_gtest_stop() because of an assertion, what its services have printed is shown, too.
 *
 * Returns: %TRUE; %FALSE if the start failed and assertions are not fatal
 */
#define mk_gtest_start(executor) (mk_gtest_start_full ((executor), __FILE__, __LINE__, G_STRFUNC))

/*
 * mk_gtest_stop:
 * @executor: (type Mk.SimpleExecutor) (nullable): an executor
 *
 * Stops a service, or fails the running test case, if for example the service has crashed meanwhile. If the
 * case has failed anyhow, what the service has printed becomes part of its diagnostics.
 *
 * Returns: %TRUE; %FALSE if the stop failed and assertions are not fatal
 */
#define mk_gtest_stop(executor) (mk_gtest_stop_full ((executor), __FILE__, __LINE__, G_STRFUNC))

G_END_DECLS
