/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lifecycle of one command.
 *
 * Phases, guarded by the lock:
 *
 *   STOPPED ──start──> STARTING ──> READY ──stop──> STOPPING ──> STOPPED
 *                         └──────── failure, or stop ──────────────┘
 *
 * The phase says what was asked for; what became of the service is asked of the process. The state that users
 * see is derived from both: READY with a process that ended by itself is EXITED. So it is right without a
 * main loop.
 *
 * Each operation lives on the context of its caller (see mk-simple-executor-start.c and so on), and its
 * virtual functions are called there. None ever waits for another one's context to run: a synchronous stop
 * must work while an asynchronous start is stuck.
 *
 * The executor owns the process, never the other way round. A copy in a forked child is inert: it is STOPPED,
 * cannot be started, and its end does nothing.
 */

#include "mk-simple-executor-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/mk-deadline-private.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "mk-enum-types.h"
#include "mk-error.h"
#include "process/mk-host-private.h"
#include "process/mk-output-stream-private.h"
#include "process/mk-proc-private.h"
#include "process/mk-process-message-private.h"

/* How long dropping the last reference waits for the tree to be gone. */
#define DROP_LIMIT_MS 8000

#define MAX_SIGNAL (NSIG - 1)
#define MAX_STATUS 255

/* Of a service that has a port, but no host */
#define DEFAULT_HOST "127.0.0.1"

#define DEFAULT_START_TIMEOUT_MS 60000
#define DEFAULT_STOP_TIMEOUT_MS  10000
#define DEFAULT_OUTPUT_LIMIT     (1024 * 1024)

/**
 * MkSimpleExecutor:
 *
 * Runs a command as a service, and leaves nothing of it behind.
 *
 * The service is the process of the command, called its first process, and all descendants of that process.
 * See [The life of an executor](lifecycle.html), and [Choosing an executor](choosing.html) for the
 * subclasses.
 *
 * [method@Mk.SimpleExecutor.start] runs the command. The service counts as ready as soon as its program
 * runs. [class@Mk.Executor] and its subclasses wait until the service can be used.
 *
 * [method@Mk.SimpleExecutor.stop] ends all processes of the service. It also ends those that have changed
 * their session, their process group or their environment. The same happens when the last reference to the
 * executor is dropped, and when the program ends, even by a crash. There is one known exception. Each
 * service has a helper process, the supervisor. If the supervisor is itself killed with SIGKILL, a daemon
 * that has emptied or overwritten its environment survives. See [Stopping and process trees](stopping.html).
 *
 * **Dropping the last reference kills the service, and blocks until it has ended, for at most 8 seconds.**
 * This takes about a millisecond, unless a process cannot be killed. If that is too long, as in a graphical
 * application, call [method@Mk.SimpleExecutor.kill_async] first.
 *
 * The first process of the service leads a new session. The output of the service is captured by default:
 * the library reads it continuously, and keeps the newest bytes for [method@Mk.SimpleExecutor.dup_output]
 * and [method@Mk.SimpleExecutor.open_output]. Error messages contain the last lines.
 *
 * ## Threads and contexts
 *
 * An asynchronous operation runs in the thread-default main context of its caller. It calls virtual
 * functions and probes there, including `attach` and `detach`. A synchronous operation does the same in a
 * private context, and needs no main loop. See [Threads and contexts](threads.html).
 *
 * A start fails with %G_IO_ERROR_PENDING while another start or a stop is under way. A stop ends a start
 * that is under way, and joins another stop.
 *
 * Signals, including `notify`, are emitted in the context that was the thread-default one when the executor
 * was constructed. An operation in that context emits `notify` for all that it has changed before it calls
 * its callback.
 *
 * All functions may be called in any thread. However, a setter may free what a getter has returned with
 * `transfer none`. Do not change a setting in one thread while another thread reads it.
 *
 * In a forked child of the program, the copy of an executor cannot be used. Its state is stopped, it cannot
 * be started, and dropping it does nothing. The child can create new executors.
 *
 * ## Subclassing
 *
 * A virtual function that takes a [class@Gio.Task] must return a boolean or an error from the task, at once
 * or later. The other virtual functions must not block. All of them can chain up to the default.
 *
 * Since: 1.0
 */

