/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: free ports, which nobody else who asks here is given until they are released. A mutex with a
 * name stands for the port: it needs no permission, and vanishes with its process, however that ends.
 */

#include "mk-port-private.h"

#include <winsock2.h>

#include "mk-error.h"
#include "mk-i18n-private.h"

/* Well-known services have lower ports, and clients get those from 49152 on. */
#define FIRST 10000
#define LAST  49151

struct _MkPort
{
  guint number;
  HANDLE mutex; /* (owned) */
};

/* Returns: whether nobody has the port, for TCP and UDP */
static gboolean
port_is_free (GSocketFamily family, guint number)
{
  const GSocketType types[] = { G_SOCKET_TYPE_STREAM, G_SOCKET_TYPE_DATAGRAM };
  g_autoptr (GInetAddress) any = g_inet_address_new_any (family);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (any, (guint16) number);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (GSocket) socket = g_socket_new (family, types[i], G_SOCKET_PROTOCOL_DEFAULT, NULL);

      /* Machines without IPv6 are usual. */
      if (socket == NULL)
        continue;
      /* Otherwise who has the port on one address does not count. */
      g_socket_set_option (socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE, NULL);
      if (!g_socket_bind (socket, address, FALSE, NULL))
        return FALSE;
    }

  return TRUE;
}

static MkPort *
port_try (guint number)
{
  g_autofree char *name = g_strdup_printf ("Global\\mirakuru-glib-port-%u", number);
  HANDLE mutex = CreateMutexA (NULL, FALSE, name);
  MkPort *self;

  if (mutex == NULL)
    return NULL;
  if (GetLastError () == ERROR_ALREADY_EXISTS || !port_is_free (G_SOCKET_FAMILY_IPV4, number) ||
      !port_is_free (G_SOCKET_FAMILY_IPV6, number))
    {
      CloseHandle (mutex);
      return NULL;
    }

  self = g_new0 (MkPort, 1);
  self->number = number;
  self->mutex = mutex;
  return self;
}

/* In any thread. Returns: (transfer full) (nullable): to be released with mk_port_release() */
MkPort *
mk_port_lease (GError **error)
{
  const guint n = LAST - FIRST + 1;
  guint start = (guint) g_random_int_range (0, (gint32) n);

  for (guint i = 0; i < n; i++)
    {
      MkPort *self = port_try (FIRST + (start + i) % n);

      if (self != NULL)
        return self;
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
  CloseHandle (self->mutex);
  g_free (self);
}
