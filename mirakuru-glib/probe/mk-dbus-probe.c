/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks a message bus whether a name has an owner. Each wait has its own connection, which also reports when
 * the owner changes, so that the wait asks again at once.
 *
 * Until there is a bus, `check` only looks whether somebody listens on its socket. That costs a few system
 * calls, where GDBus needs a thread.
 *
 *   no link ──> connecting ──> open ──> no link
 *                    └────────────────────┘
 *
 * Threads: the link is made on the worker, and the connection has its signals there, because GDBus may finish
 * what it has begun only after the wait has ended, when nobody runs the context of the wait any more. What
 * happens there wakes the wait. Everything else is done in the context of the wait.
 */

#include "mk-dbus-probe.h"

#include "mk-bus-address-private.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-waker-private.h"
#include "mk-probe-private.h"
#include "mk-unix-socket-probe.h"
#include "process/mk-proc-private.h"
#include "process/mk-worker-private.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* How long the bus may take to answer: after that a new connection is tried. */
#define ANSWER_LIMIT_MS 5000
/* For an attempt that is cancelled, to hear that from GDBus. */
#define GRACE_MS 50

/**
 * MkDBusProbe:
 *
 * A probe that checks whether a well-known name has an owner on a message bus.
 *
 * See [Testing a GNOME application](testing-gnome.html) for message buses in tests.
 *
 * [property@Mk.DBusProbe:bus] is a D-Bus address such as `unix:path=/run/my-bus`, or `session`, or `system`:
 *
 * - A D-Bus address selects a private bus. `dbus-daemon --print-address` prints such an address, and
 *   [method@Gio.TestDBus.get_bus_address] returns one. The bus need not exist yet, so the service may be a
 *   `dbus-daemon` itself. Its own name, `org.freedesktop.DBus`, has an owner as soon as the bus works.
 * - `session` selects the session bus: the address in `DBUS_SESSION_BUS_ADDRESS`, or else the socket `bus`
 *   in `XDG_RUNTIME_DIR`. These variables are read from the environment of this program, not of a service,
 *   until there is a connection. If neither is set, each check fails with %MK_ERROR_INVALID_ARGUMENT. No bus
 *   is ever started.
 * - `system` selects the system bus: the address in `DBUS_SYSTEM_BUS_ADDRESS`, or else the default one.
 *
 * A check does not activate a service that the bus can start. Each wait and each single check makes its own
 * connection, and closes it at the end. The program does not exit when the bus disappears. While there is no
 * bus, the probe is not satisfied.
 *
 * A check fails with %MK_ERROR_INVALID_ARGUMENT if the bus is invalid, or if the name is invalid or unique
 * (`:1.42`).
 *
 * GDBus does not work in a forked child of a program that has used it. The probe is never satisfied there.
 *
 * Since: 1.0
 */

struct _MkDBusProbe
{
  MkProbe parent_instance;

  char *bus;  /* (owned) (nullable) */
  char *name; /* (owned) (nullable) */

  guint owner; /* (atomic) the pid of who owns the name, 0 if it is not known */
};

enum
{
  PROP_BUS = 1,
  PROP_NAME,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkDBusProbe, mk_dbus_probe, MK_TYPE_PROBE)

/* ---- a connection ---- */

typedef struct
{
  gatomicrefcount ref_count;
  char *address;             /* (owned) */
  char *name;                /* (owned) */
  GCancellable *cancellable; /* (owned) of connecting */

  GMutex lock;
  MkWaker *news;               /* (owned) (nullable) (locked-by lock) of the wait, until it lets go of this */
  GDBusConnection *connection; /* (owned) (nullable) (locked-by lock) */
  GError *error; /* (owned) (nullable) (locked-by lock) why there is no connection, or not any more */
} BusLink;

static BusLink *
bus_link_ref (BusLink *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
bus_link_unref (gpointer data)
{
  BusLink *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_clear_error (&self->error);
  g_mutex_clear (&self->lock);
  g_object_unref (self->cancellable);
  g_free (self->name);
  g_free (self->address);
  g_free (self);
}

static void
bus_link_closure_unref (gpointer data, GClosure *closure)
{
  bus_link_unref (data);
}

/* @error: (transfer full) (nullable): why there is no connection */
static void
bus_link_report (BusLink *self, GError *error)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->error == NULL)
    self->error = error;
  else
    g_clear_error (&error);
  if (self->news != NULL)
    mk_waker_wake (self->news);
}

