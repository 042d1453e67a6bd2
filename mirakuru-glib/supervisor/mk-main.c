/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-roles-private.h"

#include <string.h>

int
main (int argc, char **argv)
{
  const char *role = argc > 1 ? argv[1] : "";

  if (strcmp (role, "near") == 0)
    return mk_near_main (argc, argv);
  if (strcmp (role, "far") == 0)
    return mk_far_main (argc, argv);
  if (strcmp (role, "check") == 0)
    return 0;
  return mk_supervisor_main (argc, argv);
}
