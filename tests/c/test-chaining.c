/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Subclasses that override the checks of an executor and chain up to its probe: all that the probe can do has
 * to be done for them as well.
 */

#include "mk-test-calls.h"

#include <errno.h>

#define DEADLINE_MS 300
#define N_CHECKS    60
/* Each takes a millisecond at least, so the next one follows no sooner than 50 ms later, unless the probe
 * wakes.
 */
#define LIMIT_US (45 * G_TIME_SPAN_MILLISECOND)

/* ---- a probe that notes what is done with it ---- */

#define TEST_TYPE_NOTING_PROBE (test_noting_probe_get_type ())
G_DECLARE_FINAL_TYPE (TestNotingProbe, test_noting_probe, TEST, NOTING_PROBE, MkProbe)

struct _TestNotingProbe
{
  MkProbe parent_instance;

  gboolean hangs;
  gboolean was_attached; /* at each check */
  gint64 checked_at;
  gint64 shortest_pause; /* between two checks */
  int n_checks;
  int n_attached;
  int n_detached;
};

G_DEFINE_FINAL_TYPE (TestNotingProbe, test_noting_probe, MK_TYPE_PROBE)

static void
on_cancelled (GCancellable *cancellable, gpointer task)
{
  g_task_return_boolean (task, FALSE);
  g_object_unref (task);
}

static void
test_noting_probe_check_task (MkProbe *probe, GTask *task)
{
  TestNotingProbe *self = TEST_NOTING_PROBE (probe);

  /* Before the start */
  if (self->n_attached == 0)
    {
      g_task_return_boolean (task, FALSE);
      return;
    }

  self->was_attached = self->was_attached && self->n_attached == 1 && self->n_detached == 0;
  if (self->n_checks++ > 0)
    self->shortest_pause = MIN (self->shortest_pause, g_get_monotonic_time () - self->checked_at);
  if (self->hangs)
    {
      g_signal_connect (
          g_task_get_cancellable (task), "cancelled", G_CALLBACK (on_cancelled), g_object_ref (task));
      return;
    }

  g_usleep (1000);
  self->checked_at = g_get_monotonic_time ();
  mk_probe_wake (probe);
  g_task_return_boolean (task, self->n_checks >= N_CHECKS);
}

static void
test_noting_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  TEST_NOTING_PROBE (probe)->n_attached++;
}

static void
test_noting_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  TEST_NOTING_PROBE (probe)->n_detached++;
}

static void
test_noting_probe_class_init (TestNotingProbeClass *klass)
{
  MK_PROBE_CLASS (klass)->check_task = test_noting_probe_check_task;
  MK_PROBE_CLASS (klass)->attach = test_noting_probe_attach;
  MK_PROBE_CLASS (klass)->detach = test_noting_probe_detach;
}

static void
test_noting_probe_init (TestNotingProbe *self)
{
  self->was_attached = TRUE;
  self->shortest_pause = G_MAXINT64;
}

/* ---- the subclasses ---- */

