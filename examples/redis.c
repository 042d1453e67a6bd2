/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <mirakuru-glib.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autofree char *digits = g_strdup_printf ("%u", port);
  g_autofree char *ping = g_strdup_printf ("redis-cli -p %u ping", port);
  const char *argv[] = { "redis-server", "--port", digits, "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (argv, "127.0.0.1", port);

  g_socket_listener_close (listener);
  if (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (redis), NULL, &error) && /* redis accepts connections */
      g_spawn_command_line_sync (ping, NULL, NULL, NULL, &error))
    mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (redis), NULL, &error); /* nothing of it is left */

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error == NULL ? 0 : 1;
}
