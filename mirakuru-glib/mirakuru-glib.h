/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#define MK_INSIDE
#include "mk-all-probe.h"
#include "mk-any-probe.h"
#include "mk-callback-probe.h"
#include "mk-command-probe.h"
#include "mk-enum-types.h"
#include "mk-error.h"
#include "mk-executor.h"
#include "mk-executor-group.h"
#include "mk-file-probe.h"
#include "mk-http-executor.h"
#include "mk-http-probe.h"
#include "mk-output-executor.h"
#include "mk-pid-executor.h"
#include "mk-port-lease.h"
#include "mk-probe.h"
#include "mk-probe-settings.h"
#include "mk-service-setting.h"
#include "mk-simple-executor.h"
#include "mk-tcp-executor.h"
#include "mk-tcp-probe.h"
#include "mk-types.h"
#include "mk-version-macros.h"
#include "mk-version.h"
#ifdef G_OS_UNIX
#include "mk-dbus-probe.h"
#include "mk-notify-probe.h"
#include "mk-unix-socket-executor.h"
#include "mk-unix-socket-probe.h"
#endif
#undef MK_INSIDE
