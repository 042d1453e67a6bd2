/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Services that seem to be ready, and then are not. */

#include <glib/gstdio.h>
#include <mirakuru-glib.h>
#include <sys/stat.h>

#include "mk-test-calls.h"

/* Listens for a moment, closes, and listens for good a little later. */
static const char flapping[] = "import socket, sys, time\n"
                               "def listen():\n"
                               "    s = socket.socket()\n"
                               "    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
                               "    s.bind(('127.0.0.1', int(sys.argv[1])))\n"
                               "    s.listen()\n"
                               "    return s\n"
                               "s = listen()\n"
                               "time.sleep(0.15)\n"
                               "s.close()\n"
                               "time.sleep(0.15)\n"
                               "s = listen()\n"
                               "print('for good', flush=True)\n"
                               "time.sleep(60)\n";

static MkSimpleExecutor *
new_flapping (MkProbe **probe)
{
  guint port = mk_test_free_port ();
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  const char *const argv[] = { "python3", "-c", flapping, port_text, NULL };
  g_autoptr (MkTcpProbe) tcp = mk_tcp_probe_new ("127.0.0.1", port);

  *probe = MK_PROBE (tcp);
  return MK_SIMPLE_EXECUTOR (mk_executor_new (argv, MK_PROBE (tcp)));
}

static void
test_port (void)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autofree char *output = NULL;
  MkProbe *probe;

  if (!mk_test_has_program ("python3"))
    return;
  executor = new_flapping (&probe);
  mk_probe_set_stable_for (probe, 400);
  mk_test_assert_starts (executor);
  output = mk_test_dup_stdout (executor);
  mk_test_assert_contains (output, "for good");
  mk_test_assert_stops (executor);
}

/* A part decides for the whole. */
static void
test_group (void)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;
  g_autoptr (MkFileProbe) file = mk_file_probe_new ("/proc/self/stat");
  g_autoptr (MkAllProbe) all = NULL;
  g_autofree char *output = NULL;
  MkProbe *parts[2] = { MK_PROBE (file), NULL };

  if (!mk_test_has_program ("python3"))
    return;
  executor = new_flapping (&parts[1]);
  mk_probe_set_stable_for (parts[1], 400);
  all = mk_all_probe_new (parts, G_N_ELEMENTS (parts));
  mk_executor_set_probe (MK_EXECUTOR (executor), MK_PROBE (all));
  mk_test_assert_starts (executor);
  output = mk_test_dup_stdout (executor);
  mk_test_assert_contains (output, "for good");
  mk_test_assert_stops (executor);
}

static void
test_not_long_enough (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);

  mk_test_write_file (path, "");
  mk_probe_set_stable_for (MK_PROBE (probe), 60000);
  mk_test_assert_wait_times_out (probe, 200, " only, not long enough", path);
  /* They do not regard it. */
  mk_test_assert_probe_says (probe, TRUE);
  g_unlink (path);
  g_assert_true (mk_test_probe_wait_gone (probe, MK_TEST_LIMIT_MS, NULL, NULL));
}

/* What nobody has to ask: it is over when the time is, although nothing wakes the wait then. */
static void
test_notification (void)
{
  g_auto (GStrv) argv = NULL;
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkNotifyProbe) probe = mk_notify_probe_new (-1);
  g_autoptr (MkExecutor) executor = NULL;
  gint64 begun = g_get_monotonic_time ();

  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  argv = mk_test_service_argv (tag, "--notify", "READY=1", NULL);
  executor = mk_executor_new ((const char *const *) argv, MK_PROBE (probe));
  mk_probe_set_stable_for (MK_PROBE (probe), 300);
  mk_test_assert_starts (executor);
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, 300 * G_TIME_SPAN_MILLISECOND);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (tag);
}

static void
test_growing_file (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *script = g_strdup_printf (
      "for i in 0 1 2 3 4 5 6 7 8 9; do printf 0123456789 >> %s; sleep 0.05; done; exec sleep 60", path);
  const char *const argv[] = { "sh", "-c", script, NULL };
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  g_autoptr (MkExecutor) executor = mk_executor_new (argv, MK_PROBE (probe));
  GStatBuf status;

  mk_probe_set_stable_for (MK_PROBE (probe), 1000);
  mk_test_assert_starts (executor);
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, 100);
  mk_test_assert_stops (executor);
}

/* It listens before it finds out that it cannot load the module. */
static void
test_redis (void)
{
  if (!mk_test_has_linux_features ("it is seen whether a process is at work"))
    return;
  if (!mk_test_has_program ("redis-server"))
    return;

  for (guint i = 0; i < 20; i++)
    {
      guint port = mk_test_free_port ();
      g_autofree char *port_text = g_strdup_printf ("%u", port);
      const char *const argv[] = { "redis-server", "--port",       port_text, "--bind", "127.0.0.1",
                                   "--loadmodule", "/nonexistent", "--save",  "",       NULL };
      g_autoptr (MkTcpExecutor) executor = mk_tcp_executor_new (argv, "127.0.0.1", port);

      mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), g_get_tmp_dir ());
      mk_test_assert_start_fails (executor, MK_ERROR_EXITED, "exited with status 1");
    }
}

/* It waits for a disk, say, before it fails. */
static void
test_held (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", port);
  g_auto (GStrv) argv =
      mk_test_service_argv ("held", "--listen", address, "--held", "50", "--exit", "1", NULL);
  g_autoptr (MkTcpExecutor) executor = NULL;

  if (!mk_test_has_linux_features ("it is seen whether a process is at work"))
    return;
  executor = mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);
  mk_test_assert_start_fails (MK_SIMPLE_EXECUTOR (executor), MK_ERROR_EXITED, "exited with status 1");
}

/* It has ended when its port is found, and its supervisor may not have reported that yet. */
static void
test_short_lived (void)
{
  if (!mk_test_has_linux_features ("it is seen whether a process has ended"))
    return;

  for (guint i = 0; i < 100; i++)
    {
      guint port = mk_test_free_port ();
      g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", port);
      g_auto (GStrv) argv = mk_test_service_argv ("short-lived", "--listen", address, "--exit", "1", NULL);
      g_autoptr (MkTcpExecutor) executor =
          mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", port);

      mk_test_assert_start_fails (MK_SIMPLE_EXECUTOR (executor), MK_ERROR_EXITED, "exited with status 1");
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  mk_test_add ("/stable/port", test_port);
  mk_test_add ("/stable/group", test_group);
  mk_test_add ("/stable/not-long-enough", test_not_long_enough);
  mk_test_add ("/stable/notification", test_notification);
  mk_test_add_once ("/stable/growing-file", test_growing_file);
  mk_test_add ("/stable/redis", test_redis);
  mk_test_add ("/stable/held", test_held);
  mk_test_add ("/stable/short-lived", test_short_lived);
  return g_test_run ();
}
