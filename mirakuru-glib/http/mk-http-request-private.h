/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-http-settings-private.h"

G_BEGIN_DECLS

/*
 * @good: whether the answer is as it has to be
 * @error: (nullable): why that cannot be known
 */
typedef void (*MkHttpRequestFunc) (GTask *task, gboolean good, const GError *error);

void mk_http_request_prepare_types (void);
void mk_http_request (GTask *task, MkHttpSettings *settings, MkHttpRequestFunc func);

G_END_DECLS
