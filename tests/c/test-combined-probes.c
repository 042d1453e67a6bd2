/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Probes made of probes: when all of them or any of them are there, what is told of those that are missing,
 * and that a slow one is in nobody's way.
 */

#include "mk-test-calls.h"

#include <errno.h>
#include <glib/gstdio.h>

#define LONG_MS (60 * 1000)
#define HUNG_MS 200

/* ---- a part that does as it is told ---- */

typedef enum
{
  NOT_YET,
  THERE,
  FAILS,
  FAILS_FOR_GOOD,
  HANGS,
} Manner;

#define TEST_TYPE_PART (test_part_get_type ())
G_DECLARE_FINAL_TYPE (TestPart, test_part, TEST, PART, MkProbe)

struct _TestPart
{
  MkProbe parent_instance;

  const char *name;
  gint manner; /* (atomic) */
  gint n_checks;
  gint n_cancelled;
  gint there_after; /* so many checks */
  int n_attached;
  int n_detached;
};

G_DEFINE_FINAL_TYPE (TestPart, test_part, MK_TYPE_PROBE)

static void
on_cancelled (GCancellable *cancellable, gpointer task)
{
  TestPart *self = g_task_get_source_object (task);

  g_atomic_int_inc (&self->n_cancelled);
  g_task_return_boolean (task, FALSE);
  g_object_unref (task);
}

static void
test_part_check_task (MkProbe *probe, GTask *task)
{
  TestPart *self = TEST_PART (probe);

  if (++self->n_checks == self->there_after)
    self->manner = THERE;

  switch (g_atomic_int_get (&self->manner))
    {
    case FAILS:
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "%s squeaks", self->name);
      break;
    case FAILS_FOR_GOOD:
      g_task_return_new_error (task, MK_ERROR, MK_ERROR_FAILED, "%s is bricked up", self->name);
      break;
    case HANGS:
      g_signal_connect (
          g_task_get_cancellable (task), "cancelled", G_CALLBACK (on_cancelled), g_object_ref (task));
      break;
    case NOT_YET:
    case THERE:
    default:
      g_task_return_boolean (task, self->manner == THERE);
      break;
    }
}

static char *
test_part_describe (MkProbe *probe)
{
  return g_strdup_printf ("%s to be open", TEST_PART (probe)->name);
}

static void
test_part_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  TEST_PART (probe)->n_attached++;
}

static void
test_part_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  TEST_PART (probe)->n_detached++;
}

static void
test_part_class_init (TestPartClass *klass)
{
  MK_PROBE_CLASS (klass)->check_task = test_part_check_task;
  MK_PROBE_CLASS (klass)->describe = test_part_describe;
  MK_PROBE_CLASS (klass)->attach = test_part_attach;
  MK_PROBE_CLASS (klass)->detach = test_part_detach;
}

static void
test_part_init (TestPart *self)
{
}

static TestPart *
part_new (const char *name, Manner manner)
{
  TestPart *self = g_object_new (TEST_TYPE_PART, NULL);

  self->name = name;
  self->manner = manner;
  return self;
}

static gpointer
all_of (gpointer a, gpointer b)
{
  MkProbe *probes[] = { a, b };

  return mk_all_probe_new (probes, 2);
}

static gpointer
any_of (gpointer a, gpointer b)
{
  MkProbe *probes[] = { a, b };

  return mk_any_probe_new (probes, 2);
}

typedef gpointer (*Combine) (gpointer a, gpointer b);

/* ---- one attempt ---- */

static void
assert_check (Combine combine, Manner a, Manner b, gboolean expected)
{
  g_autoptr (TestPart) front = part_new ("the front door", a);
  g_autoptr (TestPart) back = part_new ("the back door", b);
  g_autoptr (MkProbe) probe = combine (front, back);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mk_test_check (probe, NULL, &error), ==, expected);
  g_assert_no_error (error);
  g_assert_cmpint (front->n_checks, >, 0);
  g_assert_cmpint (back->n_checks, >, 0);
}

