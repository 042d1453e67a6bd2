/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several services: in their order, side by side where they can, with values of one in another, and all or
 * nothing.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  char *tag;
  MkTestFolder *folder;
  char *stamps;
  MkExecutorGroup *group;
} Fixture;

static void
fixture_clear (Fixture *self)
{
  g_clear_object (&self->group);
  mk_test_assert_nothing_left (self->tag);
  g_clear_pointer (&self->folder, mk_test_remove_folder);
  g_free (self->stamps);
  g_free (self->tag);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
fixture_init (Fixture *self)
{
  self->tag = mk_test_new_tag ();
  self->folder = mk_test_new_folder ();
  self->stamps = g_build_filename (self->folder, "stamps", NULL);
  self->group = mk_executor_group_new ();
}

/* A service that is ready after some time, and notes its name when it is, and when it is stopped. */
static MkSimpleExecutor *
add (Fixture *self, const char *name, const char *script)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  const char *argv[] = { "sh", "-c", script, self->tag, name, path, self->stamps, NULL };
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  g_autoptr (GError) error = NULL;

  mk_executor_group_add (self->group, name, MK_SIMPLE_EXECUTOR (executor), &error);
  g_assert_no_error (error);
  return MK_SIMPLE_EXECUTOR (executor);
}

#define NOTES(delay)                                                                                         \
  "trap 'echo -$1 >> $3; rm -f $2; exit 0' TERM; sleep " delay "; echo +$1 >> $3; : > $2; "                  \
  "while :; do sleep 0.02; done"

static void
depend (Fixture *self, const char *name, const char *on)
{
  g_autoptr (GError) error = NULL;

  mk_executor_group_add_dependency (self->group, name, on, &error);
  g_assert_no_error (error);
}

static void
assert_stamps (Fixture *self, const char *expected)
{
  g_autofree char *stamps = NULL;

  g_file_get_contents (self->stamps, &stamps, NULL, NULL);
  g_assert_cmpstr (g_strdelimit (stamps, "\n", ' '), ==, expected);
}

static void
assert_starts (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  mk_executor_group_start (self->group, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mk_executor_group_get_state (self->group), ==, MK_EXECUTOR_STATE_READY);
}

static void
assert_stops (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  mk_executor_group_stop (self->group, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mk_executor_group_get_state (self->group), ==, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpuint (mk_test_count_tagged (self->tag), ==, 0);
}

/* @words: what the error has to say */
static void
assert_start_fails (Fixture *self, GQuark domain, int code, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_executor_group_start (self->group, NULL, &error));
  g_assert_error (error, domain, code);
  mk_test_assert_contains (error->message, words);
  g_assert_cmpint (mk_executor_group_get_state (self->group), ==, MK_EXECUTOR_STATE_STOPPED);
  g_assert_cmpuint (mk_test_count_tagged (self->tag), ==, 0);
}

/* ---- the order ---- */

static void
test_order (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  add (&self, "app", NOTES ("0"));
  add (&self, "queue", NOTES ("0.1"));
  add (&self, "db", NOTES ("0.2"));
  depend (&self, "app", "queue");
  depend (&self, "queue", "db");
  depend (&self, "app", "db");
  for (guint i = 0; i < 2; i++)
    {
      assert_starts (&self);
      assert_stamps (&self, "+db +queue +app ");
      assert_stops (&self);
      assert_stamps (&self, "+db +queue +app -app -queue -db ");
      g_assert_cmpint (g_unlink (self.stamps), ==, 0);
    }
}

static void
test_side_by_side (void)
{
  g_auto (Fixture) self = { 0 };
  gint64 begun;

  fixture_init (&self);
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("s%u", i);

      add (&self, name, NOTES ("1"));
    }
  begun = g_get_monotonic_time ();
  assert_starts (&self);
  /* One after the other it would be ten seconds. */
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 8 * G_USEC_PER_SEC);
  assert_stops (&self);
}

