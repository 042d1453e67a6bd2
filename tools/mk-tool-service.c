/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One service of `mirakuru run`: an executor, further probes beside the one that the
 * executor itself asks, and a line of the display that is kept up to date. */

#include "mk-tool-service.h"

#include "base/mk-i18n-private.h"

struct _MkToolService
{
  MkSimpleExecutor *executor; /* (owned) */
  GPtrArray *probes;          /* (owned) (element-type MkProbe): the first is the executor's */
  MkToolDisplay *display;     /* (unowned) */
  guint line;
  guint next_probe;
  GTask *pending_stop; /* (owned) (nullable): begins when the start is over */
  gboolean is_starting;
  gboolean was_ready;
  gboolean has_ended;
  gulong ended_handler;
  gulong line_handler;
  MkToolServiceEndedFunc ended_func;
  gpointer ended_data;
};

static char *
make_name (const MkToolServiceOptions *options, MkSimpleExecutor *executor, GHashTable *names)
{
  g_autofree char *program = g_path_get_basename (mk_simple_executor_get_command (executor)[0]);
  g_autofree char *base = options->name != NULL ? g_strdup (options->name) : g_utf8_make_valid (program, -1);
  g_autofree char *name = g_strdup (base);

  for (guint i = 2; g_hash_table_contains (names, name); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s-%u", base, i);
    }

  g_hash_table_add (names, g_strdup (name));
  return g_steal_pointer (&name);
}

static void
on_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer user_data)
{
  MkToolService *self = user_data;

  mk_tool_display_output (self->display, self->line, text);
}

static char *
describe_status (int status)
{
  if (status < 0)
    /* Translators: what happened to a process; its name stands before this. The number of a signal, what it
     * means */
    return g_strdup_printf (_ ("was ended by signal %d (%s)"), -status, g_strsignal (-status));

  /* Translators: what happened to a process; its name stands before this */
  return g_strdup_printf (_ ("ended by itself with status %d"), status);
}

static void
on_exited (MkSimpleExecutor *executor, int status, gpointer user_data)
{
  MkToolService *self = user_data;
  g_autofree char *text = describe_status (status);

  self->has_ended = TRUE;
  mk_tool_display_failed (self->display, self->line, text, text);
  if (self->ended_func != NULL)
    self->ended_func (self->ended_data);
}

/* @names holds the names in use, and gets the one of the new service. */
MkToolService *
mk_tool_service_new (const MkToolServiceOptions *service_options,
                     const MkToolOptions *options,
                     MkToolDisplay *display,
                     GHashTable *names,
                     GError **error)
{
  g_autoptr (MkSimpleExecutor) executor =
      mk_tool_service_options_make_executor (service_options, options, error);
  g_autofree char *name = NULL;
  MkToolService *self;

  if (executor == NULL)
    return NULL;

  name = make_name (service_options, executor, names);

  self = g_new0 (MkToolService, 1);
  self->probes = g_ptr_array_ref (service_options->probes);
  self->display = display;
  self->line = mk_tool_display_add (display, name);
  self->ended_handler = g_signal_connect (executor, "exited", G_CALLBACK (on_exited), self);
  if (options->verbose)
    self->line_handler = g_signal_connect (executor, "line", G_CALLBACK (on_line), self);
  self->executor = g_steal_pointer (&executor);

  return self;
}

void
mk_tool_service_free (MkToolService *self)
{
  g_clear_signal_handler (&self->ended_handler, self->executor);
  g_clear_signal_handler (&self->line_handler, self->executor);
  g_object_unref (self->executor);
  g_ptr_array_unref (self->probes);
  g_free (self);
}

void
mk_tool_service_set_ended_func (MkToolService *self, MkToolServiceEndedFunc func, gpointer user_data)
{
  self->ended_func = func;
  self->ended_data = user_data;
}

/* "127.0.0.1:80 accepted connections, [::1]:80 accepted connections", or NULL. */
static char *
describe_readiness (MkToolService *self)
{
  g_autoptr (GStrvBuilder) clauses = g_strv_builder_new ();
  g_auto (GStrv) strv = NULL;

  if (self->probes->len == 0)
    return NULL;

  for (guint i = 0; i < self->probes->len; i++)
    {
      g_autofree char *clause = mk_probe_describe (g_ptr_array_index (self->probes, i));

      g_strv_builder_add (clauses, clause);
    }

  strv = g_strv_builder_end (clauses);
  /* Translators: stands between clauses as “127.0.0.1:6379 accepted connections” */
  return g_strjoinv (_ (", "), strv);
}

static void
show_start (MkToolService *self)
{
  g_autofree char *readiness = describe_readiness (self);
  g_autofree char *text =
      /* Translators: a clause in the past tense as “127.0.0.1:6379 accepted connections”, or several */
      readiness != NULL ? g_strdup_printf (_ ("waiting until %s"), readiness) : g_strdup (_ ("starting"));

  mk_tool_display_wait (self->display, self->line, text);
}

static void
show_ready (MkToolService *self)
{
  double elapsed = mk_tool_display_get_elapsed (self->display, self->line);
  g_autofree char *readiness = describe_readiness (self);
  int pid = (int) mk_simple_executor_get_pid (self->executor);
  g_autofree char *text = NULL;

  if (readiness != NULL)
    /* Translators: a time, a number, clauses in the past tense as “127.0.0.1:6379 accepted connections” */
    text = g_strdup_printf (_ ("ready after %.2f s (pid %d): %s"), elapsed, pid, readiness);
  else
    text = g_strdup_printf (_ ("ready after %.2f s (pid %d)"), elapsed, pid);

  mk_tool_display_done (self->display, self->line, text);
}

