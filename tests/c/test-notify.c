/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Services that say themselves that they are ready. */

#include <fcntl.h>
#include <mirakuru-glib.h>
#include <unistd.h>

#include "mk-test-calls.h"

static MkSimpleExecutor *
new_for_shell (const char *script, int fd)
{
  const char *const argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (fd);
  MkExecutor *executor = mk_executor_new (argv, MK_PROBE (probe));

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), MK_TEST_LIMIT_MS);
  return MK_SIMPLE_EXECUTOR (executor);
}

static MkNotifyProbe *
get_probe (MkSimpleExecutor *executor)
{
  return MK_NOTIFY_PROBE (mk_executor_get_probe (MK_EXECUTOR (executor)));
}

static MkSimpleExecutor *
new_service (const char *tag, const char *text, const char *option, const char *value)
{
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--notify", text, option, value, NULL);
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);

  return MK_SIMPLE_EXECUTOR (mk_executor_new ((const char *const *) argv, MK_PROBE (probe)));
}

static void
test_ready (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) argv = mk_test_service_argv (
      tag, "--after", "100", "--stamp", stamps, "--notify", "STATUS=All\033[1m set\nREADY=1", NULL);
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  for (guint i = 1; i <= 2; i++)
    {
      mk_test_assert_starts (executor);
      g_assert_cmpuint (mk_test_count_stamps (stamps, "ready"), ==, i);
      text = mk_notify_probe_dup_status_text (probe);
      g_assert_cmpstr (text, ==, "All set");
      g_clear_pointer (&text, g_free);
      g_assert_cmpint (mk_notify_probe_get_main_pid (probe), ==, 0);
      mk_test_assert_probe_says (probe, TRUE);
      mk_test_assert_stops (executor);
      mk_test_assert_probe_says (probe, FALSE);
      mk_test_assert_nothing_left (tag);
    }
}

static void
test_not_ready (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      new_service (tag, "STATUS=Loading tables\nREADY=0\n=1\nREADY\nX_READY=1", "--lifetime", "60");

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_start_times_out (executor, 300, tag, "waiting for it to send READY=1 to NOTIFY_SOCKET");
  mk_test_assert_start_times_out (executor, 300, tag, "its status: Loading tables");
}

static void
test_any_bytes (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      new_service (tag, "STATUS=d\351j\340 \033]0;title\a\374\nREADY=1", "--lifetime", "60");
  g_autofree char *text = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_starts (executor);
  text = mk_notify_probe_dup_status_text (get_probe (executor));
  g_assert_cmpstr (text, ==, "d\357\277\275j\357\277\275 \357\277\275");
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* A process that is not its own would be an odd thing to send signals to. */
static void
test_main_pid_of_a_stranger (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *text = g_strdup_printf ("MAINPID=1\nMAINPID=%d\nMAINPID=-1\nREADY=1", (int) getpid ());
  g_autoptr (MkSimpleExecutor) executor = new_service (tag, text, "--lifetime", "60");

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_starts (executor);
  g_assert_cmpint (mk_notify_probe_get_main_pid (get_probe (executor)), ==, 0);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* It can be part of a group. */
static void
test_group (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  guint port = mk_test_free_port ();
  g_autofree char *address = mk_test_service_address (port);
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--listen", address, "--notify", "READY=1", NULL);
  g_autoptr (MkNotifyProbe) notify = mk_notify_probe_new (-1);
  g_autoptr (MkTcpProbe) tcp = mk_tcp_probe_new ("127.0.0.1", port);
  MkProbe *probes[] = { MK_PROBE (tcp), MK_PROBE (notify) };
  g_autoptr (MkAllProbe) all = mk_all_probe_new (probes, G_N_ELEMENTS (probes));
  g_autoptr (MkExecutor) executor = mk_executor_new ((const char *const *) argv, MK_PROBE (all));

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_port_accepts (port));
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* The real program, whose own end may come before its message is read. */
static void
test_systemd_notify (void)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program ("systemd-notify"))
    return;
  executor = new_for_shell (
      "systemd-notify --status='half way' && systemd-notify --ready --pid=$$ && exec sleep 60", -1);
  mk_test_assert_starts (executor);
  g_assert_cmpint (
      mk_notify_probe_get_main_pid (get_probe (executor)), ==, mk_simple_executor_get_pid (executor));
  mk_test_assert_stops (executor);
}

