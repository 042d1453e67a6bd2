/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A PostgreSQL server with a data directory of its own, that is made for each start and removed after it.
 *
 * It overrides all that an executor has to override:
 *
 *   prepare        initdb makes the data directory
 *   build_command  pg_ctl start, which ends with status 0 while the server lives on
 *   check_alive    what pg_ctl status would look at: whether the server lives, and is not shutting down
 *   started        createdb makes the database
 *   request_stop   pg_ctl stop -m fast
 *   cleanup        removes the data directory
 *
 * That the server is ready is told by pg_isready. The other programs are run by executors, too: so nothing
 * of them is left if a start is cancelled meanwhile.
 *
 * PostgreSQL refuses to run as root. Then setpriv makes all of its programs run as another user. Stopping and
 * cleaning up work all the same, since the supervisor is still root's.
 */

#include "postgres-executor.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#define SUPERUSER "postgres"
/* The line of postmaster.pid that says what the server is doing. */
#define STATUS_LINE 7

struct _MkPostgresExecutor
{
  MkExecutor parent_instance;

  guint port;
  char *database;        /* (owned) (nullable) made when the server is ready */
  char *directory;       /* (owned) (nullable) while there is one: data, log and socket */
  MkCommandProbe *probe; /* (owned) */
};

G_DEFINE_FINAL_TYPE (MkPostgresExecutor, mk_postgres_executor, MK_TYPE_EXECUTOR)

/* ---- the programs ---- */

/* Debian keeps the programs of each version in a directory of its own; the newest one is taken. */
char *
mk_postgres_executor_find_program (const char *name)
{
  const char *root = "/usr/lib/postgresql";
  g_autoptr (GDir) dir = g_dir_open (root, 0, NULL);
  g_autofree char *best = NULL;
  const char *version;
  double newest = 0;

  while (dir != NULL && (version = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (root, version, "bin", name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE) && g_ascii_strtod (version, NULL) > newest)
        {
          newest = g_ascii_strtod (version, NULL);
          g_free (best);
          best = g_steal_pointer (&path);
        }
    }

  return best ? g_steal_pointer (&best) : g_find_program_in_path (name);
}

/* (nullable): the user to become; none unless we are root */
static const struct passwd *
get_user (void)
{
  const struct passwd *user = NULL;

  if (geteuid () != 0)
    return NULL;

  user = getpwnam ("postgres");
  return user ? user : getpwnam ("nobody");
}

/* Begins the command for one of PostgreSQL's programs. */
static GStrvBuilder *
begin_command (const char *program)
{
  GStrvBuilder *builder = g_strv_builder_new ();
  const struct passwd *user = get_user ();
  g_autofree char *path = mk_postgres_executor_find_program (program);

  if (user != NULL)
    {
      g_autofree char *reuid = g_strdup_printf ("--reuid=%u", (guint) user->pw_uid);
      g_autofree char *regid = g_strdup_printf ("--regid=%u", (guint) user->pw_gid);

      g_strv_builder_add_many (builder, "setpriv", reuid, regid, "--clear-groups", "--", NULL);
    }
  g_strv_builder_add (builder, path ? path : program);
  return builder;
}

static char *
dup_data (MkPostgresExecutor *self)
{
  return g_build_filename (self->directory, "data", NULL);
}

