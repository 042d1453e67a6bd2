/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Without the option linux_features there are no launchers: both of their ends need Linux. */

#include "mk-near-private.h"

#include <errno.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

GPtrArray *
mk_near_prepare (MkLaunch *launch, const char *supervisor, GSubprocessLauncher *launcher, GError **error)
{
  g_autofree char *program = mk_message_filename (launch->argv[0]);
  g_autofree char *command = mk_message_command ((const char *const *) launch->launcher);

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_LAUNCHER,
               /* Translators: a program, a command that leads elsewhere, why not */
               _ ("Cannot run “%s” with the launcher “%s”: %s"),
               program,
               command,
               g_strerror (ENOTSUP));
  return NULL;
}

void
mk_near_remove_socket_files (MkLaunch *launch)
{
}
