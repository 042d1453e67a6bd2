/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>
#include <signal.h>

/* [sync] */
static gboolean
run_redis (GError **error)
{
  const char *const command[] = { "redis-server", "--port", "{port}", "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (command, "127.0.0.1", 0);
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (redis);
  g_autofree char *port = NULL;

  if (!mk_simple_executor_start (executor, NULL, error))
    return FALSE;

  port = mk_simple_executor_dup_value (executor, "port");
  g_print ("redis is ready on port %s\n", port);
  return mk_simple_executor_stop (executor, NULL, error);
}
/* [end] */

/* [async] */
static void
redis_on_started (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, &error))
    g_task_return_pointer (task, g_object_ref (object), g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
open_redis_async (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  const char *const command[] = { "redis-server", "--port", "{port}", "--save", "", NULL };
  g_autoptr (MkTcpExecutor) redis = mk_tcp_executor_new (command, "127.0.0.1", 0);
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, open_redis_async);
  /* The start reports the cancellation itself. */
  g_task_set_check_cancellable (task, FALSE);
  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (redis), cancellable, redis_on_started, task);
}

static MkSimpleExecutor *
open_redis_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
/* [end] */

typedef struct
{
  GMainLoop *loop;
  GError *error;
} Outcome;

static void
on_stopped (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Outcome *outcome = user_data;

  mk_simple_executor_stop_finish (MK_SIMPLE_EXECUTOR (object), result, &outcome->error);
  g_main_loop_quit (outcome->loop);
}

static void
on_opened (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Outcome *outcome = user_data;
  g_autoptr (MkSimpleExecutor) redis = open_redis_finish (result, &outcome->error);

  if (redis == NULL)
    g_main_loop_quit (outcome->loop);
  else
    mk_simple_executor_stop_async (redis, NULL, on_stopped, outcome);
}

/* [cancel] */
static void
on_cancelled_start (GObject *object, GAsyncResult *result, gpointer loop)
{
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, &error))
    g_error ("nothing listens on port 1");
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_error ("%s", error->message);

  g_print ("cancelled, and nothing is left\n");
  g_main_loop_quit (loop);
}

static void
cancel_start (GMainLoop *loop)
{
  const char *const command[] = { "sleep", "60", NULL };
  g_autoptr (MkTcpExecutor) never = mk_tcp_executor_new (command, "127.0.0.1", 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (never), cancellable, on_cancelled_start, loop);
  g_cancellable_cancel (cancellable); /* the user has closed the window, for example */
  g_main_loop_run (loop);
}
/* [end] */

/* [errors] */
static void
start_broken (void)
{
  const char *const command[] = { "redis-server", "--port", "none", NULL };
  g_autoptr (MkTcpExecutor) broken = mk_tcp_executor_new (command, "127.0.0.1", 1);
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (broken), NULL, &error))
    g_error ("redis has no port \"none\"");

  if (g_error_matches (error, MK_ERROR, MK_ERROR_SPAWN_FAILED))
    g_print ("redis is not installed: %s\n", error->message);
  else if (g_error_matches (error, MK_ERROR, MK_ERROR_TIMED_OUT))
    g_print ("it takes too long: %s\n", error->message);
  else
    g_print ("it is misconfigured: %s\n", error->message);
}
/* [end] */

/* [properties] */
static MkSimpleExecutor *
new_web_server (void)
{
  const char *const command[] = { "python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1", NULL };
  const char *const environment[] = { "PYTHONUNBUFFERED=1", "PYTHONPATH", NULL };

  return g_object_new (MK_TYPE_HTTP_EXECUTOR,
                       "command",
                       command,
                       "uri",
                       "http://127.0.0.1:{port}/",
                       "environment",
                       environment,
                       "start-timeout",
                       10 * 1000,
                       "stop-signal",
                       SIGINT,
                       NULL);
}
/* [end] */

