/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

int
main (void)
{
  const char *const server[] = { "redis-server", "--port", "{port}", "--dir", "{dir}", "--save", "", NULL };
  const char *const fill[] = { "redis-cli", "-p", "{redis.port}", "set", "tea", "green", NULL };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (server, "127.0.0.1", 0);
  g_autoptr (MkSimpleExecutor) filled = mk_simple_executor_new (fill);
  g_autofree char *command = NULL;
  g_autofree char *reply = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_completes (filled, TRUE);
  if (!mk_executor_group_add (group, "redis", MK_SIMPLE_EXECUTOR (redis), &error) ||
      !mk_executor_group_add (group, "filled", filled, &error) ||
      !mk_executor_group_start (group, NULL, &error))
    g_error ("%s", error->message);

  command = mk_executor_group_expand (group, "redis-cli -p {redis.port} get tea", &error);
  if (command == NULL || !g_spawn_command_line_sync (command, &reply, NULL, NULL, &error) ||
      !mk_executor_group_stop (group, NULL, &error))
    g_error ("%s", error->message);

  g_print ("%s", reply);
  return 0;
}
