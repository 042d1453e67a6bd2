/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

/* What can be said without waiting. */
typedef enum
{
  MK_QUICK_UNKNOWN, /* it takes a proper attempt */
  MK_QUICK_NOT_YET,
  MK_QUICK_READY,
} MkQuickAnswer;

void mk_probe_set_limits (MkProbe *self, guint max_interval_ms, guint attempt_limit_ms);
guint mk_probe_get_max_interval (MkProbe *self);
void mk_probe_set_grace (MkProbe *self, guint grace_ms);
void mk_probe_set_eager (MkProbe *self, gboolean eager);
gboolean mk_probe_is_eager (MkProbe *self);

void mk_probe_set_detail (MkProbe *self, const char *detail);
char *mk_probe_dup_detail (MkProbe *self);
char *mk_probe_describe_holder (MkProbe *self);
char *mk_probe_describe_rival (MkProbe *self, GPid service, GPid supervisor);
gboolean mk_probe_is_met (MkProbe *self);
GError *mk_probe_explain_exit (MkProbe *self);
MkProbe *mk_probe_dup_before_start (MkProbe *self, GError **error);

void mk_probe_attach (MkProbe *self, MkSimpleExecutor *executor);
void mk_probe_detach (MkProbe *self, MkSimpleExecutor *executor);

void mk_probe_attempt_async (MkProbe *self,
                             gint64 deadline,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean mk_probe_attempt_finish (MkProbe *self, GAsyncResult *result, GError **error);
gboolean mk_probe_attempt_finish_known (MkProbe *self, GAsyncResult *result, GError **error);
gboolean mk_probe_check_until (MkProbe *self, gint64 deadline, GError **error);

G_END_DECLS
