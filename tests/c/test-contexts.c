/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever a program overrides or connects to is called in its own thread, and in the context of the
 * operation that it belongs to: in no other thread, and in no other context.
 */

#include "mk-test-calls.h"

#include <signal.h>

#define SHORT_MS 200

/* Where something was called */
typedef struct
{
  const char *what;
  GThread *thread;
  GMainContext *context; /* (owned) */
} Call;

static GPtrArray *calls; /* (owned) (element-type Call) (locked-by calls_lock) */
static GMutex calls_lock;

static void
call_free (Call *call)
{
  g_main_context_unref (call->context);
  g_free (call);
}

static void
note (const char *what)
{
  Call *call = g_new (Call, 1);

  *call = (Call){ what, g_thread_self (), g_main_context_ref_thread_default () };
  g_mutex_lock (&calls_lock);
  g_ptr_array_add (calls, call);
  g_mutex_unlock (&calls_lock);
}

static gboolean
was_called (const char *what)
{
  for (guint i = 0; i < calls->len; i++)
    if (g_str_equal (((Call *) calls->pdata[i])->what, what))
      return TRUE;
  return FALSE;
}

/*
 * All that was called since the last time belongs to one operation, which ran in this thread: in its own
 * context if it was asynchronous, in one that was made for it if not.
 */
static void
assert_in_one_place (const char *const *expected)
{
  g_autoptr (GMainContext) own = g_main_context_ref_thread_default ();
  Call *first;

  for (guint i = 0; expected[i] != NULL; i++)
    if (!was_called (expected[i]))
      g_error ("%s was not called", expected[i]);
  first = calls->pdata[0];
  g_assert_true ((first->context == own) == mk_test_is_async ());
  for (guint i = 0; i < calls->len; i++)
    {
      Call *call = calls->pdata[i];

      if (call->thread != g_thread_self ())
        g_error ("%s was called in another thread", call->what);
      if (call->context != first->context)
        g_error ("%s was called in another context than %s", call->what, first->what);
    }
  g_ptr_array_set_size (calls, 0);
}

/* ---- a probe, and an executor ---- */

#define TEST_TYPE_PROBE (test_probe_get_type ())
G_DECLARE_FINAL_TYPE (TestProbe, test_probe, TEST, PROBE, MkProbe)

struct _TestProbe
{
  MkProbe parent_instance;

  guint n_left; /* attempts until it is there */
};

G_DEFINE_FINAL_TYPE (TestProbe, test_probe, MK_TYPE_PROBE)

static gboolean
test_probe_check (MkProbe *probe, GError **error)
{
  note ("check");
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "takes time");
  return FALSE;
}

static void
test_probe_check_task (MkProbe *probe, GTask *task)
{
  TestProbe *self = TEST_PROBE (probe);

  note ("check_task");
  g_task_return_boolean (task, self->n_left == 0 || --self->n_left == 0);
}

static void
test_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  note ("attach");
}

static void
test_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  note ("detach");
}

static char *
test_probe_describe (MkProbe *probe)
{
  note ("describe");
  return g_strdup ("the probe to be satisfied");
}

static void
test_probe_class_init (TestProbeClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);

  probe_class->check = test_probe_check;
  probe_class->check_task = test_probe_check_task;
  probe_class->attach = test_probe_attach;
  probe_class->detach = test_probe_detach;
  probe_class->describe = test_probe_describe;
}

static void
test_probe_init (TestProbe *self)
{
}

static MkProbe *
new_probe (guint n_attempts)
{
  TestProbe *self = g_object_new (TEST_TYPE_PROBE, NULL);

  self->n_left = n_attempts;
  return MK_PROBE (self);
}

#define TEST_TYPE_EXECUTOR (test_executor_get_type ())
G_DECLARE_FINAL_TYPE (TestExecutor, test_executor, TEST, EXECUTOR, MkExecutor)

struct _TestExecutor
{
  MkExecutor parent_instance;
};

G_DEFINE_FINAL_TYPE (TestExecutor, test_executor, MK_TYPE_EXECUTOR)

#define SIMPLE_PARENT MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class)

static char **
test_executor_build_command (MkSimpleExecutor *executor, GError **error)
{
  note ("build_command");
  return SIMPLE_PARENT->build_command (executor, error);
}

static gboolean
test_executor_check_alive (MkSimpleExecutor *executor, GError **error)
{
  note ("check_alive");
  return SIMPLE_PARENT->check_alive (executor, error);
}

