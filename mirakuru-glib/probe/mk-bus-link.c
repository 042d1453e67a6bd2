/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A connection to a message bus, over which a probe asks who owns a name, and hears when that changes.
 *
 *   NEW ──> CONNECTING ──> OPEN ──> DEAD
 *                └───────────────────┘
 *
 * It begins to connect when it is first asked, and is used for one connection only. It dies when that cannot
 * be made or is lost, when the bus does not answer for some seconds, when nobody has asked for a while, and
 * when its probe lets go of it.
 *
 * Threads: the connection lives on the worker, where its callbacks always find a context that runs, also when
 * the operation that asked is long over: GDBus cannot be cancelled in all that it does. The fields without a
 * remark on the lock are used there only. Whoever asks does it on the context of a task, and is answered
 * there; cancelling the task ends the question at once, whatever the bus does.
 */

#include "mk-bus-link-private.h"

#include "base/mk-i18n-private.h"
#include "mk-probe-waker-private.h"
#include "base/mk-wake-source-private.h"
#include "process/mk-worker-private.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* How long the bus may take for one step: after that a new connection is tried. */
#define ANSWER_LIMIT_US (5 * G_TIME_SPAN_SECOND)
/* How long an open connection is kept for the next question. While somebody waits there are several. */
#define IDLE_LIMIT_US (500 * G_TIME_SPAN_MILLISECOND)

typedef enum
{
  NEW,
  CONNECTING,
  OPEN,
  DEAD,
} State;

/* A question. Its task is used in the context of the task only. */
typedef struct
{
  gatomicrefcount ref_count;
  MkBusLink *link;         /* (owned) */
  MkBusLinkFunc func;      /* to be called with the answer */
  GTask *task;             /* (owned) (nullable) until it is returned */
  MkWakeSource *cancelled; /* (owned) (nullable) */

  MkWakeSource *answered; /* (owned) (nullable) (locked-by link->lock) until the task is returned */
  gboolean has_owner;     /* (locked-by link->lock), and so the next ones */
  guint pid;
  GError *error; /* (owned) (nullable) */
} Ask;

struct _MkBusLink
{
  gatomicrefcount ref_count;
  char *address;        /* (owned) */
  char *name;           /* (owned) */
  MkProbeWaker *waker;  /* (owned) */
  MkWakeSource *orders; /* (owned) on the worker: there is something to do */
  MkWakeSource *timer;  /* (owned) on the worker: for the two limits */

  GMutex lock;
  State state;       /* (locked-by lock) */
  gboolean released; /* (locked-by lock) */
  GPtrArray *asks;   /* (owned) (element-type Ask) (locked-by lock) that the bus was not asked yet */

  GPtrArray *asked;          /* (owned) (element-type Ask) that the answer of the bus is for */
  GDBusConnection *bus;      /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) of what the bus is asked for */
  guint subscription;
  gulong closed_handler;
};

static void
link_unref (gpointer data)
{
  MkBusLink *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  mk_probe_waker_free (self->waker);
  g_ptr_array_unref (self->asked);
  g_ptr_array_unref (self->asks);
  g_object_unref (self->cancellable);
  mk_wake_source_unref (self->orders);
  mk_wake_source_unref (self->timer);
  g_mutex_clear (&self->lock);
  g_free (self->address);
  g_free (self->name);
  g_free (self);
}

static gpointer
link_ref (MkBusLink *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* ---- questions, in their own context ---- */

static void
ask_unref (gpointer data)
{
  Ask *ask = data;

  if (!g_atomic_ref_count_dec (&ask->ref_count))
    return;

  g_clear_error (&ask->error);
  link_unref (ask->link);
  g_free (ask);
}

/* From then on the worker does not touch the context of the task, which may be gone soon. */
static MkWakeSource *
steal_answered (Ask *ask)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&ask->link->lock);

  return g_steal_pointer (&ask->answered);
}

static void
finish (Ask *ask, gboolean has_owner, guint pid, const GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&ask->task);
  MkWakeSource *answered = steal_answered (ask);

  mk_wake_source_clear (&ask->cancelled);
  ask->func (task, has_owner, pid, error);
  /* The last thing, for it may hold the last reference to the question. */
  mk_wake_source_clear (&answered);
}

/* By then nobody else uses what the answer says. */
static gboolean
on_answered (gpointer user_data)
{
  Ask *ask = user_data;

  finish (ask, ask->has_owner, ask->pid, ask->error);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_autoptr (GError) error =
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled"));

  finish (user_data, FALSE, 0, error);
  return G_SOURCE_REMOVE;
}

