/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: a service below mk-supervisor, which is started here and reports on a socket.
 *
 * Life: spawned → reports of the supervisor → the supervisor has ended → gone. If it ended without having
 * said that the tree is empty, it was killed; then what carries the marker is swept away first.
 *
 * Threads: everything happens on the worker, but for the orders. The lock is held for moments only.
 */

#include "mk-backend-private.h"

#include <errno.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-error.h"
#include "mk-host-private.h"
#include "mk-watch-private.h"
#include "mk-near-private.h"
#include "mk-unix-host-private.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-features-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-waker-private.h"
#include "mk-proc-private.h"
#include "mk-stdio-private.h"
#include "mk-worker-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

#define CHUNK_SIZE          65536
#define CHUNKS_PER_DISPATCH 16
/* One service whose output takes long to look at must not keep the others waiting. */
#define DISPATCH_LIMIT_US (20 * G_TIME_SPAN_MILLISECOND)
/* More than a pipe holds; somebody else may go on writing to it. */
#define LAST_CHUNKS 32
/* How long a supervisor that has ended is waited for to be reaped */
#define REAP_LIMIT_US (100 * G_TIME_SPAN_MILLISECOND)
/* The sweep ends after this many rounds in a row that found nothing, or after the limit. */
#define SWEEP_CLEAN_ROUNDS 5
#define SWEEP_INTERVAL_US  5000
#define SWEEP_LIMIT_US     (3 * G_USEC_PER_SEC)

struct _MkBackend
{
  MkLaunch *launch; /* (unowned) */
  const MkBackendReports *reports;
  gpointer data; /* (unowned) */

  GMutex lock;
  MkHostRecord record;  /* written by the worker, with the lock held what orders need */
  gboolean told_to_end; /* (locked-by lock) */
  GOutputStream *input; /* (owned) (nullable) (locked-by lock) */
  MkHostFd copies[2];   /* of the worker: where else output goes */
  GArray *orders;       /* (owned) (element-type MkMessage) (locked-by lock) to be sent again */
  MkWaker *resend;      /* (owned) (nullable) (locked-by lock) */

  /* Of the worker. */
  GSubprocess *subprocess;    /* (owned) (nullable) the supervisor */
  MkWatch *control_watch;     /* (owned) (nullable) */
  MkWatch *output_watches[2]; /* (owned) (nullable) */
  gboolean is_paused[2];      /* as there was no room for more output */
  gboolean is_ending;         /* what is left of the output is read whether there is room or not */
  GCancellable *waiting;      /* (owned) (nullable) for the supervisor to be reaped */
  MkWaker *timer;             /* (owned) (nullable) for the sweep, and if nobody reaps the supervisor */
  gint64 sweep_deadline;      /* 0 before the sweep */
  guint clean_rounds;
  gboolean has_begun; /* or has failed to, as was reported */
  gboolean tree_empty;
  int service;          /* its pid, 0 before it was spawned */
  gboolean socket_lost; /* the program has closed it */
};

/* @launch: has to stay */
MkBackend *
mk_backend_new (MkLaunch *launch, const MkBackendReports *reports, gpointer data)
{
  MkBackend *self = g_new0 (MkBackend, 1);

  g_mutex_init (&self->lock);
  mk_host_record_init (&self->record);
  self->copies[0].fd = self->copies[1].fd = -1;
  self->orders = g_array_new (FALSE, FALSE, sizeof (MkMessage));
  self->launch = launch;
  self->reports = reports;
  self->data = data;
  return self;
}

