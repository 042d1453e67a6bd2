/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the soak holds: executors of each class, well and badly behaved services, groups, and each template
 * whose programs are installed. The expensive templates are rare.
 */

#include "soak-kind.h"

#include "mk-test-util.h"

#define START_TIMEOUT_MS (40 * 1000)
#define SHORT_TIMEOUT_MS 60
#define OUTPUT_LIMIT     65536

#define LISTEN       "--listen 127.0.0.1:{port}"
#define GROUP_LISTEN "--listen {dir}/socket"

static const char *const cheap_templates[] = {
  "home", "http", "memcached", "nginx", "redis", "session-bus", "system-bus", NULL,
};

/* The names of what an executor that is alone uses, which no other one has */

char *
soak_kind_dup_file (const char *folder, guint number)
{
  return g_strdup_printf ("%s/file-%u", folder, number);
}

static char *
kind_dup_socket (const char *folder, guint number)
{
  return g_strdup_printf ("@%s/socket-%u", folder, number);
}

/* FILE and SOCKET stand for these names in the options. */
static char **
kind_dup_argv (const SoakKind *self, const char *folder, guint number)
{
  g_autofree char *file = soak_kind_dup_file (folder, number);
  g_autofree char *unix_socket = kind_dup_socket (folder, number);
  g_autoptr (GString) line = g_string_new (mk_test_service_path ());

  g_string_append_printf (line, " --tag %s %s", folder, self->text);
  g_string_replace (line, "FILE", file, 0);
  g_string_replace (line, "SOCKET", unix_socket, 0);
  return g_strsplit (line->str, " ", -1);
}

static GObject *
kind_take (gpointer executor)
{
  mk_simple_executor_set_start_timeout (executor, START_TIMEOUT_MS);
  return executor;
}

static GObject *
kind_make_simple (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);

  return kind_take (mk_simple_executor_new ((const char *const *) argv));
}

static GObject *
kind_make_missing (const SoakKind *self, const char *folder, guint number)
{
  return kind_take (mk_simple_executor_new ((const char *const[]){ "/nonexistent/service", NULL }));
}

static GObject *
kind_make_echo (const SoakKind *self, const char *folder, guint number)
{
  GObject *executor = kind_make_simple (self, folder, number);

  mk_simple_executor_set_stdin_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_PIPE);
  return executor;
}

static GObject *
kind_make_tcp (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);

  return kind_take (mk_tcp_executor_new ((const char *const *) argv, "127.0.0.1", 0));
}

/* Never ready */
static GObject *
kind_make_late (const SoakKind *self, const char *folder, guint number)
{
  GObject *executor = kind_make_tcp (self, folder, number);

  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_TIMEOUT_MS);
  return executor;
}

/* One that must be killed */
static GObject *
kind_make_deaf (const SoakKind *self, const char *folder, guint number)
{
  GObject *executor = kind_make_tcp (self, folder, number);

  mk_simple_executor_set_stop_timeout (MK_SIMPLE_EXECUTOR (executor), SHORT_TIMEOUT_MS);
  return executor;
}

static GObject *
kind_make_launched (const SoakKind *self, const char *folder, guint number)
{
  GObject *executor = kind_make_tcp (self, folder, number);

  mk_simple_executor_set_launcher (MK_SIMPLE_EXECUTOR (executor), (const char *const[]){ "env", NULL });
  return executor;
}

static GObject *
kind_make_http (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);

  return kind_take (mk_http_executor_new ((const char *const *) argv, "http://127.0.0.1:{port}/"));
}

static GObject *
kind_make_unix (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);
  g_autofree char *path = kind_dup_socket (folder, number);

  return kind_take (mk_unix_socket_executor_new ((const char *const *) argv, path));
}

static GObject *
kind_make_pid (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);
  g_autofree char *path = soak_kind_dup_file (folder, number);

  return kind_take (mk_pid_executor_new ((const char *const *) argv, path));
}

static GObject *
kind_make_output (const SoakKind *self, const char *folder, guint number)
{
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);
  GObject *executor = kind_take (mk_output_executor_new ((const char *const *) argv, "ready:(?<word>now)"));

  mk_simple_executor_set_output_limit (MK_SIMPLE_EXECUTOR (executor), OUTPUT_LIMIT);
  return executor;
}

static GObject *
kind_make_pty (const SoakKind *self, const char *folder, guint number)
{
  GObject *executor = kind_make_output (self, folder, number);

  mk_simple_executor_set_stdout_mode (MK_SIMPLE_EXECUTOR (executor), MK_STDIO_MODE_PTY);
  return executor;
}

/* Probes */

static GObject *
kind_make_probed (const SoakKind *self, const char *folder, guint number, gpointer probe)
{
  g_autoptr (MkProbe) owned = probe;
  g_auto (GStrv) argv = kind_dup_argv (self, folder, number);

  return kind_take (mk_executor_new ((const char *const *) argv, owned));
}

