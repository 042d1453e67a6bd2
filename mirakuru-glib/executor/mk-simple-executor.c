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
 * Each operation lives on the context of its caller (see mk-start.c and mk-executor-stop.c). None of
 * them ever waits for another one's context to run: a synchronous stop must work while an asynchronous start
 * is stuck.
 *
 * The executor owns the process, never the other way round. In a forked child the process is foreign: the
 * executor then looks like one that never started anything, and its end does nothing.
 */

#include "mk-simple-executor-private.h"

#include <signal.h>
#include <unistd.h>

#include "mk-enum-types.h"
#include "mk-error.h"
#include "process/mk-host-private.h"
#include "base/mk-i18n-private.h"

/* How long dropping the last reference waits for the tree to be gone. */
#define DROP_LIMIT_MS 8000

/**
 * MkSimpleExecutor:
 *
 * Runs a command and leaves nothing of it behind.
 *
 * [method@Mk.SimpleExecutor.start] runs the command; the service counts as ready as soon as its program runs.
 * [class@Mk.Executor] and its subclasses wait until it can be used. [method@Mk.SimpleExecutor.stop] ends the
 * service with all of its descendants, whatever session, process group or environment these have given
 * themselves. The same happens when the last reference to the executor is dropped and when the program ends,
 * even by a crash. One exception
 * is known: if the supervisor, a helper process, is itself killed with SIGKILL, a daemon is not found that
 * has emptied or overwritten its environment.
 *
 * The service leads a session of its own. Its output is captured by default: drained all the time, the newest
 * bytes kept for [method@Mk.SimpleExecutor.dup_output] and [method@Mk.SimpleExecutor.open_output]. The last
 * lines are part of error messages.
 *
 * ## Threads and contexts
 *
 * Operations run on the thread-default main context of their caller; virtual functions are called there. The
 * synchronous ones do the same on a context of their own, and need no main loop. Signals, `notify` included,
 * are emitted in the context that was the thread-default when the executor was constructed. All functions may
 * be called in any thread, but settings should not be changed in one thread while another one reads them.
 *
 * ## Subclassing
 *
 * The virtual functions that take a [class@Gio.Task] must return it, now or later: with a boolean, or
 * with an error. The others return at once.
 *
 * Since: 1.0
 */