enum
{
  PROP_COMMAND = 1,
  PROP_CWD,
  PROP_ENVIRONMENT,
  PROP_LAUNCHER,
  PROP_FORWARDS,
  PROP_START_TIMEOUT,
  PROP_STOP_TIMEOUT,
  PROP_STOP_MODE,
  PROP_STOP_SIGNAL,
  PROP_KILL_SIGNAL,
  PROP_EXPECTED_STATUS,
  PROP_COMPLETES,
  PROP_STDIN_MODE,
  PROP_STDOUT_MODE,
  PROP_STDERR_MODE,
  PROP_STDIN_PATH,
  PROP_STDOUT_PATH,
  PROP_STDERR_PATH,
  PROP_OUTPUT_LIMIT,
  PROP_LOSSLESS,
  PROP_STATE,
  PROP_RUNNING,
  PROP_ACTIVE,
  PROP_PID,
  PROP_EXIT_STATUS,
  PROP_READY_TIME,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

/* Set in a thread by the default of a virtual function that has nothing to do. */
static GPrivate default_reached = G_PRIVATE_INIT (NULL);

G_DEFINE_TYPE_WITH_CODE (MkSimpleExecutor,
                         mk_simple_executor,
                         G_TYPE_OBJECT,
                         G_ADD_PRIVATE (MkSimpleExecutor)
                             g_type_add_class_private (g_define_type_id,
                                                       sizeof (MkSimpleExecutorClassPrivate)))

MkSimpleExecutorClassPrivate *
mk_simple_executor_class_get_private (gpointer klass)
{
  return G_TYPE_CLASS_GET_PRIVATE (klass, MK_TYPE_SIMPLE_EXECUTOR, MkSimpleExecutorClassPrivate);
}

MkSimpleExecutorPrivate *
mk_simple_executor_get_private (MkSimpleExecutor *self)
{
  return mk_simple_executor_get_instance_private (self);
}

/* ---- the lock ---- */

/*
 * What a forked child inherited is not its own: neither a process, nor an operation, nor the signals. Nor is
 * the lock, which another thread of the parent may have held when the fork happened. The copy is left with
 * its settings, and stopped for good.
 */
static void
simple_executor_become_inert (MkSimpleExecutorPrivate *priv)
{
  g_mutex_init (&priv->lock);
  priv->signals = NULL;
  priv->process = NULL;
  priv->values = NULL;
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
  priv->start = NULL;
  priv->pending_start = NULL;
  priv->n_stops = 0;
  priv->cleanup = MK_CLEANUP_NONE;
  g_atomic_int_set (&priv->fork_generation, mk_host_get_fork_generation ());
}

static gboolean
simple_executor_is_inherited (MkSimpleExecutorPrivate *priv)
{
  return (guint) g_atomic_int_get (&priv->fork_generation) != mk_host_get_fork_generation ();
}

GMutexLocker *
mk_simple_executor_lock (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  if (simple_executor_is_inherited (priv))
    {
      /* The child may have several threads by now. */
      mk_host_lock ();
      if (simple_executor_is_inherited (priv))
        simple_executor_become_inert (priv);
      mk_host_unlock ();
    }

  return g_mutex_locker_new (&priv->lock);
}

/* ---- what is known ---- */

static MkExecutorState
simple_executor_derive_state (MkSimpleExecutorPrivate *priv, const MkProcessNews *news)
{
  if (priv->phase == MK_EXECUTOR_STATE_READY && (news->gone || (news->exited && news->status != 0)))
    return news->asked ? MK_EXECUTOR_STATE_STOPPED : MK_EXECUTOR_STATE_EXITED;
  /* A stop whose caller did not want to wait for its end. */
  if (priv->phase == MK_EXECUTOR_STATE_STOPPING && priv->pending_start == NULL && priv->n_stops == 0 &&
      news->gone)
    return MK_EXECUTOR_STATE_STOPPED;

  return priv->phase;
}

/* Call with the lock held. */
MkSnapshot
mk_simple_executor_get_snapshot_unlocked (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MkSnapshot snapshot = { priv->phase, FALSE, FALSE, 0, MK_STATUS_NONE, priv->ready_time };
  MkProcessNews news;

  if (priv->process == NULL)
    return snapshot;

  news = mk_process_get_news (priv->process);
  snapshot.state = simple_executor_derive_state (priv, &news);
  snapshot.running = news.pid != 0 && !news.exited && !news.gone;
  snapshot.active = news.pid != 0 && !news.gone;
  snapshot.pid = news.pid;
  snapshot.exit_status = news.exited ? news.status : MK_STATUS_NONE;
  return snapshot;
}

MkSnapshot
mk_simple_executor_get_snapshot (MkSimpleExecutor *self)
{
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  return mk_simple_executor_get_snapshot_unlocked (self);
}

/* Returns: (transfer full) (nullable): the process of the last start */
MkProcess *
mk_simple_executor_dup_process (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  return priv->process ? mk_process_ref (priv->process) : NULL;
}

/* What messages call the service before there is a process. */
const char *
mk_simple_executor_get_program (MkSimpleExecutor *self)
{
  const char *const *command = mk_simple_executor_get_command (self);

  return command && command[0] ? command[0] : G_OBJECT_TYPE_NAME (self);
}

/* ---- virtual functions ---- */

static char **
simple_executor_build_command (MkSimpleExecutor *self, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  return g_strdupv (priv->command);
}

/* That of prepare(), started() and cleanup() */
static void
simple_executor_do_nothing (MkSimpleExecutor *self, GTask *task)
{
  g_private_set (&default_reached, self);
  g_task_return_boolean (task, TRUE);
}

static gboolean
simple_executor_check_alive (MkSimpleExecutor *self, GError **error)
{
  g_private_set (&default_reached, self);
  return mk_simple_executor_get_snapshot (self).active;
}

/* So that the stop signal is sent. */
static void
simple_executor_request_nothing (MkSimpleExecutor *self, GTask *task)
{
  g_private_set (&default_reached, self);
  g_task_return_boolean (task, FALSE);
}

static gboolean
simple_executor_begin_values (MkSimpleExecutor *self, MkValues *values)
{
  return FALSE;
}

static gboolean
simple_executor_dup_no_probes (MkSimpleExecutor *self,
                               MkValues *values,
                               MkProbe **before_probe,
                               MkProbe **probe,
                               GError **error)
{
  *before_probe = NULL;
  *probe = NULL;
  return TRUE;
}

/* ---- what the operations have in common ---- */

static char *
simple_executor_dup_marker (MkSimpleExecutor *self)
{
  return g_strdup_printf ("%d:%s", (int) getpid (), mk_simple_executor_get_private (self)->uuid);
}

/*
 * @expands: (out): whether the settings have placeholders
 *
 * Returns: (transfer full): the values of a service that is about to start
 */
MkValues *
mk_simple_executor_new_values (MkSimpleExecutor *self, gboolean *expands)
{
  MkSimpleExecutorClassPrivate *klass =
      mk_simple_executor_class_get_private (MK_SIMPLE_EXECUTOR_GET_CLASS (self));
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MkValues *values = mk_values_new (priv->name, priv->scope, priv->scope_data);

  if (priv->launcher != NULL && priv->launcher[0] != NULL)
    mk_values_set_elsewhere (values);
  *expands = klass->begin_values (self, values) || priv->name != NULL;
  if (*expands && !mk_values_has (values, "host"))
    mk_values_set (values, "host", DEFAULT_HOST);
  return values;
}

static gboolean
simple_executor_expand (MkLaunch *launch,
                        char **environment,
                        char **launcher,
                        char **forwards,
                        MkValues *values,
                        GError **error)
{
  return mk_values_expand_strv (values, launcher, error) && mk_values_expand_strv (values, forwards, error) &&
         mk_values_expand_strv (values, environment, error) &&
         mk_values_expand (values, &launch->cwd, error) &&
         mk_values_expand (values, &launch->stdin_path, error) &&
         mk_values_expand (values, &launch->stdout_path, error) &&
         mk_values_expand (values, &launch->stderr_path, error);
}

static gboolean
simple_executor_pass_fds (MkSimpleExecutor *self, MkLaunch *launch, GError **error)
{
  GArray *fds = mk_simple_executor_get_private (self)->passed_fds;
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  for (guint i = 0; fds != NULL && i < fds->len; i++)
    {
      int fd = g_array_index (fds, int, i);
      int copy = mk_descriptor_dup (fd);

      if (copy < 0)
        {
          g_autofree char *reason = mk_descriptor_explain (errno);

          g_set_error (error,
                       MK_ERROR,
                       MK_ERROR_INVALID_ARGUMENT,
                       _ ("Descriptor %d cannot be passed to the service: %s"),
                       fd,
                       reason);
          return FALSE;
        }
      if (!mk_launch_add_descriptor (launch, copy, fd, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
simple_executor_pass_sockets (MkSimpleExecutor *self, MkLaunch *launch, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  for (guint i = 0; i < priv->sockets->len; i++)
    {
      MkPassedSocket *passed = g_ptr_array_index (priv->sockets, i);

      if (!mk_launch_add_socket (launch, g_socket_get_fd (passed->socket), passed->name, error))
        return FALSE;
    }

  return TRUE;
}

/* @exported: (transfer full) */
void
mk_simple_executor_take_exported (MkSimpleExecutor *self, char **exported)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  g_strfreev (priv->exported);
  priv->exported = exported;
}

/* Returns: (transfer full): what differs from the environment of the program */
char **
mk_simple_executor_dup_overlay (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  if (priv->exported != NULL)
    g_strv_builder_addv (builder, (const char **) priv->exported);
  if (priv->environment != NULL)
    g_strv_builder_addv (builder, (const char **) priv->environment);
  return g_strv_builder_end (builder);
}

/*
 * @values: (nullable): what the placeholders in the settings stand for
 *
 * Returns: (transfer full): the settings as they are now, checked, but for the command
 */
MkLaunch *
mk_simple_executor_dup_launch (MkSimpleExecutor *self, MkValues *values, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autofree char *marker = simple_executor_dup_marker (self);
  g_autoptr (MkLaunch) launch = g_new0 (MkLaunch, 1);
  g_auto (GStrv) environment = NULL;
  g_auto (GStrv) launcher = NULL;
  g_auto (GStrv) forwards = NULL;
  GMutexLocker *locker = mk_simple_executor_lock (self);

  launch->cwd = g_strdup (priv->cwd);
  launch->stop_mode = priv->stop_mode;
  launch->stop_signal = priv->stop_signal;
  launch->kill_signal = priv->kill_signal;
  launch->stop_timeout = priv->stop_timeout;
  launch->stdin_mode = priv->stdin_mode;
  launch->stdout_mode = priv->stdout_mode;
  launch->stderr_mode = priv->stderr_mode;
  launch->stdin_path = g_strdup (priv->stdin_path);
  launch->stdout_path = g_strdup (priv->stdout_path);
  launch->stderr_path = g_strdup (priv->stderr_path);
  launch->output_limit = priv->output_limit;
  launcher = g_strdupv (priv->launcher);
  forwards = g_strdupv (priv->forwards);
  g_mutex_locker_free (locker);

  environment = mk_simple_executor_dup_overlay (self);
  if ((values != NULL && !simple_executor_expand (launch, environment, launcher, forwards, values, error)) ||
      !mk_launch_set_launcher (launch, g_steal_pointer (&launcher), forwards, error) ||
      !mk_launch_set_environment (launch, (const char *const *) environment, marker, error) ||
      !simple_executor_pass_sockets (self, launch, error) ||
      !simple_executor_pass_fds (self, launch, error) || !mk_launch_validate (launch, error))
    return NULL;

  return g_steal_pointer (&launch);
}

/*
 * Calls a virtual function that takes a task. @callback ends it with mk_step_run_finish().
 *
 * Returns: %TRUE if it was the default, so that it is known already that there is nothing to do
 */
gboolean
mk_simple_executor_run_step (MkSimpleExecutor *self,
                             void (*step) (MkSimpleExecutor *, GTask *),
                             const char *name,
                             gint64 deadline,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_private_set (&default_reached, NULL);
  mk_step_run_async (
      self, (MkStepFunc) step, name, deadline, MK_STEP_GRACE_MS, cancellable, callback, user_data);

  return g_private_get (&default_reached) == self;
}

/*
 * Asks the virtual function check_alive.
 *
 * @knows_better: (out) (optional): whether a subclass answered, who may know of a service outside of the tree
 */
gboolean
mk_simple_executor_check_alive (MkSimpleExecutor *self, gboolean *knows_better, GError **error)
{
  gboolean alive;

  g_private_set (&default_reached, NULL);
  alive = MK_SIMPLE_EXECUTOR_GET_CLASS (self)->check_alive (self, error);
  if (knows_better != NULL)
    *knows_better = g_private_get (&default_reached) != self;

  return alive;
}

/*
 * Called when nothing of the service is left, by a start with @start and by a stop of @process. A stop whose
 * context runs late must not clean up the run after, and a start leaves it to the stop that ended it.
 *
 * Returns: whether the caller has to run cleanup() now
 */
gboolean
mk_simple_executor_claim_cleanup (MkSimpleExecutor *self, GTask *start, MkProcess *process)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  if (priv->cleanup != MK_CLEANUP_DUE)
    return FALSE;
  if (start != NULL ? priv->start != start && priv->n_stops > 0 : priv->process != process)
    return FALSE;

  priv->cleanup = MK_CLEANUP_RUNNING;
  return TRUE;
}

void
mk_simple_executor_end_cleanup (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  priv->cleanup = MK_CLEANUP_NONE;
}

/* Returns: whether somebody needs the private directory when nothing of the service is left, such as
 * cleanup(). Elsewhere, cleanup() of a class of the user cannot see it. */
gboolean
mk_simple_executor_keeps_directory (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  if (priv->drops_directory)
    return FALSE;

  return priv->keeps_directory || priv->guarded_directory != NULL ||
         (priv->launcher == NULL &&
          MK_SIMPLE_EXECUTOR_GET_CLASS (self)->cleanup != simple_executor_do_nothing);
}

/* @callback calls mk_step_run_finish() and mk_simple_executor_end_cleanup(). It has the stop timeout, and
 * cannot be cancelled. */
void
mk_simple_executor_run_cleanup (MkSimpleExecutor *self, GAsyncReadyCallback callback, gpointer user_data)
{
  gint64 deadline = mk_deadline_after (mk_simple_executor_get_stop_timeout (self));

  if (mk_simple_executor_run_step (self,
                                   MK_SIMPLE_EXECUTOR_GET_CLASS (self)->cleanup,
                                   "cleanup()",
                                   deadline,
                                   NULL,
                                   callback,
                                   user_data))
    mk_simple_executor_end_cleanup (self);
}

/* Returns: (transfer full) (nullable): says that the service lives, although it was killed */
GError *
mk_simple_executor_stuck_error (MkProcess *process)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = NULL;
  g_autofree char *hold = NULL;

  if (news.stuck == 0)
    return NULL;

  service = mk_process_message_service (process);
  if (news.stuck == news.denied)
    return g_error_new (
        MK_ERROR,
        MK_ERROR_FAILED,
        /* Translators: a service, the number of a process */
        _ ("%s is still running: its process %d belongs to another user, and cannot be killed"),
        service,
        (int) news.stuck);

  hold = mk_proc_describe_hold (news.stuck);
  if (hold == NULL)
    return g_error_new (MK_ERROR,
                        MK_ERROR_FAILED,
                        /* Translators: a service, the number of a process */
                        _ ("%s is still running: process %d does not end, although it was killed"),
                        service,
                        (int) news.stuck);
  return g_error_new (MK_ERROR,
                      MK_ERROR_FAILED,
                      /* Translators: a service, the number of a process, why: “process 4711 traces it” */
                      _ ("%s is still running: process %d does not end, although it was killed (%s)"),
                      service,
                      (int) news.stuck,
                      hold);
}

/* A program that catches the stop signal to tidy up often exits with 128 and its number, as a shell does. */
static gboolean
simple_executor_is_expected (const MkProcessNews *news, int expected_status, int stop_signal)
{
  if (news->status == 0 || expected_status != MK_STATUS_NONE)
    return news->status == 0 || news->status == expected_status;

  return news->status == -stop_signal || (news->asked && news->status == 128 + stop_signal);
}

/*
 * @any_status: whether the status does not matter
 * @expected_status: the status that is fine besides 0, or MK_STATUS_NONE for those of the stop signal
 *
 * Returns: (transfer full) (nullable): what is wrong with the way in which the service has ended
 */
GError *
mk_simple_executor_judge_end (MkProcess *process, gboolean any_status, int expected_status, int stop_signal)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = NULL;
  g_autofree char *status = NULL;
  g_autofree char *output = NULL;
  GError *failure;

  if (news.stuck != 0)
    return mk_simple_executor_stuck_error (process);
  if (any_status)
    return NULL;

  if (news.lost && (failure = mk_process_dup_failure (process)) != NULL)
    return failure;
  service = mk_process_message_service (process);
  if (news.lost)
    return g_error_new (
        MK_ERROR,
        MK_ERROR_SUPERVISOR,
        _ ("The supervisor of %s was killed, and the service with it; how the service ended is unknown"),
        service);
  /* A status that the kill signal caused says nothing. */
  if (!news.exited || (news.killed && news.asked) ||
      simple_executor_is_expected (&news, expected_status, stop_signal))
    return NULL;

  status = mk_message_status (news.status);
  output = mk_process_message_output (process);
  return g_error_new (MK_ERROR,
                      MK_ERROR_FINISHED_WITH_ERROR,
                      /* Translators: a service, “exited with status 1” or “was ended by signal 9 (Killed)”,
                       * its last output or nothing */
                      news.asked ? _ ("%s %s when it was stopped%s")
                                 /* Translators: a service, “exited with status 1” or “was ended by signal 9
                                  * (Killed)”, its last output or nothing */
                                 : _ ("%s had ended by itself: it %s%s"),
                      service,
                      status,
                      output);
}

/* Nothing is left of the service, so that its ports and its directory are free. */
static void
simple_executor_clear_values_if_stopped (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  GMutexLocker *locker = mk_simple_executor_lock (self);
  gboolean stopped = priv->phase == MK_EXECUTOR_STATE_STOPPED &&
                     (priv->process == NULL || mk_process_get_news (priv->process).gone);
  g_autoptr (MkValues) values = stopped ? g_steal_pointer (&priv->values) : NULL;

  g_mutex_locker_free (locker);
  if (values != NULL)
    mk_values_clear (values);
}

/*
 * Returns the task of an operation, in its context: once what the operation has changed has been told, where
 * that is told in the same context.
 *
 * @task: (transfer full)
 * @error: (transfer full) (nullable): %NULL returns %TRUE
 */
void
mk_simple_executor_return (MkSimpleExecutor *self, GTask *task, GError *error)
{
  simple_executor_clear_values_if_stopped (self);
  mk_signals_return (mk_simple_executor_get_private (self)->signals, task, error);
}

gboolean
mk_simple_executor_finish (MkSimpleExecutor *self, GAsyncResult *result, gpointer source_tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, source_tag), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- the object ---- */

static void
mk_simple_executor_constructed (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->constructed (object);

  priv->signals = mk_signals_new (MK_SIMPLE_EXECUTOR (object));
}

static void
mk_simple_executor_dispose (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));
  g_autoptr (MkProcess) process = mk_simple_executor_dup_process (MK_SIMPLE_EXECUTOR (object));

  if (priv->signals != NULL)
    mk_signals_detach (priv->signals);
  if (process != NULL && !mk_process_get_news (process).gone)
    {
      gboolean is_stuck = mk_process_get_news (process).stuck != 0;

      mk_process_kill (process, SIGKILL);
      if (!is_stuck)
        mk_process_wait_gone (process, DROP_LIMIT_MS);
    }

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->dispose (object);
}

