/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <mirakuru-glib.h>

/* Satisfied when redis answers PING, which it does not while it loads its data. */

#define PING_TYPE_PROBE (ping_probe_get_type ())
G_DECLARE_FINAL_TYPE (PingProbe, ping_probe, PING, PROBE, MkProbe)

struct _PingProbe
{
  MkProbe parent_instance;

  guint16 port;
};

G_DEFINE_FINAL_TYPE (PingProbe, ping_probe, MK_TYPE_PROBE)

static void
on_answer (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GBytes) answer = g_input_stream_read_bytes_finish (G_INPUT_STREAM (object), result, NULL);

  g_task_return_boolean (task,
                         answer != NULL && g_bytes_get_size (answer) == 7 &&
                             memcmp (g_bytes_get_data (answer, NULL), "+PONG\r\n", 7) == 0);
}

static void
on_connected (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection =
      g_socket_client_connect_to_host_finish (G_SOCKET_CLIENT (object), result, &error);
  GIOStream *stream = G_IO_STREAM (connection);

  if (connection == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error)); /* not yet */
      return;
    }

  /* The connection lives as long as the task. */
  g_task_set_task_data (task, g_steal_pointer (&connection), g_object_unref);
  g_output_stream_write_all (g_io_stream_get_output_stream (stream), "PING\r\n", 6, NULL, NULL, NULL);
  g_input_stream_read_bytes_async (g_io_stream_get_input_stream (stream),
                                   7,
                                   G_PRIORITY_DEFAULT,
                                   g_task_get_cancellable (task),
                                   on_answer,
                                   g_object_ref (task));
}

static void
ping_probe_check_task (MkProbe *probe, GTask *task)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();

  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_to_host_async (client,
                                         "127.0.0.1",
                                         PING_PROBE (probe)->port,
                                         g_task_get_cancellable (task),
                                         on_connected,
                                         g_object_ref (task));
}

static char *
ping_probe_describe (MkProbe *probe)
{
  return g_strdup_printf ("redis on port %u to answer PING", PING_PROBE (probe)->port);
}

static void
ping_probe_class_init (PingProbeClass *klass)
{
  MK_PROBE_CLASS (klass)->check_task = ping_probe_check_task;
  MK_PROBE_CLASS (klass)->describe = ping_probe_describe;
}

static void
ping_probe_init (PingProbe *self)
{
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autofree char *digits = g_strdup_printf ("%u", port);
  const char *command[] = { "redis-server", "--port", digits, "--save", "", NULL };
  g_autoptr (PingProbe) probe = g_object_new (PING_TYPE_PROBE, NULL);
  g_autoptr (MkExecutor) redis = mk_executor_new (command, MK_PROBE (probe));

  probe->port = port;
  g_socket_listener_close (listener);
  if (mk_simple_executor_start (MK_SIMPLE_EXECUTOR (redis), NULL, &error))
    g_print ("redis answered: PONG\n");

  if (error != NULL)
    g_printerr ("%s\n", error->message);
  return error == NULL ? 0 : 1; /* dropping the last reference stops redis */
}
