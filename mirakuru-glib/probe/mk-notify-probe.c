/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Listens to what the service itself says: the messages of sd_notify(3), or a newline on a descriptor.
 *
 * prepare() begins a run before the service is spawned: it makes the socket or the pipe, and gives the
 * variable or the descriptor to the launch. The worker reads until nothing of the service is left, also after
 * it got ready, for a service would be blocked by a full queue. What was said is known to the run, and wakes
 * whoever waits; it is not asked otherwise.
 *
 * Threads: a run belongs to the worker and to the probe, and its lock guards what it knows.
 */

#include "mk-notify-probe.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixcredentialsmessage.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-features-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "process/mk-host-private.h"
#include "process/mk-unix-host-private.h"
#include "process/mk-proc-private.h"
#include "process/mk-process-private.h"
#include "process/mk-worker-private.h"

#define NOTIFY_SOCKET "NOTIFY_SOCKET"
/* sd_notify() messages are at most this long for systemd, too. */
#define MESSAGE_BYTES 4096
/* One service that says very much must not keep the others waiting. */
#define MESSAGES_PER_DISPATCH 16
#define MIN_FD                3
#define MAX_FD                1023
/* It may be known only after the end of the pipe that the process has exited. */
#define EXIT_DELAY_US (500 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  gatomicrefcount ref_count;
  GWeakRef probe;
  MkProcess *process; /* (owned) */
  GSocket *socket;    /* (owned) (nullable) of sd_notify */
  MkHostFd fd;        /* of the socket, or the end of the pipe that is read */
  GSource *source;    /* (owned) of the worker */
  MkWaker *waker;     /* (owned) of the worker, woken by the process; holds the run */

  GMutex lock;
  gboolean is_ready;    /* (locked-by lock) */
  gboolean is_stopping; /* (locked-by lock) */
  gint64 closed_at;     /* (locked-by lock) monotonic: the pipe, 0 while it is open */
  char *status_text;    /* (owned) (nullable) (locked-by lock) */
  int main_pid;         /* (locked-by lock) */
  int stranger;         /* (locked-by lock) who was not believed last, 0 if nobody */
} NotifyRun;

/**
 * MkNotifyProbe:
 *
 * A probe that waits until the service reports that it is ready.
 *
 * See [Which readiness can be trusted](readiness.html) for what this proves.
 *
 * It works with services that are written for systemd (`Type=notify`) or s6:
 *
 * - If [property@Mk.NotifyProbe:fd] is −1, the default, the service gets the variable `NOTIFY_SOCKET`, and
 *   sends `READY=1` there, as [sd_notify(3)](man:sd_notify(3)) and systemd-notify do. The probe also
 *   understands `STATUS`, `MAINPID`, `STOPPING`, `EXTEND_TIMEOUT_USEC` and `BARRIER`. `EXTEND_TIMEOUT_USEC`
 *   lets the start timeout end no sooner than this time after the message. Only messages from processes of
 *   the service count.
 * - Otherwise the service inherits a pipe as this descriptor, and writes a newline to it.
 *
 * The probe reacts to the message at once, and does not poll. It works only as the probe of an executor, or
 * as a part of that probe, and of only one executor at a time. Messages are read as long as the service
 * runs.
 *
 * ```c
 * g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
 * g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
 * ```
 *
 * Since: 1.0
 */

struct _MkNotifyProbe
{
  MkProbe parent_instance;

  int fd;
  gboolean is_for_before; /* asked before a start */

  GMutex lock;
  NotifyRun *run;   /* (owned) (nullable) (locked-by lock) of the last start */
  MkWaker *changed; /* (owned) of the context in which the probe was made; for notify:: */

  char *notified_text; /* (owned) (nullable) (locked-by lock) what notify:: was emitted for */
  int notified_pid;    /* (locked-by lock) */
};

enum
{
  PROP_FD = 1,
  PROP_STATUS_TEXT,
  PROP_MAIN_PID,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkNotifyProbe, mk_notify_probe, MK_TYPE_PROBE)

