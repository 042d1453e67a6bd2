/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Without the option linux_features: see the header. */

#include "mk-tool.h"

/* Should mirakuru be killed, COMMAND goes on without its services. */
void
mk_tool_command_end_with_parent (void)
{
}
