/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <mirakuru-glib.h>

static guint
find_free_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();

  return g_socket_listener_add_any_inet_port (listener, NULL, NULL);
}

static gboolean
run_client (const char *port, GError **error)
{
  g_autoptr (GSubprocess) client =
      g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, error, "redis-cli", "-p", port, "ping", NULL);

  return client != NULL && g_subprocess_wait_check (client, NULL, error);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  guint port = find_free_port ();
  g_autofree char *digits = g_strdup_printf ("%u", port);
  /* [taste] */
  const char *argv[] = { "redis-server", "--port", digits, "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (argv, "127.0.0.1", port);

  if (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (redis), NULL, &error) && /* redis accepts connections */
      run_client (digits, &error))
    mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (redis), NULL, &error); /* nothing of it is left */
  /* [end] */

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error == NULL ? 0 : 1;
}