#define DEFINE_SUBCLASS(Name, name, PARENT_TYPE, Parent)                                                     \
  typedef Parent Name;                                                                                       \
  typedef Parent##Class Name##Class;                                                                         \
  GType name##_get_type (void);                                                                              \
  G_DEFINE_TYPE (Name, name, PARENT_TYPE)                                                                    \
                                                                                                             \
  static gboolean name##_pre_start_check (MkExecutor *executor, GError **error)                              \
  {                                                                                                          \
    return MK_EXECUTOR_CLASS (name##_parent_class)->pre_start_check (executor, error);                       \
  }                                                                                                          \
                                                                                                             \
  static gboolean name##_after_start_check (MkExecutor *executor, GError **error)                            \
  {                                                                                                          \
    return g_object_get_data (G_OBJECT (executor), "never") == NULL &&                                       \
           MK_EXECUTOR_CLASS (name##_parent_class)->after_start_check (executor, error);                     \
  }                                                                                                          \
                                                                                                             \
  static void name##_class_init (Name##Class *klass)                                                         \
  {                                                                                                          \
    MK_EXECUTOR_CLASS (klass)->pre_start_check = name##_pre_start_check;                                     \
    MK_EXECUTOR_CLASS (klass)->after_start_check = name##_after_start_check;                                 \
  }                                                                                                          \
                                                                                                             \
  static void name##_init (Name *self) {}

DEFINE_SUBCLASS (TestPlain, test_plain, MK_TYPE_EXECUTOR, MkExecutor)
DEFINE_SUBCLASS (TestHttp, test_http, MK_TYPE_HTTP_EXECUTOR, MkHttpExecutor)
DEFINE_SUBCLASS (TestOutput, test_output, MK_TYPE_OUTPUT_EXECUTOR, MkOutputExecutor)

static MkSimpleExecutor *
new_plain (const char *tag, gpointer probe)
{
  g_auto (GStrv) argv = mk_test_service_argv (tag, NULL, NULL);

  return g_object_new (test_plain_get_type (), "command", argv, "probe", probe, NULL);
}

/* ---- the tests ---- */

static void
test_attached_and_woken (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (TestNotingProbe) probe = g_object_new (TEST_TYPE_NOTING_PROBE, NULL);
  g_autoptr (MkSimpleExecutor) executor = new_plain (tag, probe);

  mk_test_assert_starts (executor);
  g_assert_cmpint (probe->shortest_pause, <, LIMIT_US);
  g_assert_cmpint (probe->n_checks, ==, N_CHECKS);
  g_assert_true (probe->was_attached);
  g_assert_cmpint (probe->n_attached, ==, 1);
  g_assert_cmpint (probe->n_detached, ==, 1);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* A probe that does not answer must not keep the start past its deadline. */
static void
test_hung_probe (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (TestNotingProbe) probe = g_object_new (TEST_TYPE_NOTING_PROBE, NULL);
  g_autoptr (MkSimpleExecutor) executor = new_plain (tag, probe);

  probe->hangs = TRUE;
  mk_test_assert_start_times_out (executor, DEADLINE_MS, tag, "TestNotingProbe to be satisfied");
  g_assert_cmpint (probe->n_checks, ==, probe->n_attached);
  g_assert_cmpint (probe->n_detached, ==, probe->n_attached);
}

static void
test_tells_what_was_seen (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ());
  g_autoptr (MkSimpleExecutor) executor = new_plain (tag, probe);

  mk_test_assert_start_times_out (executor, DEADLINE_MS, tag, mk_test_strerror (ECONNREFUSED));
}

/* Whoever listens there is in the way, though no HTTP comes from there. */
static void
test_before_the_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, NULL);
  g_autoptr (MkTcpExecutor) holder = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);
  g_autoptr (MkSimpleExecutor) executor =
      g_object_new (test_http_get_type (), "command", argv, "uri", uri, NULL);
  g_autoptr (GError) error = NULL;

  mk_test_assert_starts (holder);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, 0);
  mk_test_assert_stops (holder);
}

static void
test_explains_the_exit (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--print", "no licence", "--exit", "1", NULL);
  g_autoptr (MkSimpleExecutor) executor = g_object_new (
      test_output_get_type (), "command", argv, "banner", "ready", "failure-pattern", "no licence", NULL);
  g_autoptr (GError) error = NULL;

  g_object_set_data (G_OBJECT (executor), "never", executor);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "printed “no licence”");
  mk_test_assert_nothing_left (tag);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/chaining/attached-and-woken", test_attached_and_woken);
  mk_test_add ("/chaining/hung-probe", test_hung_probe);
  mk_test_add ("/chaining/tells-what-was-seen", test_tells_what_was_seen);
  mk_test_add ("/chaining/before-the-start", test_before_the_start);
  mk_test_add ("/chaining/explains-the-exit", test_explains_the_exit);

  return g_test_run ();
}
