/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Asks by connecting, and closes the connection at once. A Unix socket never takes time to answer: the
 * connection stands, or the kernel says why it does not, also when the queue of the service is full (which
 * GSocketClient reports just as soon). So `check` does all of it, every millisecond at first. A monitor makes
 * a wait look when the socket appears.
 */

#include "mk-unix-socket-probe.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-features-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-values-private.h"
#include "mk-path-monitor-private.h"
#include "mk-probe-private.h"
#include "process/mk-proc-private.h"

/**
 * MkUnixSocketProbe:
 *
 * A probe that checks whether a Unix socket accepts connections.
 *
 * See [Which readiness can be trusted](readiness.html) for what this proves.
 *
 * [property@Mk.UnixSocketProbe:path] is the path of a stream socket. A relative path is relative to the
 * working directory of the program. A path that begins with `@` is followed by the name of an abstract
 * socket. The probe is not satisfied by a socket file without a listening process, which a killed service
 * leaves behind.
 *
 * Since: 1.0
 */

struct _MkUnixSocketProbe
{
  MkProbe parent_instance;

  char *path; /* (owned) (nullable) */
};

enum
{
  PROP_PATH = 1,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkUnixSocketProbe, mk_unix_socket_probe, MK_TYPE_PROBE)

/* ---- one attempt ---- */

static gpointer
mk_unix_socket_probe_begin (MkProbe *probe)
{
  return mk_path_monitor_new (probe);
}

static void
mk_unix_socket_probe_end (MkProbe *probe, gpointer state)
{
  mk_path_monitor_free (state);
}

static gboolean
unix_socket_probe_is_abstract (MkUnixSocketProbe *self)
{
  return self->path[0] == '@';
}

/* The name of an abstract socket is no path. */
static char *
unix_socket_probe_dup_name (MkUnixSocketProbe *self)
{
  return self->path && *self->path == '@' ? mk_message_filename (self->path) : mk_message_path (self->path);
}

static gboolean
unix_socket_probe_validate (MkUnixSocketProbe *self, GError **error)
{
  const gsize max_length = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1;
  g_autofree char *name = unix_socket_probe_dup_name (self);

  if (self->path == NULL || *self->path == '\0' || g_str_equal (self->path, "@"))
    g_set_error_literal (error,
                         MK_ERROR,
                         MK_ERROR_INVALID_ARGUMENT,
                         _ ("The path of the Unix socket is empty: give a path, for example /run/my.sock, or "
                            "@name for an abstract socket"));
  else if (strlen (self->path) > max_length)
    g_set_error (
        error,
        MK_ERROR,
        MK_ERROR_INVALID_ARGUMENT,
        mk_ngettext ("“%s” is too long for a Unix socket: it has %lu byte, at most %lu are possible. Use a "
                     "directory with a shorter path",
                     "“%s” is too long for a Unix socket: it has %lu bytes, at most %lu are possible. Use a "
                     "directory with a shorter path",
                     strlen (self->path)),
        name,
        (gulong) strlen (self->path),
        (gulong) max_length);
  else
    return TRUE;

  return FALSE;
}

/* Returns: a socket, and in @number 0 if it is connected, else why it is not; −1 if there cannot be one */
static int
unix_socket_probe_connect (MkUnixSocketProbe *self, int *number)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gsize length = strlen (self->path);
  int fd = mk_features_open_socket (AF_UNIX, SOCK_STREAM);

  memcpy (address.sun_path, self->path, length);
  if (unix_socket_probe_is_abstract (self))
    address.sun_path[0] = '\0'; /* the name is as long as the address says, and has no end of its own */
  else
    length++;

  length += G_STRUCT_OFFSET (struct sockaddr_un, sun_path);
  *number = fd >= 0 && connect (fd, (struct sockaddr *) &address, (socklen_t) length) == 0 ? 0 : errno;
  return fd;
}

static const char *
unix_socket_probe_explain (MkUnixSocketProbe *self, int number)
{
  struct stat status;

  if (number == EAGAIN)
    return _ ("connections are not accepted: its queue is full");
  if (number == ENOENT)
    return _ ("there is no such file");
  if (number != ECONNREFUSED || unix_socket_probe_is_abstract (self))
    return g_strerror (number);
  if (stat (self->path, &status) == 0 && !S_ISSOCK (status.st_mode))
    return _ ("the file is not a socket");

  return _ ("the file exists, but nothing listens on it");
}

static gboolean
mk_unix_socket_probe_check_with (MkProbe *probe, gpointer state, GError **error)
{
  MkUnixSocketProbe *self = MK_UNIX_SOCKET_PROBE (probe);
  int fd, number;

  if (!unix_socket_probe_validate (self, error))
    return FALSE;

  if (!unix_socket_probe_is_abstract (self))
    mk_path_monitor_prepare (state, self->path);
  fd = unix_socket_probe_connect (self, &number);
  if (fd < 0)
    {
      g_set_error (error,
                   G_IO_ERROR,
                   g_io_error_from_errno (number),
                   _ ("Cannot create a socket for the check: %s"),
                   g_strerror (number));
      return FALSE;
    }

  close (fd);
  mk_probe_set_detail (probe, number == 0 ? NULL : unix_socket_probe_explain (self, number));
  return number == 0;
}