static void
simple_executor_free_passed_socket (gpointer data)
{
  MkPassedSocket *self = data;

  g_object_unref (self->socket);
  g_free (self->name);
  g_free (self);
}

static void
mk_simple_executor_finalize (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));

  g_clear_pointer (&priv->signals, mk_signals_unref);
  g_clear_pointer (&priv->process, mk_process_unref);
  g_clear_pointer (&priv->values, mk_values_unref);
  g_strfreev (priv->command);
  g_strfreev (priv->environment);
  g_strfreev (priv->launcher);
  g_strfreev (priv->forwards);
  g_strfreev (priv->exported);
  g_strfreev (priv->reused_programs);
  g_free (priv->guarded_directory);
  g_clear_object (&priv->asked_probe);
  g_ptr_array_unref (priv->sockets);
  g_clear_pointer (&priv->passed_fds, g_array_unref);
  if (priv->scope_destroy != NULL)
    priv->scope_destroy (priv->scope_data);
  g_free (priv->name);
  g_free (priv->cwd);
  g_free (priv->stdin_path);
  g_free (priv->stdout_path);
  g_free (priv->stderr_path);
  g_free (priv->uuid);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->finalize (object);
}

static void
mk_simple_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      g_value_set_boxed (value, mk_simple_executor_get_command (self));
      break;

    case PROP_CWD:
      g_value_set_string (value, mk_simple_executor_get_cwd (self));
      break;

    case PROP_ENVIRONMENT:
      g_value_set_boxed (value, mk_simple_executor_get_environment (self));
      break;

    case PROP_LAUNCHER:
      g_value_set_boxed (value, mk_simple_executor_get_launcher (self));
      break;

    case PROP_FORWARDS:
      g_value_set_boxed (value, mk_simple_executor_get_forwards (self));
      break;

    case PROP_START_TIMEOUT:
      g_value_set_uint (value, mk_simple_executor_get_start_timeout (self));
      break;

    case PROP_STOP_TIMEOUT:
      g_value_set_uint (value, mk_simple_executor_get_stop_timeout (self));
      break;

    case PROP_STOP_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stop_mode (self));
      break;

    case PROP_STOP_SIGNAL:
      g_value_set_int (value, mk_simple_executor_get_stop_signal (self));
      break;

    case PROP_KILL_SIGNAL:
      g_value_set_int (value, mk_simple_executor_get_kill_signal (self));
      break;

    case PROP_EXPECTED_STATUS:
      g_value_set_int (value, mk_simple_executor_get_expected_status (self));
      break;

    case PROP_COMPLETES:
      g_value_set_boolean (value, mk_simple_executor_get_completes (self));
      break;

    case PROP_STDIN_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stdin_mode (self));
      break;

    case PROP_STDOUT_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stdout_mode (self));
      break;

    case PROP_STDERR_MODE:
      g_value_set_enum (value, mk_simple_executor_get_stderr_mode (self));
      break;

    case PROP_STDIN_PATH:
      g_value_set_string (value, mk_simple_executor_get_stdin_path (self));
      break;

    case PROP_STDOUT_PATH:
      g_value_set_string (value, mk_simple_executor_get_stdout_path (self));
      break;

    case PROP_STDERR_PATH:
      g_value_set_string (value, mk_simple_executor_get_stderr_path (self));
      break;

    case PROP_LOSSLESS:
      g_value_set_boolean (value, mk_simple_executor_get_lossless (self));
      break;

    case PROP_OUTPUT_LIMIT:
      g_value_set_uint64 (value, mk_simple_executor_get_output_limit (self));
      break;

    case PROP_STATE:
      g_value_set_enum (value, mk_simple_executor_get_state (self));
      break;

    case PROP_RUNNING:
      g_value_set_boolean (value, mk_simple_executor_get_running (self));
      break;

    case PROP_ACTIVE:
      g_value_set_boolean (value, mk_simple_executor_get_active (self));
      break;

    case PROP_PID:
      g_value_set_int (value, mk_simple_executor_get_pid (self));
      break;

    case PROP_READY_TIME:
      g_value_set_uint64 (value, mk_simple_executor_get_ready_time (self));
      break;

    case PROP_EXIT_STATUS:
      g_value_set_int (value, mk_simple_executor_get_exit_status (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_simple_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkSimpleExecutor *self = MK_SIMPLE_EXECUTOR (object);

  switch (prop_id)
    {
    case PROP_COMMAND:
      mk_simple_executor_set_command (self, g_value_get_boxed (value));
      break;

    case PROP_CWD:
      mk_simple_executor_set_cwd (self, g_value_get_string (value));
      break;

    case PROP_ENVIRONMENT:
      mk_simple_executor_set_environment (self, g_value_get_boxed (value));
      break;

    case PROP_LAUNCHER:
      mk_simple_executor_set_launcher (self, g_value_get_boxed (value));
      break;

    case PROP_FORWARDS:
      mk_simple_executor_set_forwards (self, g_value_get_boxed (value));
      break;

    case PROP_START_TIMEOUT:
      mk_simple_executor_set_start_timeout (self, g_value_get_uint (value));
      break;

    case PROP_STOP_TIMEOUT:
      mk_simple_executor_set_stop_timeout (self, g_value_get_uint (value));
      break;

    case PROP_STOP_MODE:
      mk_simple_executor_set_stop_mode (self, g_value_get_enum (value));
      break;

    case PROP_STOP_SIGNAL:
      mk_simple_executor_set_stop_signal (self, g_value_get_int (value));
      break;

    case PROP_KILL_SIGNAL:
      mk_simple_executor_set_kill_signal (self, g_value_get_int (value));
      break;

    case PROP_EXPECTED_STATUS:
      mk_simple_executor_set_expected_status (self, g_value_get_int (value));
      break;

    case PROP_COMPLETES:
      mk_simple_executor_set_completes (self, g_value_get_boolean (value));
      break;

    case PROP_STDIN_MODE:
      mk_simple_executor_set_stdin_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDOUT_MODE:
      mk_simple_executor_set_stdout_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDERR_MODE:
      mk_simple_executor_set_stderr_mode (self, g_value_get_enum (value));
      break;

    case PROP_STDIN_PATH:
      mk_simple_executor_set_stdin_path (self, g_value_get_string (value));
      break;

    case PROP_STDOUT_PATH:
      mk_simple_executor_set_stdout_path (self, g_value_get_string (value));
      break;

    case PROP_STDERR_PATH:
      mk_simple_executor_set_stderr_path (self, g_value_get_string (value));
      break;

    case PROP_LOSSLESS:
      mk_simple_executor_set_lossless (self, g_value_get_boolean (value));
      break;

    case PROP_OUTPUT_LIMIT:
      mk_simple_executor_set_output_limit (self, (gsize) g_value_get_uint64 (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_simple_executor_class_init (MkSimpleExecutorClass *klass)
{
  const GParamFlags read_flags = G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mk_simple_executor_get_property;
  object_class->set_property = mk_simple_executor_set_property;
  object_class->constructed = mk_simple_executor_constructed;
  object_class->dispose = mk_simple_executor_dispose;
  object_class->finalize = mk_simple_executor_finalize;

  klass->build_command = simple_executor_build_command;
  klass->prepare = simple_executor_do_nothing;
  klass->started = simple_executor_do_nothing;
  klass->check_alive = simple_executor_check_alive;
  klass->request_stop = simple_executor_request_nothing;
  klass->cleanup = simple_executor_do_nothing;
  mk_simple_executor_class_get_private (klass)->begin_values = simple_executor_begin_values;
  mk_simple_executor_class_get_private (klass)->dup_probes = simple_executor_dup_no_probes;

  /**
   * MkSimpleExecutor:command:
   *
   * The command: the program and its arguments. If the name of the program contains no slash, the program is
   * searched for in the directories of the service's `PATH`.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_COMMAND] = g_param_spec_boxed ("command", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkSimpleExecutor:cwd: (type filename)
   *
   * The directory the service runs in, or %NULL for that of the program.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_CWD] = g_param_spec_string ("cwd", NULL, NULL, NULL, flags);

  /**
   * MkSimpleExecutor:environment:
   *
   * Changes to the environment that the service inherits from the program: "NAME=value" sets a variable,
   * "NAME" unsets one.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_ENVIRONMENT] = g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkSimpleExecutor:launcher:
   *
   * A command that runs another command at a far end: in a container, on another host, inside or outside of
   * a sandbox. It must pass on standard input and output, without a terminal. %NULL runs the service on this
   * machine. See [Containers, hosts and sandboxes](elsewhere.html).
   *
   * ```c
   * const char *ssh[] = { "ssh", "far", NULL };
   * const char *podman[] = { "podman", "exec", "-i", "web", NULL };
   * const char *sandboxed[] = { "flatpak-spawn", "--host", NULL };
   * ```
   *
   * Nothing of the service is left at the far end, however this program or the connection ends, as on this
   * machine. For this purpose, each start sends the program `mk-supervisor` through the launcher. The far
   * end needs a shell, `cat`, `chmod`, `head`, `rm`, `uname`, and a directory that programs can be run from.
   * If the last word of the launcher is a path that ends in `/mk-supervisor`, that program is run there
   * instead of a shell.
   *
   * [property@Mk.SimpleExecutor:command], [property@Mk.SimpleExecutor:cwd] and
   * [property@Mk.SimpleExecutor:pid] refer to the far end. [property@Mk.SimpleExecutor:environment] changes
   * the environment that is found there. Files, output, probes and addresses refer to this machine.
   * [property@Mk.SimpleExecutor:forwards] connects addresses of both. Sockets and other open files cannot be
   * passed.
   *
   * If one end receives nothing from the other for 15 seconds, the connection counts as lost. The far end
   * then ends the service. This end reports %MK_ERROR_LAUNCHER, and the message says what is left.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_LAUNCHER] = g_param_spec_boxed ("launcher", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkSimpleExecutor:forwards:
   *
   * Forwards from addresses of this machine to addresses at the far end of
   * [property@Mk.SimpleExecutor:launcher]. They are written as for `ssh -L`: `"6379"`, `"16379:6379"`,
   * `"16379:db:5432"`. The path of a Unix socket can be used instead of a port, or of a host and a port. At
   * most 32; %NULL for none.
   *
   * A start binds the address of this machine, on the loopback interface. If the address is in use, the
   * start fails with %MK_ERROR_ALREADY_RUNNING before anything is launched. Connections are refused until
   * the far address accepts connections. Clients and probes therefore see the same as with a service on this
   * machine.
   *
   * A forward does nothing if both ends share the network and use the same port, or share the file system
   * and use the same path. Without a launcher, forwards to other addresses are an error.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_FORWARDS] = g_param_spec_boxed ("forwards", NULL, NULL, G_TYPE_STRV, flags);

  /**
   * MkSimpleExecutor:start-timeout:
   *
   * How long a start may take, in milliseconds, 0 for no limit. The time begins when the program is run. The
   * same limit applies separately to the steps before that. When the time is over, the service is killed.
   *
   * Default: 60000 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_START_TIMEOUT] =
      g_param_spec_uint ("start-timeout", NULL, NULL, 0, G_MAXUINT, DEFAULT_START_TIMEOUT_MS, flags);

  /**
   * MkSimpleExecutor:stop-timeout:
   *
   * How long the service may take to end when it is stopped, in milliseconds, 0 for no limit. Processes that
   * are left after this time are killed.
   *
   * Default: 10000 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_STOP_TIMEOUT] =
      g_param_spec_uint ("stop-timeout", NULL, NULL, 0, G_MAXUINT, DEFAULT_STOP_TIMEOUT_MS, flags);

  /**
   * MkSimpleExecutor:stop-mode:
   *
   * Which processes get the stop signal.
   *
   * Default: %MK_STOP_MODE_LEADER.
   *
   * Since: 1.0
   */
  props[PROP_STOP_MODE] =
      g_param_spec_enum ("stop-mode", NULL, NULL, MK_TYPE_STOP_MODE, MK_STOP_MODE_LEADER, flags);

  /**
   * MkSimpleExecutor:stop-signal:
   *
   * The signal that asks the service to end, 1 to 64. With 0, the start fails.
   * [property@Mk.SimpleExecutor:stop-mode] says which processes get it. The exit status 128 + the number of
   * the signal counts as success.
   *
   * Default: SIGTERM (15). Range: 0 to 64.
   *
   * Since: 1.0
   */
  props[PROP_STOP_SIGNAL] = g_param_spec_int ("stop-signal", NULL, NULL, 0, MAX_SIGNAL, SIGTERM, flags);

  /**
   * MkSimpleExecutor:kill-signal:
   *
   * The signal for processes that did not end in time, 1 to 64. With 0, the start fails. If this is another
   * signal than SIGKILL, and processes survive it, SIGKILL follows a second later.
   *
   * Default: SIGKILL (9). Range: 0 to 64.
   *
   * Since: 1.0
   */
  props[PROP_KILL_SIGNAL] = g_param_spec_int ("kill-signal", NULL, NULL, 0, MAX_SIGNAL, SIGKILL, flags);

  /**
   * MkSimpleExecutor:expected-status:
   *
   * The exit status that counts as success when the service is stopped, in addition to 0: 1 to 255, or the
   * negative number of a signal. %MK_STATUS_NONE accepts an end by the stop signal. Once the service was
   * stopped, it also accepts 128 + the number of that signal, which is what Java and shells return.
   *
   * Default: %MK_STATUS_NONE. Range: %MK_STATUS_NONE to 255.
   *
   * Since: 1.0
   */
  props[PROP_EXPECTED_STATUS] =
      g_param_spec_int ("expected-status", NULL, NULL, MK_STATUS_NONE, MAX_STATUS, MK_STATUS_NONE, flags);

  /**
   * MkSimpleExecutor:completes:
   *
   * Whether the command does its work and ends, such as the migration of a database. Such a service is ready
   * when its first process has ended with status 0 or [property@Mk.SimpleExecutor:expected-status]. The
   * start fails with %MK_ERROR_EXITED if the status is another one, and with %MK_ERROR_TIMED_OUT if the
   * process does not end within the start timeout. Such an executor cannot have a probe.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  props[PROP_COMPLETES] = g_param_spec_boolean ("completes", NULL, NULL, FALSE, flags);

  /**
   * MkSimpleExecutor:stdin-mode:
   *
   * The source of standard input: NULL, PIPE (see [method@Mk.SimpleExecutor.dup_stdin]), INHERIT, or FILE
   * (see [property@Mk.SimpleExecutor:stdin-path]).
   *
   * Default: %MK_STDIO_MODE_NULL.
   *
   * Since: 1.0
   */
  props[PROP_STDIN_MODE] =
      g_param_spec_enum ("stdin-mode", NULL, NULL, MK_TYPE_STDIO_MODE, MK_STDIO_MODE_NULL, flags);

  /**
   * MkSimpleExecutor:stdout-mode:
   *
   * The destination of standard output: NULL, CAPTURE, PTY, INHERIT, or FILE (see
   * [property@Mk.SimpleExecutor:stdout-path]).
   *
   * With PTY, standard output is a terminal, and the output is captured. Most programs then print each line
   * at once, and many print colors. The variables `COLUMNS` and `LINES` in the environment of the service
   * set the size of the terminal, by default 80 columns and 24 lines. The terminal adds no carriage returns.
   * It is not the controlling terminal of the service, so it sends no signals for keys or when it is closed.
   *
   * Default: %MK_STDIO_MODE_CAPTURE.
   *
   * Since: 1.0
   */
  props[PROP_STDOUT_MODE] =
      g_param_spec_enum ("stdout-mode", NULL, NULL, MK_TYPE_STDIO_MODE, MK_STDIO_MODE_CAPTURE, flags);

  /**
   * MkSimpleExecutor:stderr-mode:
   *
   * The destination of standard error: NULL, CAPTURE, PTY (a second terminal, see
   * [property@Mk.SimpleExecutor:stdout-mode]), INHERIT, MERGE (into standard output), or FILE (see
   * [property@Mk.SimpleExecutor:stderr-path]).
   *
   * Default: %MK_STDIO_MODE_CAPTURE.
   *
   * Since: 1.0
   */
  props[PROP_STDERR_MODE] =
      g_param_spec_enum ("stderr-mode", NULL, NULL, MK_TYPE_STDIO_MODE, MK_STDIO_MODE_CAPTURE, flags);

  /**
   * MkSimpleExecutor:stdin-path: (type filename)
   *
   * The file that standard input is read from if [property@Mk.SimpleExecutor:stdin-mode] is FILE. A relative
   * path is relative to the working directory of the program, not of the service. `/dev/fd/N` is the open
   * descriptor N of the program itself.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_STDIN_PATH] = g_param_spec_string ("stdin-path", NULL, NULL, NULL, flags);

  /**
   * MkSimpleExecutor:stdout-path: (type filename)
   *
   * The file for standard output if [property@Mk.SimpleExecutor:stdout-mode] is FILE. It is emptied at each
   * start. A relative path is relative to the working directory of the program, not of the service.
   * `/dev/fd/N` is the open descriptor N of the program itself. It may be a socket or a pipe, and a file is
   * not emptied.
   *
   * If the mode is CAPTURE or PTY, the file gets a copy of the whole output, even if it exceeds
   * [property@Mk.SimpleExecutor:output-limit]. The file must then be a regular file. If it cannot be written
   * any more, for example because the disk is full, the service continues. "incomplete" in
   * [method@Mk.SimpleExecutor.dup_report_dict] gives the reason.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_STDOUT_PATH] = g_param_spec_string ("stdout-path", NULL, NULL, NULL, flags);

  /**
   * MkSimpleExecutor:stderr-path: (type filename)
   *
   * The file for standard error if [property@Mk.SimpleExecutor:stderr-mode] is FILE. It may be the same as
   * for standard output.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_STDERR_PATH] = g_param_spec_string ("stderr-path", NULL, NULL, NULL, flags);

  /**
   * MkSimpleExecutor:output-limit:
   *
   * How many of the newest bytes of each captured stream are kept, 0 for all.
   *
   * Default: 1048576 bytes. Range: 0 to %G_MAXUINT64.
   *
   * Since: 1.0
   */
  props[PROP_OUTPUT_LIMIT] =
      g_param_spec_uint64 ("output-limit", NULL, NULL, 0, G_MAXSIZE, DEFAULT_OUTPUT_LIMIT, flags);

  /**
   * MkSimpleExecutor:lossless:
   *
   * Whether [signal@Mk.SimpleExecutor::line] is emitted for every line, to handlers that are connected
   * before the start. While [property@Mk.SimpleExecutor:output-limit] bytes are waiting for the handlers,
   * the service blocks in write(), as with a slow terminal. It blocks forever if the main context of the
   * executor is not run.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  props[PROP_LOSSLESS] = g_param_spec_boolean ("lossless", NULL, NULL, FALSE, flags);

  /**
   * MkSimpleExecutor:state:
   *
   * The state of the service.
   *
   * Default: %MK_EXECUTOR_STATE_STOPPED.
   *
   * Since: 1.0
   */
  props[PROP_STATE] =
      g_param_spec_enum ("state", NULL, NULL, MK_TYPE_EXECUTOR_STATE, MK_EXECUTOR_STATE_STOPPED, read_flags);

  /**
   * MkSimpleExecutor:running:
   *
   * Whether the first process of the service is alive.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  props[PROP_RUNNING] = g_param_spec_boolean ("running", NULL, NULL, FALSE, read_flags);

  /**
   * MkSimpleExecutor:active:
   *
   * Whether any process of the service is alive.
   *
   * Default: %FALSE.
   *
   * Since: 1.0
   */
  props[PROP_ACTIVE] = g_param_spec_boolean ("active", NULL, NULL, FALSE, read_flags);

  /**
   * MkSimpleExecutor:pid:
   *
   * The process ID of the first process of the service, 0 before the first start.
   *
   * Default: 0. Range: 0 to %G_MAXINT.
   *
   * Since: 1.0
   */
  props[PROP_PID] = g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0, read_flags);

  /**
   * MkSimpleExecutor:ready-time:
   *
   * The time from the spawn of the service until it was ready, in microseconds; 0 until then. It is kept
   * until the next start.
   *
   * Default: 0 microseconds. Range: 0 to %G_MAXUINT64.
   *
   * Since: 1.0
   */
  props[PROP_READY_TIME] = g_param_spec_uint64 ("ready-time", NULL, NULL, 0, G_MAXUINT64, 0, read_flags);

  /**
   * MkSimpleExecutor:exit-status:
   *
   * The status with which the first process of the service has ended: 0 to 255, the negative number of a
   * signal, or %MK_STATUS_NONE before that.
   *
   * Default: %MK_STATUS_NONE. Range: %MK_STATUS_NONE to 255.
   *
   * Since: 1.0
   */
  props[PROP_EXIT_STATUS] =
      g_param_spec_int ("exit-status", NULL, NULL, MK_STATUS_NONE, MAX_STATUS, MK_STATUS_NONE, read_flags);

  g_object_class_install_properties (object_class, N_PROPS, props);
  mk_simple_executor_install_signals (klass);
}

static void
mk_simple_executor_init (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  g_mutex_init (&priv->lock);
  priv->uuid = g_uuid_string_random ();
  priv->start_timeout = DEFAULT_START_TIMEOUT_MS;
  priv->stop_timeout = DEFAULT_STOP_TIMEOUT_MS;
  priv->stop_signal = SIGTERM;
  priv->kill_signal = SIGKILL;
  priv->expected_status = MK_STATUS_NONE;
  priv->stdin_mode = MK_STDIO_MODE_NULL;
  priv->stdout_mode = MK_STDIO_MODE_CAPTURE;
  priv->stderr_mode = MK_STDIO_MODE_CAPTURE;
  priv->output_limit = DEFAULT_OUTPUT_LIMIT;
  priv->sockets = g_ptr_array_new_with_free_func (simple_executor_free_passed_socket);
  priv->fork_generation = mk_host_get_fork_generation ();
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
}

/**
 * mk_simple_executor_new:
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 *
 * Creates an executor for a command.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_simple_executor_new (const char *const *argv)
{
  return g_object_new (MK_TYPE_SIMPLE_EXECUTOR, "command", argv, NULL);
}

/**
 * mk_simple_executor_new_for_command_line:
 * @command_line: (type filename): a command, as you type it in a shell
 * @error: return location for an error
 *
 * Creates an executor for a command that is given as one string. The string is split into words, and quotes
 * are removed, as a shell does it. Nothing is expanded, and no shell is run.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if quotes are not balanced or the string is empty.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_simple_executor_new_for_command_line (const char *command_line, GError **error)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autofree char *shown = NULL;
  g_autofree char *reason = NULL;

  g_return_val_if_fail (command_line != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (mk_platform_parse_command (command_line, &argv, &local_error))
    return mk_simple_executor_new ((const char *const *) argv);

  shown = g_utf8_make_valid (command_line, -1);
  reason = g_utf8_make_valid (local_error->message, -1);
  g_set_error (
      error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("“%s” cannot be split into words: %s"), shown, reason);
  return NULL;
}

/**
 * mk_simple_executor_new_for_shell:
 * @script: (type filename): the script
 *
 * Creates an executor that has `/bin/sh` run a script. The processes that the shell starts belong to the
 * service and are ended with it.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_simple_executor_new_for_shell (const char *script)
{
  const char *argv[] = { "/bin/sh", "-c", script, NULL };

  g_return_val_if_fail (script != NULL, NULL);

  return mk_simple_executor_new (argv);
}

/* ---- settings ---- */

/* @field: of type int, guint, gboolean or an enumeration */
static void
simple_executor_set_number (MkSimpleExecutor *self, gpointer field, guint value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  gboolean changed = *(guint *) field != value;

  *(guint *) field = value;
  g_mutex_locker_free (locker);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

static void
simple_executor_set_size (MkSimpleExecutor *self, gsize *field, gsize value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  gboolean changed = *field != value;

  *field = value;
  g_mutex_locker_free (locker);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

static void
simple_executor_set_string (MkSimpleExecutor *self, char **field, const char *value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  g_autofree char *old = NULL;

  if (g_strcmp0 (*field, value) == 0)
    {
      g_mutex_locker_free (locker);
      return;
    }
  old = *field;
  *field = g_strdup (value);
  g_mutex_locker_free (locker);

  g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

static void
simple_executor_set_strv (MkSimpleExecutor *self, char ***field, const char *const *value, guint prop_id)
{
  GMutexLocker *locker = mk_simple_executor_lock (self);
  g_auto (GStrv) old = NULL;

  if ((*field == NULL && value == NULL) ||
      (*field != NULL && value != NULL && g_strv_equal ((const char *const *) *field, value)))
    {
      g_mutex_locker_free (locker);
      return;
    }
  old = *field;
  *field = g_strdupv ((char **) value);
  g_mutex_locker_free (locker);

  g_object_notify_by_pspec (G_OBJECT (self), props[prop_id]);
}

/* The getter and the setter of a setting. @replace compares, stores and notifies. */
#define SETTING(Type, name, NAME, replace)                                                                   \
  Type mk_simple_executor_get_##name (MkSimpleExecutor *self)                                                \
  {                                                                                                          \
    g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);                                                  \
                                                                                                             \
    MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);                                                                     \
    return (Type) mk_simple_executor_get_private (self)->name;                                               \
  }                                                                                                          \
                                                                                                             \
  void mk_simple_executor_set_##name (MkSimpleExecutor *self, Type name)                                     \
  {                                                                                                          \
    g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));                                                         \
                                                                                                             \
    replace (self, &mk_simple_executor_get_private (self)->name, name, PROP_##NAME);                         \
  }

/**
 * mk_simple_executor_get_command: (get-property command)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:command].
 *
 * Returns: (array zero-terminated=1) (element-type filename) (transfer none) (nullable): the command: the
 * program and its arguments
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_command: (set-property command)
 * @self: the executor
 * @argv: (array zero-terminated=1) (element-type filename) (nullable): the command: the program and its
 * arguments
 *
 * Sets [property@Mk.SimpleExecutor:command].
 *
 * Since: 1.0
 */
SETTING (const char *const *, command, COMMAND, simple_executor_set_strv)

/**
 * mk_simple_executor_get_cwd: (get-property cwd)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:cwd].
 *
 * Returns: (type filename) (transfer none) (nullable): the directory
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_cwd: (set-property cwd)
 * @self: the executor
 * @cwd: (type filename) (nullable): the directory
 *
 * Sets [property@Mk.SimpleExecutor:cwd].
 *
 * Since: 1.0
 */
SETTING (const char *, cwd, CWD, simple_executor_set_string)

/**
 * mk_simple_executor_get_environment: (get-property environment)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:environment].
 *
 * Returns: (array zero-terminated=1) (element-type filename) (transfer none) (nullable): entries "NAME=value"
 * and "NAME"
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_environment: (set-property environment)
 * @self: the executor
 * @environment: (array zero-terminated=1) (element-type filename) (nullable): entries "NAME=value", or "NAME"
 *
 * Sets [property@Mk.SimpleExecutor:environment].
 *
 * Since: 1.0
 */
SETTING (const char *const *, environment, ENVIRONMENT, simple_executor_set_strv)

/**
 * mk_simple_executor_get_launcher: (get-property launcher)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:launcher].
 *
 * Returns: (array zero-terminated=1) (element-type filename) (transfer none) (nullable): a command and its
 * arguments
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_launcher: (set-property launcher)
 * @self: the executor
 * @launcher: (array zero-terminated=1) (element-type filename) (nullable): a command and its arguments
 *
 * Sets [property@Mk.SimpleExecutor:launcher].
 *
 * Since: 1.0
 */
SETTING (const char *const *, launcher, LAUNCHER, simple_executor_set_strv)

/**
 * mk_simple_executor_get_forwards: (get-property forwards)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:forwards].
 *
 * Returns: (array zero-terminated=1) (element-type filename) (transfer none) (nullable): the forwards
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_forwards: (set-property forwards)
 * @self: the executor
 * @forwards: (array zero-terminated=1) (element-type filename) (nullable): the forwards
 *
 * Sets [property@Mk.SimpleExecutor:forwards].
 *
 * Since: 1.0
 */
SETTING (const char *const *, forwards, FORWARDS, simple_executor_set_strv)

/**
 * mk_simple_executor_get_start_timeout: (get-property start-timeout)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:start-timeout].
 *
 * Returns: milliseconds, 0 for no limit
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_start_timeout: (set-property start-timeout)
 * @self: the executor
 * @start_timeout: milliseconds, 0 for no limit
 *
 * Sets [property@Mk.SimpleExecutor:start-timeout].
 *
 * Since: 1.0
 */
SETTING (guint, start_timeout, START_TIMEOUT, simple_executor_set_number)

/**
 * mk_simple_executor_get_stop_timeout: (get-property stop-timeout)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stop-timeout].
 *
 * Returns: milliseconds, 0 for no limit
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stop_timeout: (set-property stop-timeout)
 * @self: the executor
 * @stop_timeout: milliseconds, 0 for no limit
 *
 * Sets [property@Mk.SimpleExecutor:stop-timeout].
 *
 * Since: 1.0
 */
SETTING (guint, stop_timeout, STOP_TIMEOUT, simple_executor_set_number)

/**
 * mk_simple_executor_get_stop_mode: (get-property stop-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stop-mode].
 *
 * Returns: which processes get the stop signal
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stop_mode: (set-property stop-mode)
 * @self: the executor
 * @stop_mode: which processes get the stop signal
 *
 * Sets [property@Mk.SimpleExecutor:stop-mode].
 *
 * Since: 1.0
 */
SETTING (MkStopMode, stop_mode, STOP_MODE, simple_executor_set_number)

/**
 * mk_simple_executor_get_stop_signal: (get-property stop-signal)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stop-signal].
 *
 * Returns: the number of a signal
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stop_signal: (set-property stop-signal)
 * @self: the executor
 * @stop_signal: the number of a signal
 *
 * Sets [property@Mk.SimpleExecutor:stop-signal].
 *
 * Since: 1.0
 */
SETTING (int, stop_signal, STOP_SIGNAL, simple_executor_set_number)

/**
 * mk_simple_executor_get_kill_signal: (get-property kill-signal)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:kill-signal].
 *
 * Returns: the number of a signal
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_kill_signal: (set-property kill-signal)
 * @self: the executor
 * @kill_signal: the number of a signal
 *
 * Sets [property@Mk.SimpleExecutor:kill-signal].
 *
 * Since: 1.0
 */
SETTING (int, kill_signal, KILL_SIGNAL, simple_executor_set_number)

/**
 * mk_simple_executor_get_expected_status: (get-property expected-status)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:expected-status].
 *
 * Returns: a status, or %MK_STATUS_NONE
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_expected_status: (set-property expected-status)
 * @self: the executor
 * @expected_status: a status, or %MK_STATUS_NONE
 *
 * Sets [property@Mk.SimpleExecutor:expected-status].
 *
 * Since: 1.0
 */
SETTING (int, expected_status, EXPECTED_STATUS, simple_executor_set_number)

/**
 * mk_simple_executor_get_completes: (get-property completes)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:completes].
 *
 * Returns: whether the command does its work and ends
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_completes: (set-property completes)
 * @self: the executor
 * @completes: whether the command does its work and ends
 *
 * Sets [property@Mk.SimpleExecutor:completes].
 *
 * Since: 1.0
 */
SETTING (gboolean, completes, COMPLETES, simple_executor_set_number)

/**
 * mk_simple_executor_get_stdin_mode: (get-property stdin-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdin-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stdin_mode: (set-property stdin-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stdin-mode].
 *
 * Since: 1.0
 */
SETTING (MkStdioMode, stdin_mode, STDIN_MODE, simple_executor_set_number)

/**
 * mk_simple_executor_get_stdout_mode: (get-property stdout-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdout-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stdout_mode: (set-property stdout-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stdout-mode].
 *
 * Since: 1.0
 */
SETTING (MkStdioMode, stdout_mode, STDOUT_MODE, simple_executor_set_number)

/**
 * mk_simple_executor_get_stderr_mode: (get-property stderr-mode)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stderr-mode].
 *
 * Returns: the mode
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stderr_mode: (set-property stderr-mode)
 * @self: the executor
 * @mode: the mode
 *
 * Sets [property@Mk.SimpleExecutor:stderr-mode].
 *
 * Since: 1.0
 */
SETTING (MkStdioMode, stderr_mode, STDERR_MODE, simple_executor_set_number)

/**
 * mk_simple_executor_get_stdin_path: (get-property stdin-path)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdin-path].
 *
 * Returns: (type filename) (transfer none) (nullable): the path
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stdin_path: (set-property stdin-path)
 * @self: the executor
 * @stdin_path: (type filename) (nullable): the path
 *
 * Sets [property@Mk.SimpleExecutor:stdin-path].
 *
 * Since: 1.0
 */
SETTING (const char *, stdin_path, STDIN_PATH, simple_executor_set_string)

/**
 * mk_simple_executor_get_stdout_path: (get-property stdout-path)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stdout-path].
 *
 * Returns: (type filename) (transfer none) (nullable): the path
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stdout_path: (set-property stdout-path)
 * @self: the executor
 * @stdout_path: (type filename) (nullable): the path
 *
 * Sets [property@Mk.SimpleExecutor:stdout-path].
 *
 * Since: 1.0
 */
SETTING (const char *, stdout_path, STDOUT_PATH, simple_executor_set_string)

/**
 * mk_simple_executor_get_stderr_path: (get-property stderr-path)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:stderr-path].
 *
 * Returns: (type filename) (transfer none) (nullable): the path
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_stderr_path: (set-property stderr-path)
 * @self: the executor
 * @stderr_path: (type filename) (nullable): the path
 *
 * Sets [property@Mk.SimpleExecutor:stderr-path].
 *
 * Since: 1.0
 */
SETTING (const char *, stderr_path, STDERR_PATH, simple_executor_set_string)

/**
 * mk_simple_executor_get_output_limit: (get-property output-limit)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:output-limit].
 *
 * Returns: bytes, 0 for all
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_output_limit: (set-property output-limit)
 * @self: the executor
 * @output_limit: bytes, 0 for all
 *
 * Sets [property@Mk.SimpleExecutor:output-limit].
 *
 * Since: 1.0
 */
SETTING (gsize, output_limit, OUTPUT_LIMIT, simple_executor_set_size)

/**
 * mk_simple_executor_get_lossless: (get-property lossless)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:lossless].
 *
 * Returns: whether the service waits for slow handlers
 *
 * Since: 1.0
 */

/**
 * mk_simple_executor_set_lossless: (set-property lossless)
 * @self: the executor
 * @lossless: whether the service waits for slow handlers
 *
 * Sets [property@Mk.SimpleExecutor:lossless].
 *
 * Since: 1.0
 */
SETTING (gboolean, lossless, LOSSLESS, simple_executor_set_number)

/* ---- the service ---- */

/**
 * mk_simple_executor_get_state: (get-property state)
 * @self: the executor
 *
 * Gets the state of the service. It is always up to date, even if no main loop runs.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MkExecutorState
mk_simple_executor_get_state (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_EXECUTOR_STATE_STOPPED);

  return mk_simple_executor_get_snapshot (self).state;
}

/**
 * mk_simple_executor_get_running: (get-property running)
 * @self: the executor
 *
 * Gets whether the first process of the service is alive. It is not if the service has put itself into the
 * background; see [method@Mk.SimpleExecutor.get_active].
 *
 * Returns: whether the process is alive
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_get_running (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);

  return mk_simple_executor_get_snapshot (self).running;
}

/**
 * mk_simple_executor_get_active: (get-property active)
 * @self: the executor
 *
 * Gets whether any process of the service is alive: the first process or a descendant of it.
 *
 * Returns: whether any process is alive
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_get_active (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);

  return mk_simple_executor_get_snapshot (self).active;
}

/**
 * mk_simple_executor_get_pid: (get-property pid)
 * @self: the executor
 *
 * Gets the process ID of the first process of the service. It does not change when the process ends. The
 * system may then give the same number to another process. To send signals, use
 * [method@Mk.SimpleExecutor.send_signal] instead.
 *
 * Returns: the process ID, 0 before the first start
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_pid (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_snapshot (self).pid;
}

/**
 * mk_simple_executor_get_ready_time: (get-property ready-time)
 * @self: the executor
 *
 * Gets [property@Mk.SimpleExecutor:ready-time].
 *
 * Returns: microseconds
 *
 * Since: 1.0
 */
guint64
mk_simple_executor_get_ready_time (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  return mk_simple_executor_get_snapshot (self).ready_time;
}

/**
 * mk_simple_executor_get_exit_status: (get-property exit-status)
 * @self: the executor
 *
 * Gets the status with which the first process of the service has ended.
 *
 * Returns: 0 to 255, or the negative number of the signal that ended the process, or %MK_STATUS_NONE while
 * there is no status
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_exit_status (MkSimpleExecutor *self)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), MK_STATUS_NONE);

  return mk_simple_executor_get_snapshot (self).exit_status;
}

static gboolean
simple_executor_send_signal (MkSimpleExecutor *self, int signal_number, gboolean group, GError **error)
{
  g_autoptr (MkProcess) process = NULL;

  if (!mk_launch_validate_signal (signal_number, error))
    return FALSE;

  process = mk_simple_executor_dup_process (self);
  if (process != NULL && mk_process_signal (process, signal_number, group))
    return TRUE;

  g_set_error_literal (
      error, MK_ERROR, MK_ERROR_FAILED, _ ("There is no running process to send a signal to"));
  return FALSE;
}

/**
 * mk_simple_executor_send_signal:
 * @self: the executor
 * @signal_number: the signal
 * @error: return location for an error
 *
 * Sends a signal to the first process of the service. To end the service, use
 * [method@Mk.SimpleExecutor.stop] or [method@Mk.SimpleExecutor.kill] instead. If this signal ends it, the
 * state is %MK_EXECUTOR_STATE_EXITED.
 *
 * Fails with %MK_ERROR_FAILED if that process is not running, and with %MK_ERROR_INVALID_ARGUMENT if there
 * is no such signal.
 *
 * Returns: whether the signal was sent
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_send_signal (MkSimpleExecutor *self, int signal_number, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return simple_executor_send_signal (self, signal_number, FALSE, error);
}

/**
 * mk_simple_executor_send_signal_to_group:
 * @self: the executor
 * @signal_number: the signal
 * @error: return location for an error
 *
 * Sends a signal to the process group of the service: its first process, and all descendants that have not
 * changed their group. A terminal does the same for Ctrl-C.
 *
 * Fails with %MK_ERROR_FAILED if nothing of the service runs, and with %MK_ERROR_INVALID_ARGUMENT if there is
 * no such signal.
 *
 * Returns: whether the signal was sent
 *
 * Since: 1.0
 */
gboolean
mk_simple_executor_send_signal_to_group (MkSimpleExecutor *self, int signal_number, GError **error)
{
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return simple_executor_send_signal (self, signal_number, TRUE, error);
}

/**
 * mk_simple_executor_dup_output:
 * @self: the executor
 * @stream: the stream
 *
 * Gets the newest bytes that the service has printed to a captured stream since it was started, at most
 * [property@Mk.SimpleExecutor:output-limit]. They are kept until the next start.
 *
 * Returns: (transfer full): the bytes; none if nothing was started or the stream is not captured
 *
 * Since: 1.0
 */
GBytes *
mk_simple_executor_dup_output (MkSimpleExecutor *self, MkStream stream)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);
  g_return_val_if_fail (stream == MK_STREAM_STDOUT || stream == MK_STREAM_STDERR, NULL);

  process = mk_simple_executor_dup_process (self);
  if (process == NULL)
    return g_bytes_new (NULL, 0);

  return mk_capture_dup_bytes (mk_process_get_capture (process, stream));
}

/**
 * mk_simple_executor_open_output:
 * @self: the executor
 * @stream: the stream
 *
 * Opens the captured output of the service for reading. The stream returns what the service has printed
 * since it was started, then what it prints from now on, then end of file. A slow reader does not slow the
 * service down. Instead, it misses bytes that no longer fit into [property@Mk.SimpleExecutor:output-limit].
 * The position that g_seekable_tell() returns includes missed bytes. Any number of streams may be open.
 *
 * With a [class@Mk.OutputExecutor], the stream in which the banner was found begins right after the banner.
 *
 * Returns: (transfer full): the stream, at its end if nothing was started or the stream is not captured
 *
 * Since: 1.0
 */
GInputStream *
mk_simple_executor_open_output (MkSimpleExecutor *self, MkStream stream)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);
  g_return_val_if_fail (stream == MK_STREAM_STDOUT || stream == MK_STREAM_STDERR, NULL);

  process = mk_simple_executor_dup_process (self);
  if (process == NULL)
    return g_memory_input_stream_new ();

  return mk_output_stream_new (mk_process_get_capture (process, stream));
}

