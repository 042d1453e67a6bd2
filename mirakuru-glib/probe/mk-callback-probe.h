/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include "mk-probe.h"

G_BEGIN_DECLS

/**
 * MkProbeFunc:
 * @user_data: the data given to [ctor@Mk.CallbackProbe.new]
 * @error: return location for an error; it has the same meaning as an error of [vfunc@Mk.Probe.check]
 *
 * Checks once whether the condition of a [class@Mk.CallbackProbe] is fulfilled. Must not block.
 *
 * Returns: %TRUE if the condition is fulfilled, %FALSE without an error if it is not fulfilled yet
 *
 * Since: 1.0
 */
typedef gboolean (*MkProbeFunc) (gpointer user_data, GError **error);

#define MK_TYPE_CALLBACK_PROBE (mk_callback_probe_get_type ())

MK_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MkCallbackProbe, mk_callback_probe, MK, CALLBACK_PROBE, MkProbe)

MK_AVAILABLE_IN_1_0
MkCallbackProbe *mk_callback_probe_new (MkProbeFunc func, gpointer user_data, GDestroyNotify destroy);

G_END_DECLS
