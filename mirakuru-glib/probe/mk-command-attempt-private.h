/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "process/mk-launch-private.h"

G_BEGIN_DECLS

/* What an attempt that is cancelled needs to clear away. */
#define MK_COMMAND_GRACE_MS 50

void mk_command_attempt_run (MkLaunch *launch, guint timeout_ms, GTask *task);

G_END_DECLS
