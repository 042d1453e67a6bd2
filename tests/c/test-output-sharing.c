/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who else uses an output executor and its probe meanwhile: other probes, threads; and what
 * it costs them.
 */

#include "mk-test-calls.h"
#include "mk-test-output.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* With other probes */

static gboolean
is_there (gpointer path, GError **error)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* The banner and the probe, in whichever order they come */
static void
test_together (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  g_autofree char *first = g_strdup_printf ("touch %s; sleep 0.05; echo port 17", path);
  g_autofree char *second = g_strdup_printf ("echo port 17; sleep 0.05; touch %s", path);
  const char *const scripts[] = { first, second };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script (scripts[i], "port (\\d+)$");
      g_autoptr (MkCallbackProbe) other = mk_callback_probe_new (is_there, path, NULL);

      mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (other));
      mk_test_assert_starts (executor);
      mk_test_assert_match (executor, "1", "17");
      g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
      mk_test_assert_stops (executor);
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

static gboolean
is_never (gpointer user_data, GError **error)
{
  return FALSE;
}

static void
test_together_and_one_is_missing (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "ready");
  g_autoptr (MkCallbackProbe) other = mk_callback_probe_new (is_never, NULL, NULL);

  mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (other));
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 200);
  mk_test_assert_start_fails (executor, MK_ERROR_TIMED_OUT, "the function");
  mk_executor_set_probe (MK_EXECUTOR (executor), NULL);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

/* Nobody sees how the banner is looked for. */
static void
test_probe_is_what_was_set (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "ready");
  g_autoptr (MkCallbackProbe) other = mk_callback_probe_new (is_never, NULL, NULL);
  g_autoptr (MkProbe) probe = NULL;

  g_assert_null (mk_executor_get_probe (MK_EXECUTOR (executor)));
  mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (other));
  g_object_get (executor, "probe", &probe, NULL);
  g_assert_true (probe == MK_PROBE (other));
}

/* In other threads, and without them */

static gpointer
start_in_thread (gpointer executor)
{
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start (executor, NULL, &error))
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  return NULL;
}

/* A stop takes the probe away while the start is asking it. */
static void
test_stopped_from_elsewhere (void)
{
  for (guint i = 0; i < 40; i++)
    {
      g_autoptr (MkOutputExecutor) executor =
          mk_test_output_new_script ("echo a; echo b; echo ready", "ready");
      MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
      GThread *thread = g_thread_new ("start", start_in_thread, executor);

      g_usleep (i * 100);
      g_assert_true (mk_simple_executor_stop (simple, NULL, NULL));
      g_thread_join (thread);
      g_assert_true (mk_simple_executor_stop (simple, NULL, NULL));
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }
}

static gpointer
start_in_thread_and_fail (gpointer executor)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "simpler");
  return NULL;
}

/* One whose banner takes too long to look for does not keep the others waiting for ever. */
static void
test_side_by_side (void)
{
  g_autoptr (MkOutputExecutor) costly = mk_test_output_new_script (
      "head -c 20000 /dev/zero | tr '\\0' x; echo; sleep 0.02; exec yes", "(x+)\\1(x+)[yw]");
  MkOutputExecutor *others[4];
  GThread *thread;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (costly), 0);
  thread = g_thread_new ("costly", start_in_thread_and_fail, costly);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      others[i] = mk_test_output_new_script ("sleep 0.01; echo ready", "ready");
      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (others[i]), 0);
      mk_test_assert_starts (others[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      mk_test_assert_stops (others[i]);
      g_object_unref (others[i]);
    }
  g_thread_join (thread);
}

/* The last reference of the user's is dropped while it starts: the operation has its own. */
static void
test_dropped_while_it_starts (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--after", "30", "--ready", "ready", NULL);
  MkOutputExecutor *executor = mk_test_output_new ((const char *const *) argv, "ready");
  g_autoptr (GAsyncResult) result = NULL;

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (executor), NULL, mk_test_store_result, &result);
  g_object_unref (executor);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  executor = MK_OUTPUT_EXECUTOR (g_async_result_get_source_object (result));
  g_assert_true (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (executor), result, NULL));
  g_clear_object (&result);
  g_assert_finalize_object (executor);
  mk_test_assert_nothing_left (tag);
}

static gsize
get_peak_memory (void)
{
  return mk_test_read_proc_number (getpid (), "status", "VmHWM:") * 1024;
}

/* What is neither kept nor undecided is forgotten. */
static void
test_memory (void)
{
  static const char *const banners[] = { "^ready$", "(?s)0.*x|ready", "0+[^0]*y|ready" };

  gboolean is_watched = mk_test_is_under_valgrind ();

#ifdef __SANITIZE_ADDRESS__
  /* It keeps what was freed. */
  is_watched = TRUE;
#endif
  if (is_watched)
    {
      g_test_skip ("this is about the memory of the library, not about that of valgrind or a sanitizer");
      return;
    }

  for (guint i = 0; i < G_N_ELEMENTS (banners); i++)
    {
      g_autoptr (MkOutputExecutor) executor =
          mk_test_output_new_script ("head -c 20000000 /dev/zero | tr '\\0' 0; echo; echo ready", banners[i]);
      gsize before = get_peak_memory ();

      mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 0);
      mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), 100000);
      mk_test_assert_starts (executor);
      g_assert_cmpuint (get_peak_memory (), <, before + 8 * 1024 * 1024);
      mk_test_assert_stops (executor);
    }
}

static void
test_cancel (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo not yet", "ready");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_start (executor, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (executor)));
}

static void
test_ready_again (void)
{
  g_autoptr (MkOutputExecutor) executor = mk_test_output_new_script ("echo ready", "ready");

  for (guint i = 0; i < 10; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_true (mk_test_kill (executor, NULL, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/output-sharing/probe/together", test_together);
  mk_test_add ("/output-sharing/probe/one-is-missing", test_together_and_one_is_missing);
  mk_test_add_once ("/output-sharing/probe/is-what-was-set", test_probe_is_what_was_set);
  mk_test_add_once ("/output-sharing/stopped-from-elsewhere", test_stopped_from_elsewhere);
  mk_test_add_once ("/output-sharing/side-by-side", test_side_by_side);
  mk_test_add_once ("/output-sharing/dropped-while-it-starts", test_dropped_while_it_starts);
  mk_test_add_once ("/output-sharing/memory", test_memory);
  mk_test_add ("/output-sharing/cancelled", test_cancel);
  mk_test_add ("/output-sharing/again", test_ready_again);

  return g_test_run ();
}
