/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

static gboolean
ping (MkSimpleExecutor *redis, GError **error)
{
  g_autofree char *port = mk_simple_executor_dup_value (redis, "port");
  g_autoptr (GSubprocess) client =
      g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, error, "redis-cli", "-p", port, "ping", NULL);

  return client != NULL && g_subprocess_wait_check (client, NULL, error);
}

int
main (void)
{
  /* The port 0 stands for a free one. {port} is that port. */
  const char *argv[] = { "redis-server", "--port", "{port}", "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (redis);
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_start (executor, NULL, &error) && /* redis accepts connections */
      ping (executor, &error))
    mk_simple_executor_stop (executor, NULL, &error); /* nothing of it is left */

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error == NULL ? 0 : 1;
}