/* ---- a run ---- */

static NotifyRun *
notify_run_ref (NotifyRun *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
notify_run_unref (NotifyRun *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_pointer (&self->source, g_source_unref);
  g_clear_pointer (&self->waker, mk_waker_unref);
  if (self->socket == NULL)
    mk_host_fd_close (&self->fd);
  g_clear_object (&self->socket);
  g_clear_pointer (&self->process, mk_process_unref);
  g_weak_ref_clear (&self->probe);
  g_free (self->status_text);
  g_mutex_clear (&self->lock);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (NotifyRun, notify_run_unref)

/* In any thread. Nothing is read any more. */
static void
notify_run_end (NotifyRun *self)
{
  mk_process_remove_listener (self->process, self->waker);
  g_source_destroy (self->source);
  mk_waker_destroy (self->waker);
}

static void
notify_run_tell_probe (NotifyRun *self)
{
  g_autoptr (MkNotifyProbe) probe = g_weak_ref_get (&self->probe);

  if (probe == NULL)
    return;

  mk_waker_wake (probe->changed);
  mk_probe_wake (MK_PROBE (probe));
}

static gboolean
notify_run_on_process (gpointer user_data)
{
  g_autoptr (NotifyRun) self = notify_run_ref (user_data);

  if (mk_process_get_news (self->process).gone)
    notify_run_end (self);
  else if (self->closed_at != 0)
    notify_run_tell_probe (self);
  return G_SOURCE_CONTINUE;
}

/* ---- what the service says, in the worker ---- */

/*
 * A sender may have ended already, as programs that only send do; then its user has to do. Others could only
 * send if they had looked for the name of the socket.
 */
static gboolean
notify_run_knows_sender (NotifyRun *self, GCredentials *credentials)
{
  int pid = credentials ? g_credentials_get_unix_pid (credentials, NULL) : 0;
  int supervisor = mk_process_get_supervisor (self->process);
  uid_t uid;

  if (pid <= 1 || supervisor == 0)
    return FALSE;
  /* The near end of a launcher passes on what the far end has looked at. */
  if (mk_process_is_elsewhere (self->process))
    return pid == supervisor;
  if (pid == mk_process_get_news (self->process).pid || mk_proc_is_descendant (pid, supervisor))
    return TRUE;
  if (kill (pid, 0) == 0 || errno == EPERM)
    return FALSE;

  uid = g_credentials_get_unix_user (credentials, NULL);
  return uid == 0 || uid == geteuid ();
}

static void
notify_run_extend (NotifyRun *self, const char *value)
{
  guint64 extension;

  if (g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64 / 2, &extension, NULL))
    mk_process_extend_limit (self->process, g_get_monotonic_time () + (gint64) extension);
}

/* Call with the lock held. */
static void
notify_run_take_assignment (NotifyRun *self, const char *name, const char *value)
{
  guint64 pid;

  if (g_str_equal (name, "READY") && g_str_equal (value, "1"))
    self->is_ready = TRUE;
  else if (g_str_equal (name, "STOPPING") && g_str_equal (value, "1"))
    self->is_stopping = TRUE;
  else if (g_str_equal (name, "STATUS"))
    {
      g_free (self->status_text);
      self->status_text = mk_message_clean (value);
    }
  else if (g_str_equal (name, "MAINPID") && g_ascii_string_to_unsigned (value, 10, 2, G_MAXINT, &pid, NULL) &&
           (mk_process_is_elsewhere (self->process) ||
            mk_proc_is_descendant ((int) pid, mk_process_get_supervisor (self->process))))
    self->main_pid = (int) pid;
}

/* @text: (not nullable): lines "NAME=value" */
static void
notify_run_take_message (NotifyRun *self, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      char *value = strchr (*line, '=');

      if (value == NULL)
        continue;
      *value++ = '\0';
      if (g_str_equal (*line, "EXTEND_TIMEOUT_USEC"))
        notify_run_extend (self, value);
      g_mutex_lock (&self->lock);
      notify_run_take_assignment (self, *line, value);
      g_mutex_unlock (&self->lock);
    }
}

