/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-http-settings-private.h"

G_BEGIN_DECLS

typedef enum
{
  MK_HTTP_NO_ANSWER,
  MK_HTTP_OTHER_ANSWER, /* not as it is wanted */
  MK_HTTP_GOOD_ANSWER,
} MkHttpOutcome;

/*
 * @detail: (nullable): what the answer was, or why there is none
 * @error: (nullable): why it cannot be known
 */
typedef void (*MkHttpRequestFunc) (GTask *task,
                                   MkHttpOutcome outcome,
                                   const char *detail,
                                   const GError *error);

void mk_http_request_prepare_types (void);
void mk_http_request (GTask *task,
                      const MkHttpSettings *settings,
                      GSocketAddress *address,
                      MkHttpRequestFunc func);

G_END_DECLS