/* Not there and not known are two things: who waits until it is gone must not be told that it is. */
static void
assert_unknown (Combine combine, Manner a, Manner b)
{
  g_autoptr (TestPart) front = part_new ("the front door", a);
  g_autoptr (TestPart) back = part_new ("the back door", b);
  g_autoptr (MkProbe) probe = combine (front, back);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) gone_error = NULL;

  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  mk_test_assert_contains (error->message, "squeaks");
  g_assert_false (mk_test_probe_wait_gone (probe, 50, NULL, &gone_error));
  g_assert_error (gone_error, MK_ERROR, MK_ERROR_TIMED_OUT);
}

static void
test_all (void)
{
  assert_check (all_of, THERE, THERE, TRUE);
  assert_check (all_of, THERE, NOT_YET, FALSE);
  assert_check (all_of, NOT_YET, THERE, FALSE);
  assert_check (all_of, NOT_YET, NOT_YET, FALSE);
  assert_check (all_of, NOT_YET, FAILS, FALSE);
  assert_unknown (all_of, THERE, FAILS);
  assert_unknown (all_of, FAILS, FAILS);
}

static void
test_any (void)
{
  assert_check (any_of, THERE, THERE, TRUE);
  assert_check (any_of, THERE, NOT_YET, TRUE);
  assert_check (any_of, NOT_YET, THERE, TRUE);
  assert_check (any_of, NOT_YET, NOT_YET, FALSE);
  assert_check (any_of, FAILS, THERE, TRUE);
  assert_check (any_of, FAILS_FOR_GOOD, THERE, TRUE);
  assert_check (any_of, FAILS_FOR_GOOD, NOT_YET, FALSE);
  assert_unknown (any_of, FAILS_FOR_GOOD, FAILS);
  assert_unknown (any_of, NOT_YET, FAILS);
}

static void
assert_fails (MkProbe *probe, int code, const char *message_part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
}

/* One error is enough for all, and they would wait in vain; for any it takes as many as there are. */
static void
test_errors (void)
{
  g_autoptr (TestPart) open = part_new ("the front door", THERE);
  g_autoptr (TestPart) bricked_up = part_new ("the back door", FAILS_FOR_GOOD);
  g_autoptr (TestPart) also = part_new ("the window", FAILS_FOR_GOOD);
  g_autoptr (TestPart) hangs = part_new ("the cellar", HANGS);
  g_autoptr (MkProbe) all = all_of (open, bricked_up);
  g_autoptr (MkProbe) all_with_hung = all_of (hangs, bricked_up);
  g_autoptr (MkProbe) any = any_of (bricked_up, also);

  assert_fails (all, MK_ERROR_FAILED, "the back door is bricked up");
  assert_fails (all_with_hung, MK_ERROR_FAILED, "the back door is bricked up");
  g_assert_cmpint (hangs->n_cancelled, ==, 1);
  assert_fails (any, MK_ERROR_FAILED, "is bricked up");
}

static void
test_nothing_to_ask (void)
{
  g_autoptr (MkAllProbe) all = mk_all_probe_new (NULL, 0);
  g_autoptr (MkAnyProbe) any = mk_any_probe_new (NULL, 0);
  g_autoptr (TestPart) there = part_new ("the front door", THERE);

  assert_fails (MK_PROBE (all), MK_ERROR_INVALID_ARGUMENT, "has no probes");
  assert_fails (MK_PROBE (any), MK_ERROR_INVALID_ARGUMENT, "has no probes");
  mk_all_probe_add (all, MK_PROBE (there));
  g_assert_true (mk_test_check (all, NULL, NULL));
}

/* ---- waiting ---- */