static void
bus_link_on_owner_changed (GDBusConnection *connection,
                           const char *sender,
                           const char *path,
                           const char *interface,
                           const char *signal,
                           GVariant *parameters,
                           gpointer user_data)
{
  BusLink *self = user_data;

  g_debug ("%s: its owner changed", self->name);
  bus_link_report (self, NULL);
}

/* What GDBus says of it depends on what it was doing. */
static void
bus_link_on_closed (GDBusConnection *connection,
                    gboolean remote_peer_vanished,
                    GError *error,
                    gpointer user_data)
{
  BusLink *self = user_data;

  g_debug ("%s: connection to %s: closed", self->name, self->address);
  bus_link_report (
      self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, _ ("the connection was closed")));
}

/* @connection: (transfer full). Returns: whether anybody wants it */
static gboolean
bus_link_take_connection (BusLink *self, GDBusConnection *connection)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->news == NULL)
    return FALSE;

  self->connection = connection;
  return TRUE;
}

/*
 * Before the wait asks for the first time, so that nothing is missed in between. The bus may have closed the
 * connection by now: with a match rule of its own GDBus would report that as an error of the programmer.
 */
static void
bus_link_follow_owner (BusLink *self, GDBusConnection *connection)
{
  g_autofree char *rule = g_strdup_printf ("type='signal',sender='" BUS_NAME "',interface='" BUS_NAME
                                           "',member='NameOwnerChanged',path='" BUS_PATH "',arg0='%s'",
                                           self->name);

  g_dbus_connection_signal_subscribe (connection,
                                      BUS_NAME,
                                      BUS_NAME,
                                      "NameOwnerChanged",
                                      BUS_PATH,
                                      self->name,
                                      G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE,
                                      bus_link_on_owner_changed,
                                      bus_link_ref (self),
                                      bus_link_unref);
  g_dbus_connection_call (connection,
                          BUS_NAME,
                          BUS_PATH,
                          BUS_NAME,
                          "AddMatch",
                          g_variant_new ("(s)", rule),
                          NULL,
                          G_DBUS_CALL_FLAGS_NONE,
                          -1,
                          NULL,
                          NULL,
                          NULL);
}

static void
bus_link_on_connected (GObject *object, GAsyncResult *result, gpointer user_data)
{
  BusLink *self = user_data;
  GError *error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_for_address_finish (result, &error);

  g_debug ("%s: connection to %s: %s", self->name, self->address, error ? error->message : "open");
  if (connection != NULL)
    {
      g_signal_connect_data (connection,
                             "closed",
                             G_CALLBACK (bus_link_on_closed),
                             bus_link_ref (self),
                             bus_link_closure_unref,
                             0);
      bus_link_follow_owner (self, connection);
      if (bus_link_take_connection (self, connection))
        g_steal_pointer (&connection);
    }

  bus_link_report (self, error);
  bus_link_unref (self);
}

/* On the worker. Not the connection that the program may have, which may end the program. */
static gboolean
bus_link_connect (gpointer user_data)
{
  BusLink *self = user_data;

  g_debug ("%s: connecting to %s", self->name, self->address);
  g_dbus_connection_new_for_address (self->address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                         G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL,
                                     self->cancellable,
                                     bus_link_on_connected,
                                     self);
  return G_SOURCE_REMOVE;
}

/*
 * @cancellable: ends connecting
 * @news: woken when there is a connection, or an error, or the owner of @name has changed
 */
static BusLink *
bus_link_new (const char *address, const char *name, GCancellable *cancellable, MkWaker *news)
{
  BusLink *self = g_new0 (BusLink, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->address = g_strdup (address);
  self->name = g_strdup (name);
  self->cancellable = g_object_ref (cancellable);
  self->news = mk_waker_ref (news);

  mk_worker_invoke (bus_link_connect, bus_link_ref (self));
  return self;
}

/* Returns: (transfer full) (nullable): NULL and no error while it is connecting */
static GDBusConnection *
bus_link_dup_connection (BusLink *self, GError **error)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));
  return self->error == NULL && self->connection != NULL ? g_object_ref (self->connection) : NULL;
}

