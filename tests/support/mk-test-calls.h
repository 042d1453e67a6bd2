/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

#include "mk-test-util.h"

G_BEGIN_DECLS

/* How long one test case may take, however slow the machine is. */
#define MK_TEST_CASE_LIMIT_S 60

typedef void (*MkTestBody) (void);
typedef void (*MkTestDataBody) (gconstpointer data);

/* Test cases. What a body calls with the functions below is synchronous in one run, asynchronous in another.
 */
void mk_test_add_once (const char *path, MkTestBody body);
void mk_test_add_async (const char *path, MkTestBody body);
void mk_test_add (const char *path, MkTestBody body);
void mk_test_add_with_data (const char *path, MkTestDataBody body, gconstpointer data);
void mk_test_add_everywhere (const char *path, MkTestBody body);
gboolean mk_test_is_async (void);

gboolean mk_test_start (gpointer executor, GCancellable *cancellable, GError **error);
gboolean mk_test_stop (gpointer executor, GCancellable *cancellable, GError **error);
gboolean
mk_test_stop_full (gpointer executor, int stop_signal, int expected, guint timeout_ms, GError **error);
gboolean mk_test_kill (gpointer executor, GCancellable *cancellable, GError **error);
gboolean mk_test_wait_check (gpointer executor, GCancellable *cancellable, GError **error);
gboolean mk_test_wait (gpointer executor, GCancellable *cancellable, GError **error);
gboolean mk_test_wait_for (gpointer executor, gpointer probe, GCancellable *cancellable, GError **error);
gboolean mk_test_check (gpointer probe, GCancellable *cancellable, GError **error);
gboolean mk_test_probe_wait (gpointer probe, guint timeout_ms, GCancellable *cancellable, GError **error);
gboolean
mk_test_probe_wait_gone (gpointer probe, guint timeout_ms, GCancellable *cancellable, GError **error);

/* Test services as executors */
MkSimpleExecutor *mk_test_executor_new (const char *tag, ...) G_GNUC_NULL_TERMINATED;
MkSimpleExecutor *mk_test_executor_new_tcp (const char *tag, guint port, ...) G_GNUC_NULL_TERMINATED;
gboolean mk_test_await_ended (MkSimpleExecutor *executor);
gboolean mk_test_await_state (MkSimpleExecutor *executor, MkExecutorState state);
gboolean mk_test_await_inactive (MkSimpleExecutor *executor);
gboolean mk_test_answers (guint port);
char *mk_test_dup_stdout (gpointer executor);
void mk_test_cancel_later (GCancellable *cancellable, guint after_ms);

/* Checks */
void mk_test_assert_starts (gpointer executor);
void mk_test_assert_stops (gpointer executor);
void mk_test_assert_can_be_killed (gpointer executor);
void mk_test_assert_start_fails (gpointer executor, int code, const char *message_part);
void mk_test_assert_start_times_out (gpointer executor,
                                     guint timeout_ms,
                                     const char *tag,
                                     const char *message_part);
void mk_test_assert_start_times_out_seeing (gpointer executor, const char *seen);
void mk_test_assert_probe_says (gpointer probe, gboolean expected);
void mk_test_assert_probe_waits_in_vain (gpointer probe, const char *message_part, const char *other_part);
void mk_test_assert_wait_times_out (gpointer probe,
                                    guint timeout_ms,
                                    const char *message_part,
                                    const char *other_part);
void mk_test_assert_state (gpointer executor, MkExecutorState state);
void mk_test_assert_contains (const char *text, const char *part);
void mk_test_assert_nothing_left (const char *tag);
void mk_test_assert_soon_nothing_left (const char *tag);

G_END_DECLS
