/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "postgres-executor.h"

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autofree char *query =
      g_strdup_printf ("psql -h 127.0.0.1 -p %u -U postgres -d shop -Atc 'SELECT 6 * 7'", port);
  g_autoptr (MkPostgresExecutor) postgres = mk_postgres_executor_new (port, "shop");

  g_socket_listener_close (listener);
  if (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (postgres), NULL, &error) && /* the database is there */
      g_spawn_command_line_sync (query, NULL, NULL, NULL, &error))
    mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (postgres), NULL, &error); /* nothing of it is left */

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error == NULL ? 0 : 1;
}