void
mk_backend_free (MkBackend *self)
{
  g_clear_object (&self->input);
  g_array_unref (self->orders);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* ---- spawning ---- */

/* The variable is for programs that run from a build directory; a setuid program must not obey it. */
static const char *
backend_get_supervisor_path (void)
{
  const char *path = mk_platform_get_variable ("MIRAKURU_GLIB_SUPERVISOR");

  if (path != NULL && *path != '\0')
    return path;
#ifdef MK_SUPERVISOR_BUILD_PATH
  /* The tests of a project that has this one as a subproject know nothing of the variable. */
  if (access (MK_SUPERVISOR_BUILD_PATH, X_OK) == 0)
    return MK_SUPERVISOR_BUILD_PATH;
#endif
  return MK_SUPERVISOR_PATH;
}

/* Returns: (transfer full): their numbers in the service, as mk-supervisor takes them */
static char *
backend_list_descriptors (MkLaunch *launch)
{
  GString *list = g_string_new (NULL);

  for (guint i = 0; launch->descriptors != NULL && i < launch->descriptors->len; i++)
    g_string_append_printf (
        list, "%s%d", i ? "," : "", g_array_index (launch->descriptors, MkLaunchDescriptor, i).target);

  return g_string_free (list, FALSE);
}

static GPtrArray *
backend_new_supervisor_argv (MkLaunch *launch)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup (backend_get_supervisor_path ()));
  g_ptr_array_add (argv, g_strdup (MK_SUPERVISOR_PROTOCOL));
  g_ptr_array_add (argv, g_strdup_printf ("%d", (int) getpid ()));
  g_ptr_array_add (argv, g_strdup_printf ("%d", launch->stop_signal));
  g_ptr_array_add (argv, g_strdup_printf ("%d", launch->kill_signal));
  g_ptr_array_add (argv, g_strdup_printf ("%u", launch->stop_timeout));
  g_ptr_array_add (argv,
                   g_strdup (launch->stop_mode == MK_STOP_MODE_TREE ? MK_SUPERVISOR_STOP_TREE
                                                                    : MK_SUPERVISOR_STOP_LEADER));
  g_ptr_array_add (argv, backend_list_descriptors (launch));
  g_ptr_array_add (argv, g_strdup (launch->cwd ? launch->cwd : ""));
  g_ptr_array_add (argv,
                   g_strconcat (launch->keeps_directory ? MK_SUPERVISOR_KEEP : "",
                                launch->private_directory ? launch->private_directory : "",
                                NULL));
  for (char **arg = launch->argv; *arg != NULL; arg++)
    g_ptr_array_add (argv, g_strdup (*arg));
  g_ptr_array_add (argv, NULL);

  return argv;
}

/* GLib does not tell by its code what it is. Returns: 0 if it is another one */
static int
backend_find_errno (const GError *cause)
{
  const int numbers[] = { EAGAIN, E2BIG, EMFILE, ENFILE, ENOMEM };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      if (strstr (cause->message, g_strerror (numbers[i])) != NULL)
        return numbers[i];
    }

  return 0;
}

static GError *
backend_new_spawn_error (MkLaunch *launch, const GError *cause)
{
  const char *path = backend_get_supervisor_path ();
  g_autofree char *program = mk_message_filename (launch->argv[0]);
  g_autofree char *helper = mk_message_filename (path);
  const char *reason = cause->message;

  if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && access (path, X_OK) == 0)
    {
      launch->spawn_errno = backend_find_errno (cause);
      if (launch->spawn_errno == EAGAIN)
        return mk_launch_spawn_error (launch, MK_SPAWN_STEP_FORK, EAGAIN);
      if (launch->spawn_errno == E2BIG)
        reason = _ ("its command or its environment is too long for the system");
      return g_error_new (MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), program, reason);
    }

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    reason = _ ("there is no such file");
  else if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    reason = _ ("it is not a file");
  else
    reason = _ ("it is not executable");

  return g_error_new (MK_ERROR,
                      MK_ERROR_SUPERVISOR,
                      _ ("Cannot run the helper program “%s” that “%s” needs: %s. Install mirakuru-glib "
                         "again, or set MIRAKURU_GLIB_SUPERVISOR to where mk-supervisor is"),
                      helper,
                      program,
                      reason);
}

/*
 * These flags, no cwd and no child setup make GLib use posix_spawn(), whose time does not depend on the size
 * of the host. The supervisor does what is lost by that: it closes the other descriptors and resets the
 * signals. No pipes of GSubprocess: where 3 is free, its own end may be 3, and would be closed in the child
 * after the control socket was put there.
 *
 * @stdio: its ends of the service are taken
 * @control_fd: (transfer full)
 */