static void
test_come_one_after_the_other (void)
{
  g_autoptr (TestPart) front = part_new ("the front door", NOT_YET);
  g_autoptr (TestPart) back = part_new ("the back door", NOT_YET);
  g_autoptr (MkProbe) all = all_of (front, back);
  g_autoptr (GError) error = NULL;

  front->there_after = 3;
  back->there_after = 9;
  g_assert_true (mk_test_probe_wait (all, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (front->manner, ==, THERE);
  g_assert_cmpint (back->manner, ==, THERE);
}

static void
test_gone (void)
{
  g_autoptr (TestPart) there = part_new ("the front door", THERE);
  g_autoptr (TestPart) not_there = part_new ("the back door", NOT_YET);
  g_autoptr (MkProbe) all = all_of (there, not_there);
  g_autoptr (MkProbe) any = any_of (there, not_there);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait_gone (all, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (mk_test_probe_wait_gone (any, 50, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message,
                           "the opposite of: the front door to be open or the back door to be open");
}

/* Closes one door after the other, and counts how many were. */
typedef struct
{
  TestPart *doors[2];
  gint n_closed;
} Closer;

static gpointer
close_doors (gpointer data)
{
  Closer *closer = data;

  for (guint i = 0; i < G_N_ELEMENTS (closer->doors); i++)
    {
      g_usleep (50 * 1000);
      g_atomic_int_inc (&closer->n_closed);
      g_atomic_int_set (&closer->doors[i]->manner, NOT_YET);
      mk_probe_wake (MK_PROBE (closer->doors[i]));
    }
  return NULL;
}

static void
assert_goes (Combine combine, gint n_closed)
{
  g_autoptr (TestPart) front = part_new ("the front door", THERE);
  g_autoptr (TestPart) back = part_new ("the back door", THERE);
  g_autoptr (MkProbe) probe = combine (front, back);
  Closer closer = { { front, back }, 0 };
  GThread *thread = g_thread_new ("closer", close_doors, &closer);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_atomic_int_get (&closer.n_closed), >=, n_closed);
  g_thread_join (thread);
}

/* All are gone with the first one, any with the last one. */
static void
test_go_one_after_the_other (void)
{
  assert_goes (all_of, 1);
  assert_goes (any_of, 2);
}

static void
test_expiry_names_what_is_missing (void)
{
  g_autoptr (TestPart) there = part_new ("the front door", THERE);
  g_autoptr (TestPart) not_yet = part_new ("the back door", NOT_YET);
  g_autoptr (TestPart) fails = part_new ("the window", FAILS);
  g_autoptr (TestPart) hangs = part_new ("the cellar", HANGS);
  g_autoptr (TestPart) bricked_up = part_new ("the chimney", FAILS_FOR_GOOD);
  g_autoptr (MkTcpProbe) tcp = mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ());
  g_autoptr (MkProbe) all = all_of (there, fails);
  g_autoptr (MkProbe) all_hung = all_of (not_yet, hangs);
  g_autoptr (MkProbe) any = any_of (bricked_up, tcp);
  g_autoptr (MkProbe) nested = all_of (there, any);

  mk_test_assert_wait_times_out (all,
                                 HUNG_MS,
                                 "the front door to be open and the window to be open",
                                 "(the window to be open: the window squeaks)");
  mk_test_assert_wait_times_out (
      all_hung, HUNG_MS, "(the back door to be open; the cellar to be open", "waiting for the back door");
  mk_test_assert_wait_times_out (
      any, HUNG_MS, "to be open: the chimney is bricked up; 127.0.0.1:", mk_test_strerror (ECONNREFUSED));
  mk_test_assert_wait_times_out (
      nested, HUNG_MS, "and (the chimney to be open or 127.0.0.1:", "(the chimney to be open: ");
}

/* The slow one is still at its first answer. */
static void
test_slow_part_is_in_nobodys_way (void)
{
  g_autoptr (TestPart) hangs = part_new ("the cellar", HANGS);
  g_autoptr (TestPart) front = part_new ("the front door", NOT_YET);
  g_autoptr (MkProbe) any = any_of (hangs, front);
  g_autoptr (GError) error = NULL;

  front->there_after = 5;
  g_assert_true (mk_test_probe_wait (any, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (hangs->n_checks, ==, 1);
  g_assert_cmpint (hangs->n_cancelled, ==, 1);
}

static void
test_cancelled (void)
{
  g_autoptr (TestPart) hangs = part_new ("the cellar", HANGS);
  g_autoptr (TestPart) not_yet = part_new ("the back door", NOT_YET);
  g_autoptr (MkProbe) any = any_of (hangs, not_yet);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_test_probe_wait (any, LONG_MS, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (hangs->n_cancelled, ==, 1);
}

/* ---- parts that answer at once ---- */

typedef struct
{
  guint n_asked;
  guint there_after; /* so many times; 0 for never */
} Counter;

static gboolean
count_asked (gpointer data, GError **error)
{
  Counter *counter = data;

  counter->n_asked++;
  return counter->there_after > 0 && counter->n_asked >= counter->there_after;
}

static MkProbe *
counting_new (Counter *counter)
{
  return MK_PROBE (mk_callback_probe_new (count_asked, counter, NULL));
}

/* They are asked once with each attempt of the whole, which is all that it takes. */
static void
assert_asked_together (Combine combine, guint n_expected)
{
  Counter sooner = { 0, 5 }, later = { 0, 9 };
  g_autoptr (MkProbe) front = counting_new (&sooner);
  g_autoptr (MkProbe) back = counting_new (&later);
  g_autoptr (MkProbe) inner = combine (back, back);
  g_autoptr (MkProbe) probe = combine (front, inner);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (sooner.n_asked, ==, n_expected);
  g_assert_cmpuint (later.n_asked, ==, n_expected);
}

static void
test_quick_parts_are_asked_together (void)
{
  assert_asked_together (all_of, 9);
  assert_asked_together (any_of, 5);
}

/* As long as it does not matter what it says; but first it has to be known whether it can be asked at all. */
static void
test_slow_part_is_spared (void)
{
  Counter counter = { 0, 50 };
  g_autoptr (MkProbe) quick = counting_new (&counter);
  g_autoptr (TestPart) slow = part_new ("the cellar", THERE);
  g_autoptr (MkProbe) all = all_of (quick, slow);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (all, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (counter.n_asked, >=, 50);
  g_assert_cmpint (slow->n_checks, ==, 2);
}

/* A part that hangs does not keep the others from being asked. */
static void
test_quick_part_beside_a_hung_one (void)
{
  Counter counter = { 0, 20 };
  g_autoptr (MkProbe) quick = counting_new (&counter);
  g_autoptr (TestPart) hangs = part_new ("the cellar", HANGS);
  g_autoptr (MkProbe) any = any_of (quick, hangs);
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_test_probe_wait (any, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (hangs->n_checks, ==, 1);
  g_assert_cmpint (hangs->n_cancelled, ==, 1);
}

/* The part that is asked rarely does not slow down the other. */
static void
test_slow_part_keeps_its_interval (void)
{
  Counter counter = { 0, 20 };
  g_autoptr (MkProbe) quick = counting_new (&counter);
  g_autoptr (TestPart) slow = part_new ("the cellar", NOT_YET);
  g_autoptr (MkProbe) any = any_of (quick, slow);
  g_autoptr (GError) error = NULL;

  mk_probe_set_interval (MK_PROBE (slow), LONG_MS);
  g_assert_true (mk_test_probe_wait (any, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (slow->n_checks, ==, 1);
}

/* Also where it is there, and has to go. */
static void
test_there_part_keeps_its_interval (void)
{
  Counter counter = { 0, 0 };
  g_autoptr (MkProbe) quick = counting_new (&counter);
  g_autoptr (TestPart) slow = part_new ("the cellar", THERE);
  g_autoptr (MkProbe) any = any_of (quick, slow);

  mk_probe_set_interval (MK_PROBE (slow), LONG_MS);
  g_assert_false (mk_test_probe_wait_gone (any, 200, NULL, NULL));
  g_assert_cmpuint (counter.n_asked, >, 3);
  g_assert_cmpint (slow->n_checks, ==, 1);
}

static void
test_quick_part_keeps_its_interval (void)
{
  Counter often = { 0, 0 }, rarely = { 0, 0 };
  g_autoptr (MkProbe) front = counting_new (&often);
  g_autoptr (MkProbe) back = counting_new (&rarely);
  g_autoptr (MkProbe) any = any_of (front, back);

  mk_probe_set_interval (back, LONG_MS);
  g_assert_false (mk_test_probe_wait (any, 200, NULL, NULL));
  g_assert_cmpuint (often.n_asked, >, 3);
  g_assert_cmpuint (rarely.n_asked, ==, 1);
}

/* ---- waking ---- */

typedef struct
{
  TestPart *part;
  gint n_woken; /* (atomic) how often the whole was */
} Waker;

/* Knocks until it is heard, and opens then. */
static gpointer
open_in_thread (gpointer data)
{
  Waker *waker = data;

  while (g_atomic_int_get (&waker->n_woken) == 0)
    {
      g_usleep (10 * 1000);
      mk_probe_wake (MK_PROBE (waker->part));
    }
  g_atomic_int_set (&waker->part->manner, THERE);
  mk_probe_wake (MK_PROBE (waker->part));
  return NULL;
}

static void
count_wake (MkProbe *probe, gpointer count)
{
  g_atomic_int_inc ((gint *) count);
}

static void
test_parts_wake_the_whole (void)
{
  g_autoptr (TestPart) front = part_new ("the front door", NOT_YET);
  g_autoptr (TestPart) back = part_new ("the back door", THERE);
  g_autoptr (MkProbe) inner = any_of (front, front);
  g_autoptr (MkProbe) outer = all_of (inner, back);
  Waker waker = { front, 0 };
  GThread *thread;
  gint count;

  g_signal_connect (outer, "wake", G_CALLBACK (count_wake), &waker.n_woken);
  thread = g_thread_new ("waker", open_in_thread, &waker);
  g_assert_true (mk_test_probe_wait (outer, LONG_MS, NULL, NULL));
  g_thread_join (thread);
  count = waker.n_woken;

  /* A part that nobody asks any more wakes nobody. */
  mk_probe_wake (MK_PROBE (front));
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpint (waker.n_woken, ==, count);
}

/* ---- with executors ---- */

static void
test_executor (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--pid-file", path, NULL);
  const char *file_there[] = { "test", "-s", path, NULL };
  g_autoptr (MkTcpProbe) tcp = mk_tcp_probe_new ("127.0.0.1", port);
  g_autoptr (MkCommandProbe) command = mk_command_probe_new (file_there);
  g_autoptr (TestPart) part = part_new ("the front door", THERE);
  g_autoptr (MkProbe) inner = all_of (tcp, command);
  g_autoptr (MkProbe) all = all_of (inner, part);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, all);
  g_autoptr (MkExecutor) other = mk_executor_new ((const char *const *) argv, all);
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (executor);
  g_assert_true (mk_test_answers (port));
  g_assert_cmpint (part->n_attached, ==, 1);
  g_assert_cmpint (part->n_detached, ==, 1);

  g_assert_false (mk_test_start (other, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "is listening there");

  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
  g_unlink (path);
}

static void
assert_does_not_start (gpointer probe, int code, const char *message_part)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, NULL, NULL);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, probe);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  g_assert_cmpint (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
}

/* As each part would ask: for HTTP whoever accepts connections there is in the way, whatever it says. */
static void
test_before_the_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, NULL);
  g_autoptr (MkTcpExecutor) holder = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);
  g_autoptr (MkHttpProbe) http = mk_http_probe_new (uri);
  g_autoptr (MkHttpProbe) no_host = mk_http_probe_new ("http:///");
  g_autoptr (TestPart) not_yet = part_new ("the back door", NOT_YET);
  g_autoptr (TestPart) there = part_new ("the front door", THERE);
  g_autoptr (MkProbe) any = any_of (not_yet, http);
  g_autoptr (MkProbe) all = all_of (there, any);
  g_autoptr (MkProbe) senseless = all_of (there, no_host);

  mk_test_assert_starts (holder);
  assert_does_not_start (any, MK_ERROR_ALREADY_RUNNING, "is listening there");
  assert_does_not_start (all, MK_ERROR_ALREADY_RUNNING, "is listening there");
  assert_does_not_start (senseless, MK_ERROR_INVALID_ARGUMENT, "host");
  mk_test_assert_stops (holder);
}

/* What the service of another executor answers is no answer for this one. */
static void
test_rival (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  const char *argv[] = { mk_test_service_path (), "--tag", tag, "--lifetime", "60", NULL };
  g_autoptr (MkSimpleExecutor) holder = mk_test_executor_new_tcp (tag, port, "--after", "100", NULL);
  g_autoptr (MkTcpProbe) by_name = mk_tcp_probe_new ("localhost", port);
  g_autoptr (MkTcpProbe) by_address = mk_tcp_probe_new ("127.0.0.1", port);
  g_autoptr (MkProbe) all = all_of (by_name, by_address);
  g_autoptr (MkExecutor) other = mk_executor_new (argv, all);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GAsyncResult) other_result = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
  mk_simple_executor_start_async (holder, NULL, mk_test_store_result, &result);
  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (other), NULL, mk_test_store_result, &other_result);
  g_assert_true (mk_test_await_result (NULL, &other_result, MK_TEST_LIMIT_MS));
  g_assert_false (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (other), other_result, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "is listening there");
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_true (mk_simple_executor_start_finish (holder, result, NULL));

  mk_test_assert_stops (holder);
  mk_test_assert_nothing_left (tag);
}

/* Each start ends what it has begun, though another one goes on, and parts have come since. */
static void
test_shared_by_executors (void)
{
  const char *argv[] = { "true", NULL };
  g_autoptr (MkSimpleExecutor) one = mk_simple_executor_new (argv);
  g_autoptr (MkSimpleExecutor) other = mk_simple_executor_new (argv);
  g_autoptr (TestPart) front = part_new ("the front door", THERE);
  g_autoptr (TestPart) back = part_new ("the back door", THERE);
  g_autoptr (TestPart) late = part_new ("the window", THERE);
  g_autoptr (MkProbe) inner = any_of (back, back);
  g_autoptr (MkProbe) all = all_of (front, inner);
  MkProbeClass *klass = MK_PROBE_GET_CLASS (all);

  klass->attach (all, one);
  klass->attach (all, other);
  mk_all_probe_add (MK_ALL_PROBE (all), MK_PROBE (late));
  klass->detach (all, one);
  klass->detach (all, one);
  g_assert_cmpint (front->n_attached, ==, 2);
  g_assert_cmpint (front->n_detached, ==, 1);
  g_assert_cmpint (back->n_detached, ==, 1);
  klass->detach (all, other);
  g_assert_cmpint (front->n_detached, ==, 2);
  g_assert_cmpint (back->n_detached, ==, 2);
  g_assert_cmpint (late->n_attached + late->n_detached, ==, 0);
}

/* Hung commands side by side end together, and with nothing left. */
static void
test_hung_commands (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--deaf", "--print", "still thinking", NULL);
  g_autoptr (MkCommandProbe) a = mk_command_probe_new ((const char *const *) argv);
  g_autoptr (MkCommandProbe) b = mk_command_probe_new ((const char *const *) argv);
  g_autoptr (MkProbe) all = all_of (a, b);
  g_autoptr (MkProbe) any = any_of (a, b);

  mk_test_assert_wait_times_out (all, HUNG_MS, "had not ended after", "still thinking");
  mk_test_assert_soon_nothing_left (tag);
  mk_test_assert_wait_times_out (any, HUNG_MS, "had not ended after", "still thinking");
  mk_test_assert_soon_nothing_left (tag);
}

/* ---- the parts ---- */

static void
assert_refuses (MkAllProbe *all, gpointer probe)
{
  g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_CRITICAL, "*may_add*");
  mk_all_probe_add (all, probe);
  g_test_assert_expected_messages ();
}

static void
test_parts (void)
{
  g_autoptr (TestPart) front = part_new ("the front door", THERE);
  g_autoptr (MkAllProbe) all = mk_all_probe_new (NULL, 0);
  g_autoptr (MkAnyProbe) any = mk_any_probe_new (NULL, 0);
  g_autofree MkProbe **parts = NULL;
  g_autofree char *description = NULL;
  gsize n_parts = 0;

  mk_any_probe_add (any, MK_PROBE (front));
  mk_all_probe_add (all, MK_PROBE (any));
  mk_all_probe_add (all, MK_PROBE (front));
  mk_all_probe_add (all, MK_PROBE (front));

  parts = mk_all_probe_get_probes (all, &n_parts);
  g_assert_cmpuint (n_parts, ==, 2);
  g_assert_true (parts[0] == MK_PROBE (any) && parts[1] == MK_PROBE (front));
  description = mk_probe_describe (MK_PROBE (all));
  g_assert_cmpstr (description, ==, "the front door to be open and the front door to be open");

  assert_refuses (all, all);
  g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_CRITICAL, "*may_add*");
  mk_any_probe_add (any, MK_PROBE (all));
  g_test_assert_expected_messages ();
}

