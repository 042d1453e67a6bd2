/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PostgreSQL, by the executor of the example: a subclass that overrides everything, a launcher that exits
 * while its server lives on, and, as root, a server that belongs to another user than its supervisor.
 */

#include "../../examples/postgres-executor.h"
#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  guint port;
  MkPostgresExecutor *postgres; /* (owned) (nullable) */
  char *folder;                 /* (owned) (nullable) */
  pid_t server;
} Fixture;

static void
set_up (Fixture *self)
{
  *self = (Fixture){ .port = mk_test_free_port () };
  self->postgres = mk_postgres_executor_new (self->port, "shop");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (self->postgres), 50 * 1000);
}

/* The first line of postmaster.pid */
static pid_t
read_pid (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "data", "postmaster.pid", NULL);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return (pid_t) g_ascii_strtoll (text, NULL, 10);
}

/* Postgres may need longer than what mk_test_start() waits for. */
static gboolean
start (Fixture *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!mk_test_is_async ())
    return mk_simple_executor_start (MK_SIMPLE_EXECUTOR (self->postgres), NULL, error);

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (self->postgres), NULL, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (g_main_context_get_thread_default (), &result, 55 * 1000));
  return mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (self->postgres), result, error);
}

static void
assert_starts (Fixture *self)
{
  g_autoptr (GError) error = NULL;
  gboolean started = start (self, &error);

  g_assert_no_error (error);
  g_assert_true (started);
  g_free (self->folder);
  self->folder = g_strdup (mk_postgres_executor_get_directory (self->postgres));
  self->server = read_pid (self->folder);
  g_assert_true (mk_test_process_lives (self->server));
}

static void
assert_nothing_left (Fixture *self)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);

  g_assert_false (mk_test_process_lives (self->server));
  g_assert_cmpuint (children->len, ==, 0);
  g_assert_false (g_file_test (self->folder, G_FILE_TEST_EXISTS));
}

static void
tear_down (Fixture *self)
{
  g_clear_object (&self->postgres);
  g_free (self->folder);
}

static char *
query (Fixture *self, const char *sql)
{
  g_autofree char *psql = mk_postgres_executor_find_program ("psql");
  g_autofree char *digits = g_strdup_printf ("%u", self->port);
  const char *argv[] = { psql,       "-h", "127.0.0.1", "-p",   digits, "-U",
                         "postgres", "-d", "shop",      "-Atc", sql,    NULL };
  char *answer = NULL;
  g_autoptr (GError) error = NULL;

  g_spawn_sync (NULL, (char **) argv, NULL, 0, NULL, NULL, &answer, NULL, NULL, &error);
  g_assert_no_error (error);
  return answer;
}

/* ---- a run ---- */

static void
test_run (void)
{
  Fixture self;
  g_autofree char *answer = NULL;

  set_up (&self);
  assert_starts (&self);
  /* The launcher has ended, and the server has not. */
  g_assert_true (mk_simple_executor_get_active (MK_SIMPLE_EXECUTOR (self.postgres)));
  mk_test_assert_state (self.postgres, MK_EXECUTOR_STATE_READY);
  answer = query (&self, "SELECT 6 * 7");
  g_assert_cmpstr (answer, ==, "42\n");

  mk_test_assert_stops (self.postgres);
  assert_nothing_left (&self);

  assert_starts (&self);
  mk_test_assert_stops (self.postgres);
  assert_nothing_left (&self);
  tear_down (&self);
}

static uid_t
owner_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d", (int) pid);
  GStatBuf status;

  g_assert_cmpint (g_stat (path, &status), ==, 0);
  return status.st_uid;
}

/* Also with the gentle way barred, so that the signal has to do it. */
static void
test_stop_by_signal (void)
{
  Fixture self;
  g_autofree char *pid_file = NULL;
  g_autofree char *moved = NULL;

  set_up (&self);
  assert_starts (&self);
  if (getuid () == 0)
    g_assert_cmpuint (owner_of (self.server), !=, 0);

  pid_file = g_build_filename (self.folder, "data", "postmaster.pid", NULL);
  moved = g_build_filename (self.folder, "moved", NULL);
  g_assert_cmpint (g_rename (pid_file, moved), ==, 0);
  mk_test_assert_stops (self.postgres);
  assert_nothing_left (&self);
  tear_down (&self);
}

static void
test_kill (void)
{
  Fixture self;
  g_autoptr (GError) error = NULL;

  set_up (&self);
  assert_starts (&self);
  g_assert_true (mk_test_kill (self.postgres, NULL, &error));
  g_assert_no_error (error);
  assert_nothing_left (&self);
  tear_down (&self);
}