static void
notify_run_take (NotifyRun *self, GCredentials *credentials, const char *text)
{
  int pid = credentials ? g_credentials_get_unix_pid (credentials, NULL) : 0;

  if (notify_run_knows_sender (self, credentials))
    {
      g_debug (
          "%s: process %d notifies: %s", mk_process_get_launch (self->process)->argv[0], (int) pid, text);
      notify_run_take_message (self, text);
    }
  else
    {
      g_debug ("%s: process %d, a stranger, is not believed: %s",
               mk_process_get_launch (self->process)->argv[0],
               (int) pid,
               text);
      g_mutex_lock (&self->lock);
      self->stranger = pid;
      g_mutex_unlock (&self->lock);
    }
  notify_run_tell_probe (self);
}

static GCredentials *
notify_find_credentials (GSocketControlMessage **messages, int n_messages)
{
  for (int i = 0; i < n_messages; i++)
    {
      if (G_IS_UNIX_CREDENTIALS_MESSAGE (messages[i]))
        return g_unix_credentials_message_get_credentials (G_UNIX_CREDENTIALS_MESSAGE (messages[i]));
    }
  return NULL;
}

static void
notify_close_descriptors (gpointer message, gpointer unused)
{
  g_object_unref (message);
}

/* Sockets are made not to linger: a child that is forked before they are closed closes its copies, too. */
static gboolean
notify_has_only_pipes (GSocketControlMessage *message)
{
  const struct linger none = { 0, 0 };
  gboolean only_pipes = TRUE;
  int n_fds = 0;
  const int *fds;

  if (!G_IS_UNIX_FD_MESSAGE (message))
    return TRUE;

  fds = g_unix_fd_list_peek_fds (g_unix_fd_message_get_fd_list (G_UNIX_FD_MESSAGE (message)), &n_fds);
  for (int i = 0; i < n_fds; i++)
    {
      if (mk_features_is_pipe (fds[i]))
        continue;
      (void) !setsockopt (fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof none);
      only_pipes = FALSE;
    }
  return only_pipes;
}

/*
 * The end of the descriptors of a message is what a sender of BARRIER=1 waits for, and that is a pipe. Nobody
 * needs to send others: to close a socket, or a file of a file system that does not answer, may take for
 * ever, so it is done in a thread that nothing depends on.
 *
 * @message: (transfer full)
 */
static void
notify_drop_message (GSocketControlMessage *message)
{
  static GThreadPool *closer; /* of the worker */

  if (notify_has_only_pipes (message))
    {
      g_object_unref (message);
      return;
    }

  if (closer == NULL)
    closer = g_thread_pool_new (notify_close_descriptors, NULL, 1, FALSE, NULL);
  g_thread_pool_push (closer, message, NULL);
}