/* [group] */
static gboolean
run_group (GError **error)
{
  const char *const fill[] = { "redis-cli", "-p", "{redis.port}", "set", "tea", "green", NULL };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (MkSimpleExecutor) filled = mk_simple_executor_new (fill);
  g_autofree char *port = NULL;

  mk_simple_executor_set_completes (filled, TRUE);
  if (mk_executor_group_add_template (group, "redis", "redis", error) == NULL ||
      !mk_executor_group_add (group, "filled", filled, error) ||
      !mk_executor_group_start (group, NULL, error))
    return FALSE;

  port = mk_executor_group_dup_value (group, "redis.port");
  g_print ("redis is filled, and listens on port %s\n", port);
  return mk_executor_group_stop (group, NULL, error);
}
/* [end] */

/* [subclass] */
#define SHOP_TYPE_REDIS (shop_redis_get_type ())
G_DECLARE_FINAL_TYPE (ShopRedis, shop_redis, SHOP, REDIS, MkTcpExecutor)

struct _ShopRedis
{
  MkTcpExecutor parent_instance;
};

G_DEFINE_FINAL_TYPE (ShopRedis, shop_redis, MK_TYPE_TCP_EXECUTOR)

/* Writes the file that the command reads. */
static void
shop_redis_prepare (MkSimpleExecutor *executor, GTask *task)
{
  g_autofree char *dir = mk_simple_executor_dup_value (executor, "dir");
  g_autofree char *port = mk_simple_executor_dup_value (executor, "port");
  g_autofree char *path = g_build_filename (dir, "redis.conf", NULL);
  g_autofree char *text = g_strdup_printf ("port %s\nsave \"\"\n", port);
  GError *error = NULL;

  if (g_file_set_contents (path, text, -1, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static char **
shop_redis_build_command (MkSimpleExecutor *executor, GError **error)
{
  const char *const command[] = { "redis-server", "redis.conf", NULL };

  return g_strdupv ((char **) command);
}

static void
shop_redis_on_shut_down (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (g_subprocess_wait_check_finish (G_SUBPROCESS (object), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error); /* the stop signal is sent instead */
}

static void
shop_redis_request_stop (MkSimpleExecutor *executor, GTask *task)
{
  g_autofree char *port = mk_simple_executor_dup_value (executor, "port");
  GError *error = NULL;
  g_autoptr (GSubprocess) client =
      g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "redis-cli", "-p", port, "shutdown", "nosave", NULL);

  if (client == NULL)
    g_task_return_error (task, error);
  else
    g_subprocess_wait_check_async (
        client, g_task_get_cancellable (task), shop_redis_on_shut_down, g_object_ref (task));
}

static void
shop_redis_class_init (ShopRedisClass *klass)
{
  MkSimpleExecutorClass *executor_class = MK_SIMPLE_EXECUTOR_CLASS (klass);

  executor_class->prepare = shop_redis_prepare;
  executor_class->build_command = shop_redis_build_command;
  executor_class->request_stop = shop_redis_request_stop;
}

static void
shop_redis_init (ShopRedis *self)
{
}

static MkSimpleExecutor *
shop_redis_new (void)
{
  return g_object_new (SHOP_TYPE_REDIS, "host", "127.0.0.1", "port", 0, "cwd", "{dir}", NULL);
}
/* [end] */

static gboolean
run_once (MkSimpleExecutor *executor, GError **error)
{
  return mk_simple_executor_start (executor, NULL, error) && mk_simple_executor_stop (executor, NULL, error);
}

int
main (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (MkSimpleExecutor) server = new_web_server ();
  g_autoptr (MkSimpleExecutor) redis = shop_redis_new ();
  Outcome outcome = { loop, NULL };

  open_redis_async (NULL, on_opened, &outcome);
  g_main_loop_run (loop);
  if (outcome.error == NULL)
    {
      cancel_start (loop);
      start_broken ();
    }

  if (outcome.error == NULL && run_redis (&outcome.error) && run_once (server, &outcome.error) &&
      run_group (&outcome.error) && run_once (redis, &outcome.error))
    g_print ("all of it works\n");
  else
    g_error ("%s", outcome.error->message);
  return 0;
}