/**
 * mk_simple_executor_dup_stdin:
 * @self: the executor
 *
 * Gets the stream that is connected to the standard input of the service. There is one if
 * [property@Mk.SimpleExecutor:stdin-mode] was %MK_STDIO_MODE_PIPE when the service was started. If you close
 * the stream, the service reads end of file. The next start creates another stream.
 *
 * Returns: (transfer full) (nullable): the stream
 *
 * Since: 1.0
 */
GOutputStream *
mk_simple_executor_dup_stdin (MkSimpleExecutor *self)
{
  g_autoptr (MkProcess) process = NULL;
  GOutputStream *stream;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  process = mk_simple_executor_dup_process (self);
  stream = process ? mk_process_get_stdin (process) : NULL;
  return stream ? g_object_ref (stream) : NULL;
}

/**
 * mk_simple_executor_set_passed_fds:
 * @self: the executor
 * @fds: (array length=n_fds): descriptors of this program, each 3 or more
 * @n_fds: how many
 *
 * Sets the file descriptors of this program that the service inherits, in addition to standard input, output
 * and error. It takes effect at the next start. The numbers stay the same. The descriptors must be open when
 * a start begins. The program still owns them; the service gets copies.
 *
 * Since: 1.0
 */
void
mk_simple_executor_set_passed_fds (MkSimpleExecutor *self, const int *fds, gsize n_fds)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));
  g_return_if_fail (fds != NULL || n_fds == 0);

  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);
  g_clear_pointer (&priv->passed_fds, g_array_unref);
  priv->passed_fds = g_array_sized_new (FALSE, FALSE, sizeof (int), (guint) n_fds);
  for (gsize i = 0; i < n_fds; i++)
    {
      g_return_if_fail (fds[i] > STDERR_FILENO);
      g_array_append_val (priv->passed_fds, fds[i]);
    }
}

