/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

/* Asked after each attempt that found the goal not reached; FALSE ends the wait, with an error. It may put
 * off the deadline. */
typedef gboolean (*MkProbeAliveFunc) (gpointer data, gint64 *deadline, GError **error);

void mk_probe_wait_run_async (MkProbe *probe,
                              gboolean goal,
                              gint64 deadline,
                              MkProbeAliveFunc alive,
                              gpointer alive_data,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean
mk_probe_wait_run_finish (GAsyncResult *result, gboolean *timed_out, char **last_seen, GError **error);
gint64 mk_probe_wait_choose_interval (MkProbe *probe, gint64 elapsed, gint64 cost);
void mk_probe_wait_spare_resolver (MkProbe *probe, const GError *error, gint64 elapsed);

G_END_DECLS