static gboolean
notify_run_on_message (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  NotifyRun *self = user_data;

  for (guint n_taken = 0; n_taken < MESSAGES_PER_DISPATCH && mk_host_fd_is_ours (&self->fd); n_taken++)
    {
      char text[MESSAGE_BYTES + 1];
      GInputVector vector = { text, MESSAGE_BYTES };
      GSocketControlMessage **messages = NULL;
      int n_messages = 0;
      int flags = 0;
      gssize n =
          g_socket_receive_message (socket, NULL, &vector, 1, &messages, &n_messages, &flags, NULL, NULL);

      if (n > 0)
        {
          text[n] = '\0';
          notify_run_take (self, notify_find_credentials (messages, n_messages), text);
        }
      for (int i = 0; i < n_messages; i++)
        notify_drop_message (messages[i]);
      g_free (messages);
      if (n < 0)
        break;
    }

  return mk_host_fd_is_ours (&self->fd) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
notify_run_on_pipe (int fd, GIOCondition condition, gpointer user_data)
{
  NotifyRun *self = user_data;
  char text[MESSAGE_BYTES];
  ssize_t n = mk_host_fd_is_ours (&self->fd) ? read (self->fd.fd, text, sizeof text) : 0;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;

  g_mutex_lock (&self->lock);
  if (n > 0 && memchr (text, '\n', (size_t) n) != NULL)
    self->is_ready = TRUE;
  else if (n <= 0)
    self->closed_at = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);

  if (n <= 0)
    mk_waker_wake_at (self->waker, self->closed_at + EXIT_DELAY_US);
  notify_run_tell_probe (self);
  return n > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- the beginning of a run ---- */

/* Returns: (transfer full) (nullable) */
static GSocket *
notify_open_socket (const char *name, GError **error)
{
  g_autoptr (GSocketAddress) address =
      g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, error);

  if (socket == NULL || !g_socket_bind (socket, address, FALSE, error) ||
      !mk_features_ask_for_senders (socket, error))
    return NULL;

  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static gboolean
notify_run_open_socket (NotifyRun *self, MkLaunch *launch, GError **error)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *name = g_strconcat ("mirakuru-notify-", uuid, NULL);
  g_autofree char *address = g_strconcat ("@", name, NULL);

  self->socket = notify_open_socket (name, error);
  if (self->socket == NULL)
    return FALSE;

  mk_host_fd_set (&self->fd, g_socket_get_fd (self->socket));
  mk_launch_set_variable (launch, NOTIFY_SOCKET, address);
  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source,
                         G_SOURCE_FUNC (notify_run_on_message),
                         notify_run_ref (self),
                         (GDestroyNotify) notify_run_unref);
  return TRUE;
}

static gboolean
notify_run_open_pipe (NotifyRun *self, MkLaunch *launch, int fd, GError **error)
{
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return FALSE;

  mk_host_fd_set (&self->fd, fds[0]);
  if (!mk_launch_add_descriptor (launch, fds[1], fd, error))
    return FALSE;

  g_unix_set_fd_nonblocking (fds[0], TRUE, NULL);
  self->source = g_unix_fd_source_new (fds[0], G_IO_IN | G_IO_HUP | G_IO_ERR);
  g_source_set_callback (self->source,
                         G_SOURCE_FUNC (notify_run_on_pipe),
                         notify_run_ref (self),
                         (GDestroyNotify) notify_run_unref);
  return TRUE;
}

/* Returns: (transfer full) (nullable) */
static NotifyRun *
notify_run_new (MkNotifyProbe *probe, MkProcess *process, GError **error)
{
  g_autoptr (NotifyRun) self = g_new0 (NotifyRun, 1);
  MkLaunch *launch = mk_process_get_launch (process);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  g_weak_ref_init (&self->probe, probe);
  self->process = mk_process_ref (process);
  self->fd.fd = -1;
  if (probe->fd < 0 ? !notify_run_open_socket (self, launch, error)
                    : !notify_run_open_pipe (self, launch, probe->fd, error))
    return NULL;

  self->waker = mk_waker_attach (mk_worker_get_context (),
                                 "MkNotifyProbe run",
                                 notify_run_on_process,
                                 notify_run_ref (self),
                                 (GDestroyNotify) notify_run_unref);
  mk_process_add_listener (process, self->waker);
  g_source_set_name (self->source, "MkNotifyProbe");
  g_source_attach (self->source, mk_worker_get_context ());
  return g_steal_pointer (&self);
}

/* ---- the probe ---- */

/* Returns: (transfer full) (nullable) */
static NotifyRun *
notify_probe_dup_run (MkNotifyProbe *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->run ? notify_run_ref (self->run) : NULL;
}

static gboolean
notify_probe_validate (MkNotifyProbe *self, GError **error)
{
  if (self->fd < 0 || (self->fd >= MIN_FD && self->fd <= MAX_FD))
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("A service cannot say on descriptor %d that it is ready: use one from %d to %d, or −1 for "
                  "NOTIFY_SOCKET"),
               self->fd,
               MIN_FD,
               MAX_FD);
  return FALSE;
}