static Ask *
ask_new (MkBusLink *link, GTask *task, MkBusLinkFunc func)
{
  Ask *ask = g_new0 (Ask, 1);
  GMainContext *context = g_task_get_context (task);

  g_atomic_ref_count_init (&ask->ref_count);
  ask->link = link_ref (link);
  ask->task = g_object_ref (task);
  ask->func = func;
  ask->cancelled = mk_cancel_source_attach (g_task_get_cancellable (task), context, on_cancelled, ask);
  g_atomic_ref_count_inc (&ask->ref_count);
  ask->answered = mk_wake_source_attach (context, "MkBusLink answer", on_answered, ask, ask_unref);
  return ask;
}

/* ---- on the worker ---- */

static void
answer (MkBusLink *self, gboolean has_owner, guint pid, const GError *error)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->asked->len; i++)
    {
      Ask *ask = g_ptr_array_index (self->asked, i);

      if (ask->answered == NULL)
        continue;
      ask->has_owner = has_owner;
      ask->pid = pid;
      ask->error = error ? g_error_copy (error) : NULL;
      mk_wake_source_wake (ask->answered);
    }
  g_mutex_unlock (&self->lock);

  /* Without the lock: what is freed may be the last to hold this. */
  g_ptr_array_set_size (self->asked, 0);
}

static void
close_bus (MkBusLink *self)
{
  g_autoptr (GDBusConnection) bus = g_steal_pointer (&self->bus);

  if (bus == NULL)
    return;

  g_clear_signal_handler (&self->closed_handler, bus);
  g_dbus_connection_signal_unsubscribe (bus, self->subscription);
  g_dbus_connection_close (bus, NULL, NULL, NULL);
}

/* Those who wait for the bus to be asked are now those who wait for its answer. */
static void
take_asks (MkBusLink *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  while (self->asks->len > 0)
    g_ptr_array_add (self->asked, g_ptr_array_steal_index (self->asks, 0));
}

static State
get_state (MkBusLink *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->state;
}

static void
set_state (MkBusLink *self, State state)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->state = state;
}

/* @error: what those are told who wait for an answer */
static void
die (MkBusLink *self, const GError *error)
{
  set_state (self, DEAD);
  take_asks (self);
  answer (self, FALSE, 0, error);
  g_cancellable_cancel (self->cancellable);
  close_bus (self);
  mk_wake_source_destroy (self->timer);
  mk_wake_source_destroy (self->orders);
}

/* The bus went away. */
static void
die_of_loss (MkBusLink *self, const GError *error)
{
  mk_probe_waker_wake (self->waker);
  die (self, error);
}

static void
on_told (GObject *object, GAsyncResult *result, gpointer user_data)
{
  MkBusLink *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (object), result, &error);
  gboolean no_pid = g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNIX_PROCESS_ID_UNKNOWN);
  guint pid = 0;

  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) || no_pid)
    g_clear_error (&error);
  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);

  if (get_state (self) == OPEN && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    die_of_loss (self, error);
  else if (get_state (self) == OPEN)
    {
      if (error != NULL)
        g_dbus_error_strip_remote_error (error);
      answer (self, reply != NULL || no_pid, pid, error);
      mk_wake_source_wake_at (self->timer, g_get_monotonic_time () + IDLE_LIMIT_US);
      mk_wake_source_wake (self->orders);
    }
  link_unref (self);
}

/* What tells the pid of the owner tells whether there is one, in one step. It activates nothing. */
static void
ask_bus (MkBusLink *self)
{
  take_asks (self);
  if (self->asked->len == 0)
    return;

  mk_wake_source_wake_at (self->timer, g_get_monotonic_time () + ANSWER_LIMIT_US);
  g_dbus_connection_call (self->bus,
                          BUS_NAME,
                          BUS_PATH,
                          BUS_NAME,
                          "GetConnectionUnixProcessID",
                          g_variant_new ("(s)", self->name),
                          G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          G_MAXINT,
                          self->cancellable,
                          on_told,
                          link_ref (self));
}

static void
on_owner_changed (GDBusConnection *bus,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *signal,
                  GVariant *parameters,
                  gpointer user_data)
{
  MkBusLink *self = user_data;

  mk_probe_waker_wake (self->waker);
}

/* What GDBus says of it depends on what it was doing. */
static void
on_closed (GDBusConnection *bus, gboolean remote_peer_vanished, GError *error, gpointer user_data)
{
  g_autoptr (GError) reason =
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, _ ("The connection is closed"));

  die_of_loss (user_data, reason);
}

