/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

/* Holds @mutex until the end of the block, as G_MUTEX_AUTO_LOCK() of GLib 2.80 does. */
#define MK_AUTO_LOCK(mutex)                                                                                  \
  g_autoptr (GMutexLocker) G_PASTE (mk_auto_lock_, __LINE__) G_GNUC_UNUSED = g_mutex_locker_new (mutex)