static void
test_dropped (void)
{
  Fixture self;

  set_up (&self);
  assert_starts (&self);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_clear_object (&self.postgres);
  assert_nothing_left (&self);
  tear_down (&self);
}

static void
test_server_ends_by_itself (void)
{
  Fixture self;

  set_up (&self);
  assert_starts (&self);
  kill (self.server, SIGQUIT);
  g_assert_true (mk_test_await_inactive (MK_SIMPLE_EXECUTOR (self.postgres)));
  mk_test_stop (self.postgres, NULL, NULL);
  assert_nothing_left (&self);
  tear_down (&self);
}

/* ---- failures ---- */

static guint
count_folders (void)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, "mk-postgres-");
  return n;
}

static void
assert_fails (Fixture *self, int code, const char *message_part)
{
  g_autoptr (GArray) children = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (start (self, &error));
  g_assert_error (error, MK_ERROR, code);
  mk_test_assert_contains (error->message, message_part);
  children = mk_test_find_children (getpid (), TRUE);
  g_assert_cmpuint (children->len, ==, 0);
  g_assert_null (mk_postgres_executor_get_directory (self->postgres));
  g_assert_cmpuint (count_folders (), ==, 0);
}

/* Somebody else has the port, and does not speak PostgreSQL. */
static void
test_port_is_taken (void)
{
  Fixture self;
  struct sockaddr_in address = { .sin_family = AF_INET };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  set_up (&self);
  address.sin_port = htons ((guint16) self.port);
  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);

  assert_fails (&self, MK_ERROR_EXITED, "the server has ended");
  close (fd);
  tear_down (&self);
}

static void
test_already_running (void)
{
  Fixture self, other;
  g_autoptr (GError) error = NULL;

  set_up (&self);
  assert_starts (&self);

  set_up (&other);
  g_clear_object (&other.postgres);
  other.postgres = mk_postgres_executor_new (self.port, NULL);
  g_assert_false (start (&other, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "pg_isready");
  g_assert_null (mk_postgres_executor_get_directory (other.postgres));
  tear_down (&other);

  mk_test_assert_stops (self.postgres);
  assert_nothing_left (&self);
  tear_down (&self);
}

/* While initdb runs */
static void
test_cancelled (void)
{
  Fixture self;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GArray) children = NULL;
  g_autoptr (GError) error = NULL;

  set_up (&self);
  mk_test_cancel_later (cancellable, 150);
  g_assert_false (mk_test_start (self.postgres, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  children = mk_test_find_children (getpid (), TRUE);
  g_assert_cmpuint (children->len, ==, 0);
  g_assert_cmpuint (count_folders (), ==, 0);
  tear_down (&self);
}

static void
test_time_is_up (void)
{
  Fixture self;

  set_up (&self);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (self.postgres), 150);
  assert_fails (&self, MK_ERROR_TIMED_OUT, "prepare()");
  tear_down (&self);
}

int
main (int argc, char **argv)
{
  g_autofree char *initdb = mk_postgres_executor_find_program ("initdb");
  g_autofree char *setpriv = g_find_program_in_path ("setpriv");
  g_autofree char *folder = g_strdup ("/tmp/mk-test-XXXXXX");
  int status;

  if (initdb == NULL || setpriv == NULL)
    {
      g_print ("1..0 # SKIP PostgreSQL is not installed\n");
      return 0;
    }

  mk_test_adopt_orphans ();

  /* Data folders of others are not counted. GLib remembers where temporary files go. */
  g_assert_nonnull (g_mkdtemp_full (folder, 0755));
  g_setenv ("TMPDIR", folder, TRUE);
  g_test_init (&argc, &argv, NULL);

  /* Each start takes seconds; what differs between the two ways to call is tested by other suites. */
  mk_test_add ("/postgres/run", test_run);
  mk_test_add_once ("/postgres/stop-by-signal", test_stop_by_signal);
  mk_test_add_once ("/postgres/kill", test_kill);
  mk_test_add_once ("/postgres/dropped", test_dropped);
  mk_test_add_once ("/postgres/server-ends-by-itself", test_server_ends_by_itself);
  mk_test_add_once ("/postgres/fails/port-is-taken", test_port_is_taken);
  mk_test_add_once ("/postgres/fails/already-running", test_already_running);
  mk_test_add ("/postgres/fails/cancelled", test_cancelled);
  mk_test_add ("/postgres/fails/time-is-up", test_time_is_up);

  status = g_test_run ();
  g_rmdir (folder);
  return status;
}