static gboolean
mk_notify_probe_prepare (MkProbe *probe, MkProcess *process, GError **error)
{
  MkNotifyProbe *self = MK_NOTIFY_PROBE (probe);
  NotifyRun *run, *old;

  if (!notify_probe_validate (self, error))
    return FALSE;

  g_mutex_lock (&self->lock);
  old = self->run;
  if (old != NULL && !mk_process_get_news (old->process).gone && !g_source_is_destroyed (old->source))
    {
      g_mutex_unlock (&self->lock);
      g_set_error_literal (
          error,
          MK_ERROR,
          MK_ERROR_INVALID_ARGUMENT,
          _ ("The notify probe belongs to another executor, whose service is running: use a separate probe "
             "for each executor"));
      return FALSE;
    }
  g_mutex_unlock (&self->lock);

  run = notify_run_new (self, process, error);
  if (run == NULL)
    return FALSE;

  g_mutex_lock (&self->lock);
  self->run = run;
  g_mutex_unlock (&self->lock);
  if (old != NULL)
    {
      notify_run_end (old);
      notify_run_unref (old);
    }
  mk_waker_wake (self->changed);
  return TRUE;
}

/* Before a start nothing can be in the way of it: the messages will be its own. */
static MkProbe *
mk_notify_probe_dup_before_start (MkProbe *probe, GError **error)
{
  MkNotifyProbe *before;

  if (!notify_probe_validate (MK_NOTIFY_PROBE (probe), error))
    return NULL;

  before = mk_notify_probe_new (-1);
  before->is_for_before = TRUE;
  return MK_PROBE (before);
}

/* Emits notify:: for what is new. */
static void
notify_probe_emit_changes (MkNotifyProbe *self)
{
  g_autofree char *text = mk_notify_probe_dup_status_text (self);
  int pid = mk_notify_probe_get_main_pid (self);
  gboolean text_changed, pid_changed;

  g_mutex_lock (&self->lock);
  text_changed = g_strcmp0 (text, self->notified_text) != 0;
  pid_changed = pid != self->notified_pid;
  g_free (self->notified_text);
  self->notified_text = g_steal_pointer (&text);
  self->notified_pid = pid;
  g_mutex_unlock (&self->lock);

  if (text_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATUS_TEXT]);
  if (pid_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MAIN_PID]);
}

/* Call with the lock of the run held. Returns: (transfer full): why the service is not ready */
static char *
notify_run_explain (NotifyRun *self)
{
  if (self->is_stopping)
    return g_strdup (_ ("it says that it is stopping"));
  if (self->status_text != NULL && *self->status_text != '\0')
    /* Translators: in parentheses, after what is waited for; a text of the service about its own status */
    return g_strdup_printf (_ ("its status: %s"), self->status_text);
  if (self->stranger != 0)
    /* Translators: in parentheses, after what is waited for */
    return g_strdup_printf (_ ("process %d reported this, but does not belong to the service"),
                            (int) self->stranger);

  return g_strdup (_ ("no message yet"));
}

static gboolean
mk_notify_probe_check (MkProbe *probe, GError **error)
{
  MkNotifyProbe *self = MK_NOTIFY_PROBE (probe);
  g_autoptr (NotifyRun) run = NULL;
  g_autofree char *detail = NULL;
  gboolean is_ready, is_closed;

  if (self->is_for_before || !notify_probe_validate (self, error))
    return FALSE;
  run = notify_probe_dup_run (self);
  if (run == NULL)
    {
      g_set_error_literal (error,
                           MK_ERROR,
                           MK_ERROR_INVALID_ARGUMENT,
                           _ ("A notify probe only works as the probe of the executor that starts the "
                              "service"));
      return FALSE;
    }

  notify_probe_emit_changes (self);
  g_mutex_lock (&run->lock);
  is_ready = run->is_ready && !run->is_stopping;
  is_closed =
      run->closed_at != 0 && !run->is_ready && g_get_monotonic_time () >= run->closed_at + EXIT_DELAY_US;
  detail = is_ready ? NULL : notify_run_explain (run);
  g_mutex_unlock (&run->lock);

  mk_probe_set_detail (probe, detail);
  /* A process that failed is reported by the start. */
  if (is_closed && !mk_process_get_news (run->process).exited)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_FAILED,
        _ ("The service closed descriptor %d before it wrote a newline there to say that it is ready"),
        self->fd);
  return is_ready && !mk_process_get_news (run->process).gone;
}

