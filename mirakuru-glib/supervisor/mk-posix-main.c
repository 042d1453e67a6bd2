/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Without the option linux_features the program is the parent of a service, and nothing else. */

#include "mk-roles-private.h"

int
main (int argc, char **argv)
{
  return mk_supervisor_main (argc, argv);
}