static void
test_redis (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  const char *const argv[] = { "redis-server", "--port",  port_text, "--bind", "127.0.0.1",
                               "--supervised", "systemd", "--save",  "",       NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;
  g_autofree char *text = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), g_get_tmp_dir ());
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_port_accepts (port));
  text = mk_notify_probe_dup_status_text (probe);
  mk_test_assert_contains (text, "eady");
  mk_test_assert_stops (executor);
}

static gboolean
has_status_text (gpointer probe)
{
  g_autofree char *text = mk_notify_probe_dup_status_text (probe);

  return g_strcmp0 (text, "message 2000") == 0;
}

/* What is sent after it got ready is read, too: a full queue would hold up the service. */
static void
test_many_messages (void)
{
  static const char script[] = "import os, socket, sys, time\n"
                               "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                               "s.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
                               "s.send(b'READY=1')\n"
                               "for i in range(2001):\n"
                               "    s.send(b'STATUS=message %d' % i)\n"
                               "s.send(b'STOPPING=1')\n"
                               "time.sleep(60)\n";
  const char *const argv[] = { "python3", "-c", script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_test_assert_starts (executor);
  g_assert_true (mk_test_poll_until (has_status_text, probe, MK_TEST_LIMIT_MS));
  mk_test_assert_stops (executor);
}

/* All services share a thread, which nobody may keep to himself. */
static void
test_flood (void)
{
  static const char script[] = "import os, socket\n"
                               "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                               "s.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
                               "s.send(b'READY=1')\n"
                               "for i in range(3):\n"
                               "    os.fork()\n"
                               "while True:\n"
                               "    s.send(b'STATUS=busy')\n";
  const char *const argv[] = { "python3", "-c", script, NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_test_assert_starts (executor);
  for (guint i = 0; i < 3; i++)
    {
      mk_test_assert_starts (other);
      mk_test_assert_stops (other);
    }
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

/* To close a socket may take as long as its owner has set. */
static void
test_lingering_descriptor (void)
{
  static const char script[] = MK_TEST_LINGERING_SCRIPT ("READY=1") "time.sleep(60)\n";
  const char *const argv[] = { "python3", "-c", script, NULL };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_test_assert_starts (executor);
  mk_simple_executor_set_start_timeout (other, MK_TEST_LIMIT_MS);
  mk_test_assert_starts (other);
  mk_test_assert_stops (other);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static const char stranger_script[] = "import socket, sys, time\n"
                                      "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                                      "s.connect('\\0' + open(sys.argv[1]).read().strip()[1:])\n"
                                      "s.send(b'READY=1')\n"
                                      "time.sleep(60)\n";

/* A process that found out the name of the socket is still not one of the service. */
static void
test_stranger (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *file = g_build_filename (folder, "name", NULL);
  g_autofree char *script =
      g_strdup_printf ("echo $NOTIFY_SOCKET > %s.new && mv %s.new %s; exec sleep 60", file, file, file);
  const char *const argv[] = { "sh", "-c", script, NULL };
  g_autofree char *waiting =
      g_strdup_printf ("while [ ! -e %s ]; do sleep 0.01; done; exec python3 -c \"$0\" %s", file, file);
  const char *const stranger[] = { "sh", "-c", waiting, stranger_script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  g_autoptr (GSubprocess) other = NULL;
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program ("python3"))
    return;
  other = g_subprocess_newv (stranger, G_SUBPROCESS_FLAGS_NONE, &error);
  g_assert_no_error (error);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 1500);
  mk_test_assert_start_fails (executor, MK_ERROR_TIMED_OUT, "but does not belong to the service");
  g_subprocess_force_exit (other);
  g_subprocess_wait (other, NULL, NULL);
}

/* The service itself knows how long it takes. */
static void
test_extend_timeout (void)
{
  static const char script[] = "import os, socket, time\n"
                               "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                               "s.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
                               "s.send(b'EXTEND_TIMEOUT_USEC=30000000')\n"
                               "time.sleep(4)\n"
                               "s.send(b'READY=1')\n"
                               "time.sleep(60)\n";
  const char *const argv[] = { "python3", "-c", script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program (argv[0]))
    return;
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), 3500);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
}

static void
test_exit (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_for_shell ("echo broken >&2; exit 3", -1);
  g_autoptr (MkSimpleExecutor) other = new_for_shell ("echo broken >&2; exit 3", 5);

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "exited with status 3");
  mk_test_assert_start_fails (other, MK_ERROR_EXITED, "exited with status 3");
}

