/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One body for the synchronous and the asynchronous form of a test case.
 *
 * A body calls mk_test_start() and similar functions; the manner in which the case was registered decides
 * what these do, in which thread the body runs, and whether that thread has a context of its own. Only one
 * body runs at a time, so the manner is a plain variable.
 */

#include "mk-test-calls.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ROUNDS 4

#define FIRST_TIMEOUT_MS 300
#define SHORT_WAIT_MS    20

typedef enum
{
  SYNC,
  ASYNC,
  ASYNC_IN_PUSHED_CONTEXT,
  SYNC_IN_THREAD,
  ASYNC_IN_THREAD,
} Manner;

typedef struct
{
  MkTestBody body; /* (nullable) */
  Manner manner;
  MkTestDataBody data_body; /* (nullable) in place of body */
  gconstpointer data;
} Case;

static Manner manner;
static GSList *cases; /* (owned) (element-type Case) those that are not run are kept too */

/* Test cases */

static void
run_body (const Case *test)
{
  if (test->data_body != NULL)
    test->data_body (test->data);
  else
    test->body ();
}

static void
run_in_own_context (const Case *test)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  run_body (test);
  /* What was left for later, such as signals, runs too. */
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_main_context_pop_thread_default (context);
}

static gpointer
run_in_thread (gpointer data)
{
  const Case *test = data;

  if (test->manner == ASYNC_IN_THREAD)
    run_in_own_context (test);
  else
    run_body (test);
  return NULL;
}

static char hung_words[256]; /* what is said if the case that runs takes too long */

/* In TAP, which ends for all of the program; that the process aborts, a debugger can see. */
static void
on_alarm (int signal_number)
{
  (void) !write (STDOUT_FILENO, hung_words, strlen (hung_words));
  abort ();
}

static void
limit_case (void)
{
  g_snprintf (hung_words,
              sizeof hung_words,
              "\nBail out! %s has not ended after %d s\n",
              g_test_get_path (),
              MK_TEST_CASE_LIMIT_S);
  signal (SIGALRM, on_alarm);
  alarm (MK_TEST_CASE_LIMIT_S);
}

static void
run_case (gconstpointer data)
{
  const Case *test = data;

  manner = test->manner;
  limit_case ();
  if (manner == SYNC_IN_THREAD || manner == ASYNC_IN_THREAD)
    g_thread_join (g_thread_new ("test", run_in_thread, (gpointer) test));
  else if (manner == ASYNC_IN_PUSHED_CONTEXT)
    run_in_own_context (test);
  else
    run_body (test);
  /* So that no signal of this case is emitted in the next one. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  alarm (0);
}

static void
add_case_like (const char *path, const char *suffix, Case model)
{
  g_autofree char *full_path = g_strconcat (path, suffix, NULL);
  Case *test = g_memdup2 (&model, sizeof model);

  cases = g_slist_prepend (cases, test);
  g_test_add_data_func (full_path, test, run_case);
}

static void
add_case (const char *path, const char *suffix, MkTestBody body, Manner case_manner)
{
  add_case_like (path, suffix, (Case){ .body = body, .manner = case_manner });
}

void
mk_test_add_once (const char *path, MkTestBody body)
{
  add_case (path, "", body, SYNC);
}

void
mk_test_add_async (const char *path, MkTestBody body)
{
  add_case (path, "", body, ASYNC);
}

/* Synchronously without a main loop, asynchronously with one */
void
mk_test_add (const char *path, MkTestBody body)
{
  add_case (path, "/sync", body, SYNC);
  add_case (path, "/async", body, ASYNC);
}

/* Like mk_test_add(), for a table; @data must stay. */
void
mk_test_add_with_data (const char *path, MkTestDataBody body, gconstpointer data)
{
  add_case_like (path, "/sync", (Case){ .manner = SYNC, .data_body = body, .data = data });
  add_case_like (path, "/async", (Case){ .manner = ASYNC, .data_body = body, .data = data });
}

void
mk_test_add_everywhere (const char *path, MkTestBody body)
{
  mk_test_add (path, body);
  add_case (path, "/async-in-pushed-context", body, ASYNC_IN_PUSHED_CONTEXT);
  add_case (path, "/sync-in-thread", body, SYNC_IN_THREAD);
  add_case (path, "/async-in-thread", body, ASYNC_IN_THREAD);
}

gboolean
mk_test_is_async (void)
{
  return manner != SYNC && manner != SYNC_IN_THREAD;
}

/* Calls */

static GAsyncResult *
await (GAsyncResult **result)
{
  g_assert_true (mk_test_await_result (g_main_context_get_thread_default (), result, MK_TEST_LIMIT_MS));
  return *result;
}

#define CALL(operation, self, error, ...)                                                                    \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    g_autoptr (GAsyncResult) _result = NULL;                                                                 \
                                                                                                             \
    if (!mk_test_is_async ())                                                                                \
      return operation (self, __VA_ARGS__, error);                                                           \
    operation##_async (self, __VA_ARGS__, mk_test_store_result, &_result);                                   \
    g_assert_null (_result);                                                                                 \
    return operation##_finish (self, await (&_result), error);                                               \
  }                                                                                                          \
  G_STMT_END

