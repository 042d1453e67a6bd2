/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

#define MK_TYPE_POSTGRES_EXECUTOR (mk_postgres_executor_get_type ())
G_DECLARE_FINAL_TYPE (MkPostgresExecutor, mk_postgres_executor, MK, POSTGRES_EXECUTOR, MkExecutor)

MkPostgresExecutor *mk_postgres_executor_new (guint port, const char *database);
const char *mk_postgres_executor_get_directory (MkPostgresExecutor *self);
char *mk_postgres_executor_find_program (const char *name);

G_END_DECLS