static void
test_descriptor (gconstpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  g_autofree char *script = g_strdup_printf (
      "for i in 0 1 2 3 4 5 6 7 8 9 10 11; do [ ! -e /proc/$$/fd/$i ] || printf \"$i \"; done; printf x >&%d; echo >&%d; exec sleep 60 %d>&-",
      fd,
      fd,
      fd);
  const char *const bash[] = { "bash", "-c", script, NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (fd);
  g_autoptr (MkExecutor) executor = NULL;
  g_autofree char *output = NULL;
  g_autofree char *expected = g_strdup_printf ("0 1 2 %d ", fd);

  if (!mk_test_has_program (bash[0]))
    return;
  executor = mk_executor_new (bash, MK_PROBE (probe));
  mk_test_assert_starts (executor);
  /* Its end of the pipe being closed does not matter any more. */
  mk_test_assert_probe_says (probe, TRUE);
  mk_test_assert_stops (executor);
  output = mk_test_dup_stdout (executor);
  g_assert_cmpstr (output, ==, expected);
}

static void
test_descriptor_closed (void)
{
  g_autoptr (MkSimpleExecutor) executor = new_for_shell ("exec 4>&-; exec sleep 60", 4);

  mk_test_assert_start_fails (executor, MK_ERROR_FAILED, "closed descriptor 4 before it wrote a newline");
}

static void
test_bad_use (void)
{
  static const char *const argv[] = { "sleep", "60", NULL };
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkNotifyProbe) bad = mk_notify_probe_new (2);
  g_autoptr (MkNotifyProbe) same = mk_notify_probe_new (3);
  g_autoptr (MkNotifyProbe) too = mk_notify_probe_new (3);
  MkProbe *probes[] = { MK_PROBE (same), MK_PROBE (too) };
  g_autoptr (MkAllProbe) both = mk_all_probe_new (probes, G_N_ELEMENTS (probes));
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (bad));
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "descriptor 2");
  mk_executor_set_probe (executor, MK_PROBE (both));
  mk_test_assert_start_fails (executor, MK_ERROR_INVALID_ARGUMENT, "used twice");
}

/* An executor that is stopped in the last moment before its process is spawned */

typedef struct
{
  MkExecutor parent_instance;
  gboolean is_stopped;
} StoppedExecutor;

typedef MkExecutorClass StoppedExecutorClass;

static GType stopped_executor_get_type (void);
G_DEFINE_TYPE (StoppedExecutor, stopped_executor, MK_TYPE_EXECUTOR)

static char **
stopped_executor_build_command (MkSimpleExecutor *executor, GError **error)
{
  StoppedExecutor *self = (StoppedExecutor *) executor;

  if (!self->is_stopped)
    mk_simple_executor_stop_async (executor, NULL, NULL, NULL);
  self->is_stopped = TRUE;
  return MK_SIMPLE_EXECUTOR_CLASS (stopped_executor_parent_class)->build_command (executor, error);
}

static void
stopped_executor_class_init (StoppedExecutorClass *klass)
{
  MK_SIMPLE_EXECUTOR_CLASS (klass)->build_command = stopped_executor_build_command;
}

static void
stopped_executor_init (StoppedExecutor *self)
{
}