gboolean
mk_test_start (gpointer executor, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_start, executor, error, cancellable);
}

gboolean
mk_test_stop (gpointer executor, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_stop, executor, error, cancellable);
}

gboolean
mk_test_stop_full (gpointer executor, int stop_signal, int expected, guint timeout_ms, GError **error)
{
  CALL (mk_simple_executor_stop_full, executor, error, stop_signal, expected, timeout_ms, NULL);
}

gboolean
mk_test_kill (gpointer executor, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_kill, executor, error, cancellable);
}

gboolean
mk_test_wait (gpointer executor, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_wait, executor, error, cancellable);
}

gboolean
mk_test_wait_check (gpointer executor, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_wait_check, executor, error, cancellable);
}

gboolean
mk_test_wait_for (gpointer executor, gpointer probe, GCancellable *cancellable, GError **error)
{
  CALL (mk_simple_executor_wait_for, executor, error, probe, cancellable);
}

gboolean
mk_test_check (gpointer probe, GCancellable *cancellable, GError **error)
{
  CALL (mk_probe_check, probe, error, cancellable);
}

gboolean
mk_test_probe_wait (gpointer probe, guint timeout_ms, GCancellable *cancellable, GError **error)
{
  CALL (mk_probe_wait, probe, error, timeout_ms, cancellable);
}

gboolean
mk_test_probe_wait_gone (gpointer probe, guint timeout_ms, GCancellable *cancellable, GError **error)
{
  CALL (mk_probe_wait_gone, probe, error, timeout_ms, cancellable);
}

/* Executors */

static char **
build_argv (const char *tag, const char *listen, va_list args)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *option;

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  if (listen != NULL)
    g_strv_builder_add_many (builder, "--listen", listen, NULL);
  while ((option = va_arg (args, const char *)) != NULL)
    g_strv_builder_add (builder, option);
  return g_strv_builder_end (builder);
}

static MkSimpleExecutor *
with_limits (gpointer executor)
{
  mk_simple_executor_set_start_timeout (executor, MK_TEST_LIMIT_MS);
  return executor;
}

MkSimpleExecutor *
mk_test_executor_new (const char *tag, ...)
{
  g_auto (GStrv) argv = NULL;
  va_list args;

  va_start (args, tag);
  argv = build_argv (tag, NULL, args);
  va_end (args);
  return with_limits (mk_simple_executor_new ((const char *const *) argv));
}

/* Ready once it listens on 127.0.0.1:@port; by then it has done all that is asked for but "--flood". */
MkSimpleExecutor *
mk_test_executor_new_tcp (const char *tag, guint port, ...)
{
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = NULL;
  va_list args;

  va_start (args, port);
  argv = build_argv (tag, address, args);
  va_end (args);
  return with_limits (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port));
}

typedef struct
{
  MkSimpleExecutor *executor;
  MkExecutorState state;
} Expectation;

static gboolean
has_state (gpointer data)
{
  Expectation *expectation = data;

  return mk_simple_executor_get_state (expectation->executor) == expectation->state;
}

/* Without running a main loop */
gboolean
mk_test_await_state (MkSimpleExecutor *executor, MkExecutorState state)
{
  Expectation expectation = { executor, state };

  return mk_test_poll_until (has_state, &expectation, MK_TEST_LIMIT_MS);
}

static gboolean
is_inactive (gpointer executor)
{
  return !mk_simple_executor_get_active (executor);
}

gboolean
mk_test_await_inactive (MkSimpleExecutor *executor)
{
  return mk_test_poll_until (is_inactive, executor, MK_TEST_LIMIT_MS);
}

static gboolean
has_ended (gpointer executor)
{
  return !mk_simple_executor_get_running (executor);
}

/* What was started, whatever else of it there is */
gboolean
mk_test_await_ended (MkSimpleExecutor *executor)
{
  return mk_test_poll_until (has_ended, executor, MK_TEST_LIMIT_MS);
}

/* Whether the test service is there and does its work */
gboolean
mk_test_answers (guint port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  char answer[4] = { 0 };
  gsize length;

  g_socket_client_set_timeout (client, MK_TEST_LIMIT_MS / 1000);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, NULL);
  return connection != NULL &&
         g_input_stream_read_all (
             g_io_stream_get_input_stream (G_IO_STREAM (connection)), answer, 3, &length, NULL, NULL) &&
         g_str_equal (answer, "ok\n");
}

char *
mk_test_dup_stdout (gpointer executor)
{
  g_autoptr (GBytes) output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);

  return g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
}

typedef struct
{
  GCancellable *cancellable;
  guint after_ms;
} Cancellation;

static gpointer
cancel_in_thread (gpointer data)
{
  g_autofree Cancellation *cancellation = data;

  g_usleep (cancellation->after_ms * 1000);
  g_cancellable_cancel (cancellation->cancellable);
  g_object_unref (cancellation->cancellable);
  return NULL;
}