static void
backend_spawn_supervisor (MkBackend *self, MkStdio *stdio, int control_fd, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_INHERIT_FDS);
  g_autoptr (GPtrArray) argv = NULL;
  g_autoptr (GError) cause = NULL;

  if (self->launch->launcher != NULL)
    argv = mk_near_prepare (self->launch, backend_get_supervisor_path (), launcher, error);
  else
    argv = backend_new_supervisor_argv (self->launch);
  if (argv == NULL)
    {
      close (control_fd);
      return;
    }

  g_subprocess_launcher_set_environ (launcher, self->launch->environment);
  g_subprocess_launcher_take_stdin_fd (launcher, g_steal_fd (&stdio->service[0]));
  g_subprocess_launcher_take_stdout_fd (launcher, g_steal_fd (&stdio->service[1]));
  g_subprocess_launcher_take_stderr_fd (launcher, g_steal_fd (&stdio->service[2]));
  g_subprocess_launcher_take_fd (launcher, control_fd, MK_CONTROL_FD);
  for (guint i = 0; self->launch->descriptors != NULL && i < self->launch->descriptors->len; i++)
    g_subprocess_launcher_take_fd (
        launcher,
        g_steal_fd (&g_array_index (self->launch->descriptors, MkLaunchDescriptor, i).fd),
        MK_CONTROL_FD + 1 + (int) i);

  /* GLib duplicates the control socket, and takes it for a success where it cannot. */
  if (mk_descriptor_check (&cause))
    self->subprocess = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv->pdata, &cause);
  if (self->subprocess == NULL)
    g_propagate_error (error, backend_new_spawn_error (self->launch, cause));
}

/* Returns: FALSE if the end was asked for before there was a beginning */
static gboolean
backend_take_host_ends (MkBackend *self, MkStdio *stdio, int control_fd)
{
  MK_AUTO_LOCK (&self->lock);

  /* From then on an exit of the program waits for the other end of the socket to be closed. */
  if (self->told_to_end || !mk_host_add (&self->record, control_fd))
    {
      close (control_fd);
      return FALSE;
    }

  mk_host_fd_set (&self->record.outputs[0], g_steal_fd (&stdio->host[1]));
  mk_host_fd_set (&self->record.outputs[1], g_steal_fd (&stdio->host[2]));
  for (guint i = 0; i < 2; i++)
    mk_host_fd_set (&self->copies[i], g_steal_fd (&stdio->copies[i]));
  if (stdio->host[0] >= 0)
    {
      /* For its class to ignore SIGPIPE, which a write to a service that ended would raise. */
      g_type_class_unref (g_type_class_ref (G_TYPE_SOCKET));
      mk_host_fd_set (&self->record.input, stdio->host[0]);
      self->input = g_unix_output_stream_new (g_steal_fd (&stdio->host[0]), TRUE);
    }

  return TRUE;
}

static void backend_watch_supervisor (MkBackend *self);
static void backend_finish (MkBackend *self);
static gboolean backend_send_orders (MkBackend *self);
static gboolean backend_on_timer (gpointer user_data);
static gboolean backend_on_resend (gpointer user_data);

/* Most services never need one: each would make the turns of the worker's loop longer. */
static void
backend_wake_at (MkBackend *self, MkWaker **waker, GSourceFunc func, gint64 time_us)
{
  if (*waker == NULL)
    *waker = mk_waker_attach (mk_worker_get_context (), "MkBackend", func, self, NULL);
  mk_waker_wake_at (*waker, time_us);
}

static void
backend_try_spawn (MkBackend *self, MkStdio *stdio, GError **error)
{
  g_autoptr (GError) cause = NULL;
  int sockets[2];

  if (!mk_features_open_socket_pair (SOCK_SEQPACKET, sockets))
    {
      g_propagate_error (error, mk_launch_spawn_error (self->launch, MK_SPAWN_STEP_FORK, errno));
      return;
    }

  /* GLib ends the program where it has no descriptor to find out whether an output stream can be polled. */
  if (stdio->host[0] >= 0 && !mk_descriptor_check (&cause))
    {
      close (sockets[0]);
      close (sockets[1]);
      g_propagate_error (error, backend_new_spawn_error (self->launch, cause));
      return;
    }

  if (backend_take_host_ends (self, stdio, sockets[0]))
    backend_spawn_supervisor (self, stdio, sockets[1], error);
  else
    close (sockets[1]);
}

