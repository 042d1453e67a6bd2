/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks a message bus whether a name has an owner, see mk-bus-link.c. One connection is kept as long as
 * somebody waits; it also tells when the owner changes, so that the probe is woken at once.
 *
 * Until there is a bus each attempt only looks whether somebody listens on its socket. That costs a few
 * system calls where GDBus needs a thread, so that it can be done every few milliseconds.
 */

#include "mk-dbus-probe.h"

#include "mk-bus-address-private.h"
#include "mk-bus-link-private.h"
#include "mk-error.h"
#include "process/mk-host-private.h"
#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"
#include "process/mk-proc-private.h"
#include "mk-unix-socket-probe.h"
#include "process/mk-worker-private.h"

/* For an attempt that is cut off, to say why. */
#define GRACE_MS 50
/**
 * MkDBusProbe:
 *
 * A probe that tells whether a well-known name has an owner on a message bus.
 *
 * The bus is named by a string: the D-Bus address of a bus, such as `unix:path=/run/my-bus`, or `session` or
 * `system` for these two. So it may be
 *
 * - a private bus: what `dbus-daemon --print-address` prints, and what
 *   [method@Gio.TestDBus.get_bus_address] returns. It need not exist yet, so the service that is waited for
 *   may be a `dbus-daemon` itself; its own name, `org.freedesktop.DBus`, has an owner as soon as it works
 * - the session bus: that of the environment variable `DBUS_SESSION_BUS_ADDRESS` of this program (not of a
 *   service it starts), else the socket `bus` in `XDG_RUNTIME_DIR`. The variables are read each time the bus
 *   is asked. If neither is set that is an error %MK_ERROR_INVALID_ARGUMENT. No bus is ever started
 * - the system bus: that of `DBUS_SYSTEM_BUS_ADDRESS`, else the usual one
 *
 * Asking does not activate a service that the bus could start. The probe has a connection of its own, which
 * it closes soon after it was asked for the last time; it never ends the program when the bus goes away. A
 * bus that is not there has no owners.
 *
 * A bus that makes no sense, and a name that is none or a unique one (`:1.42`), is an error
 * %MK_ERROR_INVALID_ARGUMENT when the probe is asked.
 *
 * GDBus does not work in a forked child of a program that has used it; there the probe never sees an owner.
 *
 * Since: 1.0
 */

struct _MkDBusProbe
{
  MkProbe parent_instance;

  char *bus;  /* (owned) (nullable) */
  char *name; /* (owned) (nullable) */

  GMutex lock;
  MkBusLink *link;       /* (owned) (nullable) (locked-by lock) */
  guint fork_generation; /* (locked-by lock) in which it was made */
  guint owner;           /* (locked-by lock) its pid, 0 if it is not known */
};

enum
{
  PROP_BUS = 1,
  PROP_NAME,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkDBusProbe, mk_dbus_probe, MK_TYPE_PROBE)

/* ---- one attempt ---- */

static gboolean
validate_name (MkDBusProbe *self, GError **error)
{
  if (self->name != NULL && g_dbus_is_name (self->name) && !g_dbus_is_unique_name (self->name))
    return TRUE;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("“%s” is not a well-known name on a bus: give one as org.example.Service"),
               self->name ? self->name : "");
  return FALSE;
}

/* @detail: (nullable): what the attempt found */
static void
note_answer (MkDBusProbe *self, const char *detail, guint owner)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->owner = owner;
  mk_probe_set_detail (MK_PROBE (self), detail);
}