static void
test_executor_prepare (MkSimpleExecutor *executor, GTask *task)
{
  note ("prepare");
  SIMPLE_PARENT->prepare (executor, task);
}

static void
test_executor_started (MkSimpleExecutor *executor, GTask *task)
{
  note ("started");
  SIMPLE_PARENT->started (executor, task);
}

static void
test_executor_request_stop (MkSimpleExecutor *executor, GTask *task)
{
  note ("request_stop");
  SIMPLE_PARENT->request_stop (executor, task);
}

static void
test_executor_cleanup (MkSimpleExecutor *executor, GTask *task)
{
  note ("cleanup");
  SIMPLE_PARENT->cleanup (executor, task);
}

static gboolean
test_executor_pre_start_check (MkExecutor *executor, GError **error)
{
  note ("pre_start_check");
  return FALSE;
}

static gboolean
test_executor_after_start_check (MkExecutor *executor, GError **error)
{
  note ("after_start_check");
  return MK_EXECUTOR_CLASS (test_executor_parent_class)->after_start_check (executor, error);
}

static void
test_executor_class_init (TestExecutorClass *klass)
{
  MkSimpleExecutorClass *simple_class = MK_SIMPLE_EXECUTOR_CLASS (klass);

  simple_class->build_command = test_executor_build_command;
  simple_class->check_alive = test_executor_check_alive;
  simple_class->prepare = test_executor_prepare;
  simple_class->started = test_executor_started;
  simple_class->request_stop = test_executor_request_stop;
  simple_class->cleanup = test_executor_cleanup;
  MK_EXECUTOR_CLASS (klass)->pre_start_check = test_executor_pre_start_check;
  MK_EXECUTOR_CLASS (klass)->after_start_check = test_executor_after_start_check;
}

static void
test_executor_init (TestExecutor *self)
{
}

/* ---- the tests ---- */

static void
test_probe_alone (void)
{
  g_autoptr (MkProbe) probe = new_probe (5);

  g_assert_true (mk_test_probe_wait (probe, MK_TEST_LIMIT_MS, NULL, NULL));
  assert_in_one_place ((const char *const[]){ "check", "check_task", NULL });
  g_assert_true (mk_test_check (probe, NULL, NULL));
  assert_in_one_place ((const char *const[]){ "check", "check_task", NULL });
}

static void
test_wait_in_vain (void)
{
  g_autoptr (MkProbe) probe = new_probe (G_MAXUINT);

  g_assert_false (mk_test_probe_wait (probe, SHORT_MS, NULL, NULL));
  assert_in_one_place ((const char *const[]){ "check_task", "describe", NULL });
}

static void
test_executor_of_the_library (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "up", NULL);
  g_autoptr (MkProbe) probe = new_probe (5);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, probe);

  /* Before the start it must not be there. */
  mk_test_assert_starts (executor);
  assert_in_one_place ((const char *const[]){ "check", "check_task", "attach", "detach", NULL });
  mk_test_assert_stops (executor);
}

static void
test_executor_of_its_own (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--daemon", NULL);
  g_autoptr (MkProbe) probe = new_probe (20);
  g_autoptr (MkSimpleExecutor) executor =
      g_object_new (TEST_TYPE_EXECUTOR, "command", argv, "probe", probe, NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_test_assert_starts (executor);
  assert_in_one_place ((const char *const[]){ "prepare",
                                              "build_command",
                                              "pre_start_check",
                                              "attach",
                                              "after_start_check",
                                              "check_task",
                                              "detach",
                                              "started",
                                              NULL });
  mk_test_assert_stops (executor);
  assert_in_one_place ((const char *const[]){ "request_stop", "cleanup", NULL });
}

/* The start ends while the probe is attached, and the service with it. */
static void
test_start_in_vain (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "up", NULL);
  g_autoptr (MkProbe) probe = new_probe (G_MAXUINT);
  g_autoptr (MkSimpleExecutor) executor =
      g_object_new (TEST_TYPE_EXECUTOR, "command", argv, "probe", probe, NULL);

  mk_simple_executor_set_start_timeout (executor, SHORT_MS);
  g_assert_false (mk_test_start (executor, NULL, NULL));
  assert_in_one_place ((const char *const[]){ "prepare", "attach", "detach", "cleanup", NULL });
}

static gboolean
is_attached (gpointer unused)
{
  return was_called ("attach");
}

