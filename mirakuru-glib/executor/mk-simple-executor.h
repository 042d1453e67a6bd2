/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-types.h"

G_BEGIN_DECLS

#define MK_TYPE_SIMPLE_EXECUTOR (mk_simple_executor_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MkSimpleExecutor, mk_simple_executor, MK, SIMPLE_EXECUTOR, GObject)

/**
 * MkSimpleExecutorClass:
 * @parent_class: the parent class
 * @build_command: returns the command to run; by default [property@Mk.SimpleExecutor:command]
 * @prepare: prepares what the command needs, before it is run
 * @started: completes a start once the service is ready
 * @check_alive: returns whether the service is alive although its first process has ended with status 0
 * @request_stop: asks the service to end in a gentler way than the stop signal
 * @cleanup: cleans up once nothing of the service is left
 *
 * Since: 1.0
 */
struct _MkSimpleExecutorClass
{
  GObjectClass parent_class;

  /**
   * MkSimpleExecutorClass::build_command:
   * @self: the executor
   * @error: return location for an error
   *
   * Returns the command to run. Called once in each start, after `prepare`. The default returns
   * [property@Mk.SimpleExecutor:command].
   *
   * Returns: (transfer full) (array zero-terminated=1) (element-type filename) (nullable): the
   *   arguments, the program first
   *
   * Since: 1.0
   */
  char **(*build_command) (MkSimpleExecutor *self, GError **error);

  /**
   * MkSimpleExecutorClass::prepare:
   * @self: the executor
   * @task: the task to return a boolean from, now or later
   *
   * Prepares what the command needs, for example a directory, a database or a configuration file. An error
   * that is returned from @task ends the start. The implementation must always return a boolean or an error
   * from @task; if it does not, the start timeout ends the start. The default does nothing.
   *
   * Since: 1.0
   */
  void (*prepare) (MkSimpleExecutor *self, GTask *task);

  /**
   * MkSimpleExecutorClass::started:
   * @self: the executor
   * @task: the task to return a boolean from, now or later
   *
   * Completes a start once the service is ready, for example by loading data. The start is complete when
   * @task has returned. An error from @task ends the service, and the start fails with it. The default does
   * nothing.
   *
   * Since: 1.0
   */
  void (*started) (MkSimpleExecutor *self, GTask *task);

  /**
   * MkSimpleExecutorClass::check_alive:
   * @self: the executor
   * @error: return location for an error
   *
   * Returns whether the service is alive although its first process has ended with status 0, for example
   * because it has put the service into the background. Called in the context of a start, while the start
   * waits and when the service is ready. Must not block. The default returns whether any process of the
   * service is left. If the service runs outside of these processes, do not chain up.
   *
   * Returns: %FALSE to end the start with an error
   *
   * Since: 1.0
   */
  gboolean (*check_alive) (MkSimpleExecutor *self, GError **error);

  /**
   * MkSimpleExecutorClass::request_stop:
   * @self: the executor
   * @task: the task to return a boolean from, now or later
   *
   * Asks the service to end in a gentler way than the stop signal. If @task returns %TRUE, the service has
   * the rest of the stop timeout to end. If it returns %FALSE or an error, the stop signal is sent. The
   * default returns %FALSE at once.
   *
   * Since: 1.0
   */
  void (*request_stop) (MkSimpleExecutor *self, GTask *task);

  /**
   * MkSimpleExecutorClass::cleanup:
   * @self: the executor
   * @task: the task to return a boolean from, now or later
   *
   * Removes what `prepare` and the service have left. Called when nothing of the service runs any more,
   * after a failed start or a stop. It is not called when the last reference to @self is dropped: that only
   * ends the processes. The default does nothing.
   *
   * The values of the service and its private directory (`{dir}`) are still there. The
   * directory is removed afterwards. With a launcher it is elsewhere, and already removed.
   *
   * Since: 1.0
   */
  void (*cleanup) (MkSimpleExecutor *self, GTask *task);

  /*< private >*/
  gpointer padding[8];
};

MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_simple_executor_new (const char *const *argv);
MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_simple_executor_new_for_command_line (const char *command_line, GError **error);
MK_AVAILABLE_IN_1_0
MkSimpleExecutor *mk_simple_executor_new_for_shell (const char *script);

