/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

int
main (int argc, char **argv)
{
  const char *const command[] = { "redis-server", "--port", "{port}", "--save", "", NULL };
  const char *const forwards[] = { "{port}", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (command, "127.0.0.1", 0);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (redis);
  g_autofree char *port = NULL;
  g_autofree char *ping = NULL;
  g_autofree char *reply = NULL;
  g_autoptr (GError) error = NULL;

  /* Such as: ssh -o BatchMode=yes far */
  mk_simple_executor_set_launcher (executor, (const char *const *) argv + 1);
  mk_simple_executor_set_forwards (executor, forwards);
  if (!mk_simple_executor_start (executor, NULL, &error))
    g_error ("%s", error->message);

  port = mk_simple_executor_dup_value (executor, "port");
  ping = g_strdup_printf ("redis-cli -p %s ping", port);
  if (!g_spawn_command_line_sync (ping, &reply, NULL, NULL, &error) ||
      !mk_simple_executor_stop (executor, NULL, &error))
    g_error ("%s", error->message);

  g_print ("%s", reply);
  return 0;
}
