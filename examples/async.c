/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

static void
on_stopped (GObject *object, GAsyncResult *result, gpointer loop)
{
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_stop_finish (MK_SIMPLE_EXECUTOR (object), result, &error))
    g_printerr ("%s\n", error->message);
  g_main_loop_quit (loop);
}

static void
on_started (GObject *object, GAsyncResult *result, gpointer loop)
{
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, &error))
    {
      g_print ("ready\n");
      mk_simple_executor_stop_async (MK_SIMPLE_EXECUTOR (object), NULL, on_stopped, loop);
    }
  else
    {
      g_printerr ("%s\n", error->message);
      g_main_loop_quit (loop);
    }
}

int
main (void)
{
  const char *command[] = { "redis-server", "--port",         "0", "--save", "",
                            "--unixsocket", "./redis.socket", NULL };
  g_autoptr (MkUnixSocketExecutor) redis = mk_unix_socket_executor_new (command, "redis.socket");
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (redis), NULL, on_started, loop);
  g_main_loop_run (loop); /* turns all the time */
  return 0;
}