MK_AVAILABLE_IN_1_0
const char *const *mk_simple_executor_get_command (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_command (MkSimpleExecutor *self, const char *const *argv);
MK_AVAILABLE_IN_1_0
const char *mk_simple_executor_get_cwd (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_cwd (MkSimpleExecutor *self, const char *cwd);
MK_AVAILABLE_IN_1_0
const char *const *mk_simple_executor_get_environment (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_environment (MkSimpleExecutor *self, const char *const *environment);
MK_AVAILABLE_IN_1_0
const char *const *mk_simple_executor_get_launcher (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_launcher (MkSimpleExecutor *self, const char *const *launcher);
MK_AVAILABLE_IN_1_0
const char *const *mk_simple_executor_get_forwards (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_forwards (MkSimpleExecutor *self, const char *const *forwards);
MK_AVAILABLE_IN_1_0
guint mk_simple_executor_get_start_timeout (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_start_timeout (MkSimpleExecutor *self, guint start_timeout);
MK_AVAILABLE_IN_1_0
guint mk_simple_executor_get_stop_timeout (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stop_timeout (MkSimpleExecutor *self, guint stop_timeout);
MK_AVAILABLE_IN_1_0
MkStopMode mk_simple_executor_get_stop_mode (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stop_mode (MkSimpleExecutor *self, MkStopMode stop_mode);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_stop_signal (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stop_signal (MkSimpleExecutor *self, int stop_signal);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_kill_signal (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_kill_signal (MkSimpleExecutor *self, int kill_signal);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_expected_status (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_expected_status (MkSimpleExecutor *self, int expected_status);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_get_completes (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_completes (MkSimpleExecutor *self, gboolean completes);
MK_AVAILABLE_IN_1_0
MkStdioMode mk_simple_executor_get_stdin_mode (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stdin_mode (MkSimpleExecutor *self, MkStdioMode mode);
MK_AVAILABLE_IN_1_0
MkStdioMode mk_simple_executor_get_stdout_mode (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stdout_mode (MkSimpleExecutor *self, MkStdioMode mode);
MK_AVAILABLE_IN_1_0
MkStdioMode mk_simple_executor_get_stderr_mode (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stderr_mode (MkSimpleExecutor *self, MkStdioMode mode);
MK_AVAILABLE_IN_1_0
const char *mk_simple_executor_get_stdin_path (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stdin_path (MkSimpleExecutor *self, const char *stdin_path);
MK_AVAILABLE_IN_1_0
const char *mk_simple_executor_get_stdout_path (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stdout_path (MkSimpleExecutor *self, const char *stdout_path);
MK_AVAILABLE_IN_1_0
const char *mk_simple_executor_get_stderr_path (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_stderr_path (MkSimpleExecutor *self, const char *stderr_path);
MK_AVAILABLE_IN_1_0
gsize mk_simple_executor_get_output_limit (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_get_lossless (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_lossless (MkSimpleExecutor *self, gboolean lossless);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_output_limit (MkSimpleExecutor *self, gsize output_limit);

MK_AVAILABLE_IN_1_0
MkExecutorState mk_simple_executor_get_state (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_get_running (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_get_active (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_pid (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_set_passed_fds (MkSimpleExecutor *self, const int *fds, gsize n_fds);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_spawn_errno (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
guint64 mk_simple_executor_get_ready_time (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
int mk_simple_executor_get_exit_status (MkSimpleExecutor *self);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_start (MkSimpleExecutor *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_start_async (MkSimpleExecutor *self,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_start_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_stop (MkSimpleExecutor *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_stop_async (MkSimpleExecutor *self,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_stop_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_stop_full (MkSimpleExecutor *self,
                                       int stop_signal,
                                       int expected_status,
                                       guint timeout_ms,
                                       GCancellable *cancellable,
                                       GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_stop_full_async (MkSimpleExecutor *self,
                                         int stop_signal,
                                         int expected_status,
                                         guint timeout_ms,
                                         GCancellable *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_stop_full_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_kill (MkSimpleExecutor *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_kill_async (MkSimpleExecutor *self,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_kill_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait (MkSimpleExecutor *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_wait_async (MkSimpleExecutor *self,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait_check (MkSimpleExecutor *self, GCancellable *cancellable, GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_wait_check_async (MkSimpleExecutor *self,
                                          GCancellable *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait_check_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait_for (MkSimpleExecutor *self,
                                      MkProbe *probe,
                                      GCancellable *cancellable,
                                      GError **error);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_wait_for_async (MkSimpleExecutor *self,
                                        MkProbe *probe,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_wait_for_finish (MkSimpleExecutor *self, GAsyncResult *result, GError **error);

MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_send_signal (MkSimpleExecutor *self, int signal_number, GError **error);
MK_AVAILABLE_IN_1_0
gboolean mk_simple_executor_send_signal_to_group (MkSimpleExecutor *self, int signal_number, GError **error);
MK_AVAILABLE_IN_1_0
GBytes *mk_simple_executor_dup_output (MkSimpleExecutor *self, MkStream stream);
MK_AVAILABLE_IN_1_0
GInputStream *mk_simple_executor_open_output (MkSimpleExecutor *self, MkStream stream);
MK_AVAILABLE_IN_1_0
GOutputStream *mk_simple_executor_dup_stdin (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
void mk_simple_executor_add_socket (MkSimpleExecutor *self, GSocket *socket, const char *name);
MK_AVAILABLE_IN_1_0
char **mk_simple_executor_dup_environment (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
char *mk_simple_executor_dup_value (MkSimpleExecutor *self, const char *key);
MK_AVAILABLE_IN_1_0
char *mk_simple_executor_dup_kill_reason (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
char *mk_simple_executor_dup_report (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
GVariant *mk_simple_executor_dup_report_dict (MkSimpleExecutor *self);
MK_AVAILABLE_IN_1_0
char *mk_simple_executor_describe (MkSimpleExecutor *self);

G_END_DECLS
