/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkPortLease) lease = mk_port_lease_new (&error);
  g_autoptr (MkTcpExecutor) redis = NULL;
  g_autofree char *digits = NULL;

  if (lease == NULL)
    g_error ("%s", error->message);

  digits = g_strdup_printf ("%u", mk_port_lease_get_port (lease));
  redis = mk_tcp_executor_new ((const char *[]){ "redis-server", "--port", digits, "--save", "", NULL },
                               "127.0.0.1",
                               mk_port_lease_get_port (lease));
  if (!mk_simple_executor_start (MK_SIMPLE_EXECUTOR (redis), NULL, &error))
    g_error ("%s", error->message);

  g_print ("redis listens on port %s\n", digits);
  if (!mk_simple_executor_stop (MK_SIMPLE_EXECUTOR (redis), NULL, &error))
    g_error ("%s", error->message);
  return 0;
}
