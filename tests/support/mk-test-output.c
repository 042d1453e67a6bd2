/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the tests of MkOutputExecutor share.
 */

#include "mk-test-output.h"

#include "mk-test-calls.h"

MkOutputExecutor *
mk_test_output_new (const char *const *argv, const char *banner)
{
  MkOutputExecutor *executor = mk_output_executor_new (argv, banner);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return executor;
}

/* A script that goes on for ever if it does not say otherwise */
MkOutputExecutor *
mk_test_output_new_script (const char *script, const char *banner)
{
  g_autofree char *whole = g_strconcat (script, "; exec sleep 60", NULL);
  const char *argv[] = { "/bin/sh", "-c", whole, NULL };

  return mk_test_output_new (argv, banner);
}

void
mk_test_assert_match (MkOutputExecutor *executor, const char *name, const char *expected)
{
  g_autofree char *match = mk_output_executor_dup_match (executor, name);

  g_assert_cmpstr (match, ==, expected);
}

void
mk_test_assert_invalid (gpointer executor, const char *part)
{
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, part);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
}

static gboolean
is_always (gpointer user_data, GError **error)
{
  return TRUE;
}

/* The executor waits for the banner as a part of something. */
void
mk_test_ask_together (MkOutputExecutor *executor)
{
  g_autoptr (MkCallbackProbe) other = mk_callback_probe_new (is_always, NULL, NULL);

  mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (other));
}