static void
test_cycle (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  add (&self, "free", NOTES ("0"));
  add (&self, "a", NOTES ("0"));
  add (&self, "b", NOTES ("0"));
  add (&self, "c", NOTES ("0"));
  depend (&self, "free", "a");
  depend (&self, "a", "b");
  depend (&self, "b", "c");
  depend (&self, "c", "a");
  assert_start_fails (&self, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "a → b → c → a");

  g_assert_false (mk_executor_group_add_dependency (self.group, "a", "a", &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mk_executor_group_add_dependency (self.group, "a", "none", &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "“none”");
  mk_test_assert_contains (error->message, "free, a, b, c");
}

/* ---- failures ---- */

static void
on_failed (MkExecutorGroup *group, const char *name, const GError *error, gpointer user_data)
{
  GString *names = user_data;

  g_string_append_printf (names, "%s ", name);
}

static void
test_one_fails (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GString) failed = g_string_new (NULL);

  fixture_init (&self);
  g_signal_connect (self.group, "failed", G_CALLBACK (on_failed), failed);
  add (&self, "db", NOTES ("0"));
  add (&self, "slow", "exec sleep 60");
  add (&self, "bad", "echo the reason; exit 3");
  add (&self, "never", NOTES ("0"));
  depend (&self, "bad", "db");
  depend (&self, "never", "bad");
  assert_start_fails (&self, MK_ERROR, MK_ERROR_EXITED, "bad: sh");
  g_assert_cmpstr (failed->str, ==, "bad ");
  assert_stamps (&self, "+db -db ");
}

/* One that was ready ends while another one is being started. */
static void
test_one_ends_early (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  add (&self, "short", ": > $2; sleep 0.1; rm $2; exit 0");
  add (&self, "slow", NOTES ("0.4"));
  assert_start_fails (&self, MK_ERROR, MK_ERROR_EXITED, "short: ");
}

/* A migration is done when what needs it is started. */
static void
test_one_completes (void)
{
  g_auto (Fixture) self = { 0 };
  const char *argv[] = { "sh", "-c", "sleep 0.2; echo =step >> $1", NULL, NULL, NULL };
  g_autoptr (MkSimpleExecutor) step = NULL;

  fixture_init (&self);
  argv[3] = self.tag;
  argv[4] = self.stamps;
  step = mk_simple_executor_new (argv);
  mk_simple_executor_set_completes (step, TRUE);
  g_assert_true (mk_executor_group_add (self.group, "step", step, NULL));
  add (&self, "app", NOTES ("0"));
  add (&self, "db", NOTES ("0"));
  depend (&self, "app", "step");
  depend (&self, "step", "db");
  assert_starts (&self);
  assert_stops (&self);
  assert_stamps (&self, "+db =step +app -app -db ");
}

static void
test_one_ends_later (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GString) failed = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor;

  fixture_init (&self);
  g_signal_connect (self.group, "failed", G_CALLBACK (on_failed), failed);
  executor = add (&self, "a", NOTES ("0"));
  add (&self, "b", NOTES ("0"));
  assert_starts (&self);
  g_assert_true (mk_simple_executor_send_signal (executor, SIGKILL, NULL));
  while (mk_executor_group_get_state (self.group) != MK_EXECUTOR_STATE_EXITED)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (failed->str, ==, "a ");
  g_assert_true (mk_simple_executor_get_running (mk_executor_group_lookup (self.group, "b")));

  g_assert_false (mk_executor_group_stop (self.group, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FINISHED_WITH_ERROR);
  g_assert_true (g_str_has_prefix (error->message, "a: "));
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
}

/* ---- operations ---- */

static void
test_cancel_start (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  add (&self, "db", NOTES ("0"));
  add (&self, "slow", "exec sleep 60");
  depend (&self, "slow", "db");
  mk_test_cancel_later (cancellable, 200);
  g_assert_false (mk_executor_group_start (self.group, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
}

static void
test_stop_ends_start (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GAsyncResult) stopped = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  add (&self, "db", NOTES ("0"));
  add (&self, "slow", "exec sleep 60");
  depend (&self, "slow", "db");
  mk_executor_group_start_async (self.group, NULL, mk_test_store_result, &started);
  while (mk_simple_executor_get_pid (mk_executor_group_lookup (self.group, "slow")) == 0)
    g_main_context_iteration (NULL, TRUE);

  g_assert_false (mk_executor_group_start (self.group, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  mk_executor_group_stop_async (self.group, NULL, mk_test_store_result, &stopped);
  while (started == NULL || stopped == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (mk_executor_group_start_finish (self.group, started, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mk_executor_group_stop_finish (self.group, stopped, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
  g_assert_cmpint (mk_executor_group_get_state (self.group), ==, MK_EXECUTOR_STATE_STOPPED);
}

/* A start that has failed is stopping one service, and has not begun with another one. Its context is not run
 * meanwhile. */
static void
test_stop_while_start_fails (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *stubborn;

  fixture_init (&self);
  add (&self, "db", NOTES ("0"));
  stubborn = add (&self, "stubborn", "trap '' TERM; : > $2; while :; do sleep 0.02; done");
  mk_simple_executor_set_stop_timeout (stubborn, 500);
  add (&self, "app", "exit 3");
  depend (&self, "stubborn", "db");
  depend (&self, "app", "stubborn");
  mk_executor_group_start_async (self.group, NULL, mk_test_store_result, &started);
  while (mk_simple_executor_get_state (stubborn) != MK_EXECUTOR_STATE_STOPPING)
    g_main_context_iteration (NULL, TRUE);
  assert_stops (&self);

  while (started == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (mk_executor_group_start_finish (self.group, started, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_EXITED);
  g_assert_cmpint (mk_executor_group_get_state (self.group), ==, MK_EXECUTOR_STATE_STOPPED);
  assert_stamps (&self, "+db -db ");
}

static void
test_cancel_stop (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  add (&self, "db", NOTES ("0"));
  add (&self, "stubborn", "trap '' TERM; : > $2; while :; do sleep 0.02; done");
  mk_simple_executor_set_stop_timeout (mk_executor_group_lookup (self.group, "stubborn"), 1000);
  depend (&self, "stubborn", "db");
  assert_starts (&self);
  mk_test_cancel_later (cancellable, 50);
  g_assert_false (mk_executor_group_stop (self.group, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
}

static void
test_states (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor;

  fixture_init (&self);
  assert_stops (&self); /* there is nothing to do */
  assert_starts (&self);
  assert_stops (&self);
  executor = add (&self, "a", NOTES ("0"));
  assert_starts (&self);
  g_assert_false (mk_executor_group_start (self.group, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  g_clear_error (&error);
  g_assert_false (mk_executor_group_add (self.group, "b", executor, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  assert_stops (&self);
  assert_stops (&self);

  g_assert_false (mk_executor_group_add (self.group, "b", executor, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  for (guint i = 0; i < 5; i++)
    {
      static const char *const names[] = { "a", "", "1a", "a.b", "a b" };
      const char *argv[] = { "true", NULL };
      g_autoptr (MkSimpleExecutor) other = mk_simple_executor_new (argv);

      g_assert_false (mk_executor_group_add (self.group, names[i], other, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
}

static void
test_drop (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  add (&self, "a", NOTES ("0"));
  add (&self, "b", NOTES ("0"));
  assert_starts (&self);
  g_clear_object (&self.group);
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
}

/* ---- values ---- */

/* The web server is told the port of the database, and starts after it without being told. */
static void
test_values (void)
{
  g_auto (Fixture) self = { 0 };
  g_autofree char *own = NULL;
  g_autofree char *other = NULL;
  g_autofree char *expanded = NULL;
  g_autofree char *expected = NULL;
  g_auto (GStrv) environment = NULL;
  const char *base[] = { "PATH=/bin", NULL };
  g_auto (GStrv) db_argv = NULL;
  g_auto (GStrv) web_argv = NULL;
  g_autoptr (MkTcpExecutor) db = NULL;
  g_autoptr (MkOutputExecutor) web = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  db_argv = mk_test_service_argv (self.tag, "--after", "100", "--listen", "127.0.0.1:{port}", NULL);
  web_argv = mk_test_service_argv (self.tag,
                                   "--print",
                                   "{db.port} {port} {name} ${db.port} {{db.port}} {other.port}",
                                   "--ready",
                                   "up",
                                   NULL);
  web = mk_output_executor_new ((const char *const *) web_argv, "^(?<said>\\d+) (?<port>\\d+) .*\n");
  db = mk_tcp_executor_new ((const char *const *) db_argv, "127.0.0.1", 0);
  mk_executor_group_add (self.group, "web-1", MK_SIMPLE_EXECUTOR (web), &error);
  g_assert_no_error (error);
  mk_executor_group_add (self.group, "db", MK_SIMPLE_EXECUTOR (db), &error);
  g_assert_no_error (error);
  g_assert_null (mk_executor_group_dup_value (self.group, "db.port"));
  assert_starts (&self);

  own = mk_executor_group_dup_value (self.group, "db.port");
  other = mk_executor_group_dup_value (self.group, "web-1.said");
  g_assert_cmpstr (own, ==, other);
  g_assert_null (mk_executor_group_dup_value (self.group, "db"));
  g_assert_null (mk_executor_group_dup_value (self.group, "none.port"));
  expected = g_strdup_printf ("%s web-1 ${db.port} {db.port} {other.port}", own);
  expanded = mk_test_dup_stdout (web);
  mk_test_assert_contains (expanded, " web-1 ${db.port} {db.port} {other.port}");

  g_clear_pointer (&expanded, g_free);
  expanded = mk_executor_group_expand (
      self.group, "{db.port} {web-1.name} ${db.port} {{db.port}} {other.port}", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (expanded, ==, expected);
  g_clear_pointer (&expanded, g_free);
  expanded = mk_executor_group_expand (self.group, "{port} {dir}", &error);
  g_assert_cmpstr (expanded, ==, "{port} {dir}");
  g_assert_null (mk_executor_group_expand (self.group, "{db.prot}", &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "“db” has no value “prot”");

  environment = mk_executor_group_dup_environment (self.group, base);
  g_assert_cmpstr (g_environ_getenv (environment, "DB_PORT"), ==, own);
  g_assert_cmpstr (g_environ_getenv (environment, "DB_HOST"), ==, "127.0.0.1");
  g_assert_cmpstr (g_environ_getenv (environment, "PATH"), ==, "/bin");
  g_assert_nonnull (g_environ_getenv (environment, "WEB_1_PORT"));
  g_assert_null (g_environ_getenv (environment, "DB_DIR"));
  assert_stops (&self);
  g_assert_null (mk_executor_group_dup_value (self.group, "db.port"));
}

static void
test_unknown_value (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  add (&self, "db", NOTES ("0"));
  add (&self, "web", "echo {db.prot}; " NOTES ("0"));
  assert_start_fails (
      &self, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "web: “{db.prot}” has no value: “db” has no value “prot”");
}

static void
test_model (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GObject) first = NULL;
  g_autofree char *dot = NULL;
  MkSimpleExecutor *executor;

  fixture_init (&self);
  executor = add (&self, "a", NOTES ("0"));
  add (&self, "b", NOTES ("0"));
  depend (&self, "b", "a");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (self.group)), ==, 2);
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (self.group)) == MK_TYPE_SIMPLE_EXECUTOR);
  first = g_list_model_get_item (G_LIST_MODEL (self.group), 0);
  g_assert_true (first == (GObject *) executor);
  g_assert_cmpstr (mk_executor_group_get_name (self.group, executor), ==, "a");
  g_assert_null (mk_executor_group_lookup (self.group, "c"));
  dot = mk_executor_group_to_dot (self.group);
  mk_test_assert_contains (dot, "\"b\" -> \"a\";");
}

/* ---- reports ---- */

static GVariant *
lookup_service (GVariant *report, const char *name)
{
  g_autoptr (GVariant) services = g_variant_lookup_value (report, "services", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; i < g_variant_n_children (services); i++)
    {
      g_autoptr (GVariant) service = g_variant_get_child_value (services, i);
      const char *found = NULL;

      g_assert_true (g_variant_lookup (service, "name", "&s", &found));
      if (g_str_equal (found, name))
        return g_steal_pointer (&service);
    }

  g_assert_not_reached ();
}

static void
assert_times (GVariant *service, const char *const *keys)
{
  double before = 0;
  double when = 0;

  for (; *keys != NULL; keys++, before = when)
    {
      g_assert_true (g_variant_lookup (service, *keys, "d", &when));
      g_assert_cmpfloat (when, >=, before);
      g_assert_cmpfloat (when, <, 60);
    }
}

typedef struct
{
  Fixture *fixture;
  GString *progress;
  guint n_reports;
} Watch;

static void
on_progress (MkExecutorGroup *group, GParamSpec *pspec, gpointer user_data)
{
  Watch *watch = user_data;

  g_string_append_printf (watch->progress, "%.1f ", mk_executor_group_get_progress (group));
}

static gboolean
on_report_time (gpointer user_data)
{
  Watch *watch = user_data;
  g_autofree char *text = mk_executor_group_dup_report (watch->fixture->group);
  g_autoptr (GVariant) dict = mk_executor_group_dup_report_dict (watch->fixture->group);
  g_autoptr (GVariant) db = lookup_service (dict, "db");
  g_autoptr (GVariant) probes = g_variant_lookup_value (db, "probes", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) probe = NULL;
  guint attempts = 0;

  if (probes == NULL || g_variant_n_children (probes) == 0)
    return G_SOURCE_CONTINUE;
  probe = g_variant_get_child_value (probes, 0);
  g_variant_lookup (probe, "attempts", "u", &attempts);
  if (attempts < 2 || strstr (text, "child of") == NULL)
    return G_SOURCE_CONTINUE;

  mk_test_assert_contains (text, "db: ");
  mk_test_assert_contains (text, "starting)");
  mk_test_assert_contains (text, "attempts)");
  mk_test_assert_contains (text, "    waits for the services: db");
  g_assert_true (g_str_has_prefix (text, "starting\n  db: "));
  watch->n_reports++;
  return G_SOURCE_REMOVE;
}

static void
test_report (void)
{
  static const char *const ready_keys[] = { "spawned", "ready", "running", NULL };
  static const char *const gone_keys[] = { "spawned", "ready", "stopping", "exited", "gone", NULL };
  g_auto (Fixture) self = { 0 };
  g_autoptr (GString) progress = g_string_new (NULL);
  Watch watch = { &self, progress, 0 };
  g_autoptr (GVariant) before = NULL;
  g_autoptr (GVariant) running = NULL;
  g_autoptr (GVariant) after = NULL;
  g_autoptr (GVariant) app = NULL;
  g_autoptr (GVariant) gone = NULL;
  g_autoptr (GAsyncResult) started = NULL;
  guint timer = 0;
  const char *state = NULL;
  const char **requires = NULL;

  fixture_init (&self);
  if (!mk_test_has_linux_features ("processes of a service are listed"))
    return;
  before = mk_executor_group_dup_report_dict (self.group);
  g_assert_true (g_variant_lookup (before, "state", "&s", &state));
  g_assert_cmpstr (state, ==, "stopped");
  add (&self, "db", NOTES ("1"));
  add (&self, "app", NOTES ("0"));
  depend (&self, "app", "db");
  g_signal_connect (self.group, "notify::progress", G_CALLBACK (on_progress), &watch);

  timer = g_timeout_add (10, on_report_time, &watch);
  mk_executor_group_start_async (self.group, NULL, mk_test_store_result, &started);
  while (started == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (mk_executor_group_start_finish (self.group, started, NULL));
  if (watch.n_reports == 0)
    g_source_remove (timer);
  g_assert_cmpuint (watch.n_reports, ==, 1);

  running = mk_executor_group_dup_report_dict (self.group);
  app = lookup_service (running, "app");
  assert_times (app, ready_keys);
  g_assert_true (g_variant_lookup (app, "requires", "^a&s", &requires));
  g_assert_cmpstr (requires[0], ==, "db");
  g_free (requires);
  assert_stops (&self);
  g_assert_cmpstr (progress->str, ==, "0.5 1.0 0.5 0.0 ");
  after = mk_executor_group_dup_report_dict (self.group);
  gone = lookup_service (after, "app");
  assert_times (gone, gone_keys);
}

/* It may be any bytes, and half a character at its end. */
static void
test_report_names (void)
{
  g_auto (Fixture) self = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&self);
  if (!mk_test_has_linux_features ("processes of a service are listed"))
    return;
  add (&self, "odd", "printf 'a\\n  b\\033[31m\\360' >/proc/$$/comm; " NOTES ("0"));
  assert_starts (&self);
  text = mk_executor_group_dup_report (self.group);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_null (strchr (text, '\033'));
  mk_test_assert_contains (text, ": a\\x0a  b\\x1b[31m");
  mk_test_assert_contains (text, "has been running for ");
  assert_stops (&self);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/group/order", test_order);
  g_test_add_func ("/group/side-by-side", test_side_by_side);
  g_test_add_func ("/group/cycle", test_cycle);
  g_test_add_func ("/group/fails/start", test_one_fails);
  g_test_add_func ("/group/fails/early", test_one_ends_early);
  g_test_add_func ("/group/completes", test_one_completes);
  g_test_add_func ("/group/fails/later", test_one_ends_later);
  g_test_add_func ("/group/cancel/start", test_cancel_start);
  g_test_add_func ("/group/cancel/stop", test_cancel_stop);
  g_test_add_func ("/group/stop-ends-start", test_stop_ends_start);
  g_test_add_func ("/group/stop-while-start-fails", test_stop_while_start_fails);
  g_test_add_func ("/group/states", test_states);
  g_test_add_func ("/group/drop", test_drop);
  g_test_add_func ("/group/values", test_values);
  g_test_add_func ("/group/values/unknown", test_unknown_value);
  g_test_add_func ("/group/model", test_model);
  g_test_add_func ("/group/report", test_report);
  g_test_add_func ("/group/report/names", test_report_names);

  return g_test_run ();
}
