/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Whether there is a /proc, and it is that of this program's PID namespace. Sandboxes and chroots often have
 * none, or keep that of their parent, in which the numbers mean other processes.
 */
static inline bool
mk_have_own_proc (void)
{
  char target[16] = "";

  return readlink ("/proc/self", target, sizeof target - 1) > 0 && atoi (target) == getpid ();
}