/* The probe has been prepared for a process that is not spawned then. */
static void
test_stopped_before_spawn (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--notify", "READY=1", NULL);
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkSimpleExecutor) executor =
      g_object_new (stopped_executor_get_type (), "command", argv, "probe", probe, NULL);
  g_autoptr (GError) error = NULL;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_two_executors (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) first = new_service (tag, "READY=1", "--lifetime", "60");
  g_auto (GStrv) argv = mk_test_service_argv (tag, "--notify", "READY=1", NULL);
  g_autoptr (MkExecutor) second = mk_executor_new ((const char *const *) argv, MK_PROBE (get_probe (first)));

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  mk_test_assert_starts (first);
  mk_test_assert_start_fails (second, MK_ERROR_INVALID_ARGUMENT, "use a separate probe for each executor");
  mk_test_assert_stops (first);
  mk_test_assert_starts (second);
  mk_test_assert_stops (second);
  mk_test_assert_nothing_left (tag);
}

static void
on_notify (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  g_main_loop_quit (user_data);
}

static gboolean
on_limit (gpointer user_data)
{
  g_assert_not_reached ();
}

/* Also for what comes when nobody waits any more. */
static void
test_notify_signal (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autofree char *text = NULL;
  guint limit;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  if (!mk_test_has_program ("systemd-notify"))
    return;
  executor =
      new_for_shell ("systemd-notify --ready; sleep 0.2; systemd-notify --status=later; exec sleep 60", -1);
  mk_test_assert_starts (executor);
  g_signal_connect (get_probe (executor), "notify::status-text", G_CALLBACK (on_notify), loop);
  limit = g_timeout_add (MK_TEST_LIMIT_MS, on_limit, NULL);
  g_main_loop_run (loop);
  g_source_remove (limit);
  text = mk_notify_probe_dup_status_text (get_probe (executor));
  g_assert_cmpstr (text, ==, "later");
  mk_test_assert_stops (executor);
}

/* Descriptors are freed with the runs. */
static void
test_no_leak (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = new_service (tag, "READY=1", "--lifetime", "60");
  g_autoptr (MkSimpleExecutor) other = new_for_shell ("echo >&7; exec sleep 60", 7);
  guint before = 0;

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  for (guint i = 0; i < 6; i++)
    {
      mk_test_assert_starts (executor);
      mk_test_assert_starts (other);
      mk_test_assert_stops (executor);
      mk_test_assert_stops (other);
      if (i == 1)
        before = mk_test_count_entries ("/proc/self/fd");
    }
  g_assert_true (mk_test_wait_descriptors (before));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  mk_test_add_everywhere ("/notify/ready", test_ready);
  mk_test_add ("/notify/not-ready", test_not_ready);
  mk_test_add ("/notify/any-bytes", test_any_bytes);
  mk_test_add ("/notify/main-pid-of-a-stranger", test_main_pid_of_a_stranger);
  mk_test_add ("/notify/group", test_group);
  mk_test_add ("/notify/systemd-notify", test_systemd_notify);
  mk_test_add ("/notify/redis", test_redis);
  mk_test_add ("/notify/many-messages", test_many_messages);
  mk_test_add ("/notify/flood", test_flood);
  mk_test_add ("/notify/lingering-descriptor", test_lingering_descriptor);
  mk_test_add_once ("/notify/stranger", test_stranger);
  mk_test_add_once ("/notify/extend-timeout", test_extend_timeout);
  mk_test_add ("/notify/exit", test_exit);
  mk_test_add_with_data ("/notify/descriptor/3", test_descriptor, GINT_TO_POINTER (3));
  mk_test_add_with_data ("/notify/descriptor/4", test_descriptor, GINT_TO_POINTER (4));
  mk_test_add_with_data ("/notify/descriptor/9", test_descriptor, GINT_TO_POINTER (9));
  mk_test_add ("/notify/descriptor/closed", test_descriptor_closed);
  mk_test_add ("/notify/bad-use", test_bad_use);
  mk_test_add ("/notify/stopped-before-spawn", test_stopped_before_spawn);
  mk_test_add ("/notify/two-executors", test_two_executors);
  mk_test_add_once ("/notify/notify-signal", test_notify_signal);
  mk_test_add_once ("/notify/no-leak", test_no_leak);
  return g_test_run ();
}
