/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds out whether somebody accepts connections, by connecting and closing the connection at once.
 *
 * All addresses of the host are tried at the same time: a service on ::1 is found at once although 127.0.0.1
 * does not answer, and the other way round. GSocketClient could do the same; here the sockets are used
 * directly because of self-connections and the price of an attempt (see mk-tcp-probe.c).
 *
 * It is a part of what the task of a probe does, on the context of the task, and ended by its cancellable.
 * The function that is told the outcome may be called before the call returns.
 */

#include "mk-connect-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"

#define NOT_ACCEPTED N_ ("no answer: the connection was not accepted in time")

typedef struct
{
  GTask *task;        /* (owned) */
  MkConnectFunc func; /* (nullable) once it was called */
  char *host;         /* (owned) (nullable) */
  guint port;
  GPtrArray *sources; /* (owned) (element-type GSource) of sockets that are connecting */
  char *detail;       /* (owned) (nullable) why the first address failed */
  GError *error;      /* (owned) (nullable) why it cannot be known */
} Attempt;

gboolean
mk_tcp_is_connected_to_itself (int fd)
{
  struct sockaddr_storage local = { 0 };
  struct sockaddr_storage remote = { 0 };
  socklen_t local_length = sizeof local;
  socklen_t remote_length = sizeof remote;

  return getsockname (fd, (struct sockaddr *) &local, &local_length) == 0 &&
         getpeername (fd, (struct sockaddr *) &remote, &remote_length) == 0 &&
         local_length == remote_length && memcmp (&local, &remote, local_length) == 0;
}

/* Makes that closing @fd frees its port now, and not after TIME_WAIT. */
void
mk_tcp_reset (int fd)
{
  const struct linger linger = { 1, 0 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void
source_free (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static Attempt *
attempt_new (GTask *task, MkConnectFunc func)
{
  Attempt *attempt = g_rc_box_new0 (Attempt);

  attempt->task = g_object_ref (task);
  attempt->func = func;
  attempt->sources = g_ptr_array_new_with_free_func (source_free);
  return attempt;
}

static void
attempt_clear (gpointer data)
{
  Attempt *attempt = data;

  g_ptr_array_unref (attempt->sources);
  g_clear_error (&attempt->error);
  g_free (attempt->detail);
  g_free (attempt->host);
  g_object_unref (attempt->task);
}

static void
attempt_unref (gpointer attempt)
{
  g_rc_box_release_full (attempt, attempt_clear);
}

/* Returns: (transfer full) (element-type GInetAddress) (nullable): NULL if the resolver has to be asked */
GList *
mk_connect_known_addresses (const char *host)
{
  GInetAddress *address = g_inet_address_new_from_string (host);

  if (address != NULL)
    return g_list_prepend (NULL, address);
  if (g_ascii_strcasecmp (host, "localhost") != 0)
    return NULL;

  return g_list_append (g_list_append (NULL, g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4)),
                        g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6));
}

/* @host: (nullable) */
gboolean
mk_connect_is_local (const char *host)
{
  GList *addresses = host ? mk_connect_known_addresses (host) : NULL;
  gboolean local = addresses != NULL;

  for (GList *l = addresses; l != NULL; l = l->next)
    local = local && (g_inet_address_get_is_loopback (l->data) || g_inet_address_get_is_any (l->data));

  g_list_free_full (addresses, g_object_unref);
  return local;
}

static void
note_failure (Attempt *attempt, const GError *error)
{
  if (attempt->detail == NULL)
    attempt->detail = g_strdup (error->message);
  if (attempt->error == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
    attempt->error = g_error_copy (error);
}

static gboolean
check_connected (Attempt *attempt, GSocket *socket)
{
  g_autoptr (GError) error = NULL;

  if (!g_socket_check_connect_result (socket, &error))
    {
      note_failure (attempt, error);
      return FALSE;
    }
  if (mk_tcp_is_connected_to_itself (g_socket_get_fd (socket)))
    {
      mk_tcp_reset (g_socket_get_fd (socket));
      g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, g_strerror (ECONNREFUSED));
      note_failure (attempt, error);
      return FALSE;
    }

  return TRUE;
}

/* @there: (nullable) */
static void
answer (Attempt *attempt, GSocketAddress *there)
{
  MkConnectFunc func = g_steal_pointer (&attempt->func);

  g_ptr_array_set_size (attempt->sources, 0);
  if (func != NULL)
    func (attempt->task, there, there ? NULL : attempt->detail, there ? NULL : attempt->error);
}

static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Attempt *attempt = g_rc_box_acquire (user_data);
  g_autoptr (GSocket) kept = g_object_ref (socket);

  g_ptr_array_remove (attempt->sources, g_main_current_source ());
  if (g_cancellable_is_cancelled (g_task_get_cancellable (attempt->task)))
    {
      g_free (attempt->detail);
      attempt->detail = g_strdup (_ (NOT_ACCEPTED));
      answer (attempt, NULL);
    }
  else if (check_connected (attempt, kept))
    {
      g_autoptr (GSocketAddress) there = g_socket_get_remote_address (kept, NULL);

      answer (attempt, there);
    }
  else if (attempt->sources->len == 0)
    answer (attempt, NULL);

  attempt_unref (attempt);
  return G_SOURCE_REMOVE;
}