/* ---- words ---- */

static char *
mk_unix_socket_probe_describe (MkProbe *probe)
{
  g_autofree char *name = unix_socket_probe_dup_name (MK_UNIX_SOCKET_PROBE (probe));

  /* Translators: a clause that stands after “waiting for”; an address */
  return g_strdup_printf (_ ("%s to accept connections"), name);
}

/* Returns: (transfer full) (nullable): who made the socket a listening one, if that still lives */
static char *
unix_socket_probe_describe_listener (MkUnixSocketProbe *self)
{
  int number, fd = unix_socket_probe_connect (self, &number);
  int listener;

  if (fd < 0)
    return NULL;
  listener = number == 0 ? mk_features_get_peer (fd) : 0;
  close (fd);
  return listener > 0 ? mk_proc_describe_living (listener) : NULL;
}

static char *
mk_unix_socket_probe_describe_holder (MkProbe *probe)
{
  MkUnixSocketProbe *self = MK_UNIX_SOCKET_PROBE (probe);
  g_autofree char *name = unix_socket_probe_dup_name (self);
  g_autofree char *listener = unix_socket_probe_describe_listener (self);

  if (listener != NULL)
    /* Translators: an address, a process */
    return g_strdup_printf (
        _ ("%s already accepts connections: %s is listening there. Stop it, or use another path"),
        name,
        listener);

  return g_strdup_printf (
      _ ("%s already accepts connections. Stop what is listening there, or use another path"), name);
}

/* ---- the object ---- */

static void
mk_unix_socket_probe_finalize (GObject *object)
{
  MkUnixSocketProbe *self = MK_UNIX_SOCKET_PROBE (object);

  g_free (self->path);

  G_OBJECT_CLASS (mk_unix_socket_probe_parent_class)->finalize (object);
}

static void
mk_unix_socket_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, mk_unix_socket_probe_get_path (MK_UNIX_SOCKET_PROBE (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_unix_socket_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PATH:
      mk_unix_socket_probe_set_path (MK_UNIX_SOCKET_PROBE (object), g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static gboolean
mk_unix_socket_probe_wants_values (MkProbe *probe)
{
  return mk_values_has_placeholders (mk_unix_socket_probe_get_path (MK_UNIX_SOCKET_PROBE (probe)));
}

static void
mk_unix_socket_probe_class_init (MkUnixSocketProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_unix_socket_probe_finalize;
  object_class->get_property = mk_unix_socket_probe_get_property;
  object_class->set_property = mk_unix_socket_probe_set_property;

  probe_class->describe = mk_unix_socket_probe_describe;
  class_private->begin = mk_unix_socket_probe_begin;
  class_private->end = mk_unix_socket_probe_end;
  class_private->wants_values = mk_unix_socket_probe_wants_values;
  class_private->dup_expanded = mk_probe_dup_with_expanded_properties;
  class_private->check_with = mk_unix_socket_probe_check_with;
  class_private->describe_holder = mk_unix_socket_probe_describe_holder;

  /**
   * MkUnixSocketProbe:path: (type filename)
   *
   * The path of the socket, or `@` and the name of an abstract socket. If it has more than 107 bytes, each
   * check fails with %MK_ERROR_INVALID_ARGUMENT.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_PATH] = g_param_spec_string (
      "path", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_unix_socket_probe_init (MkUnixSocketProbe *self)
{
}

/**
 * mk_unix_socket_probe_new:
 * @path: (type filename): the path of the socket, or `@` and the name of an abstract one
 *
 * Creates a probe for a Unix socket.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkUnixSocketProbe *
mk_unix_socket_probe_new (const char *path)
{
  return g_object_new (MK_TYPE_UNIX_SOCKET_PROBE, "path", path, NULL);
}

/**
 * mk_unix_socket_probe_get_path: (get-property path)
 * @self: the probe
 *
 * Gets the path.
 *
 * Returns: (type filename) (transfer none) (nullable): the path of the socket, or `@` and the name of an
 * abstract one
 *
 * Since: 1.0
 */
const char *
mk_unix_socket_probe_get_path (MkUnixSocketProbe *self)
{
  g_return_val_if_fail (MK_IS_UNIX_SOCKET_PROBE (self), NULL);

  return self->path;
}

/**
 * mk_unix_socket_probe_set_path: (set-property path)
 * @self: the probe
 * @path: (type filename) (nullable): the path of the socket, or `@` and the name of an abstract one
 *
 * Sets the path.
 *
 * Since: 1.0
 */
void
mk_unix_socket_probe_set_path (MkUnixSocketProbe *self, const char *path)
{
  g_return_if_fail (MK_IS_UNIX_SOCKET_PROBE (self));

  if (g_strcmp0 (self->path, path) == 0)
    return;

  g_free (self->path);
  self->path = g_strdup (path);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PATH]);
}