static GObject *
kind_make_command (const SoakKind *self, const char *folder, guint number)
{
  g_autofree char *path = soak_kind_dup_file (folder, number);
  const char *const argv[] = { "test", "-e", path, NULL };

  return kind_make_probed (self, folder, number, mk_command_probe_new (argv));
}

static GObject *
kind_make_notify (const SoakKind *self, const char *folder, guint number)
{
  return kind_make_probed (self, folder, number, mk_notify_probe_new (-1));
}

static GObject *
kind_make_all (const SoakKind *self, const char *folder, guint number)
{
  g_autofree char *path = soak_kind_dup_file (folder, number);
  g_autofree char *unix_socket = kind_dup_socket (folder, number);
  MkAllProbe *all = mk_all_probe_new (NULL, 0);
  g_autoptr (MkProbe) file = MK_PROBE (mk_file_probe_new (path));
  g_autoptr (MkProbe) listener = MK_PROBE (mk_unix_socket_probe_new (unix_socket));
  g_autoptr (MkProbe) notify = MK_PROBE (mk_notify_probe_new (-1));

  mk_all_probe_add (all, file);
  mk_all_probe_add (all, listener);
  mk_all_probe_add (all, notify);
  return kind_make_probed (self, folder, number, all);
}

static GObject *
kind_make_any (const SoakKind *self, const char *folder, guint number)
{
  g_autofree char *unix_socket = kind_dup_socket (folder, number);
  MkAnyProbe *any = mk_any_probe_new (NULL, 0);
  g_autoptr (MkProbe) never = MK_PROBE (mk_command_probe_new ((const char *const[]){ "false", NULL }));
  g_autoptr (MkProbe) listener = MK_PROBE (mk_unix_socket_probe_new (unix_socket));

  mk_any_probe_add (any, never);
  mk_any_probe_add (any, listener);
  return kind_make_probed (self, folder, number, any);
}

static GObject *
kind_make_bus (const SoakKind *self, const char *folder, guint number)
{
  g_autofree char *address = g_strdup_printf ("unix:abstract=%s/bus-%u", folder, number);
  g_autofree char *option = g_strconcat ("--address=", address, NULL);
  const char *const argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile", option, NULL };
  g_autoptr (MkProbe) probe = MK_PROBE (mk_dbus_probe_new (address, "org.freedesktop.DBus"));

  return kind_take (mk_executor_new (argv, probe));
}

/* Groups */

/* With the options of its second service. It requires the first one, and the third one both. */
static GObject *
kind_make_group (const SoakKind *self, const char *folder, guint number)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strdup_printf ("%s/%s.ini", folder, self->name);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autofree char *text = NULL;
  MkExecutorGroup *group;

  if (!g_file_query_exists (file, NULL))
    {
      text = g_strdup_printf ("[first]\nCommand=%s --tag %s " LISTEN "\nTcp={port}\n"
                              "[second]\nRequires=first\nCommand=%s --tag %s %s\n"
                              "Unix={dir}/socket\nStopTimeout=1s\nExport=SECOND={first.port}\n"
                              "[third]\nRequires=second;first\n"
                              "Command=%s --tag %s --ready up {first.port}\nOutput=up\n",
                              mk_test_service_path (),
                              folder,
                              mk_test_service_path (),
                              folder,
                              self->text,
                              mk_test_service_path (),
                              folder);
      mk_test_write_file (path, text);
    }
  group = mk_executor_group_new_from_file (file, &error);
  g_assert_no_error (error);
  return G_OBJECT (group);
}

static GObject *
kind_make_bus_group (const SoakKind *self, const char *folder, guint number)
{
  MkExecutorGroup *group = mk_executor_group_new ();
  g_autofree char *command = g_strdup_printf ("Command=%s --tag %s --bus unix:path={bus.dir}/bus --name %s",
                                              g_getenv ("MK_TEST_BUS_SERVICE"),
                                              folder,
                                              self->text);
  g_autofree char *probe = g_strdup_printf ("DBus=%s", self->text);
  const char *const settings[] = { "Requires=bus", command, probe, NULL };
  g_autoptr (GError) error = NULL;

  mk_executor_group_add_template (group, "bus", "session-bus", &error);
  g_assert_no_error (error);
  mk_executor_group_add_service (group, "owner", settings, &error);
  g_assert_no_error (error);
  return G_OBJECT (group);
}

static GObject *
kind_make_template (const SoakKind *self, const char *folder, guint number)
{
  MkExecutorGroup *group = mk_executor_group_new ();
  g_autoptr (GError) error = NULL;

  mk_executor_group_add_template (group, "server", self->text, &error);
  g_assert_no_error (error);
  return G_OBJECT (group);
}

/* ---- all of them ---- */