enum
{
  SIGNAL_LINE,
  SIGNAL_EXITED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_TYPE_WITH_PRIVATE (MkSimpleExecutor, mk_simple_executor, G_TYPE_OBJECT)

MkSimpleExecutorPrivate *
mk_simple_executor_get_private (MkSimpleExecutor *self)
{
  return mk_simple_executor_get_instance_private (self);
}

/* ---- the lock ---- */

/*
 * What a forked child inherited is not its own: neither a process nor an operation. Nor are the locks, which
 * another thread of the parent may have held when the fork happened.
 */
static void
forget_inheritance (MkSimpleExecutorPrivate *priv)
{
  g_mutex_init (&priv->lock);
  mk_emitter_renew_locks (priv->emitter);
  g_clear_pointer (&priv->process, mk_process_unref);
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
  priv->start = NULL;
  priv->n_stops = 0;
  priv->cleanup_due = FALSE;
  priv->cleaning = FALSE;
  g_atomic_int_set (&priv->fork_generation, mk_host_get_fork_generation ());
}

static gboolean
is_inherited (MkSimpleExecutorPrivate *priv)
{
  return (guint) g_atomic_int_get (&priv->fork_generation) != mk_host_get_fork_generation ();
}

GMutexLocker *
mk_simple_executor_lock (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  if (is_inherited (priv))
    {
      /* The child may have several threads by now. */
      mk_host_lock ();
      if (is_inherited (priv))
        forget_inheritance (priv);
      mk_host_unlock ();
    }

  return g_mutex_locker_new (&priv->lock);
}

/* ---- what is known ---- */

static MkExecutorState
derive_state (MkSimpleExecutorPrivate *priv, const MkProcessNews *news)
{
  if (priv->phase == MK_EXECUTOR_STATE_READY && (news->gone || (news->exited && news->status != 0)))
    return news->asked ? MK_EXECUTOR_STATE_STOPPED : MK_EXECUTOR_STATE_EXITED;
  /* A stop whose caller did not want to wait for its end. */
  if (priv->phase == MK_EXECUTOR_STATE_STOPPING && priv->start == NULL && priv->n_stops == 0 && news->gone)
    return MK_EXECUTOR_STATE_STOPPED;

  return priv->phase;
}

/* Call with the lock held. */
MkSnapshot
mk_simple_executor_get_snapshot_unlocked (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  MkSnapshot snapshot = { MK_EXECUTOR_STATE_STOPPED, FALSE, FALSE, 0, MK_STATUS_NONE };
  MkProcessNews news;

  if (priv->process == NULL)
    {
      snapshot.state = priv->phase;
      return snapshot;
    }

  news = mk_process_get_news (priv->process);
  snapshot.state = derive_state (priv, &news);
  snapshot.running = news.pid != 0 && !news.exited;
  snapshot.active = news.pid != 0 && !news.gone;
  snapshot.pid = news.pid;
  snapshot.exit_status = news.exited ? news.status : MK_STATUS_NONE;
  return snapshot;
}

MkSnapshot
mk_simple_executor_get_snapshot (MkSimpleExecutor *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (self);

  return mk_simple_executor_get_snapshot_unlocked (self);
}

/* Returns: (transfer full) (nullable): the process of the last start */
MkProcess *
mk_simple_executor_dup_process (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (self);

  return priv->process ? mk_process_ref (priv->process) : NULL;
}

/* What messages call the service before there is a process. */
const char *
mk_simple_executor_get_program (MkSimpleExecutor *self)
{
  const char *const *command = mk_simple_executor_get_command (self);

  return command && command[0] ? command[0] : G_OBJECT_TYPE_NAME (self);
}

/* ---- signals ---- */

/* Called by the emitter, in its context. */
void
mk_simple_executor_announce (MkSimpleExecutor *self, const MkSnapshot *before, const MkSnapshot *now)
{
  GObject *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  if (before->pid != now->pid)
    g_object_notify_by_pspec (object, mk_simple_executor_props[PROP_PID]);
  if (before->running != now->running)
    g_object_notify_by_pspec (object, mk_simple_executor_props[PROP_RUNNING]);
  if (before->active != now->active)
    g_object_notify_by_pspec (object, mk_simple_executor_props[PROP_ACTIVE]);
  if (before->exit_status != now->exit_status)
    g_object_notify_by_pspec (object, mk_simple_executor_props[PROP_EXIT_STATUS]);
  if (before->state != now->state)
    g_object_notify_by_pspec (object, mk_simple_executor_props[PROP_STATE]);
  g_object_thaw_notify (object);

  if (now->state == MK_EXECUTOR_STATE_EXITED && before->state != MK_EXECUTOR_STATE_EXITED)
    g_signal_emit (self, signals[SIGNAL_EXITED], 0, now->exit_status);
}

void
mk_simple_executor_emit_line (MkSimpleExecutor *self, MkStream stream, const char *text, gsize length)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) length);

  g_signal_emit (self, signals[SIGNAL_LINE], 0, stream, valid);
}

/* May be called while @self is being disposed. */
gboolean
mk_simple_executor_has_line_handler (MkSimpleExecutor *self)
{
  return g_signal_has_handler_pending (self, signals[SIGNAL_LINE], 0, FALSE);
}

/* ---- virtual functions ---- */

char **
mk_simple_executor_real_build_command (MkSimpleExecutor *self, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (self);

  return g_strdupv (priv->command);
}

gboolean
mk_simple_executor_real_check_alive (MkSimpleExecutor *self, GError **error)
{
  return TRUE;
}

void
mk_simple_executor_real_step (MkSimpleExecutor *self, GTask *task)
{
  g_task_return_boolean (task, TRUE);
}

/* So that the stop signal is sent. */
void
mk_simple_executor_real_request_stop (MkSimpleExecutor *self, GTask *task)
{
  g_task_return_new_error (
      task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, _ ("There is no gentler way than the stop signal"));
}

static MkProbe *
mk_simple_executor_real_dup_probe (MkSimpleExecutor *self, gboolean before_start, GError **error)
{
  return NULL;
}

/* ---- settings for a start ---- */

char *
mk_simple_executor_dup_marker (MkSimpleExecutor *self)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);

  return g_strdup_printf ("%d:%s", (int) getpid (), priv->uuid);
}

/* Returns: (transfer full): the settings as they are now, checked, but for the command */
MkLaunch *
mk_simple_executor_dup_launch (MkSimpleExecutor *self, GError **error)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (self);
  g_autofree char *marker = mk_simple_executor_dup_marker (self);
  g_autoptr (MkLaunch) launch = g_new0 (MkLaunch, 1);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (self);

  launch->cwd = g_strdup (priv->cwd);
  launch->stop_signal = priv->stop_signal;
  launch->kill_signal = priv->kill_signal;
  launch->stop_timeout = priv->stop_timeout;
  launch->stdin_mode = priv->stdin_mode;
  launch->stdout_mode = priv->stdout_mode;
  launch->stderr_mode = priv->stderr_mode;
  launch->stdout_path = g_strdup (priv->stdout_path);
  launch->stderr_path = g_strdup (priv->stderr_path);
  launch->output_limit = priv->output_limit;

  if (!mk_launch_set_environment (launch, (const char *const *) priv->environment, marker, error) ||
      !mk_launch_validate (launch, error))
    return NULL;

  return g_steal_pointer (&launch);
}

