/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A deadline is a monotonic time in microseconds, as of g_get_monotonic_time(); G_MAXINT64 stands for none.
 */

#include "mk-deadline-private.h"

/* @timeout_ms: 0 for no limit */
gint64
mk_deadline_after (guint timeout_ms)
{
  return timeout_ms ? g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND : G_MAXINT64;
}