/* What became of it is reported, at once or later. */
void
mk_backend_spawn (MkBackend *self)
{
  GError *error = NULL;
  MkStdio stdio;

  if (mk_stdio_open (&stdio, self->launch, &error))
    {
      backend_try_spawn (self, &stdio, &error);
      mk_stdio_close (&stdio);
    }
  if (self->subprocess != NULL)
    {
      backend_watch_supervisor (self);
      return;
    }

  self->has_begun = TRUE;
  if (error != NULL)
    self->reports->failed (self->data, error);
  backend_finish (self);
}

/* Returns: (transfer none) (nullable): the standard input of the service; valid as long as @self */
GOutputStream *
mk_backend_get_input (MkBackend *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->input;
}

/* Returns: the parent of the tree, or 0 */
int
mk_backend_get_supervisor (MkBackend *self)
{
  return g_atomic_int_get (&self->record.supervisor);
}

/* ---- output ---- */

static void
backend_close_output (MkBackend *self, guint i)
{
  g_clear_pointer (&self->output_watches[i], mk_watch_free);
  if (self->record.outputs[i].fd >= 0)
    self->reports->output (self->data, i ? MK_STREAM_STDERR : MK_STREAM_STDOUT, NULL, 0);
  mk_host_fd_close (&self->record.outputs[i]);
  mk_host_fd_close (&self->copies[i]);
}

/* A disk that is full must not keep the service from working. */
static void
backend_copy (MkBackend *self, guint i, const guint8 *bytes, gsize length)
{
  while (length > 0 && self->copies[i].fd >= 0)
    {
      gboolean is_ours = mk_host_fd_is_ours (&self->copies[i]);
      ssize_t n = is_ours ? write (self->copies[i].fd, bytes, length) : -1;

      if (is_ours && n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          self->reports->copy_failed (
              self->data, i ? MK_STREAM_STDERR : MK_STREAM_STDOUT, g_strerror (is_ours ? errno : EBADF));
          mk_host_fd_close (&self->copies[i]);
          return;
        }
      bytes += n;
      length -= (gsize) n;
    }
}

/* Returns: FALSE when there is nothing more to read for now or ever */
static gboolean
backend_pump_once (MkBackend *self, guint i)
{
  static guint8 chunk[CHUNK_SIZE]; /* of the worker */
  gsize room = self->is_ending ? CHUNK_SIZE
                               : self->reports->room (self->data, i ? MK_STREAM_STDERR : MK_STREAM_STDOUT);
  ssize_t n;

  /* The service has to wait in its write() then. */
  if (room == 0)
    {
      g_clear_pointer (&self->output_watches[i], mk_watch_free);
      self->is_paused[i] = TRUE;
      return FALSE;
    }

  do
    n = mk_host_fd_is_ours (&self->record.outputs[i])
            ? read (self->record.outputs[i].fd, chunk, MIN (room, sizeof chunk))
            : 0;
  while (n < 0 && errno == EINTR);

  if (n > 0)
    backend_copy (self, i, chunk, (gsize) n);
  if (n > 0)
    self->reports->output (self->data, i ? MK_STREAM_STDERR : MK_STREAM_STDOUT, chunk, (gsize) n);
  else if (n == 0 || errno != EAGAIN)
    backend_close_output (self, i);

  return n > 0;
}

static void
backend_pump (MkBackend *self, guint i)
{
  gint64 end = g_get_monotonic_time () + DISPATCH_LIMIT_US;

  for (guint n = 0; n < CHUNKS_PER_DISPATCH; n++)
    {
      if (!backend_pump_once (self, i) || g_get_monotonic_time () >= end)
        break;
    }
}

static void
backend_on_stdout (gpointer user_data)
{
  backend_pump (user_data, 0);
}

static void
backend_on_stderr (gpointer user_data)
{
  backend_pump (user_data, 1);
}

/* There is room for output again. In the worker. */
void
mk_backend_resume (MkBackend *self)
{
  static const MkWatchFunc funcs[] = { backend_on_stdout, backend_on_stderr };

  for (guint i = 0; i < 2; i++)
    {
      if (self->is_paused[i] && self->record.outputs[i].fd >= 0)
        self->output_watches[i] = mk_watch_new (self->record.outputs[i].fd, funcs[i], self);
      self->is_paused[i] = FALSE;
    }
}