static const SoakKind kinds[] = {
  { "simple", 20, kind_make_simple, "--children 1 --print hello --stderr there", SOAK_SUCCEEDS, 0 },
  { "echo", 10, kind_make_echo, "--echo --listen SOCKET", SOAK_SUCCEEDS, 0 },
  { "tcp", 20, kind_make_tcp, LISTEN, SOAK_SUCCEEDS, 0 },
  { "tcp-later", 20, kind_make_tcp, "--after 30 " LISTEN, SOAK_SUCCEEDS, 0 },
  { "tcp-daemon", 20, kind_make_tcp, "--daemon --scrub-env " LISTEN, SOAK_SUCCEEDS, 0 },
  { "tcp-launcher", 10, kind_make_launched, LISTEN, SOAK_SUCCEEDS, 0 },
  { "http", 20, kind_make_http, "--http ok " LISTEN, SOAK_SUCCEEDS, 0 },
  { "http-busy", 20, kind_make_http, "--http ok --busy 20 " LISTEN, SOAK_SUCCEEDS, 0 },
  { "unix", 20, kind_make_unix, "--listen SOCKET", SOAK_SUCCEEDS, 0 },
  { "pid", 20, kind_make_pid, "--rename --pid-file FILE", SOAK_SUCCEEDS, 0 },
  { "pid-daemon", 20, kind_make_pid, "--daemon --children 1 --pid-file FILE", SOAK_SUCCEEDS, 0 },
  { "output", 20, kind_make_output, "--print hello --after 10 --ready ready:now", SOAK_SUCCEEDS, 0 },
  { "flood", 20, kind_make_output, "--ready ready:now --flood 3000000", SOAK_SUCCEEDS, 0 },
  { "pty", 10, kind_make_pty, "--ready ready:now --children 1", SOAK_SUCCEEDS, 0 },
  { "command", 10, kind_make_command, "--after 10 --pid-file FILE", SOAK_SUCCEEDS, 0 },
  { "notify", 20, kind_make_notify, "--after 10 --notify READY=1", SOAK_SUCCEEDS, 0 },
  { "all", 10, kind_make_all, "--pid-file FILE --listen SOCKET --notify READY=1", SOAK_SUCCEEDS, 0 },
  { "any", 10, kind_make_any, "--listen SOCKET", SOAK_SUCCEEDS, 0 },
  { "dbus", 10, kind_make_bus, NULL, SOAK_SUCCEEDS, 0 },
  { "missing", 5, kind_make_missing, NULL, MK_ERROR_SPAWN_FAILED, 0 },
  { "fails", 15, kind_make_tcp, "--print {port} --exit 3", MK_ERROR_EXITED, SOAK_ENDS },
  { "never-ready", 15, kind_make_late, "--after 60000 " LISTEN, MK_ERROR_TIMED_OUT, 0 },
  { "ends", 15, kind_make_simple, "--exit-after 10 --exit 3", SOAK_SUCCEEDS, SOAK_ENDS },
  { "deaf", 15, kind_make_deaf, "--deaf --children 2 --setsid-children " LISTEN, SOAK_SUCCEEDS, 0 },
  { "stopped", 10, kind_make_deaf, "--stopped --children 1 " LISTEN, SOAK_SUCCEEDS, 0 },
  { "orphan", 15, kind_make_tcp, "--orphan --children 1 " LISTEN, SOAK_SUCCEEDS, 0 },
  { "forks",
    5,
    kind_make_deaf,
    "--fork-children --fork-pause 20 --setsid-children " LISTEN,
    SOAK_SUCCEEDS,
    0 },
  { "group", 30, kind_make_group, "--after 10 " GROUP_LISTEN, SOAK_SUCCEEDS, 0 },
  { "group-fails", 15, kind_make_group, "--exit 3", MK_ERROR_EXITED, SOAK_ENDS },
  { "group-deaf", 15, kind_make_group, "--deaf " GROUP_LISTEN, SOAK_SUCCEEDS, 0 },
  { "group-dies",
    15,
    kind_make_group,
    "--exit-after 30 --exit 3 " GROUP_LISTEN,
    MK_ERROR_EXITED,
    SOAK_ENDS | SOAK_MAY_FAIL | SOAK_OWN_CONTEXT },
  { "group-bus", 15, kind_make_bus_group, "org.example.Soak", SOAK_SUCCEEDS, 0 },
};

/* Only where all programs are installed. */
static void
kind_add_template (GArray *list, const char *name)
{
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  g_autoptr (GError) error = NULL;
  SoakKind kind = {
    .name = g_intern_string (name),
    .text = g_intern_string (name),
    .weight = g_strv_contains (cheap_templates, name) ? 10 : 1,
    .make = kind_make_template,
    .start_code = SOAK_SUCCEEDS,
  };

  if (mk_executor_group_add_template (group, name, name, &error) != NULL)
    g_array_append_val (list, kind);
  else
    g_test_message ("without the template %s: %s", name, error->message);
}

GArray *
soak_kind_list (const char *folder)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (SoakKind));
  g_auto (GStrv) templates = mk_executor_group_list_templates ();

  g_array_append_vals (list, kinds, G_N_ELEMENTS (kinds));
  for (guint i = 0; templates[i] != NULL; i++)
    kind_add_template (list, templates[i]);
  return list;
}
