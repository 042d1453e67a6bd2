/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

static gboolean
ping (MkExecutorGroup *services, GError **error)
{
  g_autofree char *command = mk_executor_group_expand (services, "redis-cli -p {redis.port} ping", error);
  g_autofree char *reply = NULL;

  if (command == NULL || !g_spawn_command_line_sync (command, &reply, NULL, NULL, error))
    return FALSE;

  g_print ("%s", reply);
  return TRUE;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  /* [taste] */
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();

  if (mk_executor_group_add_template (group, "redis", "redis", &error) != NULL &&
      mk_executor_group_start (group, NULL, &error) && /* redis is ready */ ping (group, &error))
    mk_executor_group_stop (group, NULL, &error); /* nothing of it is left */
  /* [end] */

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error != NULL;
}
