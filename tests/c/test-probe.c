/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Probes used alone: asked once, waited for, waited for to be gone; those of the library, and those that a
 * program writes itself, good and bad.
 */

#include "mk-test-calls.h"

#include <sys/resource.h>

#define LONG_MS (60 * 1000)
/* Far longer than the pause between two attempts may be. */
#define LONG_ATTEMPT_MS 1000

/* A probe of the user's own */

typedef enum
{
  NOT_YET,
  THERE,
  THERE_LATER,
  REFUSED,
  NOT_YET_AFTER_LONG,
  FAILS,
  FAILS_FOR_GOOD,
  NEVER_RETURNS,
  DROPS_ITS_TASK,
} Manner;

#define TEST_TYPE_PROBE (test_probe_get_type ())
G_DECLARE_FINAL_TYPE (TestProbe, test_probe, TEST, PROBE, MkProbe)

struct _TestProbe
{
  MkProbe parent_instance;

  Manner manner;
  GTask *kept; /* (owned) (nullable) */
  guint n_checks;
  guint n_cancelled;
  GMainContext *context; /* (unowned) in which it was asked */
};

G_DEFINE_FINAL_TYPE (TestProbe, test_probe, MK_TYPE_PROBE)

static gboolean
return_there (gpointer task)
{
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static gboolean
return_not_yet (gpointer task)
{
  g_task_return_boolean (task, FALSE);
  return G_SOURCE_REMOVE;
}

static void
return_later (GTask *task, guint after_ms, GSourceFunc func)
{
  g_autoptr (GSource) source = g_timeout_source_new (after_ms);

  g_source_set_callback (source, func, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
on_cancelled (GCancellable *cancellable, gpointer probe)
{
  g_atomic_int_inc (&TEST_PROBE (probe)->n_cancelled);
}

static void
test_probe_check_task (MkProbe *probe, GTask *task)
{
  TestProbe *self = TEST_PROBE (probe);

  self->n_checks++;
  self->context = g_main_context_get_thread_default ();
  switch (self->manner)
    {
    case NOT_YET:
    case THERE:
      g_task_return_boolean (task, self->manner == THERE);
      break;
    case THERE_LATER:
      return_later (task, 30, return_there);
      break;
    case NOT_YET_AFTER_LONG:
      self->manner = NOT_YET;
      return_later (task, LONG_ATTEMPT_MS, return_not_yet);
      break;
    case REFUSED:
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "nobody answers the door");
      break;
    case FAILS:
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "the hinge squeaks");
      break;
    case FAILS_FOR_GOOD:
      g_task_return_new_error (task, MK_ERROR, MK_ERROR_FAILED, "the door is bricked up");
      break;
    case NEVER_RETURNS:
      g_set_object (&self->kept, task);
      g_cancellable_connect (g_task_get_cancellable (task), G_CALLBACK (on_cancelled), self, NULL);
      break;
    case DROPS_ITS_TASK:
    default:
      break;
    }
}

static char *
test_probe_describe (MkProbe *probe)
{
  return g_strdup ("the door to be open");
}

static void
test_probe_finalize (GObject *object)
{
  g_assert_null (TEST_PROBE (object)->kept);
  G_OBJECT_CLASS (test_probe_parent_class)->finalize (object);
}

static void
test_probe_class_init (TestProbeClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_probe_finalize;
  MK_PROBE_CLASS (klass)->check_task = test_probe_check_task;
  MK_PROBE_CLASS (klass)->describe = test_probe_describe;
}

static void
test_probe_init (TestProbe *self)
{
}

static TestProbe *
test_probe_new (Manner manner)
{
  TestProbe *self = g_object_new (TEST_TYPE_PROBE, NULL);

  self->manner = manner;
  return self;
}

/*
 * The task that it kept comes back, when nobody waits for it any more. The context of a synchronous call is
 * not run then: there is nobody whom it could come back to.
 */
static void
return_kept (TestProbe *self)
{
  g_autoptr (GTask) kept = g_steal_pointer (&self->kept);

  if (mk_test_is_async ())
    g_task_return_boolean (kept, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* One attempt */

static void
assert_check (gpointer probe, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  gboolean there = mk_test_check (probe, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (there, ==, expected);
}

static void
test_check (void)
{
  g_autoptr (TestProbe) there = test_probe_new (THERE);
  g_autoptr (TestProbe) later = test_probe_new (THERE_LATER);
  g_autoptr (TestProbe) not_yet = test_probe_new (NOT_YET);
  g_autoptr (TestProbe) refused = test_probe_new (REFUSED);

  assert_check (refused, FALSE);
  assert_check (there, TRUE);
  assert_check (later, TRUE);
  assert_check (not_yet, FALSE);
  g_assert_cmpuint (not_yet->n_checks, ==, 1);
}

static void
assert_check_fails (Manner manner, GQuark domain, int code, const char *message_part)
{
  g_autoptr (TestProbe) probe = test_probe_new (manner);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, domain, code);
  mk_test_assert_contains (error->message, message_part);
}

static void
test_check_that_fails (void)
{
  assert_check_fails (FAILS, G_IO_ERROR, G_IO_ERROR_FAILED, "the hinge squeaks");
  assert_check_fails (FAILS_FOR_GOOD, MK_ERROR, MK_ERROR_FAILED, "the door is bricked up");
  assert_check_fails (DROPS_ITS_TASK, MK_ERROR, MK_ERROR_FAILED, "without returning it");
}

static void
test_cancel_check (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (NEVER_RETURNS);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_check (probe, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (probe->n_cancelled, ==, 1);
  return_kept (probe);
  g_clear_error (&error);

  g_assert_false (mk_test_check (probe, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (probe->n_checks, ==, 1);
}

/* Waiting */

static gboolean
come_later (gpointer count, GError **error)
{
  return --*(int *) count <= 0;
}

static gboolean
fail (gpointer given, GError **error)
{
  g_propagate_error (error, g_error_copy (given));
  return FALSE;
}

static gboolean
go_later (gpointer count, GError **error)
{
  return --*(int *) count > 0;
}

static void
test_function_fails (void)
{
  g_autoptr (GError) given = g_error_new (MK_ERROR, MK_ERROR_FAILED, "this will never be");
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (fail, given, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_probe_wait (MK_PROBE (probe), 60000, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, given->message);

  given->domain = G_IO_ERROR;
  given->code = G_IO_ERROR_CLOSED;
  g_clear_error (&error);
  g_assert_false (mk_probe_wait (MK_PROBE (probe), 30, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, given->message));
}

static void
test_wait (void)
{
  int count = 5, other_count = 5;
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (come_later, &count, NULL);
  g_autoptr (MkCallbackProbe) other = mk_callback_probe_new (go_later, &other_count, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (count, ==, 0);
  g_assert_true (mk_test_probe_wait_gone (other, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (other_count, ==, 0);
}

static void
test_wait_without_limit (void)
{
  int count = 5;
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (come_later, &count, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (probe, 0, NULL, &error));
  g_assert_no_error (error);
}

static void
assert_wait_times_out (Manner manner, const char *message_part)
{
  g_autoptr (TestProbe) probe = test_probe_new (manner);
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time (), took;

  g_assert_false (mk_test_probe_wait (probe, 150, NULL, &error));
  took = g_get_monotonic_time () - begin;
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "waiting for the door to be open");
  mk_test_assert_contains (error->message, message_part);
  g_assert_cmpint (took, >=, 150 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpint (took, <, 3 * G_USEC_PER_SEC);
  if (probe->kept != NULL)
    return_kept (probe);
}

static void
test_wait_times_out (void)
{
  assert_wait_times_out (NOT_YET, "0.");
  assert_wait_times_out (REFUSED, "nobody answers the door");
  assert_wait_times_out (FAILS, "the hinge squeaks");
  assert_wait_times_out (NEVER_RETURNS, "no answer in time");
}

/* However long an attempt took, the next one follows soon. */
static void
test_long_attempts (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (NOT_YET_AFTER_LONG);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, LONG_ATTEMPT_MS * 3 / 2, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_cmpuint (probe->n_checks, >=, 2);
}

static void
test_wait_gone_times_out (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (THERE);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait_gone (probe, 50, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "waiting for the opposite of: the door to be open");
}

/* What is known before a start lets the service be started; what is not known does not. */
static void
test_errors_before_a_start (void)
{
  const char *const command[] = { "sleep", "1000", NULL };
  g_autoptr (TestProbe) refused = test_probe_new (REFUSED);
  g_autoptr (TestProbe) fails = test_probe_new (FAILS);
  g_autoptr (MkExecutor) executor = mk_executor_new (command, MK_PROBE (refused));
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 100);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "nobody answers the door");
  g_clear_error (&error);

  mk_executor_set_probe (executor, MK_PROBE (fails));
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  mk_test_assert_contains (
      error->message,
      "Waiting for the door to be open failed before the service was started: the hinge squeaks");
}

/* After an error nobody knows: neither that it is there, nor that it is gone. One of this library's is final.
 */
static void
test_errors_and_waiting (void)
{
  g_autoptr (TestProbe) fails = test_probe_new (FAILS);
  g_autoptr (TestProbe) for_good = test_probe_new (FAILS_FOR_GOOD);
  g_autoptr (TestProbe) drops = test_probe_new (DROPS_ITS_TASK);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait_gone (fails, 100, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_cmpuint (fails->n_checks, >, 1);
  g_clear_error (&error);

  g_assert_false (mk_test_probe_wait (for_good, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "bricked up");
  g_assert_cmpuint (for_good->n_checks, ==, 1);
  g_clear_error (&error);

  g_assert_false (mk_test_probe_wait (drops, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
}

static void
test_cancel_wait (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (NOT_YET);
  g_autoptr (TestProbe) stuck = test_probe_new (NEVER_RETURNS);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint n_checks;

  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_probe_wait (probe, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  /* Before it is begun: nothing is asked any more. */
  n_checks = probe->n_checks;
  g_assert_false (mk_test_probe_wait (probe, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (probe->n_checks, ==, n_checks);
  g_clear_error (&error);

  g_cancellable_reset (cancellable);
  mk_test_cancel_later (cancellable, 30);
  g_assert_false (mk_test_probe_wait (stuck, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  return_kept (stuck);
}

/* Checks run in the context of who waits, synchronous waits included. */
static void
test_context (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (THERE_LATER);
  GMainContext *context = g_main_context_get_thread_default ();
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  if (mk_test_is_async ())
    g_assert_true (probe->context == context);
  else
    g_assert_true (probe->context != context && probe->context != NULL);
}

/* ---- check and check_task ---- */

#define TEST_TYPE_BOTH (test_both_get_type ())
G_DECLARE_FINAL_TYPE (TestBoth, test_both, TEST, BOTH, MkProbe)

/* Says at once that it is not there, then that it takes time to tell, and is there in the end. */
struct _TestBoth
{
  MkProbe parent_instance;

  guint slow_from; /* the number of the first check that says so */
  guint n_checks;
  guint n_tasks;
  GMainContext *context; /* (unowned) in which it was asked */
};

G_DEFINE_FINAL_TYPE (TestBoth, test_both, MK_TYPE_PROBE)

static gboolean
test_both_check (MkProbe *probe, GError **error)
{
  TestBoth *self = TEST_BOTH (probe);

  self->context = g_main_context_get_thread_default ();
  if (++self->n_checks >= self->slow_from)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "not so fast");
  return FALSE;
}

static void
test_both_check_task (MkProbe *probe, GTask *task)
{
  TestBoth *self = TEST_BOTH (probe);

  g_task_return_boolean (task, ++self->n_tasks >= 3);
}

static void
test_both_class_init (TestBothClass *klass)
{
  MK_PROBE_CLASS (klass)->check = test_both_check;
  MK_PROBE_CLASS (klass)->check_task = test_both_check_task;
}

static void
test_both_init (TestBoth *self)
{
  self->slow_from = 1;
}

/* Each attempt calls check, and the task only where that says so. */
static void
test_check_may_say_that_it_takes_time (void)
{
  g_autoptr (TestBoth) probe = g_object_new (TEST_TYPE_BOTH, NULL);
  g_autoptr (GError) error = NULL;

  probe->slow_from = 3;
  assert_check (probe, FALSE);
  g_assert_cmpuint (probe->n_tasks, ==, 0);

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (probe->n_checks, ==, 5);
  g_assert_cmpuint (probe->n_tasks, ==, 3);

  assert_check (probe, TRUE);
  g_assert_cmpuint (probe->n_tasks, ==, 4);
}

#define TEST_TYPE_NEITHER (test_neither_get_type ())
G_DECLARE_FINAL_TYPE (TestNeither, test_neither, TEST, NEITHER, MkProbe)

struct _TestNeither
{
  MkProbe parent_instance;
};

G_DEFINE_FINAL_TYPE (TestNeither, test_neither, MK_TYPE_PROBE)

/* Chaining up is as if nothing had been overridden. */
static gboolean
test_neither_check (MkProbe *probe, GError **error)
{
  return MK_PROBE_CLASS (test_neither_parent_class)->check (probe, error);
}

static void
test_neither_class_init (TestNeitherClass *klass)
{
  MK_PROBE_CLASS (klass)->check = test_neither_check;
}

static void
test_neither_init (TestNeither *self)
{
}

static void
test_nothing_implemented (void)
{
  g_autoptr (TestNeither) probe = g_object_new (TEST_TYPE_NEITHER, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "TestNeither implements neither check() nor check_task()");
}

/* A function that says so has no task: it is not there yet. */
static void
test_function_would_block (void)
{
  g_autoptr (GError) given = g_error_new (G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "nothing to read");
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (fail, given, NULL);
  g_autoptr (GError) error = NULL;

  assert_check (probe, FALSE);
  g_assert_false (mk_test_probe_wait (probe, 30, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "(nothing to read)");
}

/* ---- the properties ---- */

static void
count_notify (GObject *object, GParamSpec *pspec, gpointer count)
{
  (*(guint *) count)++;
}

static void
test_properties (void)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", 80);
  guint n_interval = 0, n_timeout = 0, interval = 1, attempt_timeout = 1;

  g_signal_connect (probe, "notify::interval", G_CALLBACK (count_notify), &n_interval);
  g_signal_connect (probe, "notify::attempt-timeout", G_CALLBACK (count_notify), &n_timeout);
  g_object_get (probe, "interval", &interval, "attempt-timeout", &attempt_timeout, NULL);
  g_assert_cmpuint (interval, ==, 0);
  g_assert_cmpuint (attempt_timeout, ==, 0);

  g_object_set (probe, "interval", 250, "attempt-timeout", 2000, NULL);
  g_assert_cmpuint (mk_probe_get_interval (MK_PROBE (probe)), ==, 250);
  g_assert_cmpuint (mk_probe_get_attempt_timeout (MK_PROBE (probe)), ==, 2000);
  mk_probe_set_interval (MK_PROBE (probe), 250);
  mk_probe_set_attempt_timeout (MK_PROBE (probe), 2000);
  g_assert_cmpuint (n_interval, ==, 1);
  g_assert_cmpuint (n_timeout, ==, 1);
}

/* However busy the machine is, the pause is not shorter. */
static void
test_interval_by_hand (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (NOT_YET);

  mk_probe_set_interval (MK_PROBE (probe), 100);
  g_assert_false (mk_test_probe_wait (probe, 450, NULL, NULL));
  g_assert_cmpuint (probe->n_checks, >=, 2);
  g_assert_cmpuint (probe->n_checks, <=, 5);
}

/* A start does not poll more often than it was told to, either. */
static void
test_interval_of_a_start (void)
{
  const char *argv[] = { "sleep", "1000", NULL };
  g_autoptr (TestProbe) probe = test_probe_new (NOT_YET);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  mk_probe_set_interval (MK_PROBE (probe), 2000);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 2500);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_cmpuint (probe->n_checks, >=, 2);
  g_assert_cmpuint (probe->n_checks, <=, 3); /* one of them before the service was started */
}

/* An attempt that takes too long is given up, and there is another one. */
static void
test_attempt_timeout_by_hand (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (NEVER_RETURNS);
  g_autoptr (GError) error = NULL;

  mk_probe_set_attempt_timeout (MK_PROBE (probe), 50);
  g_assert_false (mk_test_probe_wait (probe, 1000, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "no answer in time");
  g_assert_cmpuint (probe->n_checks, >=, 2);
  return_kept (probe);
}

/* When it is asked */

typedef struct
{
  MkProbe *probe;
  gint there;
  gint64 came_at;
} Door;

static gboolean
is_open (gpointer door)
{
  return g_atomic_int_get (&((Door *) door)->there);
}

static gpointer
open_in_thread (gpointer data)
{
  Door *door = data;

  g_usleep (100 * 1000);
  door->came_at = g_get_monotonic_time ();
  g_atomic_int_set (&door->there, TRUE);
  mk_probe_wake (door->probe);
  return NULL;
}

/*
 * The wait until it is asked without being woken is 50 ms for a check that takes as long as this one, so
 * one in six is fast by chance: not six in ten.
 */
static gboolean
is_open_after_a_while (gpointer door, GError **error)
{
  g_usleep (2000);
  return is_open (door);
}

static guint
count_fast_answers (void)
{
  guint n_fast = 0;

  for (guint i = 0; i < 10; i++)
    {
      Door door = { NULL, FALSE, 0 };
      g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (is_open_after_a_while, &door, NULL);
      GThread *thread;

      door.probe = MK_PROBE (probe);
      thread = g_thread_new ("waker", open_in_thread, &door);
      g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, NULL));
      g_thread_join (thread);
      if (g_get_monotonic_time () - door.came_at < 8 * G_TIME_SPAN_MILLISECOND)
        n_fast++;
    }
  return n_fast;
}

/* A busy machine may spoil a round or two. */
static void
test_wake_shortens_the_wait (void)
{
  guint n_fast = 0;

  for (guint round = 0; round < 5 && n_fast < 6; round++)
    n_fast = count_fast_answers ();
  g_assert_cmpuint (n_fast, >=, 6);
}

typedef struct
{
  MkProbe *probe;
  GThread *thread;       /* of the handler */
  GMainContext *context; /* of the handler */
  gint n_woken;          /* (atomic) */
} Handler;

static void
note_wake (MkProbe *probe, Handler *handler)
{
  handler->thread = g_thread_self ();
  handler->context = g_main_context_get_thread_default ();
  g_atomic_int_inc (&handler->n_woken);
}

static gpointer
wake_until_noticed (gpointer data)
{
  Handler *handler = data;

  while (g_atomic_int_get (&handler->n_woken) == 0)
    {
      g_usleep (10 * 1000);
      mk_probe_wake (handler->probe);
    }
  return NULL;
}

/* It may be woken in any thread; whoever listens hears of it where it is waited for, before it is asked. */
static void
test_wake_handlers_run_in_the_wait (void)
{
  g_autoptr (TestBoth) probe = g_object_new (TEST_TYPE_BOTH, NULL);
  Handler handler = { .probe = MK_PROBE (probe) };
  GThread *thread;

  probe->slow_from = 2;
  mk_probe_set_interval (MK_PROBE (probe), LONG_MS);
  g_signal_connect (probe, "wake", G_CALLBACK (note_wake), &handler);
  thread = g_thread_new ("waker", wake_until_noticed, &handler);
  g_assert_false (mk_test_probe_wait (probe, 400, NULL, NULL));
  g_thread_join (thread);

  g_assert_cmpint (handler.n_woken, >=, 1);
  g_assert_true (handler.thread == g_thread_self ());
  g_assert_true (handler.context == probe->context);
  g_assert_cmpuint (probe->n_tasks, >=, 1);
}

/* Also of waits that are over: nothing happens then. */
static void
test_wake_out_of_time (void)
{
  g_autoptr (TestProbe) probe = test_probe_new (THERE);

  mk_probe_wake (MK_PROBE (probe));
  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, NULL));
  mk_probe_wake (MK_PROBE (probe));
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (probe->n_checks, ==, 1);
}

static gint64
cpu_time (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

/* 3 % are asked for; here are other things on the machine, and perhaps a sanitizer in the program. */
static void
test_waiting_takes_no_cpu (void)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ());
  gint64 cpu = cpu_time (), begin = g_get_monotonic_time ();

  g_assert_false (mk_test_probe_wait (probe, 1000, NULL, NULL));
  g_assert_cmpint (cpu_time () - cpu, <, (g_get_monotonic_time () - begin) / 10);
}

/* How often somebody is there who sleeps for 20 ms between two times */
typedef struct
{
  gint is_over; /* (atomic) */
  guint n_peer; /* of the thread, until it is joined */
  guint n_attempts;
} Race;

static gpointer
look_each_20_ms (gpointer data)
{
  Race *race = data;

  for (; !g_atomic_int_get (&race->is_over); race->n_peer++)
    g_usleep (20 * 1000);
  return NULL;
}

static gboolean
count_attempt (gpointer race, GError **error)
{
  ((Race *) race)->n_attempts++;
  return FALSE;
}

static void
test_asks_often (void)
{
  Race race = { 0 };
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (count_attempt, &race, NULL);
  GThread *thread = g_thread_new ("peer", look_each_20_ms, &race);

  g_assert_false (mk_test_probe_wait (probe, 500, NULL, NULL));
  g_atomic_int_set (&race.is_over, TRUE);
  g_thread_join (thread);
  g_test_message ("%u attempts, and %u looks each 20 ms", race.n_attempts, race.n_peer);
  g_assert_cmpuint (race.n_attempts, >, race.n_peer);
}

static void
test_description (void)
{
  g_autoptr (MkTcpProbe) v4 = mk_tcp_probe_new ("127.0.0.1", 6379);
  g_autoptr (MkTcpProbe) v6 = mk_tcp_probe_new ("::1", 6379);
  g_autofree char *v4_text = mk_probe_describe (MK_PROBE (v4));
  g_autofree char *v6_text = mk_probe_describe (MK_PROBE (v6));

  g_assert_cmpstr (v4_text, ==, "127.0.0.1:6379 to accept connections");
  g_assert_cmpstr (v6_text, ==, "[::1]:6379 to accept connections");
}

/* Whoever has made one in the folder of the service sees where it is looked for. */
static void
test_description_of_relative_paths (void)
{
  g_autofree char *whole = g_canonicalize_filename ("some/socket", NULL);
  g_autoptr (MkUnixSocketProbe) here = mk_unix_socket_probe_new ("some/socket");
  g_autoptr (MkUnixSocketProbe) nowhere = mk_unix_socket_probe_new ("@some/socket");
  g_autoptr (MkFileProbe) file = mk_file_probe_new ("some/../some/socket");
  g_autofree char *here_text = mk_probe_describe (MK_PROBE (here));
  g_autofree char *nowhere_text = mk_probe_describe (MK_PROBE (nowhere));
  g_autofree char *file_text = mk_probe_describe (MK_PROBE (file));

  mk_test_assert_contains (here_text, whole);
  g_assert_true (g_str_has_prefix (nowhere_text, "@some/socket "));
  mk_test_assert_contains (file_text, whole);
}

static gboolean
come_closer (gpointer data, GError **error)
{
  int *count = data;

  if (++*count < 3)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no door");
  return FALSE;
}

/* What an attempt has seen says nothing about the next one. */
static void
test_only_last_answer_is_told (void)
{
  int count = 0;
  g_autoptr (MkCallbackProbe) probe = mk_callback_probe_new (come_closer, &count, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, 100, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_cmpint (count, >, 3);
  g_assert_null (strstr (error->message, "there is no door"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/probe/check/there-or-not", test_check);
  mk_test_add ("/probe/check/fails", test_check_that_fails);
  mk_test_add ("/probe/check/cancelled", test_cancel_check);

  mk_test_add ("/probe/check/may-say-that-it-takes-time", test_check_may_say_that_it_takes_time);
  mk_test_add ("/probe/check/nothing-implemented", test_nothing_implemented);
  mk_test_add ("/probe/check/function-would-block", test_function_would_block);
  mk_test_add_once ("/probe/properties", test_properties);
  mk_test_add ("/probe/properties/interval", test_interval_by_hand);
  mk_test_add ("/probe/properties/interval-of-a-start", test_interval_of_a_start);
  mk_test_add ("/probe/properties/attempt-timeout", test_attempt_timeout_by_hand);

  mk_test_add_everywhere ("/probe/wait/comes-and-goes", test_wait);
  mk_test_add ("/probe/wait/without-limit", test_wait_without_limit);
  mk_test_add ("/probe/wait/times-out", test_wait_times_out);
  mk_test_add ("/probe/wait/long-attempts", test_long_attempts);
  mk_test_add ("/probe/wait/gone-times-out", test_wait_gone_times_out);
  mk_test_add ("/probe/wait/errors", test_errors_and_waiting);
  mk_test_add ("/probe/errors-before-a-start", test_errors_before_a_start);
  mk_test_add ("/probe/wait/cancelled", test_cancel_wait);
  mk_test_add ("/probe/wait/function-fails", test_function_fails);
  mk_test_add_everywhere ("/probe/wait/context", test_context);

  mk_test_add ("/probe/polling/wake-shortens-the-wait", test_wake_shortens_the_wait);
  mk_test_add_everywhere ("/probe/polling/wake-handlers-run-in-the-wait", test_wake_handlers_run_in_the_wait);
  mk_test_add ("/probe/polling/wake-out-of-time", test_wake_out_of_time);
  mk_test_add ("/probe/polling/asks-often", test_asks_often);
  mk_test_add ("/probe/polling/takes-no-cpu", test_waiting_takes_no_cpu);
  mk_test_add_once ("/probe/description", test_description);
  mk_test_add_once ("/probe/description-of-relative-paths", test_description_of_relative_paths);
  mk_test_add ("/probe/wait/only-last-answer-is-told", test_only_last_answer_is_told);

  return g_test_run ();
}