/**
 * mk_simple_executor_get_spawn_errno:
 * @self: the executor
 *
 * Gets the `errno` of the last start if it failed with %MK_ERROR_SPAWN_FAILED. It is `ENOENT` if the
 * program, its interpreter or its directory is missing, and `EACCES` if the program is not executable.
 *
 * Returns: a value of `errno`; 0 if the last start did not fail with this error, or if there is no number
 * for it
 *
 * Since: 1.0
 */
int
mk_simple_executor_get_spawn_errno (MkSimpleExecutor *self)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), 0);

  process = mk_simple_executor_dup_process (self);
  return process != NULL && mk_process_get_news (process).gone ? mk_process_get_launch (process)->spawn_errno
                                                               : 0;
}

/**
 * mk_simple_executor_add_socket:
 * @self: the executor
 * @socket: a socket, usually a listening one
 * @name: (nullable): the name of the socket for the service; %NULL for "unknown", the default of systemd
 *
 * Passes an open socket to the service at each start, as systemd does for socket activation. The first
 * socket is descriptor 3. The variable `LISTEN_FDS` is the number of sockets, `LISTEN_FDNAMES` contains
 * their names, and `LISTEN_PID` is the pid of the service. Clients may connect before the service is up, or
 * during a restart. They are served when the service accepts their connections.
 *
 * A listening socket accepts connections before the service is ready. Use [class@Mk.NotifyProbe] or
 * [class@Mk.HttpProbe] to wait for the service. A start does not check whether something already answers at
 * the address of the socket.
 *
 * A socket that is added twice is passed twice. A start passes the sockets that were added before it.
 *
 * Since: 1.0
 */
