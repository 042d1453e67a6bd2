/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"

G_BEGIN_DECLS

typedef struct _MkBusLink MkBusLink;

/*
 * @pid: of the owner, 0 if there is none or it is not known
 * @error: (nullable): why it is not known whether there is an owner
 */
typedef void (*MkBusLinkFunc) (GTask *task, gboolean has_owner, guint pid, const GError *error);

MkBusLink *mk_bus_link_new (MkProbe *probe, const char *address, const char *name);
void mk_bus_link_release (MkBusLink *self);
gboolean mk_bus_link_leads_to (MkBusLink *self, const char *address, const char *name);
gboolean mk_bus_link_ask (MkBusLink *self, GTask *task, MkBusLinkFunc func);

G_END_DECLS