/* ---- reports of the supervisor ---- */

/* What has taken hold of the other end of the socket could send anything. */
static gboolean
backend_is_plausible (MkBackend *self, const MkMessage *message)
{
  switch (message->type)
    {
    case MK_MESSAGE_SPAWNED:
      return !self->has_begun && message->a > 1;

    case MK_MESSAGE_FAILED:
      return !self->has_begun && message->b > 0;

    case MK_MESSAGE_EXITED:
      return self->service > 0 && message->a > -NSIG && message->a <= 255;

    case MK_MESSAGE_DENIED:
      return message->a > 1;

    case MK_MESSAGE_LOST:
      return self->launch->launcher != NULL && !self->tree_empty && message->b >= -NSIG;

    default:
      return TRUE;
    }
}

/* @text: what the launcher's client has said */
static void
backend_report_lost (MkBackend *self, const MkMessage *message, const char *text)
{
  self->reports->failed (self->data,
                         mk_launch_launcher_error (self->launch, message->a, message->b, message->c, text));
  self->has_begun = TRUE;
  if (self->service > 0)
    self->reports->event (self->data, MK_BACKEND_LOST, 0);
}

/* What is left of the output is read whether there is room or not: the near end waits for that. */
static void
backend_read_to_the_end (MkBackend *self)
{
  self->is_ending = TRUE;
  mk_backend_resume (self);
}

/* @text: what stands behind the message */
static void
backend_pass_message_on (MkBackend *self, const MkMessage *message, const char *text)
{
  if (!backend_is_plausible (self, message))
    {
      g_debug ("%s: message %d with %d is not believed", self->launch->argv[0], message->type, message->a);
      return;
    }

  switch (message->type)
    {
    case MK_MESSAGE_SPAWNED:
      self->has_begun = TRUE;
      self->service = message->a;
      self->reports->event (self->data, MK_BACKEND_SPAWNED, message->a);
      break;

    case MK_MESSAGE_FAILED:
      self->has_begun = TRUE;
      self->reports->failed (self->data, mk_launch_spawn_error (self->launch, message->a, message->b));
      break;

    case MK_MESSAGE_EXITED:
      /* What it has said before stands in the error of a start. */
      for (guint i = 0; i < 2; i++)
        {
          if (self->record.outputs[i].fd >= 0)
            backend_pump (self, i);
        }
      self->reports->event (self->data, MK_BACKEND_EXITED, message->a);
      break;

    case MK_MESSAGE_EMPTY:
      self->tree_empty = TRUE;
      if (self->launch->launcher != NULL)
        backend_read_to_the_end (self);
      self->reports->event (self->data, MK_BACKEND_EMPTY, message->a);
      break;

    case MK_MESSAGE_LOST:
      backend_report_lost (self, message, text);
      break;

    case MK_MESSAGE_DENIED:
      self->reports->event (self->data, MK_BACKEND_DENIED, message->a);
      break;

    default:
      break;
    }
}

static void
backend_read_control (MkBackend *self)
{
  char packet[sizeof (MkMessage) + MK_MAX_LOST_TEXT + 1];
  MkMessage message;
  ssize_t n;

  self->socket_lost = !mk_host_fd_is_ours (&self->record.control);
  /* If the supervisor ended with an order unread, ECONNRESET comes once, before the reports that are still
   * there. */
  do
    {
      n = self->socket_lost ? 0 : recv (self->record.control.fd, packet, sizeof packet - 1, MSG_DONTWAIT);
      if (n < (ssize_t) sizeof message)
        continue;
      memcpy (&message, packet, sizeof message);
      packet[n] = '\0';
      backend_pass_message_on (self, &message, packet + sizeof message);
    }
  while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));

  /* Without memory the kernel passes nothing on at that moment. */
  if (n < 0 && mk_host_may_send_again (errno))
    return;

  g_clear_pointer (&self->control_watch, mk_watch_free);
  /* A forked child has no thread of GLib that could reap it. */
  backend_wake_at (self,
                   &self->timer,
                   backend_on_timer,
                   g_get_monotonic_time () + (mk_host_get_fork_generation () == 0 ? REAP_LIMIT_US : 0));
}