/* ---- the object ---- */

static void
mk_simple_executor_constructed (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->constructed (object);

  priv->emitter = mk_emitter_new (MK_SIMPLE_EXECUTOR (object));
}

static void
mk_simple_executor_dispose (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));
  GMutexLocker *locker = mk_simple_executor_lock (MK_SIMPLE_EXECUTOR (object));
  g_autoptr (MkProcess) process = g_steal_pointer (&priv->process);

  g_mutex_locker_free (locker);
  mk_emitter_detach (priv->emitter);

  if (process != NULL && !mk_process_get_news (process).gone)
    {
      mk_process_kill (process, SIGKILL);
      mk_process_wait_gone (process, DROP_LIMIT_MS);
    }

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->dispose (object);
}

static void
mk_simple_executor_finalize (GObject *object)
{
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (MK_SIMPLE_EXECUTOR (object));

  g_clear_pointer (&priv->emitter, mk_emitter_unref);
  g_strfreev (priv->command);
  g_strfreev (priv->environment);
  g_free (priv->cwd);
  g_free (priv->stdout_path);
  g_free (priv->stderr_path);
  g_free (priv->uuid);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_simple_executor_parent_class)->finalize (object);
}

static void
mk_simple_executor_class_init (MkSimpleExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mk_simple_executor_constructed;
  object_class->dispose = mk_simple_executor_dispose;
  object_class->finalize = mk_simple_executor_finalize;

  klass->build_command = mk_simple_executor_real_build_command;
  klass->prepare = mk_simple_executor_real_step;
  klass->started = mk_simple_executor_real_step;
  klass->check_alive = mk_simple_executor_real_check_alive;
  klass->request_stop = mk_simple_executor_real_request_stop;
  klass->cleanup = mk_simple_executor_real_step;
  klass->dup_probe = mk_simple_executor_real_dup_probe;

  mk_simple_executor_install_properties (object_class);

  /**
   * MkSimpleExecutor::line:
   * @self: the executor
   * @stream: the stream
   * @text: the line without its end, made valid UTF-8
   *
   * The service has printed a line to a captured stream. A last line without an end is told when the
   * stream ends; a very long line is told in pieces.
   *
   * Since: 1.0
   */
  signals[SIGNAL_LINE] = g_signal_new ("line",
                                       G_TYPE_FROM_CLASS (klass),
                                       G_SIGNAL_RUN_LAST,
                                       0,
                                       NULL,
                                       NULL,
                                       NULL,
                                       G_TYPE_NONE,
                                       2,
                                       MK_TYPE_STREAM,
                                       G_TYPE_STRING);

  /**
   * MkSimpleExecutor::exited:
   * @self: the executor
   * @status: 0 to 255, or the negative number of a signal
   *
   * The service was ready and has ended without being asked to: its own process ended with another status
   * than 0, or nothing of its tree is left. The state is %MK_EXECUTOR_STATE_EXITED until it is stopped or
   * started again.
   *
   * Since: 1.0
   */
  signals[SIGNAL_EXITED] = g_signal_new ("exited",
                                         G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST,
                                         0,
                                         NULL,
                                         NULL,
                                         NULL,
                                         G_TYPE_NONE,
                                         1,
                                         G_TYPE_INT);
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
  priv->fork_generation = mk_host_get_fork_generation ();
  priv->phase = MK_EXECUTOR_STATE_STOPPED;
}

/**
 * mk_simple_executor_new:
 * @argv: (array zero-terminated=1): the command: the program and its arguments
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
 * @command_line: a command as one would type it
 * @error: return location for an error
 *
 * Creates an executor for a command that is given as one string. It is split into words as a shell
 * would, quotes included; nothing is expanded, and no shell is run.
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

  g_return_val_if_fail (command_line != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_shell_parse_argv (command_line, NULL, &argv, &local_error))
    return mk_simple_executor_new ((const char *const *) argv);

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” cannot be split into words: %s"),
               command_line,
               local_error->message);
  return NULL;
}

/**
 * mk_simple_executor_new_for_shell:
 * @script: what the shell shall run
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