/* The last reference to a connection closes it. */
static void
bus_link_release (BusLink *self)
{
  g_autoptr (GDBusConnection) connection = NULL;

  g_mutex_lock (&self->lock);
  connection = g_steal_pointer (&self->connection);
  g_clear_pointer (&self->news, mk_waker_unref);
  g_mutex_unlock (&self->lock);

  bus_link_unref (self);
}

/* ---- what a wait keeps ---- */

typedef struct
{
  MkProbe *probe; /* (unowned) whoever waits keeps it */
  MkWaker *news;  /* (owned) woken by the link */
  BusLink *link;  /* (owned) (nullable) */
  GTask *task;    /* (owned) (nullable) the attempt that waits for the link to be open */
} BusWait;

static void
bus_wait_drop_link (BusWait *self)
{
  g_clear_pointer (&self->link, bus_link_release);
}

/* @owner: the pid, 0 if it is not known. @detail: (nullable): why there is no owner */
static void
dbus_probe_remember (MkDBusProbe *self, guint owner, const char *detail)
{
  g_atomic_int_set (&self->owner, owner);
  mk_probe_set_detail (MK_PROBE (self), detail);
}

/* Then nobody owns a name there. */
static gboolean
dbus_probe_means_no_bus (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* @error: (transfer full) */
static void
dbus_probe_return_error (MkDBusProbe *self, GTask *task, GError *error)
{
  g_autofree char *detail = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }

  if (dbus_probe_means_no_bus (error))
    {
      detail = g_strdup_printf (_ ("the connection to the bus was lost: %s"), error->message);
      dbus_probe_remember (self, 0, detail);
      g_error_free (error);
      g_task_return_boolean (task, FALSE);
      return;
    }

  dbus_probe_remember (self, 0, error->message);
  g_task_return_error (task, error);
}

static void
dbus_probe_on_answer (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkDBusProbe *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (object), result, &error);
  guint pid = 0;

  if (reply != NULL)
    g_variant_get (reply, "(u)", &pid);

  if (reply != NULL || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNIX_PROCESS_ID_UNKNOWN))
    {
      dbus_probe_remember (self, pid, NULL);
      g_clear_error (&error);
      g_task_return_boolean (task, TRUE);
    }
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
    {
      dbus_probe_remember (self, 0, _ ("the bus is running, but the name has no owner"));
      g_clear_error (&error);
      g_task_return_boolean (task, FALSE);
    }
  else
    {
      g_dbus_error_strip_remote_error (error);
      dbus_probe_return_error (self, task, error);
    }
}

/* What returns the pid of the owner says whether there is one, in one step. It activates nothing. */
static void
dbus_probe_ask (GDBusConnection *connection, const char *name, GTask *task)
{
  g_dbus_connection_call (connection,
                          BUS_NAME,
                          BUS_PATH,
                          BUS_NAME,
                          "GetConnectionUnixProcessID",
                          g_variant_new ("(s)", name),
                          G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          G_MAXINT,
                          g_task_get_cancellable (task),
                          dbus_probe_on_answer,
                          g_object_ref (task));
}

static gboolean
bus_wait_on_news (gpointer user_data)
{
  BusWait *self = user_data;
  MkProbe *probe = self->probe;
  g_autoptr (GTask) task = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  if (self->link == NULL)
    return G_SOURCE_CONTINUE;

  connection = bus_link_dup_connection (self->link, &error);
  task = connection || error ? g_steal_pointer (&self->task) : NULL;
  if (error != NULL)
    bus_wait_drop_link (self);

  /* Returning the task may end the wait, and free this. */
  if (task == NULL)
    mk_probe_wake (probe);
  else if (connection != NULL)
    dbus_probe_ask (connection, self->link->name, task);
  else
    dbus_probe_return_error (MK_DBUS_PROBE (probe), task, g_steal_pointer (&error));
  return G_SOURCE_CONTINUE;
}

static gpointer
mk_dbus_probe_begin (MkProbe *probe)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  BusWait *self = g_new0 (BusWait, 1);

  self->probe = probe;
  self->news = mk_waker_attach (context, "MkDBusProbe news", bus_wait_on_news, self, NULL);
  return self;
}

