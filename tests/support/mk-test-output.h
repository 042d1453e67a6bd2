/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

MkOutputExecutor *mk_test_output_new (const char *const *argv, const char *banner);
MkOutputExecutor *mk_test_output_new_script (const char *script, const char *banner);
void mk_test_ask_together (MkOutputExecutor *executor);

void mk_test_assert_match (MkOutputExecutor *executor, const char *name, const char *expected);
void mk_test_assert_invalid (gpointer executor, const char *part);

G_END_DECLS
