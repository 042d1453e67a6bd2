/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unix only: free ports, which nobody else who asks here is given until they are released. A claim on a
 * number keeps others from it, and vanishes with its process, however that ends. A forked child releases its
 * copies at once, else it would keep the ports of a parent that has ended.
 */

#include "mk-port-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-descriptor-private.h"
#include "mk-error.h"
#include "mk-features-private.h"
#include "mk-i18n-private.h"
#include "mk-lock-private.h"

/* Well-known services have lower ports: those are taken only if the kernel leaves few others. */
#define PREFERRED_FIRST 10000
#define LOWEST          1024
#define HIGHEST         65535

/* So many ports must be left beside those that the kernel gives to clients. */
#define ENOUGH 1000

struct _MkPort
{
  guint number;
  int claim; /* (locked-by lock) −1 in a child that was forked since */
};

/* The ports from first to last, but for those from hole_first to hole_last, which lie within. */
typedef struct
{
  guint first, last;
  guint hole_first, hole_last; /* none if the first is above the last */
} PortRange;

static GMutex lock;
static GPtrArray *ports; /* (owned) (element-type MkPort) (locked-by lock) */

static void
port_before_fork (void)
{
  g_mutex_lock (&lock);
}

static void
port_after_fork_in_parent (void)
{
  g_mutex_unlock (&lock);
}

static void
port_after_fork_in_child (void)
{
  for (guint i = 0; i < ports->len; i++)
    {
      MkPort *port = g_ptr_array_index (ports, i);

      mk_features_release_port (port->number, port->claim);
      port->claim = -1;
    }

  g_ptr_array_set_size (ports, 0);
  g_mutex_unlock (&lock);
}

static void
port_ensure (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;

  ports = g_ptr_array_new ();
  pthread_atfork (port_before_fork, port_after_fork_in_parent, port_after_fork_in_child);
  g_once_init_leave (&done, 1);
}

static guint
port_range_count (const PortRange *range)
{
  guint hole = range->hole_first <= range->hole_last ? range->hole_last - range->hole_first + 1 : 0;

  return range->last - range->first + 1 - hole;
}

static guint
port_range_nth (const PortRange *range, guint n)
{
  guint port = range->first + n;

  return range->hole_first <= range->hole_last && port >= range->hole_first
             ? port + range->hole_last - range->hole_first + 1
             : port;
}

static PortRange
port_range_without (guint first, guint kernel_first, guint kernel_last)
{
  return (PortRange){ first, HIGHEST, MAX (first, kernel_first), MIN (HIGHEST, kernel_last) };
}

/*
 * The ports to choose from. Of the range that the kernel gives to clients, any client could have one before
 * the service does; so these are left out, unless there are hardly any others.
 */
static PortRange
port_range_get (void)
{
  guint kernel_first, kernel_last;
  PortRange range;

  mk_features_get_client_ports (&kernel_first, &kernel_last);
  range = port_range_without (PREFERRED_FIRST, kernel_first, kernel_last);
  if (port_range_count (&range) >= ENOUGH)
    return range;

  range = port_range_without (LOWEST, kernel_first, kernel_last);
  if (port_range_count (&range) >= ENOUGH)
    return range;

  return (PortRange){ PREFERRED_FIRST, HIGHEST, 1, 0 };
}

/* Where no socket may be made, it is no use to try other ports: EACCES means that of one. */
static void
port_blame_system (void)
{
  if (errno == EACCES)
    errno = EPERM;
}

/* Returns: a socket, or −1 with errno set */
static int
port_bind (int type, const void *address, socklen_t length)
{
  const struct sockaddr *name = address;
  int fd = mk_features_open_socket (name->sa_family, type);
  int only_v6 = 1;
  int number;

  if (fd < 0)
    {
      port_blame_system ();
      return -1;
    }

  if (name->sa_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  if (bind (fd, name, length) == 0)
    return fd;

  number = errno;
  close (fd);
  errno = number;
  return -1;
}

/*
 * A wildcard address is refused if any address of the machine has that port, and without SO_REUSEADDR also
 * while connections of an earlier service linger, which some servers could not bind beside.
 *
 * Returns: FALSE with errno set: what cannot be told is an error
 */
static gboolean
port_is_free (guint number)
{
  const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons ((guint16) number) };
  const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons ((guint16) number) };
  const int types[] = { SOCK_STREAM, SOCK_DGRAM };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (types); i++)
    {
      int type = types[i / 2];
      int fd = i % 2 == 0 ? port_bind (type, &v4, sizeof v4) : port_bind (type, &v6, sizeof v6);

      if (fd >= 0)
        close (fd);
      /* A machine may have one version of IP only. */
      else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
        return FALSE;
    }

  return TRUE;
}

static gboolean
port_is_taken_error (int number)
{
  return number == EADDRINUSE || number == EACCES;
}

/* Returns: (nullable): NULL with errno set */
static MkPort *
port_try (guint number)
{
  MK_AUTO_LOCK (&lock);
  int claim = mk_features_claim_port (number);
  int error_number;
  MkPort *self;

  if (claim < 0)
    {
      port_blame_system ();
      return NULL;
    }

  if (!port_is_free (number))
    {
      error_number = errno;
      mk_features_release_port (number, claim);
      errno = error_number;
      return NULL;
    }

  self = g_new0 (MkPort, 1);
  self->number = number;
  self->claim = claim;
  g_ptr_array_add (ports, self);
  return self;
}

/*
 * Free means: with TCP and UDP, with IPv4 and IPv6, on all addresses of this network namespace.
 *
 * In any thread. Returns: (transfer full) (nullable): to be released with mk_port_release()
 */
MkPort *
mk_port_lease (GError **error)
{
  PortRange range = port_range_get ();
  guint n = port_range_count (&range);
  guint start = (guint) g_random_int_range (0, (gint32) n);

  port_ensure ();

  for (guint i = 0; i < n; i++)
    {
      MkPort *self = port_try (port_range_nth (&range, (start + i) % n));
      int number = errno;

      if (self != NULL)
        return self;

      if (!port_is_taken_error (number))
        {
          g_autofree char *reason = mk_descriptor_explain (number);

          /* Translators: the %s is an error message of the system */
          g_set_error (error,
                       G_IO_ERROR,
                       g_io_error_from_errno (number),
                       _ ("Cannot look for a free port: %s"),
                       reason);
          return NULL;
        }
    }

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_FAILED,
               mk_ngettext ("No port is free: the only one that could be leased is leased already or in use. "
                            "Stop services that are no longer needed",
                            "No port is free: all %u that could be leased are leased already or in use. "
                            "Stop services that are no longer needed",
                            n),
               n);
  return NULL;
}

guint
mk_port_get_number (const MkPort *self)
{
  return self->number;
}

void
mk_port_release (MkPort *self)
{
  g_mutex_lock (&lock);
  if (self->claim >= 0)
    {
      mk_features_release_port (self->number, self->claim);
      g_ptr_array_remove_fast (ports, self);
    }
  g_mutex_unlock (&lock);

  g_free (self);
}