/* Then nobody owns a name there. */
static gboolean
means_no_bus (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
on_answered (GTask *task, gboolean has_owner, guint pid, const GError *error)
{
  MkDBusProbe *self = g_task_get_source_object (task);
  g_autofree char *detail = NULL;

  if (has_owner)
    note_answer (self, NULL, pid);
  else if (error == NULL)
    note_answer (self, _ ("the bus is there, but nobody owns that name"), 0);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    mk_probe_set_detail (MK_PROBE (self), _ ("the bus does not answer"));
  else
    {
      detail = means_no_bus (error) ? g_strdup_printf (_ ("the bus went away: %s"), error->message)
                                    : g_strdup (error->message);
      note_answer (self, detail, 0);
    }

  if (error == NULL || means_no_bus (error))
    g_task_return_boolean (task, has_owner);
  else
    g_task_return_error (task, g_error_copy (error));
}

/* @detail: (out): who is missing, if FALSE is returned without an error */
static gboolean
bus_listens (const char *address, char **detail, GError **error)
{
  g_autofree char *path = mk_bus_address_dup_socket (address);
  g_autoptr (MkProbe) socket = path ? MK_PROBE (mk_unix_socket_probe_new (path)) : NULL;
  g_autofree char *reason = NULL;

  if (socket == NULL || MK_PROBE_GET_CLASS (socket)->check (socket, error))
    return TRUE;
  if (*error != NULL)
    return FALSE;

  reason = mk_probe_dup_detail (socket);
  *detail = g_strdup_printf (_ ("there is no bus at %s: %s"), path, reason);
  return FALSE;
}

/* Call with the lock held. The link of the parent cannot be used in a forked child, nor be freed. */
static void
drop_link_unlocked (MkDBusProbe *self)
{
  if (self->link != NULL && self->fork_generation == mk_host_get_fork_generation ())
    mk_bus_link_release (self->link);
  self->link = NULL;
}

static void
drop_link (MkDBusProbe *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  drop_link_unlocked (self);
}

/* Call with the lock held. Returns: whether the bus was asked over the connection that there is */
static gboolean
ask_again_unlocked (MkDBusProbe *self, const char *address, GTask *task)
{
  if (self->link != NULL && self->fork_generation == mk_host_get_fork_generation () &&
      mk_bus_link_leads_to (self->link, address, self->name) &&
      mk_bus_link_ask (self->link, task, on_answered))
    return TRUE;

  drop_link_unlocked (self);
  return FALSE;
}

static gboolean
ask_again (MkDBusProbe *self, const char *address, GTask *task)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return ask_again_unlocked (self, address, task);
}

/* Over a new connection, unless another thread has made one meanwhile. */
static void
ask_anew (MkDBusProbe *self, const char *address, GTask *task)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (ask_again_unlocked (self, address, task))
    return;

  self->link = mk_bus_link_new (MK_PROBE (self), address, self->name);
  self->fork_generation = mk_host_get_fork_generation ();
  mk_bus_link_ask (self->link, task, on_answered);
}

/* Checks what GLib would end the program for. */
static gboolean
check_resources (GError **error)
{
  return mk_worker_ensure (error);
}

static void
mk_dbus_probe_check_task (MkProbe *probe, GTask *task)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  g_autofree char *address = NULL;
  g_autofree char *detail = NULL;
  g_autoptr (GError) error = NULL;

  if (validate_name (self, &error))
    address = mk_bus_address_resolve (self->bus, &error);
  if (address == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (ask_again (self, address, task))
    return;

  if (bus_listens (address, &detail, &error) && check_resources (&error))
    {
      ask_anew (self, address, task);
      return;
    }

  note_answer (self, error ? error->message : detail, 0);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_boolean (task, FALSE);
}

static void
mk_dbus_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  drop_link (MK_DBUS_PROBE (probe));
}

/* ---- words ---- */

static char *
mk_dbus_probe_describe (MkProbe *probe)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  g_autofree char *bus = mk_bus_address_dup_name (self->bus);

  /* Translators: a clause in the past tense that stands alone, and after “before” and “until”. A name, a bus
   * as “the session bus” */
  return g_strdup_printf (_ ("%s had an owner on %s"), self->name ? self->name : _ ("(no name)"), bus);
}

static guint
get_owner (MkDBusProbe *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->owner;
}

static char *
mk_dbus_probe_describe_holder (MkProbe *probe)
{
  MkDBusProbe *self = MK_DBUS_PROBE (probe);
  g_autofree char *bus = mk_bus_address_dup_name (self->bus);
  guint pid = get_owner (self);
  g_autofree char *process = pid > 0 ? mk_proc_describe_living ((GPid) pid) : NULL;

  if (process != NULL)
    /* Translators: a name, a bus as “the session bus”, a process */
    return g_strdup_printf (
        _ ("%s already has an owner on %s: %s. Stop it, or use another bus"), self->name, bus, process);

  /* Translators: a name, a bus as “the session bus” */
  return g_strdup_printf (_ ("%s already has an owner on %s. Stop it, or use another bus"), self->name, bus);
}

/* ---- the object ---- */

static void
mk_dbus_probe_finalize (GObject *object)
{
  MkDBusProbe *self = MK_DBUS_PROBE (object);

  drop_link (self);
  g_free (self->bus);
  g_free (self->name);
  g_mutex_clear (&self->lock);

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

  probe_class->check_task = mk_dbus_probe_check_task;
  probe_class->detach = mk_dbus_probe_detach;
  probe_class->describe = mk_dbus_probe_describe;
  class_private->describe_holder = mk_dbus_probe_describe_holder;

  /**
   * MkDBusProbe:bus:
   *
   * The bus: the D-Bus address of one, `session` or `system`.
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
   * Since: 1.0
   */
  props[PROP_NAME] = g_param_spec_string (
      "name", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_dbus_probe_init (MkDBusProbe *self)
{
  g_mutex_init (&self->lock);
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
