/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

int
main (void)
{
  const char *const fill[] = { "Command=redis-cli -p {redis.port} set tea green", "Completes=true", NULL };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autofree char *command = NULL;
  g_autofree char *reply = NULL;
  g_autoptr (GError) error = NULL;

  if (mk_executor_group_add_template (group, "redis", "redis", &error) == NULL ||
      mk_executor_group_add_service (group, "filled", fill, &error) == NULL ||
      !mk_executor_group_start (group, NULL, &error))
    g_error ("%s", error->message);

  command = mk_executor_group_expand (group, "redis-cli -p {redis.port} get tea", &error);
  if (command == NULL || !g_spawn_command_line_sync (command, &reply, NULL, NULL, &error) ||
      !mk_executor_group_stop (group, NULL, &error))
    g_error ("%s", error->message);

  g_print ("%s", reply);
  return 0;
}