void
mk_simple_executor_add_socket (MkSimpleExecutor *self, GSocket *socket, const char *name)
{
  MkSimpleExecutorPrivate *priv;
  MkPassedSocket *passed;

  g_return_if_fail (MK_IS_SIMPLE_EXECUTOR (self));
  g_return_if_fail (G_IS_SOCKET (socket));

  priv = mk_simple_executor_get_private (self);
  passed = g_new0 (MkPassedSocket, 1);
  passed->socket = g_object_ref (socket);
  passed->name = g_strdup (name ? name : "unknown");

  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);
  g_ptr_array_add (priv->sockets, passed);
}

void
mk_simple_executor_remove_socket (MkSimpleExecutor *self, GSocket *socket)
{
  GPtrArray *sockets = mk_simple_executor_get_private (self)->sockets;
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  for (guint i = 0; i < sockets->len; i++)
    if (((MkPassedSocket *) g_ptr_array_index (sockets, i))->socket == socket)
      g_ptr_array_remove_index (sockets, i--);
}

gboolean
mk_simple_executor_has_scope (MkSimpleExecutor *self)
{
  return mk_simple_executor_get_private (self)->name != NULL;
}

/* For a group: the service has a name there, and can use values of others. @scope_data: (transfer full) */
void
mk_simple_executor_set_scope (MkSimpleExecutor *self,
                              const char *name,
                              MkValuesScope scope,
                              gpointer scope_data,
                              GDestroyNotify scope_destroy)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  priv->name = g_strdup (name);
  priv->scope = scope;
  priv->scope_data = scope_data;
  priv->scope_destroy = scope_destroy;
}

