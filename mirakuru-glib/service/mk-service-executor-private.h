/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-output-executor.h"
#include "mk-service-setting-private.h"

G_BEGIN_DECLS

#define MK_TYPE_SERVICE_EXECUTOR (mk_service_executor_get_type ())
G_DECLARE_FINAL_TYPE (MkServiceExecutor, mk_service_executor, MK, SERVICE_EXECUTOR, MkOutputExecutor)

MkServiceExecutor *mk_service_executor_new (GPtrArray *settings, GError **error);
const char *const *mk_service_executor_get_requires (MkServiceExecutor *self);
GPtrArray *mk_service_executor_list_texts (MkServiceExecutor *self);
void mk_service_executor_export (MkServiceExecutor *self, char ***environment);

G_END_DECLS
