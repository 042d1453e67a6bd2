/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

int
main (void)
{
  const char *const argv[] = { "redis-server", "--port", "{port}", "--dir", "{dir}", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (argv, "127.0.0.1", 0);
  g_autofree char *port = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_start (MK_SIMPLE_EXECUTOR (redis), NULL, &error))
    g_error ("%s", error->message);

  port = mk_simple_executor_dup_value (MK_SIMPLE_EXECUTOR (redis), "port");
  g_print ("redis listens on port %s\n", port);
  if (!mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (redis), NULL, &error))
    g_error ("%s", error->message);
  return 0;
}