/* By a property, as builders and bindings make them; what is read is a copy. */
static void
assert_made_by_property (GType type)
{
  g_autoptr (TestPart) front = part_new ("the front door", THERE);
  g_autoptr (TestPart) back = part_new ("the back door", THERE);
  g_autoptr (GListStore) store = g_list_store_new (MK_TYPE_PROBE);
  g_autoptr (GListModel) probes = NULL;
  g_autoptr (MkProbe) probe = NULL;
  g_autoptr (MkProbe) second = NULL;

  g_list_store_append (store, front);
  g_list_store_append (store, back);
  probe = g_object_new (type, "probes", store, "interval", 20, NULL);
  g_list_store_remove_all (store);

  g_object_get (probe, "probes", &probes, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (probes), ==, 2);
  second = g_list_model_get_item (probes, 1);
  g_assert_true (second == MK_PROBE (back));
  g_assert_true (mk_test_check (probe, NULL, NULL));
}

static void
test_made_by_property (void)
{
  assert_made_by_property (MK_TYPE_ALL_PROBE);
  assert_made_by_property (MK_TYPE_ANY_PROBE);
}

int
main (int argc, char **argv)
{
  mk_test_adopt_orphans ();
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/combined-probes/all", test_all);
  mk_test_add_everywhere ("/combined-probes/any", test_any);
  mk_test_add ("/combined-probes/errors", test_errors);
  mk_test_add ("/combined-probes/nothing-to-ask", test_nothing_to_ask);

  mk_test_add ("/combined-probes/wait/one-after-the-other", test_come_one_after_the_other);
  mk_test_add ("/combined-probes/wait/gone", test_gone);
  mk_test_add ("/combined-probes/wait/go-one-after-the-other", test_go_one_after_the_other);
  mk_test_add ("/combined-probes/wait/expiry-names-what-is-missing", test_expiry_names_what_is_missing);
  mk_test_add ("/combined-probes/wait/slow-part-is-in-nobodys-way", test_slow_part_is_in_nobodys_way);
  mk_test_add ("/combined-probes/wait/cancelled", test_cancelled);
  mk_test_add ("/combined-probes/wait/hung-commands", test_hung_commands);
  mk_test_add ("/combined-probes/quick/asked-together", test_quick_parts_are_asked_together);
  mk_test_add ("/combined-probes/quick/slow-part-is-spared", test_slow_part_is_spared);
  mk_test_add ("/combined-probes/quick/beside-a-hung-one", test_quick_part_beside_a_hung_one);
  mk_test_add ("/combined-probes/intervals/slow-part", test_slow_part_keeps_its_interval);
  mk_test_add ("/combined-probes/intervals/part-that-is-there", test_there_part_keeps_its_interval);
  mk_test_add ("/combined-probes/intervals/quick-part", test_quick_part_keeps_its_interval);
  mk_test_add ("/combined-probes/wake", test_parts_wake_the_whole);

  mk_test_add ("/combined-probes/executor/starts", test_executor);
  mk_test_add ("/combined-probes/executor/before-the-start", test_before_the_start);
  mk_test_add_once ("/combined-probes/executor/rival", test_rival);
  mk_test_add_once ("/combined-probes/executor/shared", test_shared_by_executors);
  mk_test_add_once ("/combined-probes/parts", test_parts);
  mk_test_add ("/combined-probes/made-by-property", test_made_by_property);

  return g_test_run ();
}