/* Whether something of this program may answer in the place of the service before it is started */
gboolean
mk_simple_executor_has_sockets (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  return priv->sockets->len > 0;
}

/**
 * mk_simple_executor_dup_environment:
 * @self: the executor
 *
 * Gets the environment that the service gets at a start. This is the environment of the program with the
 * changes of [property@Mk.SimpleExecutor:environment], and the variable `mirakuru_uuid`, which marks the
 * processes of the service.
 *
 * Returns: (transfer full) (array zero-terminated=1) (element-type filename): the entries, "NAME=value"
 *
 * Since: 1.0
 */
char **
mk_simple_executor_dup_environment (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv;
  g_autofree char *marker = NULL;
  g_autoptr (MkLaunch) launch = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  priv = mk_simple_executor_get_private (self);
  marker = simple_executor_dup_marker (self);
  launch = g_new0 (MkLaunch, 1);

  /* Entries that make no sense are the start's to complain about. */
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);
  if (!mk_launch_set_environment (launch, (const char *const *) priv->environment, marker, NULL))
    mk_launch_set_environment (launch, NULL, marker, NULL);

  return g_steal_pointer (&launch->environment);
}

/**
 * mk_simple_executor_dup_value:
 * @self: the executor
 * @key: the name of the value
 *
 * Gets a value of the service. The values are:
 *
 * - `host` and `port`, if the executor has these properties
 * - `port:NAME` and `dir`, if a placeholder mentions them
 * - `pid`
 * - the named groups that the banner of a [class@Mk.OutputExecutor] has captured, under their names
 *
 * If the port of an executor is 0, each start leases a free port. The placeholder `{port}` stands for it in
 * the command, the environment, the paths and the probe. `{dir}` then stands for a private directory, and
 * `{port:NAME}` for another free port. When the service has been stopped, the directory and its contents are
 * removed, and the ports can be leased again. See [Services by name](services.html).
 *
 * The values exist from the beginning of a start, so `prepare` can use them. `pid` exists as soon as the
 * service has a process, and captured groups as soon as the banner has matched. A stop removes the values.
 * May be called in any thread.
 *
 * Returns: (transfer full) (nullable): the value; %NULL if the service has no value of this name
 *
 * Since: 1.0
 */
