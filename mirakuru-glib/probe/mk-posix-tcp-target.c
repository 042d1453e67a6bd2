/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Without the option linux_features: whether a port of this machine answers at once is not known, so it is
 * asked as one of another machine is. */

#include "mk-tcp-target-private.h"

#include <errno.h>

/* Returns: NULL: there is nothing to keep */
MkTcpTarget *
mk_tcp_target_new (GInetAddress *address, guint port)
{
  return NULL;
}

int
mk_tcp_target_ask (MkTcpTarget *self)
{
  return EINPROGRESS;
}

void
mk_tcp_target_free (MkTcpTarget *self)
{
}