static gboolean
mk_notify_probe_is_met (MkProbe *probe)
{
  g_autoptr (NotifyRun) run = notify_probe_dup_run (MK_NOTIFY_PROBE (probe));

  if (run == NULL)
    return FALSE;

  MK_AUTO_LOCK (&run->lock);
  return run->is_ready && !run->is_stopping;
}

static char *
mk_notify_probe_describe (MkProbe *probe)
{
  MkNotifyProbe *self = MK_NOTIFY_PROBE (probe);

  if (self->fd < 0)
    /* Translators: a clause that stands after “waiting for” */
    return g_strdup (_ ("it to send READY=1 to NOTIFY_SOCKET"));

  /* Translators: a clause that stands after “waiting for” */
  return g_strdup_printf (_ ("it to write a newline to descriptor %d"), self->fd);
}

/* ---- the object ---- */

/* The source of it may outlive the probe for a moment. */
static gboolean
notify_probe_on_changed (gpointer user_data)
{
  g_autoptr (MkNotifyProbe) self = g_weak_ref_get (user_data);

  if (self != NULL)
    notify_probe_emit_changes (self);
  return G_SOURCE_CONTINUE;
}

static void
notify_free_weak_ref (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
mk_notify_probe_finalize (GObject *object)
{
  MkNotifyProbe *self = MK_NOTIFY_PROBE (object);

  mk_waker_clear (&self->changed);
  if (self->run != NULL)
    notify_run_end (self->run);
  g_clear_pointer (&self->run, notify_run_unref);
  g_free (self->notified_text);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mk_notify_probe_parent_class)->finalize (object);
}