char *
mk_simple_executor_dup_value (MkSimpleExecutor *self, const char *key)
{
  MkSimpleExecutorClassPrivate *klass;
  MkSimpleExecutorPrivate *priv;
  g_autoptr (MkValues) values = NULL;
  GMutexLocker *locker;
  MkSnapshot snapshot;
  char *value;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);

  klass = mk_simple_executor_class_get_private (MK_SIMPLE_EXECUTOR_GET_CLASS (self));
  priv = mk_simple_executor_get_private (self);
  locker = mk_simple_executor_lock (self);
  snapshot = mk_simple_executor_get_snapshot_unlocked (self);
  values = priv->values ? mk_values_ref (priv->values) : NULL;
  g_mutex_locker_free (locker);

  if (values == NULL)
    return NULL;
  /* A port that the service has said it uses is the right one. */
  value = klass->dup_said_value ? klass->dup_said_value (self, key) : NULL;
  if (value == NULL)
    value = mk_values_dup (values, key);
  if (value == NULL && g_str_equal (key, "pid") && snapshot.pid != 0)
    value = g_strdup_printf ("%d", (int) snapshot.pid);
  return value;
}

/* Returns: (transfer full) (nullable): from the beginning of a start until nothing is left */
MkValues *
mk_simple_executor_dup_values (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MK_SIMPLE_EXECUTOR_AUTO_LOCK (self);

  return priv->values ? mk_values_ref (priv->values) : NULL;
}

/* Returns: (transfer none): “ready” */
const char *
mk_simple_executor_name_state (MkExecutorState state)
{
  /* Translators: states of a service, in parentheses behind its command */
  static const char *const names[] = {
    N_ ("stopped"), N_ ("starting"), N_ ("ready"), N_ ("stopping"), N_ ("exited")
  };

  return _ (names[state]);
}

/* Call with the lock held. Returns: (transfer full): what runs, or else what is to run */
static char *
simple_executor_dup_command (MkSimpleExecutor *self, gboolean active)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  if (active)
    return mk_message_command ((const char *const *) mk_process_get_launch (priv->process)->argv);
  if (priv->command != NULL)
    return mk_message_command ((const char *const *) priv->command);

  return g_strdup (G_OBJECT_TYPE_NAME (self));
}

/**
 * mk_simple_executor_describe:
 * @self: the executor
 *
 * Describes the executor for a message or a log: its command, its process, its state, and whether the last
 * stop had to kill the service.
 *
 * Returns: (transfer full): one line of text
 *
 * Since: 1.0
 */
char *
mk_simple_executor_describe (MkSimpleExecutor *self)
{
  g_autofree char *command = NULL;
  g_autofree char *killed = NULL;
  GMutexLocker *locker;
  MkSnapshot snapshot;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  locker = mk_simple_executor_lock (self);
  snapshot = mk_simple_executor_get_snapshot_unlocked (self);
  command = simple_executor_dup_command (self, snapshot.active);
  g_mutex_locker_free (locker);

  if (snapshot.active)
    return g_strdup_printf (
        /* Translators: a command, the number of its process, a state as “ready” */ _ ("%s (pid %d, %s)"),
        command,
        (int) snapshot.pid,
        mk_simple_executor_name_state (snapshot.state));
  killed = mk_simple_executor_dup_kill_reason (self);
  if (killed != NULL)
    return g_strdup_printf ("%s (%s; %s)", command, mk_simple_executor_name_state (snapshot.state), killed);
  return g_strdup_printf ("%s (%s)", command, mk_simple_executor_name_state (snapshot.state));
}

/**
 * mk_simple_executor_dup_kill_reason:
 * @self: the executor
 *
 * Gets the reason why the last stop had to kill the service or one of its processes, as a clause: "killed,
 * as it had not ended 10.0 s after SIGTERM". Such a service may have lost data. May be called in any thread.
 *
 * Returns: (transfer full) (nullable): the clause; %NULL if nothing had to be killed, or if this is not
 * known yet
 *
 * Since: 1.0
 */
char *
mk_simple_executor_dup_kill_reason (MkSimpleExecutor *self)
{
  g_autoptr (MkProcess) process = NULL;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  process = mk_simple_executor_dup_process (self);
  return process ? mk_process_message_killed (process) : NULL;
}
