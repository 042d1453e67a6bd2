/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An executor with functions of its own for everything that can be overridden. It notes what is called, and
 * each step does what it is told to: chain up, fail, or forget to answer.
 */

#include "mk-test-subclass.h"

G_DEFINE_FINAL_TYPE (TestExecutor, test_executor, MK_TYPE_EXECUTOR)

const char *const test_step_names[N_STEPS] = { "prepare", "started", "request_stop", "cleanup" };

static void
note_call (TestExecutor *self, const char *name)
{
  if (g_strcmp0 (self->last_call, name) == 0 && g_str_has_suffix (name, "check"))
    return;
  self->last_call = name;
  g_string_append_printf (self->calls, "%s ", name);
}

static gboolean
return_later (gpointer task)
{
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static void
attach_later (GTask *task)
{
  g_autoptr (GSource) source = g_timeout_source_new (20);

  g_source_set_callback (source, return_later, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
close_input (TestExecutor *self, GTask *task)
{
  g_autoptr (GOutputStream) input = mk_simple_executor_dup_stdin (MK_SIMPLE_EXECUTOR (self));

  g_output_stream_close (input, NULL, NULL);
  g_task_return_boolean (task, TRUE);
}

static void
run_step (TestExecutor *self, Step step, GTask *task, void (*parent) (MkSimpleExecutor *, GTask *))
{
  note_call (self, test_step_names[step]);
  g_assert_true (g_task_get_context (task) == g_main_context_get_thread_default () ||
                 g_main_context_get_thread_default () == NULL);
  switch (self->manners[step])
    {
    case CHAINS_UP:
      parent (MK_SIMPLE_EXECUTOR (self), task);
      break;
    case RETURNS_LATER:
      attach_later (task);
      break;
    case FAILS:
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the disk is full");
      break;
    case RETURNS_FALSE:
      g_task_return_boolean (task, FALSE);
      break;
    case NEVER_RETURNS:
      g_assert_true (g_set_object (&self->kept, task));
      break;
    case CLOSES_INPUT:
      close_input (self, task);
      break;
    case DROPS_ITS_TASK:
    default:
      break;
    }
}

static void
test_executor_prepare (MkSimpleExecutor *executor, GTask *task)
{
  MkSimpleExecutorClass *parent_class = MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class);

  run_step (TEST_EXECUTOR (executor), PREPARE, task, parent_class->prepare);
}

static void
test_executor_started (MkSimpleExecutor *executor, GTask *task)
{
  MkSimpleExecutorClass *parent_class = MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class);

  run_step (TEST_EXECUTOR (executor), STARTED, task, parent_class->started);
}

static void
test_executor_request_stop (MkSimpleExecutor *executor, GTask *task)
{
  MkSimpleExecutorClass *parent_class = MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class);

  run_step (TEST_EXECUTOR (executor), REQUEST_STOP, task, parent_class->request_stop);
}

static void
test_executor_cleanup (MkSimpleExecutor *executor, GTask *task)
{
  MkSimpleExecutorClass *parent_class = MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class);

  g_assert_false (mk_simple_executor_get_active (executor));
  run_step (TEST_EXECUTOR (executor), CLEANUP, task, parent_class->cleanup);
}

static char **
test_executor_build_command (MkSimpleExecutor *executor, GError **error)
{
  TestExecutor *self = TEST_EXECUTOR (executor);

  note_call (self, "build_command");
  if (self->has_no_command)
    return NULL;
  if (self->check_error != NULL && !self->waits_with_error)
    return g_propagate_error (error, g_error_copy (self->check_error)), NULL;
  if (self->command != NULL)
    return g_strdupv (self->command);
  return MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class)->build_command (executor, error);
}

static gboolean
test_executor_check_alive (MkSimpleExecutor *executor, GError **error)
{
  TestExecutor *self = TEST_EXECUTOR (executor);

  note_call (self, "alive_check");
  return !self->is_dead &&
         MK_SIMPLE_EXECUTOR_CLASS (test_executor_parent_class)->check_alive (executor, error);
}

static gboolean
test_executor_pre_start_check (MkExecutor *executor, GError **error)
{
  TestExecutor *self = TEST_EXECUTOR (executor);

  note_call (self, "pre_start_check");
  return self->is_there_before;
}

static gboolean
test_executor_after_start_check (MkExecutor *executor, GError **error)
{
  TestExecutor *self = TEST_EXECUTOR (executor);

  note_call (self, "after_start_check");
  if (self->check_error != NULL)
    return g_propagate_error (error, g_error_copy (self->check_error)), FALSE;
  if (self->n_checks_before_ready > 0 && --self->n_checks_before_ready > 0)
    return FALSE;
  if (mk_executor_get_probe (executor) != NULL)
    return MK_EXECUTOR_CLASS (test_executor_parent_class)->after_start_check (executor, error);
  return TRUE;
}

static void
test_executor_finalize (GObject *object)
{
  TestExecutor *self = TEST_EXECUTOR (object);

  g_assert_null (self->kept);
  g_string_free (self->calls, TRUE);
  g_clear_error (&self->check_error);
  g_strfreev (self->command);
  G_OBJECT_CLASS (test_executor_parent_class)->finalize (object);
}

static void
test_executor_class_init (TestExecutorClass *klass)
{
  MkSimpleExecutorClass *simple_class = MK_SIMPLE_EXECUTOR_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = test_executor_finalize;
  simple_class->prepare = test_executor_prepare;
  simple_class->started = test_executor_started;
  simple_class->request_stop = test_executor_request_stop;
  simple_class->cleanup = test_executor_cleanup;
  simple_class->build_command = test_executor_build_command;
  simple_class->check_alive = test_executor_check_alive;
  MK_EXECUTOR_CLASS (klass)->pre_start_check = test_executor_pre_start_check;
  MK_EXECUTOR_CLASS (klass)->after_start_check = test_executor_after_start_check;
}

static void
test_executor_init (TestExecutor *self)
{
  self->calls = g_string_new (NULL);
  self->manners[REQUEST_STOP] = RETURNS_FALSE;
}