static void
mk_notify_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkNotifyProbe *self = MK_NOTIFY_PROBE (object);

  switch (prop_id)
    {
    case PROP_FD:
      g_value_set_int (value, self->fd);
      break;

    case PROP_STATUS_TEXT:
      g_value_take_string (value, mk_notify_probe_dup_status_text (self));
      break;

    case PROP_MAIN_PID:
      g_value_set_int (value, mk_notify_probe_get_main_pid (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_notify_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_FD:
      mk_notify_probe_set_fd (MK_NOTIFY_PROBE (object), g_value_get_int (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_notify_probe_class_init (MkNotifyProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_notify_probe_finalize;
  object_class->get_property = mk_notify_probe_get_property;
  object_class->set_property = mk_notify_probe_set_property;

  probe_class->check = mk_notify_probe_check;
  probe_class->describe = mk_notify_probe_describe;
  class_private->prepare = mk_notify_probe_prepare;
  class_private->dup_before_start = mk_notify_probe_dup_before_start;
  class_private->is_met = mk_notify_probe_is_met;

  /**
   * MkNotifyProbe:fd:
   *
   * The descriptor to which the service writes a newline when it is ready, as with s6: 3 to 1023. −1 stands
   * for the messages of sd_notify. With another number, the start fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: −1. Range: −1 to 1023.
   *
   * Since: 1.0
   */
  props[PROP_FD] = g_param_spec_int (
      "fd", NULL, NULL, -1, MAX_FD, -1, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * MkNotifyProbe:status-text: (getter dup_status_text)
   *
   * The last status text that the service has sent with `STATUS=…`, without control characters.
   *
   * `notify::status-text` is emitted in the main context that was the thread-default one when the probe was
   * created, or in that of a start.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_STATUS_TEXT] = g_param_spec_string (
      "status-text", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * MkNotifyProbe:main-pid:
   *
   * The process ID of the main process, which the service has sent with `MAINPID=…`; 0 if it has sent none.
   * It is ignored unless it belongs to a process of the service. `notify::main-pid` is emitted in the same
   * main context as `notify::status-text`.
   *
   * Default: 0. Range: 0 to %G_MAXINT.
   *
   * Since: 1.0
   */
  props[PROP_MAIN_PID] =
      g_param_spec_int ("main-pid",
                        NULL,
                        NULL,
                        0,
                        G_MAXINT,
                        0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_notify_probe_init (MkNotifyProbe *self)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  GWeakRef *weak_ref = g_new0 (GWeakRef, 1);

  g_mutex_init (&self->lock);
  self->fd = -1;
  g_weak_ref_init (weak_ref, self);
  self->changed = mk_waker_attach (
      context, "MkNotifyProbe changes", notify_probe_on_changed, weak_ref, notify_free_weak_ref);
  mk_probe_set_pace (MK_PROBE (self), MK_PROBE_PACE_WOKEN);
}

/**
 * mk_notify_probe_new:
 * @fd: a descriptor from 3 to 1023 on which the service writes a newline, or −1 for the messages of sd_notify
 *
 * Creates a probe that waits until the service reports that it is ready.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkNotifyProbe *
mk_notify_probe_new (int fd)
{
  return g_object_new (MK_TYPE_NOTIFY_PROBE, "fd", fd, NULL);
}

/**
 * mk_notify_probe_get_fd: (get-property fd)
 * @self: the probe
 *
 * Gets [property@Mk.NotifyProbe:fd].
 *
 * Returns: the descriptor, −1 for the messages of sd_notify
 *
 * Since: 1.0
 */
int
mk_notify_probe_get_fd (MkNotifyProbe *self)
{
  g_return_val_if_fail (MK_IS_NOTIFY_PROBE (self), -1);

  return self->fd;
}

/**
 * mk_notify_probe_set_fd: (set-property fd)
 * @self: the probe
 * @fd: a descriptor from 3 to 1023, or −1
 *
 * Sets [property@Mk.NotifyProbe:fd]. It takes effect at the next start.
 *
 * Since: 1.0
 */
void
mk_notify_probe_set_fd (MkNotifyProbe *self, int fd)
{
  g_return_if_fail (MK_IS_NOTIFY_PROBE (self));

  if (self->fd == fd)
    return;

  self->fd = fd;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FD]);
}

/**
 * mk_notify_probe_dup_status_text: (get-property status-text)
 * @self: the probe
 *
 * Gets [property@Mk.NotifyProbe:status-text]. May be called in any thread.
 *
 * Returns: (transfer full) (nullable): the text, %NULL if the service has sent none
 *
 * Since: 1.0
 */
char *
mk_notify_probe_dup_status_text (MkNotifyProbe *self)
{
  g_autoptr (NotifyRun) run = NULL;

  g_return_val_if_fail (MK_IS_NOTIFY_PROBE (self), NULL);

  run = notify_probe_dup_run (self);
  if (run == NULL)
    return NULL;

  MK_AUTO_LOCK (&run->lock);
  return g_strdup (run->status_text);
}

/**
 * mk_notify_probe_get_main_pid: (get-property main-pid)
 * @self: the probe
 *
 * Gets [property@Mk.NotifyProbe:main-pid]. May be called in any thread.
 *
 * Returns: the process ID, 0 if the service has sent none
 *
 * Since: 1.0
 */
int
mk_notify_probe_get_main_pid (MkNotifyProbe *self)
{
  g_autoptr (NotifyRun) run = NULL;

  g_return_val_if_fail (MK_IS_NOTIFY_PROBE (self), 0);

  run = notify_probe_dup_run (self);
  if (run == NULL)
    return 0;

  MK_AUTO_LOCK (&run->lock);
  return run->main_pid;
}
