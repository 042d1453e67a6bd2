/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-tool-display.h"
#include "mk-tool-service-options.h"

G_BEGIN_DECLS

typedef struct _MkToolService MkToolService;

/* A service ended without having been asked to. */
typedef void (*MkToolServiceEndedFunc) (gpointer user_data);

MkToolService *mk_tool_service_new (const MkToolServiceOptions *service_options,
                                    const MkToolOptions *options,
                                    MkToolDisplay *display,
                                    GHashTable *names,
                                    GError **error);
void mk_tool_service_free (MkToolService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkToolService, mk_tool_service_free)

void mk_tool_service_set_ended_func (MkToolService *self, MkToolServiceEndedFunc func, gpointer user_data);

void mk_tool_service_start_async (MkToolService *self,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean mk_tool_service_start_finish (GAsyncResult *result, GError **error);

void mk_tool_service_stop_async (MkToolService *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean mk_tool_service_stop_finish (GAsyncResult *result, GError **error);

void mk_tool_service_kill (MkToolService *self);

G_END_DECLS
