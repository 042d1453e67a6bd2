/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-types.h"

G_BEGIN_DECLS

/**
 * MK_ERROR:
 *
 * Error domain of this library; the codes are [error@Mk.Error].
 *
 * Since: 1.0
 */
#define MK_ERROR (mk_error_quark ())

/**
 * MkError:
 * @MK_ERROR_FAILED: any error without a code of its own
 * @MK_ERROR_INVALID_ARGUMENT: a setting is invalid; nothing was started
 * @MK_ERROR_SPAWN_FAILED: the program could not be run; nothing was started
 * @MK_ERROR_ALREADY_RUNNING: the condition for readiness is fulfilled already; nothing was started
 * @MK_ERROR_TIMED_OUT: a time limit passed; what had been started was killed
 * @MK_ERROR_EXITED: the service ended before it was ready
 * @MK_ERROR_FINISHED_WITH_ERROR: the service has ended with an unexpected status
 * @MK_ERROR_SUPERVISOR: the helper program `mk-supervisor` is missing, or was killed
 * @MK_ERROR_LAUNCHER: the launcher could not run the service, or the connection was lost
 *
 * The errors of services. The message contains the name of the service, the condition and the time of the
 * wait, the last failure, and the last lines of output. See [Debugging a start that fails](debugging.html).
 *
 * Since: 1.0
 */
typedef enum
{
  MK_ERROR_FAILED,
  MK_ERROR_INVALID_ARGUMENT,
  MK_ERROR_SPAWN_FAILED,
  MK_ERROR_ALREADY_RUNNING,
  MK_ERROR_TIMED_OUT,
  MK_ERROR_EXITED,
  MK_ERROR_FINISHED_WITH_ERROR,
  MK_ERROR_SUPERVISOR,
  MK_ERROR_LAUNCHER,
} MkError;

MK_AVAILABLE_IN_1_0
GQuark mk_error_quark (void);

G_END_DECLS