/* @bus: (transfer full) */
static void
open_bus (MkBusLink *self, GDBusConnection *bus)
{
  self->bus = bus;
  self->closed_handler = g_signal_connect (bus, "closed", G_CALLBACK (on_closed), self);
  /* Sent before the first question is, so that nothing is missed in between. */
  self->subscription = g_dbus_connection_signal_subscribe (bus,
                                                           BUS_NAME,
                                                           BUS_NAME,
                                                           "NameOwnerChanged",
                                                           BUS_PATH,
                                                           self->name,
                                                           G_DBUS_SIGNAL_FLAGS_NONE,
                                                           on_owner_changed,
                                                           self,
                                                           NULL);

  set_state (self, OPEN);
  ask_bus (self);
}

static void
on_connected (GObject *object, GAsyncResult *result, gpointer user_data)
{
  MkBusLink *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_dbus_connection_new_for_address_finish (result, &error);

  if (get_state (self) == CONNECTING && bus != NULL)
    open_bus (self, g_steal_pointer (&bus));
  else if (get_state (self) == CONNECTING)
    die (self, error);
  else if (bus != NULL)
    g_dbus_connection_close (bus, NULL, NULL, NULL);

  link_unref (self);
}

/* A connection of its own: that of the program, if it has one, may end the program when the bus goes away. */
static void
begin_to_connect (MkBusLink *self)
{
  set_state (self, CONNECTING);
  mk_wake_source_wake_at (self->timer, g_get_monotonic_time () + ANSWER_LIMIT_US);
  g_dbus_connection_new_for_address (self->address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                         G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL,
                                     self->cancellable,
                                     on_connected,
                                     link_ref (self));
}

static gboolean
is_released (MkBusLink *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->released;
}

static gboolean
on_orders (gpointer user_data)
{
  MkBusLink *self = user_data;

  if (is_released (self))
    {
      g_autoptr (GError) error =
          g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, _ ("The connection is not wanted any more"));

      die (self, error);
    }
  else if (get_state (self) == NEW)
    begin_to_connect (self);
  else if (self->bus != NULL && self->asked->len == 0)
    ask_bus (self);

  return G_SOURCE_CONTINUE;
}

/* Returns: whether nobody had asked by then, and nobody can any more */
static gboolean
retire (MkBusLink *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->state != OPEN || self->asks->len > 0 || self->asked->len > 0)
    return FALSE;

  self->state = DEAD;
  return TRUE;
}

static gboolean
on_timer (gpointer user_data)
{
  MkBusLink *self = user_data;
  g_autoptr (GError) error =
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, _ ("the bus does not answer"));

  if (retire (self) || self->bus == NULL || self->asked->len > 0)
    die (self, error);
  return G_SOURCE_CONTINUE;
}

/* ---- for probes ---- */

/* @address: of the bus, as the D-Bus specification has it */
MkBusLink *
mk_bus_link_new (MkProbe *probe, const char *address, const char *name)
{
  MkBusLink *self = g_new0 (MkBusLink, 1);
  GMainContext *worker = mk_worker_get_context ();

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->waker = mk_probe_waker_new (probe);
  self->address = g_strdup (address);
  self->name = g_strdup (name);
  self->asks = g_ptr_array_new_with_free_func (ask_unref);
  self->asked = g_ptr_array_new_with_free_func (ask_unref);
  self->cancellable = g_cancellable_new ();
  self->orders = mk_wake_source_attach (worker, "MkBusLink orders", on_orders, link_ref (self), link_unref);
  self->timer = mk_wake_source_attach (worker, "MkBusLink timer", on_timer, link_ref (self), link_unref);

  return self;
}

void
mk_bus_link_release (MkBusLink *self)
{
  g_mutex_lock (&self->lock);
  self->released = TRUE;
  g_mutex_unlock (&self->lock);

  mk_wake_source_wake (self->orders);
  link_unref (self);
}

gboolean
mk_bus_link_leads_to (MkBusLink *self, const char *address, const char *name)
{
  return g_str_equal (self->address, address) && g_str_equal (self->name, name);
}

/*
 * Asks whether the name has an owner. @func is called in the context of @task, which it has to return. The
 * probe is woken there too when the owner changes, or the bus goes away.
 *
 * Returns: FALSE if the link is dead; another one can be asked then
 */
gboolean
mk_bus_link_ask (MkBusLink *self, GTask *task, MkBusLinkFunc func)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->state == DEAD)
    return FALSE;

  mk_probe_waker_move (self->waker, g_task_get_context (task));
  g_ptr_array_add (self->asks, ask_new (self, task, func));
  mk_wake_source_wake (self->orders);
  return TRUE;
}
