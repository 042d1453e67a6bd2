/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-output-executor.h"

G_BEGIN_DECLS

char **mk_output_executor_list_groups (MkOutputExecutor *self);

G_END_DECLS