static void
on_command_ended (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkSimpleExecutor *command = MK_SIMPLE_EXECUTOR (object);
  g_autoptr (GBytes) output = NULL;
  g_autofree char *text = NULL;
  const char *data;
  gsize length;
  GError *error = NULL;
  int status;

  if (!mk_simple_executor_wait_finish (command, result, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  status = mk_simple_executor_get_exit_status (command);
  if (status == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  output = mk_simple_executor_dup_output (command, MK_STREAM_STDOUT);
  data = g_bytes_get_data (output, &length);
  text = g_utf8_make_valid (data ? data : "", (gssize) length);
  g_task_return_new_error (
      task, G_IO_ERROR, G_IO_ERROR_FAILED, "its command ended with status %d: %s", status, g_strstrip (text));
}

static void
on_command_started (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (!mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, &error))
    g_task_return_error (task, error);
  else
    mk_simple_executor_wait_async (
        MK_SIMPLE_EXECUTOR (object), g_task_get_cancellable (task), on_command_ended, g_object_ref (task));
}

/* Runs a command to its end, and returns @task then. Dropping the executor ends the command. */
static void
run (GStrvBuilder *builder, GTask *task)
{
  g_auto (GStrv) argv = g_strv_builder_end (builder);
  g_autoptr (MkSimpleExecutor) command = mk_simple_executor_new ((const char *const *) argv);

  mk_simple_executor_set_stderr_mode (command, MK_STDIO_MODE_MERGE);
  mk_simple_executor_set_cwd (command, "/");
  mk_simple_executor_start_async (
      command, g_task_get_cancellable (task), on_command_started, g_object_ref (task));
}

/* ---- before and after ---- */

static gboolean
make_directory (MkPostgresExecutor *self, GError **error)
{
  const struct passwd *user = get_user ();

  g_free (self->directory);
  self->directory = g_dir_make_tmp ("mk-postgres-XXXXXX", error);
  if (self->directory == NULL)
    return FALSE;
  if (user == NULL || chown (self->directory, user->pw_uid, user->pw_gid) == 0)
    return TRUE;

  g_set_error (error,
               G_IO_ERROR,
               g_io_error_from_errno (errno),
               "Cannot give “%s” to %s: %s",
               self->directory,
               user->pw_name,
               g_strerror (errno));
  return FALSE;
}

static void
mk_postgres_executor_prepare (MkSimpleExecutor *executor, GTask *task)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autoptr (GStrvBuilder) builder = begin_command ("initdb");
  g_autofree char *data = NULL;
  GError *error = NULL;

  if (!make_directory (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  data = dup_data (self);
  g_strv_builder_add_many (builder,
                           "-D",
                           data,
                           "-U",
                           SUPERUSER,
                           "--auth=trust",
                           "--encoding=UTF8",
                           "--locale=C",
                           "--no-sync",
                           NULL);
  run (builder, task);
}

static void
mk_postgres_executor_cleanup (MkSimpleExecutor *executor, GTask *task)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *directory = g_steal_pointer (&self->directory);

  if (directory == NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  g_strv_builder_add_many (builder, "rm", "-rf", "--", directory, NULL);
  run (builder, task);
}

/* ---- the server ---- */

static char **
mk_postgres_executor_build_command (MkSimpleExecutor *executor, GError **error)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autoptr (GStrvBuilder) builder = begin_command ("pg_ctl");
  g_autofree char *data = dup_data (self);
  g_autofree char *log = g_build_filename (self->directory, "log", NULL);
  g_autofree char *options =
      g_strdup_printf ("-p %u -k %s -h 127.0.0.1 -c fsync=off", self->port, self->directory);

  g_strv_builder_add_many (
      builder, "start", "-D", data, "-l", log, "-o", options, "--no-wait", "--silent", NULL);
  return g_strv_builder_end (builder);
}

/* (nullable): what the server says it is doing, "starting", "ready", "stopping"; none before it says so */
static char *
dup_status (MkPostgresExecutor *self)
{
  g_autofree char *path = g_build_filename (self->directory, "data", "postmaster.pid", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  return g_strv_length (lines) > STATUS_LINE ? g_strdup (g_strstrip (lines[STATUS_LINE])) : NULL;
}

static char *
dup_end_of_log (MkPostgresExecutor *self)
{
  g_autofree char *path = g_build_filename (self->directory, "log", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;

  if (!g_file_get_contents (path, &text, &length, NULL) || length == 0)
    return g_strdup ("(its log is empty)");

  return g_utf8_make_valid (g_strstrip (text + (length > 1000 ? length - 1000 : 0)), -1);
}

/* pg_ctl has ended; the server that it has left behind is part of the tree that the executor watches. */
static gboolean
mk_postgres_executor_check_alive (MkSimpleExecutor *executor, GError **error)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autofree char *status = dup_status (self);
  g_autofree char *log = NULL;

  if (mk_simple_executor_get_active (executor) && g_strcmp0 (status, "stopping") != 0)
    return TRUE;

  log = dup_end_of_log (self);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the server has ended. The end of its log: %s", log);
  return FALSE;
}

static void
mk_postgres_executor_started (MkSimpleExecutor *executor, GTask *task)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autofree char *port = g_strdup_printf ("%u", self->port);
  g_autoptr (GStrvBuilder) builder = NULL;

  if (self->database == NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  builder = begin_command ("createdb");
  g_strv_builder_add_many (
      builder, "-h", self->directory, "-p", port, "-U", SUPERUSER, "--", self->database, NULL);
  run (builder, task);
}

static void
mk_postgres_executor_request_stop (MkSimpleExecutor *executor, GTask *task)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (executor);
  g_autoptr (GStrvBuilder) builder = begin_command ("pg_ctl");
  g_autofree char *data = dup_data (self);

  /* The executor waits for the end itself. */
  g_strv_builder_add_many (builder, "stop", "-D", data, "-m", "fast", "--no-wait", "--silent", NULL);
  run (builder, task);
}

/* ---- the object ---- */

/* When the executor is dropped there is no cleanup(). */
static void
mk_postgres_executor_dispose (GObject *object)
{
  MkPostgresExecutor *self = MK_POSTGRES_EXECUTOR (object);

  G_OBJECT_CLASS (mk_postgres_executor_parent_class)->dispose (object); /* ends the server */

  if (self->directory != NULL)
    {
      const char *argv[] = { "rm", "-rf", "--", self->directory, NULL };

      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    }
  g_clear_pointer (&self->directory, g_free);
  g_clear_object (&self->probe);
}

static void
mk_postgres_executor_finalize (GObject *object)
{
  g_free (MK_POSTGRES_EXECUTOR (object)->database);

  G_OBJECT_CLASS (mk_postgres_executor_parent_class)->finalize (object);
}

static void
mk_postgres_executor_class_init (MkPostgresExecutorClass *klass)
{
  MkSimpleExecutorClass *executor_class = MK_SIMPLE_EXECUTOR_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = mk_postgres_executor_dispose;
  G_OBJECT_CLASS (klass)->finalize = mk_postgres_executor_finalize;

  executor_class->prepare = mk_postgres_executor_prepare;
  executor_class->build_command = mk_postgres_executor_build_command;
  executor_class->check_alive = mk_postgres_executor_check_alive;
  executor_class->started = mk_postgres_executor_started;
  executor_class->request_stop = mk_postgres_executor_request_stop;
  executor_class->cleanup = mk_postgres_executor_cleanup;
}

static void
mk_postgres_executor_init (MkPostgresExecutor *self)
{
  /* PostgreSQL's fast shutdown; on SIGTERM it would wait for its clients. */
  mk_simple_executor_set_stop_signal (MK_SIMPLE_EXECUTOR (self), SIGINT);
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (self), "/");

  self->probe = mk_command_probe_new (NULL);
  mk_executor_set_probe (MK_EXECUTOR (self), MK_PROBE (self->probe));
}

/* @database: (nullable): a database to make */
MkPostgresExecutor *
mk_postgres_executor_new (guint port, const char *database)
{
  MkPostgresExecutor *self = g_object_new (MK_TYPE_POSTGRES_EXECUTOR, NULL);
  g_autofree char *program = mk_postgres_executor_find_program ("pg_isready");
  g_autofree char *digits = g_strdup_printf ("%u", port);
  const char *ready[] = { program ? program : "pg_isready", "-h", "127.0.0.1", "-p", digits, NULL };

  self->port = port;
  self->database = g_strdup (database);
  mk_command_probe_set_command (self->probe, ready);
  return self;
}

/* (nullable): where data, log and socket are while the server runs */
const char *
mk_postgres_executor_get_directory (MkPostgresExecutor *self)
{
  return self->directory;
}
