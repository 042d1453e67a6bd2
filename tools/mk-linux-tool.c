/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linux only: see the header. */

#include "mk-tool.h"

#include <signal.h>
#include <sys/prctl.h>

/* In the child. Should mirakuru be killed, COMMAND is ended. */
void
mk_tool_command_end_with_parent (void)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}