/* From another thread, so that a synchronous call can be cancelled too */
void
mk_test_cancel_later (GCancellable *cancellable, guint after_ms)
{
  Cancellation *cancellation = g_new0 (Cancellation, 1);

  cancellation->cancellable = g_object_ref (cancellable);
  cancellation->after_ms = after_ms;
  g_thread_unref (g_thread_new ("canceller", cancel_in_thread, cancellation));
}

/* Checks */

/* One that ends by itself may have ended already. */
void
mk_test_assert_starts (gpointer executor)
{
  g_autoptr (GError) error = NULL;
  gboolean started = mk_test_start (executor, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (started);
  if (mk_simple_executor_get_state (executor) == MK_EXECUTOR_STATE_EXITED)
    g_assert_false (mk_simple_executor_get_running (executor));
  else
    mk_test_assert_state (executor, MK_EXECUTOR_STATE_READY);
}

void
mk_test_assert_stops (gpointer executor)
{
  g_autoptr (GError) error = NULL;
  gboolean stopped = mk_test_stop (executor, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (stopped);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

void
mk_test_assert_can_be_killed (gpointer executor)
{
  g_autoptr (GError) error = NULL;
  gboolean killed = mk_test_kill (executor, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (killed);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
}

void
mk_test_assert_start_fails (gpointer executor, int code, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  g_assert_false (mk_simple_executor_get_active (executor));
}

/*
 * On a busy machine it may take another round until the service is far enough for @seen, or until the start
 * ends as soon as it has to.
 *
 * @tag: (nullable): of which nothing may be left
 */
void
mk_test_assert_start_times_out (gpointer executor, guint timeout_ms, const char *tag, const char *seen)
{
  g_autoptr (GError) error = NULL;
  gboolean is_good = FALSE;

  for (guint round = 1; round <= MAX_ROUNDS && !is_good; round++)
    {
      MkTestLimit limit;

      g_clear_error (&error);
      mk_simple_executor_set_start_timeout (executor, timeout_ms * round * round);
      mk_test_limit_begin (&limit, timeout_ms * round * round);
      g_assert_false (mk_test_start (executor, NULL, &error));
      is_good = mk_test_limit_end (&limit);
      g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
      g_assert_false (mk_simple_executor_get_active (executor));
      if (tag != NULL)
        mk_test_assert_nothing_left (tag);
      is_good = is_good && strstr (error->message, seen) != NULL;
    }
  mk_test_assert_contains (error->message, seen);
  g_assert_true (is_good);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

void
mk_test_assert_start_times_out_seeing (gpointer executor, const char *seen)
{
  mk_test_assert_start_times_out (executor, FIRST_TIMEOUT_MS, NULL, seen);
}

void
mk_test_assert_probe_says (gpointer probe, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  gboolean there = mk_test_check (probe, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (there, ==, expected);
}

/* That it is not there, and what the error says of it when the time is up */
void
mk_test_assert_probe_waits_in_vain (gpointer probe, const char *message_part, const char *other_part)
{
  g_autoptr (GError) error = NULL;

  mk_test_assert_probe_says (probe, FALSE);
  g_assert_false (mk_test_probe_wait (probe, SHORT_WAIT_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, message_part);
  mk_test_assert_contains (error->message, other_part);
}

void
mk_test_assert_wait_times_out (gpointer probe,
                               guint timeout_ms,
                               const char *message_part,
                               const char *other_part)
{
  gboolean is_good = FALSE;

  for (guint round = 1; round <= MAX_ROUNDS && !is_good; round++)
    {
      g_autoptr (GError) error = NULL;
      MkTestLimit limit;

      mk_test_limit_begin (&limit, timeout_ms);
      g_assert_false (mk_test_probe_wait (probe, timeout_ms, NULL, &error));
      is_good = mk_test_limit_end (&limit);
      g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
      mk_test_assert_contains (error->message, message_part);
      mk_test_assert_contains (error->message, other_part);
    }
  g_assert_true (is_good);
}

void
mk_test_assert_state (gpointer executor, MkExecutorState state)
{
  g_assert_cmpint (mk_simple_executor_get_state (executor), ==, state);
}

void
mk_test_assert_contains (const char *text, const char *part)
{
  g_assert_nonnull (text);
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in “%s”", part, text);
}

/* At this moment, and nothing to be reaped either: the only services are those of @tag. */
void
mk_test_assert_nothing_left (const char *tag)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);
  g_autofree char *survivors = mk_test_describe_tagged (tag);

  g_assert_cmpstr (survivors, ==, "");
  g_assert_cmpuint (children->len, ==, 0);
}

static gboolean
nothing_is_left (gpointer tag)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);
  g_autofree char *survivors = mk_test_describe_tagged (tag);

  return *survivors == '\0' && children->len == 0;
}

/* For what was killed, but has so little time left that a busy machine may need longer to end it. */
void
mk_test_assert_soon_nothing_left (const char *tag)
{
  mk_test_poll_until (nothing_is_left, (gpointer) tag, MK_TEST_LIMIT_MS);
  mk_test_assert_nothing_left (tag);
}