static void
wait_for_socket (Attempt *attempt, GSocket *socket)
{
  GSource *source = g_socket_create_source (socket, G_IO_OUT, g_task_get_cancellable (attempt->task));

  g_source_set_callback (source, G_SOURCE_FUNC (on_socket_ready), g_rc_box_acquire (attempt), attempt_unref);
  g_source_attach (source, g_task_get_context (attempt->task));
  g_ptr_array_add (attempt->sources, source);
  /* For who does not wait for what the cancelled attempt says. */
  mk_probe_set_detail (g_task_get_source_object (attempt->task), _ (NOT_ACCEPTED));
}

/* Returns: whether the connection stands already */
static gboolean
try_address (Attempt *attempt, GSocketAddress *address)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new (
      g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);

  if (socket == NULL)
    {
      note_failure (attempt, error);
      return FALSE;
    }

  g_socket_set_blocking (socket, FALSE);
  /* Should the socket get the port of the service, this lets the service bind to it nevertheless. */
  g_socket_set_option (socket, SOL_SOCKET, SO_REUSEADDR, TRUE, NULL);

  if (!g_socket_connect (socket, address, NULL, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PENDING))
    {
      note_failure (attempt, error);
      return FALSE;
    }

  /* On the loopback interface the answer is there already. */
  if (g_socket_condition_check (socket, G_IO_OUT | G_IO_ERR | G_IO_HUP) != 0)
    return check_connected (attempt, socket);

  wait_for_socket (attempt, socket);
  return FALSE;
}

/* @addresses: (element-type GInetAddress) */
static void
try_addresses (Attempt *attempt, GList *addresses)
{
  for (GList *l = addresses; l != NULL; l = l->next)
    {
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (l->data, (guint16) attempt->port);

      if (try_address (attempt, address))
        {
          answer (attempt, address);
          return;
        }
    }

  if (attempt->sources->len == 0)
    answer (attempt, NULL);
}

static void
on_resolved (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Attempt *attempt = user_data;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (object), result, &attempt->error);

  if (addresses == NULL)
    {
      g_prefix_error (&attempt->error, _ ("Cannot find the address of “%s”: "), attempt->host);
      answer (attempt, NULL);
    }
  else
    try_addresses (attempt, addresses);

  g_resolver_free_addresses (addresses);
  attempt_unref (attempt);
}

void
mk_connect_to_host (GTask *task, const char *host, guint port, MkConnectFunc func)
{
  Attempt *attempt = attempt_new (task, func);
  GList *addresses = mk_connect_known_addresses (host);

  attempt->host = g_strdup (host);
  attempt->port = port;
  if (addresses != NULL)
    {
      try_addresses (attempt, addresses);
      g_list_free_full (addresses, g_object_unref);
    }
  else
    {
      g_autoptr (GResolver) resolver = g_resolver_get_default ();
      g_autofree char *detail = g_strdup_printf (_ ("the address of “%s” was not found in time"), host);

      mk_probe_set_detail (g_task_get_source_object (task), detail);
      g_resolver_lookup_by_name_async (
          resolver, host, g_task_get_cancellable (task), on_resolved, g_rc_box_acquire (attempt));
    }

  attempt_unref (attempt);
}

void
mk_connect_to_address (GTask *task, GSocketAddress *address, MkConnectFunc func)
{
  Attempt *attempt = attempt_new (task, func);

  if (try_address (attempt, address))
    answer (attempt, address);
  else if (attempt->sources->len == 0)
    answer (attempt, NULL);

  attempt_unref (attempt);
}
