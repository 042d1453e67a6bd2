/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-executor.h"

G_BEGIN_DECLS

void mk_executor_set_kind_probe (MkExecutor *self, MkProbe *probe);

G_END_DECLS