static void
mk_dbus_probe_end (MkProbe *probe, gpointer state)
{
  BusWait *self = state;

  bus_wait_drop_link (self);
  mk_waker_clear (&self->news);
  g_clear_object (&self->task);
  g_free (self);
}

/* ---- one attempt ---- */

static gboolean
dbus_probe_validate (MkDBusProbe *self, GError **error)
{
  if (self->name != NULL && g_dbus_is_name (self->name) && !g_dbus_is_unique_name (self->name))
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is not a well-known name on a bus: give a name such as org.example.Service"),
               self->name ? self->name : "");
  return FALSE;
}

/* Returns: TRUE if somebody listens where the bus should be, or this cannot be told without connecting */
static gboolean
dbus_probe_bus_listens (MkDBusProbe *self, const char *address, GError **error)
{
  g_autofree char *path = mk_bus_address_dup_socket (address);
  g_autoptr (MkProbe) socket = path ? MK_PROBE (mk_unix_socket_probe_new (path)) : NULL;
  g_autofree char *name = NULL;
  g_autofree char *reason = NULL;
  g_autofree char *detail = NULL;
  GError *local_error = NULL;
  gpointer state;
  gboolean listens;

  if (socket == NULL)
    return TRUE;

  state = mk_probe_begin (socket);
  listens = mk_probe_ask (socket, state, &local_error);
  mk_probe_end (socket, state);
  if (listens)
    return TRUE;
  if (local_error != NULL)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }

  reason = mk_probe_dup_detail (socket);
  name = mk_message_filename (path);
  detail = g_strdup_printf (_ ("there is no bus at %s: %s"), name, reason);
  dbus_probe_remember (self, 0, detail);
  return FALSE;
}

static gboolean
mk_dbus_probe_check_with (MkProbe *probe, gpointer state, GError **error)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  BusWait *wait = state;
  g_autofree char *address = NULL;

  if (wait->link == NULL)
    {
      if (!dbus_probe_validate (self, error) || !(address = mk_bus_address_resolve (self->bus, error)) ||
          !dbus_probe_bus_listens (self, address, error))
        return FALSE;
    }

  mk_probe_would_block (error);
  return FALSE;
}

static void
mk_dbus_probe_check_task_with (MkProbe *probe, gpointer state, GTask *task)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  BusWait *wait = state;
  g_autofree char *address = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  /* What is true until it answers */
  mk_probe_set_detail (probe, _ ("the bus does not answer"));
  connection = wait->link ? bus_link_dup_connection (wait->link, NULL) : NULL;
  if (connection != NULL)
    {
      dbus_probe_ask (connection, wait->link->name, task);
      return;
    }

  bus_wait_drop_link (wait);
  g_clear_object (&wait->task);
  address = mk_bus_address_resolve (self->bus, &error);
  if (address == NULL || !mk_worker_ensure (&error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  wait->task = g_object_ref (task);
  wait->link = bus_link_new (address, self->name, g_task_get_cancellable (task), wait->news);
}

/* ---- words ---- */

static char *
mk_dbus_probe_describe (MkProbe *probe)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  g_autofree char *bus = mk_bus_address_dup_name (self->bus);

  /* Translators: a clause that stands after “waiting for”; a name, a bus such as “the session bus” */
  return g_strdup_printf (_ ("%s to have an owner on %s"), self->name ? self->name : _ ("(no name)"), bus);
}

static char *
mk_dbus_probe_describe_holder (MkProbe *probe)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  g_autofree char *bus = mk_bus_address_dup_name (self->bus);
  guint pid = (guint) g_atomic_int_get (&self->owner);
  g_autofree char *process = pid > 0 ? mk_proc_describe_living ((int) pid) : NULL;

  if (process != NULL)
    /* Translators: a name, a bus such as “the session bus”, a process */
    return g_strdup_printf (
        _ ("%s already has an owner on %s: %s. Stop it, or use another bus"), self->name, bus, process);

  /* Translators: a name, a bus such as “the session bus” */
  return g_strdup_printf (_ ("%s already has an owner on %s. Stop it, or use another bus"), self->name, bus);
}

/* ---- the object ---- */

static void
mk_dbus_probe_finalize (GObject *object)
{
  MkDBusProbe *self = MK_DBUS_PROBE (object);

  g_free (self->bus);
  g_free (self->name);

  G_OBJECT_CLASS (mk_dbus_probe_parent_class)->finalize (object);
}