static void
backend_on_control (gpointer user_data)
{
  backend_read_control (user_data);
}

/* ---- the end ---- */

static void
backend_report_never_begun (MkBackend *self)
{
  g_autofree char *helper = mk_message_filename (backend_get_supervisor_path ());
  g_autofree char *program = mk_message_filename (self->launch->argv[0]);

  self->reports->failed (
      self->data,
      g_error_new (
          MK_ERROR,
          MK_ERROR_SUPERVISOR,
          _ ("The helper program “%s” ended before it had started “%s”. Check that it is mk-supervisor, of "
             "the same version as this library"),
          helper,
          program));
}

static void
backend_finish (MkBackend *self)
{
  gboolean told_to_end;

  mk_host_remove (&self->record);

  self->is_ending = TRUE;
  for (guint i = 0; i < 2; i++)
    {
      for (guint n = 0; n < LAST_CHUNKS && self->record.outputs[i].fd >= 0 && backend_pump_once (self, i);
           n++)
        ;
      backend_close_output (self, i);
    }
  g_clear_pointer (&self->control_watch, mk_watch_free);
  mk_waker_clear (&self->timer);
  g_cancellable_cancel (self->waiting);
  g_clear_object (&self->waiting);

  g_mutex_lock (&self->lock);
  mk_waker_clear (&self->resend);
  mk_host_fd_close (&self->record.control);
  g_clear_object (&self->subprocess);
  told_to_end = self->told_to_end;
  g_mutex_unlock (&self->lock);

  if (!self->has_begun && !told_to_end)
    backend_report_never_begun (self);
  self->reports->gone (self->data);
}

static void
backend_sweep (MkBackend *self)
{
  if (mk_proc_kill_left (self->launch->marker, self->service, self->sweep_deadline) == 0)
    self->clean_rounds++;
  else
    self->clean_rounds = 0;

  if (self->clean_rounds < SWEEP_CLEAN_ROUNDS && g_get_monotonic_time () < self->sweep_deadline)
    {
      /* What was found may have forked: look for the child before that forks, too. */
      gint64 pause = self->clean_rounds > 0 ? SWEEP_INTERVAL_US : 0;

      backend_wake_at (self, &self->timer, backend_on_timer, g_get_monotonic_time () + pause);
    }
  else
    backend_finish (self);
}

/* @was_killed: then nothing of the service may have ended, whatever has been said */
static void
backend_on_supervisor_ended (MkBackend *self, gboolean was_killed)
{
  g_atomic_int_set (&self->record.supervisor, 0);
  backend_read_control (self);
  /* It does not end by itself before the tree is empty. */
  if ((self->tree_empty || self->socket_lost) && !was_killed)
    {
      backend_finish (self);
      return;
    }

  mk_near_remove_socket_files (self->launch);
  self->reports->event (self->data, MK_BACKEND_LOST, 0);
  self->sweep_deadline = g_get_monotonic_time () + SWEEP_LIMIT_US;
  backend_sweep (self);
}

static gboolean
backend_on_timer (gpointer user_data)
{
  MkBackend *self = user_data;

  /* Nothing says when it ends, where the program has closed what GLib watches it by. */
  if (self->socket_lost && mk_host_does_child_run (self->record.supervisor))
    backend_wake_at (self, &self->timer, backend_on_timer, g_get_monotonic_time () + REAP_LIMIT_US);
  else if (self->sweep_deadline == 0)
    backend_on_supervisor_ended (self, mk_host_was_child_killed (self->record.supervisor));
  else
    backend_sweep (self);

  return G_SOURCE_CONTINUE;
}

static void
backend_on_reaped (GObject *object, GAsyncResult *result, gpointer user_data)
{
  MkBackend *self = user_data;

  /* Otherwise cancelled: gone already. */
  if (g_subprocess_wait_finish (G_SUBPROCESS (object), result, NULL) && self->sweep_deadline == 0)
    backend_on_supervisor_ended (self, g_subprocess_get_if_signaled (G_SUBPROCESS (object)));
}

/*
 * GSubprocess reaps the supervisor in a thread of GLib's. A forked child of the host has no such thread:
 * there the end of the socket says that the supervisor has ended, and a zombie stays until that child ends.
 */