static gpointer
stop_in_thread (gpointer executor)
{
  g_assert_true (mk_simple_executor_stop (executor, NULL, NULL));
  return NULL;
}

/* The stop comes from another thread, but the probe belongs to the start. */
static void
test_start_that_is_stopped (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "up", NULL);
  g_autoptr (MkProbe) probe = new_probe (G_MAXUINT);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, probe);
  MkSimpleExecutor *simple = MK_SIMPLE_EXECUTOR (executor);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start_async (simple, NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_iterate_until (NULL, is_attached, NULL, MK_TEST_LIMIT_MS));
  g_thread_join (g_thread_new ("stopper", stop_in_thread, executor));
  mk_test_assert_state (simple, MK_EXECUTOR_STATE_STOPPED);
  g_assert_false (was_called ("detach"));

  /* Its callback has not been called yet. */
  g_assert_false (mk_simple_executor_start (simple, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (simple, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_in_one_place ((const char *const[]){ "check", "check_task", "attach", "detach", NULL });
}

/* A probe that is woken by another thread */

static void
on_wake (MkProbe *probe, gpointer unused)
{
  note ("wake");
}

static gpointer
wake_in_thread (gpointer probe)
{
  /* Under load the wait may begin late. */
  for (guint i = 0; i < 5; i++)
    {
      g_usleep (30 * 1000);
      mk_probe_wake (probe);
    }
  return NULL;
}

static void
test_wake (void)
{
  g_autoptr (MkProbe) probe = new_probe (G_MAXUINT);
  GThread *thread;

  g_signal_connect (probe, "wake", G_CALLBACK (on_wake), NULL);
  thread = g_thread_new ("waker", wake_in_thread, probe);
  g_assert_false (mk_test_probe_wait (probe, SHORT_MS, NULL, NULL));
  g_thread_join (thread);
  assert_in_one_place ((const char *const[]){ "check_task", "wake", NULL });
}

/* ---- a callback that waits for the next operation, in the same context ---- */

static void
on_started_then_stop (GObject *object, GAsyncResult *result, gpointer stopped)
{
  g_autoptr (GAsyncResult) stop = NULL;

  g_assert_true (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, NULL));
  mk_simple_executor_stop_async (MK_SIMPLE_EXECUTOR (object), NULL, mk_test_store_result, &stop);
  g_assert_true (mk_test_await_result (NULL, &stop, MK_TEST_LIMIT_MS));
  *(gboolean *) stopped = TRUE;
}

static void
test_stop_within_callback (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  gboolean stopped = FALSE;

  mk_simple_executor_start_async (executor, NULL, on_started_then_stop, &stopped);
  g_assert_true (mk_test_iterate_until_set (NULL, &stopped, MK_TEST_LIMIT_MS));
  mk_test_assert_nothing_left (tag);
}

static void
on_exited_then_start (MkSimpleExecutor *executor, int status, gpointer started)
{
  g_autoptr (GAsyncResult) start = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &start);
  g_assert_true (mk_test_await_result (NULL, &start, MK_TEST_LIMIT_MS));
  *(gboolean *) started = TRUE;
}

static void
test_start_within_handler (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  gulong handler;
  gboolean started = FALSE;

  handler = g_signal_connect (executor, "exited", G_CALLBACK (on_exited_then_start), &started);
  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_send_signal (executor, SIGKILL, NULL));
  g_assert_true (mk_test_iterate_until_set (NULL, &started, MK_TEST_LIMIT_MS));
  g_signal_handler_disconnect (executor, handler);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  calls = g_ptr_array_new_with_free_func ((GDestroyNotify) call_free);

  mk_test_add_everywhere ("/contexts/probe", test_probe_alone);
  mk_test_add_everywhere ("/contexts/wait-in-vain", test_wait_in_vain);
  mk_test_add_everywhere ("/contexts/wake", test_wake);
  mk_test_add_everywhere ("/contexts/executor", test_executor_of_the_library);
  mk_test_add_everywhere ("/contexts/executor-of-its-own", test_executor_of_its_own);
  mk_test_add_everywhere ("/contexts/start-in-vain", test_start_in_vain);
  mk_test_add_async ("/contexts/start-that-is-stopped", test_start_that_is_stopped);
  mk_test_add_once ("/contexts/stop-within-callback", test_stop_within_callback);
  mk_test_add_once ("/contexts/start-within-handler", test_start_within_handler);

  return g_test_run ();
}