static void
mk_dbus_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkDBusProbe *self = MK_DBUS_PROBE (object);

  switch (prop_id)
    {
    case PROP_BUS:
      g_value_set_string (value, mk_dbus_probe_get_bus (self));
      break;

    case PROP_NAME:
      g_value_set_string (value, mk_dbus_probe_get_name (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_dbus_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkDBusProbe *self = MK_DBUS_PROBE (object);

  switch (prop_id)
    {
    case PROP_BUS:
      mk_dbus_probe_set_bus (self, g_value_get_string (value));
      break;

    case PROP_NAME:
      mk_dbus_probe_set_name (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_dbus_probe_class_init (MkDBusProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_dbus_probe_finalize;
  object_class->get_property = mk_dbus_probe_get_property;
  object_class->set_property = mk_dbus_probe_set_property;

  probe_class->describe = mk_dbus_probe_describe;
  class_private->begin = mk_dbus_probe_begin;
  class_private->end = mk_dbus_probe_end;
  class_private->dup_expanded = mk_probe_dup_with_expanded_properties;
  class_private->check_with = mk_dbus_probe_check_with;
  class_private->check_task_with = mk_dbus_probe_check_task_with;
  class_private->describe_holder = mk_dbus_probe_describe_holder;

  /**
   * MkDBusProbe:bus:
   *
   * The bus: a D-Bus address, `session` or `system`.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_BUS] = g_param_spec_string (
      "bus", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MkDBusProbe:name:
   *
   * The well-known name, for example `org.example.Service`.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_NAME] = g_param_spec_string (
      "name", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_dbus_probe_init (MkDBusProbe *self)
{
  mk_probe_set_attempt_limit (MK_PROBE (self), ANSWER_LIMIT_MS);
  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
}

/**
 * mk_dbus_probe_new:
 * @bus: the D-Bus address of the bus, `session` or `system`
 * @name: the well-known name, for example `org.example.Service`
 *
 * Creates a probe for a name on a message bus.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkDBusProbe *
mk_dbus_probe_new (const char *bus, const char *name)
{
  return g_object_new (MK_TYPE_DBUS_PROBE, "bus", bus, "name", name, NULL);
}

/**
 * mk_dbus_probe_get_bus: (get-property bus)
 * @self: the probe
 *
 * Gets the bus.
 *
 * Returns: (transfer none) (nullable): the D-Bus address of the bus, `session` or `system`
 *
 * Since: 1.0
 */
const char *
mk_dbus_probe_get_bus (MkDBusProbe *self)
{
  g_return_val_if_fail (MK_IS_DBUS_PROBE (self), NULL);

  return self->bus;
}

/**
 * mk_dbus_probe_set_bus: (set-property bus)
 * @self: the probe
 * @bus: (nullable): the D-Bus address of the bus, `session` or `system`
 *
 * Sets the bus.
 *
 * Since: 1.0
 */
void
mk_dbus_probe_set_bus (MkDBusProbe *self, const char *bus)
{
  g_return_if_fail (MK_IS_DBUS_PROBE (self));

  if (g_strcmp0 (self->bus, bus) == 0)
    return;

  g_free (self->bus);
  self->bus = g_strdup (bus);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BUS]);
}

/**
 * mk_dbus_probe_get_name: (get-property name)
 * @self: the probe
 *
 * Gets the name.
 *
 * Returns: (transfer none) (nullable): the well-known name
 *
 * Since: 1.0
 */
const char *
mk_dbus_probe_get_name (MkDBusProbe *self)
{
  g_return_val_if_fail (MK_IS_DBUS_PROBE (self), NULL);

  return self->name;
}

/**
 * mk_dbus_probe_set_name: (set-property name)
 * @self: the probe
 * @name: (nullable): the well-known name, for example `org.example.Service`
 *
 * Sets the name.
 *
 * Since: 1.0
 */
void
mk_dbus_probe_set_name (MkDBusProbe *self, const char *name)
{
  g_return_if_fail (MK_IS_DBUS_PROBE (self));

  if (g_strcmp0 (self->name, name) == 0)
    return;

  g_free (self->name);
  self->name = g_strdup (name);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_NAME]);
}