static void
backend_watch_supervisor (MkBackend *self)
{
  const char *identifier = g_subprocess_get_identifier (self->subprocess);
  int pid = identifier ? atoi (identifier) : 0;

  g_debug ("%s: its supervisor is process %d", self->launch->argv[0], pid);
  g_atomic_int_set (&self->record.supervisor, pid);
  g_mutex_lock (&self->lock);
  backend_send_orders (self);
  g_mutex_unlock (&self->lock);
  self->waiting = g_cancellable_new ();
  g_subprocess_wait_async (self->subprocess, self->waiting, backend_on_reaped, self);

  self->control_watch = mk_watch_new (self->record.control.fd, backend_on_control, self);
  if (self->record.outputs[0].fd >= 0)
    self->output_watches[0] = mk_watch_new (self->record.outputs[0].fd, backend_on_stdout, self);
  if (self->record.outputs[1].fd >= 0)
    self->output_watches[1] = mk_watch_new (self->record.outputs[1].fd, backend_on_stderr, self);
}

/* ---- orders ---- */

/*
 * Sends those that wait, in their order. Call with the lock held.
 *
 * Returns: FALSE if there is no way to send them
 */
static gboolean
backend_send_orders (MkBackend *self)
{
  int error_number = 0;

  while (self->orders->len > 0 && error_number == 0)
    {
      error_number = mk_host_send (&self->record, &g_array_index (self->orders, MkMessage, 0));
      if (error_number == 0)
        g_array_remove_index (self->orders, 0);
    }

  if (self->orders->len == 0)
    return TRUE;
  if (mk_host_may_send_again (error_number))
    {
      backend_wake_at (self,
                       &self->resend,
                       backend_on_resend,
                       g_get_monotonic_time () + MK_HOST_RESEND_INTERVAL_MS * G_TIME_SPAN_MILLISECOND);
      return TRUE;
    }

  g_array_set_size (self->orders, 0);
  return FALSE;
}

static gboolean
backend_on_resend (gpointer user_data)
{
  MkBackend *self = user_data;

  MK_AUTO_LOCK (&self->lock);

  backend_send_orders (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
backend_has_order (MkBackend *self, const MkMessage *message)
{
  for (guint i = 0; i < self->orders->len; i++)
    {
      if (memcmp (&g_array_index (self->orders, MkMessage, i), message, sizeof *message) == 0)
        return TRUE;
    }

  return FALSE;
}

/* Where the supervisor does not listen any more, that it has ended is noticed elsewhere. */
static gboolean
backend_send (MkBackend *self, MkMessageType type, int a, int b, int c)
{
  MkMessage message = { (int32_t) type, a, b, c };

  if (self->record.control.fd < 0)
    return TRUE;

  if (!backend_has_order (self, &message))
    g_array_append_val (self->orders, message);
  return backend_send_orders (self);
}

/* @group: whether the whole process group of the service gets it, not only its first process */
gboolean
mk_backend_signal (MkBackend *self, int signal_number, gboolean group)
{
  MK_AUTO_LOCK (&self->lock);

  return self->record.control.fd >= 0 &&
         backend_send (self, group ? MK_MESSAGE_SIGNAL_GROUP : MK_MESSAGE_SIGNAL, signal_number, 0, 0);
}

gboolean
mk_backend_stop (MkBackend *self, MkStopMode mode, int stop_signal, int kill_signal, guint timeout_ms)
{
  MK_AUTO_LOCK (&self->lock);

  self->told_to_end = TRUE;
  return backend_send (self,
                       mode == MK_STOP_MODE_TREE ? MK_MESSAGE_STOP_TREE : MK_MESSAGE_STOP,
                       stop_signal,
                       kill_signal,
                       (int) timeout_ms);
}

gboolean
mk_backend_kill (MkBackend *self, int kill_signal)
{
  MK_AUTO_LOCK (&self->lock);

  self->told_to_end = TRUE;
  return backend_send (self, MK_MESSAGE_KILL, kill_signal, 0, 0);
}

/* Kills a supervisor that does nothing any more; what is left of the service is swept away. In the worker. */
void
mk_backend_give_up (MkBackend *self)
{
  mk_host_signal_child (g_atomic_int_get (&self->record.supervisor), SIGKILL);
}