static void
show_start_failure (MkToolService *self, const GError *error)
{
  double elapsed = mk_tool_display_get_elapsed (self->display, self->line);
  g_autofree char *text = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      text = g_strdup_printf (_ ("given up after %.2f s"), elapsed);
      mk_tool_display_done (self->display, self->line, text);
      return;
    }

  text = g_strdup_printf (_ ("failed after %.2f s"), elapsed);
  mk_tool_display_failed (self->display, self->line, text, error->message);
}

static void
show_stopped (MkToolService *self, const GError *error)
{
  double elapsed = mk_tool_display_get_elapsed (self->display, self->line);
  g_autofree char *text = g_strdup_printf (_ ("stopped after %.2f s"), elapsed);

  if (error != NULL)
    mk_tool_display_failed (self->display, self->line, text, error->message);
  else if (self->was_ready && !self->has_ended)
    mk_tool_display_done (self->display, self->line, text);
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkToolService *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  mk_simple_executor_stop_finish (self->executor, result, &error);
  show_stopped (self, error);

  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
begin_stop (MkToolService *self, GTask *task)
{
  if (self->was_ready && !self->has_ended)
    mk_tool_display_wait (self->display, self->line, _ ("stopping"));

  mk_simple_executor_stop_async (self->executor, NULL, on_stopped, task);
}

static void
return_start (GTask *task, GError *error)
{
  MkToolService *self = g_task_get_task_data (task);

  self->is_starting = FALSE;

  if (error != NULL)
    {
      show_start_failure (self, error);
      g_task_return_error (task, error);
    }
  else
    {
      self->was_ready = TRUE;
      show_ready (self);
      g_task_return_boolean (task, TRUE);
    }

  g_object_unref (task);

  if (self->pending_stop != NULL)
    begin_stop (self, g_steal_pointer (&self->pending_stop));
}

static void wait_for_next_probe (GTask *task);

static void
on_probe_waited_for (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_wait_for_finish (MK_SIMPLE_EXECUTOR (source), result, &error))
    wait_for_next_probe (task);
  else
    return_start (task, g_steal_pointer (&error));
}

static void
wait_for_next_probe (GTask *task)
{
  MkToolService *self = g_task_get_task_data (task);

  if (self->next_probe >= self->probes->len)
    {
      return_start (task, NULL);
      return;
    }

  mk_simple_executor_wait_for_async (self->executor,
                                     g_ptr_array_index (self->probes, self->next_probe++),
                                     g_task_get_cancellable (task),
                                     on_probe_waited_for,
                                     task);
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  MkToolService *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start_finish (self->executor, result, &error))
    {
      return_start (task, g_steal_pointer (&error));
      return;
    }

  self->next_probe = 1;
  wait_for_next_probe (task);
}

static void check_next_probe (GTask *task);

/* The executor looks at its own probe before it starts anything; the further ones must not be
 * answered by something else either. */
static void
on_probe_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  g_autoptr (GError) error = NULL;

  if (mk_probe_check_finish (MK_PROBE (source), result, &error))
    {
      g_autofree char *clause = mk_probe_describe (MK_PROBE (source));

      return_start (
          task,
          /* Translators: a clause in the past tense as “127.0.0.1:6379 accepted connections” */
          g_error_new (MK_ERROR, MK_ERROR_ALREADY_RUNNING, _ ("%s before the service was started"), clause));
    }
  else if (error != NULL &&
           (error->domain == MK_ERROR || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    return_start (task, g_steal_pointer (&error));
  else
    check_next_probe (task);
}

static void
check_next_probe (GTask *task)
{
  MkToolService *self = g_task_get_task_data (task);

  if (self->next_probe < self->probes->len)
    mk_probe_check_async (g_ptr_array_index (self->probes, self->next_probe++),
                          g_task_get_cancellable (task),
                          on_probe_checked,
                          task);
  else
    mk_simple_executor_start_async (self->executor, g_task_get_cancellable (task), on_started, task);
}

/* Starts the service and waits for all of its probes. */
void
mk_tool_service_start_async (MkToolService *self,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (self->executor, cancellable, callback, user_data);

  g_task_set_source_tag (task, mk_tool_service_start_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, NULL);

  self->is_starting = TRUE;
  self->next_probe = 1;
  show_start (self);
  check_next_probe (task);
}

gboolean
mk_tool_service_start_finish (GAsyncResult *result, GError **error)
{
  g_assert (g_async_result_is_tagged (result, mk_tool_service_start_async));

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Also for a service that never started: then there is nothing to do. A start that is under
 * way is to be cancelled, and comes to its end first: that is quicker than a stop. */
void
mk_tool_service_stop_async (MkToolService *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self->executor, NULL, callback, user_data);

  g_task_set_source_tag (task, mk_tool_service_stop_async);
  g_task_set_task_data (task, self, NULL);

  if (self->is_starting)
    self->pending_stop = task;
  else
    begin_stop (self, task);
}

gboolean
mk_tool_service_stop_finish (GAsyncResult *result, GError **error)
{
  g_assert (g_async_result_is_tagged (result, mk_tool_service_stop_async));

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Makes a stop that is under way come to its end. */
void
mk_tool_service_kill (MkToolService *self)
{
  mk_simple_executor_kill_async (self->executor, NULL, NULL, NULL);
}
